//! A home of its own for each test: an empty environment, a store, and the commands.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A store as an older program wrote it; its tokens are fakes.
pub(crate) const LEGACY_STORE: &str = include_str!("../data/hermes-auth-legacy.json");

#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
}

/// What stands for the exit code of a command that was killed.
pub(crate) const KILLED: i32 = -1;

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl Home {
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn with_store(text: &str) -> Self {
        let home = Self::empty();
        home.write_store(text);
        home
    }

    pub(crate) fn legacy() -> Self {
        Self::with_store(LEGACY_STORE)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("auth.json")
    }

    pub(crate) fn write_store(&self, text: &str) {
        self.write_private("auth.json", text);
    }

    /// A file that only its owner may read.
    pub(crate) fn write_private(&self, name: &str, text: &str) {
        self.write(name, text);
        #[cfg(unix)]
        {
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(self.path().join(name), private).unwrap();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the test plays a user or another program")]
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// A file in a folder of its own.
    pub(crate) fn write_at(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path().join(name).parent().unwrap()).unwrap();
        self.write(name, text);
    }

    /// Where one of the commands is.
    pub(crate) fn program(name: &str) -> &'static str {
        match name {
            "pool" => env!("CARGO_BIN_EXE_pool-under-test"),
            "pool-migrate" => env!("CARGO_BIN_EXE_pool-migrate-under-test"),
            "pool-watchdog" => env!("CARGO_BIN_EXE_pool-watchdog-under-test"),
            _ => unreachable!("{name} is none of the commands"),
        }
    }

    pub(crate) fn read_store(&self) -> String {
        std::fs::read_to_string(self.store()).unwrap()
    }

    /// `pool` with these words, at noon unless they say when.
    pub(crate) fn pool(&self, words: &str) -> Ran {
        let now = if words.contains("--now") { "" } else { " --now 2026-05-26T12:00:00Z" };
        self.run(Self::program("pool"), &format!("{words}{now}"), &[])
    }

    /// The same with this on standard input.
    pub(crate) fn pool_reading(&self, words: &str, input: &[u8]) -> Ran {
        let now = if words.contains("--now") { "" } else { " --now 2026-05-26T12:00:00Z" };
        let mut command = self.pool_command();
        command.args(format!("{words}{now}").split_whitespace());
        Ran::after(assert_cmd::Command::from_std(command).write_stdin(input))
    }

    pub(crate) fn pool_with(&self, words: &str, variables: &[(&str, &str)]) -> Ran {
        self.run(Self::program("pool"), words, variables)
    }

    pub(crate) fn pool_migrate(&self, words: &str) -> Ran {
        self.pool_migrate_with(words, &[])
    }

    pub(crate) fn pool_migrate_with(&self, words: &str, variables: &[(&str, &str)]) -> Ran {
        self.run(Self::program("pool-migrate"), words, variables)
    }

    /// `pool` in this home, for who runs it in a way of his own.
    pub(crate) fn pool_command(&self) -> Command {
        self.command(&[], Self::program("pool"))
    }

    pub(crate) fn run(&self, program: &str, words: &str, variables: &[(&str, &str)]) -> Ran {
        let mut command = self.command(&[], program);
        command.args(words.split_whitespace()).envs(variables.iter().copied());
        Ran::of(command)
    }

    /// A program in this home, run by others in front of it, such as `strace`.
    pub(crate) fn command(&self, by: &[&str], program: &str) -> Command {
        let mut all = by.iter().copied().chain([program]);
        let mut command = Command::new(all.next().unwrap());
        command.args(all).current_dir(self.path());
        command.env_clear().env("HERMES_HOME", self.path()).env("HOME", self.path());
        if let Some(path) = std::env::var_os("PATH").filter(|_| !by.is_empty()) {
            command.env("PATH", path);
        }
        command
    }

    /// A line of shell in this home, with `pool` and `pool-migrate` at hand.
    #[cfg(unix)]
    #[track_caller]
    pub(crate) fn shell(&self, line: &str) {
        let programs = tempfile::tempdir().unwrap();
        for name in ["pool", "pool-migrate"] {
            std::os::unix::fs::symlink(Self::program(name), programs.path().join(name)).unwrap();
        }
        let mut shell = self.command(&[], "sh");
        shell.env("PATH", format!("{}:/usr/bin:/bin", programs.path().display()));
        let output = shell.args(["-c", line]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Text with the path of this home taken out.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(&self.path().display().to_string(), "HOME")
    }
}

impl Ran {
    pub(crate) fn of(command: Command) -> Self {
        Self::after(&mut assert_cmd::Command::from_std(command))
    }

    fn after(command: &mut assert_cmd::Command) -> Self {
        let output = command.output().unwrap();
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap_or(KILLED),
        }
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }
}
