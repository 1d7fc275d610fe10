use std::io;
use std::path::PathBuf;

use pool_store::StoreError;

use crate::task::{BlockKind, Status, TaskId};

/// Why a board could not be read, or something on it not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoardError {
    /// The name is none that a board can have.
    #[error(
        "`{0}` is no name of a board: small letters, digits, `-` and `_` make one, and at most 64 of them"
    )]
    NoName(String),
    /// There is no such board.
    #[error("there is no board `{board}`: {} is missing (`hermes kanban boards list` names those there are)", path.display())]
    NoBoard {
        /// Its name.
        board: String,
        /// Its database.
        path: PathBuf,
    },
    /// The database is one of something else.
    #[error("{} has no tasks table: `hermes kanban init` makes one", path.display())]
    NoTasks {
        /// The database.
        path: PathBuf,
    },
    /// The database cannot be read.
    #[error("cannot read the board {}: {what} (`hermes kanban stats` says whether Hermes can)", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The log of a worker cannot be read.
    #[error("cannot read the log {}", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A lock of the board cannot be had.
    #[error("cannot lock the board")]
    Lock {
        /// Who holds it, or what is wrong with its file.
        source: StoreError,
    },
    /// The command of the board cannot be run.
    #[error("cannot run `{}`: is `hermes` in watchdog.toml the command of the board?", program.display())]
    Command {
        /// The command.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such task.
    #[error("the board has no task {0}")]
    NoTask(TaskId),
    /// Something happened to the task since it was looked at.
    #[error("{task} has moved on ({what}): it is looked at again in the next round")]
    Moved {
        /// The task.
        task: TaskId,
        /// What is another thing than it was.
        what: &'static str,
    },
    /// A worker is at it.
    #[error("{task} has a live worker (pid {pid}): nothing is done over it")]
    LiveWorker {
        /// The task.
        task: TaskId,
        /// The worker.
        pid: u32,
    },
    /// Its worker is on another machine, and only that one can tell whether it lives.
    #[error("{task} has a worker on {host}: only a watchdog there can tell whether it lives")]
    Elsewhere {
        /// The task.
        task: TaskId,
        /// The machine.
        host: String,
    },
    /// The board would send the task to triage.
    #[error(
        "{task} was blocked as {kind} before: a second block of a kind sends it to triage, so it gets a comment instead"
    )]
    SecondBlock {
        /// The task.
        task: TaskId,
        /// The kind.
        kind: BlockKind,
    },
    /// It would go back to wait for its parents, before anything else could be done.
    #[error("{0} would wait for its parents when its block ends")]
    WaitsForParents(TaskId),
    /// This cannot be done to a task that stands there.
    #[error("cannot {verb} {task}: it is {status}")]
    Unfit {
        /// The task.
        task: TaskId,
        /// What was to be done.
        verb: &'static str,
        /// Where it stands.
        status: Status,
    },
    /// The text is longer than a command can be told.
    #[error("the metadata of {task} has {length} bytes: a command can be told {most}")]
    TooLong {
        /// The task.
        task: TaskId,
        /// How long it is.
        length: usize,
        /// How long it may be.
        most: usize,
    },
    /// The board, read again, does not show that it was done.
    #[error(
        "the board does not show that `{verb}` was done to {task}, which is {status}; `hermes` said: {said}"
    )]
    NotProved {
        /// The task.
        task: TaskId,
        /// What was to be done.
        verb: &'static str,
        /// Where it stands.
        status: Status,
        /// What the command printed, without secrets.
        said: String,
    },
    /// The tasks that were started could not be told from what the command printed.
    #[error("`hermes kanban dispatch` told nothing of what it did; it said: {0}")]
    NotDispatched(String),
}
