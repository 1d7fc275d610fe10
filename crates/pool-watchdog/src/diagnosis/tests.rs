use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::harm::{KEY, LOGS, harmed, slipped};
use super::line::MOST_SHOWN;
use super::*;
use crate::login::{LoginState, Place};
use crate::task::{Event, Status, Task};

fn now() -> DateTime<Utc> {
    pool_core::time::parse_text("2026-11-21T12:00:00Z").unwrap()
}

/// A diagnosis in one line, and one more for each thing aside.
fn row(name: &str, diagnosis: &Diagnosis) -> String {
    let Diagnosis { cause, says, line, provider, model, kind, until, residency, skills, asides, failure: _ } =
        diagnosis;
    let line = line.map(|line| format!("line {line}"));
    let until = until.map(|until| format!("until {}", pool_core::time::format(until)));
    let residency = residency.as_ref().map(|residency| format!("{}={}", residency.claim, residency.value));
    let provider = provider.as_ref().map(ToString::to_string);
    let kind = kind.map(|kind| kind.to_string());
    let facts = [line, kind, provider, model.clone(), until, residency, Some(skills.join("+"))];
    let facts: Vec<String> = facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect();
    let asides: String = asides.iter().map(|aside| format!("\n    aside: {aside}")).collect();
    format!("{name}: {cause} ({})\n    {says}{asides}", facts.join(", "))
}

#[test]
fn each_log_has_its_diagnosis() {
    let table = LOGS.map(|(name, log)| row(name, &diagnose(&Evidence::at(now()).log(log))));
    insta::assert_snapshot!(table.join("\n"));
}

fn log(name: &str) -> &'static str {
    LOGS.iter().find(|(known, _)| *known == name).map(|(_, log)| *log).unwrap()
}

/// What Hermes prints around one call that failed and was not tried again.
fn frame(provider: &str, failed: &str, words: &str, details: &str) -> String {
    format!(
        "Query: work kanban task t_1\nInitializing agent...\n\n⚠️  API call failed (attempt 1/3): {failed}\n   \
         🔌 Provider: {provider}  Model: gpt-5.5\n   🌐 Endpoint: https://example.org/v1\n   📝 Error: {words}\n   \
         📋 Details: {details}\n   ⏱️  Elapsed: 1.07s  Context: 2 msgs, ~3,954 tokens\n❌ Non-retryable error: {words}\n\n\
         Session:        20261121_030558_f0c3a7\n"
    )
}

