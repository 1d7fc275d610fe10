use chrono::TimeDelta;

use crate::verdict::Kind;

/// How long a credential rests when the provider did not say: a table per kind that callers may change.
///
/// Defaults: 60 s without an HTTP answer or where it was not understood, 5 min after a refused secret, 1 h for all else;
/// a header, field or phrase of the provider is followed for 7 days at most.
///
/// ```
/// use chrono::TimeDelta;
/// use pool_core::{Cooldowns, Kind};
///
/// let cooldowns = Cooldowns::default().with(Kind::Billing, TimeDelta::minutes(2));
/// assert_eq!(cooldowns.of(Kind::Billing), TimeDelta::minutes(2));
/// assert_eq!(cooldowns.of(Kind::RateLimit), TimeDelta::hours(1));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cooldowns {
    changed: Vec<(Kind, TimeDelta)>,
    longest_hint: TimeDelta,
}

/// So long a hint of the provider is followed by default: the longest window of a subscription. What rests longer is asked again
/// once a week, since many a limit is over before the time it was said to end.
const LONGEST_HINT: TimeDelta = TimeDelta::days(7);

/// A cooldown never ends later than this, whatever a caller sets: 45 days, as far as a provider is believed.
const LONGEST: TimeDelta = TimeDelta::days(45);

impl Default for Cooldowns {
    fn default() -> Self {
        Self::new()
    }
}

impl Cooldowns {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { changed: Vec::new(), longest_hint: LONGEST_HINT }
    }

    /// Sets the rest for one kind, between zero and 45 days.
    #[must_use]
    pub fn with(mut self, kind: Kind, rest: TimeDelta) -> Self {
        self.changed.retain(|(changed, _)| *changed != kind);
        self.changed.push((kind, rest.clamp(TimeDelta::zero(), LONGEST)));
        self
    }

    /// Sets for how long at most a header, field or phrase of the provider may make a credential rest; 7 days by default, 45 at
    /// most. A reset that the caller states itself is not cut.
    #[must_use]
    pub fn with_longest_hint(self, longest: TimeDelta) -> Self {
        Self { longest_hint: longest.clamp(TimeDelta::zero(), LONGEST), ..self }
    }

    /// For how long at most a hint of the provider is followed.
    #[must_use]
    pub fn longest_hint(&self) -> TimeDelta {
        self.longest_hint
    }

    /// The rest for a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> TimeDelta {
        let changed = self.changed.iter().find(|(changed, _)| *changed == kind);
        changed.map_or_else(|| default_rest(kind), |(_, rest)| *rest)
    }
}

fn default_rest(kind: Kind) -> TimeDelta {
    match kind {
        // What is not understood marks nobody for long.
        Kind::Network | Kind::Timeout | Kind::Unknown => TimeDelta::seconds(60),
        Kind::Auth => TimeDelta::minutes(5),
        _ => TimeDelta::hours(1),
    }
}
