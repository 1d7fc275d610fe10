//! A request that goes on by itself: what it is handed, what is marked, and what another process may do meanwhile.

use std::time::Duration;

use pool_core::{
    AuthType, Credential, Failure, Grant, Holding, Lease, Patience, Pool, Pools, Secret, Source, Target,
    Tokens, Why,
};
use pool_store::{MemoryStore, Next, PoolHandle, RequestError, StoreError};

use crate::support::{Clock, Gated, Home, id, key, openrouter, request, revoked, secret, status, throttled};

/// A store of one login.
const LOGIN: &str = r#"{
  "version": 1,
  "providers": {},
  "credential_pool": {
    "openrouter": [
      {"id": "a", "label": "agent", "auth_type": "oauth", "priority": 0, "source": "manual:device_code", "access_token": "access-1", "refresh_token": "refresh-1"}
    ]
  }
}
"#;

/// What it is to be sent with now.
#[track_caller]
fn send(request: &mut pool_store::Request) -> Lease {
    match request.next().unwrap() {
        Next::Send { lease, .. } => lease,
        Next::Refresh { login, .. } => panic!("{} is to be renewed", login.id),
    }
}

#[track_caller]
fn refresh(request: &mut pool_store::Request) -> std::sync::Arc<Credential> {
    match request.next().unwrap() {
        Next::Refresh { login, .. } => login,
        Next::Send { lease, .. } => panic!("{} is to be sent with", lease.id()),
    }
}

#[track_caller]
fn gave_up(request: &mut pool_store::Request) -> pool_core::GaveUp {
    match request.next() {
        Err(RequestError::GaveUp(gave_up)) => *gave_up,
        other => panic!("it goes on: {other:?}"),
    }
}

#[test]
fn each_is_used_once_and_the_end_names_every_reason() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    let mut way = handle.request(request());
    let lease = send(&mut way);
    way.failed(&lease, Failure::http(402).message("no credits"));
    assert_eq!(home.record("a")["status"], "exhausted", "it is on disk");
    let lease = send(&mut way);
    assert_eq!(lease.id(), &id("b"));
    way.failed(&lease, revoked());
    let end = gave_up(&mut way);
    assert_eq!(end.why, Why::NobodyLeft);
    let standings: Vec<_> =
        end.standings.iter().map(|(id, standing)| format!("{id} {}", standing.status())).collect();
    assert_eq!(standings, ["a exhausted", "b dead"]);
    assert_eq!(end.last_error.unwrap().0, id("b"));
}

#[test]
fn a_lease_is_counted_and_holds_its_place() {
    let home = Home::with_keys(&["a", "b"]);
    let handle = home.handle();
    let mut first = handle.request(request());
    let lease = send(&mut first);
    let mut second = handle.request(request());
    let other = send(&mut second);
    assert_eq!((lease.id(), other.id()), (&id("a"), &id("b")), "two requests do not crowd one key");
    drop((lease, other));
    assert_eq!(send(&mut handle.request(request())).id(), &id("a"));
    let pools = handle.pools().unwrap();
    let record = pools.get(&openrouter()).unwrap().record(&id("a")).unwrap();
    assert_eq!(record.usage.request_count, 2);
}

#[test]
fn a_provider_in_trouble_is_waited_for() {
    let pools = Pools::new([Pool::new(openrouter(), vec![key_of("a")], Default::default())]);
    let handle = PoolHandle::new(MemoryStore::new(pools));
    let mut way = handle.request(request());
    let lease = send(&mut way);
    way.failed(&lease, Failure::http(529));
    let Next::Send { lease, after, why } = way.next().unwrap() else { panic!("a key is not renewed") };
    assert_eq!(why, Why::BackingOff);
    assert!((Duration::from_secs(1)..=Duration::from_millis(1500)).contains(&after), "{after:?}");
    way.succeeded(&lease);
    assert_eq!(status(&handle, "a"), "ok");
    assert_eq!(gave_up(&mut way).why, Why::Answered);
}

