//! What is written down: one line of JSON for each thing that was seen, decided or done.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::acceptance::{Acceptance, Matrix};

/// One line of the journal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// The board that it is about.
    pub board: String,
    /// The task that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub what: What,
}

impl Entry {
    /// An entry on a board, or on one of its tasks.
    #[must_use]
    pub fn new(at: DateTime<Utc>, board: impl Into<String>, task: Option<&str>, what: What) -> Self {
        Self { at, board: board.into(), task: task.map(str::to_owned), what }
    }
}

/// What an entry says. A word or field that a newer version wrote is skipped.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// How the board stood, whenever that changed: the first has all of it, and each next what is new since then.
    Queue {
        /// The tasks that are new, or stand in another place.
        tasks: Vec<Card>,
        /// The ids of those that are no longer on the board.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gone: Vec<String>,
    },
    /// What was found out about a task and decided, also that nothing is done; whenever that changed.
    Decided(Box<Decided>),
    /// An action is about to be done. Without an end, it was cut short.
    Began {
        /// The word of the action.
        action: String,
        /// The board's newest event of the task that it was decided on.
        after_event: i64,
        /// What exactly.
        says: String,
    },
    /// An action has ended.
    Ended {
        /// The word of the action.
        action: String,
        /// Whether the board, read again, shows that it was done.
        done: bool,
        /// Whether a kill cut it short: it is decided anew, and has not failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cut: bool,
        /// What shows it, or what went wrong.
        says: String,
    },
    /// Something of no one task.
    Noted {
        /// What.
        says: String,
    },
}

/// A task as it stood on its board.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Card {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The board's word for where it stands.
    pub status: String,
    /// The profile that is to run it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// The tasks that it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
}

impl Card {
    /// A card that waits for nobody, and that nobody has.
    #[must_use]
    pub fn new(id: impl Into<String>, title: impl Into<String>, status: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            status: status.into(),
            assignee: None,
            parents: Vec::new(),
        }
    }
}

/// What was found out about a task, and what follows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Decided {
    /// The word of the action, `leave` where nothing is done.
    pub action: String,
    /// The row of the decision table that says so.
    pub row: String,
    /// Why, in a sentence.
    pub reason: String,
    /// What a person is to do next, where it is on them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// When it is looked at again, where it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The word of the cause, and the words that tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Told>,
    /// What the rules of acceptance found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<Sheet>,
}

impl Decided {
    /// A decision without more than its reason.
    #[must_use]
    pub fn new(action: impl Into<String>, row: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            row: row.into(),
            reason: reason.into(),
            next: None,
            until: None,
            diagnosis: None,
            acceptance: None,
        }
    }
}

/// A diagnosis, as it is written down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Told {
    /// The word of the cause.
    pub cause: String,
    /// The words that tell it.
    pub says: String,
}

impl Told {
    /// A diagnosis of a cause and the words that tell it.
    #[must_use]
    pub fn new(cause: impl Into<String>, says: impl Into<String>) -> Self {
        Self { cause: cause.into(), says: says.into() }
    }
}

/// What the rules of acceptance found, as it is written down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sheet {
    /// The name of the rule.
    pub rule: String,
    /// What is missing, a sentence each; nothing, if it is accepted.
    pub missing: Vec<String>,
    /// What each deliverable covers.
    pub matrices: Vec<Grid>,
    /// How many files of evidence were found.
    pub evidence: usize,
}

impl Sheet {
    /// What was found, as it is written down.
    #[must_use]
    pub fn of(acceptance: &Acceptance) -> Self {
        Self {
            rule: acceptance.rule.clone(),
            missing: acceptance.findings.iter().map(ToString::to_string).collect(),
            matrices: acceptance.matrices.iter().map(Grid::of).collect(),
            evidence: acceptance.evidence.len(),
        }
    }

    /// The sheet of a rule that found nothing wrong, and nothing else either.
    #[must_use]
    pub fn new(rule: impl Into<String>) -> Self {
        Self { rule: rule.into(), missing: Vec::new(), matrices: Vec::new(), evidence: 0 }
    }
}

/// A matrix, as it is written down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Grid {
    /// The deliverable.
    pub path: String,
    /// The rows.
    pub subjects: Vec<String>,
    /// The columns; none, where a subject is only named.
    pub dimensions: Vec<String>,
    /// Row by row, whether a cell is covered.
    pub covered: Vec<Vec<bool>>,
}

impl Grid {
    fn of(matrix: &Matrix) -> Self {
        Self {
            path: matrix.path.clone(),
            subjects: matrix.subjects.clone(),
            dimensions: matrix.dimensions.clone(),
            covered: matrix.covered.clone(),
        }
    }

    /// The matrix of a deliverable, of which nothing is covered.
    #[must_use]
    pub fn new(path: impl Into<String>, subjects: Vec<String>, dimensions: Vec<String>) -> Self {
        let covered = vec![vec![false; dimensions.len().max(1)]; subjects.len()];
        Self { path: path.into(), subjects, dimensions, covered }
    }
}
