//! What can be done to a task: what it needs, what the board is told, and what proves it.

use std::ffi::OsString;
use std::time::Duration;

use pool_core::mask_keys;
use serde_json::Value;

use super::error::BoardError;
use super::life::{self, Life};
use crate::history::{BlockedBy, HOLD, TO_BLOCK};
use crate::task::{BlockKind, Comment, Status, Task, TaskId};

/// The longest text that the board is given; the rest is cut. A system takes 128 KiB as one argument.
const LONGEST_TEXT: usize = 16 * 1024;

/// The longest metadata that the board is given.
const LONGEST_METADATA: usize = 96 * 1024;

/// Something to do to a task.
///
/// Secrets in its texts are masked, control characters are left out, and very long ones are cut, before the board is told.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Verb {
    /// Completes it. A scratch workspace goes away with that, once no child is left that may read it.
    ///
    /// From `ready` and `blocked`, and from `running` if the worker is gone.
    Complete {
        /// What was done: the tasks that wait for it are told.
        summary: String,
        /// An object. Of a scratch workspace, the files that `artifacts` names are kept, and each must be there.
        metadata: Value,
    },
    /// Blocks it, or blocks it anew where the board has given up, so that the block says why.
    ///
    /// From `ready` and `blocked`, and from `running` if the worker is gone. Not as [`BlockKind::Dependency`], which is no block: the board
    /// lets such a task wait for its parents.
    Block {
        /// What kind of reason.
        kind: BlockKind,
        /// Why, and what to do next.
        reason: String,
    },
    /// Says something of it.
    Comment {
        /// What.
        text: String,
    },
    /// Claims it, so that no dispatcher starts a worker, and ends its block or the claim of a worker that is gone.
    ///
    /// From `ready` and `blocked`, and from `running` if the worker is gone.
    Hold {
        /// After how long the board takes it back by itself.
        ttl: Duration,
        /// What for.
        reason: String,
    },
    /// Gives back what is held: it is ready again.
    Release {
        /// Why.
        reason: String,
    },
    /// Ends its block, so that the dispatcher starts a worker. From `blocked` and `scheduled`.
    Unblock {
        /// Why.
        reason: String,
    },
}

/// The words after `hermes kanban`.
type Words = Vec<OsString>;

