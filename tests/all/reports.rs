//! What a report of a raw response does to a store, and how a list shows it.

use serde_json::Value;

use crate::support::{Home, Ran};

const LIMIT_OF_ACCOUNT: &str = "HTTP/2 429\r\ncontent-type: application/json\r\n\r\n\
    {\"error\":{\"type\":\"usage_limit_reached\",\"message\":\"The usage limit has been reached\",\"resets_in_seconds\":7200}}";

const LIMIT_OF_MODEL: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 720\r\n\r\n\
    {\"error\":{\"message\":\"Rate limit reached for model gpt-5.5 in organization org-1\",\"code\":\"rate_limit_exceeded\"}}";

const WRONG_KEY: &str = "HTTP/1.1 401 Unauthorized\r\n\r\n\
    {\"error\":{\"message\":\"Incorrect API key provided: sk-canary-123456.\",\"code\":\"invalid_api_key\"}}";

fn json(ran: Ran) -> Value {
    serde_json::from_str(&ran.succeeded()).unwrap()
}

/// Two logins of the shipped store are of one account, and nothing is against them.
fn fresh() -> Home {
    let home = Home::legacy();
    home.pool("reset openai-codex --dead --now 2026-05-26T11:00:00Z").succeeded();
    home
}

fn listed(home: &Home, provider: &str, id: &str, now: &str) -> Value {
    let list = json(home.pool(&format!("list {provider} --json --now {now}")));
    let credentials = list["providers"][0]["credentials"].as_array().unwrap().clone();
    credentials.into_iter().find(|credential| credential["id"] == id).unwrap()
}

#[test]
fn a_response_is_judged_with_its_headers_and_its_body() {
    let home = fresh();
    home.write("response", LIMIT_OF_ACCOUNT);
    let said = home.pool("report openai-codex b31573 --response response").succeeded();
    assert_eq!(said, "b31573 is exhausted, returns in 2h 0m (also e5e5e5)\n");
    for id in ["b31573", "e5e5e5"] {
        let now = listed(&home, "openai-codex", id, "2026-05-26T12:00:00Z");
        assert_eq!((&now["until"], &now["reset_from"]), (&"2026-05-26T14:00:00Z".into(), &"provider".into()));
    }
    let said = json(
        home.pool_reading("report openai-codex 7db7c3 --response - --json", LIMIT_OF_ACCOUNT.as_bytes()),
    );
    assert_eq!(
        (&said["marked"], &said["reason"]),
        (&Value::from(vec!["7db7c3"]), &"usage_limit_reached".into())
    );
}

#[test]
fn a_limit_of_one_model_rests_that_model_only() {
    let home = fresh();
    home.write("response", LIMIT_OF_MODEL);
    let mut text = String::new();
    for words in [
        "report openai-codex 7db7c3 --response response --model gpt-5.5",
        "report openai-codex 7db7c3 --response response --model gpt-5.5 --json",
        "list openai-codex",
        "success openai-codex 7db7c3 --model gpt-5.5 --now 2026-05-26T12:05:00Z",
        "report openai-codex b31573 --response response",
        "list openai-codex --now 2026-05-26T12:06:00Z",
    ] {
        text += &format!("$ pool {words}\n{}", home.pool(words).succeeded());
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_model_that_rests_shows_in_json_and_is_passed_over_until_a_reset() {
    let home = fresh();
    home.write("response", LIMIT_OF_MODEL);
    home.pool("report openai-codex 9de82c --response response --model gpt-5.5").succeeded();
    let shown = listed(&home, "openai-codex", "9de82c", "2026-05-26T12:00:00Z");
    assert_eq!(shown["status"], "ok");
    assert_eq!(shown["models"]["gpt-5.5"]["until"], "2026-05-26T12:12:00Z");
    assert_eq!(shown["models"]["gpt-5.5"]["status"], "exhausted");
    assert_eq!(home.pool("pick openai-codex").succeeded(), "9de82c agent@example.com\n");
    assert_eq!(home.pool("pick openai-codex --model gpt-5.5").succeeded(), "b31573 second-account\n");
    assert_eq!(home.pool("reset openai-codex 9de82c").succeeded(), "cleared 9de82c\n");
    assert_eq!(listed(&home, "openai-codex", "9de82c", "2026-05-26T12:00:00Z").get("models"), None);
}

#[test]
fn four_refusals_of_a_key_in_half_an_hour_are_its_end() {
    let home = Home::legacy();
    let mut text = String::new();
    for time in ["12:00", "12:10", "12:30", "13:10"] {
        let words = format!("report anthropic a0a0a1 --response - --now 2026-05-26T{time}:00Z");
        let ran = home.pool_reading(&words, WRONG_KEY.as_bytes());
        text += &format!("$ pool {words}\n{}{}", ran.out, ran.err);
        let words = format!("list anthropic --now 2026-05-26T{time}:00Z");
        text += &format!("$ pool {words}\n{}", home.pool(&words).succeeded());
    }
    assert!(!text.contains("canary") && !home.read_store().contains("sk-canary"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn strikes_are_counted_in_json_and_cleared_by_a_reset() {
    let home = Home::legacy();
    for time in ["12:00", "12:10"] {
        let words = format!("report anthropic a0a0a1 --response - --json --now 2026-05-26T{time}:00Z");
        home.pool_reading(&words, WRONG_KEY.as_bytes()).succeeded();
    }
    let strikes =
        |home: &Home| listed(home, "anthropic", "a0a0a1", "2026-05-26T12:11:00Z").get("strikes").cloned();
    assert_eq!(strikes(&home), Some(serde_json::json!({"count": 2, "first_at": "2026-05-26T12:00:00Z"})));
    home.pool("reset anthropic --now 2026-05-26T12:11:00Z").succeeded();
    assert_eq!(strikes(&home), None);
}

#[test]
fn what_did_not_come_in_time_rests_a_minute() {
    let home = Home::legacy();
    let said = json(home.pool("report anthropic a0a0a1 --timed-out --json"));
    assert_eq!((&said["kind"], &said["until"]), (&"timeout".into(), &"2026-05-26T12:01:00Z".into()));
}

#[test]
fn a_response_that_cannot_be_taken_changes_nothing() {
    let home = Home::legacy();
    home.write("ok", "HTTP/1.1 200 OK\r\n\r\n{\"id\":\"resp_1\"}");
    home.write("body", "{\"error\":{\"code\":\"token_revoked\"}}");
    home.write("empty", "");
    let before = home.read_store();
    let mut text = String::new();
    for words in [
        "report anthropic a0a0a1 --response ok",
        "report anthropic a0a0a1 --response body",
        "report anthropic a0a0a1 --response empty",
        "report anthropic a0a0a1 --response nothing-there",
        "report anthropic a0a0a1 --response .",
        "report anthropic a0a0a1 --response ok --status 429",
        "report anthropic a0a0a1 --response ok --message x",
        "report anthropic a0a0a1 --timed-out --no-answer",
    ] {
        let ran = home.pool(words);
        text += &format!("$ pool {words}\n{}{}[exit {}]\n", ran.out, ran.err, ran.code);
    }
    assert_eq!(home.read_store(), before);
    insta::assert_snapshot!(text);
}
