//! The recorded cases: 240 runs of the reference, and 100 of the rules that it lacks.

use pool_core::time;
use serde_json::{Map, Value};

use crate::support::Home;

#[test]
fn runs_of_the_reference_agree() {
    agree(include_str!("../data/replay.jsonl"), 240);
}

#[test]
fn runs_of_the_rules_agree() {
    agree(include_str!("../data/replay-rules.jsonl"), 100);
}

#[test]
fn a_replay_writes_nothing() {
    let home = Home::legacy();
    let before = home.read_store();
    home.write("events.jsonl", "{\"at\":1779796800,\"op\":\"pick\",\"provider\":\"openai-codex\"}\n");
    let said = home.pool("replay --events events.jsonl --strategy least_used --json").succeeded();
    assert_eq!(said, "{\"op\":\"pick\",\"credential\":\"7db7c3\"}\n");
    assert_eq!(home.read_store(), before);
}

#[test]
fn an_event_may_carry_a_response_and_a_model() {
    let home = Home::legacy();
    let response = r#"HTTP/1.1 429 x\r\nretry-after: 60\r\n\r\n{\"error\":{\"message\":\"Rate limit reached for model m in organization o\"}}"#;
    let event = |seconds: u32, rest: &str| {
        format!("{{\"at\":{},\"provider\":\"openai-codex\",{rest}}}\n", 1_779_796_800 + seconds)
    };
    let events = [
        event(0, &format!(r#""op":"report","credential":"7db7c3","model":"m","response":"{response}""#)),
        event(1, r#""op":"pick","model":"m""#),
        event(2, r#""op":"pick""#),
        event(3, r#""op":"success","credential":"7db7c3","model":"m""#),
        event(4, r#""op":"pick","model":"m""#),
        event(5, &format!(r#""op":"report","credential":"7db7c3","response":"{response}""#)),
    ];
    home.write("events.jsonl", &events.concat());
    let said = home.pool("replay --events events.jsonl --json").succeeded();
    let expected = [
        r#"{"op":"report","credential":"7db7c3","status":"ok"}"#,
        r#"{"op":"pick","credential":"e5e5e5"}"#,
        r#"{"op":"pick","credential":"7db7c3"}"#,
        r#"{"op":"success","credential":"7db7c3","status":"ok"}"#,
        r#"{"op":"pick","credential":"7db7c3"}"#,
        r#"{"op":"report","credential":"7db7c3","status":"exhausted","until":"2026-05-26T12:01:05Z"}"#,
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_bad_event_is_named_by_its_line() {
    let home = Home::legacy();
    home.write("events.jsonl", "\n{\"at\":1,\"op\":\"pick\",\"provider\":\"acme\"}\n{\"op\":\"pick\"}\n");
    let ran = home.pool("replay --events events.jsonl --json");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert_eq!(ran.err, "error: line 3 of the events has no `provider`\n");
}

#[test]
fn what_is_wrong_with_an_event_reads_as_a_sentence() {
    let cases = [
        ("garbage", "is no JSON (column 1)"),
        ("[]", "is no JSON object"),
        (r#"{"provider":""}"#, "has a `provider` that is empty"),
        (r#"{"provider":"p"}"#, "has no `at`"),
        (r#"{"provider":"p","at":"x"}"#, "has an `at` that is no time"),
        (r#"{"provider":"p","at":1,"op":"dance"}"#, "has an `op` that is unknown: `dance`"),
        (r#"{"provider":"p","at":1,"op":"report","credential":""}"#, "has a `credential` that is empty"),
        (
            r#"{"provider":"p","at":1,"op":"report","credential":"x","status":"401"}"#,
            "has a `status` that is no HTTP status",
        ),
        (r#"{"provider":7}"#, "has no text as its `provider`"),
        (r#"{"provider":"p","at":[]}"#, "has neither text nor a number as its `at`"),
        (r#"{"provider":"p","at":"9999-12-31T23:00:00Z"}"#, "has an `at` that is past the year 9998"),
        (r#"{"provider":"p","at":1,"op":true}"#, "has no text as its `op`"),
        (r#"{"provider":"p","at":1,"op":"success","credential":7}"#, "has no text as its `credential`"),
        (r#"{"provider":"p","at":1,"op":"report","credential":"x","code":429}"#, "has no text as its `code`"),
        (
            r#"{"provider":"p","at":1,"op":"report","credential":"x","message":{}}"#,
            "has no text as its `message`",
        ),
        (
            r#"{"provider":"p","at":1,"op":"report","credential":"x","reset_at":true}"#,
            "has neither text nor a number as its `reset_at`",
        ),
        (
            r#"{"provider":"p","at":1,"op":"report","credential":"x","response":429}"#,
            "has no text as its `response`",
        ),
        (
            r#"{"provider":"p","at":1,"op":"report","credential":"x","response":"429"}"#,
            "has a `response` that is no raw HTTP response",
        ),
        (
            r#"{"provider":"p","at":1,"op":"report","credential":"x","response":"HTTP/1.1 429 x","code":"y"}"#,
            "has a `code` beside a `response`, which tells that itself",
        ),
        (r#"{"provider":"p","at":1,"op":"pick","model":7}"#, "has no text as its `model`"),
        (r#"{"provider":"p","at":1,"op":"reset","dead":"yes"}"#, "has neither true nor false as its `dead`"),
    ];
    let home = Home::empty();
    for (event, problem) in cases {
        home.write("events.jsonl", event);
        let ran = home.pool("replay --events events.jsonl");
        assert_eq!((ran.code, ran.err), (1, format!("error: line 1 of the events {problem}\n")));
    }
}

fn agree(cases: &str, count: usize) {
    let home = Home::empty();
    let cases: Vec<Value> = cases.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(cases.len(), count);
    let wrong: Vec<String> = cases.iter().flat_map(|case| disagreements(&home, case)).collect();
    assert!(wrong.is_empty(), "{} disagreements, first: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
}

fn disagreements(home: &Home, case: &Value) -> Vec<String> {
    home.write_store(&case["auth"].to_string());
    let events: String =
        case["events"].as_array().unwrap().iter().map(|event| format!("{event}\n")).collect();
    home.write("events.jsonl", &events);
    let strategy = case["strategy"].as_str().unwrap();
    let out = home.pool(&format!("replay --events events.jsonl --strategy {strategy} --json")).succeeded();
    let answers: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = case["expected"].as_array().unwrap();
    assert_eq!(answers.len(), expected.len(), "{}", case["name"]);
    let pairs = expected.iter().zip(&answers).enumerate();
    let wrong = pairs.filter(|(_, (expected, answer))| !agrees(expected, answer));
    wrong
        .map(|(at, (expected, answer))| format!("{} event {at}: {expected} but {answer}", case["name"]))
        .collect()
}

/// What a case expects of one answer; what it does not mention may be anything.
fn agrees(expected: &Value, answer: &Value) -> bool {
    expected.as_object().unwrap().iter().all(|(name, expected)| match name.as_str() {
        "any" => true,
        "state" => expected
            .as_object()
            .unwrap()
            .iter()
            .all(|(id, state)| same_state(state, &answer["credentials"][id])),
        name => same(name, expected, &answer[name]),
    })
}

fn same_state(expected: &Value, answer: &Value) -> bool {
    let nothing = Map::new();
    let expected = expected.as_object().unwrap_or(&nothing);
    if expected.get("status").is_none_or(Value::is_null) {
        return answer.is_null();
    }
    expected.iter().all(|(name, expected)| same(name, expected, &answer[name]))
}

/// Times compare as instants, and missing equals null.
fn same(name: &str, expected: &Value, answer: &Value) -> bool {
    let instant = |value: &Value| value.as_str().and_then(time::parse_text);
    if name == "until" { instant(expected) == instant(answer) } else { expected == answer }
}
