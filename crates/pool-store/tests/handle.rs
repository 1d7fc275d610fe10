//! What an agent does with a handle: pick, report, and change the definitions.

use std::time::Duration;

use pool_core::{Grant, Pools, Revive, Strategy, Target, Tokens};
use pool_store::{MemoryStore, PickError, PoolHandle, Reported};

use crate::support::{
    Home, Log, by_id, credential, fingerprint, id, malformed, marked, minutes, noon, openrouter, picked,
    request, revoked, secret, status, throttled, until, uses,
};

#[test]
fn a_report_names_who_failed_by_lease_id_or_fingerprint() {
    let home = Home::with_keys(&["a", "b", "c"]);
    let handle = home.handle();
    let lease = handle.lease(&request()).unwrap();
    assert_eq!(marked(handle.report_lease(&lease, revoked()).unwrap()), ["a"]);
    assert_eq!(marked(handle.report(&openrouter(), by_id("b"), throttled()).unwrap()), ["b"]);
    let by_secret = Target::Secret(fingerprint("c"));
    assert_eq!(marked(handle.report(&openrouter(), by_secret, revoked()).unwrap()), ["c"]);

    assert_eq!(home.record("a")["status"], "dead");
    assert_eq!(home.record("b")["status"], "exhausted");
    assert_eq!(home.record("c")["subject"], fingerprint("c").to_string());
    assert_eq!(picked(&handle), "no usable credential for `openrouter`");
}

#[test]
fn a_failure_that_is_the_requests_own_marks_nobody() {
    let home = Home::with_keys(&["a"]);
    let handle = home.handle();
    assert!(marked(handle.report(&openrouter(), by_id("a"), malformed()).unwrap()).is_empty());
    assert_eq!(picked(&handle), "a");
}

#[test]
fn a_late_report_does_not_hit_the_secret_that_replaced_the_failed_one() {
    let home = Home::with_keys(&["a"]);
    let handle = home.handle();
    let lease = handle.lease(&request()).unwrap();
    home.put("auth.json", home.text().replace("sk-test-key-of-a", "sk-test-renewed"));

    assert_eq!(handle.report_lease(&lease, revoked()).unwrap(), Reported::Stale);
    assert_eq!(
        handle.report(&openrouter(), Target::Secret(fingerprint("a")), revoked()).unwrap(),
        Reported::Stale
    );
    assert_eq!(handle.succeed_lease(&lease).unwrap(), Reported::Stale);
    assert_eq!(handle.remove(&openrouter(), lease.target()).unwrap(), Reported::Stale);
    assert_eq!(handle.lease(&request()).unwrap().secret().expose(), "sk-test-renewed");
}

#[test]
fn who_is_not_there_is_an_error() {
    let home = Home::with_keys(&["a"]);
    let handle = home.handle();
    let before = home.photo();
    let tokens = || Tokens::access(secret("sk-test-new"));
    let errors = [
        handle.report(&openrouter(), by_id("x"), revoked()).unwrap_err(),
        handle.succeed(&openrouter(), by_id("x"), noon(), None).unwrap_err(),
        handle.reset(&openrouter(), Some(id("x")), Revive::Nobody).unwrap_err(),
        handle.remove(&openrouter(), by_id("x")).unwrap_err(),
        handle.rotate(&openrouter(), by_id("x"), tokens(), Grant::New, None).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.to_string(), "no credential `x` in `openrouter`");
    }
    let nowhere = pool_core::Provider::new("acme").unwrap();
    let error = handle.report(&nowhere, Target::Secret(fingerprint("a")), revoked()).unwrap_err();
    assert_eq!(error.to_string(), "no credentials for `acme`");
    assert_eq!(home.photo(), before);
}

#[test]
fn nothing_available_says_why_of_each() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    handle.report(&openrouter(), by_id("a"), revoked()).unwrap();
    handle.report(&openrouter(), by_id("b"), throttled()).unwrap();
    let Err(PickError::Unavailable(why)) = handle.lease(&request()) else { panic!("nobody is there") };
    assert_eq!(why.out.len(), 2);
    assert_eq!(why.first_return().unwrap().0.id, id("b"));
    assert!(
        matches!(Home::empty().handle().lease(&request()), Err(PickError::Unavailable(why)) if why.out.is_empty())
    );
}

