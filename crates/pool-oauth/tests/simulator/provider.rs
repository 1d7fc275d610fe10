use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

/// A provider that mints `access-N` and `refresh-N` for `refresh-(N-1)`, and goes by the rules that providers have.
#[derive(Debug)]
pub(crate) struct Provider {
    /// So long after a token was spent it still gets the pair it was spent for.
    pub(crate) grace: TimeDelta,
    /// Whether a token that comes twice ends the grant: one of the two who sent it is a thief.
    pub(crate) punishes_reuse: bool,
    minted: u32,
    spent_at: BTreeMap<u32, DateTime<Utc>>,
    is_revoked: bool,
}

pub(crate) const FIRST_ACCESS: &str = "access-0";
pub(crate) const FIRST_REFRESH: &str = "refresh-0";

impl Provider {
    pub(crate) fn new(grace: TimeDelta, punishes_reuse: bool) -> Self {
        Self { grace, punishes_reuse, minted: 0, spent_at: BTreeMap::new(), is_revoked: false }
    }

    /// Answers whoever sends this token.
    pub(crate) fn spend(&mut self, refresh_token: &str, now: DateTime<Utc>) -> (u16, String) {
        if !self.would_take(refresh_token, now) {
            self.is_revoked |= self.punishes_reuse;
            return (400, r#"{"error": "invalid_grant"}"#.to_owned());
        }
        let number = number_of(refresh_token);
        if number == self.minted {
            self.minted += 1;
            self.spent_at.insert(number, now);
        }
        let minted = self.minted;
        let pair = format!(
            r#"{{"access_token": "access-{minted}", "refresh_token": "refresh-{minted}", "expires_in": 3600}}"#
        );
        (200, pair)
    }

    /// Whether this token can be renewed.
    pub(crate) fn would_take(&self, refresh_token: &str, now: DateTime<Utc>) -> bool {
        let number = number_of(refresh_token);
        let is_forgiven = |spent_at: &DateTime<Utc>| {
            number + 1 == self.minted && now.signed_duration_since(spent_at) < self.grace
        };
        !self.is_revoked && (number == self.minted || self.spent_at.get(&number).is_some_and(is_forgiven))
    }
}

fn number_of(refresh_token: &str) -> u32 {
    refresh_token.strip_prefix("refresh-").unwrap().parse().unwrap()
}
