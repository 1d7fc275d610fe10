//! A user's home folder, a root and a profile in it, for the tests of this crate. All tokens are fakes.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use pool_core::time;
use pool_sources::Environment;
use tempfile::TempDir;

use crate::home::ProfileHome;
use crate::preflight::{Check, Checked, Preflight, Repaired, Surroundings, examine, repair};
use crate::settings::{Profile, Settings};

/// When all of it happens.
pub(crate) const NOON: &str = "2026-11-21T12:00:00Z";

/// Is in every secret of these tests, and must be in nothing that is shown.
pub(crate) const CANARY: &str = "canary-5d2f8e1b";

#[derive(Debug)]
pub(crate) struct World {
    folder: TempDir,
    pub(crate) settings: Settings,
}

impl World {
    /// A user with a root, a profile `writer`, and `hermes` on the path.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let user = folder.path().canonicalize().unwrap();
        let settings = Settings::parse("", &user, &Environment::of_user(&user)).unwrap();
        let world = Self { folder, settings };
        std::fs::create_dir_all(world.path(".hermes/profiles/writer")).unwrap();
        world.program("hermes", "exit 0");
        world
    }

    /// A path in the home folder of the user.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn now() -> DateTime<Utc> {
        time::parse_text(NOON).unwrap()
    }

    pub(crate) fn around(&self) -> Surroundings {
        Surroundings::new(Environment::of_user(self.path("")), Self::now()).path(self.path("bin"))
    }

    pub(crate) fn home(&self) -> ProfileHome {
        ProfileHome::of(&self.settings, "writer", &self.around().environment).unwrap()
    }

    pub(crate) fn profile(&mut self, change: impl FnOnce(&mut Profile)) {
        change(self.settings.profiles.entry("writer".to_owned()).or_default());
    }

    /// Writes a file in the home folder of the user.
    #[expect(clippy::disallowed_methods, reason = "the test plays a user or another program")]
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn link(&self, name: &str, target: impl AsRef<Path>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// A program on the path, of one line of shell.
    pub(crate) fn program(&self, name: &str, line: &str) {
        use std::os::unix::fs::PermissionsExt as _;

        let name = format!("bin/{name}");
        self.write(&name, &format!("#!/bin/sh\n{line}\n"));
        std::fs::set_permissions(self.path(&name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn examine(&self) -> Preflight {
        let preflight = examine(&self.settings, "writer", &self.around());
        assert_clean(&preflight);
        assert_clean(&serde_json::to_string(&preflight).unwrap());
        preflight
    }

    /// The only check of a name.
    pub(crate) fn check(&self, name: Checked) -> Check {
        let mut checks = self.examine().checks.into_iter().filter(|check| check.name == name);
        let check = checks.next().unwrap();
        assert_eq!(checks.next(), None);
        check
    }

    pub(crate) fn repair(&self) -> Vec<Repaired> {
        let repaired = repair(&self.examine(), &self.around());
        assert_clean(&repaired);
        assert_clean(&serde_json::to_string(&repaired).unwrap());
        repaired
    }

    /// A text with the paths of this machine taken out.
    pub(crate) fn shown(&self, text: &str) -> String {
        text.replace(&self.path("").display().to_string(), "~/")
    }

    /// What each check says, a paragraph each.
    pub(crate) fn report(&self) -> String {
        let paragraph = |check: &Check| {
            let mut text = format!("{} {}: {}\n", check.state, check.name, check.found);
            if let Some(instruction) = &check.instruction {
                text += &format!("  next: {instruction}\n");
            }
            if let Some(fix) = &check.fix {
                text += &format!("  fix: {}\n", serde_json::to_string(fix).unwrap());
            }
            text
        };
        self.shown(&self.examine().checks.iter().map(paragraph).collect::<String>())
    }
}

/// A JWT with these claims.
pub(crate) fn token(claims: &str) -> String {
    format!("e30.{}.{CANARY}", URL_SAFE_NO_PAD.encode(claims))
}

/// One that ends so many days after noon.
pub(crate) fn token_for_days(days: i64) -> String {
    let ends = World::now().timestamp() + days * 86_400;
    token(&format!(
        r#"{{"exp":{ends},"https://api.openai.com/auth":{{"chatgpt_account_id":"acc-1","chatgpt_user_id":"user-1"}}}}"#
    ))
}

/// The file of a Codex CLI that is logged in with it.
pub(crate) fn codex_file(token: &str) -> String {
    format!(
        r#"{{"tokens": {{"id_token": "{token}", "access_token": "{token}", "refresh_token": "{CANARY}-refresh", "account_id": "acc-1"}}}}"#
    )
}

/// A store whose pool of Codex has these entries.
pub(crate) fn store(entries: &str) -> String {
    format!(r#"{{"version": 1, "providers": {{}}, "credential_pool": {{"openai-codex": [{entries}]}}}}"#)
}

/// An entry of that pool.
pub(crate) fn entry(id: &str, token: &str) -> String {
    format!(
        r#"{{"id": "{id}", "label": "login {id}", "auth_type": "oauth", "priority": 0, "source": "manual:device_code",
            "access_token": "{token}", "refresh_token": "{CANARY}-{id}"}}"#
    )
}

/// Nothing that is shown has a secret in it.
#[track_caller]
pub(crate) fn assert_clean(shown: &impl std::fmt::Debug) {
    let text = format!("{shown:?}");
    assert!(!text.contains(CANARY) && !text.contains("eyJ"), "{text}");
}