#[test]
fn a_success_clears_what_was_judged_before_its_request_began() {
    let home = Home::with_keys(&["a"]);
    home.handle().report(&openrouter(), by_id("a"), throttled()).unwrap();
    let before = home.photo();

    home.handle().succeed(&openrouter(), by_id("a"), noon() - minutes(1), None).unwrap();
    assert_eq!(home.photo(), before, "that request began before the verdict");

    home.handle_at(noon() + minutes(2))
        .succeed(&openrouter(), by_id("a"), noon() + minutes(1), None)
        .unwrap();
    insta::assert_snapshot!(home.record("a"), @r#"{"status":"ok","status_at":"2026-05-26T12:02:00Z"}"#);
}

#[test]
fn a_reset_clears_the_resting_and_revives_the_dead_only_when_told() {
    let home = Home::with_keys(&["a", "b", "c"]);
    let handle = home.handle();
    handle.report(&openrouter(), by_id("a"), revoked()).unwrap();
    handle.report(&openrouter(), by_id("b"), throttled()).unwrap();
    assert_eq!(handle.reset(&openrouter(), None, Revive::Nobody).unwrap(), [id("b")]);
    assert_eq!((status(&handle, "a"), status(&handle, "b")), ("dead".to_owned(), "ok".to_owned()));
    assert_eq!(handle.reset(&openrouter(), Some(id("a")), Revive::TheDead).unwrap(), [id("a")]);
    assert_eq!(picked(&handle), "a");
    assert!(!home.text().contains("last_error"));
}

#[test]
fn what_is_added_comes_last_in_line() {
    let home = Home::with(Home::text_of_keys(&["a"]).replace("\"priority\": 0", "\"priority\": 7"));
    let handle = home.handle();
    handle.add(&openrouter(), credential("b")).unwrap();
    handle.add(&openrouter(), credential("c")).unwrap();
    let entries = &home.json()["credential_pool"]["openrouter"];
    let priorities: Vec<_> = (0..3).map(|index| entries[index]["priority"].as_i64().unwrap()).collect();
    assert_eq!(priorities, [7, 8, 9]);
    assert_eq!(picked(&handle), "a");
}

#[test]
fn a_new_secret_brings_the_dead_back_in_its_place() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    handle.report(&openrouter(), by_id("a"), revoked()).unwrap();
    let tokens = Tokens::access(secret("sk-test-renewed")).with_refresh(Some(secret("rt-test")));
    let ends = Some(noon() + minutes(60));
    let reported = handle.rotate(&openrouter(), by_id("a"), tokens, Grant::New, ends).unwrap();
    assert!(matches!(reported, Reported::Taken { standing: pool_core::Standing::Ready, .. }));

    assert_eq!(handle.lease(&request()).unwrap().secret().expose(), "sk-test-renewed");
    let entry = &home.json()["credential_pool"]["openrouter"][0];
    insta::assert_snapshot!(entry, @r#"{"access_token":"sk-test-renewed","auth_type":"api_key","expires_at":"2026-05-26T13:00:00Z","id":"a","label":"key a","priority":0,"refresh_token":"rt-test","source":"manual"}"#);
    assert_eq!(home.record("a")["status"], "ok");
}

#[test]
fn a_new_refresh_token_beside_the_old_access_token_is_written() {
    let home = Home::with_keys(&["a"]);
    let handle = home.handle();
    let kept = handle.lease(&request()).unwrap().secret().clone();
    let tokens = Tokens::access(kept.clone()).with_refresh(Some(secret("rt-next")));
    handle.rotate(&openrouter(), by_id("a"), tokens, Grant::Same, None).unwrap();
    let entry = &home.json()["credential_pool"]["openrouter"][0];
    assert_eq!(entry["access_token"], kept.expose());
    assert_eq!(entry["refresh_token"], "rt-next");
}

#[test]
fn of_two_entries_that_share_an_id_the_one_that_was_renewed_is_written() {
    let home = Home::with_keys(&["a"]);
    let entry =
        |token: &str| format!(r#"{{"id": "a", "access_token": "{token}", "refresh_token": "rt-{token}"}}"#);
    let text =
        format!(r#"{{"credential_pool": {{"openrouter": [{}, {}]}}}}"#, entry("at-one"), entry("at-two"));
    home.put("auth.json", text);
    let second = Target::Held(id("a"), secret("at-two").fingerprint());
    let tokens = Tokens::access(secret("at-new"));
    home.handle().rotate(&openrouter(), second, tokens, Grant::Same, None).unwrap();
    let tokens: Vec<_> = [0, 1]
        .map(|index| home.json()["credential_pool"]["openrouter"][index]["access_token"].clone())
        .into();
    assert_eq!(tokens, ["at-one", "at-new"]);
}

#[test]
fn a_refresh_says_that_a_quota_still_rests() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    handle.report(&openrouter(), by_id("a"), throttled()).unwrap();
    let tokens = Tokens::access(secret("sk-test-renewed"));
    let reported = handle.rotate(&openrouter(), by_id("a"), tokens, Grant::Same, None).unwrap();
    let Reported::Taken { standing, .. } = reported else { panic!("it is stored") };
    assert_eq!(standing.status(), "exhausted");
    assert_eq!(picked(&handle), "b");
}

#[test]
fn a_change_of_another_program_is_seen_at_the_next_look() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    assert_eq!(picked(&handle), "a");
    home.handle().report(&openrouter(), by_id("a"), revoked()).unwrap();
    assert_eq!(picked(&handle), "b");
    home.put("auth.json", Home::text_of_keys(&["c"]));
    assert_eq!(picked(&handle), "c");
}

#[test]
fn a_change_in_place_is_seen_however_quick_and_alike() {
    let home = Home::with_keys(&["a"]);
    let handle = home.handle();
    for name in ["b", "c", "d", "e", "f", "g", "h", "i"] {
        home.overwrite("auth.json", Home::text_of_keys(&[name]));
        until(|| picked(&handle) == name, "the new content is seen");
    }
}

#[test]
fn a_handle_that_does_not_look_keeps_its_view() {
    let home = Home::with_keys(&["a"]);
    let handle = PoolHandle::builder().look_every(Duration::from_secs(3600)).build(home.store());
    assert_eq!(picked(&handle), "a");
    home.put("auth.json", Home::text_of_keys(&["b"]));
    assert_eq!(picked(&handle), "a");
    handle.add(&openrouter(), credential("c")).unwrap();
    assert_eq!(picked(&handle), "b", "a change works on fresh data");
}

#[test]
fn counters_ride_along_with_the_next_write_that_has_its_own_reason() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    let before = home.photo();
    for _ in 0..3 {
        handle.succeed_lease(&handle.lease(&request()).unwrap()).unwrap();
    }
    assert_eq!(home.photo(), before);
    assert_eq!(uses(&handle, "a"), 3, "counted once each, whatever was looked at between");

    handle.report(&openrouter(), by_id("b"), throttled()).unwrap();
    assert_eq!(home.record("a")["request_count"], 3);
    assert_eq!(home.record("a")["last_used_at"], "2026-05-26T12:00:00Z");
    assert_eq!(uses(&handle, "a"), 3);

    drop(handle.lease(&request()).unwrap());
    handle.add(&openrouter(), credential("c")).unwrap();
    assert_eq!(home.record("a")["request_count"], 4);
}

