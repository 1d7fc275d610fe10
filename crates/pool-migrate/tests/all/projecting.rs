//! A store that shows its records in the entries too, for a program that looks only there.

use std::collections::BTreeSet;

use pool_core::CredentialId;
use pool_format::{Document, Placement};
use pool_migrate::{project, start_projecting, stop_projecting};

use crate::support::{
    FIXTURE, acme, at, entry, entry_of, fingerprint, migrate_at_noon, migrated, noon, pin, read, record,
    rendered, roll_back_at_noon, rolled_back, store_of, store_with, subject, without_tokens,
};

const DEAD_RECORD: &str = r#"{"status": "dead", "status_at": "2026-05-26T10:27:00Z", "subject": "SUBJECT", "last_error": {"kind": "auth_permanent", "code": 401, "reason": "token_revoked", "message": "gone"}}"#;
const RESTING_RECORD: &str = r#"{"status": "exhausted", "status_at": "2026-05-26T11:57:00Z", "subject": "SUBJECT", "reset_at": "2026-05-26T12:57:00Z", "reset_from": "default", "last_error": {"kind": "rate_limit", "code": 429}}"#;
const DEAD: &str = r#""last_status": "dead", "last_status_at": 1779791220.0, "last_error_code": 401, "last_error_reason": "token_revoked", "last_error_message": "gone", "last_error_reset_at": null"#;
const RESTING: &str = r#""last_status": "exhausted", "last_status_at": 1779796620.0, "last_error_code": 429, "last_error_reason": null, "last_error_message": null, "last_error_reset_at": 1779800220.0"#;
const SILENT: &str = r#""last_status": null, "last_status_at": null, "last_error_code": null, "last_error_reason": null, "last_error_message": null, "last_error_reset_at": null"#;
/// As [`DEAD`], of a word that the other program does not know.
const OUT_OF_USE: &str = r#""last_status": "dead", "last_status_at": null, "last_error_code": null, "last_error_reason": null, "last_error_message": null, "last_error_reset_at": null"#;

/// The store with one entry and this record, as it is before it is projected.
fn store(record: &str) -> String {
    store_with("", &record.replace("SUBJECT", &subject()))
}

fn projected(text: &str) -> Document {
    let mut document = read(text);
    start_projecting(&mut document, &(), noon()).expect("can be projected");
    document
}

/// What the entry of `a1` shows of this record.
fn shown(record: &str) -> String {
    fields_of(&projected(&store(record)))
}

fn fields_of(document: &Document) -> String {
    let entry = entry(document);
    let fields = entry.strip_prefix(entry_of("").trim_end_matches('}')).expect("the definition comes first");
    fields.trim_start_matches(", ").trim_end_matches('}').to_owned()
}

/// A projected store in which another program put these fields in place of what the entry showed.
fn meanwhile(record: &str, fields: &str) -> Document {
    let document = projected(&store(record));
    let text = rendered(&document).replace(&entry(&document), &entry_of(fields));
    read(&text)
}

