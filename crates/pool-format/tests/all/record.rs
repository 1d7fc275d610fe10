//! Records: what happened to a credential.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    Death, Fingerprint, Judged, Kind, LastError, Record, Renewal, Replaced, ResetFrom, Rest, Stage, State,
    Strikes, Usage,
};
use pool_format::raw::Layout;
use pool_format::{kind_of, read_code, read_record, write_record};

use crate::support::{instant, noon, pin, raw, then};

fn read(json: &str) -> Record {
    read_record(&raw(json), noon())
}

fn state(json: &str) -> State {
    read(json).state
}

fn written(current: Option<&str>, record: &Record) -> Option<String> {
    let current = current.map(raw);
    let written = write_record(current.as_ref(), record, Layout::Compact, noon());
    written.map(|raw| raw.as_str().to_owned())
}

/// What is written over a record for a state, the rest of it being as it was read.
fn with_state(current: &str, state: State) -> String {
    written(Some(current), &Record { state, ..read(current) }).expect("there is something to say")
}

fn renewing(stage: Stage) -> Record {
    let refresh = Some(Renewal { subject: subject(), at: then(), stage });
    Record { refresh, ..Record::default() }
}

fn in_state(state: State) -> Record {
    Record { state, ..Record::default() }
}

fn ok_since(since: &str) -> State {
    State::Ok { since: Some(instant(since)) }
}

fn unknown(word: &str) -> State {
    State::Unknown { word: word.to_owned() }
}

fn error(kind: Kind, code: Option<u16>) -> LastError {
    LastError { kind, code, reason: None, message: None }
}

fn subject() -> Fingerprint {
    Fingerprint::of("test")
}

fn rest(until: DateTime<Utc>, from: ResetFrom, kind: Kind) -> Rest {
    Rest { at: Some(then()), until, from, judged: Judged::Unbound, error: error(kind, None) }
}

fn until(state: &State) -> Option<(DateTime<Utc>, ResetFrom)> {
    match state {
        State::Exhausted(rest) => Some((rest.until, rest.from)),
        _ => None,
    }
}

