//! `hermes kanban`, with a time limit, and an environment that pins it to this board and no task.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::history::AUTHOR;
use crate::line::{joined, shown};
use crate::process::{self, Ended};
use crate::task::{Claim, TaskId};

/// What a worker is started with: it would pin a command to the worker's task, board and profile.
pub(crate) const PINS: [&str; 15] = [
    "HERMES_KANBAN_TASK",
    "HERMES_KANBAN_RUN_ID",
    "HERMES_KANBAN_CLAIM_LOCK",
    "HERMES_KANBAN_WORKSPACE",
    "HERMES_KANBAN_WORKSPACES_ROOT",
    "HERMES_KANBAN_DB",
    "HERMES_KANBAN_BOARD",
    "HERMES_KANBAN_BRANCH",
    "HERMES_KANBAN_GOAL_MODE",
    "HERMES_KANBAN_GOAL_MAX_TURNS",
    "HERMES_KANBAN_HOME",
    "HERMES_HOME",
    "HERMES_PROFILE",
    // Hermes prefers it to HERMES_PROFILE as the author of comments.
    "HERMES_PROFILE_NAME",
    "HERMES_TENANT",
];

/// How long a command may take. Hermes itself waits two minutes for a database that is busy.
const LIMIT: Duration = Duration::from_mins(3);

/// `hermes`, the root that its board is in, and the board.
#[derive(Clone, Debug)]
pub(super) struct Hermes {
    pub(super) program: PathBuf,
    pub(super) home: PathBuf,
    pub(super) board: String,
}

/// What a command printed. How it ended says nothing.
#[derive(Clone, Default, Debug)]
pub(super) struct Said {
    pub(super) out: String,
    pub(super) err: String,
}

impl Hermes {
    /// Runs a verb in the watchdog's name, only if the task is still claimed so, where it is.
    pub(super) fn act(&self, task: &TaskId, claim: Option<&Claim>, words: &[OsString]) -> io::Result<Said> {
        let mut command = self.command(words);
        command.env("HERMES_PROFILE", AUTHOR);
        if let Some(run) = claim.and_then(|claim| claim.run) {
            command.env("HERMES_KANBAN_TASK", task.as_str()).env("HERMES_KANBAN_RUN_ID", run.to_string());
        }
        run(command)
    }

    /// Starts what is ready.
    pub(super) fn dispatch(&self) -> io::Result<Said> {
        run(self.command(&["dispatch".into(), "--json".into()]))
    }

    fn command(&self, words: &[OsString]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["kanban", "--board", &self.board]).args(words);
        unpin(&mut command, &self.home);
        command.current_dir(&self.home);
        command
    }
}

/// Takes away what pins a command to a worker, and gives it the root as its home.
pub(crate) fn unpin(command: &mut Command, home: &Path) {
    for pin in PINS {
        command.env_remove(pin);
    }
    command.env("HERMES_HOME", home);
}

fn run(command: Command) -> io::Result<Said> {
    let Ended { status, out, err } = process::run(command, LIMIT)?;
    let killed = status.is_none().then(|| format!("(killed after {} s) ", LIMIT.as_secs()));
    Ok(Said { out, err: killed.unwrap_or_default() + &err })
}

impl Said {
    /// What it printed in one line, at most a few hundred characters, without secrets: what went wrong before anything else.
    pub(super) fn in_short(&self) -> String {
        const MOST: usize = 400;
        let said = shown(&joined(&format!("{} {}", self.err, self.out)), MOST);
        if said.is_empty() { "nothing".to_owned() } else { said }
    }
}
