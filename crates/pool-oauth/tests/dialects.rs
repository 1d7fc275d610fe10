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