#[test]
fn the_words_of_a_call_tell_its_cause() {
    let cases = [
        (
            "AuthenticationError [HTTP 401]",
            "HTTP 401: Missing bearer or basic authentication in header",
            "missing_login",
        ),
        ("AuthenticationError [HTTP 401]", "HTTP 401: No auth credentials found", "missing_login"),
        ("CodexError", "codex app-server: Not logged in. Run `codex login`.", "missing_login"),
        (
            "AuthError",
            "Codex auth state is missing tokens. Run `hermes auth` to re-authenticate.",
            "missing_login",
        ),
        (
            "AuthenticationError [HTTP 401]",
            "HTTP 401: Workspace is not authorized in this region.",
            "missing_residency",
        ),
        (
            "PermissionDeniedError [HTTP 403]",
            "HTTP 403: Workspace is not authorized in this region.",
            "missing_residency",
        ),
        (
            "AuthenticationError [HTTP 401]",
            "HTTP 401: Your authentication token has been invalidated.",
            "revoked",
        ),
        ("AuthenticationError [HTTP 401]", "HTTP 401: This API key has been revoked.", "revoked"),
        (
            "AuthError",
            "Codex refresh token was already consumed by another client (e.g. Codex CLI).",
            "revoked",
        ),
        ("AuthError", "Codex token refresh failed: Your refresh token has been revoked.", "revoked"),
        ("AuthError", "Codex token refresh failed with status 401.", "login_refused"),
        ("AuthenticationError [HTTP 401]", "HTTP 401: User not found.", "login_refused"),
        ("AuthenticationError [HTTP 401]", "HTTP 401: Unauthorized", "login_refused"),
        (
            "AuthenticationError [HTTP 401]",
            "HTTP 401: Provided authentication token is expired.",
            "login_refused",
        ),
        (
            "PermissionDeniedError [HTTP 403]",
            "HTTP 403: Your plan does not include this model.",
            "login_refused",
        ),
        ("RateLimitError [HTTP 429]", "HTTP 429: Rate limit reached for requests.", "throttled"),
        ("RateLimitError [HTTP 429]", "HTTP 429: You exceeded your current quota", "throttled"),
        ("APIStatusError [HTTP 402]", "HTTP 402: Insufficient credits.", "throttled"),
        (
            "AuthError",
            "Codex provider quota exhausted (429); retry after 300s. Credentials are still valid.",
            "throttled",
        ),
        ("RateLimitError [HTTP 429]", "HTTP 429: Our servers are overloaded.", "provider_trouble"),
        ("InternalServerError [HTTP 502]", "HTTP 502 — Bad Gateway", "provider_trouble"),
        ("InternalServerError [HTTP 529]", "HTTP 529: Overloaded", "provider_trouble"),
        ("InternalServerError [HTTP 504]", "HTTP 504 — Gateway Timeout", "timeout"),
        ("APITimeoutError", "Request timed out.", "timeout"),
        ("ReadTimeout", "", "timeout"),
        ("RuntimeError", "Provider has been unresponsive (no response received) for 5 attempts", "timeout"),
        ("APIConnectionError", "Connection error.", "connection"),
        ("RemoteProtocolError", "peer closed connection without sending complete message body", "connection"),
        ("ConnectError", "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "connection"),
        ("BadRequestError [HTTP 400]", "HTTP 400: Invalid value: 'tool'.", "unknown"),
        ("NotFoundError [HTTP 404]", "HTTP 404: The model `gpt-9` does not exist.", "unknown"),
        ("ValueError", "something else", "unknown"),
    ];
    for (failed, words, cause) in cases {
        let diagnosis = diagnose(&Evidence::at(now()).log(&frame("openai-codex", failed, words, "{}")));
        assert_eq!(diagnosis.cause.as_str(), cause, "{failed} {words}");
        assert_eq!(diagnosis.says, if words.is_empty() { failed } else { words });
        let line = if words.is_empty() { 4 } else { 7 };
        assert_eq!((diagnosis.line, diagnosis.model.as_deref()), (Some(line), Some("gpt-5.5")));
        assert_eq!(diagnosis.asides, [""; 0]);
    }
}

#[test]
fn the_body_of_an_answer_tells_more_than_its_words() {
    let cases = [
        ("401", "{'message': 'No.', 'code': 'token_invalidated'}", "revoked"),
        ("401", "{'error': {'message': 'No.', 'code': 'token_revoked'}}", "revoked"),
        ("400", "{'error': 'invalid_grant', 'error_description': 'No.'}", "revoked"),
        ("401", "{'message': 'No.', 'code': 'unauthorized_region'}", "missing_residency"),
        ("401", "{'message': 'No.', 'code': 401}", "login_refused"),
        ("401", "{'message': 'No.', 'code': 'token_inval", "login_refused"),
        ("429", "{'message': 'No.', 'type': 'insufficient_quota'}", "throttled"),
        ("503", "{'message': 'No.'}", "provider_trouble"),
    ];
    for (status, details, cause) in cases {
        let log = frame(
            "custom",
            &format!("APIStatusError [HTTP {status}]"),
            &format!("HTTP {status}: No."),
            details,
        );
        assert_eq!(diagnose(&Evidence::at(now()).log(&log)).cause.as_str(), cause, "{status} {details}");
    }
}

#[test]
fn what_is_waited_for_counts_from_the_end_of_the_worker() {
    let waits = |words: &str, details: &str| {
        let log = frame("custom", "RateLimitError [HTTP 429]", words, details);
        let ended = task(&[("spawned", json!({})), ("protocol_violation", json!({}))]);
        let until = |evidence: Evidence<'_>| diagnose(&evidence).until;
        let (from_now, from_end) =
            (until(Evidence::at(now()).log(&log)), until(Evidence::at(now()).log(&log).task(&ended)));
        assert_eq!(
            from_now.map(|time| time - now()),
            from_end.map(|time| time - ended.events[1].at),
            "{words}"
        );
        from_now.map(|time| (time - now()).num_seconds())
    };
    assert_eq!(waits("HTTP 429: Please try again in 20m0s.", ""), Some(1200));
    assert_eq!(
        waits("HTTP 429: The usage limit has been reached", "{'resets_in_seconds': 13873}"),
        Some(13_873)
    );
    assert_eq!(waits("Codex provider quota exhausted (429); retry after 300s.", ""), Some(300));
    assert_eq!(waits("HTTP 429: Slow down", "{}"), None);
}

fn place(state: LoginState) -> Place {
    Place { path: "auth.json".into(), state, made_at: None }
}

fn logins(codex: LoginState, profile: LoginState, root: LoginState) -> Logins {
    Logins { codex: place(codex), profile: place(profile), root: place(root), residency: None }
}

#[test]
fn a_refused_login_is_stale_where_a_newer_one_lies_beside_it() {
    use LoginState::{Absent, ApiKey, Empty, Expired, Good};
    let until = |days| Some(now() + TimeDelta::days(days));
    let cases = [
        (logins(Good(until(9)), Good(until(5)), Absent), true),
        (logins(Absent, Good(until(5)), Good(until(9))), true),
        (logins(Good(until(9)), Absent, Good(until(5))), true),
        (logins(Good(until(9)), Expired(now()), Absent), true),
        (logins(Good(None), Empty, Absent), true),
        (logins(Good(until(9)), Absent, Absent), true),
        (logins(Good(until(5)), Good(until(5)), Good(until(5))), false),
        (logins(Good(until(5)), Absent, Good(until(9))), false),
        (logins(Good(None), Good(until(5)), Absent), false),
        (logins(Good(until(9)), Good(None), Absent), false),
        (logins(Expired(now()), Good(until(5)), Empty), false),
        (logins(ApiKey, Expired(now()), Absent), false),
        (logins(Absent, Absent, Absent), false),
    ];
    let failures = [
        (
            "AuthenticationError [HTTP 401]",
            "HTTP 401: Your authentication token has been invalidated.",
            "revoked",
        ),
        (
            "AuthenticationError [HTTP 401]",
            "HTTP 401: Provided authentication token is expired.",
            "login_refused",
        ),
        ("AuthError", "Codex refresh token was already consumed by another client", "revoked"),
        ("AuthError", "Codex token refresh failed with status 401.", "login_refused"),
    ];
    for (logins, is_stale) in &cases {
        for (failed, words, otherwise) in failures {
            let cause = |provider| {
                let log = frame(provider, failed, words, "");
                diagnose(&Evidence::at(now()).log(&log).logins(logins)).cause.as_str()
            };
            assert_eq!(
                cause("openai-codex"),
                if *is_stale { "stale_sync" } else { otherwise },
                "{logins:?} {words}"
            );
            assert_eq!(
                cause("openrouter"),
                otherwise,
                "the logins of Codex are not those of another provider"
            );
        }
    }
}

#[test]
fn newer_logins_do_not_make_another_cause_stale() {
    let newer = logins(LoginState::Good(None), LoginState::Empty, LoginState::Absent);
    for name in ["no-login", "region", "refused", "overloaded", "usage", "timeout"] {
        let cause = |evidence: Evidence<'_>| diagnose(&evidence.log(log(name))).cause;
        assert_eq!(cause(Evidence::at(now()).logins(&newer)), cause(Evidence::at(now())), "{name}");
    }
}

#[test]
fn a_missing_header_is_named_with_the_claim_of_the_token() {
    let residency = Residency { claim: "chatgpt_data_residency", value: "eu".to_owned() };
    let logins = Logins {
        residency: Some(residency.clone()),
        ..logins(LoginState::Absent, LoginState::Good(None), LoginState::Absent)
    };
    let diagnosis = |name| diagnose(&Evidence::at(now()).log(log(name)).logins(&logins));
    assert_eq!(diagnosis("region").residency, Some(residency));
    assert_eq!(diagnosis("user").residency, None);
}

/// A task to which this happened, an event a minute, the last one five minutes ago.
fn task(events: &[(&str, Value)]) -> Task {
    let begin = now() - TimeDelta::minutes(5) - TimeDelta::minutes(i64::try_from(events.len()).unwrap());
    let events = events.iter().zip(1..).map(|((kind, payload), id)| Event {
        id,
        run: Some(1),
        kind: (*kind).to_owned(),
        payload: payload.clone(),
        at: begin + TimeDelta::minutes(id),
    });
    Task {
        created_at: begin,
        started_at: Some(begin),
        events: events.collect(),
        ..Task::sample("t_52cac9ce", Status::Ready)
    }
}

/// What the board saw after it had started a worker, and the log beside it.
#[test]
fn the_board_decides_where_the_log_tells_of_no_failure() {
    let violation = || ("protocol_violation", json!({"pid": 7, "exit_code": 0}));
    let gone = || ("crashed", json!({"pid": 7, "claimer": "vm:1"}));
    let exited = |kind: &str, code: i64| ("crashed", json!({"pid": 7, "exit_kind": kind, "exit_code": code}));
    let failed = || exited("nonzero_exit", 1);
    let killed = || exited("signaled", 9);
    let gave_up = |why: &str, error: &str| ("gave_up", json!({"trigger_outcome": why, "error": error}));
    let no_hermes = "no such file: hermes";
    let turns = "Iteration budget exhausted (90/90)";
    let cut = "Query: work kanban task t_1\nInitializing agent...\n  ┊ 💻 preparing terminal…\n";
    let traceback = "Traceback (most recent call last):\n  File \"x\"\nImportError: no openai\n";
    let behind = &format!("{}{traceback}", log("timeout"));
    let (answer, timeout, none) = (log("answer"), log("timeout"), "");
    let cases = [
        ("exited with 0", answer, vec![violation()]),
        ("exited with 0, no log", none, vec![violation()]),
        ("exited with 0, words of another program", "nothing to see here", vec![violation()]),
        ("exited with 0, side call failed", log("title"), vec![violation()]),
        ("exited with 0, call failed", timeout, vec![violation(), gave_up("crashed", "pid 7 not alive")]),
        ("exited with 0, interrupted", log("killed"), vec![violation()]),
        ("gone, came to its end", answer, vec![gone()]),
        ("gone, in the middle", cut, vec![gone()]),
        ("gone, call failed", timeout, vec![gone(), gave_up("crashed", "pid 7 not alive")]),
        ("exited with 1", answer, vec![failed()]),
        ("exited with 1, no skills", log("skill"), vec![failed()]),
        ("killed", cut, vec![killed(), gave_up("crashed", "pid 7 killed by signal 9")]),
        ("traceback", traceback, vec![failed()]),
        ("traceback behind another worker", behind, vec![failed()]),
        (
            "took too long",
            log("killed"),
            vec![("timed_out", json!({"elapsed_seconds": 62, "limit_seconds": 60}))],
        ),
        ("no sign of life", cut, vec![("stale", json!({}))]),
        ("out of turns", answer, vec![("timed_out", json!({"error": turns, "budget_used": 90}))]),
        (
            "out of turns, gave up",
            answer,
            vec![("gave_up", json!({"error": turns, "budget_used": 90, "trigger_outcome": "timed_out"}))],
        ),
        ("exited with 75", cut, vec![("rate_limited", json!({"exit_code": 75}))]),
        ("not started", timeout, vec![violation(), ("spawn_failed", json!({"error": no_hermes}))]),
        ("not started, gave up", timeout, vec![gave_up("spawn_failed", no_hermes)]),
        ("runs again", cut, vec![killed(), ("spawned", json!({"pid": 8}))]),
        ("blocked by somebody", cut, vec![killed(), ("blocked", json!({"reason": "no"}))]),
        ("nothing seen", none, vec![]),
    ];
    let rows = cases.map(|(name, log, mut events)| {
        events.insert(0, ("spawned", json!({"pid": 7})));
        row(name, &diagnose(&Evidence::at(now()).log(log).task(&task(&events))))
    });
    insta::assert_snapshot!(rows.join("\n"));
}

/// What only parts of a log, or logs of other versions, have.
#[test]
fn what_hermes_says_is_told_from_what_the_model_says() {
    let refused = "⚠️  API call failed (attempt 1/3): AuthenticationError [HTTP 401]\n   📝 Error: HTTP 401: User not found.\n";
    let slow = "⚠️  API call failed (attempt 1/3): APITimeoutError\n   📝 Error: Request timed out.\n";
    let tool = "  ┊ 💻 preparing terminal…\n  ┊ 💻 $         ls raw  0.0s\n";
    let panel = |words: &str| {
        format!(" ─  ⚕ Hermes  ──────────────────── \r\n\r\n     {words}\r\n\r\n ──────────────────── \r\n")
    };
    let end = "\nSession:        1\n";
    let cases = [
        ("refused, went on", format!("{refused}{tool}{end}")),
        ("refused, answered", format!("{refused}{}{end}", panel("All is well."))),
        ("refused, went on, timed out", format!("{refused}{tool}{slow}{end}")),
        ("timed out, went on", format!("{slow}{tool}{end}")),
        ("compression", format!("⚠ Compression summary failed: Request timed out.. Inserted a fallback context marker.\n{tool}{end}")),
        ("own model of compression", format!("ℹ Configured compression model 'x' failed (Error code: 401 - {{'error': {{'message': 'User not found.'}}}}). Recovered using main model\n{tool}{end}")),
        ("only the panel, broken", format!("{}{end}", panel("API call failed after 3 retries: HTTP 429: You exceeded your current\r\n     quota"))),
        ("only the panel, older", panel("Error: HTTP 401: Missing bearer or basic authentication in header")),
        ("only the panel, newer", panel("HTTP 401: User not found.")),
        ("answer without colour", format!("{}{end}", panel("It said HTTP 401: User not found. I went on."))),
        ("coloured", format!("\u{1b}[1;34mQuery:\u{1b}[0m work kanban task t_1\n\u{1b}[33m{slow}\u{1b}[0m")),
        ("overwritten", format!("Query: work kanban task t_1\n | thinking\r / thinking\r{slow}")),
        ("remark", format!("{tool}  ┊ 💬 API call failed (attempt 1/3): APITimeoutError, I will preparing kanban_complete…\n{end}")),
        ("thought", format!("┌─ Reasoning ─────┐\n{slow}└─────────────────┘\n{tool}{end}")),
        ("out of turns", format!("{tool}⚠️ Iteration budget exhausted (90/90) — asking model to summarise\n{}{end}", panel("I did most of it."))),
        ("broke", format!("{tool}Traceback (most recent call last):\n  File \"cli.py\", line 1, in main\n    raise\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"cli.py\"\nMemoryError\n")),
        ("broke of no skill", "Traceback (most recent call last):\n  File \"cli.py\"\nValueError: Unknown skill(s): kanban-worker\n".to_owned()),
        ("skill after an attempt", format!("{}Error: Unknown skill(s): kanban-worker\n", log("timeout"))),
        ("attempt after a skill", format!("{}{}", log("skill"), log("timeout"))),
        ("cut behind a call", "⚠️  API call failed (attempt 1/3): RateLimitError [HTTP 429]\n".to_owned()),
        ("killed within a line", format!("{}  ┊ 💻 prepar{}", log("region"), log("timeout"))),
        ("killed within an answer", format!("╭─ ⚕ Hermes ───────╮\n    I will {}", log("timeout"))),
        ("another program", "hermes: command not found\n".to_owned()),
    ];
    let rows = cases.map(|(name, log)| row(name, &diagnose(&Evidence::at(now()).log(&log))));
    insta::assert_snapshot!(rows.join("\n"));
}

proptest! {
    #[test]
    fn whatever_happens_to_a_log_what_is_said_can_be_shown(
        log in harmed().prop_flat_map(slipped),
        ends_well in any::<bool>(),
    ) {
        let ended = task(&[("spawned", json!({})), ("protocol_violation", json!({}))]);
        let evidence = Evidence::at(now()).log(&log);
        let diagnosis = diagnose(&if ends_well { evidence.task(&ended) } else { evidence });
        let shown = [&diagnosis.says].into_iter().chain(&diagnosis.asides).chain(&diagnosis.skills).chain(&diagnosis.model);
        for text in shown {
            prop_assert!(!text.is_empty() && text.chars().count() <= MOST_SHOWN, "{text:?}");
            prop_assert!(!text.contains(char::is_control), "{text:?}");
        }
        prop_assert!(diagnosis.line.is_none_or(|line| (1..=log.split('\n').count()).contains(&line)));
        prop_assert!(!format!("{diagnosis:?}").contains(KEY), "{diagnosis:?}");
    }

    #[test]
    fn what_stands_before_the_last_attempt_changes_nothing(before in harmed(), log in 0..LOGS.len()) {
        let (name, log) = LOGS[log];
        prop_assume!(name != "skill");
        let alone = diagnose(&Evidence::at(now()).log(log));
        let behind = diagnose(&Evidence::at(now()).log(&format!("{before}\n{log}")));
        let line = alone.line.map(|line| line + before.split('\n').count());
        prop_assert_eq!(behind, Diagnosis { line, ..alone });
    }
}

/// Each of these would be slow if anything were read again from each place.
#[test]
fn long_logs_are_quick() {
    let parts = [
        "\n",
        " ",
        "\r",
        "x",
        "\u{1b}[",
        "Query: work kanban task ",
        "Query: work kanban task t_1\n",
        "{'",
        "word ",
        "word\n",
        "⚠️  API call failed (attempt 1/3): AuthenticationError [HTTP 401]\n",
        "   📝 Error: HTTP 401: No.\n",
        "⚠️  API call failed (attempt 1/3): X [HTTP 401]\n   📋 Details: {'a': {'a': [\n",
        "┊ tool\n",
        "┊ review diff\n+\n",
        "╭─\n",
        "╭─\n╰─\n",
        " ─ x ──────────\n ──────────\n",
        "⚠ Auxiliary x failed: HTTP 401: No.\n",
        "Session:  1\n",
        "Traceback (most recent call last):\n",
        "Traceback (most recent call last):\nE\n",
        "Error: Unknown skill(s): a\n",
        "Unknown skill(s): a,",
    ];
    for part in parts {
        let log = part.repeat(500_000 / part.len());
        assert!(!diagnose(&Evidence::at(now()).log(&log)).says.is_empty());
    }
}
