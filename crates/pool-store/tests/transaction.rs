//! One change primitive: lock, read again, apply, write if something changed, unlock.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use pool_core::{Action, Change, Outcome, Place, Revive};
use pool_store::{FileStore, PoolHandle, Pruning, Store, StoreError};

use crate::support::{
    Home, Log, by_id, credential, fingerprint, id, is_killed_at_its_first_write, key, malformed, marked,
    minutes, mode, noon, one_of_each, openrouter, picked, revoked, status, throttled, until,
};

#[test]
fn two_handles_with_stale_views_lose_nothing_of_each_other() {
    let home = Home::with_keys(&["a", "b", "c"]);
    let (one, other) = (home.handle(), home.handle());
    assert_eq!((picked(&one), picked(&other)), ("a".to_owned(), "a".to_owned()));

    one.report(&openrouter(), by_id("a"), revoked()).unwrap();
    other.report(&openrouter(), by_id("b"), throttled()).unwrap();
    one.add(&openrouter(), credential("d")).unwrap();
    other.remove(&openrouter(), by_id("c")).unwrap();

    assert_eq!(home.ids(), ["a", "b", "d"]);
    assert_eq!(home.record("a")["status"], "dead");
    assert_eq!(home.record("b")["status"], "exhausted");
    assert_eq!(home.record("c")["status"], "removed");
    assert_eq!((picked(&one), picked(&other)), ("d".to_owned(), "d".to_owned()));
}

#[test]
fn what_another_program_wrote_meanwhile_is_kept() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    assert_eq!(picked(&handle), "a");
    home.put("auth.json", Home::text_of_keys(&["b", "x"]).replace("1e400", "\"changed\""));

    handle.report(&openrouter(), by_id("b"), revoked()).unwrap();
    assert_eq!(home.ids(), ["b", "x"]);
    assert_eq!(home.json()["theirs"], "changed");
    assert_eq!(picked(&handle), "x");
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    handle.report(&openrouter(), by_id("b"), revoked()).unwrap();
    let lease = handle.lease(&crate::support::request()).unwrap();
    let before = home.photo();

    handle.succeed_lease(&lease).unwrap();
    handle.succeed(&openrouter(), by_id("b"), noon(), None).unwrap();
    handle.report_lease(&lease, malformed()).unwrap();
    handle.report(&openrouter(), by_id("b"), revoked()).unwrap();
    handle.report(&openrouter(), pool_core::Target::Secret(fingerprint("gone")), revoked()).unwrap();
    handle.reset(&openrouter(), None, Revive::Nobody).unwrap();
    handle.add(&openrouter(), credential("a")).unwrap_err();
    handle.remove(&openrouter(), by_id("nobody")).unwrap_err();
    assert_eq!(home.photo(), before);
}

#[test]
fn reading_takes_no_lock_and_makes_none() {
    let home = Home::with_keys(&["a"]);
    home.load().unwrap();
    assert_eq!(picked(&home.handle()), "a");
    assert_eq!(home.names(), ["auth.json"]);

    let _held = home.hold("auth.lock");
    home.load().unwrap();
    assert_eq!(picked(&home.handle()), "a");
}

#[test]
fn reading_migrates_in_memory_and_the_next_write_persists_it() {
    let inline = r#""last_status": "dead", "last_status_at": 1779791220.5, "last_error_code": 401, "request_count": 7, "id""#;
    let home = Home::with(Home::text_of_keys(&["a", "b"]).replacen("\"id\"", inline, 1));
    let before = home.photo();
    let handle = home.handle();
    assert_eq!(picked(&handle), "b");
    assert_eq!(status(&handle, "a"), "dead");
    assert_eq!(home.photo(), before);

    handle.report(&openrouter(), by_id("b"), throttled()).unwrap();
    assert!(!home.text().contains("last_status"));
    assert_eq!(home.record("a")["status"], "dead");
    assert_eq!(home.record("a")["request_count"], 7);
}

#[test]
fn a_change_waits_for_the_lock_until_its_deadline() {
    let home = Home::with_keys(&["a"]);
    let _held = home.hold("auth.lock");
    let before = home.photo();
    let error = home.impatient_handle().remove(&openrouter(), by_id("a")).unwrap_err();
    let StoreError::Locked { path, waited, holder } = &error else { panic!("{error}") };
    assert_eq!((path, waited), (&home.at("auth.lock"), &Duration::from_millis(250)));
    assert!(holder.as_ref().is_none_or(|holder| holder.pid == std::process::id()), "we hold it ourselves");
    let error = home.impatient_store().migrate(noon()).unwrap_err();
    assert!(error.is_locked());
    assert_eq!(home.photo(), before);
}

