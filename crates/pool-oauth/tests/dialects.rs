//! What each provider is sent, and how its answers are read.

use crate::support::World;

const PAIR: &str = r#"{"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 3600}"#;

#[test]
fn each_provider_is_asked_in_its_own_way() {
    let shown = ["acme", "openai-codex", "anthropic", "xai-oauth", "nous", "minimax-oauth", "qwen-oauth"]
        .map(|provider| {
            let world = World::of(provider, "old-access", "old refresh/+&");
            world.says(200, PAIR);
            assert_eq!(world.outcome(), "renewed [new-access new-refresh]", "{provider}");
            format!("--- {provider}\n{}\n", world.endpoint.sent().join("\n"))
        });
    insta::assert_snapshot!(shown.join(""));
}

#[test]
fn the_end_of_a_token_is_read_in_each_spelling() {
    let cases = [
        ("acme", r#""expires_in": 3600"#, "2026-05-26T13:01:00Z"),
        ("acme", r#""expires_in": "3600""#, "2026-05-26T13:01:00Z"),
        ("acme", r#""expires_in": 3599.5"#, "2026-05-26T13:00:59Z"),
        ("minimax-oauth", r#""status": "success", "expired_in": 600"#, "2026-05-26T12:11:00Z"),
        ("minimax-oauth", r#""status": "success", "expired_in": 1779800400000"#, "2026-05-26T13:00:00Z"),
        ("anthropic", r#""scope": "user:inference""#, "2026-05-26T13:01:00Z"),
        ("qwen-oauth", r#""resource_url": "portal.qwen.ai""#, "2026-05-26T18:01:00Z"),
        ("acme", r#""expires_in": 0"#, ""),
        ("acme", r#""expires_in": -5"#, ""),
        ("acme", r#""expires_in": 1e300"#, ""),
        ("acme", r#""expires_in": null"#, ""),
        ("acme", r#""expires_in": "soon""#, ""),
        ("acme", r#""expires_in": NaN"#, ""),
        ("acme", r#""expires_in": 1e400"#, ""),
        // More than ten years is no end that anybody knows.
        ("acme", r#""expires_in": 315000000"#, "2036-05-19T08:01:00Z"),
        ("acme", r#""expires_in": 3e11"#, ""),
        ("acme", r#""expires_in": 253402300799000"#, ""),
    ];
    for (provider, fields, ends) in cases {
        let world = World::of(provider, "old-access", "old-refresh");
        world.says(200, &format!(r#"{{"access_token": "new-access", {fields}}}"#));
        world.refresh().unwrap();
        assert_eq!(world.entry()["expires_at"].as_str().unwrap_or(""), ends, "{provider} {fields}");
    }
}

#[test]
fn each_provider_says_in_its_own_words_that_a_login_is_gone() {
    let cases = [
        ("acme", 400, r#"{"error": "invalid_grant"}"#),
        ("acme", 401, r#"{"error": "invalid_grant", "error_description": "Token expired"}"#),
        ("openai-codex", 401, r#"{"error": {"code": "refresh_token_reused", "message": "Sign in again."}}"#),
        ("openai-codex", 400, r#"{"error": {"code": "refresh_token_invalidated"}}"#),
        ("anthropic", 400, r#"{"error": "invalid_grant", "error_description": "Refresh token not found"}"#),
        ("xai-oauth", 400, r#"{"error": "invalid_grant"}"#),
        ("nous", 400, r#"{"error": "bad", "error_description": "Refresh token reuse detected"}"#),
        (
            "minimax-oauth",
            200,
            r#"{"status": "error", "base_resp": {"status_msg": "invalid_refresh_token"}}"#,
        ),
        ("minimax-oauth", 200, r#"{"status": "fail", "message": "invalid_refresh_token"}"#),
        ("nous", 401, r#"{"error": "bad", "error_description": "The refresh token was reused."}"#),
    ];
    for (provider, status, body) in cases {
        let world = World::of(provider, "old-access", "old-refresh");
        world.says(status, body);
        let outcome = world.outcome();
        assert!(outcome.contains("is dead"), "{provider} {status} {body}: {outcome}");
        assert_eq!(world.record()["status"], "dead", "{provider} {status} {body}");
    }
}

#[test]
fn what_else_is_answered_kills_nobody() {
    let cases = [
        ("acme", 500, r#"{"error": "server_error"}"#),
        ("acme", 503, ""),
        ("acme", 429, r#"{"error": "slow_down"}"#),
        ("acme", 401, r#"{"error": "invalid_client"}"#),
        ("acme", 400, r#"{"error": "invalid_request"}"#),
        ("acme", 302, ""),
        ("acme", 403, "<html><title>Just a moment...</title></html>"),
        ("acme", 200, r#"{"error": "temporarily_unavailable"}"#),
        // A body without `error` at any status was once taken for invalid_grant.
        ("nous", 500, r#"{"message": "oops"}"#),
        ("nous", 429, "{}"),
        ("minimax-oauth", 200, r#"{"status": "error", "base_resp": {"status_msg": "busy"}}"#),
        // A word that stands anywhere is no word about the grant.
        ("nous", 400, "<html><title>400 Bad Request</title>could not reuse the connection</html>"),
        ("nous", 400, "token reuse"),
        (
            "nous",
            400,
            r#"{"error": "invalid_request", "error_description": "missing header; see docs/reuse"}"#,
        ),
        ("nous", 400, r#"{"error": "invalid_request", "error_description": "no token; see token/reuse"}"#),
        ("nous", 401, r#"{"error": "invalid_client", "error_description": "connection reuse"}"#),
        ("minimax-oauth", 400, "<html>could not look up invalid_grant page</html>"),
        (
            "acme",
            401,
            r#"{"error": "invalid_client", "error_description": "The client secret key has been revoked"}"#,
        ),
        ("acme", 400, r#"{"error": "invalid_request", "code": "token_revoked"}"#),
        ("acme", 403, ""),
        ("acme", 403, r#"{"message": "Forbidden"}"#),
        ("acme", 403, "Access denied by proxy policy"),
        ("acme", 200, "tokens"),
        ("acme", 200, r#"{"refresh_token": "new-refresh"}"#),
        ("acme", 200, r#"{"access_token": " "}"#),
        ("acme", 200, r#"{"access_token": 7}"#),
    ];
    for (provider, status, body) in cases {
        let world = World::of(provider, "old-access", "old-refresh");
        world.says(status, body);
        let error = world.refresh().unwrap_err();
        assert!(error.is_passing(), "{provider} {status} {body}: {error}");
        assert_ne!(world.record()["status"], "dead", "{provider} {status} {body}");
        assert_eq!(world.entry()["refresh_token"], "old-refresh", "{provider} {status} {body}");
    }
}

#[test]
fn tokens_are_read_whatever_else_an_answer_says() {
    let both = "renewed [new-access new-refresh]";
    let pair = r#""access_token": "new-access", "refresh_token": "new-refresh""#;
    let cases = [
        (format!(r#"{{{pair}, "status": "approved"}}"#), both),
        (format!(r#"{{{pair}, "status": "Success"}}"#), both),
        (format!(r#"{{{pair}, "error": ""}}"#), both),
        (format!(r#"{{{pair}, "error": false}}"#), both),
        (format!(r#"{{{pair}, "error": "none", "error_description": ""}}"#), both),
        (format!(r#"{{{pair}, "error": "partial"}}"#), both),
        (format!(r#"{{{pair}, "expires_in": NaN}}"#), both),
        (format!(r#"{{{pair}, "expires_in": 1e400, "name": "\ud800"}}"#), both),
        (format!("\u{feff}{{{pair}}}"), both),
        (format!(r#"{{"refresh_token": "r0", {pair}, "expires_in": 1, "expires_in": 60}}"#), both),
        (
            r#"{"access_token": "new-access", "refresh_token": false}"#.to_owned(),
            "renewed [new-access old-refresh]",
        ),
        (
            r#"{"access_token": "new-access", "refresh_token": 12345}"#.to_owned(),
            "renewed [new-access old-refresh]",
        ),
        (
            r#"{"access_token": "new-access", "refresh_token": "r\n1"}"#.to_owned(),
            "renewed [new-access old-refresh]",
        ),
    ];
    for (body, outcome) in cases {
        for provider in ["acme", "minimax-oauth"] {
            let world = World::of(provider, "old-access", "old-refresh");
            world.says(200, &body);
            assert_eq!(world.outcome(), outcome, "{provider} {body}");
        }
    }
}

/// Whether the token may have been spent, as far as is known after this answer.
fn may_be_spent(provider: &str, status: u16, body: &str) -> bool {
    let world = World::of(provider, "old-access", "old-refresh");
    world.says(status, body);
    assert!(world.refresh().unwrap_err().is_passing(), "{provider} {status} {body}");
    world.record()["refresh"]["unanswered"] == true
}

#[test]
fn a_refusal_leaves_the_token_as_good_as_before() {
    let cases = [
        ("minimax-oauth", 200, r#"{"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}"#),
        ("qwen-oauth", 200, r#"{"code": 500, "msg": "system busy"}"#),
        ("acme", 200, r#"{"success": false, "message": "busy"}"#),
        ("acme", 200, r#"{"error": {"code": "busy"}}"#),
        ("acme", 500, ""),
        ("acme", 503, "<html></html>"),
        ("acme", 502, r#"{"error": "temporarily_unavailable"}"#),
    ];
    for (provider, status, body) in cases {
        assert!(!may_be_spent(provider, status, body), "{provider} {status} {body}");
    }
}

#[test]
fn what_is_neither_tokens_nor_an_error_may_have_spent_the_token() {
    let cases = [
        (200, "<html><title>Log in to the network</title></html>"),
        (200, ""),
        (200, r#"{"hello": "world"}"#),
        (200, r#"{"base_resp": {"status_code": 0, "status_msg": "success"}}"#),
        (200, r#"{"access_token": "new\naccess", "refresh_token": "new-refresh"}"#),
        (200, r#"{"access_token": "new\u0000access"}"#),
        (200, r#"{"access_token": "\u001b[31mnew"}"#),
        // A gateway does not know what became of it.
        (502, "<html><title>Bad gateway</title></html>"),
        (504, ""),
        (504, r#"{"message": "Endpoint request timed out"}"#),
    ];
    for (status, body) in cases {
        assert!(may_be_spent("acme", status, body), "{status} {body}");
    }
}
