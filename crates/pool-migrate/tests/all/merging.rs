//! Inline fields meet a record that is there already.

use pool_core::{State, time};
use pool_format::raw::Raw;
use pool_format::read_record;

use crate::support::{
    at, clock, entry, entry_of, fingerprint, instant, migrate_at_noon, migrated, noon, raw, read, record,
    rendered, store_of, store_with, subject,
};

/// Whose word stands after a merge.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Stands {
    Record,
    Entry,
}
use Stands::{Entry, Record};

/// A record such as `dead 10:00` or `exhausted 10:00 of another secret`; `none` is an empty one.
fn record_of(told: &str) -> String {
    let (told, secret) = match told.strip_suffix(" of another secret") {
        Some(told) => (told, fingerprint("another key")),
        None => (told, subject()),
    };
    let (word, status_at) = word_and_time(told);
    let status_at = status_at.map(|at| format!(r#", "status_at": "{at}""#)).unwrap_or_default();
    let secret = format!(r#", "subject": "{secret}""#);
    match word {
        "none" => "{}".to_owned(),
        "ok" => format!(r#"{{"status": "ok"{status_at}}}"#),
        "removed" => format!(r#"{{"status": "removed"{status_at}{secret}}}"#),
        "odd" => format!(r#"{{"status": "odd"{status_at}}}"#),
        "dead" => format!(
            r#"{{"status": "dead"{status_at}{secret}, "last_error": {{"kind": "auth_permanent", "reason": "record"}}}}"#
        ),
        "exhausted" => format!(
            r#"{{"status": "exhausted"{status_at}{secret}, "reset_at": "2026-05-26T22:00:00Z", "last_error": {{"kind": "rate_limit", "reason": "record"}}}}"#
        ),
        other => panic!("{other}"),
    }
}

/// Inline fields such as `dead 10:00` or `exhausted`; those of an exhausted one give a reset where they give a time.
fn inline_of(told: &str) -> String {
    let (word, status_at) = word_and_time(told);
    let reset_at = if word == "exhausted" && status_at.is_some() { "1779832800.0" } else { "null" };
    let status_at = status_at.map_or_else(|| "null".to_owned(), |at| time::epoch_seconds(instant(&at)));
    let (status, error) = match word {
        "null" => ("null".to_owned(), ""),
        "dead" => (r#""dead""#.to_owned(), r#", "last_error_code": 401, "last_error_reason": "entry""#),
        "exhausted" => {
            (r#""exhausted""#.to_owned(), r#", "last_error_code": 429, "last_error_reason": "entry""#)
        }
        word => (format!(r#""{word}""#), ""),
    };
    format!(
        r#""last_status": {status}, "last_status_at": {status_at}, "last_error_reset_at": {reset_at}{error}"#
    )
}

fn word_and_time(told: &str) -> (&str, Option<String>) {
    match told.split_once(' ') {
        Some((word, at)) => (word, Some(time::format(clock(at)))),
        None => (told, None),
    }
}

/// It is 12:00.
const CASES: [(&str, &str, Stands); 74] = [
    // The later time wins.
    ("none", "ok 10:00", Entry),
    ("none", "exhausted 10:00", Entry),
    ("none", "dead 10:00", Entry),
    ("none", "odd 10:00", Entry),
    ("ok 10:00", "ok 10:01", Entry),
    ("ok 10:00", "exhausted 10:01", Entry),
    ("ok 10:00", "dead 10:01", Entry),
    ("ok 10:01", "ok 10:00", Record),
    ("ok 10:01", "exhausted 10:00", Record),
    ("ok 10:01", "dead 10:00", Record),
    ("exhausted 10:00", "ok 10:01", Entry),
    ("exhausted 10:00", "exhausted 10:01", Entry),
    ("exhausted 10:00", "dead 10:01", Entry),
    ("exhausted 10:01", "ok 10:00", Record),
    ("exhausted 10:01", "exhausted 10:00", Record),
    ("exhausted 10:01", "dead 10:00", Record),
    ("dead 10:00", "ok 10:01", Entry),
    ("dead 10:00", "dead 10:01", Entry),
    ("dead 10:01", "ok 10:00", Record),
    ("dead 10:01", "dead 10:00", Record),
    // Ties: dead before exhausted before ok, and what equals our own record is no news.
    ("ok 10:00", "ok 10:00", Record),
    ("ok 10:00", "exhausted 10:00", Entry),
    ("ok 10:00", "dead 10:00", Entry),
    ("exhausted 10:00", "ok 10:00", Record),
    ("exhausted 10:00", "exhausted 10:00", Record),
    ("exhausted 10:00", "dead 10:00", Entry),
    ("dead 10:00", "ok 10:00", Record),
    ("dead 10:00", "exhausted 10:00", Record),
    ("dead 10:00", "dead 10:00", Record),
    // No time is before any time.
    ("ok", "exhausted 10:00", Entry),
    ("ok", "dead", Entry),
    ("ok 10:00", "dead", Record),
    ("exhausted", "dead", Entry),
    ("exhausted", "exhausted 10:00", Entry),
    ("dead", "dead 10:00", Entry),
    ("dead", "dead", Record),
    ("dead 10:00", "dead", Record),
    // No news.
    ("ok 10:00", "null", Record),
    ("exhausted 10:00", "null", Record),
    ("dead 10:00", "null", Record),
    ("dead", "null", Record),
    ("exhausted 10:00", "ok", Record),
    ("dead 10:00", "ok", Record),
    ("dead", "ok", Record),
    ("exhausted 10:00", "exhausted", Record),
    ("dead 10:00", "exhausted", Record),
    // A late throttle revives nothing, unless the dead secret was replaced.
    ("dead 10:00", "exhausted 11:00", Record),
    ("dead", "exhausted 11:00", Record),
    ("dead 10:00 of another secret", "exhausted 10:01", Entry),
    ("dead 10:00 of another secret", "exhausted 10:00", Record),
    ("dead 10:00 of another secret", "exhausted 09:00", Record),
    ("dead 10:00 of another secret", "dead 10:01", Entry),
    ("dead 10:00 of another secret", "dead 10:00", Record),
    ("dead 10:00 of another secret", "ok 10:01", Entry),
    ("exhausted 10:00 of another secret", "exhausted 09:00", Record),
    ("exhausted 10:00 of another secret", "dead 10:00", Entry),
    // What was removed stays removed while it is that very secret.
    ("removed 10:00", "dead 11:00", Record),
    ("removed 10:00", "ok 11:00", Record),
    ("removed 10:00", "odd 11:00", Record),
    ("removed 10:00", "null", Record),
    ("removed 10:00 of another secret", "exhausted 10:01", Entry),
    ("removed 10:00 of another secret", "exhausted 10:00", Record),
    ("removed 10:00 of another secret", "exhausted 09:00", Record),
    // A word that nobody knows stays, and where nobody can say that it is old it comes in.
    ("odd 10:00", "ok 11:00", Record),
    ("odd", "dead 11:00", Record),
    ("odd", "frozen 11:00", Record),
    ("dead 10:00", "odd 10:00", Entry),
    ("ok 10:00", "odd 11:00", Entry),
    ("ok 10:00", "odd", Entry),
    ("ok 10:00", "odd 09:00", Record),
    // More than 5 minutes ahead counts as now.
    ("ok 12:04", "dead 13:00", Record),
    ("ok 12:00", "dead 13:00", Entry),
    ("dead 13:00", "ok 12:01", Entry),
    ("dead 13:00", "ok 12:00", Record),
];

#[test]
fn the_later_verdict_stands_and_of_two_at_once_the_worse() {
    for (known, news, expected) in CASES {
        let case = format!("{known} <- {news}");
        let before = record_of(known);
        let document = migrated(&store_with(&inline_of(news), &before));
        let after = record(&document).expect("a record stays");
        let stands = if after == before { Record } else { Entry };
        assert_eq!(stands, expected, "{case}: {after}");
        assert_eq!(entry(&document), entry_of(""), "{case}");
        if stands == Entry {
            says(&after, news, &case);
        }
        let text = rendered(&document);
        assert_eq!(rendered(&migrated(&text)), text, "{case}: twice is once");
    }
}

/// The record says what the entry said.
fn says(record: &str, news: &str, case: &str) {
    let (word, status_at) = word_and_time(news);
    let field = |path: &[&str]| at(record, path).and_then(|raw| raw.to_text());
    assert_eq!(field(&["status"]).as_deref(), Some(word), "{case}");
    let reason = matches!(word, "dead" | "exhausted").then_some("entry");
    assert_eq!(field(&["last_error", "reason"]).as_deref(), reason, "{case}");
    if word != "odd" {
        assert_eq!(field(&["status_at"]), status_at, "{case}");
    }
}

#[test]
fn counters_merge_by_maximum() {
    let cases = [
        ("{}", "3", Some("3")),
        (r#"{"request_count": 3}"#, "5", Some("5")),
        (r#"{"request_count": 5}"#, "3", Some("5")),
        (r#"{"request_count": 5}"#, "0", Some("5")),
        (r#"{"request_count": 5}"#, "null", Some("5")),
        (r#"{"request_count": 5}"#, "-7", Some("5")),
        (r#"{"request_count": 5}"#, "18446744073709551615", Some("18446744073709551615")),
        (r#"{"request_count": 5}"#, "18446744073709551616", Some("5")),
        ("{}", "0", None),
    ];
    for (known, count, expected) in cases {
        let after = record(&migrated(&store_with(&format!(r#""request_count": {count}"#), known))).unwrap();
        let count_after = at(&after, &["request_count"]);
        assert_eq!(count_after.as_ref().map(Raw::as_str), expected, "{known} {count}");
    }
}

#[test]
fn a_merge_keeps_what_it_is_not_about() {
    let known = r#"{"x": 1e400, "status": "ok", "status_at": "2026-05-26T10:00:00Z", "refresh": {"by": 1.0}, "last_used_at": 1779791220, "request_count": 7}"#;
    let after = record(&migrated(&store_with(&inline_of("dead 10:30"), known))).unwrap();
    assert_eq!(
        after.replace(&subject(), "SUBJECT"),
        r#"{"status": "dead", "status_at": "2026-05-26T10:30:00Z", "subject": "SUBJECT", "last_error": {"kind": "auth_permanent", "code": 401, "reason": "entry"}, "x": 1e400, "refresh": {"by": 1.0}, "last_used_at": 1779791220, "request_count": 7}"#
    );
}

#[test]
fn what_could_not_be_read_is_kept_whoever_wins() {
    let known = record_of("dead 11:00");
    let fields = r#""last_status": "exhausted", "last_status_at": 1779791220, "last_error_code": "x""#;
    let after = record(&migrated(&store_with(fields, &known))).unwrap();
    assert_eq!(after, known.replace("}}", r#"}, "legacy": {"last_error_code": "x"}}"#));
}

#[test]
fn what_stood_beside_a_verdict_that_lost_is_not_kept() {
    let known = record_of("dead 11:00");
    for fields in [
        r#""last_status": "odd", "last_status_at": 1779789600, "last_error_code": 418"#,
        r#""last_status": "dead", "last_status_at": 1779789600, "last_error_reset_at": 1779791220"#,
        r#""last_status": "dead", "last_status_at": 1779789600, "last_error_reason": "a", "failure_reason": "b""#,
    ] {
        assert_eq!(record(&migrated(&store_with(fields, &known))), Some(known.clone()), "{fields}");
    }
}

#[test]
fn newer_values_beside_the_same_unknown_word_come_in() {
    let first = r#""last_status": "odd", "last_status_at": 1779789600, "last_error_code": 418"#;
    let record_of_first = record(&migrated(&store_of(first))).unwrap();
    let second = r#""last_status": "odd", "last_status_at": 1779791220, "last_error_message": "x""#;
    assert_eq!(
        record(&migrated(&store_with(second, &record_of_first))).unwrap(),
        r#"{"status": "odd", "legacy": {"last_status_at": 1779791220, "last_error_code": 418, "last_error_message": "x"}}"#
    );
}

#[test]
fn a_dead_credential_that_another_program_saw_renewed_comes_back_without_a_merge() {
    // A new token, and the old verdict still in the entry: it equals our record, which is about the old token.
    let document =
        migrated(&store_with(&inline_of("dead 10:00"), &record_of("dead 10:00 of another secret")));
    let state = read_record(&raw(&record(&document).unwrap()), noon()).state;
    let State::Dead(death) = state else { panic!("{state:?}") };
    assert_eq!(death.subject.map(|subject| subject.to_string()), Some(fingerprint("another key")));
}

#[test]
fn stale_memory_that_is_written_again_and_again_changes_nothing() {
    let mut document = migrated(&store_with(&inline_of("dead 10:00"), &record_of("ok 11:00")));
    let settled = rendered(&document);
    for _ in 0..3 {
        document = read(&rendered(&document).replace(&entry_of(""), &entry_of(&inline_of("dead 10:00"))));
        assert!(migrate_at_noon(&mut document).is_needed());
        assert_eq!(rendered(&document), settled);
    }
}