#[test]
fn a_record_without_a_status_is_ok() {
    assert_eq!(read("{}"), Record::default());
    assert_eq!(read(r#"{"status": null, "status_at": null}"#), Record::default());
    assert_eq!(state(r#"{"status_at": "2026-05-26T10:27:00Z"}"#), ok_since("2026-05-26T10:27:00Z"));
    assert_eq!(
        state(r#"{"status": null, "status_at": "2026-05-26T10:27:00Z"}"#),
        ok_since("2026-05-26T10:27:00Z")
    );
}

#[test]
fn each_status_reads_as_what_it_says() {
    let at = r#""status_at": "2026-05-26T10:27:00Z""#;
    let subject_field = r#""subject": "sha256:9f86d081884c7d65""#;
    let death = Death { at: Some(then()), subject: None, error: error(Kind::AuthPermanent, None) };
    let cases = [
        (r#""status": "ok""#.to_owned(), State::default()),
        (format!(r#""status": "ok", {at}"#), ok_since("2026-05-26T10:27:00Z")),
        (
            format!(r#""status": "removed", {at}, {subject_field}"#),
            State::Removed { at: Some(then()), subject: Some(subject()) },
        ),
        (r#""status": "removed""#.to_owned(), State::Removed { at: None, subject: None }),
        (format!(r#""status": "dead", {at}"#), State::Dead(death.clone())),
        (
            format!(r#""status": "dead", {at}, {subject_field}"#),
            State::Dead(Death { subject: Some(subject()), ..death.clone() }),
        ),
        (r#""status": "dead", "status_at": "soon""#.to_owned(), State::Dead(Death { at: None, ..death })),
    ];
    for (fields, expected) in cases {
        assert_eq!(state(&format!("{{{fields}}}")), expected, "{fields}");
    }
}

#[test]
fn a_status_that_nobody_knows_is_never_taken_for_another() {
    let cases = [
        (r#"{"status": "quarantined", "status_at": "2026-05-26T10:27:00Z"}"#, "quarantined"),
        (r#"{"status": "OK"}"#, "OK"),
        (r#"{"status": ""}"#, ""),
        (r#"{"status": "ok "}"#, "ok "),
        (r#"{"status": 7}"#, "unreadable"),
        (r#"{"status": true}"#, "unreadable"),
        (r#"{"status": "\ud800"}"#, "unreadable"),
        (r#"{"status": ["ok"]}"#, "unreadable"),
        (r#"{"status": "ok", "status": "odd"}"#, "odd"),
        ("7", "unreadable"),
        (r#""ok""#, "unreadable"),
        ("[]", "unreadable"),
        ("null", "unreadable"),
    ];
    for (json, word) in cases {
        assert_eq!(state(json), unknown(word), "{json}");
    }
}

#[test]
fn a_rest_without_a_reset_lasts_for_the_default_of_its_kind() {
    let cases = [
        ("rate_limit", TimeDelta::hours(1)),
        ("billing", TimeDelta::hours(1)),
        ("entitlement", TimeDelta::hours(1)),
        ("overloaded", TimeDelta::hours(1)),
        ("server_error", TimeDelta::hours(1)),
        ("auth", TimeDelta::minutes(5)),
        ("network", TimeDelta::seconds(60)),
        ("timeout", TimeDelta::seconds(60)),
        ("unknown", TimeDelta::seconds(60)),
        // It was not judged to be dead, whatever its words say.
        ("auth_permanent", TimeDelta::minutes(5)),
    ];
    for (kind, lasts) in cases {
        for reset in ["", r#""reset_at": null,"#, r#""reset_at": "soon", "reset_from": "provider","#] {
            let json = format!(
                r#"{{"status": "exhausted", "status_at": "2026-05-26T10:27:00Z", {reset} "last_error": {{"kind": "{kind}"}}}}"#
            );
            assert_eq!(until(&state(&json)), Some((then() + lasts, ResetFrom::Default)), "{json}");
        }
    }
}

#[test]
fn a_reset_is_believed_up_to_45_days_after_the_verdict() {
    let by_table = Some((then() + TimeDelta::minutes(1), ResetFrom::Default));
    let stated = |reset: &str| Some((instant(reset), ResetFrom::Provider));
    let cases = [
        ("2026-05-26T18:57:00Z", stated("2026-05-26T18:57:00Z")),
        ("2026-07-10T10:27:00Z", stated("2026-07-10T10:27:00Z")),
        ("2026-07-10T10:27:00.000001Z", by_table),
        ("9999-12-31T00:00:00Z", by_table),
        // Elapsed, and no mistake to correct.
        ("2026-05-26T10:27:00Z", stated("2026-05-26T10:27:00Z")),
        ("1970-01-01T00:01:00Z", stated("1970-01-01T00:01:00Z")),
    ];
    for (reset, expected) in cases {
        let json = format!(
            r#"{{"status": "exhausted", "status_at": "2026-05-26T10:27:00Z", "reset_at": "{reset}"}}"#
        );
        assert_eq!(until(&state(&json)), expected, "{reset}");
    }
}

#[test]
fn a_rest_without_a_time_counts_from_now_and_without_a_reset_it_is_over() {
    let reset = |reset: &str| state(&format!(r#"{{"status": "exhausted", "reset_at": "{reset}"}}"#));
    assert_eq!(
        until(&reset("2026-07-10T12:00:00Z")),
        Some((instant("2026-07-10T12:00:00Z"), ResetFrom::Provider))
    );
    assert_eq!(reset("2026-07-10T12:00:01Z"), State::default());
    assert_eq!(state(r#"{"status": "exhausted"}"#), State::default());
    assert_eq!(state(r#"{"status": "exhausted", "status_at": "soon", "reset_at": []}"#), State::default());
}

#[test]
fn a_verdict_far_ahead_of_the_clock_counts_as_made_now() {
    let json = |at: &str| {
        format!(r#"{{"status": "exhausted", "status_at": "{at}", "last_error": {{"kind": "rate_limit"}}}}"#)
    };
    let hour = |from: &str| Some((instant(from) + TimeDelta::hours(1), ResetFrom::Default));
    assert_eq!(until(&state(&json("2026-05-26T12:05:00Z"))), hour("2026-05-26T12:05:00Z"));
    assert_eq!(until(&state(&json("2026-05-26T12:05:01Z"))), hour("2026-05-26T12:00:00Z"));
    assert_eq!(until(&state(&json("2099-01-01T00:00:00Z"))), hour("2026-05-26T12:00:00Z"));
    assert_eq!(state(&json("2099-01-01T00:00:00Z")).judged_at(noon()), Some(noon()));
}

#[test]
fn a_rest_says_what_was_judged() {
    let judged = |fields: &str| match state(&format!(
        r#"{{"status": "exhausted", "status_at": "2026-05-26T10:27:00Z"{fields}}}"#
    )) {
        State::Exhausted(rest) => rest.judged,
        other => panic!("{other:?}"),
    };
    let (account, secret) =
        (r#", "account": "sha256:9f86d081884c7d65""#, r#", "subject": "sha256:2C26B46B68FFC68F""#);
    assert_eq!(judged(account), Judged::Account(subject()));
    assert_eq!(judged(secret), Judged::Secret(Fingerprint::of("foo")));
    assert_eq!(judged(&format!("{account}{secret}")), Judged::Account(subject()));
    assert_eq!(judged(r#", "account": "acme", "subject": 7"#), Judged::Unbound);
}

#[test]
fn an_error_without_a_kind_is_what_its_code_and_words_say() {
    let cases = [
        ("dead", "{}", Kind::AuthPermanent),
        ("dead", "7", Kind::AuthPermanent),
        ("dead", r#"{"kind": "new_word"}"#, Kind::AuthPermanent),
        ("dead", r#"{"code": 402}"#, Kind::Billing),
        ("dead", r#"{"kind": "auth", "code": 402}"#, Kind::Auth),
        ("exhausted", "{}", Kind::Unknown),
        ("exhausted", r#"{"reason": "token_revoked"}"#, Kind::Unknown),
        ("exhausted", r#"{"code": 429}"#, Kind::RateLimit),
        ("exhausted", r#"{"code": "503"}"#, Kind::Overloaded),
        ("exhausted", r#"{"code": 401}"#, Kind::Auth),
        ("exhausted", r#"{"code": 401, "reason": "token_revoked"}"#, Kind::Auth),
        ("exhausted", r#"{"kind": 7, "code": 402}"#, Kind::Billing),
    ];
    for (status, error, kind) in cases {
        let json = format!(r#"{{"status": "{status}", "status_at": 1779791220, "last_error": {error}}}"#);
        assert_eq!(state(&json).error().map(|error| error.kind), Some(kind), "{json}");
    }
    assert_eq!(kind_of(Some(401), Some("token_revoked"), None), Kind::AuthPermanent);
    assert_eq!(kind_of(None, None, None), Kind::Network);
}

#[test]
fn a_code_is_an_http_status_however_it_is_spelled() {
    let cases = [
        ("429", Some(429)),
        ("429.0", Some(429)),
        ("4.29e2", Some(429)),
        (r#""429""#, Some(429)),
        (r#"" 429 ""#, Some(429)),
        ("100", Some(100)),
        ("999", Some(999)),
        ("1000", None),
        ("99", None),
        ("429.5", None),
        ("-429", None),
        ("1e400", None),
        (r#""NaN""#, None),
        (r#""Too Many Requests""#, None),
        ("null", None),
        ("true", None),
        ("[429]", None),
    ];
    for (json, code) in cases {
        assert_eq!(read_code(raw(json).slice()), code, "{json}");
    }
}

#[test]
fn counters_that_are_none_count_as_zero() {
    let count = |json: &str| read(&format!(r#"{{"request_count": {json}}}"#)).usage.request_count;
    assert_eq!(count("18446744073709551615"), u64::MAX);
    for odd in ["-1", "1.0", "1e3", "18446744073709551616", r#""12""#, "null", "[]"] {
        assert_eq!(count(odd), 0, "{odd}");
    }
    assert_eq!(read(r#"{"last_used_at": 1779791220000}"#).usage.last_used_at, Some(then()));
}

#[test]
fn what_was_judged_of_a_model_reads_as_a_record_does() {
    let models = read(
        r#"{"models": {"m1": {"status": "exhausted", "status_at": 1779791220, "reset_at": 1779794820},
            "m2": {"status": "odd"}, "m3": 7, "\ud800": {}, "m4": {}}}"#,
    )
    .models;
    assert_eq!(
        models,
        BTreeMap::from([
            (
                "m1".to_owned(),
                State::Exhausted(rest(then() + TimeDelta::hours(1), ResetFrom::Provider, Kind::Unknown))
            ),
            ("m2".to_owned(), unknown("odd")),
            ("m3".to_owned(), unknown("unreadable")),
            ("m4".to_owned(), State::default()),
        ])
    );
    assert!(read(r#"{"models": []}"#).models.is_empty());
}

/// A record for each kind of state, as the file shows it.
#[test]
fn each_kind_of_state_is_written_so() {
    let error = LastError {
        kind: Kind::RateLimit,
        code: Some(429),
        reason: Some("usage_limit_reached".to_owned()),
        message: Some("J\u{fc}rgen's limit has been \"reached\"".to_owned()),
    };
    let dead = Death {
        at: Some(then()),
        subject: Some(subject()),
        error: LastError { kind: Kind::AuthPermanent, ..error.clone() },
    };
    let resting = Rest {
        error,
        judged: Judged::Account(subject()),
        ..rest(then() + TimeDelta::hours(8), ResetFrom::Provider, Kind::RateLimit)
    };
    let unbound = rest(then() + TimeDelta::milliseconds(60_500), ResetFrom::Default, Kind::Network);
    let usage = Usage { request_count: 12, last_used_at: Some(then() + TimeDelta::microseconds(250_000)) };
    let of_models = BTreeMap::from([
        ("m1".to_owned(), State::Dead(dead.clone())),
        ("m2".to_owned(), ok_since("2026-05-26T10:27:00Z")),
    ]);
    let cases = [
        ("cleared", in_state(ok_since("2026-05-26T10:27:00Z"))),
        ("used", Record { usage, ..Record::default() }),
        ("exhausted, bound to an account", in_state(State::Exhausted(resting.clone()))),
        (
            "exhausted, bound to a secret",
            in_state(State::Exhausted(Rest { judged: Judged::Secret(subject()), ..resting.clone() })),
        ),
        ("exhausted, bound to nothing", in_state(State::Exhausted(unbound))),
        ("dead", in_state(State::Dead(dead))),
        ("removed", in_state(State::Removed { at: Some(then()), subject: Some(subject()) })),
        ("of a newer program", in_state(unknown("quarantined"))),
        (
            "with models, used, and renewed",
            Record {
                state: State::Exhausted(resting),
                usage,
                models: of_models,
                strikes: Some(Strikes { subject: subject(), count: 2, first_at: then() }),
                replaced: Replaced::new([subject()]),
                renewed_at: Some(then()),
                ..Record::default()
            },
        ),
        ("with a renewal under way", renewing(Stage::Begun { pid: 4242, is_retry: false })),
        ("with its one more attempt", renewing(Stage::Begun { pid: 4242, is_retry: true })),
        ("with a renewal without an answer", renewing(Stage::Unanswered { until: noon() })),
        ("with a login that is lost", renewing(Stage::Lost)),
        ("with a renewal that failed", renewing(Stage::Resting { until: noon() })),
    ];
    let shown = cases.map(|(name, record)| {
        let written = write_record(None, &record, Layout::indented(), noon()).unwrap();
        assert_eq!(read_record(&written, noon()), record, "{name}");
        format!("--- {name}\n{}", written.as_str())
    });
    pin("records", &shown.join("\n"));
}

#[test]
fn where_there_is_nothing_to_say_nothing_is_written() {
    assert_eq!(written(None, &Record::default()), None);
    assert_eq!(written(Some("{}"), &Record::default()), None);
    let cleared = r#"{"request_count": 3, "last_used_at": 1779791220, "models": {"m1": {}}}"#;
    assert_eq!(written(Some(cleared), &Record::default()), None);
}

#[test]
fn a_record_that_says_the_same_stays_as_it_is_spelled() {
    for json in [
        r#"{ "status":"\u006fk" }"#,
        r#"{"status": "dead", "status_at": 1779791220.0, "last_error": {"code": "401", "x": 1e400}}"#,
        r#"{"request_count": 12, "last_used_at": "2026-05-26 10:27:00", "status": null}"#,
        r#"{"status": "exhausted", "reset_at": null}"#,
        r#"{"status": 7, "models": {"m1": {"status" : "odd"}, "m1": 7}}"#,
        "7",
    ] {
        assert_eq!(written(Some(json), &read(json)).as_deref(), Some(json));
    }
}

#[test]
fn a_new_state_comes_first_and_takes_the_fields_of_the_old_one_with_it() {
    let current = r#"{"theirs": 1e400, "status": "exhausted", "subject": "sha256:9f86d081884c7d65", "reset_at": 1779794820,
        "reset_from": "default", "account": "x", "last_error": {"code": 429, "x": 1}, "request_count": 3, "legacy": {"last_status_at": "x"},
        "refresh": {"by" :1.0}, "strikes": [1], "\ud800": 1}"#;
    assert_eq!(
        with_state(current, ok_since("2026-05-26T10:27:00Z")),
        r#"{"status": "ok", "status_at": "2026-05-26T10:27:00Z", "theirs": 1e400, "request_count": 3, "refresh": {"by" :1.0}, "strikes": [1], "\ud800": 1}"#
    );
}

#[test]
fn a_counter_alone_changes_nothing_else() {
    let current = r#"{"x":1e400,"status":"dead","status_at" : 1779791220.0,"last_used_at":1779791220}"#;
    let usage = Usage { request_count: 1, last_used_at: Some(noon()) };
    assert_eq!(
        written(Some(current), &Record { usage, ..read(current) }).unwrap(),
        r#"{"x":1e400,"status":"dead","status_at":1779791220.0,"last_used_at":"2026-05-26T12:00:00Z","request_count":1}"#
    );
}

#[test]
fn a_counter_that_could_not_be_read_stays_until_there_is_one() {
    let current = r#"{"request_count": "many"}"#;
    let used = |request_count| Usage { request_count, last_used_at: Some(then()) };
    let after = |usage| written(Some(current), &Record { usage, ..read(current) }).unwrap();
    assert_eq!(after(used(0)), r#"{"request_count": "many", "last_used_at": "2026-05-26T10:27:00Z"}"#);
    assert_eq!(after(used(1)), r#"{"request_count": 1, "last_used_at": "2026-05-26T10:27:00Z"}"#);
}

#[test]
fn a_record_that_is_no_object_is_not_ours_to_replace() {
    let record = in_state(ok_since("2026-05-26T10:27:00Z"));
    for json in ["7", "[]", r#""dead""#, "null"] {
        assert_eq!(written(Some(json), &record).as_deref(), Some(json));
    }
}

#[test]
fn a_change_of_one_model_leaves_the_others_as_they_are() {
    let odd = r#"{"status": "quarantined", "status_at": 1779791220.0, "legacy": {"x": 1}}"#;
    let current = format!(
        r#"{{"models": {{"m1": {{"status": "dead", "x": 1.0}}, "m2": {odd}, "m3": 7, "\ud800": 1}}}}"#
    );
    let mut record = read(&current);
    record.models.insert("m1".to_owned(), ok_since("2026-05-26T10:27:00Z"));
    assert_eq!(
        written(Some(&current), &record).unwrap(),
        format!(
            r#"{{"models": {{"m1": {{"status": "ok", "status_at": "2026-05-26T10:27:00Z", "x": 1.0}}, "m2": {odd}, "m3": 7, "\ud800": 1}}}}"#
        )
    );
}

#[test]
fn a_model_that_is_no_longer_judged_goes() {
    let current = r#"{"models": {"m1": {"status": "dead"}, "m2": {"status": "dead"}}}"#;
    let mut record = read(current);
    record.models.remove("m1");
    assert_eq!(written(Some(current), &record).unwrap(), r#"{"models": {"m2": {"status": "dead"}}}"#);
}
