//! How long to wait after a failure that passes.

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::Judgement;

/// The shortest rest of a renewal that failed; the longest is twice that, so that a fleet does not come back in step.
const SHORTEST: TimeDelta = TimeDelta::seconds(10);

/// When to try again: as the provider says, a minute at most, or else after a short while.
pub(crate) fn next_attempt(judgement: &Judgement, now: DateTime<Utc>) -> DateTime<Utc> {
    let told = judgement.verdict.until.map(|_| judgement.until);
    let jitter = TimeDelta::milliseconds(fastrand::i64(0..=SHORTEST.num_milliseconds()));
    pool_core::time::truncate(told.unwrap_or(now + SHORTEST) + jitter)
}
