//! What is not ours, or says nothing, comes back as it was.

use pool_format::raw::{List, Object};
use pool_migrate::migrate;

use crate::support::{
    FIXTURE, INLINE, acme, at, entry, entry_of, migrate_at_noon, migrated, noon, object, read, record,
    rendered, roll_back_at_noon, rolled_back, store_of, store_with,
};

/// Spelled as no printer of JSON would, and nothing of it says anything inline.
const ODD: &str = concat!(
    "\n{ \"a\" :1e400 ,\"a\": 123456789012345678901234567890,\t\"J\u{fc}rgen\": [ 1.0,-0.0 ],\n",
    " \"half\": \"\\ud800\", \"\\udfff\": { } ,\n",
    " \"credential_pool\": { \"odd\" : 7, \"text\":\"x\", \"null\":null, \"object\": {\"id\": \"x\", \"last_status\": \"dead\"},\n",
    "   \"acme\": [ null, 1.0, \"x\", [ ], [{\"id\": \"x\", \"last_status\": \"dead\"}], {},\n",
    "     { \"last_status\" : \"dead\" }, {\"id\": null, \"last_status\": \"dead\"}, {\"id\": \"\", \"last_status\": \"dead\"},\n",
    "     {\"id\": 7, \"request_count\": 1}, {\"id\": \"\\ud800\", \"request_count\": 1}, {\"id\": \"a1\" , \"id\": \"a2\",\"limit\":1E+400} ],\n",
    "   \"\\ud800\": [{\"id\": \"x\", \"last_status\": \"dead\"}], \"\": [{\"id\": \"x\", \"last_status\": \"dead\"}] },\n",
    " \"credential_pool_runtime\": {\"acme\": {\"a2\": { \"status\" : \"\\u006fk\" }, \"a1\": 7, \"a1\": [ ], \"\\ud800\":{ }}, \"empty\": { },\n",
    "   \"nobody\": {\"n1\": { \"status\" : \"dead\" }}, \"null\": null} ,\n",
    " \"credential_pool_compat\": { \"theirs\":true } }\r\n",
);

#[test]
fn where_nothing_is_said_inline_nothing_changes() {
    let mut document = read(ODD);
    let report = migrate_at_noon(&mut document);
    assert!(!report.is_needed() && report.steps().is_empty());
    assert_eq!(rendered(&document), ODD);
}

#[test]
fn what_is_not_ours_goes_there_and_back_again() {
    let mut document = rolled_back(ODD);
    migrate_at_noon(&mut document);
    assert_eq!(members(&rendered(&document), &[]), members(ODD, &[]));
}