fn key_of(name: &str) -> Credential {
    Credential::manual(id(name), secret(key(name)))
}

#[test]
fn a_login_is_renewed_and_sent_with_again() {
    let home = Home::with(LOGIN);
    let handle = home.handle();
    let mut way = handle.request(request());
    let lease = send(&mut way);
    way.failed(&lease, Failure::http(401));
    let login = refresh(&mut way);
    assert_eq!(login.refresh_token().map(Secret::expose), Some("refresh-1"));
    let tokens = Tokens::access(secret("access-2")).with_refresh(Some(secret("refresh-2")));
    way.renewed(&login, tokens, None).unwrap();
    assert!(home.text().contains("refresh-2"), "it is on disk before it is used");
    let lease = send(&mut way);
    assert_eq!(lease.secret().expose(), "access-2");
    way.failed(&lease, Failure::http(401));
    assert_eq!(gave_up(&mut way).why, Why::NobodyLeft, "a fresh token is not renewed again");
    assert_eq!(home.record("a")["status"], "exhausted");
}

#[test]
fn a_token_that_another_process_renewed_is_taken_and_not_renewed() {
    let home = Home::with(LOGIN);
    let handle = home.handle();
    let renew = || {
        let mut other = home.handle().request(request());
        let lease = send(&mut other);
        other.failed(&lease, Failure::http(401));
        let login = refresh(&mut other);
        let tokens = Tokens::access(secret("access-2")).with_refresh(Some(secret("refresh-2")));
        other.renewed(&login, tokens, None).unwrap();
    };
    // Before the failure is told.
    let mut way = handle.request(request());
    let lease = send(&mut way);
    renew();
    way.failed(&lease, revoked());
    let lease = send(&mut way);
    assert_eq!(lease.secret().expose(), "access-2");
    assert_eq!(status(&handle, "a"), "ok");

    // While we try ourselves: the token that was refused is the one that the other spent.
    home.put("auth.json", LOGIN);
    let mut way = handle.request(request());
    let lease = send(&mut way);
    way.failed(&lease, Failure::http(401));
    let login = refresh(&mut way);
    renew();
    way.not_renewed(&login, Failure::http(400).code("invalid_grant"));
    assert_eq!(send(&mut way).secret().expose(), "access-2");
    assert_eq!(status(&handle, "a"), "ok");
}

#[test]
fn what_an_engine_has_stored_is_read_and_not_written_again() {
    type Engine = fn(&PoolHandle);
    let renews: Engine = |engine| {
        let tokens = Tokens::access(secret("access-2")).with_refresh(Some(secret("refresh-2")));
        engine.rotate(&openrouter(), Target::Id(id("a")), tokens, Grant::Same, None).unwrap();
    };
    let buries: Engine = |engine| drop(engine.report(&openrouter(), Target::Id(id("a")), revoked()).unwrap());
    let leaves: Engine = |_| {};
    for (engine, is_sent, is_written, stands) in
        [(renews, true, false, "ok"), (buries, false, false, "dead"), (leaves, false, true, "exhausted")]
    {
        let home = Home::with(LOGIN);
        let handle = home.handle();
        let mut way = handle.request(request());
        let lease = send(&mut way);
        way.failed(&lease, Failure::http(401));
        let login = refresh(&mut way);
        engine(&home.handle());
        let before = home.text();
        way.seen_to(&login, None);
        assert_eq!(home.text() != before, is_written, "{stands}");
        assert_eq!(status(&handle, "a"), stands);
        let next = way.next();
        let access = match &next {
            Ok(Next::Send { lease, .. }) => Some(lease.secret().expose()),
            _ => None,
        };
        assert_eq!(access, is_sent.then_some("access-2"), "{stands}");
    }
}

