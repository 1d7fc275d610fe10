//! What a board says of a task: plain data, as it was read at one moment.

use std::fmt;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use pool_core::words;
use serde_json::Value;

/// The id of a task, such as `t_52cac9ce`: never empty, and safe as the name of a file.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TaskId(String);

/// A text that is no id of a task.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no id of a task: letters, digits, `_` and `-` make one, and at most 64 of them")]
pub struct TaskIdError(String);

impl TaskId {
    /// Takes an id of letters, digits, `_` and `-`, that does not begin with `-`: so it is neither an option of a command nor a path.
    ///
    /// ```
    /// use pool_watchdog::TaskId;
    ///
    /// assert_eq!(TaskId::new("t_52cac9ce")?.as_str(), "t_52cac9ce");
    /// assert!(TaskId::new("../t_1").is_err());
    /// # Ok::<(), pool_watchdog::TaskIdError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When there is another character in it, it begins with `-`, or it has none or more than 64.
    pub fn new(text: impl Into<String>) -> Result<Self, TaskIdError> {
        let text = text.into();
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if text.is_empty() || text.len() > 64 || text.starts_with('-') || !text.bytes().all(is_known) {
            return Err(TaskIdError(text));
        }
        Ok(Self(text))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

words! {
    /// Where a task stands on its board.
    Status {
        /// A person has to say what it is.
        Triage = "triage",
        /// It waits for its parents.
        Todo = "todo",
        /// It waits for its time.
        Scheduled = "scheduled",
        /// The dispatcher may start it.
        Ready = "ready",
        /// Somebody has claimed it.
        Running = "running",
        /// It waits for somebody.
        Blocked = "blocked",
        /// Its result is looked at.
        Review = "review",
        /// It is finished.
        Done = "done",
        /// It was put away.
        Archived = "archived",
        /// The board has a word for it that this version does not know.
        Other = "other",
    }
}

impl Status {
    /// Whether nothing more is to be done about it.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Archived)
    }
}

words! {
    /// Why somebody blocked a task. The board sends a second block of one kind to triage.
    BlockKind {
        /// It waits for another task.
        Dependency = "dependency",
        /// Only a person can say or do what is missing.
        NeedsInput = "needs_input",
        /// Whoever runs it cannot do it as they are.
        Capability = "capability",
        /// It may go better another time.
        Transient = "transient",
        /// Nobody said why.
        Untyped = "untyped",
    }
}

words! {
    /// How a run of a task ended.
    Outcome {
        /// The worker, or somebody for it, completed the task.
        Completed = "completed",
        /// The task was blocked.
        Blocked = "blocked",
        /// Its process is gone, and nobody had closed the run.
        Crashed = "crashed",
        /// It took longer than it may.
        TimedOut = "timed_out",
        /// It could not be started.
        SpawnFailed = "spawn_failed",
        /// The board tries it no more.
        GaveUp = "gave_up",
        /// Somebody took it back.
        Reclaimed = "reclaimed",
        /// Its process said that it was throttled.
        RateLimited = "rate_limited",
        /// It gave no sign of life for too long.
        Stale = "stale",
        /// It was put off.
        Scheduled = "scheduled",
        /// The board has a word for it that this version does not know.
        Other = "other",
    }
}

impl Outcome {
    /// Whether the worker failed, as the board sees it: a failed run is one of the reruns that count.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Crashed | Self::TimedOut | Self::SpawnFailed | Self::GaveUp | Self::Stale)
    }
}

/// What kind of folder a task works in.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Workspace {
    /// One of the board's own, which goes away when the task is completed. It is not there before the first run.
    Scratch(Option<PathBuf>),
    /// One that stays.
    Kept(PathBuf),
    /// None that is known: the board names no absolute path.
    Unknown,
}

impl Workspace {
    /// The folder, where there is one.
    #[must_use]
    pub fn path(&self) -> Option<&std::path::Path> {
        match self {
            Self::Scratch(path) => path.as_deref(),
            Self::Kept(path) => Some(path),
            Self::Unknown => None,
        }
    }
}

