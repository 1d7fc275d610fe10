//! When a task runs again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::settings::Policy;
use crate::task::TaskId;

/// When a task runs again whose last run ended then: after the backoff, twice as long with each run that failed, and up to half as
/// long again by chance, so that tasks that failed together do not come back together. The chance is that of the task and the run:
/// whoever asks again gets the same answer.
#[must_use]
pub fn retry_at(task: &TaskId, ended: DateTime<Utc>, failed_runs: u32, policy: &Policy) -> DateTime<Utc> {
    let wait = backoff(failed_runs, policy);
    let wait = wait.mul_f64(1.0 + chance(task, failed_runs) / 2.0);
    let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
    ended.checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// How long to wait after so many failures, without any chance in it.
fn backoff(failures: u32, policy: &Policy) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    policy.backoff.saturating_mul(1 << doublings).min(policy.longest_backoff)
}

/// After so many failures of one action it is no accident any more.
pub(crate) const MOST_ACCIDENTS: u32 = 5;

/// An action that fails again and again is tried once a day at last.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an action waits that failed so often.
pub(crate) fn backoff_of_action(failures: u32, policy: &Policy) -> Duration {
    let doublings = failures.saturating_sub(MOST_ACCIDENTS).min(20);
    backoff(failures, policy).saturating_mul(1 << doublings).min(DAY.max(policy.longest_backoff))
}

/// A number from 0 to 1.
fn chance(task: &TaskId, failed_runs: u32) -> f64 {
    let seed = format!("{task} {failed_runs}")
        .bytes()
        .fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    fastrand::Rng::with_seed(seed).f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_retry_waits_twice_as_long_and_a_little_more_by_chance() {
        let (task, policy) = (TaskId::new("t_52cac9ce").unwrap(), Policy::default());
        let ended = DateTime::UNIX_EPOCH;
        for (failures, least) in [(1, 60), (2, 120), (3, 240), (5, 900), (60, 900)] {
            let wait = (retry_at(&task, ended, failures, &policy) - ended).num_seconds();
            assert!((least..=least * 3 / 2).contains(&wait), "{failures}: {wait}");
            assert_eq!(wait, (retry_at(&task, ended, failures, &policy) - ended).num_seconds());
        }
    }

    #[test]
    fn an_action_that_fails_for_ever_is_tried_once_a_day() {
        let policy = Policy::default();
        let waits = [1, 2, 5, 6, 8, 30].map(|failures| backoff_of_action(failures, &policy).as_secs());
        assert_eq!(waits, [60, 120, 900, 1_800, 7_200, 86_400]);
    }
}