#[test]
fn counters_are_written_by_a_flush_once() {
    let home = Home::with_keys(&["a"]);
    let handle = home.handle();
    drop(handle.lease(&request()).unwrap());
    handle.flush().unwrap();
    assert_eq!(home.record("a")["request_count"], 1);
    let before = home.photo();
    handle.flush().unwrap();
    drop(handle);
    assert_eq!(home.photo(), before);
}

#[test]
fn counters_are_written_when_the_last_clone_goes() {
    let home = Home::with_keys(&["a"]);
    let handle = home.handle();
    let clone = handle.clone();
    let lease = handle.lease(&request()).unwrap();
    let before = home.photo();
    drop(handle);
    assert_eq!(home.photo(), before);
    drop(clone);
    assert_eq!(home.record("a")["request_count"], 1, "a lease that is still out does not hold it up");
    drop(lease);
}

#[test]
fn counters_of_two_processes_add_up() {
    let home = Home::with_keys(&["a"]);
    let (one, other) = (home.handle(), home.handle());
    for _ in 0..2 {
        drop(one.lease(&request()).unwrap());
        drop(other.lease(&request()).unwrap());
    }
    one.flush().unwrap();
    assert_eq!(uses(&other, "a"), 4, "two written, two not yet");
    drop(other);
    assert_eq!(home.record("a")["request_count"], 4);
}

