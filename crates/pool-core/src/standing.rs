use chrono::{DateTime, TimeDelta, Utc};

use crate::credential::{Credential, Holding, Unresolved};
use crate::provider::Provider;
use crate::record::{LastError, Record, ResetFrom, Rest, State, saturating_add};

/// A throttle of the only credential that could serve ends this long after it was judged: there is nothing to rotate to.
const SOLE_REST: TimeDelta = TimeDelta::seconds(60);

/// How a credential stands at one moment: may it be handed out, and if not, why.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Standing {
    /// It may be handed out.
    Ready,
    /// It rests.
    Resting {
        /// Since when.
        since: Option<DateTime<Utc>>,
        /// Until then.
        until: DateTime<Utc>,
        /// Who said so.
        from: ResetFrom,
        /// What upstream said.
        error: LastError,
    },
    /// Its secret will never work again.
    Dead {
        /// Since when.
        since: Option<DateTime<Utc>>,
        /// What upstream said.
        error: LastError,
    },
    /// There is no secret to hand out, whatever else holds.
    NoSecret {
        /// Why not.
        why: NoSecret,
        /// How it would stand with one: ready or resting.
        otherwise: Box<Self>,
    },
    /// Its status is a word of a newer program.
    UnknownStatus(String),
    /// It was removed, and a stale writer brought it back.
    Removed,
}

/// Why there is no secret to hand out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoSecret {
    /// The entry stores none.
    NotStored,
    /// Its source does not lend it here.
    NotLent(Unresolved),
}

impl Standing {
    /// What was judged of it, whether or not there is a secret to hand out.
    #[must_use]
    pub fn judged(&self) -> &Self {
        match self {
            Self::NoSecret { otherwise, .. } => otherwise,
            standing => standing,
        }
    }

    /// The status that holds now, in the words of the file: `ok`, `exhausted`, `dead`, `removed` or the unknown word.
    #[must_use]
    pub fn status(&self) -> &str {
        match self {
            Self::NoSecret { otherwise, .. } => otherwise.status(),
            Self::Ready => "ok",
            Self::Resting { .. } => "exhausted",
            Self::Dead { .. } => "dead",
            Self::Removed => "removed",
            Self::UnknownStatus(word) => word,
        }
    }

    /// When it returns by itself.
    #[must_use]
    pub fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Resting { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// When it was judged.
    #[must_use]
    pub fn since(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Resting { since, .. } | Self::Dead { since, .. } => *since,
            _ => None,
        }
    }

    /// What upstream said, where that is why it is out.
    #[must_use]
    pub fn error(&self) -> Option<&LastError> {
        match self {
            Self::Resting { error, .. } | Self::Dead { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Judges how one credential stands. `sole` says whether all that could serve once rested is one, be it this or another.
pub(crate) fn standing(
    credential: &Credential,
    record: Option<&Record>,
    provider: &Provider,
    sole: bool,
    now: DateTime<Utc>,
) -> Standing {
    if record.is_some_and(|record| record.is_of_removed(credential, provider)) {
        return Standing::Removed;
    }
    let state = record.map(|record| &record.state).filter(|state| state.holds(credential, provider, now));
    match state {
        Some(State::Removed { .. }) => Standing::Removed,
        Some(State::Unknown { word }) => Standing::UnknownStatus(word.clone()),
        Some(State::Dead(death)) => Standing::Dead { since: death.at, error: death.error.clone() },
        Some(State::Exhausted(rest)) => {
            with_secret(credential, resting(rest, sole && credential.secret().is_some(), now))
        }
        Some(State::Ok { .. }) | None => with_secret(credential, Standing::Ready),
    }
}

fn with_secret(credential: &Credential, standing: Standing) -> Standing {
    match credential.secret() {
        Some(_) => standing,
        None => Standing::NoSecret { why: why_no_secret(credential), otherwise: Box::new(standing) },
    }
}

/// Whether it could be handed out once rested: its status is known, it is not dead, and there is a secret. No time is
/// asked for: only rests pass with it.
pub(crate) fn could_serve(credential: &Credential, record: Option<&Record>, provider: &Provider) -> bool {
    let state = record.map(|record| &record.state);
    let out = state.is_some_and(|state| {
        matches!(state, State::Removed { .. } | State::Unknown { .. } | State::Dead(_))
            && state.is_about(credential, provider)
    });
    !out && credential.secret().is_some()
}

/// How it stands for one model, if that keeps it from being handed out.
pub(crate) fn for_model(
    credential: &Credential,
    record: Option<&Record>,
    provider: &Provider,
    model: &str,
    now: DateTime<Utc>,
) -> Option<Standing> {
    let state = record?.models.get(model)?.clone();
    let record = Record { state, ..Record::default() };
    Some(standing(credential, Some(&record), provider, false, now))
        .filter(|standing| *standing != Standing::Ready)
}

/// When a rest ends as the pool is now: earlier where there is nothing to rotate to.
pub(crate) fn end(rest: &Rest, sole: bool, now: DateTime<Utc>) -> DateTime<Utc> {
    if sole { rest.until.min(sole_end(rest, now)) } else { rest.until }
}

fn resting(rest: &Rest, sole: bool, now: DateTime<Utc>) -> Standing {
    let until = end(rest, sole, now);
    if until <= now {
        return Standing::Ready;
    }
    Standing::Resting { since: rest.at, until, from: rest.from, error: rest.error.clone() }
}

fn sole_end(rest: &Rest, now: DateTime<Utc>) -> DateTime<Utc> {
    let applies = rest.from == ResetFrom::Default && rest.error.kind.is_throttle();
    let judged_at = State::Exhausted(rest.clone()).judged_at(now);
    match judged_at {
        Some(at) if applies => saturating_add(at, SOLE_REST),
        _ => rest.until,
    }
}

fn why_no_secret(credential: &Credential) -> NoSecret {
    match &credential.holding {
        Holding::Borrowed { resolved: Err(why), .. } => NoSecret::NotLent(*why),
        Holding::Borrowed { resolved: Ok(_), .. } => NoSecret::NotLent(Unresolved::VariableNotSet),
        Holding::Owned(_) => NoSecret::NotStored,
    }
}
