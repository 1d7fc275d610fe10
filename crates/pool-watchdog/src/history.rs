//! What the events and comments of a task tell: who blocked it, who holds it, and how often it failed.

use chrono::TimeDelta;

use crate::task::{BlockKind, Comment, Event, Status, Task};

/// The name under which the watchdog blocks and comments.
pub const AUTHOR: &str = "pool-watchdog";

/// What the board puts before a reason, when it makes a comment of it.
const BLOCKED: &str = "BLOCKED: ";
const UNBLOCK: &str = "UNBLOCK: ";
/// What the watchdog puts before why it holds a task.
pub(crate) const HOLD: &str = "HOLD: ";
/// Why it ends a block, to make its own of it. No retry has this reason.
pub(crate) const TO_BLOCK: &str = "to block it with its reason";

/// What the board writes down when a run fails.
const FAILURES: [&str; 6] =
    ["protocol_violation", "crashed", "timed_out", "spawn_failed", "stale", "gave_up"];

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

    /// The newest event by which somebody wanted it to run once more; 0 if there is none.
    ///
    /// Where the watchdog ends a block only to hold the task or to block it anew, nobody wants that, also if it was cut short then.
    #[must_use]
    pub(crate) fn last_fresh_start(&self) -> i64 {
        let is_one = |event: &&Event| match event.kind.as_str() {
            "promoted_manual" | "assigned" | "created" | "completed" => true,
            "unblocked" => !self.is_ours(event, &[HOLD, &format!("{UNBLOCK}{TO_BLOCK}")]),
            _ => false,
        };
        self.events.iter().rfind(is_one).map_or(0, |event| event.id)
    }

    /// The newest event by which one of its runs failed, or the board gave up.
    #[must_use]
    pub(crate) fn last_failure(&self) -> Option<&Event> {
        self.events.iter().rfind(|event| FAILURES.contains(&event.kind.as_str()))
    }

    /// Whether its last run failed, and nobody has asked for another since.
    #[must_use]
    pub(crate) fn has_failed(&self) -> bool {
        self.last_failure().is_some_and(|event| event.id > self.last_fresh_start())
    }

    /// What the watchdog said of it after an event.
    pub(crate) fn said_since(&self, event: i64) -> impl Iterator<Item = &str> {
        let newer = self.events.iter().filter(move |other| other.id > event);
        newer.filter_map(|event| self.comment_of(event)).map(|comment| comment.body.as_str())
    }

    /// The kinds of the blocks that the watchdog made since it was last completed.
    pub(crate) fn own_blocks(&self) -> impl Iterator<Item = BlockKind> {
        let completed =
            self.events.iter().rfind(|event| event.kind == "completed").map_or(0, |event| event.id);
        let blocks = self.events.iter().filter(move |event| event.id > completed && event.kind == "blocked");
        let own = blocks.filter(|event| self.is_ours(event, &[BLOCKED]));
        own.filter_map(|event| BlockKind::from_word(event.payload["kind"].as_str()?))
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

    /// The comment of the watchdog that an event tells of. The event knows the author, the length and the time.
    fn comment_of(&self, event: &Event) -> Option<&Comment> {
        if event.kind != "commented" || event.payload["author"] != AUTHOR {
            return None;
        }
        let length = event.payload["len"].as_u64()?;
        // Each is written down with a clock of its own.
        let is_of_that_time = |comment: &&Comment| (comment.at - event.at).abs() <= TimeDelta::seconds(1);
        let is_it =
            |comment: &&Comment| comment.author == AUTHOR && comment.body.chars().count() as u64 == length;
        self.comments.iter().filter(is_of_that_time).rfind(is_it)
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::task::{Claim, Outcome};

    const OURS: &str = "BLOCKED: final.md is missing";

    fn blocked() -> Task {
        Task::sample("t_1", Status::Blocked)
    }

    fn gave_up() -> Task {
        blocked().then("gave_up", None, json!({"failures": 2}))
    }

    fn block_event(task: Task, reason: &str) -> Task {
        task.then("blocked", Some(1), json!({"reason": reason, "kind": null, "recurrences": 1}))
    }

    fn person(reason: &str) -> Option<BlockedBy> {
        Some(BlockedBy::Person { reason: Some(reason.to_owned()) })
    }

    #[test]
    fn who_blocked_a_task_is_told_by_what_came_right_before() {
        let ours = || block_event(blocked().said(AUTHOR, OURS), "final.md is missing");
        let cases = [
            ("the board gave up", gave_up(), Some(BlockedBy::Board)),
            ("the watchdog", ours(), Some(BlockedBy::Watchdog)),
            (
                "a worker says nothing first",
                block_event(blocked(), "review-required"),
                person("review-required"),
            ),
            ("a person", block_event(blocked().said("default", "BLOCKED: no"), "no"), person("no")),
            (
                "a worker, after a word of the watchdog",
                block_event(blocked().said(AUTHOR, "The log ends in a timeout."), "stuck"),
                person("stuck"),
            ),
            (
                "a person, long after a block of the watchdog",
                block_event(ours().then("unblocked", None, Value::Null).ran(2, Outcome::Crashed), "no"),
                person("no"),
            ),
            (
                "the board, after the watchdog",
                ours().then("gave_up", None, json!({})),
                Some(BlockedBy::Board),
            ),
            (
                "the watchdog, after the board",
                block_event(
                    gave_up()
                        .said(AUTHOR, "UNBLOCK: x")
                        .then("unblocked", None, Value::Null)
                        .said(AUTHOR, OURS),
                    "final.md is missing",
                ),
                Some(BlockedBy::Watchdog),
            ),
            (
                "made as blocked",
                blocked().then("created", None, json!({})),
                Some(BlockedBy::Person { reason: None }),
            ),
            ("nothing is known", blocked(), Some(BlockedBy::Person { reason: None })),
            ("not blocked", Task { status: Status::Ready, ..ours() }, None),
        ];
        for (what, task, by) in cases {
            assert_eq!(task.block(), by, "{what}");
        }
    }

    #[test]
    fn a_second_block_of_a_kind_is_foreseen() {
        let task = |block_kind, recurrences| Task { block_kind, recurrences, ..blocked() };
        let (input, untyped) = (BlockKind::NeedsInput, BlockKind::Untyped);
        let cases = [
            (task(None, 0), input, false),
            (task(None, 0), untyped, false),
            (task(Some(input), 1), input, true),
            (task(Some(input), 1), BlockKind::Capability, false),
            (task(Some(untyped), 1), untyped, true),
            (task(Some(untyped), 1), input, false),
            // Kept over a wait for parents, which counts nothing.
            (task(Some(BlockKind::Dependency), 1), BlockKind::Dependency, false),
        ];
        for (task, kind, second) in cases {
            assert_eq!(
                task.would_be_second(kind),
                second,
                "{:?} {} {kind}",
                task.block_kind,
                task.recurrences
            );
        }
    }

    #[test]
    fn failures_count_anew_after_a_completion_and_after_a_person() {
        let failed =
            || blocked().ran(1, Outcome::Crashed).ran(2, Outcome::TimedOut).then("gave_up", None, json!({}));
        let unblocked = |task: Task| task.then("unblocked", None, Value::Null);
        let cases = [
            ("none", blocked(), 0),
            ("two", failed(), 2),
            ("what is no failure", failed().ran(3, Outcome::RateLimited).ran(4, Outcome::Reclaimed), 2),
            ("a person", unblocked(failed()), 0),
            (
                "a person who says why",
                unblocked(failed().said("default", "UNBLOCK: mended")).ran(3, Outcome::Crashed),
                1,
            ),
            (
                "the watchdog",
                unblocked(failed().said(AUTHOR, "UNBLOCK: once more")).ran(3, Outcome::Crashed),
                3,
            ),
            ("the watchdog, to hold it", unblocked(failed().said(AUTHOR, "HOLD: to make it")), 2),
            ("a person, after a word of the watchdog", unblocked(failed().said(AUTHOR, OURS)), 0),
            ("completed", failed().then("completed", Some(2), json!({})).ran(3, Outcome::Crashed), 1),
        ];
        for (what, task, failures) in cases {
            assert_eq!(task.failures(), failures, "{what}");
        }
    }

    #[test]
    fn a_block_that_ends_on_the_way_to_something_else_is_no_fresh_start() {
        let failed =
            || Task::sample("t_1", Status::Ready).ran(1, Outcome::Crashed).then("gave_up", None, json!({}));
        let unblocked = |said: &str, by| {
            let task = if said.is_empty() { failed() } else { failed().said(by, said) };
            task.then("unblocked", None, Value::Null)
        };
        let cases = [
            ("a person", unblocked("", ""), true),
            ("a person who says why", unblocked("UNBLOCK: to block it with its reason", "default"), true),
            ("the watchdog, for another run", unblocked("UNBLOCK: the cause may have passed", AUTHOR), true),
            ("the watchdog, to hold it", unblocked("HOLD: to make final.md", AUTHOR), false),
            ("the watchdog, to block it", unblocked("UNBLOCK: to block it with its reason", AUTHOR), false),
        ];
        for (what, task, is_fresh) in cases {
            assert_eq!(task.last_fresh_start() == task.last_event(), is_fresh, "{what}");
        }
    }

    #[test]
    fn only_a_claim_that_was_marked_is_held() {
        let claim = |worker| Some(Claim { run: Some(3), lock: "vm:7".to_owned(), expires_at: None, worker });
        let running = |worker| Task { claim: claim(worker), ..Task::sample("t_1", Status::Running) };
        let claimed = |task: Task| task.then("claimed", Some(3), Value::Null);
        let hold = |worker| running(worker).said(AUTHOR, "HOLD: to make final.md");
        let cases = [
            ("held", claimed(hold(None)), true),
            ("held from a block", claimed(hold(None).then("unblocked", None, Value::Null)), true),
            (
                "held from a worker that is gone",
                claimed(hold(None).then("reclaimed", Some(2), Value::Null)),
                true,
            ),
            ("held, and somebody says something", claimed(hold(None)).said("default", "what is it?"), true),
            ("a worker", claimed(hold(Some(9))), false),
            ("a person", claimed(running(None)), false),
            ("a person, after it was held before", claimed(hold(None).ran(2, Outcome::Reclaimed)), false),
            ("given back", Task { status: Status::Ready, claim: None, ..claimed(hold(None)) }, false),
        ];
        for (what, task, is_held) in cases {
            assert_eq!(task.is_held(), is_held, "{what}");
        }
    }

    #[test]
    fn a_sign_of_life_is_no_news() {
        let task = blocked().then("claimed", Some(1), Value::Null);
        let newest = task.last_event();
        assert_eq!(task.then("heartbeat", Some(1), Value::Null).last_event(), newest);
        assert_eq!(blocked().last_event(), 0);
    }
}
