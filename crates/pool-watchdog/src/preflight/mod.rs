//! What a worker of a profile will find, looked at before it starts, and repaired where nothing can be lost by that.

mod check;
mod codex_logins;
mod folders;
mod pool;
mod programs;
mod repair;
mod residency;
mod skills;
mod stores;
#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::ffi::OsString;

use chrono::{DateTime, Utc};
use pool_core::Provider;
use pool_sources::{Environment, Tool};

pub use check::{Check, CheckState, Checked, Fix};
pub use repair::{Repaired, mend, repair};

use crate::home::ProfileHome;
use crate::login::Logins;
use crate::settings::{Profile, Settings};

/// What is around whoever examines. It is plain data: only [`Surroundings::of_process`] reads variables.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Surroundings {
    /// The home folders of the user. That of the store is named by the settings.
    pub environment: Environment,
    /// `PATH`.
    pub path: Option<OsString>,
    /// The time.
    pub now: DateTime<Utc>,
}

impl Surroundings {
    /// A user's, at a time, without any program.
    #[must_use]
    pub fn new(environment: Environment, now: DateTime<Utc>) -> Self {
        Self { environment, path: None, now }
    }

    /// Those of this process.
    #[must_use]
    pub fn of_process(now: DateTime<Utc>) -> Self {
        Self { path: std::env::var_os("PATH"), ..Self::new(Environment::of_process(), now) }
    }

    /// With these folders of programs.
    #[must_use]
    pub fn path(self, path: impl Into<OsString>) -> Self {
        Self { path: Some(path.into()), ..self }
    }
}

/// What was found of one profile.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct Preflight {
    /// What the profile is called.
    pub profile: String,
    /// What was looked at, in the order in which it is to be mended.
    pub checks: Vec<Check>,
}

impl Preflight {
    /// Whether a worker could start.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.broken().next().is_none()
    }

    /// What a worker would fail by.
    pub fn broken(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.state == CheckState::Broken)
    }

    /// What can be repaired, in the order in which it is to be.
    pub fn fixes(&self) -> impl Iterator<Item = &Fix> {
        self.checks.iter().filter_map(|check| check.fix.as_ref())
    }
}

/// Looks at all that a worker of this profile needs. Nothing is changed.
#[must_use]
pub fn examine(settings: &Settings, profile: &str, around: &Surroundings) -> Preflight {
    examine_for(settings, profile, &[], around)
}

/// The same for a worker that is started with these skills, too.
pub(crate) fn examine_for(
    settings: &Settings,
    profile: &str,
    skills: &[String],
    around: &Surroundings,
) -> Preflight {
    let checks = match ProfileHome::of(settings, profile, &around.environment) {
        Ok(home) => {
            let mut examination = Examination::new(settings, home, around);
            let asked = &mut examination.needs.skills;
            asked.extend(skills.iter().filter(|skill| !asked.contains(skill)).cloned().collect::<Vec<_>>());
            examination.checks()
        }
        Err(error) => {
            vec![Check::broken(Checked::ProfileFolder, error.to_string()).next(error.instruction())]
        }
    };
    Preflight { profile: profile.to_owned(), checks }
}

/// What the checks share.
struct Examination<'a> {
    settings: &'a Settings,
    needs: Profile,
    home: ProfileHome,
    around: &'a Surroundings,
    /// The environment of its workers.
    environment: Environment,
    logins: Logins,
}

impl<'a> Examination<'a> {
    fn new(settings: &'a Settings, home: ProfileHome, around: &'a Surroundings) -> Self {
        let needs = settings.profiles.get(&home.name).cloned().unwrap_or_default();
        let environment = home.environment(&around.environment);
        let logins = Logins::of(&home, &around.environment, around.now);
        Self { settings, needs, home, around, environment, logins }
    }

    fn checks(&self) -> Vec<Check> {
        let mut checks = vec![folders::profile(self), folders::homes(self)];
        if self.needs_codex() {
            checks.extend(codex_logins::checks(self));
        }
        checks.extend(stores::checks(self));
        checks.extend(self.needs.providers.iter().map(|provider| pool::check(self, provider)));
        if self.needs_codex() {
            checks.push(residency::check(self));
        }
        checks.extend(skills::check(self));
        checks.extend(folders::workspace(self));
        checks.push(programs::check(self));
        checks
    }

    fn needs_codex(&self) -> bool {
        let codex = Tool::Codex.provider();
        self.needs.providers.iter().any(|provider: &Provider| provider.is_same(&codex))
    }

    /// Whether Hermes itself has a login to Codex, so that a worker's calls do not hang on the Codex CLI.
    fn hermes_has_a_login(&self) -> bool {
        self.logins.profile.state.is_usable() || self.logins.root.state.is_usable()
    }
}
