//! What a worker's log says of a credential is told to the pool.

use super::WatchError;
use super::act::Done;
use super::look::{self, Looked};
use super::round::Round;
use crate::diagnosis::{Cause, Diagnosis};
use crate::home::ProfileHome;
use crate::journal::JournalState;
use crate::line::in_words;
use crate::pool_report::{Accusation, PoolReport, report_to_pool};

impl Round<'_> {
    /// Tells the pool of the profile, once a run, that a credential was revoked or throttled. Answers whether it knows of it now.
    pub(super) fn report_to_pool(&mut self, looked: &Looked) -> Result<bool, WatchError> {
        const ACTION: &str = "report_to_pool";
        let settings = &self.watchdog.settings;
        let task = &looked.task;
        // One that was cut short may have told nothing; twice it tells nothing new.
        let is_told = |journal: &JournalState| {
            let since = task.last_failure().map_or(0, |event| event.id);
            let tried = journal.attempts(self.board.name(), task.id.as_str(), ACTION, since);
            tried.done > 0 || tried.failed > 0
        };
        let Some((diagnosis, home)) = self.accused(looked) else { return Ok(false) };
        if !settings.policy.reports_to_pool || is_told(self.journal.state()?) {
            return Ok(false);
        }
        let (Some(provider), Some(failure)) = (&diagnosis.provider, &diagnosis.failure) else {
            return Ok(false);
        };
        let ended = task.last_failure().map(|event| event.at);
        let accusation = Accusation {
            provider,
            failure: failure.clone(),
            at: ended.unwrap_or_else(self.clock),
            says: &diagnosis.says,
        };
        let around = self.watchdog.around((self.clock)());
        self.begin(Some(task), ACTION, format!("{provider}: {}", diagnosis.says))?;
        let (done, is_news) = match report_to_pool(&home, &accusation, &around) {
            Ok(PoolReport::Taken { says }) => (Done::well(says), true),
            Ok(PoolReport::Nothing { says }) => (Done::well(says), false),
            Ok(PoolReport::Unclear { says, next }) => {
                (Done::not(format!("{says}; tell it yourself: `{next}`")), false)
            }
            Err(error) => (Done::not(in_words(&error)), false),
        };
        self.end(Some(task), ACTION, &done)?;
        Ok(is_news)
    }

    /// What was found out about a credential that another run would meet again, and the home it was found in.
    fn accused<'l>(&self, looked: &'l Looked) -> Option<(&'l Diagnosis, ProfileHome)> {
        let diagnosis = looked.diagnosis.as_ref()?;
        let is_of_a_credential = matches!(diagnosis.cause, Cause::Revoked | Cause::Throttled);
        let profile =
            look::ran_by(&looked.task).filter(|_| is_of_a_credential && looked.case.stage.is_open())?;
        Some((diagnosis, ProfileHome::of(&self.watchdog.settings, profile, &self.watchdog.environment).ok()?))
    }
}
