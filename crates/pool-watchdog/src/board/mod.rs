//! The board that tasks are on: it is read from its database, and changed by its own command alone, which is then proved by reading again.
//!
//! # What `hermes kanban` 0.19.0 does
//!
//! Seen on Hermes Agent 0.19.0; `tests/all/kanban.rs` shows most of it again.
//!
//! - It exits 0 whether or not it did what it was told. So nothing but the board, read again, counts.
//! - `list` promotes tasks, and is never called.
//! - Comments, blocks and unblocks are by `HERMES_PROFILE_NAME`, else by `HERMES_PROFILE`, and no profile of that name has to exist. A block
//!   leaves a comment `BLOCKED: reason` before its event, an unblock with a reason one with `UNBLOCK: reason`: by these the watchdog
//!   knows its own (`history.rs`). A block that fails leaves its comment all the same.
//! - Only a tick of a dispatcher takes `kanban.db.dispatch.lock`, and gives up at once where it is held. No other verb looks at it: all of
//!   them work while it is held. So whoever holds it has the board without a dispatcher, also in the middle of a tick of one, from
//!   the claim of a task to the start of its worker.
//! - Each verb makes the tables that are missing first. On a board that is there it changes nothing.
//! - `claim` opens a run and names `host:pid` of the command, which has ended by then, and no worker. A dispatcher leaves such a
//!   task alone until the time of the claim is over; then it is `reclaimed`, which counts as no failure.
//! - `complete` works from `running`, `ready` and `blocked`, and with a run in the environment only while the task is in that run. It
//!   deletes a scratch workspace, unless a child is left that has not ended; then with the last of them. Files of it that `metadata.artifacts`
//!   names are copied to the attachments first, and where one is missing or longer than 25 MB nothing is completed.
//! - A task in goal mode is first judged by a model, where one is set up for that, which may refuse its completion.
//! - `block` works from `running` and `ready`, also of one's own claim, whose run ends as `blocked`.
//! - `unblock` leads back to `todo` where a parent is anything but `done`, also where it is `archived`.
//! - A task that was made as blocked, or that the board gave up, is blocked until a tick finds that it may try again, which may be the
//!   next one. A dispatcher calls an end `crashed` where it does not know the exit code, and it may miss that of its own workers.
//! - Several commands at once break the database sooner or later, unless somebody else has it open all the time: see [`Board::visit`].
//! - `reclaim` ends the process that has the number of the worker. It is used for workers that are gone, and claims without one.

mod command;
mod error;
mod life;
mod log;
mod read;
#[cfg(test)]
mod tests;
mod verb;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_store::FileLock;
use serde_json::Value;

use crate::home::root_of;
use crate::settings::Settings;
use crate::task::{Status, Task, TaskId};

use command::{Hermes, Said};
pub use error::BoardError;
pub use life::Life;
pub use log::tail as tail_of_log;
pub use read::Guest;
pub use verb::Verb;

/// How long a tick of a dispatcher is waited for. It makes workspaces, and ends workers that do not end.
const TICK: Duration = Duration::from_mins(1);

/// A board, its logs and its command.
///
/// ```no_run
/// use std::path::Path;
///
/// use pool_watchdog::{Board, TaskId, Verb};
///
/// let board = Board::at(Path::new("/home/agent/.hermes"), Path::new("hermes"), "default")?;
/// if let Some(task) = board.task(&TaskId::new("t_52cac9ce")?)? {
///     board.act(&task, &Verb::Comment { text: "Its report has no table.".to_owned() })?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Board {
    hermes: Hermes,
    file: PathBuf,
    logs: PathBuf,
    scratch: PathBuf,
}

impl Board {
    /// The board of that name, of the Hermes that the settings name.
    ///
    /// # Errors
    ///
    /// When the name is none, or there is no such board.
    pub fn find(settings: &Settings, slug: &str) -> Result<Self, BoardError> {
        Self::at(&settings.home, &settings.hermes, slug)
    }

