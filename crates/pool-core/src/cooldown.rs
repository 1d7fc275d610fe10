use chrono::TimeDelta;

use crate::verdict::Kind;

/// How long a credential rests when the provider did not say: a table per kind that callers may change.
///
/// Defaults: 60 s without an HTTP answer or where it was not understood, 5 min after a refused secret, 1 h for all else.
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
}

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
        Self { changed: Vec::new() }
    }

    /// Sets the rest for one kind, between zero and 45 days.
    #[must_use]
    pub fn with(mut self, kind: Kind, rest: TimeDelta) -> Self {
        self.changed.retain(|(changed, _)| *changed != kind);
        self.changed.push((kind, rest.clamp(TimeDelta::zero(), LONGEST)));
        self
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
