//! When a task runs again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::settings::Policy;
use crate::task::TaskId;

/// When a task runs again whose last run ended then: after the backoff, twice as long with each run that failed, and up to half as
/// long again by chance, so that tasks that failed together do not come back together. The chance is that of the task and the run:
/// whoever asks again gets the same answer.
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use pool_watchdog::{Policy, TaskId, retry_at};
///
/// let (task, ended) = (TaskId::new("t_52cac9ce")?, DateTime::UNIX_EPOCH);
/// let policy = Policy::default();
/// let (first, second) = (retry_at(&task, ended, 1, &policy), retry_at(&task, ended, 2, &policy));
/// assert!(ended + TimeDelta::seconds(60) <= first && first <= ended + TimeDelta::seconds(90));
/// assert!(ended + TimeDelta::seconds(120) <= second && second <= ended + TimeDelta::seconds(180));
/// # Ok::<(), pool_watchdog::TaskIdError>(())
/// ```
#[must_use]
pub fn retry_at(task: &TaskId, ended: DateTime<Utc>, failed_runs: u32, policy: &Policy) -> DateTime<Utc> {
    let wait = backoff(failed_runs, policy);
    let wait = wait.mul_f64(1.0 + chance(task, failed_runs) / 2.0);
    let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
    ended.checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// How long to wait after so many failures, without any chance in it.
pub(crate) fn backoff(failures: u32, policy: &Policy) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    policy.backoff.saturating_mul(1 << doublings).min(policy.longest_backoff)
}

/// A number from 0 to 1.
fn chance(task: &TaskId, failed_runs: u32) -> f64 {
    let seed = format!("{task} {failed_runs}")
        .bytes()
        .fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    fastrand::Rng::with_seed(seed).f64()
}
