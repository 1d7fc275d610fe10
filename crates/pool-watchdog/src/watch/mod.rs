//! One round after another: look at each task, decide, act, and write it down.

mod act;
mod error;
mod look;
mod words;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::Failure;
use pool_sources::Environment;

use crate::acceptance::Acceptance;
use crate::board::Board;
use crate::decision::{Action, Stage};
use crate::diagnosis::{Cause, Diagnosis, Evidence, diagnose};
use crate::home::ProfileHome;
use crate::journal::{Card, Decided, Entry, Journal, Sheet, State, Told, What};
use crate::login::Logins;
use crate::preflight::{self, Preflight, Repaired, Surroundings};
use crate::queue::blocked_roots;
use crate::settings::Settings;
use crate::task::{Status, Task, TaskId};

use act::{Act, Done};
pub use error::WatchError;
pub use look::Looked;
use look::Look;

/// How long another watchdog of the same board is waited for.
const TURN: Duration = Duration::from_secs(10);

/// One task is looked at so often in a round: each action may make another one possible.
const MOST_STEPS: usize = 6;

/// Looks after the workers of some boards.
///
/// It holds nothing between two rounds but its settings: what was done is in the journal and on the boards, so that the next round,
/// of this process or of another, goes on from there.
#[derive(Clone, Debug)]
pub struct Watchdog {
    settings: Settings,
    environment: Environment,
}

/// Whether a task has delivered.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Accepted {
    /// Its board.
    pub board: String,
    /// The task.
    pub task: Task,
    /// What its rule found; none, if it has none.
    pub acceptance: Option<Acceptance>,
    /// What to do next, where something is missing.
    pub next: Option<String>,
}

/// Who is told of each entry, as it is written down.
type Tell<'a, E> = dyn FnMut(&Entry) -> Result<(), E> + 'a;

impl Watchdog {
    /// A watchdog with these settings, for the user of this environment.
    #[must_use]
    pub fn new(settings: Settings, environment: Environment) -> Self {
        Self { settings, environment }
    }

    /// What it goes by.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What was written down.
    #[must_use]
    pub fn journal(&self) -> Journal {
        Journal::open(&self.settings.state)
    }

    /// Looks at each board, decides, acts, and writes it down; then brings the pages up to date.
    ///
    /// `stop` is asked between two actions: one that was begun is finished. A board that another watchdog is at is left to it.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written, when no board can be read, or when `tell` fails. What cannot be done to one task is
    /// written down, and the round goes on with the next.
    pub fn round<E: From<WatchError>>(
        &self,
        clock: &dyn Fn() -> DateTime<Utc>,
        stop: &dyn Fn() -> bool,
        tell: &mut Tell<'_, E>,
    ) -> Result<(), E> {
        let mut journal = self.journal();
        let mut result = Ok(());
        for slug in &self.settings.boards {
            let done = self.round_of(slug, &mut journal, clock, stop, tell);
            // One board that is away keeps nobody from the others.
            result = result.and(done);
        }
        journal.publish().map_err(WatchError::from)?;
        result
    }
}
