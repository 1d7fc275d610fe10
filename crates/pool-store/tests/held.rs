//! A verdict holds in the process that made it, also before it is written and where it cannot be; many threads share
//! one handle.

use pool_core::{Revive, Target};
use pool_store::{FileStore, PoolHandle};

use crate::support::{
    Clock, Gated, Home, Log, by_id, credential, fingerprint, marked, minutes, noon, openrouter, picked,
    request, revoked, throttled, until, uses,
};

#[test]
fn a_dead_key_is_not_handed_out_although_its_death_cannot_be_written() {
    let home = Home::with_keys(&["a", "b"]);
    home.chmod("auth.json", 0o400);
    let before = home.photo();
    let handle = home.handle();
    let lease = handle.lease(&request()).unwrap();
    let error = handle.report_lease(&lease, revoked()).unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"the verdict holds in this process, but is not saved: [home]/auth.json is read-only");
    for _ in 0..1_000 {
        assert_eq!(picked(&handle), "b");
    }
    assert_eq!(home.photo(), before);
}

#[test]
fn it_holds_through_what_others_write_and_goes_with_the_next_write() {
    let home = Home::with_keys(&["a", "b"]);
    let store = Gated::store(&home);
    let handle = store.handle();
    let error = store.while_locked(|| handle.report(&openrouter(), by_id("a"), revoked())).unwrap_err();
    assert!(error.is_locked());
    home.put("auth.json", Home::text_of_keys(&["a", "b", "c"]));
    assert_eq!(picked(&handle), "b");

    handle.report(&openrouter(), by_id("b"), throttled()).unwrap();
    assert_eq!(home.record("a")["status"], "dead");
    assert_eq!(home.record("a")["status_at"], "2026-05-26T12:00:00Z");
    assert_eq!(picked(&handle), "c");

    let before = home.photo();
    handle.flush().unwrap();
    assert_eq!(home.photo(), before, "it is written once");
}

#[test]
fn it_goes_with_a_flush_or_with_the_last_clone() {
    for finish in [|handle: PoolHandle| handle.flush().unwrap(), drop] {
        let home = Home::with_keys(&["a"]);
        let store = Gated::store(&home);
        let handle = store.handle();
        store.while_locked(|| handle.report(&openrouter(), by_id("a"), revoked())).unwrap_err();
        finish(handle);
        assert_eq!(home.record("a")["status"], "dead");
    }
}

#[test]
fn it_does_not_hit_a_secret_that_came_after_it() {
    let home = Home::with_keys(&["a", "b"]);
    let store = Gated::store(&home);
    let handle = store.handle();
    store.while_locked(|| handle.report(&openrouter(), by_id("a"), revoked())).unwrap_err();
    home.put("auth.json", home.text().replace("sk-test-key-of-a", "sk-test-renewed"));
    assert_eq!(picked(&handle), "a", "it was about the old secret");
    handle.add(&openrouter(), credential("c")).unwrap();
    assert_eq!(picked(&handle), "a");
    assert!(home.record("a").is_null());
}

#[test]
fn it_does_not_undo_what_was_cleared_after_it() {
    for minutes_later in [1, 600] {
        let home = Home::with_keys(&["a", "b"]);
        home.handle().report(&openrouter(), by_id("a"), throttled()).unwrap();
        let clock = Clock::at_noon();
        let store = Gated::store(&home);
        let handle = store.handle_by(&clock);
        store.while_locked(|| handle.report(&openrouter(), by_id("a"), revoked())).unwrap_err();
        assert_eq!(picked(&handle), "b");

        clock.advance(minutes_later);
        home.handle_at(clock.now()).reset(&openrouter(), None, Revive::TheDead).unwrap();
        clock.advance(1);
        assert_eq!(picked(&handle), "a");
        handle.add(&openrouter(), credential("c")).unwrap();
        assert_eq!(picked(&handle), "a");
        assert_eq!(home.record("a")["status"], "ok");
    }
}

#[test]
fn a_clearing_by_a_clock_that_is_ahead_does_not_shield_from_what_happens_now() {
    let home = Home::with_keys(&["a", "b"]);
    home.handle().report(&openrouter(), by_id("a"), throttled()).unwrap();
    home.handle_at(noon() + minutes(600)).reset(&openrouter(), None, Revive::Nobody).unwrap();
    home.handle().report(&openrouter(), by_id("a"), revoked()).unwrap();
    assert_eq!(home.record("a")["status"], "dead");
}

