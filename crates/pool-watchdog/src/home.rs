//! Where a profile lives, and which home folders its workers and their tools have.

use std::path::{Path, PathBuf};

use pool_sources::Environment;
use pool_store::ProfileStore;

use crate::settings::Settings;

/// The profile that is the root itself.
const DEFAULT: &str = "default";

/// Where a profile lives, and where its workers look for the login of Codex CLI.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ProfileHome {
    /// What it is called.
    pub name: String,
    /// The home of the root.
    pub root: PathBuf,
    /// Its own folder; that of the root for the profile `default`.
    pub folder: PathBuf,
    /// Where the user's own Codex CLI looks: the main login.
    pub main: CodexHome,
    /// Where the Codex CLI of its workers looks: they keep the home folder of the dispatcher.
    pub worker: CodexHome,
    /// Where that of their tools looks, if the profile has a home folder of its own: Hermes gives it to them in a container, or where
    /// `terminal.home_mode` says so.
    pub tools: CodexHome,
}

/// The variables by which a Codex CLI finds its login.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CodexHome {
    /// `HOME`.
    pub home: PathBuf,
    /// `CODEX_HOME`, where it is set: it overrides `HOME` completely.
    pub codex_home: Option<PathBuf>,
}

/// Why it is not known where a profile lives.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileHomeError {
    /// It is no name of a profile.
    #[error(
        "`{0}` is no name of a profile: small letters, digits, `_` and `-` make one, and at most 64 of them"
    )]
    Name(String),
    /// Nobody says where the home folder of its workers is.
    #[error("no home folder of the user is known, and `user_home` is not set for profile `{0}`")]
    NoHome(String),
}

impl CodexHome {
    /// The folder that Codex CLI keeps its files in.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.codex_home.clone().unwrap_or_else(|| self.home.join(".codex"))
    }

    /// The file of its login.
    #[must_use]
    pub fn login(&self) -> PathBuf {
        self.folder().join("auth.json")
    }
}

impl ProfileHome {
    /// Works out where a profile lives. Nothing is read but whether it has a home folder of its own.
    ///
    /// # Errors
    ///
    /// When its name is none, or no home folder is known.
    pub fn of(settings: &Settings, name: &str, environment: &Environment) -> Result<Self, ProfileHomeError> {
        if !is_name(name) {
            return Err(ProfileHomeError::Name(name.to_owned()));
        }
        let root = root_of(&settings.home);
        let folder = if name == DEFAULT { root.clone() } else { root.join("profiles").join(name) };
        let profile = settings.profiles.get(name);
        let own_home = profile.and_then(|profile| profile.user_home.clone());
        let home = own_home.or_else(|| environment.user.clone());
        let home = home.ok_or_else(|| ProfileHomeError::NoHome(name.to_owned()))?;
        let main = CodexHome {
            home: environment.user.clone().unwrap_or_else(|| home.clone()),
            codex_home: environment.codex_home.clone(),
        };
        let own_codex_home = profile.and_then(|profile| profile.codex_home.clone());
        // A home folder of its own is meant to be looked into.
        let inherited = || environment.codex_home.clone().filter(|_| home == main.home);
        let worker = CodexHome { codex_home: own_codex_home.or_else(inherited), home };
        let of_tools = folder.join("home");
        let home = if of_tools.is_dir() { of_tools } else { worker.home.clone() };
        let tools = CodexHome { home, codex_home: worker.codex_home.clone() };
        Ok(Self { name: name.to_owned(), root, folder, main, worker, tools })
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.join("auth.json")
    }

    /// The store of the root behind it.
    #[must_use]
    pub fn root_store(&self) -> PathBuf {
        self.root.join("auth.json")
    }

    /// Whether it is the root itself.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.folder == self.root
    }

    /// The environment in which its stores are opened: its worker is the user.
    pub(crate) fn environment(&self, around: &Environment) -> Environment {
        let mut environment = around.clone();
        environment.user = Some(self.worker.home.clone());
        environment.codex_home = self.worker.codex_home.clone();
        environment.hermes_home = Some(self.folder.clone());
        environment
    }
}

/// The home of the root, also where another one is that of a profile.
pub(crate) fn root_of(home: &Path) -> PathBuf {
    let root = ProfileStore::root_behind(&home.join("auth.json"), None);
    root.as_deref().and_then(Path::parent).unwrap_or(home).to_owned()
}

/// As the board's own rule has it, so that no name leads out of the folder of the profiles.
fn is_name(name: &str) -> bool {
    let is_known =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    let begins = |name: &str| name.starts_with(|first: char| first.is_ascii_alphanumeric());
    name.len() <= 64 && begins(name) && name.bytes().all(is_known)
}

/// What a symlink that leads nowhere names.
pub(crate) fn dangling(path: &Path) -> Option<PathBuf> {
    let target = std::fs::read_link(path).ok()?;
    let leads_nowhere =
        std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    leads_nowhere.then_some(target)
}

impl ProfileHomeError {
    /// What to do about it.
    #[must_use]
    pub fn instruction(&self) -> &'static str {
        match self {
            Self::Name(_) => "name one that is there: `hermes profile list`",
            Self::NoHome(_) => "set HOME, or `user_home` of the profile in watchdog.toml",
        }
    }
}
