//! What a watchdog can be asked: to go its rounds, to tell what it would do, and what it thinks of a log, a task or a profile.

mod accuse;
mod act;
mod error;
mod look;
mod round;
#[cfg(test)]
#[cfg(unix)]
mod tests;
mod words;

use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_sources::Environment;

use crate::acceptance::Acceptance;
use crate::board::Board;
use crate::decision::Stage;
use crate::diagnosis::{Diagnosis, Evidence, diagnose};
use crate::home::ProfileHome;
use crate::journal::{Entry, Journal, JournalError, JournalState};
use crate::login::Logins;
use crate::preflight::{self, Preflight, Repaired, Surroundings};
use crate::settings::Settings;
use crate::task::{Task, TaskId};

pub use error::WatchError;
use look::{Examined, Look};
use round::{Round, entry_of};

/// How long another watchdog of the same board is waited for.
const TURN: Duration = Duration::from_secs(10);

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

    /// The longest that one action takes, but for a copy of a workspace: each command that makes something, and what the board is told.
    #[must_use]
    pub fn longest_action(&self) -> Duration {
        let files = self.settings.rules.iter().map(|rule| rule.deliverables.len() + rule.state.len()).max();
        let commands = u32::try_from(files.unwrap_or(0)).unwrap_or(u32::MAX);
        self.settings.policy.make_timeout.saturating_mul(commands).saturating_add(act::AFTERWARDS)
    }

    /// Looks at each board, decides, acts, and writes it down; then brings the pages up to date.
    ///
    /// The journal is that of [`Self::journal`]; whoever keeps it for the next round has it read only what is new.
    ///
    /// `stop` is asked between two actions: one that was begun is finished.
    ///
    /// # Errors
    ///
    /// When a board cannot be read or another watchdog is at it, or the journal cannot be written. The other boards are looked after
    /// all the same. What cannot be done to one task is written down, and the round goes on with the next.
    pub fn round(
        &self,
        journal: &mut Journal,
        clock: &dyn Fn() -> DateTime<Utc>,
        stop: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(&Entry),
    ) -> Result<(), WatchError> {
        let mut result = Ok(());
        for slug in &self.settings.boards {
            let done = Board::find(&self.settings, slug).map_err(WatchError::from).and_then(|board| {
                let _lock = board.lock(TURN)?;
                let _guest = board.visit()?;
                Round {
                    watchdog: self,
                    board: &board,
                    journal: &mut *journal,
                    clock,
                    stop,
                    tell: &mut *tell,
                    has_acted: false,
                    examined: Examined::default(),
                }
                .run()
            });
            result = result.and(done);
        }
        let published = match journal.publish() {
            // The journal is whole, and the next round makes the page.
            Err(error @ JournalError::Busy { .. }) => {
                tracing::warn!("{error}");
                Ok(())
            }
            published => published,
        };
        result.and(published.map_err(WatchError::from))
    }

    /// Tells what a round would decide, and neither does nor writes anything.
    ///
    /// # Errors
    ///
    /// When a board or the journal cannot be read. What the other boards tell is told all the same.
    pub fn rehearse(&self, now: DateTime<Utc>, tell: &mut dyn FnMut(&Entry)) -> Result<(), WatchError> {
        let mut journal = self.journal();
        let around = self.around(now);
        let state = journal.state()?.clone();
        let mut result = Ok(());
        for slug in &self.settings.boards {
            let read = Board::find(&self.settings, slug).and_then(|board| Ok((board.read()?, board)));
            let (tasks, board) = match read {
                Ok(read) => read,
                Err(error) => {
                    result = result.and(Err(error.into()));
                    continue;
                }
            };
            let look = Look {
                settings: &self.settings,
                around: &around,
                board: &board,
                journal: &state,
                examined: &Examined::default(),
            };
            for task in tasks {
                let looked = look.at(task);
                if looked.case.stage != Stage::Finished {
                    tell(&journal.masked(&entry_of(now, slug, &looked))?);
                }
            }
        }
        result
    }

    /// Whether a task has delivered, wherever it stands. Changes nothing.
    ///
    /// # Errors
    ///
    /// When none of the boards that can be read has the task.
    pub fn accept(&self, id: &TaskId, now: DateTime<Utc>) -> Result<Accepted, WatchError> {
        let around = self.around(now);
        let mut unread = None;
        for slug in &self.settings.boards {
            let found = Board::find(&self.settings, slug).and_then(|board| Ok((board.task(id)?, board)));
            let (task, board) = match found {
                Ok((Some(task), board)) => (task, board),
                Ok((None, _)) => continue,
                Err(error) => {
                    unread = unread.or(Some(error));
                    continue;
                }
            };
            let journal = JournalState::default();
            let look = Look {
                settings: &self.settings,
                around: &around,
                board: &board,
                journal: &journal,
                examined: &Examined::default(),
            };
            let acceptance = look.accept(&task);
            let next = look.what_is_left(&task, acceptance.as_ref());
            return Ok(Accepted { board: slug.clone(), task, acceptance, next });
        }
        Err(match unread {
            Some(error) => error.into(),
            None => WatchError::NoTask { task: id.clone(), boards: self.settings.boards.clone() },
        })
    }

    /// What a log tells of a worker, and what to do about it. With the profile that ran it, its logins are looked at, too.
    #[must_use]
    pub fn diagnose(
        &self,
        log: &str,
        profile: Option<&str>,
        now: DateTime<Utc>,
    ) -> (Diagnosis, Option<String>) {
        let around = self.around(now);
        let home =
            profile.and_then(|profile| ProfileHome::of(&self.settings, profile, &self.environment).ok());
        let logins = home.map(|home| Logins::of(&home, &self.environment, now));
        let mut evidence = Evidence::at(now).log(log);
        evidence.logins = logins.as_ref();
        let diagnosis = diagnose(&evidence);
        let preflight = profile.map(|profile| preflight::examine(&self.settings, profile, &around));
        let next = words::cure(&diagnosis, profile, preflight.as_ref());
        (diagnosis, next)
    }

    /// Looks at all that a worker of this profile needs.
    #[must_use]
    pub fn preflight(&self, profile: &str, now: DateTime<Utc>) -> Preflight {
        preflight::examine(&self.settings, profile, &self.around(now))
    }

    /// Repairs what nothing can be lost by, and looks again.
    #[must_use]
    pub fn mend(&self, profile: &str, now: DateTime<Utc>) -> (Vec<Repaired>, Preflight) {
        preflight::mend(&self.settings, profile, &self.around(now))
    }

    fn around(&self, now: DateTime<Utc>) -> Surroundings {
        let mut around = Surroundings::of_process(now);
        around.environment = self.environment.clone();
        around
    }
}
