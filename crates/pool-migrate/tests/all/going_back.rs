//! Records to inline fields, and what happens to a store while it is rolled back.

use std::borrow::Cow;

use pool_core::{Provider, Secret, Source, Unresolved};
use pool_format::raw::Object;
use pool_format::{Document, Lender, Lent, Placement};
use pool_migrate::rollback;

use crate::support::{
    FIXTURE, at, entry, entry_of, fingerprint, migrate_at_noon, migrated, noon, read, record, rendered,
    roll_back_at_noon, rolled_back, store_of, store_with, subject,
};

const DEAD: &str = r#""last_status": "dead", "last_status_at": 1779791220.0, "last_error_code": 401, "last_error_reason": "token_revoked", "last_error_message": "gone", "last_error_reset_at": null"#;
const RESTING: &str = r#""last_status": "exhausted", "last_status_at": 1779791220.0, "last_error_code": 429, "last_error_reason": "slow_down", "last_error_message": null, "last_error_reset_at": 1779798420.0"#;
const SILENT: &str = r#""last_status": null, "last_status_at": null, "last_error_code": null, "last_error_reason": null, "last_error_message": null, "last_error_reset_at": null"#;

/// The inline fields that a record becomes; in it `SUBJECT` stands for the secret of the entry.
fn inline(record: &str) -> String {
    let document = rolled_back(&store_with("", &record.replace("SUBJECT", &subject())));
    let entry = entry(&document);
    let fields = entry.strip_prefix(entry_of("").trim_end_matches('}')).expect("the definition comes first");
    fields.trim_start_matches(", ").trim_end_matches('}').to_owned()
}