impl Verb {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Complete { .. } => "complete",
            Self::Block { .. } => "block",
            Self::Comment { .. } => "comment",
            Self::Hold { .. } => "hold",
            Self::Release { .. } => "release",
            Self::Unblock { .. } => "unblock",
        }
    }

    /// Whether it can be done to a task whose worker is like that.
    pub(super) fn check(&self, task: &Task, life: Life) -> Result<(), BoardError> {
        let from: &[Status] = match self {
            Self::Comment { .. } => return Ok(()),
            Self::Block { kind: BlockKind::Dependency, .. } => &[],
            Self::Complete { .. } | Self::Block { .. } | Self::Hold { .. } => {
                &[Status::Ready, Status::Blocked, Status::Running]
            }
            Self::Release { .. } => &[Status::Running],
            Self::Unblock { .. } => &[Status::Blocked, Status::Scheduled],
        };
        // A claim without a worker is of somebody who does the work in another way: ours only, if it was marked.
        let is_of_another = task.status == Status::Running && life == Life::NoWorker && !task.is_held();
        let is_held_already = matches!(self, Self::Hold { .. }) && task.is_held();
        let holds_nothing = matches!(self, Self::Release { .. }) && !task.is_held();
        if !from.contains(&task.status) || is_of_another || is_held_already || holds_nothing {
            let (task, status) = (task.id.clone(), task.status);
            return Err(BoardError::Unfit { task, verb: self.name(), status });
        }
        self.check_worker(task, life)?;
        match self {
            Self::Block { kind, .. } if task.would_be_second(*kind) => {
                Err(BoardError::SecondBlock { task: task.id.clone(), kind: *kind })
            }
            Self::Complete { metadata, .. } => check_length(&task.id, metadata),
            _ => Ok(()),
        }
    }

    fn check_worker(&self, task: &Task, life: Life) -> Result<(), BoardError> {
        match life {
            Life::Alive { pid } => Err(BoardError::LiveWorker { task: task.id.clone(), pid }),
            Life::Elsewhere { host } => Err(BoardError::Elsewhere { task: task.id.clone(), host }),
            // To take back a claim, the board ends the process that has the worker's number now, whoever that is.
            Life::Gone { pid } if matches!(self, Self::Hold { .. }) && life::exists(pid) => {
                Err(BoardError::LiveWorker { task: task.id.clone(), pid })
            }
            _ => Ok(()),
        }
    }

    /// Whether a block ends on the way.
    pub(super) fn ends_block(&self, task: &Task) -> bool {
        task.status == Status::Blocked && matches!(self, Self::Block { .. } | Self::Hold { .. })
    }

    /// What the board is told, one command after the other. Whatever may begin with `-` follows `=` or `--`.
    pub(super) fn commands(&self, task: &Task) -> Vec<Words> {
        let id = task.id.as_str();
        match self {
            Self::Complete { summary, metadata } => {
                let words = vec![text_option("--summary=", summary), format!("--metadata={metadata}").into()];
                vec![command("complete", words, [id])]
            }
            Self::Block { kind, reason } => {
                let kind = (*kind != BlockKind::Untyped).then(|| format!("--kind={kind}").into());
                let block = command("block", kind.into_iter().collect(), [id, &text(reason)]);
                let first = self
                    .ends_block(task)
                    .then(|| command("unblock", vec![format!("--reason={TO_BLOCK}").into()], [id]));
                first.into_iter().chain([block]).collect()
            }
            Self::Comment { text: said } => vec![command("comment", Vec::new(), [id, &text(said)])],
            Self::Hold { ttl, reason } => {
                let why = text(&format!("{HOLD}{reason}"));
                let ttl = format!("--ttl={}", ttl.as_secs().max(1));
                let free = match task.status {
                    Status::Blocked => Some("unblock"),
                    Status::Running => Some("reclaim"),
                    _ => None,
                };
                let free = free.map(|verb| command(verb, Vec::new(), [id]));
                let mut commands = vec![command("comment", Vec::new(), [id, &why])];
                commands.extend(free);
                commands.push(command("claim", vec![ttl.into()], [id]));
                commands
            }
            Self::Release { reason } => {
                vec![command("reclaim", vec![text_option("--reason=", reason)], [id])]
            }
            Self::Unblock { reason } => {
                vec![command("unblock", vec![text_option("--reason=", reason)], [id])]
            }
        }
    }

    /// Whether the board, read again, shows that it was done.
    pub(super) fn is_proved(&self, before: &Task, after: &Task) -> bool {
        let has_new = |kind: &str| {
            after.events.iter().any(|event| event.id > before.last_event() && event.kind == kind)
        };
        match self {
            Self::Complete { .. } => after.status == Status::Done && has_new("completed"),
            Self::Block { kind, .. } => {
                let is_ours = after.block() == Some(BlockedBy::Watchdog);
                is_ours && after.block_kind == Some(*kind) && has_new("blocked")
            }
            Self::Comment { text: said } => {
                let is_it = |comment: &Comment| comment.body.trim() == text(said).trim();
                has_new("commented") && after.comments.iter().any(is_it)
            }
            Self::Hold { .. } => after.is_held() && has_new("claimed"),
            Self::Release { .. } => after.status == Status::Ready && has_new("reclaimed"),
            Self::Unblock { .. } => {
                matches!(after.status, Status::Ready | Status::Todo) && has_new("unblocked")
            }
        }
    }
}

fn check_length(task: &TaskId, metadata: &Value) -> Result<(), BoardError> {
    let length = metadata.to_string().len();
    if length > LONGEST_METADATA {
        return Err(BoardError::TooLong { task: task.clone(), length, most: LONGEST_METADATA });
    }
    Ok(())
}

fn command<const N: usize>(verb: &str, options: Words, texts: [&str; N]) -> Words {
    let texts = texts.into_iter().map(OsString::from);
    [verb.into()].into_iter().chain(options).chain(["--".into()]).chain(texts).collect()
}

fn text_option(option: &str, value: &str) -> OsString {
    format!("{option}{}", text(value)).into()
}