#[test]
fn a_deadline_may_be_never() {
    let home = Home::with_keys(&["a"]);
    let store = home.store().lock_wait(Duration::MAX);
    PoolHandle::new(store).remove(&openrouter(), by_id("a")).unwrap();
    assert!(home.ids().is_empty());
}

#[test]
fn who_waited_for_the_lock_works_on_what_its_holder_left() {
    let home = Home::with_keys(&["a"]);
    let held = home.hold("auth.lock");
    let waiting = PoolHandle::new(FileStore::new(home.auth()));
    assert_eq!(picked(&waiting), "a");
    std::thread::scope(|threads| {
        let added = threads.spawn(|| waiting.add(&openrouter(), credential("c")));
        home.put("auth.json", Home::text_of_keys(&["a", "b"]));
        drop(held);
        added.join().unwrap().unwrap();
    });
    assert_eq!(home.ids(), ["a", "b", "c"]);
}

#[test]
fn the_lock_is_empty_private_and_never_replaced() {
    let home = Home::with_keys(&["a"]);
    home.handle().add(&openrouter(), credential("b")).unwrap();
    let lock = fs::metadata(home.at("auth.lock")).unwrap();
    assert_eq!((lock.len(), lock.mode() & 0o777), (0, 0o600));
    home.handle().add(&openrouter(), credential("c")).unwrap();
    assert_eq!(fs::metadata(home.at("auth.lock")).unwrap().ino(), lock.ino());
}

#[test]
fn a_write_replaces_the_file_and_leaves_the_old_one_whole() {
    let home = Home::with_keys(&["a"]);
    let mut old = fs::File::open(home.auth()).unwrap();
    home.handle().add(&openrouter(), credential("b")).unwrap();

    let old_text = std::io::read_to_string(&mut old).unwrap();
    assert_eq!(old_text, Home::text_of_keys(&["a"]));
    assert_ne!(old.metadata().unwrap().ino(), fs::metadata(home.auth()).unwrap().ino());
}

#[test]
fn a_write_touches_only_what_it_is_about() {
    let home = Home::with_keys(&["a", "b"]);
    home.handle().report(&openrouter(), by_id("a"), revoked()).unwrap();
    let text = home.text();
    for part in Home::text_of_keys(&["a", "b"]).lines().filter(|line| line.len() > 3) {
        assert!(text.contains(part), "{part}");
    }
    assert_eq!(home.json()["updated_at"], "2026-05-26T12:00:00Z");
}

