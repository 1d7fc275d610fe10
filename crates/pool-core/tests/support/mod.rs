//! What the tests of the rules share: fake credentials, failures by name, and a pool whose clock is moved by hand.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod sim;
pub(crate) mod world;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    AuthType, Credential, CredentialId, Failure, Fingerprint, Holding, Pool, Provider, Secret, Source,
    Target, Tokens, Unresolved, time,
};

/// When the incident of the seed began.
pub(crate) const START: &str = "2026-05-26T10:27:00Z";

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    time::parse_text(text).expect("a time in a test is RFC 3339")
}

pub(crate) fn start() -> DateTime<Utc> {
    instant(START)
}

pub(crate) fn secs(count: i64) -> TimeDelta {
    TimeDelta::seconds(count)
}

pub(crate) fn mins(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

pub(crate) fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}

pub(crate) fn days(count: i64) -> TimeDelta {
    TimeDelta::days(count)
}

pub(crate) fn codex() -> Provider {
    Provider::new("openai-codex").expect("not empty")
}

pub(crate) fn id(name: &str) -> CredentialId {
    CredentialId::new(name).expect("not empty")
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

pub(crate) fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint::of(text)
}

/// The credential of this name, with the secret that is stored now.
pub(crate) fn stored(name: &str) -> Target {
    Target::Id(id(name))
}

/// The credential of this name, if this secret is still stored.
pub(crate) fn held(name: &str, secret: &str) -> Target {
    Target::Held(id(name), fingerprint(secret))
}

/// A key that a person added: `key-a` for `a`.
pub(crate) fn key(name: &str) -> Credential {
    let credential = Credential::manual(id(name), secret(&format!("key-{name}")));
    Credential { label: format!("label of {name}"), ..credential }
}

/// A login that another program seeds, with these tokens.
pub(crate) fn login(name: &str, access: &str, refresh: &str) -> Credential {
    Credential {
        auth_type: AuthType::OAuth,
        source: Source::new("device_code"),
        holding: Holding::Owned(Tokens::access(secret(access)).with_refresh(Some(secret(refresh)))),
        ..key(name)
    }
}

/// A key that a variable lends, as this process found it.
pub(crate) fn lent(name: &str, resolved: Result<&str, Unresolved>) -> Credential {
    Credential {
        source: Source::new("env:CODEX_API_KEY"),
        holding: Holding::Borrowed {
            fingerprint: Some(fingerprint(&format!("lent-{name}"))),
            resolved: resolved.map(|text| secret(text).into()),
        },
        ..key(name)
    }
}

/// An entry that stores nothing to send.
pub(crate) fn blank(name: &str) -> Credential {
    Credential { holding: Holding::Owned(Tokens::default()), ..key(name) }
}

/// A token of an account, as a JWT that nobody signed. The serial tells tokens of the same account apart.
pub(crate) fn token_of(account: &str, serial: u32) -> String {
    let claims =
        format!(r#"{{"chatgpt_account_id":"{account}","sub":"user of {account}","jti":"{serial}"}}"#);
    format!("eyJhbGciOiJub25lIn0.{}.none", BASE64_URL_SAFE_NO_PAD.encode(claims))
}

/// A plain 429: a throttle without a word on when it ends.
pub(crate) fn throttled() -> Failure {
    Failure::http(429).code("rate_limit_exceeded").message("slow down")
}

/// A 429 that says when the limit resets.
pub(crate) fn limited_until(time: DateTime<Utc>) -> Failure {
    Failure::http(429).code("usage_limit_reached").message("the usage limit has been reached").reset_at(time)
}

/// A 401 that does not say why.
pub(crate) fn refused() -> Failure {
    Failure::http(401)
}

/// What the revoked login of the seed answered.
pub(crate) fn revoked() -> Failure {
    let message = "Your authentication token has been invalidated. Please try signing in again.";
    Failure::http(401).code("token_invalidated").message(message)
}

/// A 402: out of credits.
pub(crate) fn unpaid() -> Failure {
    Failure::http(402)
}

/// A 503.
pub(crate) fn overloaded() -> Failure {
    Failure::http(503)
}

/// A 400: the request itself is at fault.
pub(crate) fn bad_request() -> Failure {
    Failure::http(400).message("no such parameter")
}

/// The credentials of a pool, to be edited.
pub(crate) fn copies(pool: &Pool) -> Vec<Credential> {
    pool.credentials().iter().map(|credential| Credential::clone(credential)).collect()
}