/// A text as the board is given it.
fn text(given: &str) -> String {
    const CUT: &str = " [cut]";
    let is_printed = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let mut text: String = mask_keys(given).chars().filter(is_printed).collect();
    if text.len() > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT - CUT.len()));
        text.push_str(CUT);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::task::Claim;

    fn lines(verb: &Verb, task: &Task) -> Vec<String> {
        let line =
            |words: Words| words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join("|");
        verb.commands(task).into_iter().map(line).collect()
    }

    fn block(kind: BlockKind) -> Verb {
        Verb::Block { kind, reason: "-rf".to_owned() }
    }

    #[test]
    fn no_text_is_taken_for_an_option() {
        let ready = Task::sample("t_1", Status::Ready);
        let blocked = Task { status: Status::Blocked, ..ready.clone() };
        let running = Task { status: Status::Running, ..ready.clone() };
        let complete = Verb::Complete { summary: "--help".to_owned(), metadata: json!({"n": 1}) };
        let hold = Verb::Hold { ttl: Duration::from_millis(900_500), reason: "to make it".to_owned() };
        assert_eq!(lines(&complete, &ready), [r#"complete|--summary=--help|--metadata={"n":1}|--|t_1"#]);
        assert_eq!(lines(&block(BlockKind::Transient), &ready), ["block|--kind=transient|--|t_1|-rf"]);
        assert_eq!(
            lines(&block(BlockKind::Untyped), &blocked),
            ["unblock|--reason=to block it with its reason|--|t_1", "block|--|t_1|-rf"]
        );
        assert_eq!(lines(&hold, &ready), ["comment|--|t_1|HOLD: to make it", "claim|--ttl=900|--|t_1"]);
        assert_eq!(lines(&hold, &blocked)[1], "unblock|--|t_1");
        assert_eq!(lines(&hold, &running)[1], "reclaim|--|t_1");
        assert_eq!(lines(&Verb::Unblock { reason: "-".to_owned() }, &blocked), ["unblock|--reason=-|--|t_1"]);
        assert_eq!(lines(&Verb::Release { reason: "-".to_owned() }, &running), ["reclaim|--reason=-|--|t_1"]);
    }

    #[test]
    fn a_text_is_cut_and_holds_neither_secrets_nor_controls() {
        assert_eq!(text("a\u{1b}[31m\0 sk-or-v1-0123456789abcdef\nb"), "a[31m [redacted]\nb");
        let long = text(&"ä".repeat(LONGEST_TEXT));
        assert!(long.len() <= LONGEST_TEXT && long.ends_with("ä [cut]"));
    }

    #[test]
    fn what_does_not_fit_is_refused_before_anything_is_done() {
        let claim = |worker| Some(Claim { run: Some(1), lock: "vm:7".to_owned(), expires_at: None, worker });
        let at = |status| Task::sample("t_1", status);
        let running = |worker| Task { claim: claim(worker), ..at(Status::Running) };
        let once = || Task { block_kind: Some(BlockKind::Transient), recurrences: 1, ..at(Status::Ready) };
        let complete = || Verb::Complete { summary: "s".to_owned(), metadata: json!({}) };
        let long = || Verb::Complete { summary: "s".to_owned(), metadata: json!("x".repeat(200_000)) };
        let hold = || Verb::Hold { ttl: Duration::from_secs(1), reason: "r".to_owned() };
        let release = || Verb::Release { reason: "r".to_owned() };
        let (alive, gone) = (Life::Alive { pid: 9 }, Life::Gone { pid: u32::MAX });
        let elsewhere = || Life::Elsewhere { host: "far".to_owned() };
        let cases = [
            (complete(), at(Status::Ready), Life::NoWorker, "ok"),
            (complete(), at(Status::Todo), Life::NoWorker, "cannot complete t_1: it is todo"),
            (complete(), at(Status::Done), Life::NoWorker, "cannot complete t_1: it is done"),
            (complete(), running(Some(9)), gone.clone(), "ok"),
            (
                complete(),
                running(Some(9)),
                alive.clone(),
                "t_1 has a live worker (pid 9): nothing is done over it",
            ),
            (complete(), running(None), Life::NoWorker, "cannot complete t_1: it is running"),
            (
                block(BlockKind::Transient),
                running(Some(9)),
                elsewhere(),
                "t_1 has a worker on far: only a watchdog there can tell whether it lives",
            ),
            (
                block(BlockKind::Dependency),
                at(Status::Ready),
                Life::NoWorker,
                "cannot block t_1: it is ready",
            ),
            (
                block(BlockKind::Transient),
                once(),
                Life::NoWorker,
                "t_1 was blocked as transient before: a second block of a kind sends it to triage, so it gets a comment instead",
            ),
            (block(BlockKind::NeedsInput), once(), Life::NoWorker, "ok"),
            (hold(), at(Status::Scheduled), Life::NoWorker, "cannot hold t_1: it is scheduled"),
            (hold(), running(Some(9)), gone, "ok"),
            (release(), running(None), Life::NoWorker, "cannot release t_1: it is running"),
            (Verb::Comment { text: "t".to_owned() }, running(Some(9)), alive, "ok"),
            (
                long(),
                at(Status::Ready),
                Life::NoWorker,
                "the metadata of t_1 has 200002 bytes: a command can be told 98304",
            ),
        ];
        for (verb, task, life, expected) in cases {
            let said = verb.check(&task, life).map_or_else(|error| error.to_string(), |()| "ok".to_owned());
            assert_eq!(said, expected, "{}", verb.name());
        }
    }
}