#[test]
fn counters_of_who_is_gone_are_dropped() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    drop(handle.lease(&request()).unwrap());
    home.put("auth.json", Home::text_of_keys(&["b"]));
    let before = home.photo();
    handle.flush().unwrap();
    assert_eq!(home.photo(), before);
    assert_eq!(picked(&handle), "b");
}

#[test]
fn a_look_counts_nothing_and_writes_nothing() {
    let home = Home::with_keys(&["a"]);
    let handle = home.handle();
    let before = home.photo();
    (0..3).for_each(|_| assert_eq!(picked(&handle), "a"));
    drop(handle);
    assert_eq!(home.photo(), before);
}

#[test]
fn least_used_goes_by_all_that_was_ever_counted() {
    let home = Home::with_keys(&["a", "b"]);
    let least_used = || request().strategy(Strategy::LeastUsed).lease_cap(9);
    let mut line = Vec::new();
    for _ in 0..4 {
        let handle = home.handle();
        let lease = handle.lease(&least_used()).unwrap();
        line.push(lease.id().to_string());
    }
    assert_eq!(line, ["a", "b", "a", "b"]);
}

#[test]
fn each_death_is_logged_once() {
    let home = Home::with_keys(&["a", "b", "c"]);
    let events = Log::warnings_of(|| {
        let handle = home.handle();
        for _ in 0..3 {
            handle.report(&openrouter(), by_id("a"), revoked()).unwrap();
            handle.report(&openrouter(), by_id("b"), throttled()).unwrap();
        }
        handle.report(&openrouter(), by_id("b"), revoked().code("token_invalidated")).unwrap();
        drop(handle);
        home.handle().report(&openrouter(), by_id("a"), revoked()).unwrap();
        assert_eq!(picked(&home.handle()), "c");
    });
    insta::assert_snapshot!(events.join("\n"), @r#"
    WARN a credential died provider=openrouter id=a label="key a" reason="token_revoked"
    WARN a credential died provider=openrouter id=b label="key b" reason="token_invalidated"
    "#);
}

#[test]
fn a_death_that_duplicates_share_is_logged_for_who_died() {
    let home = Home::with(Home::text_of_keys(&["a", "b"]).replace("\"id\": \"b\"", "\"id\": \"a\""));
    let events = Log::warnings_of(|| {
        let handle = home.handle();
        handle.report(&openrouter(), Target::Secret(fingerprint("b")), revoked()).unwrap();
    });
    insta::assert_snapshot!(events.join("\n"), @r#"WARN a credential died provider=openrouter id=a label="key b" reason="token_revoked""#);
}

#[test]
fn a_store_in_memory_behaves_alike() {
    let handle = PoolHandle::new(MemoryStore::new(Pools::default()));
    handle.add(&openrouter(), credential("a")).unwrap();
    let lease = handle.lease(&request()).unwrap();
    handle.succeed_lease(&lease).unwrap();
    assert_eq!(uses(&handle, "a"), 1);
    handle.flush().unwrap();
    assert_eq!(uses(&handle, "a"), 1);
    handle.report_lease(&lease, revoked()).unwrap();
    assert_eq!(picked(&handle), "no usable credential for `openrouter`");
    handle.reset(&openrouter(), None, Revive::TheDead).unwrap();
    assert_eq!(picked(&handle), "a");
    handle.remove(&openrouter(), by_id("a")).unwrap();
    assert!(handle.lease(&request()).is_err());
}