#[test]
fn a_record_becomes_inline_fields() {
    let cases = [
        (
            r#"{"status": "dead", "status_at": "2026-05-26T10:27:00Z", "subject": "SUBJECT", "last_error": {"kind": "auth_permanent", "code": 401, "reason": "token_revoked", "message": "gone"}}"#,
            DEAD.to_owned(),
        ),
        (
            r#"{"status": "exhausted", "status_at": "2026-05-26T10:27:00Z", "subject": "SUBJECT", "reset_at": "2026-05-26T12:27:00Z", "reset_from": "provider", "last_error": {"kind": "rate_limit", "code": 429, "reason": "slow_down"}}"#,
            RESTING.to_owned(),
        ),
        (
            r#"{"status": "ok", "status_at": "2026-05-26T10:27:00.25Z", "request_count": 12}"#,
            SILENT.replacen("null", r#""ok""#, 1).replacen("null", "1779791220.25", 1)
                + r#", "request_count": 12"#,
        ),
        (r#"{"request_count": 3, "last_used_at": 1779791220}"#, format!(r#"{SILENT}, "request_count": 3"#)),
        (r#"{"status": "dead"}"#, SILENT.replacen("null", r#""dead""#, 1)),
        (r#"{"status": "odd", "status_at": 1779791220}"#, SILENT.replacen("null", r#""odd""#, 1)),
        // A message in other letters is spelled as Python does.
        (
            r#"{"status": "dead", "last_error": {"message": "ü"}}"#,
            SILENT.replacen("null", r#""dead""#, 1).replace(r#"message": null"#, r#"message": "\u00fc""#),
        ),
    ];
    for (record, expected) in cases {
        assert_eq!(inline(record), expected, "{record}");
    }
}

#[test]
fn a_record_that_says_nothing_inline_leaves_the_entry_alone() {
    for record in [
        "{}",
        r#"{"last_used_at": 1779791220}"#,
        r#"{"models": {"m1": {"status": "dead"}}, "theirs": 1e400}"#,
        r#"{"status": "removed", "status_at": 1779791220, "subject": "SUBJECT"}"#,
        r#"{"status": "exhausted"}"#,
        r#"{"legacy": 7}"#,
        "7",
    ] {
        assert_eq!(inline(record), "", "{record}");
    }
}

#[test]
fn a_reset_that_the_table_gives_again_is_left_to_it() {
    let reset = |reset_at: &str, from: &str, kind: &str, code: &str| {
        let record = format!(
            r#"{{"status": "exhausted", "status_at": "2026-05-26T10:27:00Z", "reset_at": "2026-05-26T{reset_at}:00Z",
                "reset_from": "{from}", "last_error": {{"kind": "{kind}", "code": {code}}}}}"#
        );
        let fields = format!("{{{}}}", inline(&record));
        at(&fields, &["last_error_reset_at"]).map(|raw| raw.as_str().to_owned()).unwrap()
    };
    assert_eq!(reset("11:27", "default", "rate_limit", "429"), "null");
    assert_eq!(reset("10:32", "default", "auth", "401"), "null");
    assert_eq!(reset("10:28", "default", "network", "null"), "null");
    assert_eq!(reset("11:27", "provider", "rate_limit", "429"), "1779794820.0", "the provider said so");
    assert_eq!(reset("10:57", "default", "rate_limit", "429"), "1779793020.0", "by the table of an agent");
    assert_eq!(
        reset("11:27", "default", "rate_limit", "null"),
        "1779794820.0",
        "without a code the table says 60 s"
    );
    assert_eq!(
        reset("10:28", "default", "timeout", "500"),
        "1779791280.0",
        "by the code the table says an hour"
    );
}

#[test]
fn a_verdict_on_a_secret_that_was_replaced_is_not_written_inline() {
    let of_another = |status: &str, extra: &str| {
        format!(
            r#"{{"status": "{status}", "status_at": "2026-05-26T10:27:00Z", "subject": "{}"{extra}}}"#,
            fingerprint("old")
        )
    };
    assert_eq!(inline(&of_another("dead", "")), SILENT);
    assert_eq!(
        inline(&of_another("dead", r#", "request_count": 2"#)),
        format!(r#"{SILENT}, "request_count": 2"#)
    );
    assert_eq!(inline(&of_another("exhausted", r#", "reset_at": "2026-05-26T12:27:00Z""#)), SILENT);
    assert_eq!(
        inline(r#"{"status": "exhausted", "status_at": 1779791220, "account": "sha256:9f86d081884c7d65"}"#),
        SILENT
    );
}

#[test]
fn what_could_not_be_read_goes_back_verbatim() {
    let odd = r#""last_status": 7, "last_status_at": "x", "last_error_code": 1e400, "last_error_reason": "\ud800", "last_error_message": [ ], "last_error_reset_at": -1, "failure_reason": {"a" :1.0}, "request_count": 3.0"#;
    assert_eq!(entry(&rolled_back(&migrated_text(odd))), entry_of(odd));
    let partly = r#""last_status": "dead", "last_status_at": "x", "last_error_code": 401, "last_error_reason": "a", "last_error_message": null, "last_error_reset_at": 1779794820.00, "failure_reason": "b", "request_count": 3"#;
    assert_eq!(entry(&rolled_back(&migrated_text(partly))), entry_of(partly));
}

#[test]
fn an_unreadable_status_beside_a_known_one_does_not_come_back_as_the_status() {
    let record = r#"{"status": "ok", "legacy": {"last_status": 7, "last_error_code": "x"}}"#;
    assert_eq!(inline(record), SILENT.replace(r#"code": null"#, r#"code": "x""#));
    comes_back(&store_with("", record));
}

fn migrated_text(fields: &str) -> String {
    rendered(&migrated(&store_of(fields)))
}

#[test]
fn after_a_rollback_the_store_says_so_and_hides_its_records() {
    let runtime = at(&rendered(&migrated(FIXTURE)), &["credential_pool_runtime"]);
    let document = rolled_back(FIXTURE);
    let text = rendered(&document);
    assert_eq!(document.placement(), Placement::Inline);
    assert_eq!(
        at(&text, &["credential_pool_compat", "layout"]).unwrap().to_text().as_deref(),
        Some("inline")
    );
    assert_eq!(at(&text, &["credential_pool_runtime"]), None);
    assert_eq!(at(&text, &["credential_pool_runtime_rolled_back"]), runtime);
}

#[test]
fn the_fixture_says_after_a_rollback_what_it_said_at_the_start() {
    let text = rendered(&rolled_back(FIXTURE));
    let start = read(FIXTURE);
    for provider in start.providers() {
        for index in 0..start.entries(&provider).len() {
            let place = ["credential_pool", provider.as_str(), &index.to_string()];
            let field = |text: &str, name: &str| {
                let raw = at(text, &[&place[..], &[name]].concat())
                    .filter(|raw| !raw.is_null() && raw.as_str() != "0");
                raw.map(|raw| raw.as_str().to_owned())
            };
            let names = object_names(FIXTURE, &place);
            assert!(names.len() > 8);
            for name in names.iter().chain(&object_names(&text, &place)) {
                assert_eq!(field(&text, name), field(FIXTURE, name), "{place:?} {name}");
            }
        }
    }
}

fn object_names(text: &str, path: &[&str]) -> Vec<String> {
    let object = Object::read(&at(text, path).expect("an entry")).expect("an object");
    object.names().map(Cow::into_owned).collect()
}

/// A migration, a rollback and another migration leave the records as the first one did.
#[track_caller]
fn comes_back(text: &str) {
    let once = migrated(text);
    let mut document = read(&rendered(&rolled_back(&rendered(&once))));
    let report = migrate_at_noon(&mut document);
    assert!(report.was_rolled_back() && report.is_needed());
    let section = "credential_pool_runtime";
    assert_eq!(at(&rendered(&document), &[section]), at(&rendered(&once), &[section]), "{text}");
    assert_eq!(document.placement(), Placement::Split);
    for section in ["credential_pool_runtime_rolled_back", "credential_pool_compat"] {
        assert_eq!(at(&rendered(&document), &[section]), None, "{text}");
    }
}

#[test]
fn records_come_back_as_they_were() {
    comes_back(FIXTURE);
    for record in [
        r#"{ "status":"dead" }"#,
        r#"{"status": "dead", "status_at": "2026-05-26T10:27:00.123456Z", "subject": "SUBJECT", "last_error": {"kind": "billing", "x": 1e400}}"#,
        r#"{"status": "dead", "status_at": "1969-12-31T00:00:00Z"}"#,
        r#"{"status": "dead", "status_at": "0001-01-01T00:00:00Z", "subject": "SUBJECT"}"#,
        r#"{"status": "dead", "status_at": "2099-01-01T00:00:00Z", "subject": "SUBJECT"}"#,
        r#"{"status": "dead", "status_at": "9999-12-31T23:59:59.999999Z"}"#,
        r#"{"status": "dead", "last_error": {"code": "x", "message": "\ud800"}}"#,
        r#"{"status": "exhausted", "status_at": "2026-05-26T10:27:00Z", "reset_at": "2099-01-01T00:00:00Z"}"#,
        r#"{"status": "exhausted", "status_at": "2026-05-26T10:27:00Z", "reset_at": "1960-01-01T00:00:00Z"}"#,
        r#"{"status": "exhausted", "status_at": "2026-05-26T11:59:00Z", "reset_from": "default", "last_error": {"kind": "timeout", "code": 503}}"#,
        r#"{"status": "exhausted", "reset_at": "2026-05-26T13:00:00Z", "models": {"m1": {"status": "odd"}}}"#,
        r#"{"status": "exhausted", "status_at": "2026-05-26T10:27:00Z", "subject": "sha256:9f86d081884c7d65"}"#,
        r#"{"status": "exhausted", "status_at": "2026-05-26T10:27:00Z", "account": "sha256:9f86d081884c7d65"}"#,
        r#"{"status": "ok", "status_at": 1779791220.5, "request_count": 3, "strikes": [1.0]}"#,
        r#"{"status": "removed", "status_at": "2026-05-26T10:27:00Z", "subject": "SUBJECT"}"#,
        r#"{"status": "removed", "status_at": "2026-05-26T10:27:00Z", "subject": "sha256:9f86d081884c7d65"}"#,
        r#"{"status": "odd", "status_at": "2026-05-26T10:27:00Z", "last_error": {"code": 1}, "reset_at": 7}"#,
        r#"{"status": 7, "status_at": "2026-05-26T10:27:00Z"}"#,
        r#"{"status": "", "request_count": 2}"#,
        r#"{"status": "dead", "legacy": {"last_status_at": "x", "theirs": 1.0}}"#,
        r#"{"request_count": 2.0, "last_used_at": "x"}"#,
        r#"{"status_at": "2026-05-26T10:27:00Z"}"#,
        "{}",
        "7",
        "null",
        "[]",
    ] {
        for fields in ["", r#""last_refresh": "2026-05-26T11:00:00Z""#] {
            comes_back(&store_with(fields, &record.replace("SUBJECT", &subject())));
        }
    }
}

#[test]
fn records_of_nobody_come_back_too() {
    let runtime = r#"{"acme": {"gone": {"status": "dead"}, "a1": {"status": "dead"}, "a1": {"request_count": 1}, "\ud800": {"x": 1}, "removed": {"status": "removed"}},
        "nobody": {"n1": { "status":"exhausted" }, "n2": 7}, "foreign": {"f1": {}}, "\ud800": {"y": 1}, "": {"z": 1}, "empty": {}, "null": null}"#;
    comes_back(&format!(
        r#"{{"credential_pool": {{"acme": [{}], "foreign": 7}}, "credential_pool_runtime": {runtime}}}"#,
        entry_of("")
    ));
}

#[test]
fn entries_of_one_id_get_the_verdict_on_their_own_secret() {
    let text = format!(
        r#"{{"credential_pool": {{"acme": [{{"id": "a1", "access_token": "key-b1"}}, {{"id": "a1", "access_token": "key-a1"}}]}},
            "credential_pool_runtime": {{"acme": {{"a1": {{"status": "dead", "subject": "{}"}}}}}}}}"#,
        subject()
    );
    let back = rendered(&rolled_back(&text));
    let status = |index| at(&back, &["credential_pool", "acme", index, "last_status"]).unwrap().to_text();
    assert_eq!((status("0"), status("1").as_deref()), (None, Some("dead")));
    comes_back(&text);
}

#[test]
fn a_second_rollback_changes_nothing() {
    for text in
        [FIXTURE, &store_of(DEAD), &store_with("", r#"{"status": "odd", "legacy": {"failure_reason": 7}}"#)]
    {
        let mut document = rolled_back(text);
        let once = rendered(&document);
        let report = roll_back_at_noon(&mut document);
        assert!(report.was_rolled_back());
        assert_eq!(rendered(&document), once);
        assert_eq!(rendered(&rolled_back(&once)), once);
    }
}

#[test]
fn a_rollback_migrates_first() {
    let mut document =
        read(&store_with(DEAD, r#"{"status": "exhausted", "status_at": "2026-05-26T09:00:00Z"}"#));
    assert!(!roll_back_at_noon(&mut document).is_needed(), "a rollback is no migration");
    assert_eq!(entry(&document), entry_of(DEAD));
    migrate_at_noon(&mut document);
    assert!(record(&document).unwrap().contains(r#""status": "dead""#));
}

#[test]
fn tokens_that_were_renewed_since_are_kept() {
    let text = rendered(&migrated(&store_of(DEAD))).replace("key-a1", "key-of-today");
    let document = rolled_back(&text);
    assert_eq!(entry(&document), format!(r#"{{"id": "a1", "access_token": "key-of-today", {SILENT}}}"#));
}

/// A rolled-back store in which another program put these fields in place of what the entry said.
fn meanwhile(said: &str, fields: &str) -> Document {
    let text = rendered(&rolled_back(&store_of(said)));
    assert!(text.contains(said), "{text}");
    let mut document = read(&text.replace(said, fields));
    migrate_at_noon(&mut document);
    document
}

#[test]
fn a_verdict_that_was_cleared_inline_is_cleared() {
    let ok = SILENT.replacen("null", r#""ok""#, 1);
    for said in [DEAD, RESTING] {
        for cleared in [SILENT, &ok, r#""theirs": 1"#, r#""request_count": 0"#, r#""last_status": """#] {
            let document = meanwhile(said, cleared);
            assert_eq!(
                record(&document).as_deref(),
                Some(r#"{"status": "ok", "status_at": "2026-05-26T12:00:00Z"}"#),
                "{cleared}"
            );
        }
    }
}

#[test]
fn a_verdict_that_was_cleared_inline_does_not_come_back_with_stale_memory() {
    for said in [DEAD, RESTING] {
        let cleared = meanwhile(said, SILENT);
        let stale = rendered(&cleared).replace(&entry(&cleared), &entry_of(said));
        assert_eq!(record(&migrated(&stale)), record(&cleared));
    }
}

#[test]
fn a_verdict_that_was_changed_inline_is_taken() {
    let later = r#""last_status": "dead", "last_status_at": 1779794820.0, "last_error_code": 401"#;
    let status = |document: &Document| {
        let record = record(document).unwrap();
        ["status", "status_at"].map(|name| at(&record, &[name]).and_then(|raw| raw.to_text()).unwrap())
    };
    assert_eq!(status(&meanwhile(RESTING, later)), ["dead", "2026-05-26T11:27:00Z"]);
    assert_eq!(status(&meanwhile(DEAD, later)), ["dead", "2026-05-26T11:27:00Z"]);
    let ok = r#""last_status": "ok", "last_status_at": 1779794820.0"#;
    assert_eq!(status(&meanwhile(DEAD, ok)), ["ok", "2026-05-26T11:27:00Z"]);
    let odd = r#""last_status": "odd""#;
    assert_eq!(
        at(&record(&meanwhile(DEAD, odd)).unwrap(), &["status"]).unwrap().to_text().as_deref(),
        Some("odd")
    );
    let late = r#""last_status": "exhausted", "last_status_at": 1779794820.0, "last_error_code": 429"#;
    assert_eq!(
        status(&meanwhile(DEAD, late)),
        ["dead", "2026-05-26T10:27:00Z"],
        "a late throttle revives nothing"
    );
}

#[test]
fn a_verdict_that_was_made_inline_on_a_fresh_credential_is_taken() {
    let text = rendered(&rolled_back(&store_of("")));
    let mut document = read(&text.replace(&entry_of(""), &entry_of(DEAD)));
    migrate_at_noon(&mut document);
    assert_eq!(record(&document), record(&migrated(&store_of(DEAD))));
}

#[test]
fn a_verdict_on_a_secret_that_is_gone_is_not_cleared_by_silence() {
    let text = rendered(&rolled_back(&store_of(DEAD)));
    let renewed = format!(r#"{{"id": "a1", "access_token": "new", {SILENT}}}"#);
    let mut document = read(&text.replace(&entry_of(DEAD), &renewed));
    migrate_at_noon(&mut document);
    assert_eq!(record(&document), record(&migrated(&store_of(DEAD))));
}

#[test]
fn a_removed_credential_that_a_stale_writer_brings_back_stays_removed() {
    let removed = format!(
        r#"{{"status": "removed", "status_at": "2026-05-26T11:00:00Z", "subject": "{}"}}"#,
        subject()
    );
    let text = format!(
        r#"{{"credential_pool": {{"acme": []}}, "credential_pool_runtime": {{"acme": {{"a1": {removed}}}}}}}"#
    );
    let back = rendered(&rolled_back(&text));
    for fields in [DEAD, SILENT, ""] {
        let stale = back.replace(r#""acme": []"#, &format!(r#""acme": [{}]"#, entry_of(fields)));
        assert_ne!(stale, back);
        assert_eq!(record(&migrated(&stale)).as_deref(), Some(removed.as_str()), "{fields}");
    }
}

#[test]
fn a_count_that_grew_inline_is_taken() {
    let document = meanwhile(r#""request_count": 3"#, r#""request_count": 5"#);
    assert_eq!(record(&document).as_deref(), Some(r#"{"request_count": 5}"#));
}

#[test]
fn a_lent_secret_is_compared_as_it_is_found() {
    struct Vault;
    impl Lender for Vault {
        fn lend(&self, _: &Provider, _: &Source) -> Result<Lent, Unresolved> {
            Ok(Secret::new("new".to_owned()).into())
        }
    }
    let text = format!(
        r#"{{"credential_pool": {{"acme": [{{"id": "a1", "source": "env:KEY"}}]}},
            "credential_pool_runtime": {{"acme": {{"a1": {{"status": "dead", "subject": "{}"}}}}}}}}"#,
        fingerprint("new")
    );
    let mut document = read(&text);
    rollback(&mut document, &Vault, noon()).unwrap();
    assert!(entry(&document).contains(r#""last_status": "dead""#));
    assert!(!entry(&rolled_back(&text)).contains(r#""last_status": "dead""#), "not known to be about it");
}

#[test]
fn what_else_is_agreed_on_stays() {
    let text = r#"{"credential_pool_compat": {"theirs" :true, "x": 1e400}, "credential_pool": {}}"#;
    let mut document = rolled_back(text);
    assert_eq!(
        rendered(&document),
        r#"{"credential_pool_compat": {"theirs" :true, "x" :1e400, "layout" :"inline"}, "credential_pool": {}}"#
    );
    migrate_at_noon(&mut document);
    assert_eq!(
        rendered(&document),
        r#"{"credential_pool_compat": {"theirs" :true, "x" :1e400}, "credential_pool": {}}"#
    );
}
