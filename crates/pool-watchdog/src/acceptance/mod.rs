//! Whether a task has delivered: its evidence, its deliverables and what they cover, and the state of its project.
//!
//! | rule | holds if |
//! | --- | --- |
//! | evidence | the path, or one that the pattern finds, is a file with something in it, or a folder with such a file; `{}`, `[]` and `null` are nothing |
//! | deliverable | the file is there, and says something that is no heading and no placeholder |
//! | matrix | each cell is covered by some text |
//! | state | as a deliverable; it says more than the journal, and was written since the task began |
//!
//! Markdown and HTML are read into one outline: headings, texts and tables. What a reader of the page does not see says nothing, nor does a
//! code block. These texts cover a cell, if they say more than its names:
//!
//! | text | what it is about |
//! | --- | --- |
//! | a paragraph or an item of a list | what it names, and what the headings name that it stands under; a text right above a list is a heading of the list |
//! | a cell of a table | the same, and what the head of its column and the first cell of its row name |
//! | a row of a table | what it names, and what the headings above name unless the columns name something |
//!
//! Of two headings that name a subject the nearer counts, and so it is with dimensions. A heading that names several subjects announces them and is about none, and so it is with dimensions. A text that names several of
//! both is taken apart into its sentences. Words are found whole, whatever their case and the punctuation around them.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use pool_core::words;

use crate::settings::Rule;

mod accept;
mod artifacts;
mod coverage;
mod document;
mod finding;
mod format;
mod html;
mod markdown;
mod nesting;
mod words;

pub(crate) use format::Format;
pub(crate) use words::names_something;

words! {
    /// What a rule of acceptance found wrong.
    Fault {
        /// There is nothing at the path, or nothing that the pattern finds.
        Missing = "missing",
        /// There is a file, and nothing in it.
        Empty = "empty",
        /// There is nothing but headings and placeholders in it.
        OnlyHeadings = "only_headings",
        /// It is no text, or none that can be read: too long, or nested too deep.
        Unreadable = "unreadable",
        /// It is older than the task.
        NotUpdated = "not_updated",
        /// Nothing but the watchdog's own journal is in it.
        OnlyJournal = "only_journal",
        /// A cell of the matrix is not covered.
        NotCovered = "not_covered",
        /// The path leads out of the workspace, or is a symlink to nowhere.
        Outside = "outside",
    }
}

words! {
    /// What a path is to a task.
    Part {
        /// What was collected: it cannot be made again from anything here.
        Evidence = "evidence",
        /// What is handed in: it can be made from the evidence.
        Deliverable = "deliverable",
        /// The state of the project, which a task brings up to date.
        State = "state",
    }
}

/// One thing that is missing, by path and, where it is about one, by cell.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What the path is to the task.
    pub part: Part,
    /// What is wrong.
    pub fault: Fault,
    /// The path or pattern, as the rule names it.
    pub path: String,
    /// The cell that is not covered.
    pub cell: Option<Cell>,
    /// The command that makes it from the evidence, where the rule has one.
    pub make: Option<Vec<String>>,
}

/// A cell of a matrix.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Cell {
    /// The row.
    pub subject: String,
    /// The column. A deliverable that only has to name its subjects has none.
    pub dimension: Option<String>,
}

/// What a deliverable covers.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Matrix {
    /// The deliverable, as the rule names it.
    pub path: String,
    /// The rows.
    pub subjects: Vec<String>,
    /// The columns. Without any, a subject has one cell: whether it is there at all.
    pub dimensions: Vec<String>,
    /// Row by row, whether a cell is covered.
    pub covered: Vec<Vec<bool>>,
}

/// What the rules of a task found.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Acceptance {
    /// The name of the rule that applies.
    pub rule: String,
    /// The folder that its paths are in.
    pub workspace: PathBuf,
    /// What is wrong. Nothing: it is accepted.
    pub findings: Vec<Finding>,
    /// What each deliverable covers.
    pub matrices: Vec<Matrix>,
    /// The files that were found as evidence, in the workspace.
    pub evidence: Vec<PathBuf>,
    /// The deliverables and files of state that are as they should be, in the workspace.
    pub delivered: Vec<PathBuf>,
}

/// Looks at what a task has left in its workspace, by its rule. `since` is when the task began, and is compared in whole seconds, as
/// the board keeps it. A workspace that is not there has nothing in it.
///
/// ```
/// use std::path::Path;
///
/// use chrono::DateTime;
/// use pool_sources::Environment;
/// use pool_watchdog::{Settings, inspect};
///
/// # let folder = tempfile::tempdir()?;
/// # let workspace = folder.path();
/// let text = r#"
///     [[task]]
///     name = "weekly"
///     state = []
///     deliverable = [{ path = "report.md", subjects = ["Codex"], dimensions = ["Price", "Limits"] }]
/// "#;
/// let settings = Settings::parse(text, Path::new("/srv/agent"), &Environment::of_user("/home/agent"))?;
/// # #[expect(clippy::disallowed_methods, reason = "a file of the example")]
/// std::fs::write(workspace.join("report.md"), "# Codex\n\nThe price is 20 dollars.\n")?;
///
/// let acceptance = inspect(&settings.rules[0], workspace, DateTime::UNIX_EPOCH);
/// assert!(!acceptance.is_accepted());
/// assert_eq!(acceptance.findings[0].to_string(), "report.md: nothing on \"Limits\" of \"Codex\"; write it");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn inspect(rule: &Rule, workspace: &Path, since: DateTime<Utc>) -> Acceptance {
    accept::accept(rule, &artifacts::read(rule, workspace), since)
}

impl Acceptance {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.findings.is_empty()
    }

    /// The commands that make all that is missing, each once; `None` where something cannot be made: evidence, or a part without a
    /// command.
    #[must_use]
    pub fn makes(&self) -> Option<Vec<Vec<String>>> {
        let mut makes: Vec<Vec<String>> = Vec::new();
        for finding in &self.findings {
            let make = finding.make.clone().filter(|_| finding.part != Part::Evidence)?;
            if !makes.contains(&make) {
                makes.push(make);
            }
        }
        Some(makes)
    }
}

#[cfg(test)]
mod tests;
