//! How changes are applied to pools, wherever those are kept.

use chrono::{DateTime, Utc};
use pool_core::{Action, Applied, Change, ChangeError, Outcome, Pools, Standing, State};

/// What a store answers to one change.
pub(crate) type Answer = Result<Outcome, ChangeError>;

/// Applies changes, each at its own time; answers whether there is anything to write.
///
/// Counters ride along with a write that has its own reason; alone, they are what a flush writes. So they come last, and
/// where nothing else has changed they wait for a later write.
pub(crate) fn apply_all(
    changes: &[(DateTime<Utc>, Change)],
    mut apply: impl FnMut(&Change, DateTime<Utc>) -> Result<Applied, ChangeError>,
) -> (Vec<Answer>, bool) {
    let (riders, reasons): (Vec<_>, Vec<_>) =
        changes.iter().enumerate().partition(|(_, (_, change))| is_rider(change));
    let only_riders = reasons.is_empty();
    let mut answers = vec![Ok(Outcome::Waiting); changes.len()];
    let mut is_changed = false;
    for (index, (at, change)) in reasons.into_iter().chain(riders) {
        if is_rider(change) && !is_changed && !only_riders {
            break;
        }
        let applied = apply(change, *at);
        is_changed |= applied.as_ref().is_ok_and(Applied::is_change);
        answers[index] = applied.map(|applied| applied.outcome);
    }
    (answers, is_changed)
}

/// Whether it has no reason of its own to be written.
pub(crate) fn is_rider(change: &Change) -> bool {
    matches!(change.action, Action::Count { .. })
}

/// Applies a change that was made at `at`: `now`, or earlier if it had to wait. A verdict that had to wait undoes nothing
/// that was cleared after it.
pub(crate) fn apply(
    pools: &mut Pools,
    change: &Change,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Applied, ChangeError> {
    match cleared_after(pools, change, at, now) {
        Some(standing) => {
            let outcome = Outcome::Judged { standing, marked: Vec::new() };
            Ok(Applied { outcome, records: Default::default(), definitions: Vec::new(), suppression: None })
        }
        None => pools.apply(change, at),
    }
}

/// How a credential stands that was cleared after a verdict on it, and before `now`.
fn cleared_after(pools: &Pools, verdict: &Change, at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Standing> {
    let Action::Fail { target, .. } = &verdict.action else { return None };
    let pool = pools.get(&verdict.provider)?;
    let credential = pool.credentials().iter().find(|credential| target.means(credential))?;
    match pool.record(&credential.id)?.state {
        State::Ok { since: Some(cleared_at) } if at < cleared_at && cleared_at <= now => {
            Some(pool.standing(credential, now))
        }
        _ => None,
    }
}
