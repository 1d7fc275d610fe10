//! One case in, one action out: a table that anyone can read. The first row that matches decides.
//!
//! The table is the same in `docs/watchdog.md`, which a test writes from it.

mod backoff;
mod case;
mod table;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use pool_core::words;

use crate::task::BlockKind;

pub(crate) use backoff::backoff_of_action;
pub use backoff::retry_at;
pub use case::{Case, Login, Stage, Work};
pub use table::{Row, TABLE};

words! {
    /// What is done about a task.
    Action {
        /// Nothing.
        Leave = "leave",
        /// It is completed: its work is there.
        Complete = "complete",
        /// What is missing is made from the evidence.
        Make = "make",
        /// The login of its profile is repaired.
        RepairLogin = "repair_login",
        /// It is given to the dispatcher again.
        Retry = "retry",
        /// It is blocked, with the list of what is missing and the next command.
        Block = "block",
        /// The same is said in a comment, where a block would send it to triage.
        Comment = "comment",
        /// The dispatcher is called, so that the board sees that the worker is gone.
        Dispatch = "dispatch",
    }
}

/// What is done about a task, and which row of the table says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Decision {
    /// The name of the row.
    pub row: &'static str,
    /// Why, in a sentence.
    pub reason: &'static str,
    /// What is done.
    pub action: Action,
    /// The kind of the block, where it is blocked.
    pub kind: Option<BlockKind>,
    /// When to look again, where it waits.
    pub until: Option<DateTime<Utc>>,
}

/// Decides on a case: by the first row of [`TABLE`] that matches.
///
/// ```
/// use pool_watchdog::{Case, Cause, Stage, Action, Work, decide};
///
/// let finished_but_not_closed = Case::new(Stage::GivenUp, Cause::ProtocolViolation, Work::Accepted);
/// assert_eq!(decide(&finished_but_not_closed).action, Action::Complete);
///
/// let at_work = Case::new(Stage::Working, Cause::Unknown, Work::Accepted);
/// assert_eq!(decide(&at_work).action, Action::Leave, "a live worker is never completed over");
/// ```
#[must_use]
pub fn decide(case: &Case) -> Decision {
    let row = TABLE.iter().find(|row| (row.matches)(case)).unwrap_or(&table::LAST);
    let (action, kind) = match row.action {
        Action::Block => block(case),
        action => (action, None),
    };
    if let Some((_, until)) = case.failed_actions.iter().find(|(failed, _)| *failed == action) {
        return tries_later(*until);
    }
    Decision {
        row: row.name,
        reason: row.reason,
        action,
        kind,
        until: if row.waits { case.wait } else { None },
    }
}

/// Whatever was in the way of an action, such as a board that is busy, is given time to go.
fn tries_later(until: DateTime<Utc>) -> Decision {
    Decision {
        row: "tries_later",
        reason: "what is to be done failed the last time, and is tried again later",
        action: Action::Leave,
        kind: None,
        until: Some(until),
    }
}

/// The board sends a second block of one kind to triage, from where no command brings a task back: then it is only said.
fn block(case: &Case) -> (Action, Option<BlockKind>) {
    let kind = case.block_kind();
    if !case.is_spent(kind) {
        return (Action::Block, Some(kind));
    }
    if case.stage == Stage::Held {
        // Only a block ends our claim without another run.
        return (Action::Block, Some(another_kind(case)));
    }
    (Action::Comment, None)
}

/// A kind that was not used, or at least not one that leads to triage.
fn another_kind(case: &Case) -> BlockKind {
    let kinds = [BlockKind::Transient, BlockKind::Capability, BlockKind::NeedsInput];
    let unused = kinds.into_iter().find(|kind| !case.is_spent(*kind));
    let harmless = kinds.into_iter().find(|kind| case.triage_block != Some(*kind));
    unused.or(harmless).unwrap_or(BlockKind::Transient)
}
