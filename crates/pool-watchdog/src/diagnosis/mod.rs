//! What went wrong with a worker, told from its log, from what the board says, and from the logins it could find.

mod board;
mod call;
mod case;
mod hermes;
mod line;
mod worker_log;

#[cfg(test)]
pub(crate) mod harm;
#[cfg(test)]
mod tests;

use std::fmt;

use chrono::{DateTime, Utc};
use pool_core::{Failure, Kind, Provider, words};

use self::board::End;
use self::case::Case;
use self::worker_log::WorkerLog;
use crate::login::{Logins, Residency};
use crate::task::Task;

words! {
    /// Why a worker ended without closing its task.
    Cause {
        /// The profile has no login that its worker could see.
        MissingLogin = "missing_login",
        /// The worker used an old login, and a newer one lies beside it.
        StaleSync = "stale_sync",
        /// A call beside the main turn failed, and the main turn went on.
        Auxiliary = "auxiliary",
        /// The workspace demands a header that names its region.
        MissingResidency = "missing_residency",
        /// The login was revoked: only a new one helps.
        Revoked = "revoked",
        /// The provider refused the login, and said something else of it.
        LoginRefused = "login_refused",
        /// The account was throttled, or is out of quota.
        Throttled = "throttled",
        /// The provider answered that it was in trouble.
        ProviderTrouble = "provider_trouble",
        /// There was no answer in time.
        Timeout = "timeout",
        /// There was no connection.
        Connection = "connection",
        /// The worker ended as if all was well, and closed nothing.
        ProtocolViolation = "protocol_violation",
        /// A skill that the task asks for is not installed.
        MissingSkill = "missing_skill",
        /// Its process failed or was killed.
        Crash = "crash",
        /// Nothing tells what it was.
        Unknown = "unknown",
    }
}

impl Cause {
    /// Whether another login would cure it.
    #[must_use]
    pub fn is_about_login(self) -> bool {
        matches!(self, Self::MissingLogin | Self::StaleSync | Self::Revoked | Self::LoginRefused)
    }

    /// Whether it passes by itself.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Timeout | Self::Connection | Self::ProviderTrouble | Self::Throttled)
    }
}

/// What a diagnosis is made of. Everything but the time may be missing.
#[derive(Clone)]
#[non_exhaustive]
pub struct Evidence<'a> {
    /// The end of the worker's log. It may hold several attempts: only the last counts.
    pub log: Option<&'a str>,
    /// The task, with its runs and events.
    pub task: Option<&'a Task>,
    /// The logins that its profile could see.
    pub logins: Option<&'a Logins>,
    /// Now: what a log says of waiting counts from the end of the run, or else from now.
    pub now: DateTime<Utc>,
}

impl<'a> Evidence<'a> {
    /// No evidence yet, but what time it is.
    #[must_use]
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { log: None, task: None, logins: None, now }
    }

    /// Adds the end of the worker's log.
    #[must_use]
    pub fn log(self, log: &'a str) -> Self {
        Self { log: Some(log), ..self }
    }

    /// Adds the task, with its runs and events.
    #[must_use]
    pub fn task(self, task: &'a Task) -> Self {
        Self { task: Some(task), ..self }
    }

    /// Adds the logins that its profile could see.
    #[must_use]
    pub fn logins(self, logins: &'a Logins) -> Self {
        Self { logins: Some(logins), ..self }
    }
}

/// A log may hold a key.
impl fmt::Debug for Evidence<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = self.task.map(|task| &task.id);
        let mut shown = formatter.debug_struct("Evidence");
        shown
            .field("task", &task)
            .field("logins", &self.logins)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What went wrong, and what says so.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Why the worker ended.
    pub cause: Cause,
    /// The words that say so, in one line and without a secret: a line of the log, or of the board.
    pub says: String,
    /// The line of the log, counted from 1, where it is one.
    pub line: Option<usize>,
    /// The provider that the failed call was made to.
    pub provider: Option<Provider>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// What the provider answered, as the pool takes it.
    pub failure: Option<Failure>,
    /// What the rules of the pool make of it.
    pub kind: Option<Kind>,
    /// Until when it lasts, where anybody said so.
    pub until: Option<DateTime<Utc>>,
    /// The region that is demanded, where a token names it.
    pub residency: Option<Residency>,
    /// The skills that are missing.
    pub skills: Vec<String>,
    /// What else was seen and decides nothing: a side call that failed, a retry that went well.
    pub asides: Vec<String>,
}

/// Finds out why a worker ended without closing its task.
///
/// What a worker ended with decides: a call that failed, unless the main turn went on after it. Where its log tells of none, the
/// board does.
///
/// ```
/// use pool_watchdog::{Cause, Evidence, diagnose};
///
/// let log = "Query: work kanban task t_52cac9ce
/// ⚠️  API call failed (attempt 3/3): APITimeoutError
///    📝 Error: Request timed out.
/// ❌ API failed after 3 retries — Request timed out.
/// ";
/// let diagnosis = diagnose(&Evidence::at(chrono::DateTime::UNIX_EPOCH).log(log));
/// assert_eq!(diagnosis.cause, Cause::Timeout);
/// assert_eq!((diagnosis.line, diagnosis.says.as_str()), (Some(3), "Request timed out."));
/// ```
#[must_use]
pub fn diagnose(evidence: &Evidence<'_>) -> Diagnosis {
    let end = evidence.task.and_then(End::of);
    let (end, since) = end.map_or((None, evidence.now), |(end, at)| (Some(end), at));
    // A worker that was not started wrote nothing: the log is that of another.
    let log = evidence.log.filter(|_| !matches!(end, Some(End::NotStarted(_))));
    let log = log.map(WorkerLog::read).unwrap_or_default();
    Case { log, end, logins: evidence.logins, since }.diagnose()
}
