//! What the files of other tools offer. All tokens are fakes.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::Unresolved;
use pool_sources::{Environment, Flaw, Given, Offer, Places, SourceError, Tool, offers_of_variables};
use tempfile::TempDir;

/// `{"exp": 1790000000, "email": "agent@example.com", ...}`: it ends in September 2026.
const JWT: &str = "e30.eyJleHAiOjE3OTAwMDAwMDAsImVtYWlsIjoiYWdlbnRAZXhhbXBsZS5jb20iLCJodHRwczovL2FwaS5vcGVuYWkuY29tL2F1dGgiOnsiY2hhdGdwdF9hY2NvdW50X2lkIjoiYWNjLTEiLCJjaGF0Z3B0X3VzZXJfaWQiOiJ1c2VyLTEifX0.c2ln";

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_779_796_800)
}

fn offer(tool: Tool, text: &str) -> Result<Offer, Flaw> {
    tool.offer(text.into(), now())
}

#[test]
fn each_tool_offers_its_login() {
    let codex = format!(
        r#"{{"OPENAI_API_KEY": null, "auth_mode": "chatgpt", "last_refresh": "2026-05-26T10:27:00Z",
            "tokens": {{"id_token": "x", "access_token": "{JWT}", "refresh_token": "rt-codex", "account_id": "acc-1"}}}}"#
    );
    let claude = r#"{"mcpOAuth": {"x": 1}, "claudeAiOauth": {"accessToken": "sk-ant-oat01-fake", "refreshToken": "sk-ant-ort01-fake",
        "expiresAt": 1779800400000, "scopes": ["user:inference"], "subscriptionType": "max"}}"#;
    let hermes = r#"{"accessToken": "sk-ant-oat01-own", "refreshToken": "sk-ant-ort01-own", "expiresAt": 1779800400000}"#;
    let qwen = r#"{"access_token": "qwen-at", "refresh_token": "qwen-rt", "token_type": "Bearer",
        "resource_url": "portal.qwen.ai", "expiry_date": 1779800400000}"#;
    let files =
        [(Tool::Codex, codex.as_str()), (Tool::Claude, claude), (Tool::Hermes, hermes), (Tool::Qwen, qwen)];
    let offers: Vec<String> = files.iter().map(|(tool, text)| told(&offer(*tool, text).unwrap())).collect();
    insta::assert_snapshot!(offers.join("\n"), @r"
    openai-codex manual:codex_cli (agent@example.com), by value, with a refresh token, until 2026-09-21 14:13:20 UTC
    anthropic claude_code (claude_code), by reference, until 2026-05-26 13:00:00 UTC
    anthropic hermes_pkce (hermes_pkce), by value, with a refresh token, until 2026-05-26 13:00:00 UTC
    qwen-oauth qwen-cli (qwen-cli), by reference, until 2026-05-26 13:00:00 UTC
    ");
}

/// An offer without its secrets.
fn told(offer: &Offer) -> String {
    let given = match &offer.given {
        Given::ByValue(tokens) => {
            let refresh = tokens.refresh_token().map_or("without", |_| "with");
            format!("by value, {refresh} a refresh token")
        }
        Given::ByReference(_) => "by reference".to_owned(),
    };
    let until = offer.expires_at.map_or_else(|| "?".to_owned(), |at| at.to_string());
    format!("{} {} ({}), {}, until {until}", offer.provider, offer.source, offer.label, given)
}

