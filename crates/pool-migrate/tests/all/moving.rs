//! What inline fields become.

use pool_core::{Provider, Secret, Source, State, Unresolved, time};
use pool_format::{Lender, Lent, read_record};
use pool_migrate::migrate;

use crate::support::{
    FIXTURE, acme, at, clock, entry, entry_of, fingerprint, migrate_at_noon, migrated, noon, provider, raw,
    read, record, rendered, store_of, subject,
};

/// Lends one secret to whoever asks.
struct Vault(&'static str);

impl Lender for Vault {
    fn lend(&self, _: &Provider, _: &Source) -> Result<Lent, Unresolved> {
        Ok(Secret::new(self.0.to_owned()).into())
    }
}

/// The record that inline fields become; `SUBJECT` stands for the fingerprint of what the entry stores.
fn becomes(fields: &str) -> Option<String> {
    record(&migrated(&store_of(fields))).map(|record| record.replace(&subject(), "SUBJECT"))
}

#[test]
fn what_is_said_inline_becomes_a_record() {
    let cases = [
        (
            r#""last_status": "dead", "last_status_at": 1779791220.0, "last_error_code": 401,
               "last_error_reason": "token_invalidated", "last_error_message": "Please sign in again.""#,
            r#"{"status": "dead", "status_at": "2026-05-26T10:27:00Z", "subject": "SUBJECT", "last_error": {"kind": "auth_permanent", "code": 401, "reason": "token_invalidated", "message": "Please sign in again."}}"#,
        ),
        (
            r#""last_status": "dead""#,
            r#"{"status": "dead", "subject": "SUBJECT", "last_error": {"kind": "auth_permanent"}}"#,
        ),
        (
            r#""last_status": "dead", "last_status_at": 1779791220, "last_error_code": 402"#,
            r#"{"status": "dead", "status_at": "2026-05-26T10:27:00Z", "subject": "SUBJECT", "last_error": {"kind": "auth_permanent", "code": 402}}"#,
        ),
        (
            r#""last_status": "exhausted", "last_status_at": "2026-05-26T10:27:00.5Z", "last_error_code": "429",
               "last_error_reset_at": 1779821820.25, "request_count": 3"#,
            r#"{"status": "exhausted", "status_at": "2026-05-26T10:27:00.500000Z", "subject": "SUBJECT", "reset_at": "2026-05-26T18:57:00.250000Z", "reset_from": "provider", "last_error": {"kind": "rate_limit", "code": 429}, "request_count": 3}"#,
        ),
        (
            r#""last_status": "ok", "last_status_at": 1779791220"#,
            r#"{"status": "ok", "status_at": "2026-05-26T10:27:00Z"}"#,
        ),
        (r#""request_count": 18446744073709551615"#, r#"{"request_count": 18446744073709551615}"#),
    ];
    for (fields, expected) in cases {
        assert_eq!(becomes(fields).as_deref(), Some(expected), "{fields}");
    }
}

#[test]
fn a_rest_without_a_reset_lasts_for_the_default_of_its_code() {
    let cases = [
        (r#""last_error_code": 429"#, "11:27", "rate_limit"),
        (r#""last_error_code": 402"#, "11:27", "billing"),
        (r#""last_error_code": 403"#, "11:27", "entitlement"),
        (r#""last_error_code": 503"#, "11:27", "overloaded"),
        (r#""last_error_code": 500.0"#, "11:27", "server_error"),
        (r#""last_error_code": 401"#, "10:32", "auth"),
        (r#""last_error_code": 401, "last_error_reason": "token_revoked""#, "10:32", "auth"),
        (r#""last_error_code": null"#, "10:28", "network"),
        (r#""last_error_code": 429, "last_error_reset_at": null"#, "11:27", "rate_limit"),
        // 45 days and a second later.
        (r#""last_error_code": 429, "last_error_reset_at": "2026-07-10T10:27:01Z""#, "11:27", "rate_limit"),
        (r#""last_error_code": 429, "last_error_reset_at": 253402300799"#, "11:27", "rate_limit"),
    ];
    for (fields, until, kind) in cases {
        let fields = format!(r#""last_status": "exhausted", "last_status_at": 1779791220, {fields}"#);
        let record = becomes(&fields).unwrap();
        let told = ["reset_at", "reset_from"].map(|name| at(&record, &[name]).and_then(|raw| raw.to_text()));
        assert_eq!(told, [Some(time::format(clock(until))), Some("default".to_owned())], "{fields}");
        assert_eq!(
            at(&record, &["last_error", "kind"]).unwrap().to_text().as_deref(),
            Some(kind),
            "{fields}"
        );
    }
}

#[test]
fn a_reset_within_45_days_is_the_providers() {
    for reset in
        ["2026-05-26T10:27:01Z", "2026-07-10T10:27:00Z", "2026-05-26T10:27:00Z", "1970-01-01T00:01:00Z"]
    {
        let record = becomes(&format!(
            r#""last_status": "exhausted", "last_status_at": 1779791220, "last_error_reset_at": "{reset}""#
        ));
        assert!(
            record.unwrap().contains(&format!(r#""reset_at": "{reset}", "reset_from": "provider""#)),
            "{reset}"
        );
    }
}

#[test]
fn a_rest_with_a_reset_alone_lasts_until_then_and_with_neither_time_it_is_over() {
    let exhausted =
        |fields: &str| becomes(&format!(r#""last_status": "exhausted", "last_error_code": 429{fields}"#));
    assert_eq!(
        exhausted(r#", "last_error_reset_at": 1779821820"#).unwrap(),
        r#"{"status": "exhausted", "subject": "SUBJECT", "reset_at": "2026-05-26T18:57:00Z", "reset_from": "provider", "last_error": {"kind": "rate_limit", "code": 429}}"#
    );
    assert_eq!(exhausted(""), None);
    assert_eq!(exhausted(r#", "request_count": 2"#).unwrap(), r#"{"request_count": 2}"#);
}

#[test]
fn a_time_may_be_spelled_in_many_ways() {
    for spelled in [
        r#""2026-05-26T10:27:00Z""#,
        r#""2026-05-26T10:27:00.000000+00:00""#,
        r#""2026-05-26 12:27:00+0200""#,
        r#""2026-05-26T10:27:00""#,
        "1779791220",
        "1779791220.0",
        "1.77979122e9",
        "1779791220000",
        "1779791220000.0",
        r#""1779791220""#,
        r#"" 1779791220000.0 ""#,
    ] {
        assert_eq!(
            becomes(&format!(r#""last_status": "ok", "last_status_at": {spelled}"#)).as_deref(),
            Some(r#"{"status": "ok", "status_at": "2026-05-26T10:27:00Z"}"#),
            "{spelled}"
        );
    }
}

#[test]
fn the_reason_comes_from_the_first_field_that_gives_one() {
    let reason = |fields: &str| {
        let record = becomes(&format!(r#""last_status": "dead", {fields}"#)).unwrap();
        (
            at(&record, &["last_error", "reason"]).and_then(|raw| raw.to_text()),
            at(&record, &["legacy"]).map(|raw| raw.as_str().to_owned()),
        )
    };
    let cases = [
        (r#""last_error_reason": "a""#, Some("a"), None),
        (r#""failure_reason": "b""#, Some("b"), None),
        (r#""last_error_reason": null, "failure_reason": "b""#, Some("b"), None),
        (r#""last_error_reason": "a", "failure_reason": "a""#, Some("a"), None),
        (r#""last_error_reason": "a", "failure_reason": "b""#, Some("a"), Some(r#"{"failure_reason": "b"}"#)),
        (r#""last_error_reason": "a", "failure_reason": 7"#, Some("a"), Some(r#"{"failure_reason": 7}"#)),
        (r#""last_error_reason": 7, "failure_reason": "b""#, Some("b"), Some(r#"{"last_error_reason": 7}"#)),
    ];
    for (fields, expected, legacy) in cases {
        assert_eq!(reason(fields), (expected.map(str::to_owned), legacy.map(str::to_owned)), "{fields}");
    }
}

#[test]
fn an_ok_without_a_time_is_no_reason_to_write_and_goes_with_the_next_write() {
    let mut document = read(&store_of(r#""last_status": "ok", "last_status_at": null, "request_count": 0"#));
    assert!(!migrate_at_noon(&mut document).is_needed());
    assert_eq!(rendered(&document), store_of(""));
}

#[test]
fn what_says_something_but_nothing_that_lasts_leaves_no_record() {
    for fields in [
        r#""last_status": "ok", "last_error_code": 429, "last_error_reason": "slow_down""#,
        r#""last_status": """#,
        r#""last_status": null, "last_status_at": 1779791220, "last_error_message": "x""#,
        r#""last_error_reset_at": 1779791220"#,
    ] {
        let mut document = read(&store_of(fields));
        let report = migrate_at_noon(&mut document);
        assert!(report.is_needed(), "{fields}");
        assert!(report.steps()[0].after.is_none(), "{fields}");
        assert_eq!(rendered(&document), store_of(""), "{fields}");
    }
}

#[test]
fn what_cannot_be_read_is_kept_verbatim() {
    let cases = [
        (r#""last_status_at": "yesterday""#, r#"{"last_status_at": "yesterday"}"#),
        (r#""last_status_at": 0"#, r#"{"last_status_at": 0}"#),
        (r#""last_status_at": 1e400"#, r#"{"last_status_at": 1e400}"#),
        (
            r#""last_error_code": 123456789012345678901234567890"#,
            r#"{"last_error_code": 123456789012345678901234567890}"#,
        ),
        (r#""last_error_code": 429.5"#, r#"{"last_error_code": 429.5}"#),
        (r#""last_error_code": false"#, r#"{"last_error_code": false}"#),
        (r#""last_error_reason": {"a" :1.0}"#, r#"{"last_error_reason": {"a" :1.0}}"#),
        (r#""last_error_message": "\ud800""#, r#"{"last_error_message": "\ud800"}"#),
        (r#""last_error_reset_at": -1"#, r#"{"last_error_reset_at": -1}"#),
        (r#""failure_reason": []"#, r#"{"failure_reason": []}"#),
        (r#""request_count": "12""#, r#"{"request_count": "12"}"#),
        (r#""request_count": -1, "last_error_code": 42"#, r#"{"last_error_code": 42, "request_count": -1}"#),
    ];
    for (fields, legacy) in cases {
        assert_eq!(becomes(fields), Some(format!(r#"{{"legacy": {legacy}}}"#)), "{fields}");
        let dead = becomes(&format!(r#""last_status": "dead", {fields}"#)).unwrap();
        assert_eq!(at(&dead, &["status"]), Some(raw(r#""dead""#)), "{fields}");
        assert_eq!(at(&dead, &["legacy"]).unwrap().as_str(), legacy, "{fields}");
    }
}

#[test]
fn what_a_dead_record_has_no_place_for_is_kept_verbatim() {
    assert_eq!(
        becomes(r#""last_status": "dead", "last_error_reset_at": 1779794820.0"#).unwrap(),
        r#"{"status": "dead", "subject": "SUBJECT", "last_error": {"kind": "auth_permanent"}, "legacy": {"last_error_reset_at": 1779794820.0}}"#
    );
}

#[test]
fn a_status_that_nobody_knows_is_kept_with_all_that_stood_beside_it() {
    let beside = r#""last_status_at": 1779791220.0, "last_error_code": 429, "last_error_reason": "a", "last_error_message": "\u00fc", "last_error_reset_at": "x", "failure_reason": 1e400"#;
    for (word, kept) in [("quarantined", "quarantined"), ("DEAD", "DEAD"), ("ok ", "ok ")] {
        assert_eq!(
            becomes(&format!(r#""last_status": "{word}", {beside}, "request_count": 4"#)).unwrap(),
            format!(r#"{{"status": "{kept}", "request_count": 4, "legacy": {{{beside}}}}}"#)
        );
    }
    assert_eq!(becomes(r#""last_status": "quarantined""#).unwrap(), r#"{"status": "quarantined"}"#);
}

#[test]
fn a_status_that_is_no_text_is_never_handed_out() {
    for spelled in ["7", "true", "[]", r#"{"a": 1.0}"#, r#""\ud800""#] {
        let record = becomes(&format!(r#""last_status": {spelled}, "last_error_code": 429"#)).unwrap();
        assert_eq!(
            record,
            format!(
                r#"{{"status": "unreadable", "legacy": {{"last_status": {spelled}, "last_error_code": 429}}}}"#
            )
        );
        assert!(matches!(read_record(&raw(&record), noon()).state, State::Unknown { .. }));
    }
}

#[test]
fn a_verdict_is_bound_to_the_secret_that_is_sent() {
    let bound = |fields: &str| {
        let text = format!(
            r#"{{"credential_pool": {{"acme": [{{"id": "a1", "last_status": "dead", {fields}}}]}}}}"#
        );
        at(&record(&migrated(&text)).unwrap(), &["subject"]).and_then(|raw| raw.to_text())
    };
    assert_eq!(bound(r#""access_token": "a", "refresh_token": "r""#), Some(fingerprint("a")));
    assert_eq!(bound(r#""access_token": "a", "agent_key": "k""#), Some(fingerprint("k")));
    assert_eq!(bound(r#""access_token": "", "refresh_token": "r""#), Some(fingerprint("r")));
    assert_eq!(bound(r#""access_token": null"#), None);
}

#[test]
fn a_verdict_on_a_lent_secret_is_bound_to_the_fingerprint_in_the_entry_whoever_looks() {
    let lent = |fields: &str| {
        read(&format!(
            r#"{{"credential_pool": {{"acme": [{{"id": "a1", "source": "env:KEY", "last_status": "dead"{fields}}}]}}}}"#
        ))
    };
    let subject = |fields: &str, lender: Option<Vault>| {
        let mut document = lent(fields);
        match lender {
            Some(vault) => migrate(&mut document, &vault, noon()).unwrap(),
            None => migrate(&mut document, &(), noon()).unwrap(),
        };
        at(&record(&document).unwrap(), &["subject"]).and_then(|raw| raw.to_text())
    };
    let stored = format!(r#", "secret_fingerprint": "{}""#, fingerprint("old"));
    assert_eq!(subject(&stored, None), Some(fingerprint("old")));
    assert_eq!(subject(&stored, Some(Vault("new"))), Some(fingerprint("old")), "the new key was not judged");
    assert_eq!(subject("", Some(Vault("new"))), Some(fingerprint("new")));
    assert_eq!(subject("", None), None);
}

#[test]
fn a_quota_is_bound_to_the_account_where_the_token_names_it() {
    let after = rendered(&migrated(FIXTURE));
    let record = |provider, id, field| at(&after, &["credential_pool_runtime", provider, id, field]);
    assert!(record("openai-codex", "b31573", "account").is_some());
    assert!(record("openai-codex", "b31573", "subject").is_none());
    assert_eq!(
        record("anthropic", "a0a0a1", "subject").and_then(|raw| raw.to_text()),
        Some(fingerprint("sk-ant-api03-fake-personal"))
    );
    assert!(
        record("openai-codex", "e5e5e5", "status").is_none(),
        "the same account by another token is not marked"
    );
}

#[test]
fn a_verdict_on_a_secret_that_is_older_than_the_login_is_dropped() {
    let dead = r#""last_status": "dead", "last_status_at": 1779791220"#;
    let exhausted = |code| {
        format!(r#""last_status": "exhausted", "last_status_at": 1779791220, "last_error_code": {code}"#)
    };
    let cases = [
        (dead.to_owned(), r#""2026-05-26T10:26:59Z""#, true),
        (dead.to_owned(), r#""2026-05-26T10:27:00Z""#, true),
        (dead.to_owned(), r#""2026-05-26T10:27:00.000001Z""#, false),
        (dead.to_owned(), "1779791221", false),
        (dead.to_owned(), r#""1779791221000""#, false),
        (dead.to_owned(), "null", true),
        (dead.to_owned(), r#""lately""#, true),
        (r#""last_status": "dead""#.to_owned(), r#""2026-05-26T11:00:00Z""#, true),
        (exhausted(401), r#""2026-05-26T11:00:00Z""#, false),
        (exhausted(429), r#""2026-05-26T11:00:00Z""#, true),
        (exhausted(503), r#""2026-05-26T11:00:00Z""#, true),
        (
            r#""last_status": "odd", "last_status_at": 1779791220"#.to_owned(),
            r#""2026-05-26T11:00:00Z""#,
            true,
        ),
    ];
    for (fields, last_refresh, stays) in cases {
        let mut document = read(&store_of(&format!(r#"{fields}, "last_refresh": {last_refresh}"#)));
        migrate_at_noon(&mut document);
        assert_eq!(record(&document).is_some(), stays, "{fields} {last_refresh}");
        assert_eq!(entry(&document), entry_of(&format!(r#""last_refresh": {last_refresh}"#)));
    }
}

#[test]
fn secrets_in_words_are_masked_and_words_are_cut() {
    let record = becomes(
        r#""last_status": "dead", "last_error_reason": "bad key-a1", "last_error_message": "key-a1 and sk-live-1234567890 are revoked""#,
    );
    assert!(
        record
            .unwrap()
            .contains(r#""reason": "bad [redacted]", "message": "[redacted] and [redacted] are revoked""#)
    );
    let long =
        becomes(&format!(r#""last_status": "dead", "last_error_message": "{}""#, "\\u00fc".repeat(600)))
            .unwrap();
    assert_eq!(long.matches("\\u00fc").count(), 500);
}

#[test]
fn entries_of_one_id_share_a_record() {
    let text = r#"{"credential_pool": {"acme": [
        {"id": "a1", "access_token": "key-a1", "last_status": "dead", "last_status_at": 1779791220, "request_count": 3},
        {"id": "a1", "access_token": "key-b1", "last_status": "dead", "last_status_at": 1779791221, "request_count": 2},
        {"id": "a1", "access_token": "key-c1", "last_status": null, "request_count": 0}]}}"#;
    let mut document = read(text);
    let report = migrate_at_noon(&mut document);
    assert_eq!(report.steps().len(), 2);
    assert_eq!(
        record(&document).unwrap().replace(&fingerprint("key-b1"), "B1"),
        r#"{"status": "dead", "status_at": "2026-05-26T10:27:01Z", "subject": "B1", "last_error": {"kind": "auth_permanent"}, "request_count": 3}"#
    );
}

#[test]
fn each_provider_has_records_of_its_own() {
    let text = r#"{"credential_pool": {"b": [{"id": "a1", "last_status": "odd"}], "acme": [{"id": "a1", "request_count": 1}],
        "c": [{"id": "a1"}]}}"#;
    let document = migrated(text);
    assert_eq!(document.recorded_providers(), [provider("b"), acme()]);
    assert!(rendered(&document).ends_with(
        r#""credential_pool_runtime": {"b": {"a1": {"status": "odd"}}, "acme": {"a1": {"request_count": 1}}}}"#
    ));
}

#[test]
fn the_report_names_what_moves_and_hides_secrets() {
    let mut document = read(&store_of(
        r#""label": "mine", "request_count": 0, "last_status": "dead", "last_status_at": 1779791220.0, "last_error_message": "bad key-a1""#,
    ));
    let report = migrate_at_noon(&mut document);
    assert!(report.is_needed() && !report.was_rolled_back());
    let [step] = report.steps() else { panic!("{report:?}") };
    assert_eq!((step.provider.as_str(), step.id.as_str(), step.label.as_str()), ("acme", "a1", "mine"));
    let shown: Vec<_> = step.removed.iter().map(|(name, value)| (*name, step.show(value))).collect();
    let expected = [
        ("last_status", r#""dead""#),
        ("last_status_at", "1779791220.0"),
        ("last_error_message", r#""bad [redacted]""#),
        ("request_count", "0"),
    ];
    assert_eq!(shown, expected.map(|(name, value)| (name, value.to_owned())));
    assert!(step.before.is_none());
    assert_eq!(step.after, Some(raw(&record(&document).unwrap())));
    assert!(!format!("{report:?}").contains("key-a1"));
}

#[test]
fn a_migration_does_not_depend_on_what_the_entry_says_of_the_credential() {
    let odd = r#""label": 7, "auth_type": [], "priority": "x", "source": 1e400, "base_url": {}, "last_status": "dead""#;
    assert!(migrated(&store_of(odd)).records(&acme()).get("a1").is_some());
}
