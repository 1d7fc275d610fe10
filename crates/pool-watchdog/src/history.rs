//! What the events and comments of a task tell: who blocked it, who holds it, and how often it failed.

use crate::task::{BlockKind, Comment, Event, Status, Task};

/// The name under which the watchdog blocks and comments.
pub const AUTHOR: &str = "pool-watchdog";

/// What the board puts before a reason, when it makes a comment of it.
const BLOCKED: &str = "BLOCKED: ";
const UNBLOCK: &str = "UNBLOCK: ";
/// What the watchdog puts before why it holds a task.
pub(crate) const HOLD: &str = "HOLD: ";

/// Who blocked a task.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BlockedBy {
    /// The board, which tries it no more. It may take that back itself.
    Board,
    /// The watchdog.
    Watchdog,
    /// A person, or a worker that asks for one.
    Person {
        /// Why, where anybody said so.
        reason: Option<String>,
    },
}

impl Task {
    /// The number of its newest event: whoever decided on an older one decided on another task.
    ///
    /// Events that only say again that all is as it was do not count: see [`Event::is_repetition`].
    #[must_use]
    pub fn last_event(&self) -> i64 {
        self.telling().next_back().map_or(0, |event| event.id)
    }

    /// Who blocked it; `None` where it is not blocked.
    #[must_use]
    pub fn block(&self) -> Option<BlockedBy> {
        if self.status != Status::Blocked {
            return None;
        }
        let decisive = |event: &&Event| matches!(event.kind.as_str(), "blocked" | "unblocked" | "gave_up");
        let newest = self.telling().rfind(decisive);
        Some(match newest {
            Some(event) if event.kind == "gave_up" => BlockedBy::Board,
            Some(event) if event.kind == "blocked" && self.is_ours(event, &[BLOCKED]) => BlockedBy::Watchdog,
            Some(event) if event.kind == "blocked" => {
                BlockedBy::Person { reason: event.payload["reason"].as_str().map(str::to_owned) }
            }
            // Made as blocked, or by something that leaves no event.
            _ => BlockedBy::Person { reason: None },
        })
    }

    /// Whether a block of this kind would be the second of its kind, which the board sends to triage.
    #[must_use]
    pub fn would_be_second(&self, kind: BlockKind) -> bool {
        // One for another task waits in `todo`, and is never counted.
        kind != BlockKind::Dependency && self.block_kind == Some(kind) && self.recurrences > 0
    }

    /// Whether it runs on a claim of the watchdog, so that no dispatcher starts a worker. It lapses with its time.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let claim =
            self.claim.as_ref().filter(|claim| self.status == Status::Running && claim.worker.is_none());
        let claimed = claim.and_then(|claim| {
            self.telling().rfind(|event| event.kind == "claimed" && event.run == claim.run)
        });
        claimed.is_some_and(|event| self.is_ours(event, &[HOLD]))
    }

    /// How many of its runs failed since it was last completed, or a person last ended a block of it. The board's own reruns
    /// count like those that the watchdog asked for.
    #[must_use]
    pub fn failures(&self) -> usize {
        let reset = self.last_reset();
        let before = self.events.iter().filter(|event| event.id <= reset);
        let last_before = before.filter_map(|event| event.run).max().unwrap_or(0);
        let failed = |outcome: Option<crate::Outcome>| outcome.is_some_and(crate::Outcome::is_failure);
        self.runs.iter().filter(|run| run.id > last_before && failed(run.outcome)).count()
    }

    /// The event by which it was last completed, or a person last ended a block of it: what was tried before counts no more.
    #[must_use]
    pub fn last_reset(&self) -> i64 {
        let is_reset = |event: &&Event| match event.kind.as_str() {
            "completed" => true,
            "unblocked" => !self.is_ours(event, &[UNBLOCK, HOLD]),
            _ => false,
        };
        self.events.iter().rfind(is_reset).map_or(0, |event| event.id)
    }

    fn telling(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().filter(|event| !event.is_repetition())
    }

    /// Whether the watchdog did this, as a comment with such a beginning tells, which it leaves right before.
    fn is_ours(&self, event: &Event, beginnings: &[&str]) -> bool {
        // The steps of one action: the comment, what ends a block or claim, and the claim.
        let is_step = |event: &&Event| matches!(event.kind.as_str(), "unblocked" | "reclaimed");
        let mut before = self.telling().rev().skip_while(|other| other.id >= event.id).skip_while(is_step);
        let comment = before.next().and_then(|event| self.comment_of(event));
        comment.is_some_and(|comment| beginnings.iter().any(|beginning| comment.body.starts_with(beginning)))
    }

    /// The comment of the watchdog that an event tells of. The event knows the author and the length.
    fn comment_of(&self, event: &Event) -> Option<&Comment> {
        if event.kind != "commented" || event.payload["author"] != AUTHOR {
            return None;
        }
        let length = event.payload["len"].as_u64()?;
        let is_it =
            |comment: &&Comment| comment.author == AUTHOR && comment.body.chars().count() as u64 == length;
        self.comments.iter().rfind(is_it)
    }
}

impl Event {
    /// Whether it says again that all is as it was: a sign of life, or that the dispatcher still waits.
    #[must_use]
    pub fn is_repetition(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "heartbeat" | "claim_extended" | "respawn_guarded" | "reclaim_deferred" | "tip_scratch_workspace"
        )
    }
}
