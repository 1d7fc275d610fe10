use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};

/// A provider that goes by the rules that providers have. Each grant is a chain: `refresh-G-N` is spent for `refresh-G-(N+1)`, and
/// for an access token that names its account.
#[derive(Debug)]
pub(crate) struct Provider {
    /// So long after a token was spent it still gets the pair it was spent for.
    pub(crate) grace: TimeDelta,
    /// Whether a token that comes twice ends the grant: one of the two who sent it is a thief.
    pub(crate) punishes_reuse: bool,
    pub(crate) rotation: Rotation,
    grants: Vec<Chain>,
}

/// Whether a refresh token is spent with its use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rotation {
    Each,
    /// It stays, and is told again.
    Never,
    /// It stays, and is left out of the answer.
    Omitted,
}

#[derive(Debug)]
struct Chain {
    account: String,
    /// The refresh token that counts.
    head: u32,
    /// How many access tokens there are beside the first.
    minted: u32,
    spent_at: BTreeMap<u32, DateTime<Utc>>,
    is_revoked: bool,
}

/// What is answered to a token.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// Whose tokens nobody asked for.
const SOMEBODY_ELSE: &str = "somebody-else";

const LIFETIME: i64 = 3600;

impl Provider {
    pub(crate) fn new(grace: TimeDelta, punishes_reuse: bool, rotation: Rotation) -> Self {
        Self { grace, punishes_reuse, rotation, grants: Vec::new() }
    }

    /// Somebody logs in.
    pub(crate) fn grant(&mut self, account: &str, now: DateTime<Utc>) -> Pair {
        let chain = Chain {
            account: account.to_owned(),
            head: 0,
            minted: 0,
            spent_at: BTreeMap::new(),
            is_revoked: false,
        };
        self.grants.push(chain);
        self.pair(self.grants.len() - 1, now)
    }

    /// The pair that whoever sends this token gets; none where it is refused.
    pub(crate) fn spend(&mut self, refresh_token: &str, now: DateTime<Utc>) -> Option<Pair> {
        let would_take = self.would_take(refresh_token, now);
        let (grant, number) = parts(refresh_token);
        let (rotates, punishes_reuse) = (self.rotation == Rotation::Each, self.punishes_reuse);
        let chain = self.grants.get_mut(grant).unwrap();
        if !would_take {
            chain.is_revoked |= punishes_reuse;
            return None;
        }
        if number == chain.head {
            chain.minted += 1;
            if rotates {
                chain.head += 1;
                chain.spent_at.insert(number, now);
            }
        }
        Some(self.pair(grant, now))
    }

    /// Whether this token can be renewed.
    pub(crate) fn would_take(&self, refresh_token: &str, now: DateTime<Utc>) -> bool {
        let (grant, number) = parts(refresh_token);
        let chain = &self.grants[grant];
        let is_forgiven = |spent_at: &DateTime<Utc>| number + 1 == chain.head && now - *spent_at < self.grace;
        !chain.is_revoked && (number == chain.head || chain.spent_at.get(&number).is_some_and(is_forgiven))
    }

    /// Whether this token was never spent, and its grant holds.
    pub(crate) fn is_head(&self, refresh_token: &str) -> bool {
        let (grant, number) = parts(refresh_token);
        number == self.grants[grant].head && !self.grants[grant].is_revoked
    }

    /// Whether this pair is of one grant, for its account, and was handed out.
    pub(crate) fn knows(&self, access: &str, refresh: &str) -> bool {
        let (grant, number) = parts(refresh);
        let Some(chain) = self.grants.get(grant) else { return false };
        let claims = claims(access);
        let is_minted = claims["n"].as_u64().is_some_and(|n| n <= u64::from(chain.minted));
        number <= chain.head && is_minted && claims["grant"] == grant && claims["sub"] == *chain.account
    }

    fn pair(&self, grant: usize, now: DateTime<Utc>) -> Pair {
        let chain = &self.grants[grant];
        let access = access_token(&chain.account, grant, chain.minted, now);
        Pair { access, refresh: format!("refresh-{grant}-{}", chain.head) }
    }

    /// The text of an answer.
    pub(crate) fn answer(&self, pair: &Pair) -> String {
        let refresh = match self.rotation {
            Rotation::Omitted => String::new(),
            Rotation::Each | Rotation::Never => format!(r#""refresh_token": "{}", "#, pair.refresh),
        };
        format!(r#"{{{refresh}"access_token": "{}", "expires_in": {LIFETIME}}}"#, pair.access)
    }

    /// The same with an access token for another account.
    pub(crate) fn answer_to_another(&self, pair: &Pair, now: DateTime<Utc>) -> String {
        let access = access_token(SOMEBODY_ELSE, 0, 0, now);
        self.answer(&Pair { access, refresh: pair.refresh.clone() })
    }
}

/// A JWT (RFC 7519) that nobody signed.
fn access_token(account: &str, grant: usize, number: u32, now: DateTime<Utc>) -> String {
    let exp = now.timestamp() + LIFETIME;
    let claims = format!(r#"{{"sub":"{account}","grant":{grant},"n":{number},"exp":{exp}}}"#);
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

fn claims(access: &str) -> serde_json::Value {
    let claims = URL_SAFE_NO_PAD.decode(access.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

/// Which grant, and which in its chain.
fn parts(refresh_token: &str) -> (usize, u32) {
    let parts = refresh_token.strip_prefix("refresh-").unwrap().split_once('-').unwrap();
    (parts.0.parse().unwrap(), parts.1.parse().unwrap())
}