#[test]
fn its_death_is_logged_once_when_it_is_written() {
    let home = Home::with_keys(&["a", "b"]);
    let store = Gated::store(&home);
    let handle = store.handle();
    let before = Log::warnings_of(|| {
        store.while_locked(|| handle.report(&openrouter(), by_id("a"), revoked())).unwrap_err();
    });
    assert!(before.is_empty(), "who reported it was told: {before:?}");
    let events = Log::warnings_of(|| {
        handle.add(&openrouter(), credential("c")).unwrap();
        handle.add(&openrouter(), credential("d")).unwrap();
    });
    insta::assert_snapshot!(events.join("\n"), @r#"WARN a credential died provider=openrouter id=a label="key a" reason="token_revoked""#);
}

#[test]
fn it_does_not_wait_for_somebody_of_that_name_to_come() {
    let home = Home::with_keys(&["a"]);
    let store = Gated::store(&home);
    let handle = store.handle();
    store.while_locked(|| handle.report(&openrouter(), by_id("x"), revoked())).unwrap_err();
    home.put("auth.json", Home::text_of_keys(&["x", "a"]));
    assert_eq!(picked(&handle), "x");
    handle.add(&openrouter(), credential("b")).unwrap();
    assert!(home.record("x").is_null());
}

#[test]
fn a_verdict_that_became_moot_does_not_keep_counters_from_a_flush() {
    let home = Home::with_keys(&["a", "b"]);
    let store = Gated::store(&home);
    let handle = store.handle();
    store.while_locked(|| handle.report(&openrouter(), by_id("b"), revoked())).unwrap_err();
    drop(handle.lease(&request()).unwrap());
    home.handle().report(&openrouter(), by_id("b"), revoked()).unwrap();
    handle.flush().unwrap();
    assert_eq!(home.record("a")["request_count"], 1);
}

#[test]
fn a_verdict_holds_while_its_write_waits_for_another_program() {
    let home = Home::with_keys(&["a", "b"]);
    let store = Gated::store(&home);
    let handle = store.handle();
    assert_eq!(picked(&handle), "a");
    let gate = store.close();
    std::thread::scope(|threads| {
        let reported = threads.spawn(|| handle.report(&openrouter(), by_id("a"), revoked()));
        until(|| store.comers() == 1, "the verdict is on its way");
        home.put("auth.json", Home::text_of_keys(&["a", "b", "c"]));
        assert_eq!(picked(&handle), "b", "the file was read anew and knows of no verdict");

        drop(gate);
        reported.join().unwrap().unwrap();
    });
    assert_eq!(home.record("a")["status"], "dead");
}

#[test]
fn a_verdict_holds_while_another_write_of_this_process_waits() {
    let home = Home::with_keys(&["a", "b", "c"]);
    let store = Gated::store(&home);
    let handle = store.handle();
    let gate = store.close();
    std::thread::scope(|threads| {
        threads.spawn(|| handle.add(&openrouter(), credential("d")).unwrap());
        until(|| store.comers() == 1, "another write is on its way");
        threads.spawn(|| handle.report(&openrouter(), by_id("a"), revoked()).unwrap());
        until(|| picked(&handle) == "b", "the verdict holds");
        drop(gate);
    });
    assert_eq!(home.record("a")["status"], "dead");
}

#[test]
fn marks_of_many_threads_share_one_write() {
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let home = Home::with_keys(&ids);
    let store = Gated::store(&home);
    let handle = store.handle();
    let gate = store.close();
    std::thread::scope(|threads| {
        threads.spawn(|| handle.add(&openrouter(), credential("x")).unwrap());
        until(|| store.comers() == 1, "a write is on its way");
        for id in ids {
            let handle = handle.clone();
            let home = &home;
            threads.spawn(move || {
                handle.report(&openrouter(), by_id(id), revoked()).unwrap();
                assert_eq!(home.record(id)["status"], "dead", "a call returns when its own mark is on disk");
            });
        }
        until(|| handle.pick(&request()).is_err(), "all verdicts hold");
        drop(gate);
    });
    assert_eq!(store.comers(), 2);
    assert_eq!(picked(&handle), "x");
}

#[test]
fn each_of_many_threads_gets_its_own_answer() {
    let home = Home::with_keys(&["a", "b"]);
    let store = Gated::store(&home);
    let handle = store.handle();
    let gate = store.close();
    let report = |target: Target| handle.report(&openrouter(), target, revoked());
    std::thread::scope(|threads| {
        threads.spawn(|| handle.add(&openrouter(), credential("c")).unwrap());
        until(|| store.comers() == 1, "a write is on its way");
        let known = threads.spawn(|| report(by_id("a")).unwrap());
        let unknown = threads.spawn(|| report(by_id("x")).unwrap_err());
        let stale = threads.spawn(|| report(Target::Secret(fingerprint("x"))).unwrap());
        drop(gate);
        assert_eq!(marked(known.join().unwrap()), ["a"]);
        assert_eq!(unknown.join().unwrap().to_string(), "no credential `x` in `openrouter`");
        assert_eq!(marked(stale.join().unwrap()), ["stale"]);
    });
}

#[test]
fn eight_threads_on_one_handle_lose_nothing() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 25;
    let names: Vec<String> = (0..THREADS).map(|thread| format!("key{thread}")).collect();
    let home = Home::with_keys(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let handle = PoolHandle::builder().clock(noon).build(FileStore::new(home.auth()));
    std::thread::scope(|threads| {
        for name in &names {
            let handle = handle.clone();
            threads.spawn(move || {
                for round in 0..ROUNDS {
                    // The others may have marked all at this moment.
                    drop(handle.lease(&request()));
                    let failure = throttled().reset_at(noon() + minutes(60 + round as i64));
                    assert_eq!(
                        marked(handle.report(&openrouter(), by_id(name), failure).unwrap()),
                        [name.as_str()]
                    );
                }
                handle.report(&openrouter(), by_id(name), revoked()).unwrap();
            });
        }
    });
    assert_eq!(picked(&handle), "no usable credential for `openrouter`");
    let counted: u64 = names.iter().map(|name| uses(&handle, name)).sum();
    drop(handle);
    let written: u64 = names.iter().filter_map(|name| home.record(name)["request_count"].as_u64()).sum();
    assert_eq!(written, counted);
    for name in &names {
        assert_eq!(home.record(name)["status"], "dead", "{name}");
    }
}

#[test]
fn handles_of_many_threads_lose_nothing_of_each_other() {
    let home = Home::with_keys(&["a"]);
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let handle = PoolHandle::new(FileStore::new(home.auth()));
            threads.spawn(move || {
                for round in 0..5 {
                    handle.add(&openrouter(), credential(&format!("key-{thread}-{round}"))).unwrap();
                    drop(handle.lease(&request()).unwrap());
                }
            });
        }
    });
    assert_eq!(home.ids().len(), 41);
    assert_eq!(home.record("a")["request_count"], 40);
}
