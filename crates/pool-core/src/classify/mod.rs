//! What a failure means: the first row of a table that is about it says so.

mod family;
mod phrases;
mod rule;
mod rules;

use chrono::{DateTime, TimeDelta, Utc};

use crate::failure::Failure;
use crate::hint;
use crate::provider::Provider;
use crate::verdict::{Kind, Scope, Verdict};

pub use rule::Rule;

use family::Family;
use phrases::Phrases;

/// A reset further ahead than this is a mistake, not a limit: the longest real one is a month.
const FARTHEST_RESET: TimeDelta = TimeDelta::days(45);

/// Says what a failure of a provider means.
///
/// ```
/// use pool_core::{Failure, Kind, Provider, classify};
///
/// let provider = Provider::new("openai-codex")?;
/// let verdict = classify(&Failure::http(401).code("token_revoked"), &provider, chrono::DateTime::UNIX_EPOCH);
/// assert_eq!((verdict.kind, verdict.rule), (Kind::AuthPermanent, "token_gone"));
/// assert!(verdict.is_terminal());
/// # Ok::<(), pool_core::NameError>(())
/// ```
#[must_use]
pub fn classify(failure: &Failure, provider: &Provider, now: DateTime<Utc>) -> Verdict {
    let family = Family::of(provider);
    let Rule { kind, scope, remark, name: rule, .. } = *rule_about(failure, family);
    let until = if kind.is_terminal() {
        None
    } else {
        reset(failure, (kind, scope), family.and_then(Family::zone), now)
    };
    Verdict { kind, scope, until, rule, remark }
}

/// What a failure of some provider means: what was kept of it, long after.
#[must_use]
pub fn kind_of(failure: &Failure) -> Kind {
    rule_about(failure, None).kind
}

/// The first row of the table that is about a failure.
fn rule_about(failure: &Failure, family: Option<Family>) -> &'static Rule {
    let phrases = Phrases::of(failure);
    let mut rows = rules::all().enumerate();
    let row = rows.find(|(number, rule)| rule.is_about(*number, failure, family, &phrases));
    row.map_or(&rules::NOT_UNDERSTOOD, |(_, rule)| rule)
}

/// When it is over. What time does not heal has no end, whatever a header says.
fn reset(
    failure: &Failure,
    (kind, scope): (Kind, Scope),
    zone: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let told = failure.stated_reset().filter(|time| is_believable_reset(*time, now));
    let heals = scope != Scope::Request && !matches!(kind, Kind::Entitlement | Kind::ModelNotFound);
    let is_limit = matches!(kind, Kind::RateLimit | Kind::UpstreamRateLimit | Kind::Billing);
    let hint = || {
        // That a window is spent says nothing of a failure that is no limit.
        let waits = || failure.headers().iter().filter(|(name, _)| name.contains("retry-after"));
        let kept;
        let headers = if is_limit {
            failure.headers()
        } else {
            kept = waits().collect();
            &kept
        };
        hint::reset(headers, failure.objects(), failure.words(), zone, now)
    };
    told.or_else(|| if heals { hint() } else { None })
}

/// Whether a provider may be believed that a limit judged at `since` ends at `reset`.
#[must_use]
pub fn is_believable_reset(reset: DateTime<Utc>, since: DateTime<Utc>) -> bool {
    reset > since && reset - since <= FARTHEST_RESET
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Origin;
    use crate::time::parse_text;

    fn provider() -> Provider {
        Provider::new("openai-codex").unwrap()
    }

    fn now() -> DateTime<Utc> {
        parse_text("2026-05-26T10:27:00Z").unwrap()
    }

    #[test]
    fn a_status_has_a_kind_and_a_scope() {
        let cases = [
            (Some(400), "request", "request"),
            (Some(401), "auth", "credential"),
            (Some(402), "billing", "account"),
            (Some(403), "entitlement", "account"),
            (Some(404), "request", "request"),
            (Some(408), "timeout", "provider"),
            (Some(413), "context_overflow", "request"),
            (Some(429), "rate_limit", "account"),
            (Some(500), "server_error", "provider"),
            (Some(503), "overloaded", "provider"),
            (Some(529), "overloaded", "provider"),
            (Some(302), "unknown", "credential"),
            (None, "network", "egress"),
        ];
        for (status, kind, scope) in cases {
            let failure = status.map_or_else(Failure::no_answer, Failure::http);
            let verdict = classify(&failure, &provider(), now());
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
            let verdict = classify(&Failure::http(status).code(code).message(message), &provider(), now());
            assert_eq!(verdict.is_terminal(), terminal, "{status} {code} {message}");
        }
    }

    #[test]
    fn a_token_endpoint_is_judged_by_its_code() {
        let client =
            r#"{"error": "invalid_client", "error_description": "The client secret key has been revoked"}"#;
        let page =
            r#"<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C"><html><title>Hotel wifi</title></html>"#;
        let cases = [
            ("acme", 401, client, "client_refused"),
            (
                "acme",
                401,
                r#"{"error": "disabled_client", "error_description": "It was disabled."}"#,
                "client_refused",
            ),
            ("acme", 400, r#"{"error": "invalid_request", "code": "token_revoked"}"#, "client_refused"),
            ("acme", 400, r#"{"error": "unauthorized_client"}"#, "client_refused"),
            ("acme", 400, r#"{"error": "invalid_grant"}"#, "grant_gone"),
            ("acme", 401, r#"{"error": {"code": "refresh_token_reused"}}"#, "grant_refused"),
            ("acme", 403, r#"{"error": "access_denied"}"#, "oauth_account_refused"),
            ("acme", 403, r#"{"error": "no_plan"}"#, "status_403"),
            ("acme", 403, r#"{"error": {"code": "no_plan"}}"#, "status_403"),
            ("acme", 403, r#"{"message": "Forbidden"}"#, "refused_by_nobody_known"),
            ("acme", 403, r#"{"status": 403, "error": "Forbidden"}"#, "refused_by_nobody_known"),
            ("acme", 403, "Access denied by proxy policy", "refused_by_nobody_known"),
            ("acme", 403, "", "refused_by_nobody_known"),
            ("acme", 403, page, "page_of_a_proxy"),
            ("xai-oauth", 403, r#"{"message": "Forbidden"}"#, "xai_tier"),
            ("xai-oauth", 403, page, "page_of_a_proxy"),
        ];
        for (name, status, body, rule) in cases {
            let failure = Failure::http(status).origin(Origin::TokenEndpoint).body(body.as_bytes());
            let verdict = classify(&failure, &Provider::new(name).unwrap(), now());
            assert_eq!(verdict.rule, rule, "{name} {status} {body}");
        }
    }

    #[test]
    fn a_reset_is_believed_only_within_45_days_from_now() {
        let stated = |reset: &str| {
            let failure = Failure::http(429).reset_at(parse_text(reset).unwrap());
            classify(&failure.message("retry after 45 seconds"), &provider(), now()).until
        };
        assert_eq!(stated("2026-05-26T12:00:00Z"), parse_text("2026-05-26T12:00:00Z"));
        assert_eq!(stated("2026-05-26T10:27:00Z"), parse_text("2026-05-26T10:27:45Z"));
        assert_eq!(stated("2026-07-10T10:27:00Z"), parse_text("2026-07-10T10:27:00Z"));
        assert_eq!(stated("2026-07-10T10:27:01Z"), parse_text("2026-05-26T10:27:45Z"));
        assert_eq!(classify(&Failure::http(429), &provider(), now()).until, None);
    }
}