#[test]
fn verdicts_that_hold_are_shown_and_nothing_else() {
    let cases = [
        (DEAD_RECORD, DEAD),
        (RESTING_RECORD, RESTING),
        (r#"{"status": "dead"}"#, OUT_OF_USE),
        // Nothing is against it, or not any more.
        ("{}", ""),
        (r#"{"status": "ok", "status_at": "2026-05-26T10:27:00Z", "request_count": 12}"#, ""),
        (
            r#"{"status": "exhausted", "status_at": "2026-05-26T10:27:00Z", "reset_at": "2026-05-26T11:27:00Z"}"#,
            "",
        ),
        (r#"{"status": "exhausted"}"#, ""),
        (r#"{"status": "removed", "status_at": "2026-05-26T10:27:00Z", "subject": "SUBJECT"}"#, ""),
        (r#"{"models": {"m1": {"status": "dead"}}, "legacy": {"last_error_code": "x"}}"#, ""),
        // Words that the other program does not know would not keep it from picking.
        (
            r#"{"status": "odd", "status_at": "2026-05-26T10:27:00Z", "legacy": {"last_error_code": 418}}"#,
            OUT_OF_USE,
        ),
        (r#"{"status": 7}"#, OUT_OF_USE),
    ];
    for (record, expected) in cases {
        assert_eq!(shown(record), expected, "{record}");
    }
}

#[test]
fn a_verdict_on_a_secret_that_was_replaced_is_not_shown() {
    for record in [DEAD_RECORD, RESTING_RECORD] {
        assert_eq!(shown(&record.replace("SUBJECT", &fingerprint("old"))), "");
    }
    assert_eq!(
        shown(
            r#"{"status": "exhausted", "reset_at": "2026-05-26T13:00:00Z", "account": "sha256:9f86d081884c7d65"}"#
        ),
        ""
    );
}

#[test]
fn the_end_of_a_rest_is_always_shown_since_others_have_another_table() {
    let without_answer = r#"{"status": "exhausted", "status_at": "2026-05-26T11:59:30Z", "reset_from": "default", "last_error": {"kind": "network"}}"#;
    assert!(
        shown(without_answer).ends_with(r#""last_error_reset_at": 1779796830.0"#),
        "a minute, not their hour"
    );
}

#[test]
fn the_fixture_projected() {
    let mut document = read(FIXTURE);
    start_projecting(&mut document, &(), crate::support::clock("10:30")).unwrap();
    pin("fixture_projected", &without_tokens(&rendered(&document)));
}

#[test]
fn what_we_show_is_no_news_when_it_comes_back() {
    for record in [DEAD_RECORD, RESTING_RECORD, r#"{"status": "odd"}"#, r#"{"request_count": 3}"#] {
        let once = rendered(&projected(&store(record)));
        for minutes in [0, 57, 24 * 60, 400 * 24 * 60] {
            let mut document = read(&once);
            let later = noon() + chrono::TimeDelta::minutes(minutes);
            let report = pool_migrate::migrate(&mut document, &(), later).unwrap();
            assert!(!report.is_needed(), "{record}");
            assert_eq!(rendered(&document), once, "{record}");
        }
    }
}

/// Whether something is a reason to write, and whose word stands.
#[test]
fn what_the_other_program_does_to_the_entry() {
    let throttled = |at: &str| {
        format!(
            r#""last_status": "exhausted", "last_status_at": {at}, "last_error_code": 429, "last_error_reset_at": null"#
        )
    };
    let ok = SILENT.replacen("null", r#""ok""#, 1);
    let (earlier, later) = (throttled("1779780000.0"), throttled("1779796800.0"));
    let dies = DEAD.replace("1779791220.0", "1779796800.0");
    let with_count = |fields: &str, count: u64| format!(r#"{fields}, "request_count": {count}"#);
    let cases = [
        // What it wrote: what we knew, whether it is a reason to write, whether the record changes.
        ("the same, and a count of zero", DEAD_RECORD, with_count(DEAD, 0), false, false),
        ("the same, and a count", DEAD_RECORD, with_count(DEAD, 3), true, true),
        ("nulls, from a reset or a stale memory", DEAD_RECORD, with_count(SILENT, 0), true, false),
        ("no field at all", DEAD_RECORD, String::new(), true, false),
        ("ok, as after a rest", DEAD_RECORD, ok.clone(), true, false),
        ("a late throttle", DEAD_RECORD, later.clone(), true, false),
        ("a later death", DEAD_RECORD, dies.clone(), true, true),
        ("nulls over a rest", RESTING_RECORD, SILENT.to_owned(), true, false),
        ("an early ok over a rest", RESTING_RECORD, ok.clone(), true, false),
        ("an older throttle", RESTING_RECORD, earlier, true, false),
        ("a later throttle", RESTING_RECORD, later.clone(), true, true),
        ("a later death over a rest", RESTING_RECORD, dies.clone(), true, true),
        ("nulls where nothing is known", "{}", with_count(SILENT, 0), false, false),
        ("ok where nothing is known", "{}", ok, false, false),
        ("a throttle where nothing is known", "{}", later, true, true),
        (
            "a death where we cleared one earlier",
            r#"{"status": "ok", "status_at": "2026-05-26T10:30:00Z"}"#,
            dies,
            true,
            true,
        ),
        (
            "a death that we cleared",
            r#"{"status": "ok", "status_at": "2026-05-26T10:30:00Z"}"#,
            DEAD.to_owned(),
            true,
            false,
        ),
    ];
    for (case, known, fields, is_needed, is_news) in cases {
        let mut document = meanwhile(known, &fields);
        let before = record(&document);
        assert_eq!(migrate_at_noon(&mut document).is_needed(), is_needed, "{case}");
        assert_eq!(record(&document) != before, is_news, "{case}: {before:?}");
        let text = rendered(&document);
        assert!(!migrate_at_noon(&mut document).is_needed(), "{case}: twice is once");
        assert_eq!(rendered(&document), text, "{case}: twice is once");
        // Whatever happened, what the record says is shown again.
        if is_needed {
            let record = record(&document).expect("something is known");
            assert_eq!(fields_of(&document), shown(&record), "{case}");
        }
    }
}

#[test]
fn a_rest_that_is_over_may_stay_as_it_was_shown_or_be_cleared_by_the_other_program() {
    let later = noon() + chrono::TimeDelta::hours(2);
    for fields in [RESTING, SILENT, &SILENT.replacen("null", r#""ok""#, 1)] {
        let mut document = meanwhile(RESTING_RECORD, fields);
        let text = rendered(&document);
        assert!(!pool_migrate::migrate(&mut document, &(), later).unwrap().is_needed(), "{fields}");
        assert_eq!(rendered(&document), text);
    }
}

#[test]
fn a_new_secret_beside_the_shown_verdict_is_free_and_shown_so() {
    let text = rendered(&projected(&store(DEAD_RECORD))).replace("key-a1", "key-of-today");
    let mut document = read(&text);
    let known = record(&document);
    assert!(migrate_at_noon(&mut document).is_needed());
    assert_eq!(record(&document), known, "the verdict stays, bound to the old secret");
    assert_eq!(entry(&document), r#"{"id": "a1", "access_token": "key-of-today"}"#);
}

#[test]
fn entries_of_one_id_show_the_verdict_on_their_own_secret() {
    let twins = r#"{"id": "a1", "access_token": "key-b1"}, {"id": "a1", "access_token": "key-a1"}"#;
    let text = store(DEAD_RECORD).replace(&entry_of(""), twins);
    let text = rendered(&projected(&text));
    let status =
        |index| at(&text, &["credential_pool", "acme", index, "last_status"]).and_then(|raw| raw.to_text());
    assert_eq!((status("0"), status("1").as_deref()), (None, Some("dead")));
}

#[test]
fn a_record_that_is_no_object_leaves_its_entry_alone() {
    for fields in ["", DEAD, SILENT] {
        assert_eq!(entry(&projected(&store_with(fields, "7"))), entry_of(fields));
    }
}

#[test]
fn starting_moves_and_shows_at_once() {
    let mut document = read(&store_of(DEAD));
    let report = start_projecting(&mut document, &(), noon()).unwrap();
    let [step] = report.steps() else { panic!("one step") };
    assert_eq!((step.removed.len(), step.shown.len(), step.before.is_some()), (6, 6, false));
    assert_eq!(record(&document), record(&migrated(&store_of(DEAD))));
    assert_eq!(fields_of(&document), DEAD);
    assert!(!start_projecting(&mut document, &(), noon()).unwrap().is_needed());
}

#[test]
fn stopping_takes_out_what_was_shown_and_merges_what_is_new() {
    let mut document = projected(&store(DEAD_RECORD));
    stop_projecting(&mut document, &(), noon()).unwrap();
    assert_eq!(rendered(&document), store(DEAD_RECORD));
    assert!(!stop_projecting(&mut document, &(), noon()).unwrap().is_needed());

    let mut document = meanwhile("{}", DEAD);
    stop_projecting(&mut document, &(), noon()).unwrap();
    assert_eq!(entry(&document), entry_of(""));
    assert_eq!(record(&document), record(&migrated(&store_of(DEAD))));
}

#[test]
fn a_rolled_back_store_is_not_projected_and_a_projected_one_is_when_rolled_back_not_any_more() {
    let plain = rolled_back(&store(DEAD_RECORD));
    let mut document = projected(&store(DEAD_RECORD));
    roll_back_at_noon(&mut document);
    assert_eq!(rendered(&document), rendered(&plain));

    let report = start_projecting(&mut document, &(), noon()).unwrap();
    assert!(report.was_rolled_back());
    assert_eq!(document.placement(), Placement::Projected);
    assert_eq!(record(&document), record(&read(&store(DEAD_RECORD))));
    assert_eq!(fields_of(&document), DEAD);
}

#[test]
fn what_was_cleared_while_rolled_back_is_not_shown_again() {
    let back = rolled_back(&store(DEAD_RECORD));
    let mut document = read(&rendered(&back).replace(DEAD, SILENT));
    start_projecting(&mut document, &(), noon()).unwrap();
    assert_eq!(
        record(&document).as_deref(),
        Some(r#"{"status": "ok", "status_at": "2026-05-26T12:00:00Z"}"#)
    );
    assert!(!entry(&document).contains("dead"));
}

#[test]
fn who_does_not_know_the_flag_reads_the_same() {
    for record in [DEAD_RECORD, RESTING_RECORD, r#"{"status": "odd", "request_count": 2}"#] {
        let mut document = projected(&store(record));
        document.set_projected(false);
        let mut document = read(&rendered(&document));
        migrate_at_noon(&mut document);
        assert_eq!(rendered(&document), rendered(&migrated(&store(record))));
    }
}

/// Two dead credentials whose entries show nothing yet.
fn two_to_show(ids: [&str; 2]) -> Document {
    let [first, second] = ids;
    read(&format!(
        r#"{{"credential_pool": {{"acme": [{{"id": {first}}}, 7, {{"id": {second}}}]}}, "credential_pool_compat": {{"inline": true}},
            "credential_pool_runtime": {{"acme": {{{first}: {{"status": "dead"}}, {second}: {{"status": "dead"}}}}}}}}"#
    ))
}

fn project_only(document: &mut Document, id: &str) {
    let changed = BTreeSet::from([CredentialId::new(id).expect("not empty")]);
    project(document, &acme(), &changed, &(), noon());
}

#[test]
fn only_what_changed_is_projected() {
    let mut document = two_to_show([r#""a1""#, r#""b1""#]);
    project_only(&mut document, "b1");
    let items: Vec<_> = document.entries(&acme()).items().map(|raw| raw.as_str().to_owned()).collect();
    assert_eq!(items[..2], [r#"{"id": "a1"}"#, "7"]);
    assert_eq!(items[2], format!(r#"{{"id": "b1", {OUT_OF_USE}}}"#));
    let once = rendered(&document);
    project_only(&mut document, "b1");
    project_only(&mut document, "nobody");
    assert_eq!(rendered(&document), once);
}

#[test]
fn an_id_is_found_however_it_is_spelled() {
    let mut document = two_to_show([r#""a1""#, r#""\u0062\"1""#]);
    project_only(&mut document, "b\"1");
    let entry = document.entries(&acme()).items().nth(2).map(|raw| raw.as_str().to_owned());
    assert_eq!(entry, Some(format!(r#"{{"id": "\u0062\"1", {OUT_OF_USE}}}"#)));
}

#[test]
fn where_nobody_asked_for_it_nothing_is_projected() {
    let mut document = two_to_show([r#""a1""#, r#""b1""#]);
    document.set_projected(false);
    let before = rendered(&document);
    project_only(&mut document, "b1");
    assert_eq!(rendered(&document), before);
}