    /// The board of that name in a home of Hermes, or in the root of it where the home is that of a profile; and the command that
    /// changes it.
    ///
    /// # Errors
    ///
    /// When the name is none, or there is no such board.
    pub fn at(home: &Path, hermes: &Path, slug: &str) -> Result<Self, BoardError> {
        if !is_slug(slug) {
            return Err(BoardError::NoName(slug.to_owned()));
        }
        let root = root_of(home);
        let (folder, file) = match slug {
            "default" => (root.join("kanban"), root.join("kanban.db")),
            _ => {
                let folder = root.join("kanban/boards").join(slug);
                let file = folder.join("kanban.db");
                (folder, file)
            }
        };
        if !file.is_file() {
            return Err(BoardError::NoBoard { board: slug.to_owned(), path: file });
        }
        let hermes = Hermes { program: hermes.to_owned(), home: root, board: slug.to_owned() };
        Ok(Self { hermes, file, logs: folder.join("logs"), scratch: folder.join("workspaces") })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.hermes.board
    }

    /// Every task, the oldest first, as all of them were at one moment.
    ///
    /// Of each task, the newest 500 runs, comments and events are read; of an event that is only repeated, the newest.
    ///
    /// # Errors
    ///
    /// When the database cannot be read, or is none of a board.
    pub fn read(&self) -> Result<Vec<Task>, BoardError> {
        read::tasks(&self.file, None)
    }