#[test]
fn a_write_leaves_odd_records_of_other_providers_as_they_are() {
    let odd = r#""credential_pool_runtime":{"photon":{},"acme":{},"nous":{"x":{"odd" :1}}}"#;
    let home = Home::with(format!(r#"{{{odd},"credential_pool":{{"acme":[],"nous":[{{"id":"x"}}]}}}}"#));
    PoolHandle::new(home.store()).add(&openrouter(), credential("a")).unwrap();
    assert!(home.text().contains(odd), "{}", home.text());
}

#[test]
fn a_missing_store_reads_as_empty_and_add_makes_it() {
    let home = Home::empty();
    assert_eq!(home.handle().pools().unwrap().iter().count(), 0);
    home.handle().report(&openrouter(), by_id("a"), revoked()).unwrap_err();
    home.handle().flush().unwrap();
    assert!(!home.auth().exists());

    home.handle().add(&openrouter(), credential("a")).unwrap();
    insta::assert_snapshot!(home.text(), @r#"
    {
      "version": 1,
      "providers": {},
      "updated_at": "2026-05-26T12:00:00Z",
      "credential_pool": {
        "openrouter": [
          {
            "id": "a",
            "label": "manual",
            "auth_type": "api_key",
            "priority": 0,
            "source": "manual",
            "access_token": "sk-test-key-of-a"
          }
        ]
      }
    }
    "#);
    assert_eq!(mode(&home.auth()), 0o600);
}

#[test]
fn a_store_that_is_deleted_under_a_handle_is_empty_again() {
    let home = Home::with_keys(&["a"]);
    let handle = home.handle();
    assert_eq!(picked(&handle), "a");
    home.delete("auth.json");
    assert_eq!(handle.pools().unwrap().iter().count(), 0);
    handle.add(&openrouter(), credential("b")).unwrap();
    assert_eq!(home.ids(), ["b"]);
}

#[test]
fn litter_of_ours_is_cleared_by_the_next_change_and_nothing_else_is() {
    let home = Home::with_keys(&["a"]);
    let foreign = [
        "auth.json.tmp",
        "auth.json.tmp.123.abc",
        ".auth.json.pool-note",
        ".auth.json.swp",
        "auth.json.corrupt",
    ];
    for name in foreign.into_iter().chain([".auth.json.pool-kiLLed.tmp"]) {
        home.put(name, "{}");
    }
    home.make_folder(".auth.json.pool-folder.tmp");
    home.load().unwrap();
    home.handle().succeed(&openrouter(), by_id("a"), noon(), None).unwrap();
    assert!(home.at(".auth.json.pool-kiLLed.tmp").exists(), "only a write clears");

    home.handle().add(&openrouter(), credential("b")).unwrap();
    assert!(!home.at(".auth.json.pool-kiLLed.tmp").exists());
    for name in foreign {
        assert!(home.at(name).exists(), "{name}");
    }
    assert_eq!(home.names().len(), foreign.len() + 3, "{:?}", home.names());
}

#[test]
fn who_is_killed_in_a_write_leaves_the_old_file_whole_and_the_lock_free() {
    let home = Home::with_keys(&["a"]);
    let before = home.text();
    is_killed_at_its_first_write("transaction::adds_to_the_store_of_this_folder", home.path());
    assert_eq!(home.text(), before);
    let litter = home.names().into_iter().find(|name| name.starts_with(".auth.json.pool-")).unwrap();
    assert_eq!(mode(&home.at(&litter)), 0o600);

    home.handle().add(&openrouter(), credential("b")).unwrap();
    assert_eq!(home.ids(), ["a", "b"]);
    assert_eq!(home.names(), ["auth.json", "auth.lock"]);
}

#[test]
#[ignore = "killed by another test"]
fn adds_to_the_store_of_this_folder() {
    PoolHandle::new(FileStore::new("auth.json")).add(&openrouter(), credential("x")).unwrap();
}

#[test]
fn what_was_removed_does_not_come_back_with_a_stale_writer() {
    let home = Home::with_keys(&["a", "b"]);
    let stale = home.text();
    home.handle().remove(&openrouter(), by_id("a")).unwrap();
    insta::assert_snapshot!(home.record("a"), @r#"{"status":"removed","status_at":"2026-05-26T12:00:00Z","subject":"sha256:124d688137012021"}"#);

    let runtime = home.json()["credential_pool_runtime"].to_string();
    home.put("auth.json", stale.replacen('{', &format!("{{\"credential_pool_runtime\": {runtime},"), 1));
    assert_eq!(home.ids(), ["a", "b"]);
    assert_eq!(status(&home.handle(), "a"), "removed");
    assert_eq!(picked(&home.handle()), "b");

    changed_with_pruning(&home, Action::Add { credential: Box::new(credential("c")), place: Place::Last });
    assert_eq!(home.ids(), ["b", "c"]);
    assert_eq!(home.record("a")["status"], "removed");
}

#[test]
fn what_was_removed_can_be_added_again() {
    let home = Home::with_keys(&["a"]);
    home.handle().remove(&openrouter(), by_id("a")).unwrap();
    home.handle().add(&openrouter(), credential("a")).unwrap();
    changed_with_pruning(&home, Action::Add { credential: Box::new(credential("b")), place: Place::Last });
    assert_eq!(home.ids(), ["a", "b"]);
    assert_eq!(picked(&home.handle()), "a");
}

#[test]
fn the_long_dead_go_with_the_next_write_that_has_its_own_reason() {
    let home = Home::with_keys(&["a", "b"]);
    home.handle_at(noon() - minutes(24 * 60)).report(&openrouter(), by_id("a"), revoked()).unwrap();
    let before = home.photo();
    changed_with_pruning(&home, Action::Succeed { target: by_id("b"), began_at: noon(), model: None });
    assert_eq!(home.photo(), before);

    home.handle().add(&openrouter(), credential("c")).unwrap();
    assert_eq!(home.ids(), ["a", "b", "c"], "whoever set the clock prunes nobody");

    changed_with_pruning(&home, Action::Add { credential: Box::new(credential("d")), place: Place::Last });
    assert_eq!(home.ids(), ["b", "c", "d"]);
    assert_eq!(home.record("a")["status"], "removed");
}

#[test]
fn who_goes_by_himself_is_logged_with_the_reason() {
    let home = Home::with_keys(&["a", "b"]);
    home.handle_at(noon() - minutes(24 * 60)).report(&openrouter(), by_id("a"), revoked()).unwrap();
    let reset = || Action::Reset { id: None, revive: Revive::Nobody };
    let events = Log::warnings_of(|| {
        changed_with_pruning(&home, reset());
        home.handle().report(&openrouter(), by_id("b"), throttled()).unwrap();
        changed_with_pruning(&home, reset());
        changed_with_pruning(&home, reset());
    });
    insta::assert_snapshot!(events.join("\n"), @r#"WARN pruned a credential provider=openrouter id=a label="key a" reason="token_revoked""#);
}

#[test]
fn a_removed_credential_is_remembered_for_30_days() {
    let home = Home::with_keys(&["a", "b"]);
    home.handle_at(noon() - minutes(30 * 24 * 60)).remove(&openrouter(), by_id("a")).unwrap();
    changed_with_pruning(&home, Action::Add { credential: Box::new(credential("c")), place: Place::Last });
    assert_eq!(home.record("a")["status"], "removed");

    let later = Change { provider: openrouter(), action: Action::Remove { target: by_id("c") } };
    home.store().apply(&[(noon(), later)], Pruning::WhatIsDue, noon() + minutes(1)).unwrap();
    assert!(home.record("a").is_null());
    assert_eq!(home.record("c")["status"], "removed");
}

#[test]
fn a_look_that_finds_nothing_new_reads_nothing() {
    let home = Home::with_keys(&["a"]);
    // What was read right after its last change is read once more.
    until(
        || {
            let version = home.load().unwrap().version;
            home.store().load(Some(&version), noon()).unwrap().is_none()
        },
        "the version is known",
    );
    let version = home.load().unwrap().version;
    home.put("auth.json", Home::text_of_keys(&["a"]));
    assert!(home.store().load(Some(&version), noon()).unwrap().is_some(), "another file of the same text");
}

#[test]
fn of_several_changes_each_has_its_answer_and_one_write() {
    let home = Home::with_keys(&["a"]);
    let changes: Vec<_> = one_of_each().into_iter().map(|change| (noon(), change)).collect();
    let committed = home.store().apply(&changes, Pruning::Nothing, noon()).unwrap();
    assert!(committed.written);
    let outcomes: Vec<_> = committed
        .outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(Outcome::Judged { marked, .. }) => format!("marked {}", marked.len()),
            Ok(Outcome::Succeeded { standing }) => format!("succeeded, yet {}", standing.status()),
            Ok(outcome) => format!("{outcome:?}"),
            Err(error) => error.to_string(),
        })
        .collect();
    insta::assert_snapshot!(outcomes.join("\n"), @r"
    marked 1
    succeeded, yet dead
    Reset { cleared: [CredentialId(a)] }
    Added(CredentialId(new))
    Removed(CredentialId(a))
    no credential `a` in `openrouter`
    Counted
    ");
    assert_eq!(home.ids(), ["new"]);
}

#[test]
fn a_duplicate_is_refused_by_the_id_that_has_it() {
    let home = Home::with_keys(&["a", "b"]);
    let twin = pool_core::Credential::manual(id("c"), crate::support::secret(key("b")));
    let error = home.handle().add(&openrouter(), twin).unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"the same secret is already in `openrouter` as `b`");
    let namesake = pool_core::Credential::manual(id("a"), crate::support::secret("sk-test-new"));
    let error = home.handle().add(&openrouter(), namesake).unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"the id `a` is already taken in `openrouter`");
}

#[test]
fn duplicate_ids_share_a_record_in_which_the_secret_tells_them_apart() {
    let home = Home::with(Home::text_of_keys(&["a", "b"]).replace("\"id\": \"b\"", "\"id\": \"a\""));
    let handle = home.handle();
    let target = pool_core::Target::Secret(fingerprint("a"));
    assert_eq!(marked(handle.report(&openrouter(), target, revoked()).unwrap()), ["a"]);
    assert_eq!(handle.pick(&crate::support::request()).unwrap().label, "key b");

    let error = handle.remove(&openrouter(), by_id("a")).unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"several credentials of `openrouter` share the id `a`");
    handle.remove(&openrouter(), pool_core::Target::Secret(fingerprint("b"))).unwrap();
    assert_eq!(home.ids(), ["a"]);
    assert!(home.text().contains("key a"));
}

/// Changes the store as a handle with the real clock would at noon.
fn changed_with_pruning(home: &Home, action: Action) {
    let change = Change { provider: openrouter(), action };
    let committed = home.store().apply(&[(noon(), change)], Pruning::WhatIsDue, noon()).unwrap();
    committed.outcomes.into_iter().for_each(|outcome| assert!(outcome.is_ok()));
}