/// A task, and all that its board knows of it. Everything is in the order in which it happened.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Its title.
    pub title: String,
    /// The profile that is to run it.
    pub assignee: Option<String>,
    /// Whose it is.
    pub tenant: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Where it works.
    pub workspace: Workspace,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its first run began.
    pub started_at: Option<DateTime<Utc>>,
    /// The skills that its worker is started with.
    pub skills: Vec<String>,
    /// Who has it, where somebody has.
    pub claim: Option<Claim>,
    /// The kind of its newest block. It outlives the block, until the task is completed.
    pub block_kind: Option<BlockKind>,
    /// How many blocks of that kind came one after the other: the second goes to triage.
    pub recurrences: u64,
    /// The tasks that it waits for.
    pub parents: Vec<TaskId>,
    /// The tasks that wait for it.
    pub children: Vec<TaskId>,
    /// Every attempt at it.
    pub runs: Vec<Run>,
    /// What happened to it.
    pub events: Vec<Event>,
    /// What was said of it.
    pub comments: Vec<Comment>,
}

/// Who has a running task.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// The run that began with it.
    pub run: Option<i64>,
    /// `host:pid` of who claimed it: the dispatcher, or a command that has ended since.
    pub lock: String,
    /// When it lapses, unless it is extended.
    pub expires_at: Option<DateTime<Utc>>,
    /// The process that works on it. Without one, the board waits until the claim lapses.
    pub worker: Option<u32>,
}

/// One attempt at a task.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Run {
    /// Its number on the board.
    pub id: i64,
    /// The profile that ran it.
    pub profile: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How it ended; `None` while it goes on.
    pub outcome: Option<Outcome>,
    /// What the board says went wrong.
    pub error: Option<String>,
}

/// Something that happened to a task.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Event {
    /// Its number on the board, which only grows.
    pub id: i64,
    /// The run that it belongs to.
    pub run: Option<i64>,
    /// What happened, in the board's word.
    pub kind: String,
    /// More of it.
    pub payload: Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// Something that was said of a task.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Comment {
    /// Who said it: the name of a profile.
    pub author: String,
    /// What was said.
    pub body: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Task {
    /// The newest run that has ended.
    #[must_use]
    pub fn last_run(&self) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.ended_at.is_some())
    }
}

#[cfg(test)]
impl Task {
    /// A task that nothing has happened to.
    pub(crate) fn sample(id: &str, status: Status) -> Self {
        Self {
            id: TaskId::new(id).unwrap(),
            title: "Collect evidence".to_owned(),
            assignee: Some("worker1".to_owned()),
            tenant: None,
            status,
            workspace: Workspace::Scratch(None),
            created_at: DateTime::default(),
            started_at: None,
            skills: Vec::new(),
            claim: None,
            block_kind: None,
            recurrences: 0,
            parents: Vec::new(),
            children: Vec::new(),
            runs: Vec::new(),
            events: Vec::new(),
            comments: Vec::new(),
        }
    }

    /// The same after another event, with the next number.
    pub(crate) fn then(mut self, kind: &str, run: Option<i64>, payload: Value) -> Self {
        let id = self.events.len() as i64 + 1;
        self.events.push(Event { id, run, kind: kind.to_owned(), payload, at: DateTime::default() });
        self
    }

    /// The same after a comment, which is an event too.
    pub(crate) fn said(mut self, author: &str, body: &str) -> Self {
        self.comments.push(Comment {
            author: author.to_owned(),
            body: body.to_owned(),
            at: DateTime::default(),
        });
        let payload = serde_json::json!({"author": author, "len": body.chars().count()});
        self.then("commented", None, payload)
    }

    /// The same after a run, which begins and ends.
    pub(crate) fn ran(mut self, id: i64, outcome: Outcome) -> Self {
        let at = DateTime::default();
        let (ended_at, outcome) = (Some(at), Some(outcome));
        self.runs.push(Run { id, profile: None, started_at: at, ended_at, outcome, error: None });
        self.then("claimed", Some(id), Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_neither_an_option_nor_a_path() {
        for good in ["t_52cac9ce", "a", "A-1_b", "9"] {
            assert_eq!(TaskId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-t_1", "--help", "../t", "t/1", "t 1", "t\0", "tä", &"t".repeat(65)] {
            assert!(TaskId::new(bad).is_err(), "{bad:?}");
        }
    }
}