    /// Keeps the database open, so that no command of Hermes takes itself for the last that has it open. With each write such a command
    /// loses, as POSIX has it, the lock that says that it is there, since it opens and closes the file once more to look at its
    /// length; the next one that ends then takes the log of writes away from under it, and the database is broken.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn visit(&self) -> Result<Guest, BoardError> {
        read::guest(&self.file)
    }

    /// One task; `None` if there is no such task.
    ///
    /// # Errors
    ///
    /// When the database cannot be read, or is none of a board.
    pub fn task(&self, id: &TaskId) -> Result<Option<Task>, BoardError> {
        read::tasks(&self.file, Some(id)).map(|mut tasks| tasks.pop())
    }

    /// The end of what the task's workers printed, from the beginning of a line; `None` if there is no log. Nothing in it is masked.
    ///
    /// A log that grew too long is put aside as `<id>.log.1` before a worker is started, so the newest attempt is always in the
    /// one that is read.
    ///
    /// # Errors
    ///
    /// When the log is there and cannot be read.
    pub fn log_tail(&self, id: &TaskId, most_bytes: u64) -> Result<Option<String>, BoardError> {
        let path = self.log(id);
        log::tail(&path, most_bytes).map_err(|source| BoardError::Log { path, source })
    }

    /// Whether the newest worker has written into the log: one that was killed before it said anything leaves that of another.
    #[must_use]
    pub(crate) fn is_log_of_last_worker(&self, task: &Task) -> bool {
        let spawned = task.events.iter().rfind(|event| event.kind == "spawned").map(|event| event.at);
        let written = std::fs::metadata(self.log(&task.id)).and_then(|metadata| metadata.modified());
        let written = written.map(DateTime::<Utc>::from);
        // The board knows whole seconds.
        spawned.zip(written.ok()).is_none_or(|(spawned, written)| written >= spawned)
    }

    /// Where what the task's workers print is kept.
    #[must_use]
    pub fn log(&self, id: &TaskId) -> PathBuf {
        self.logs.join(format!("{id}.log"))
    }

    /// The folder that the task works in, also where that is not there: a scratch workspace is made when its first run begins.
    #[must_use]
    pub fn workspace(&self, task: &Task) -> PathBuf {
        let scratch = || self.scratch.join(task.id.as_str());
        task.workspace.path().map_or_else(scratch, Path::to_owned)
    }

    /// The lock that a watchdog of this board holds for a round: `kanban.db.watchdog.lock`.
    ///
    /// # Errors
    ///
    /// When another one holds it for too long, who is named where the system tells.
    pub fn lock(&self, wait: Duration) -> Result<FileLock, BoardError> {
        self.lock_file("watchdog", wait)
    }

    fn lock_file(&self, what: &str, wait: Duration) -> Result<FileLock, BoardError> {
        let mut path = self.file.clone().into_os_string();
        path.push(format!(".{what}.lock"));
        FileLock::take(Path::new(&path), wait).map_err(|source| BoardError::Lock { source })
    }

    /// Whether the task's worker lives.
    #[must_use]
    pub fn life(&self, task: &Task) -> Life {
        life::of(task)
    }

    /// Does something to a task, as long as it still is as it was decided on, and returns it as it is then.
    ///
    /// No dispatcher does anything meanwhile.
    ///
    /// # Errors
    ///
    /// When the task has moved on or has a live worker, when it cannot be done to a task that stands there, and when the board does
    /// not show that it was done.
    pub fn act(&self, decided: &Task, verb: &Verb) -> Result<Task, BoardError> {
        let _no_dispatcher = self.lock_file("dispatch", TICK)?;
        let before = self.existing(&decided.id)?;
        check_unmoved(decided, &before)?;
        verb.check(&before, self.life(&before))?;
        if verb.ends_block(&before) && self.waits_for_parents(&before)? {
            return Err(BoardError::WaitsForParents(before.id));
        }
        let mut said = Said::default();
        for words in verb.commands(&before) {
            let claim = before.claim.as_ref().filter(|_| before.status == Status::Running);
            said = self.hermes.act(&before.id, claim, &words).map_err(|source| self.no_command(source))?;
        }
        let after = self.existing(&before.id)?;
        if verb.is_proved(&before, &after) {
            return Ok(after);
        }
        let (task, status) = (after.id, after.status);
        Err(BoardError::NotProved { task, verb: verb.name(), status, said: said.in_short() })
    }

    /// Starts the workers of tasks that are ready, as the dispatcher would, and returns the tasks. While a dispatcher is at it, it
    /// starts none.
    ///
    /// # Errors
    ///
    /// When the command cannot be run, or tells nothing of what it did.
    pub fn dispatch(&self) -> Result<Vec<TaskId>, BoardError> {
        let said = self.hermes.dispatch().map_err(|source| self.no_command(source))?;
        let told: Option<Value> = serde_json::from_str(&said.out).ok();
        let Some(spawned) = told.as_ref().and_then(|told| told["spawned"].as_array()) else {
            return Err(BoardError::NotDispatched(said.in_short()));
        };
        let id = |task: &Value| task["task_id"].as_str().and_then(|id| TaskId::new(id).ok());
        Ok(spawned.iter().filter_map(id).collect())
    }

    /// Takes away from a command what would pin it to the task, board or profile of a worker that started us.
    pub(crate) fn unpin(&self, command: &mut Command) {
        command::unpin(command, &self.hermes.home);
    }

    fn existing(&self, id: &TaskId) -> Result<Task, BoardError> {
        self.task(id)?.ok_or_else(|| BoardError::NoTask(id.clone()))
    }

    /// Whether the end of a block would send the task back to `todo`.
    fn waits_for_parents(&self, task: &Task) -> Result<bool, BoardError> {
        for parent in &task.parents {
            if self.task(parent)?.is_some_and(|parent| parent.status != Status::Done) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether it waits for a parent that goes on: no dispatcher starts it before that.
    pub(crate) fn waits(&self, task: &Task) -> Result<bool, BoardError> {
        for parent in &task.parents {
            if self.task(parent)?.is_some_and(|parent| !parent.status.is_over()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn no_command(&self, source: std::io::Error) -> BoardError {
        BoardError::Command { program: self.hermes.program.clone(), source }
    }
}

fn is_slug(text: &str) -> bool {
    let is_known =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    text.len() <= 64 && text.bytes().all(is_known) && !text.starts_with(['-', '_']) && !text.is_empty()
}

fn check_unmoved(decided: &Task, now: &Task) -> Result<(), BoardError> {
    let claim = |task: &Task| task.claim.as_ref().map(|claim| (claim.run, claim.lock.clone(), claim.worker));
    let what = if decided.status != now.status {
        "where it stands"
    } else if claim(decided) != claim(now) {
        "who has it"
    } else if decided.last_event() != now.last_event() {
        "what happened to it"
    } else {
        return Ok(());
    };
    Err(BoardError::Moved { task: now.id.clone(), what })
}
