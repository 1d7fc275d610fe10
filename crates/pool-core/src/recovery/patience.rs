use chrono::TimeDelta;

/// What a caller is ready to do and to wait for.
///
/// ```
/// use chrono::TimeDelta;
/// use pool_core::Patience;
///
/// let somebody_waits = Patience { longest_wait: TimeDelta::seconds(5), ..Patience::default() };
/// assert_eq!(somebody_waits.back_offs, 2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// The longest single wait; 30 s by default. A limit that lasts longer is not waited for.
    pub longest_wait: TimeDelta,
    /// The longest wait for one credential while another is ready; 2 s by default.
    pub longest_wait_with_others: TimeDelta,
    /// The first wait where nobody said how long; 1 s by default. Each one after it is twice as long, and up to half as much is added by
    /// chance.
    pub first_wait: TimeDelta,
    /// How often a request waits for a provider, or the way to it, that is in trouble; 2 by default.
    pub back_offs: u32,
    /// Whether the caller can renew tokens; yes by default. Who cannot is never asked to, and a refused token rests.
    pub renews: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            longest_wait: TimeDelta::seconds(30),
            longest_wait_with_others: TimeDelta::seconds(2),
            first_wait: TimeDelta::seconds(1),
            back_offs: 2,
            renews: true,
        }
    }
}

impl Patience {
    /// How long to wait after so many waits.
    pub(super) fn back_off(self, before: u32, seed: u64) -> TimeDelta {
        // So that a fleet does not come back in step.
        let thousandths = fastrand::Rng::with_seed(seed).i32(1000..=1500);
        let times = 2_i32.saturating_pow(before).saturating_mul(thousandths);
        let wait = self.first_wait.checked_mul(times).map_or(self.longest_wait, |wait| wait / 1000);
        self.at_most(wait)
    }

    /// This wait, or the longest.
    pub(super) fn at_most(self, wait: TimeDelta) -> TimeDelta {
        wait.min(self.longest_wait).max(TimeDelta::zero())
    }
}