#[test]
fn what_is_not_known_is_left_open() {
    let bare = offer(
        Tool::Claude,
        r#"{"claudeAiOauth": {"accessToken": "t", "expiresAt": 0, "refreshToken": null}}"#,
    );
    assert_eq!(told(&bare.unwrap()), "anthropic claude_code (claude_code), by reference, until ?");
    let odd =
        offer(Tool::Hermes, r#"{"accessToken": "t", "refreshToken": " ", "expiresAt": "soon"}"#).unwrap();
    assert_eq!(told(&odd), "anthropic hermes_pkce (hermes_pkce), by value, without a refresh token, until ?");
}

#[test]
fn flaws_say_what_and_where_and_quote_nothing() {
    let ended =
        format!(r#"{{"tokens": {{"access_token": "{}", "refresh_token": "canary"}}}}"#, "e30.eyJleHAiOjF9.x");
    let cases = [
        (Tool::Claude, "", "file is empty"),
        (Tool::Claude, "\u{feff}{}", "starts with a UTF-8 byte order mark"),
        (
            Tool::Claude,
            r#"{"claudeAiOauth": {"accessToken": "canary"#,
            "not JSON: ends too early at line 1 column 41",
        ),
        (Tool::Claude, "[]", "`the file` at line 1 column 1 is not an object"),
        (Tool::Claude, "{}", "there is no `claudeAiOauth`"),
        (
            Tool::Claude,
            "{\n  \"claudeAiOauth\": \"canary\"}",
            "`claudeAiOauth` at line 2 column 20 is not an object",
        ),
        (Tool::Claude, r#"{"claudeAiOauth": {}}"#, "there is no `claudeAiOauth.accessToken`"),
        (Tool::Hermes, r#"{"accessToken": " "}"#, "there is no `accessToken`"),
        (Tool::Hermes, r#"{"accessToken": 7}"#, "`accessToken` at line 1 column 17 is not a string"),
        (Tool::Hermes, r#"{"accessToken": "\ud800"}"#, "`accessToken` at line 1 column 17 is not a string"),
        (Tool::Codex, r#"{"OPENAI_API_KEY": "canary", "tokens": null}"#, "there is no `tokens`"),
        (Tool::Codex, r#"{"tokens": {"access_token": "canary"}}"#, "there is no `tokens.refresh_token`"),
        (Tool::Codex, &ended, "the access token ended at 1970-01-01T00:00:01Z"),
        (Tool::Qwen, r#"{"access_token": ["canary"]}"#, "`access_token` at line 1 column 18 is not a string"),
    ];
    for (tool, text, expected) in cases {
        let flaw = offer(tool, text).unwrap_err();
        assert_eq!(flaw.to_string(), expected, "{text}");
        assert!(!format!("{flaw:?}").contains("canary"), "{flaw:?}");
    }
    let binary = Tool::Qwen.offer(vec![b'{', 0xff], now()).unwrap_err();
    assert_eq!(binary.to_string(), "not UTF-8 at line 1 column 2");
    let deep = "[".repeat(200_000);
    assert!(matches!(offer(Tool::Codex, &deep), Err(Flaw::Syntax(_))));
}

fn places(home: &TempDir) -> Places {
    Places::of(&Environment::of_user(home.path()), &home.path().join("auth.json"), None).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the test plays another tool")]
fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn files_that_are_none_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let mut places = places(&home);
    let why = |places: &Places| match Tool::Claude.read(places, now()).unwrap_err() {
        SourceError::Missing { .. } => "missing".to_owned(),
        SourceError::Unreadable { source, .. } => source.to_string(),
        error => error.to_string(),
    };
    assert_eq!(why(&places), "missing");
    write(&places.claude, &format!("{{\"claudeAiOauth\": {}", " ".repeat(10 * 1024 * 1024)));
    assert_eq!(why(&places), "it is longer than 1 MiB");
    write(&places.claude, "{");
    assert_eq!(why(&places), format!("{} has no login to take in", places.claude.display()));
    places.claude = home.path().to_owned();
    assert!(matches!(Tool::Claude.read(&places, now()), Err(SourceError::Unreadable { .. })));
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_a_pipe_is_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let mut places = places(&home);
    let real = home.path().join("real.json");
    write(&real, r#"{"access_token": "qwen-at"}"#);
    std::fs::create_dir_all(places.qwen.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&real, &places.qwen).unwrap();
    assert_eq!(Tool::Qwen.read(&places, now()).unwrap().label, "qwen-cli");
    places.qwen = home.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&places.qwen).unwrap();
    assert!(matches!(Tool::Qwen.read(&places, now()), Err(SourceError::Unreadable { .. })));
}

#[test]
fn variables_offer_in_order_and_stand_ins_are_refused() {
    let set = [
        ("GEMINI_API_KEY", "gem-2"),
        ("GOOGLE_API_KEY", "gem-1"),
        ("GEMINI_BASE_URL", "https://proxy.example"),
        ("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-fake"),
        ("OPENAI_API_KEY", "changeme"),
        ("OPENROUTER_API_KEY", "abc"),
    ];
    let lend = |_: &pool_core::Provider, source: &pool_core::Source| {
        let found = set.iter().find(|(name, _)| Some(*name) == source.environment_variable());
        let secret = found.map(|(_, value)| pool_core::Secret::new((*value).to_owned()));
        let secret = secret.ok_or(Unresolved::VariableNotSet)?;
        if secret.is_placeholder() { Err(Unresolved::Placeholder) } else { Ok(secret.into()) }
    };
    let tell = |offered: Result<Offer, pool_sources::Refused>| match offered {
        Ok(offer) => {
            let url = offer.base_url.as_deref().unwrap_or("-");
            format!("{} {} {} {url}", offer.provider, offer.source, offer.auth_type.as_str())
        }
        Err(refused) => format!("{} {} refused", refused.provider, refused.source),
    };
    let offers: Vec<_> = offers_of_variables(None, lend).into_iter().map(tell).collect();
    assert_eq!(
        offers,
        [
            "anthropic env:CLAUDE_CODE_OAUTH_TOKEN oauth -",
            "gemini env:GOOGLE_API_KEY api_key https://proxy.example",
            "gemini env:GEMINI_API_KEY api_key https://proxy.example",
            "openai-api env:OPENAI_API_KEY refused",
            "openrouter env:OPENROUTER_API_KEY refused",
        ]
    );
    let gemini = pool_core::Provider::new("gemini").unwrap();
    assert_eq!(offers_of_variables(Some(&gemini), lend).len(), 2);
}
