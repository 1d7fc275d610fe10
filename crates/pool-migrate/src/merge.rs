//! What happens when inline fields come back: another program wrote its stale memory, or its own news.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use pool_core::{Credential, Provider, State, not_ahead};

use crate::inline::Inline;

/// Merges inline news into what is known. The later judgement wins; at the same time the worse one does.
pub(crate) fn merge(
    known: &State,
    news: &Inline,
    credential: &Credential,
    provider: &Provider,
    now: DateTime<Utc>,
) -> State {
    let Some(state) = &news.state else { return known.clone() };
    let stands = known.is_about(credential, provider);
    let is_no_news = match (known, state) {
        // A word of a newer program is kept through everything.
        (State::Unknown { .. }, _) => true,
        // What was removed stays removed while it is that very secret.
        (State::Removed { .. }, _) => stands,
        // A late throttle revives nothing.
        (State::Dead(_), State::Exhausted(_)) => stands,
        _ => false,
    };
    let told_at = news.at.map(|at| not_ahead(at, now));
    let is_newer = match (state, told_at) {
        // Nobody can say that it is older: fail closed.
        (State::Unknown { .. }, None) => true,
        _ => {
            told_at.cmp(&known.judged_at(now)).then(badness(state).cmp(&badness(known))) == Ordering::Greater
        }
    };
    if is_newer && !is_no_news { state.clone() } else { known.clone() }
}

fn badness(state: &State) -> u8 {
    match state {
        State::Ok { .. } => 0,
        State::Exhausted(_) => 1,
        State::Dead(_) => 2,
        // Not known, or gone: fail closed.
        _ => 3,
    }
}
