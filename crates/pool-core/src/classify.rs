use chrono::{DateTime, TimeDelta, Utc};

use crate::failure::Failure;
use crate::headers::Headers;
use crate::hint;
use crate::verdict::{Kind, Scope, Verdict};

/// Codes that say in a 401 that the secret will never work again
/// (OpenAI Codex; RFC 6749 section 5.2; RFC 6750 section 3.1; RFC 7009).
const TERMINAL_CODES: [&str; 6] = [
    "token_invalidated",
    "token_revoked",
    "invalid_token",
    "invalid_grant",
    "unauthorized_client",
    "refresh_token_reused",
];

/// A reset further ahead than this is a mistake, not a limit: the longest real one is a month.
const FARTHEST_RESET: TimeDelta = TimeDelta::days(45);

/// Says what a failure means.
///
/// ```
/// use pool_core::{Failure, Kind, classify};
///
/// let now = chrono::DateTime::UNIX_EPOCH;
/// let verdict = classify(&Failure::http(401).code("token_revoked"), now);
/// assert_eq!(verdict.kind, Kind::AuthPermanent);
/// assert!(verdict.is_terminal());
/// ```
#[must_use]
pub fn classify(failure: &Failure, now: DateTime<Utc>) -> Verdict {
    let (kind, scope) = kind_and_scope(failure);
    let until = if kind.is_terminal() { None } else { reset(failure, now) };
    Verdict { kind, scope, until }
}

fn kind_and_scope(failure: &Failure) -> (Kind, Scope) {
    match failure.status() {
        Some(401) if says_gone_for_good(failure) => (Kind::AuthPermanent, Scope::Credential),
        Some(401) => (Kind::Auth, Scope::Credential),
        Some(402) => (Kind::Billing, Scope::Account),
        Some(403) => (Kind::Entitlement, Scope::Credential),
        Some(408) => (Kind::Timeout, Scope::Provider),
        Some(429) => (Kind::RateLimit, Scope::Account),
        Some(503 | 529) => (Kind::Overloaded, Scope::Provider),
        Some(500..=599) => (Kind::ServerError, Scope::Provider),
        Some(400..=499) => (Kind::Request, Scope::Request),
        Some(_) => (Kind::Unknown, Scope::Credential),
        None => (Kind::Network, Scope::Egress),
    }
}

fn says_gone_for_good(failure: &Failure) -> bool {
    let words = failure.words();
    if hint::says_expired(words) {
        return false;
    }
    let terminal = |code: &str| TERMINAL_CODES.iter().any(|known| known.eq_ignore_ascii_case(code.trim()));
    failure.error_code().is_some_and(terminal) || hint::says_gone(words)
}

fn reset(failure: &Failure, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let believable = |time: &DateTime<Utc>| is_believable_reset(*time, now);
    let in_words = || hint::reset(&Headers::new(), &[], failure.words(), now);
    failure.stated_reset().filter(believable).or_else(in_words)
}

/// Whether a provider may be believed that a limit judged at `since` ends at `reset`.
#[must_use]
pub fn is_believable_reset(reset: DateTime<Utc>, since: DateTime<Utc>) -> bool {
    reset > since && reset - since <= FARTHEST_RESET
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_text;

    fn now() -> DateTime<Utc> {
        parse_text("2026-05-26T10:27:00Z").unwrap()
    }

    #[test]
    fn a_status_has_a_kind_and_a_scope() {
        let cases = [
            (Some(400), "request", "request"),
            (Some(401), "auth", "credential"),
            (Some(402), "billing", "account"),
            (Some(403), "entitlement", "credential"),
            (Some(404), "request", "request"),
            (Some(408), "timeout", "provider"),
            (Some(413), "request", "request"),
            (Some(429), "rate_limit", "account"),
            (Some(500), "server_error", "provider"),
            (Some(503), "overloaded", "provider"),
            (Some(529), "overloaded", "provider"),
            (Some(302), "unknown", "credential"),
            (None, "network", "egress"),
        ];
        for (status, kind, scope) in cases {
            let failure = status.map_or_else(Failure::no_answer, Failure::http);
            let verdict = classify(&failure, now());
            assert_eq!((verdict.kind.as_str(), verdict.scope.as_str()), (kind, scope), "{status:?}");
        }
    }

    #[test]
    fn only_a_401_that_names_the_reason_is_terminal() {
        let cases = [
            (401, "token_invalidated", "", true),
            (401, "TOKEN_REVOKED", "", true),
            (401, "invalid_token", "", true),
            (401, "invalid_grant", "", true),
            (401, "unauthorized_client", "", true),
            (401, "refresh_token_reused", "", true),
            (401, "", "Your authentication token has been invalidated. Please try signing in again.", true),
            (401, "", "This API key has been disabled", true),
            (401, "invalid_token", "The access token expired", false),
            (401, "token_expired", "", false),
            (401, "invalid_api_key", "Incorrect API key provided", false),
            (401, "", "", false),
            (403, "token_revoked", "", false),
            (429, "token_revoked", "", false),
        ];
        for (status, code, message, terminal) in cases {
            let verdict = classify(&Failure::http(status).code(code).message(message), now());
            assert_eq!(verdict.is_terminal(), terminal, "{status} {code} {message}");
        }
    }

    #[test]
    fn a_reset_is_believed_only_within_45_days_from_now() {
        let stated = |reset: &str| {
            let failure = Failure::http(429).reset_at(parse_text(reset).unwrap());
            classify(&failure.message("retry after 45 seconds"), now()).until
        };
        assert_eq!(stated("2026-05-26T12:00:00Z"), parse_text("2026-05-26T12:00:00Z"));
        assert_eq!(stated("2026-05-26T10:27:00Z"), parse_text("2026-05-26T10:27:45Z"));
        assert_eq!(stated("2026-07-10T10:27:00Z"), parse_text("2026-07-10T10:27:00Z"));
        assert_eq!(stated("2026-07-10T10:27:01Z"), parse_text("2026-05-26T10:27:45Z"));
        assert_eq!(classify(&Failure::http(429), now()).until, None);
    }
}
