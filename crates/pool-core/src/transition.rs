//! The state machine of one credential, one function per event. Each takes the state that applies and gives the next one;
//! a verdict on a secret that was replaced must already be gone: see [`State::is_about`].

use chrono::{DateTime, Utc};

use crate::record::{Death, Judged, Judgement, LastError, Rest, State};
use crate::secret::Fingerprint;
use crate::standing::end;
use crate::verdict::Scope;

/// Whether a reset also revives what is dead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Revive {
    /// Dead stays dead.
    #[default]
    Nobody,
    /// The operator says that the secret works again.
    TheDead,
}

/// Whether a new secret continues the grant of the old one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grant {
    /// Our own refresh: the same login, so that a quota that was judged still stands.
    Same,
    /// A new login or key.
    New,
}

/// The secret that failed, and whose account it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Suspect {
    pub(crate) subject: Option<Fingerprint>,
    /// Whether it is the secret that is sent, and not the one that renews it.
    pub(crate) is_sent: bool,
    pub(crate) account: Option<Fingerprint>,
}

/// A failure. Death is kept with its first time and reason; of two rests the later end wins, with the verdict that set it;
/// where they end alike, the later verdict. `sole` says whether all that could serve is this one, so that some end earlier.
pub(crate) fn fail(
    state: &State,
    judgement: &Judgement,
    suspect: Suspect,
    error: LastError,
    sole: bool,
    now: DateTime<Utc>,
) -> State {
    match state {
        // Bound to what is sent, it holds as long as that could be handed out.
        State::Dead(death) if judgement.verdict.is_terminal() && suspect.is_sent => {
            State::Dead(Death { subject: suspect.subject, ..death.clone() })
        }
        State::Dead(_) | State::Removed { .. } | State::Unknown { .. } => state.clone(),
        // News from before it was cleared.
        State::Ok { .. } if state.judged_at(now).is_some_and(|cleared_at| cleared_at > now) => state.clone(),
        _ if judgement.verdict.is_terminal() => {
            State::Dead(Death { at: Some(now), subject: suspect.subject, error })
        }
        _ => {
            // What one key may not do, another key of the account may.
            let account = suspect.account.filter(|_| judgement.verdict.scope != Scope::Credential);
            let judged = Judged::by(judgement.verdict.kind, suspect.subject, account);
            let from = judgement.reset_from();
            let new = Rest { at: Some(now), until: judgement.until, from, judged, error };
            match state {
                State::Exhausted(old) if end(old, sole, now) > end(&new, sole, now) => state.clone(),
                _ => State::Exhausted(new),
            }
        }
    }
}

/// A success of a request that began at `began_at`: it clears what was judged before that.
pub(crate) fn succeed(state: &State, began_at: DateTime<Utc>, now: DateTime<Utc>) -> State {
    match state {
        State::Exhausted(_) if state.judged_at(now).is_none_or(|at| began_at > at) => cleared(now),
        _ => state.clone(),
    }
}

/// The operator clears it.
pub(crate) fn reset(state: &State, revive: Revive, now: DateTime<Utc>) -> State {
    match (state, revive) {
        (State::Exhausted(_), _) | (State::Dead(_), Revive::TheDead) => cleared(now),
        _ => state.clone(),
    }
}

/// Its secret was replaced by us. A quota outlives that where the account is the same or the grant goes on;
/// it is then bound to what is stored now.
pub(crate) fn rotate(state: &State, grant: Grant, suspect: Suspect, now: DateTime<Utc>) -> State {
    match state {
        State::Exhausted(rest) if survives(rest, grant, suspect) => {
            let judged = Judged::by(rest.error.kind, suspect.subject, suspect.account);
            State::Exhausted(Rest { judged, ..rest.clone() })
        }
        State::Exhausted(_) | State::Dead(_) => cleared(now),
        _ => state.clone(),
    }
}

fn survives(rest: &Rest, grant: Grant, new: Suspect) -> bool {
    let same_account = new.account.is_some_and(|account| rest.judged == Judged::Account(account));
    rest.error.kind.is_quota() && (grant == Grant::Same || same_account)
}

fn cleared(now: DateTime<Utc>) -> State {
    State::Ok { since: Some(now) }
}
