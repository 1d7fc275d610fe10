//! The old layout and the new one: persisted at once with a backup, and back again.

use std::fs;

use chrono::{DateTime, Utc};
use pool_core::{Grant, Revive, Tokens};
use pool_store::{FileStore, Rewritten, StoreError};

use crate::support::{
    Home, by_id, credential, is_killed_at_its_first_write, minutes, mode, noon, openrouter, picked, revoked,
    secret, status, throttled,
};

/// A store as an older program writes it: verdicts in the entries, a line break at the end.
const LEGACY: &str = r#"{
  "version": 1,
  "providers": {},
  "credential_pool": {
    "openrouter": [
      {"id": "a", "access_token": "sk-test-key-of-a", "last_status": "dead", "last_status_at": 1779791220.25, "last_error_code": 401, "last_error_reason": "token_revoked", "last_error_message": null, "last_error_reset_at": null},
      {"id": "b", "access_token": "sk-test-key-of-b", "last_status": null, "last_status_at": null, "request_count": 0}
    ]
  }
}
"#;

#[test]
fn migrating_keeps_the_old_bytes_in_a_private_backup() {
    let home = Home::with(LEGACY);
    home.chmod("auth.json", 0o644);
    let backup = home.store().migrate(noon()).unwrap().backup.unwrap();
    assert_eq!(backup, home.at("auth.json.20260526T120000.000000Z.bak"));
    assert_eq!(fs::read_to_string(&backup).unwrap(), LEGACY);
    assert_eq!((mode(&backup), mode(&home.auth())), (0o600, 0o600));
    assert_eq!(home.names().len(), 3, "the store, its lock and the backup");
    assert_eq!(home.record("a")["status"], "dead");
    assert!(!home.text().contains("last_status"));
}

#[test]
fn the_backup_of_a_file_that_is_not_quite_json_is_that_file() {
    for odd in [LEGACY.replace("null", "NaN"), format!("\n\t{LEGACY}\n\n"), LEGACY.replace('\n', "\r\n")] {
        let home = Home::with(&odd);
        let backup = home.store().migrate(noon()).unwrap().backup.unwrap();
        assert_eq!(fs::read_to_string(backup).unwrap(), odd);
    }
}

#[test]
fn a_second_run_writes_nothing() {
    let home = Home::with(LEGACY);
    home.store().migrate(noon()).unwrap();
    writes_nothing(&home, FileStore::migrate);
    home.store().rollback(noon()).unwrap();
    writes_nothing(&home, FileStore::rollback);
    home.store().migrate(noon() + minutes(1)).unwrap();
    writes_nothing(&home, FileStore::migrate);
}

#[test]
fn empty_fields_are_no_reason_to_migrate() {
    let home = Home::with(
        r#"{"credential_pool": {"openrouter": [{"id": "a", "last_status": null, "request_count": 0}]}}"#,
    );
    assert!(!home.store().plan_migration(noon()).unwrap().is_needed());
    writes_nothing(&home, FileStore::migrate);
}

#[test]
fn a_missing_store_is_an_error_and_nothing_is_made() {
    let home = Home::empty();
    let errors = [
        home.store().plan_migration(noon()).unwrap_err(),
        home.store().migrate(noon()).unwrap_err(),
        home.store().rollback(noon()).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(home.words(&error), "there is no store at [home]/auth.json");
    }
    assert!(home.names().is_empty());
}

#[test]
fn a_newer_version_is_not_migrated() {
    let home = Home::with(LEGACY.replace("\"version\": 1", "\"version\": 2"));
    let before = home.photo();
    assert!(home.store().migrate(noon()).is_err());
    assert!(home.store().rollback(noon()).is_err());
    assert_eq!(home.photo(), before);
}

#[test]
fn a_plan_shows_what_would_move_and_writes_nothing() {
    let home = Home::with(LEGACY);
    let before = home.photo();
    let plan = home.store().plan_migration(noon()).unwrap();
    assert_eq!(plan.steps().len(), 1);
    assert_eq!(home.photo(), before);
    assert_eq!(home.names(), ["auth.json"], "not even a lock");
}

#[test]
fn a_store_that_cannot_be_replaced_is_not_backed_up_either() {
    let home = Home::with(LEGACY);
    home.chmod("auth.json", 0o400);
    let before = home.photo();
    let error = home.store().migrate(noon()).unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"[home]/auth.json is read-only");
    assert_eq!(home.photo(), before);
}

#[test]
fn a_backup_is_never_written_over() {
    let home = Home::with(LEGACY);
    home.put("auth.json.20260526T120000.000000Z.bak", "precious");
    let backup = home.store().migrate(noon()).unwrap().backup.unwrap();
    assert_eq!(backup, home.at("auth.json.20260526T120000.000000Z-2.bak"));
    assert_eq!(fs::read_to_string(home.at("auth.json.20260526T120000.000000Z.bak")).unwrap(), "precious");
}