#[test]
fn nobody_is_marked_for_an_engine_while_the_store_cannot_be_read() {
    let home = Home::with(LOGIN);
    let handle = home.handle();
    let mut way = handle.request(request());
    let lease = send(&mut way);
    way.failed(&lease, Failure::http(401));
    let login = refresh(&mut way);
    home.put("auth.json", "{");
    way.seen_to(&login, None);
    assert!(way.store_error().is_some());
    home.put("auth.json", LOGIN);
    assert_eq!(status(&handle, "a"), "ok");
}

#[test]
fn a_failed_renewal_is_judged_by_what_failed() {
    for (failure, expected) in [
        (Failure::http(400).code("invalid_grant"), ("dead", None)),
        (Failure::no_answer(), ("exhausted", Some("2026-05-26T12:01:00Z"))),
        (Failure::http(429).message("try again in 2 hours"), ("exhausted", Some("2026-05-26T12:01:00Z"))),
        (Failure::http(403).code("access_denied"), ("exhausted", Some("2026-05-26T13:00:00Z"))),
    ] {
        let home = Home::with(LOGIN);
        let mut way = home.handle().request(request());
        let lease = send(&mut way);
        way.failed(&lease, Failure::http(401));
        let login = refresh(&mut way);
        way.not_renewed(&login, failure.clone());
        let record = home.record("a");
        let told = (record["status"].as_str().unwrap(), record["reset_at"].as_str());
        assert_eq!(told, expected, "{failure:?}");
        assert_eq!(gave_up(&mut way).why, Why::NobodyLeft);
    }
}

#[test]
fn a_verdict_that_cannot_be_saved_does_not_lose_the_request() {
    let home = Home::with_keys(&["a", "b"]);
    let gated = Gated::store(&home);
    let handle = gated.handle_by(&Clock::at_noon());
    let mut way = handle.request(request());
    let lease = send(&mut way);
    gated.while_locked(|| way.failed(&lease, revoked()));
    assert!(matches!(way.store_error(), Some(StoreError::VerdictNotSaved { .. })), "{:?}", way.store_error());
    let lease = send(&mut way);
    assert_eq!(lease.id(), &id("b"));
    way.failed(&lease, throttled().reset_at(crate::support::noon() + crate::support::minutes(60)));
    assert_eq!(home.record("a")["status"], "dead", "it goes with the next write");
}

#[test]
fn a_grant_that_was_refused_lives_on_while_the_store_cannot_be_read() {
    let home = Home::with(LOGIN);
    let handle = home.handle();
    let mut way = handle.request(request());
    let lease = send(&mut way);
    way.failed(&lease, Failure::http(401));
    let login = refresh(&mut way);
    home.put("auth.json", "{");
    way.not_renewed(&login, Failure::http(400).code("invalid_grant"));
    assert!(way.store_error().is_some());
    assert!(matches!(way.next(), Err(RequestError::Store(_))));
    home.put("auth.json", LOGIN);
    assert_eq!(status(&handle, "a"), "ok");
    assert_eq!(gave_up(&mut way).why, Why::NobodyLeft);
}

#[test]
fn who_cannot_renew_is_never_asked_to() {
    let login = Credential {
        auth_type: AuthType::OAuth,
        source: Source::new("device_code"),
        holding: Holding::Owned(Tokens::access(secret("access-1")).with_refresh(Some(secret("refresh-1")))),
        ..key_of("a")
    };
    let pools = Pools::new([Pool::new(openrouter(), vec![login, key_of("b")], Default::default())]);
    let patience = Patience { renews: false, ..Patience::default() };
    let handle = PoolHandle::builder().patience(patience).build(MemoryStore::new(pools));
    let mut way = handle.request(request());
    let lease = send(&mut way);
    way.failed(&lease, Failure::http(401));
    assert_eq!(send(&mut way).id(), &id("b"));
    assert_eq!(status(&handle, "a"), "exhausted");
}
