//! The real Codex CLI, asked whether it is logged in. What it says is no proof: it never looks whether a token has ended, and even an
//! empty file is a login to it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pool_core::mask_keys;

use crate::home::CodexHome;
use crate::process::{self, Ended};
use crate::programs;

/// How long an answer may take. It takes a tenth of a second, and where the machine is busy some seconds.
const LIMIT: Duration = Duration::from_secs(20);

/// Codex CLI, and where it is looked for.
#[derive(Clone, Debug)]
pub struct Codex {
    program: PathBuf,
    path: Option<OsString>,
    limit: Duration,
}

/// What `codex login status` says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CodexStatus {
    /// That it is logged in with an account of ChatGPT.
    ChatGpt,
    /// That it has a key.
    ApiKey,
    /// That it is not logged in.
    NotLoggedIn,
    /// Something else.
    Broken {
        /// What, in one line and without a secret.
        says: String,
    },
    /// Nothing: it is not installed.
    NoBinary,
    /// Nothing in time.
    TimedOut,
}

impl Codex {
    /// A program, looked for in these folders as `PATH` has them.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, path: Option<&OsStr>) -> Self {
        Self { program: program.into(), path: path.map(OsStr::to_owned), limit: LIMIT }
    }

    /// Sets how long an answer may take; 20 s by default.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Asks it, as whoever has these home folders.
    #[must_use]
    pub fn status(&self, home: &CodexHome) -> CodexStatus {
        let Some(program) = programs::find(&self.program, self.path.as_deref()) else {
            return CodexStatus::NoBinary;
        };
        match self.ask(&program, home) {
            Ok(Ended { status: Some(status), err, .. }) => read(status.success(), &err),
            Ok(_) => CodexStatus::TimedOut,
            Err(error) => CodexStatus::Broken { says: format!("it cannot be run: {error}") },
        }
    }

    fn ask(&self, program: &Path, home: &CodexHome) -> io::Result<Ended> {
        let mut command = Command::new(program);
        command.args(["login", "status"]);
        // What the user has set for himself is not what the worker has.
        let is_of_codex = |name: &OsStr| {
            name.to_str().is_some_and(|name| name.starts_with("CODEX_") || name.starts_with("OPENAI_"))
        };
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_codex(name)) {
            command.env_remove(name);
        }
        command.env("HOME", &home.home);
        command.envs(home.codex_home.as_ref().map(|folder| ("CODEX_HOME", folder)));
        command.envs(self.path.as_ref().map(|path| ("PATH", path)));
        process::run(command, self.limit)
    }
}

/// What an answer means. A warning may come before it.
fn read(is_success: bool, said: &str) -> CodexStatus {
    let mut lines =
        said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("WARNING:"));
    let first = lines.next().unwrap_or_default();
    match first {
        _ if is_success && first.starts_with("Logged in using ChatGPT") => CodexStatus::ChatGpt,
        _ if is_success
            && (first.starts_with("API key configured")
                || first.starts_with("Logged in using an API key")) =>
        {
            CodexStatus::ApiKey
        }
        "Not logged in" => CodexStatus::NotLoggedIn,
        "" => CodexStatus::Broken { says: "it ended without a word".to_owned() },
        other => CodexStatus::Broken { says: mask_keys(other) },
    }
}
