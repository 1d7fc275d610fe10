//! Other programs, with a time limit.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use wait_timeout::ChildExt;

/// More of what a program prints is not read.
const MOST_OUTPUT: u64 = 1 << 20;

/// What became of a program.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How it ended; `None`: it was killed at the limit.
    pub(crate) status: Option<ExitStatus>,
    /// What it printed.
    pub(crate) out: String,
    /// What it printed to its standard error.
    pub(crate) err: String,
}

/// Runs a program to its end, or kills it at the limit, with all that it has started. It reads nothing.
///
/// What it prints goes to files: a pipe stays open as long as anything lives that it has started. It is in a process group of its own,
/// so that a key pressed at a terminal ends this process alone, and what it is at is finished first.
pub(crate) fn run(mut command: Command, limit: Duration) -> io::Result<Ended> {
    let (out, err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = spawn(&mut command)?;
    let status = child.wait_timeout(limit)?;
    if status.is_none() {
        end(&mut child);
    }
    Ok(Ended { status, out: text(out)?, err: text(err)? })
}

/// Starts it with no signal held back: whoever holds some for itself would hand that down, to workers that the board ends by one, too.
#[cfg(unix)]
fn spawn(command: &mut Command) -> io::Result<Child> {
    use nix::sys::signal::SigSet;

    // What comes in this moment ends this process, as a kill at that moment would.
    let held = SigSet::thread_get_mask()?;
    SigSet::empty().thread_set_mask()?;
    let child = command.spawn();
    held.thread_set_mask()?;
    child
}

#[cfg(not(unix))]
fn spawn(command: &mut Command) -> io::Result<Child> {
    command.spawn()
}

/// Ends it, with all that it has started: many a program is a script that starts the real one.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Ok(group) = i32::try_from(child.id()) {
        use nix::sys::signal::{Signal, killpg};
        if let Err(error) = killpg(nix::unistd::Pid::from_raw(group), Signal::SIGKILL) {
            tracing::debug!(%error, "a program that took too long has ended meanwhile");
        }
    }
    // Of one that has ended meanwhile there is nothing to end.
    drop(child.kill());
    drop(child.wait());
}

fn text(mut file: File) -> io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(MOST_OUTPUT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