#[test]
fn an_unfinished_backup_is_litter_too() {
    let home = Home::with(LEGACY);
    is_killed_at_its_first_write("migration::migrates_the_store_of_this_folder", home.path());
    assert_eq!(home.text(), LEGACY);
    assert_eq!(home.names().len(), 3, "the store, its lock and the litter");

    home.store().migrate(noon()).unwrap();
    let names = home.names();
    insta::assert_snapshot!(names.join("\n"), @r"
    auth.json
    auth.json.20260526T120000.000000Z.bak
    auth.lock
    ");
}

#[test]
#[ignore = "killed by another test"]
fn migrates_the_store_of_this_folder() {
    FileStore::new("auth.json").migrate(noon()).unwrap();
}

#[test]
fn a_link_is_backed_up_beside_the_real_file() {
    let home = Home::empty();
    home.make_folder("real");
    home.put("real/store.json", LEGACY);
    home.make_link("auth.json", "real/store.json");
    let backup = home.store().migrate(noon()).unwrap().backup.unwrap();
    assert_eq!(backup, home.at("real/store.json.20260526T120000.000000Z.bak"));
    assert!(home.auth().is_symlink());
}

#[test]
fn a_store_that_was_rolled_back_stays_inline_through_changes() {
    let home = Home::with(LEGACY);
    home.store().rollback(noon()).unwrap();
    assert!(home.text().contains(r#""layout": "inline""#));
    assert_eq!(status(&home.handle(), "a"), "dead");

    let handle = home.handle_at(noon() + minutes(1));
    handle.add(&openrouter(), credential("c")).unwrap();
    handle.report(&openrouter(), by_id("b"), revoked()).unwrap();
    handle.remove(&openrouter(), by_id("a")).unwrap();
    assert_eq!(picked(&handle), "c");

    let json = home.json();
    assert_eq!(json["credential_pool_compat"]["layout"], "inline");
    assert!(json.get("credential_pool_runtime").is_none());
    assert_eq!(home.ids(), ["b", "c"]);
    assert_eq!(json["credential_pool"]["openrouter"][0]["last_status"], "dead");

    home.store().migrate(noon() + minutes(2)).unwrap();
    assert_eq!(home.record("b")["status"], "dead");
    assert_eq!(home.record("a")["status"], "removed");
}

fn writes_nothing(home: &Home, run: fn(&FileStore, DateTime<Utc>) -> Result<Rewritten, StoreError>) {
    let before = home.photo();
    assert_eq!(run(&home.store(), noon() + minutes(60)).unwrap().backup, None);
    assert_eq!(home.photo(), before);
}

#[test]
fn each_write_shows_what_happened_in_the_entries_too_where_the_store_asks_for_it() {
    let home = Home::with(LEGACY);
    let backup = home.store().start_projecting(noon()).unwrap().backup.unwrap();
    assert_eq!(fs::read_to_string(backup).unwrap(), LEGACY);
    assert_eq!((shown(&home, "a"), shown(&home, "b")), ("dead".into(), "null".into()));
    assert_eq!(home.record("a")["status"], "dead");
    writes_nothing(&home, FileStore::start_projecting);
    writes_nothing(&home, FileStore::migrate);

    let handle = home.handle_at(noon() + minutes(1));
    handle.add(&openrouter(), credential("c")).unwrap();
    handle.report(&openrouter(), by_id("b"), throttled()).unwrap();
    handle.report(&openrouter(), by_id("c"), revoked()).unwrap();
    assert_eq!(["a", "b", "c"].map(|id| shown(&home, id)), ["dead", "exhausted", "dead"]);
    assert!(!home.store().plan_migration(noon() + minutes(2)).unwrap().is_needed());

    handle.reset(&openrouter(), None, Revive::TheDead).unwrap();
    assert_eq!(["a", "b", "c"].map(|id| shown(&home, id)), ["null", "null", "null"]);
    assert_eq!(home.json()["credential_pool_compat"]["inline"], true);

    handle.report(&openrouter(), by_id("c"), revoked()).unwrap();
    home.store().stop_projecting(noon() + minutes(3)).unwrap();
    assert!(!home.text().contains("last_status"));
    assert_eq!(home.json().get("credential_pool_compat"), None);
    assert_eq!(home.record("c")["status"], "dead");
    writes_nothing(&home, FileStore::stop_projecting);
}

#[test]
fn a_new_secret_is_shown_to_be_free_in_the_write_that_brings_it() {
    let home = Home::with(LEGACY);
    home.store().start_projecting(noon()).unwrap();
    let handle = home.handle_at(noon() + minutes(1));
    let tokens = Tokens::access(secret("sk-test-key-of-today"));
    handle.rotate(&openrouter(), by_id("a"), tokens, Grant::New, None).unwrap();
    assert_eq!(shown(&home, "a"), "null");
    assert_eq!(picked(&handle), "a");
}

/// What the status in the entry is.
fn shown(home: &Home, id: &str) -> String {
    let json = home.json();
    let entries = json["credential_pool"]["openrouter"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["id"] == id).unwrap();
    entry["last_status"].as_str().unwrap_or("null").to_owned()
}
