//! All that a decision depends on, in the words of its table.

use chrono::{DateTime, Utc};
use pool_core::words;

use super::Action;
use crate::diagnosis::Cause;
use crate::task::BlockKind;

words! {
    /// Where a task stands, as far as that matters to somebody who looks after it.
    Stage {
        /// It is done, or was put away.
        Finished = "finished",
        /// It waits for its parents, for its time, or for a person to say what it is.
        Waiting = "waiting",
        /// Somebody has it: a live worker, one on another machine, or a claim without a process.
        Working = "working",
        /// It runs, by the board, but its process is gone.
        Gone = "gone",
        /// We claimed it to make what is missing, and were cut short.
        Held = "held",
        /// The dispatcher may start it, and it has not failed since somebody put it there.
        Fresh = "fresh",
        /// It is ready, and the board never starts it: nobody is to run it, or a profile that is not there.
        Stranded = "stranded",
        /// The dispatcher may start it again: its last run failed.
        Failed = "failed",
        /// The board tries it no more.
        GivenUp = "given_up",
        /// We blocked it.
        Ours = "ours",
        /// Somebody else blocked it: a person, or its own worker.
        Theirs = "theirs",
        /// Somebody else blocked it, and the policy lets us end such blocks when the work is complete.
        Yielding = "yielding",
    }
}

impl Stage {
    /// Whether nobody is at it, and it is not somebody else's to decide: only then anything is done.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Gone | Self::Held | Self::Failed | Self::GivenUp | Self::Ours | Self::Yielding)
    }
}

words! {
    /// What a task has delivered.
    Work {
        /// All that its rule asks for.
        Accepted = "accepted",
        /// Its evidence, and a command makes each thing that is missing.
        Makeable = "makeable",
        /// Too little.
        Lacking = "lacking",
        /// No rule says what it has to deliver.
        Unruled = "unruled",
    }
}

words! {
    /// How the logins are that the next worker would find.
    Login {
        /// There is a good one; where one was refused, another than that.
        Good = "good",
        /// A repair is known.
        Mendable = "mendable",
        /// Only a person can make one.
        Broken = "broken",
    }
}

/// One case: what is known of a task that somebody has to decide on.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Case {
    /// Where it stands.
    pub stage: Stage,
    /// Why its last run ended.
    pub cause: Cause,
    /// What it has delivered.
    pub work: Work,
    /// How the logins are, where the cause is about one.
    pub login: Login,
    /// Whether the skills it needs are there by now.
    pub has_skills: bool,
    /// Whether it may run again. Where the cause passes by itself, the board's own reruns count, too; where something was in the
    /// way, only ours do, since the board's could not go better.
    pub may_retry: bool,
    /// Whether what is missing may be made once more.
    pub may_make: bool,
    /// Whether the dispatcher may be called.
    pub may_dispatch: bool,
    /// Until when a retry has to wait.
    pub wait: Option<DateTime<Utc>>,
    /// The kind of block that the board would send to triage.
    pub triage_block: Option<BlockKind>,
    /// The kinds of the blocks that we made since it was last completed.
    pub own_blocks: Vec<BlockKind>,
    /// What was tried since its last run and failed, and when it may be tried again.
    pub failed_actions: Vec<(Action, DateTime<Utc>)>,
    /// Whether we have said already, since its last run, what is missing.
    pub is_told: bool,
}

impl Case {
    /// A task in this stage, of which nothing else is known.
    #[must_use]
    pub fn new(stage: Stage, cause: Cause, work: Work) -> Self {
        Self {
            stage,
            cause,
            work,
            login: Login::Good,
            has_skills: true,
            may_retry: true,
            may_make: true,
            may_dispatch: true,
            wait: None,
            triage_block: None,
            own_blocks: Vec::new(),
            failed_actions: Vec::new(),
            is_told: false,
        }
    }

    /// Whether a block of this kind would be the second one.
    #[must_use]
    pub fn is_spent(&self, kind: BlockKind) -> bool {
        self.triage_block == Some(kind) || self.own_blocks.contains(&kind)
    }

    /// The kind of block that tells its cause. Each cause has one, so that the board can see whether it comes back.
    #[must_use]
    pub fn block_kind(&self) -> BlockKind {
        match self.cause {
            cause if cause.is_about_login() => BlockKind::NeedsInput,
            Cause::MissingResidency | Cause::MissingSkill => BlockKind::Capability,
            _ => BlockKind::Transient,
        }
    }
}
