//! The real Codex CLI, asked whether it is logged in. What it says is no proof: it never looks whether a token has ended, and even an
//! empty file is a login to it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::home::CodexHome;
use crate::line::one_line;
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
        other => CodexStatus::Broken { says: one_line(other) },
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::testing::{CANARY, World, assert_clean};

    #[test]
    fn an_answer_is_read_by_its_first_line() {
        let broken = |says: &str| CodexStatus::Broken { says: says.to_owned() };
        let warning = "WARNING: proceeding, even though we could not create PATH aliases: no\n";
        let cases = [
            (true, "Logged in using ChatGPT\n", CodexStatus::ChatGpt),
            (
                true,
                "API key configured - sk-fake-***bcdef\nAuthentication is checked when you send a request.\n",
                CodexStatus::ApiKey,
            ),
            (true, "Logged in using an API key - sk-fake-***bcdef\n", CodexStatus::ApiKey),
            (false, "Not logged in\n", CodexStatus::NotLoggedIn),
            (false, "Logged in using ChatGPT\n", broken("Logged in using ChatGPT")),
            (
                false,
                "Error checking login status: failed to deserialize CLI auth from file: EOF at line 1\n",
                broken(
                    "Error checking login status: failed to deserialize CLI auth from file: EOF at line 1",
                ),
            ),
            (
                false,
                "Error loading configuration: CODEX_HOME points to \"/x\", but that path does not exist\n",
                broken(
                    "Error loading configuration: CODEX_HOME points to \"/x\", but that path does not exist",
                ),
            ),
            (false, "", broken("it ended without a word")),
            (true, "\u{1b}[2Jsk-or-v1-test", broken("[redacted]")),
        ];
        for (is_success, said, expected) in cases {
            assert_eq!(read(is_success, said), expected, "{said}");
            assert_eq!(read(is_success, &format!("\n{warning}{said}")), expected, "after a warning: {said}");
        }
    }

    fn status(world: &World, limit: Duration) -> CodexStatus {
        let codex = Codex::new("codex", world.around().path.as_deref()).limit(limit);
        let home = CodexHome { home: world.path("home"), codex_home: Some(world.path("codex")) };
        let status = codex.status(&home);
        assert_clean(&status);
        status
    }

    #[test]
    fn it_is_asked_as_whoever_has_these_home_folders() {
        let world = World::new();
        assert_eq!(status(&world, LIMIT), CodexStatus::NoBinary);
        world.program("codex", r#"echo "$1 $2 $HOME $CODEX_HOME" >&2"#);
        let CodexStatus::Broken { says } = status(&world, LIMIT) else { panic!("that is no answer") };
        assert_eq!(world.shown(&says), "login status ~/home ~/codex");
        world.program("codex", &format!("echo 'sk-or-{CANARY}' >&2"));
        assert_eq!(status(&world, LIMIT), CodexStatus::Broken { says: "[redacted]".to_owned() });
    }

    /// Its own child holds what it was given open: nobody waits for that one.
    #[test]
    #[cfg(target_os = "linux")]
    fn one_that_does_not_answer_is_ended_with_all_that_it_started() {
        let world = World::new();
        let pid = world.path("pid");
        world.program("codex", &format!("PATH=/usr/bin:/bin; sleep 600 & echo $! >{}; wait", pid.display()));
        assert_eq!(status(&world, Duration::from_millis(300)), CodexStatus::TimedOut);
        let child = std::fs::read_to_string(pid).unwrap();
        let is_gone = || {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        };
        let begun = std::time::Instant::now();
        while !is_gone() {
            assert!(begun.elapsed() < LIMIT, "{child} lives on");
            std::thread::yield_now();
        }
    }
}