#[test]
fn a_move_touches_nothing_but_the_entry_and_its_record() {
    let said = r#"{ "x":1e400,"id":"b1", "last_status":"dead", "y" : "\u00fc" }"#;
    let text = ODD.replace(r#"{},"#, &format!("{said},"));
    assert_ne!(text, ODD);
    let after = rendered(&migrated(&text));

    let pool = "credential_pool";
    let sections = [pool, "credential_pool_runtime"];
    assert_eq!(members(&after, &sections), members(&text, &sections));
    assert_eq!(members_at(&after, pool, &["acme"]), members_at(&text, pool, &["acme"]));
    assert_eq!(members_at(&after, sections[1], &["acme"]), members_at(&text, sections[1], &["acme"]));
    let items = |text: &str| -> Vec<String> {
        let list = List::read(&at(text, &[pool, "acme"]).unwrap()).unwrap();
        list.items().map(|raw| raw.as_str().to_owned()).collect()
    };
    let (before, after) = (items(&text), items(&after));
    assert_eq!(after[5], r#"{ "x":1e400,"id":"b1","y":"\u00fc" }"#);
    assert_eq!((&after[..5], &after[6..]), (&before[..5], &before[6..]));
}

#[test]
fn an_untouched_section_of_the_fixture_stays_byte_for_byte() {
    let after = rendered(&migrated(FIXTURE));
    for path in [
        &["providers"][..],
        &["suppressed_sources"],
        &["updated_at"],
        &["version"],
        &["active_provider"],
        &["credential_pool", "openai-codex", "0", "access_token"],
        &["credential_pool", "nous", "0", "obtained_at"],
    ] {
        assert_eq!(at(&after, path), at(FIXTURE, path), "{path:?}");
        assert!(at(&after, path).is_some(), "{path:?}");
    }
    let inline = |line: &&str| {
        let name = line.split('"').nth(1).unwrap_or_default();
        INLINE.contains(&name)
    };
    let runtime = at(&after, &["credential_pool_runtime"]).unwrap();
    let after = after.replace(&format!(",\n  \"credential_pool_runtime\": {}", runtime.as_str()), "");
    assert_eq!(without_commas(after.lines()), without_commas(FIXTURE.lines().filter(|line| !inline(line))));
}

/// The last member of an object has none, and may be the last one only now.
fn without_commas<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    lines.map(|line| line.trim_end_matches(',')).collect()
}

#[test]
fn a_second_migration_changes_nothing() {
    for text in [FIXTURE, ODD, &store_of(r#""last_status": 7, "last_error_code": "x", "request_count": 3"#)] {
        let mut document = migrated(text);
        let once = rendered(&document);
        for now in [noon(), noon() + chrono::TimeDelta::days(400)] {
            let report = migrate(&mut document, &(), now).unwrap();
            assert!(!report.is_needed() && report.steps().is_empty());
            assert_eq!(rendered(&document), once);
        }
        assert_eq!(rendered(&migrated(&once)), once);
    }
}

#[test]
fn nulls_and_a_zero_count_are_no_reason_to_write_but_go_with_the_next_write() {
    let silent = r#""last_status": null, "last_status_at": null, "last_error_code": null, "last_error_reason": null,
        "last_error_message": null, "last_error_reset_at": null, "failure_reason": null, "request_count": 0"#;
    for text in [
        store_of(silent),
        store_with(silent, r#"{ "status":"ok" }"#),
        store_of(r#""request_count": null"#),
        store_of(r#""last_status": null"#),
    ] {
        let mut document = read(&text);
        let report = migrate_at_noon(&mut document);
        assert!(!report.is_needed() && report.steps().is_empty(), "{text}");
        assert_eq!(entry(&document), entry_of(""), "{text}");
        assert_eq!(record(&document), record(&read(&text)), "{text}");
    }
}

#[test]
fn silent_entries_leave_the_records_of_others_as_they_are_spelled() {
    for runtime in [r#"{ "acme":{ } }"#, r#"{ "acme" : null}"#, "{ }", "null", r#"{"acme":{ "b1":{ } }}"#] {
        let text = format!(
            r#"{{"credential_pool": {{"acme": [{}]}}, "credential_pool_runtime":{runtime}}}"#,
            entry_of(r#""last_status": null"#)
        );
        let after = rendered(&migrated(&text));
        assert_eq!(at(&after, &["credential_pool_runtime"]).unwrap().as_str(), runtime);
    }
}

#[test]
fn each_duplicate_of_an_inline_field_goes_and_the_last_one_counts() {
    let mut document = read(&store_of(
        r#""request_count": 1, "last_status": "dead", "last_status": null, "request_count": 2"#,
    ));
    migrate_at_noon(&mut document);
    assert_eq!(entry(&document), entry_of(""));
    assert_eq!(record(&document).as_deref(), Some(r#"{"request_count": 2}"#));
}

#[test]
fn a_record_that_is_no_object_stays_and_so_do_the_fields_that_it_cannot_take() {
    for odd in ["7", "[]", r#""dead""#, "null"] {
        for fields in [
            r#""last_status": "dead", "last_status_at": 1779791220"#,
            r#""last_status": "ok", "last_error_code": "x""#,
            r#""request_count": 3"#,
            r#""last_status": null"#,
        ] {
            let text = store_with(fields, odd);
            let mut document = read(&text);
            assert!(!migrate_at_noon(&mut document).is_needed(), "{text}");
            assert_eq!(rendered(&document), text);
            roll_back_at_noon(&mut document);
            assert_eq!(entry(&document), entry_of(fields), "{text}");
            migrate_at_noon(&mut document);
            assert_eq!(members(&rendered(&document), &[]), members(&text, &[]), "{text}");
        }
    }
}

#[test]
fn depth_is_kept() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let fields = format!(r#""last_status": "dead", "last_error_message": {deep}, "theirs": {deep}"#);
    let mut document = migrated(&store_of(&fields));
    assert_eq!(entry(&document), entry_of(&format!(r#""theirs": {deep}"#)));
    assert!(
        record(&document).unwrap().ends_with(&format!(r#""legacy": {{"last_error_message": {deep}}}}}"#))
    );
    roll_back_at_noon(&mut document);
    assert!(entry(&document).contains(&format!(r#""last_error_message": {deep}"#)));
}

#[test]
fn numbers_that_only_python_writes_say_nothing() {
    let mut document = read(&store_of(
        r#""last_status": "exhausted", "last_status_at": Infinity, "last_error_code": NaN, "last_error_reset_at": -Infinity"#,
    ));
    assert_eq!(document.warnings().len(), 3);
    assert!(migrate_at_noon(&mut document).is_needed());
    assert_eq!(record(&document), None, "with neither time a rest is over");
}

#[test]
fn a_section_of_hidden_records_that_is_none_is_an_error_and_nothing_moves() {
    let text = format!(
        r#"{{"credential_pool": {{"acme": [{}]}}, "credential_pool_compat": {{"layout": "inline"}}, "credential_pool_runtime_rolled_back": 7}}"#,
        entry_of(r#""last_status": "dead""#)
    );
    let mut document = read(&text);
    let error = migrate(&mut document, &(), noon()).unwrap_err();
    assert_eq!(error.to_string(), "credential_pool_runtime_rolled_back is not a JSON object");
    assert!(pool_migrate::rollback(&mut document, &(), noon()).is_err());
    assert_eq!(rendered(&document), text);
    assert!(document.recorded_providers().is_empty() && document.providers() == [acme()]);
}

/// The members of a text but for some, as they are spelled, in any order.
fn members(text: &str, names: &[&str]) -> Vec<(String, String)> {
    spelled(&object(text), names)
}

fn members_at(text: &str, section: &str, names: &[&str]) -> Vec<(String, String)> {
    spelled(&Object::read(&at(text, &[section]).expect("a section")).expect("an object"), names)
}

fn spelled(object: &Object, names: &[&str]) -> Vec<(String, String)> {
    let others = object.members().filter(|(key, _)| !names.iter().any(|name| key.says(name)));
    let mut members: Vec<_> =
        others.map(|(key, value)| (key.as_str().to_owned(), value.as_str().to_owned())).collect();
    members.sort();
    members
}
