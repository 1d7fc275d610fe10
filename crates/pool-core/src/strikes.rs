use chrono::{DateTime, TimeDelta, Utc};

use crate::record::saturating_add;
use crate::secret::Fingerprint;

/// So many refusals of a key as wrong make it dead: operators mistype keys, and providers have incidents.
const DEADLY: u32 = 4;

/// The last of them comes so long after the first, or later.
const SPAN: TimeDelta = TimeDelta::minutes(30);

/// A strike doubles the rest of the one before, up to this.
const LONGEST_REST: TimeDelta = TimeDelta::hours(6);

/// Requests that ran side by side are refused side by side: all within this time are one strike.
pub(crate) const SIDE_BY_SIDE: TimeDelta = TimeDelta::seconds(10);

/// How often a key was refused as wrong, without a success between: evidence that no single answer gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Strikes {
    /// The key that was refused.
    pub subject: Fingerprint,
    /// Times.
    pub count: u32,
    /// When first.
    pub first_at: DateTime<Utc>,
}

impl Strikes {
    /// One more against a key; those against another key are forgotten.
    pub(crate) fn with_one_more(known: Option<Self>, subject: Fingerprint, now: DateTime<Utc>) -> Self {
        // Where the clock went back, nobody knows how long ago the first one was.
        let before = known.filter(|strikes| strikes.subject == subject && strikes.first_at <= now);
        Self {
            subject,
            count: before.map_or(1, |strikes| strikes.count.saturating_add(1)),
            first_at: before.map_or(now, |strikes| strikes.first_at),
        }
    }

    /// Whether that is evidence enough.
    pub(crate) fn are_deadly(self, now: DateTime<Utc>) -> bool {
        self.count >= DEADLY && now >= saturating_add(self.first_at, SPAN)
    }

    /// How long to rest after the last one, where the first one earns this rest.
    pub(crate) fn rest(self, first: TimeDelta) -> TimeDelta {
        let doublings = self.count.saturating_sub(1).min(16);
        let rest = first.checked_mul(1 << doublings).unwrap_or(LONGEST_REST);
        rest.min(LONGEST_REST.max(first))
    }
}
