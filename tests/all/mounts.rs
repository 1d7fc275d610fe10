use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::skipped::skipped;

/// Mounts of one test, in a namespace of their own: nobody else sees them, and they end with the test, however it ends.
#[derive(Debug)]
pub(crate) struct Mounts {
    /// It keeps the namespace, until its input ends.
    keeper: Child,
    target: String,
}

impl Mounts {
    /// Mounts by lines of shell, in which `$1` is the folder. None where the machine does not allow it; it is said then.
    pub(crate) fn of(folder: &Path, lines: &str) -> Option<Self> {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg(format!("set -e; {lines}; echo ready; exec cat")).arg("sh").arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut keeper) = command.spawn() else {
            skipped("unshare is missing");
            return None;
        };
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let mounts = Self { target: keeper.id().to_string(), keeper };
        if said != "ready\n" {
            skipped("nobody may mount here");
            return None;
        }
        Some(mounts)
    }

    /// What comes in front of a command that shall see them.
    pub(crate) fn by(&self) -> [&str; 6] {
        ["nsenter", "--target", &self.target, "--user", "--preserve-credentials", "--mount"]
    }

    /// Where those who do not see them find a path that is mounted.
    pub(crate) fn outside(&self, path: &Path) -> PathBuf {
        Path::new("/proc").join(&self.target).join("root").join(path.strip_prefix("/").unwrap())
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}
