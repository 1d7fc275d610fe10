//! What cannot be read or written is said by name and place, and left byte for byte as it was.

use std::fs;
use std::path::Path;

use pool_store::{FileStore, PoolHandle, Problem, StoreError};
use serde_json::value::RawValue;

use crate::support::{
    Home, Log, by_id, child_after, credential, id, noon, one_of_each, openrouter, passes, picked, revoked,
    status,
};

/// Cases of github.com/nst/JSONTestSuite.
const JSON_SUITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/json-suite");

#[test]
fn a_text_that_is_no_store_is_refused_with_its_place() {
    let cases: [(&str, &[u8]); 17] = [
        ("empty", b""),
        ("blank", b" \n\n"),
        ("cut short", b"{\n  \"version\": 1,\n  \"credential_pool\": {\"openrou"),
        ("no JSON", b"{\n  \"version\": 1,\n  oops\n}\n"),
        ("two values", b"{}\n{}\n"),
        ("zeroes", &[0; 512]),
        ("zeroes behind", b"{\"version\": 1}\n\0\0\0\0"),
        ("not UTF-8", b"{\n  \"label\": \"caf\xe9\"}"),
        ("UTF-16", b"\xff\xfe{\0}\0"),
        ("byte order mark", b"\xef\xbb\xbf{}"),
        ("a list", b"[]"),
        ("a word", b"null"),
        ("pool is a list", br#"{"credential_pool": []}"#),
        ("pool is a text", br#"{"credential_pool": "sk-test"}"#),
        ("runtime is a list", br#"{"credential_pool_runtime": []}"#),
        ("records are a list", br#"{"credential_pool_runtime": {"openrouter": []}}"#),
        ("NaN, and more is wrong", br#"{"credential_pool": NaN, }"#),
    ];
    let said = cases.map(|(what, bytes)| format!("{what}: {}", refusal(&Home::with(bytes)))).join("\n");
    insta::assert_snapshot!(said, @r"
    empty: [home]/auth.json cannot be used as a store: file is empty
    blank: [home]/auth.json cannot be used as a store: file is empty
    cut short: [home]/auth.json cannot be used as a store: not JSON: ends too early at line 3 column 30
    no JSON: [home]/auth.json cannot be used as a store: not JSON: key must be a string at line 3 column 3
    two values: [home]/auth.json cannot be used as a store: not JSON: trailing characters at line 2 column 1
    zeroes: [home]/auth.json cannot be used as a store: holds NUL bytes only, as after a crash
    zeroes behind: [home]/auth.json cannot be used as a store: holds NUL bytes from line 2 column 1 on
    not UTF-8: [home]/auth.json cannot be used as a store: not UTF-8 at line 2 column 16
    UTF-16: [home]/auth.json cannot be used as a store: not UTF-8 at line 1 column 1
    byte order mark: [home]/auth.json cannot be used as a store: starts with a UTF-8 byte order mark
    a list: [home]/auth.json cannot be used as a store: the store is not a JSON object
    a word: [home]/auth.json cannot be used as a store: the store is not a JSON object
    pool is a list: [home]/auth.json cannot be used as a store: credential_pool is not a JSON object
    pool is a text: [home]/auth.json cannot be used as a store: credential_pool is not a JSON object
    runtime is a list: [home]/auth.json cannot be used as a store: credential_pool_runtime is not a JSON object
    records are a list: [home]/auth.json cannot be used as a store: credential_pool_runtime.openrouter is not a JSON object
    NaN, and more is wrong: [home]/auth.json cannot be used as a store: not JSON: expected value at line 1 column 21
    ");
}

#[test]
fn a_folder_in_place_of_the_store_is_refused() {
    let home = Home::empty();
    home.make_folder("auth.json");
    insta::assert_snapshot!(refusal(&home), @"[home]/auth.json is a folder, not a file");
}

#[test]
fn a_pipe_in_place_of_the_store_is_refused_without_waiting_for_its_writer() {
    let home = Home::empty();
    home.make_pipe("auth.json");
    insta::assert_snapshot!(refusal(&home), @"[home]/auth.json is a device, pipe or socket, not a file");
}

#[test]
fn a_device_behind_a_link_is_refused() {
    let home = Home::empty();
    home.make_link("auth.json", "/dev/null");
    let error = home.load().unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"/dev/null is a device, pipe or socket, not a file");
}

#[test]
fn a_missing_folder_is_an_error() {
    let home = Home::empty();
    let store = FileStore::new(home.at("no-such-folder/auth.json"));
    let handle = PoolHandle::new(store);
    let read = handle.pools().unwrap_err();
    let written = handle.reset(&openrouter(), None, pool_core::Revive::Nobody).unwrap_err();
    insta::assert_snapshot!(home.words(&read), @"the folder of [home]/no-such-folder/auth.json does not exist");
    assert_eq!(home.words(&written), home.words(&read));
    assert!(home.names().is_empty());
}

#[test]
fn a_file_in_place_of_the_folder_is_an_error() {
    let home = Home::with("{}");
    let error = PoolHandle::new(FileStore::new(home.at("auth.json/auth.json")));
    let error = error.pools().unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"the folder of [home]/auth.json/auth.json does not exist");
}

#[test]
fn a_store_without_write_permission_is_read_but_never_replaced() {
    let home = Home::with_keys(&["a", "b"]);
    home.chmod("auth.json", 0o400);
    let before = home.photo();
    let said = what_each_change_says(&home);
    insta::assert_snapshot!(said, @r"
    mark: [home]/auth.json is read-only
    succeed: done
    reset: done
    add: [home]/auth.json is read-only
    remove: [home]/auth.json is read-only
    rotate: [home]/auth.json is read-only
    count: [home]/auth.json is read-only
    ");
    assert_eq!(picked(&home.handle()), "a");
    assert_eq!(home.photo(), before);
}

#[test]
fn a_folder_without_write_permission_is_read_but_nothing_is_made_in_it() {
    let home = Home::with_keys(&["a", "b"]);
    home.chmod(".", 0o500);
    let before = home.photo();
    let said = what_each_change_says(&home);
    insta::assert_snapshot!(said, @r"
    mark: [home] is read-only
    succeed: [home] is read-only
    reset: [home] is read-only
    add: [home] is read-only
    remove: [home] is read-only
    rotate: [home] is read-only
    count: [home] is read-only
    ");
    assert_eq!(picked(&home.handle()), "a");
    assert_eq!(home.photo(), before);
    assert_eq!(home.names(), ["auth.json"]);
}

#[test]
fn a_lock_that_is_there_already_is_taken_in_a_folder_without_write_permission() {
    let home = Home::with_keys(&["a", "b"]);
    home.put("auth.lock", "");
    home.chmod(".", 0o500);
    let before = home.photo();
    home.handle().succeed(&openrouter(), by_id("a"), noon(), None).unwrap();
    let error = home.handle().add(&openrouter(), credential("c")).unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"[home] is read-only");
    assert_eq!(home.photo(), before);
}

#[test]
fn a_store_that_may_not_be_read_is_an_error() {
    let home = Home::with_keys(&["a"]);
    home.chmod("auth.json", 0o000);
    let before = home.photo();
    match home.load() {
        // Root reads everything.
        Ok(_) => assert!(fs::File::open(home.auth()).is_ok()),
        Err(error) => {
            insta::assert_snapshot!(home.words(&error), @"cannot read [home]/auth.json: Permission denied (os error 13)");
        }
    }
    for change in one_of_each() {
        // Nothing to do is nothing to write, for root.
        if let Err(error) = home.apply(change) {
            assert!(home.words(&error).contains("[home]/auth.json"));
        }
    }
    assert_eq!(home.photo(), before);
}

#[test]
fn a_newer_version_is_read_but_not_written() {
    let mut said = Vec::new();
    for version in ["2", "1.0", "\"1\"", "null", "1e400", "18446744073709551617"] {
        let home = Home::with(
            Home::text_of_keys(&["a"]).replace("\"version\": 1", &format!("\"version\": {version}")),
        );
        assert_eq!(picked(&home.handle()), "a");
        let before = home.photo();
        let errors = one_of_each().into_iter().map(|change| home.apply(change).unwrap_err());
        let mut errors: Vec<_> = errors.map(|error| home.words(&error)).collect();
        errors.push(home.words(&home.store().rollback(noon()).unwrap_err()));
        errors.dedup();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(home.photo(), before);
        said.extend(errors);
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    [home]/auth.json cannot be used as a store: the version of the store is 2, and this program writes only version 1
    [home]/auth.json cannot be used as a store: the version of the store is 1.0, and this program writes only version 1
    [home]/auth.json cannot be used as a store: the version of the store is not a number, and this program writes only version 1
    [home]/auth.json cannot be used as a store: the version of the store is not a number, and this program writes only version 1
    [home]/auth.json cannot be used as a store: the version of the store is 1e400, and this program writes only version 1
    [home]/auth.json cannot be used as a store: the version of the store is 18446744073709551617, and this program writes only version 1
    ");
}

#[test]
fn a_write_that_fails_half_way_leaves_nothing_behind() {
    let home = Home::with_keys(&["a", "b"]);
    let before = home.photo();
    // A write that would be too long then fails instead of ending the process.
    let line = "trap '' XFSZ; ulimit -f 0";
    passes(child_after(line, "errors::cannot_write_to_the_store_of_this_folder", home.path()));
    assert_eq!(home.photo(), before);
}

#[test]
#[ignore = "run without room by another test"]
fn cannot_write_to_the_store_of_this_folder() {
    let handle = PoolHandle::new(FileStore::new("auth.json"));
    let error = handle.add(&openrouter(), credential("c")).unwrap_err();
    assert!(matches!(error, StoreError::Io { operation: "write", .. }), "{error}");
    let error = handle.report(&openrouter(), by_id("a"), revoked()).unwrap_err();
    assert!(matches!(error.cause(), StoreError::Io { operation: "write", .. }), "{error}");
    assert_eq!(picked(&handle), "b");
    assert!(FileStore::new("auth.json").rollback(noon()).is_err());
}

#[test]
fn a_lock_that_cannot_be_opened_is_named() {
    let home = Home::with_keys(&["a"]);
    home.make_folder("auth.lock");
    let before = home.photo();
    let error = home.apply(one_of_each().remove(0)).unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"cannot open the lock [home]/auth.lock: Is a directory (os error 21)");
    assert_eq!(home.photo(), before);
}

#[test]
fn a_pipe_in_place_of_the_lock_does_not_hang() {
    let home = Home::with_keys(&["a"]);
    home.make_pipe("auth.lock");
    let before = home.photo();
    if home.apply(one_of_each().remove(0)).is_err() {
        assert_eq!(home.photo(), before);
    }
}

#[test]
fn a_store_that_breaks_under_a_handle_is_an_error_until_it_is_mended() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    assert_eq!(picked(&handle), "a");

    home.put("auth.json", "{\"version\": 1, \"cred");
    assert!(picked(&handle).ends_with("auth.json cannot be used as a store"));
    assert!(handle.add(&openrouter(), credential("c")).is_err());
    assert_eq!(home.text(), "{\"version\": 1, \"cred");

    home.put("auth.json", Home::text_of_keys(&["b"]));
    assert_eq!(picked(&handle), "b");
}

#[test]
fn numbers_that_only_python_writes_read_as_null_with_a_warning_and_are_written_so() {
    let home = Home::with(Home::text_of_keys(&["a"]).replace("1e400", "NaN"));
    let events = Log::warnings_of(|| assert_eq!(picked(&home.handle()), "a"));
    let events = events.join("\n").replace(home.path().to_str().unwrap(), "[home]");
    insta::assert_snapshot!(events, @"WARN `NaN` at line 4 column 13 is not JSON and reads as null path=[home]/auth.json");
    assert!(home.text().contains("NaN"), "a read writes nothing");

    home.handle().add(&openrouter(), credential("b")).unwrap();
    assert_eq!(home.json()["theirs"], serde_json::Value::Null);
    assert_eq!(home.ids(), ["a", "b"]);
}

#[test]
fn what_is_odd_but_readable_is_read() {
    let odd = r#"{"credential_pool": {
        "openrouter": [
            7, null, {"label": "no id"}, {"id": 7}, {"id": ""}, {"id": "\ud800"}, [],
            {"id": "a", "access_token": "sk-test-key-of-a", "priority": "high", "label": 7, "auth_type": null}
        ],
        "openrouter": null, "\ud800": [{"id": "x"}], "": [], "photon": {"not": "a list"}, "nobody": "knows",
        "openrouter": [{"id": "a", "access_token": "sk-test-key-of-a"}, {"id": "b", "access_token": " "}]
    }, "credential_pool_runtime": {"openrouter": {"a": null, "b": [], "c": 7}, "gone": null}}"#;
    let home = Home::with(odd);
    let handle = home.handle();
    assert_eq!(
        picked(&handle),
        "no usable credential for `openrouter`",
        "a record that is no record fails closed"
    );
    assert_eq!(status(&handle, "a"), "unreadable");

    let before = home.photo();
    handle.remove(&openrouter(), pool_core::Target::Id(id("c"))).unwrap_err();
    assert_eq!(home.photo(), before);
}

#[test]
fn a_provider_whose_value_is_no_list_is_not_ours_to_fill() {
    for theirs in ["{\"token\": 1}", "\"x\"", "7"] {
        let home = Home::with(format!("{{\"credential_pool\": {{\"openrouter\": {theirs}}}}}"));
        let before = home.photo();
        let error = home.handle().add(&openrouter(), credential("a")).unwrap_err();
        assert_eq!(error.to_string(), "`openrouter` holds something else than credentials");
        assert_eq!(home.photo(), before);
    }
    let home = Home::with("{\"credential_pool\": {\"openrouter\": null}}");
    home.handle().add(&openrouter(), credential("a")).unwrap();
    assert_eq!(home.ids(), ["a"]);
}

#[test]
fn every_case_of_the_json_suite_gets_an_answer() {
    let cases = fs::read_dir(JSON_SUITE).unwrap().map(|entry| entry.unwrap().path());
    let cases: Vec<_> =
        cases.filter(|case| case.extension().is_some_and(|ending| ending == "json")).collect();
    assert_eq!(cases.len(), 318);
    cases.iter().for_each(|case| gets_an_answer(case));
}

/// A case in place of the store is read or refused, and stays as it was; a change is refused too, or leaves JSON.
fn gets_an_answer(case: &Path) {
    let name = case.file_name().unwrap().to_str().unwrap();
    let home = Home::with(fs::read(case).unwrap());
    let before = home.photo();
    let is_readable = home.load().is_ok();
    assert!(!(name.starts_with("n_") && is_readable), "{name} is no JSON");
    assert!(!name.starts_with("y_object") || is_readable, "{name} is an object");

    let findings = home.store().examine(None, noon());
    assert_eq!(findings.iter().any(|finding| finding.problem == Problem::Corrupt), !is_readable, "{name}");
    assert_eq!(home.photo(), before, "{name}");

    let added = home.handle().add(&openrouter(), credential("a"));
    assert_eq!(added.is_ok(), is_readable, "{name}");
    match added {
        Ok(()) => {
            assert!(serde_json::from_str::<Box<RawValue>>(&home.text()).is_ok(), "{name}");
            assert_eq!(picked(&home.handle()), "a", "{name}");
        }
        Err(error) => {
            assert!(matches!(error, StoreError::Format { .. }), "{name}: {error}");
            assert_eq!(home.photo(), before, "{name}");
        }
    }
}

/// What reading says, and every way to write with it; none of which may change anything.
fn refusal(home: &Home) -> String {
    let before = home.photo();
    let words = home.words(&home.load().unwrap_err());
    for change in one_of_each() {
        assert_eq!(home.words(&home.apply(change).unwrap_err()), words);
    }
    assert_eq!(home.words(&home.store().plan_migration(noon()).unwrap_err()), words);
    assert_eq!(home.words(&home.store().migrate(noon()).unwrap_err()), words);
    assert_eq!(home.words(&home.store().rollback(noon()).unwrap_err()), words);
    assert_eq!(home.photo(), before);
    words
}

fn what_each_change_says(home: &Home) -> String {
    let names = ["mark", "succeed", "reset", "add", "remove", "rotate", "count"];
    let said = names.into_iter().zip(one_of_each()).map(|(name, change)| match home.apply(change) {
        Ok(_) => format!("{name}: done"),
        Err(error) => format!("{name}: {}", home.words(&error)),
    });
    said.collect::<Vec<_>>().join("\n")
}
