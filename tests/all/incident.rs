//! The incident that this project began with: a login was revoked at 10:27, and was tried again every hour until 17:50.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{Failure, PickRequest, Provider, time};
use pool_store::{FileStore, PoolHandle};
use serde_json::Value;

use crate::support::{Home, LEGACY_STORE};

const REVOKED: &str = "9de82c";

#[test]
fn a_revoked_login_costs_one_failure_that_day() {
    let home = Home::with_store(&before_the_incident());
    let day = Day::starting_at("2026-05-26T10:27:00Z", &home);
    let mut failures = 0;
    while day.now() < time::parse_text("2026-05-26T17:50:00Z").unwrap() {
        failures += day.one_request();
        day.pass(TimeDelta::minutes(10));
    }
    assert_eq!(failures, 1);
    assert!(day.requests() > 40, "the others went on working");
}

#[test]
fn the_list_shows_it_dead_with_its_reason() {
    let home = Home::with_store(&before_the_incident());
    Day::starting_at("2026-05-26T10:27:00Z", &home).one_request();
    let listed = status_of(&home, REVOKED);
    assert_eq!(listed["status"], "dead");
    assert_eq!(listed["reason"], "token_invalidated");
    assert!(home.pool("list openai-codex").succeeded().contains("DEAD: token_invalidated (401)"));
}

#[test]
fn when_its_token_changes_it_is_back_in_its_place() {
    let home = Home::with_store(&before_the_incident());
    Day::starting_at("2026-05-26T10:27:00Z", &home).one_request();
    let pick = "pick openai-codex --json";
    assert_ne!(json(&home.pool(pick).succeeded())["credential"], REVOKED);

    // Another program signs in again: it replaces the tokens of the entry, and knows nothing of our record.
    let signed_in = home.read_store().replace("rt_fake_codex_singleton", "rt_fake_new").replacen(
        &token_of(REVOKED),
        "at-fake-new",
        2,
    );
    home.write_store(&signed_in);

    assert_eq!(json(&home.pool(pick).succeeded())["credential"], REVOKED);
    let listed = status_of(&home, REVOKED);
    assert_eq!((listed["status"].as_str(), listed["priority"].as_i64()), (Some("ok"), Some(0)));
}

/// An agent that works through one day: its requests succeed with every login but the revoked one.
struct Day {
    clock: Arc<AtomicI64>,
    handle: PoolHandle,
    requests: AtomicI64,
}

impl Day {
    fn starting_at(start: &str, home: &Home) -> Self {
        let clock = Arc::new(AtomicI64::new(time::parse_text(start).unwrap().timestamp()));
        let ticking = Arc::clone(&clock);
        let now = move || DateTime::from_timestamp(ticking.load(Ordering::SeqCst), 0).unwrap_or_default();
        let handle = PoolHandle::builder().clock(now).build(FileStore::new(home.store()));
        Self { clock, handle, requests: AtomicI64::new(0) }
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.clock.load(Ordering::SeqCst), 0).unwrap()
    }

    fn pass(&self, time: TimeDelta) {
        self.clock.fetch_add(time.num_seconds(), Ordering::SeqCst);
    }

    fn requests(&self) -> i64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Sends one request, with another login after a failure; answers how many failures that took.
    fn one_request(&self) -> usize {
        let request = PickRequest::new(Provider::new("openai-codex").unwrap());
        let mut failures = 0;
        loop {
            let lease = self.handle.lease(&request).unwrap();
            if lease.id().as_str() != REVOKED {
                self.handle.succeed_lease(&lease).unwrap();
                self.requests.fetch_add(1, Ordering::SeqCst);
                return failures;
            }
            let revoked = Failure::http(401).code("token_invalidated");
            let revoked = revoked
                .message("Your authentication token has been invalidated. Please try signing in again.");
            self.handle.report_lease(&lease, revoked).unwrap();
            failures += 1;
        }
    }
}

/// The shipped store as it was that morning: nothing had happened yet.
fn before_the_incident() -> String {
    let mut store = json(LEGACY_STORE);
    for entry in store["credential_pool"]["openai-codex"].as_array_mut().unwrap() {
        let entry = entry.as_object_mut().unwrap();
        entry.retain(|name, _| !name.starts_with("last_status") && !name.starts_with("last_error"));
    }
    store.to_string()
}

fn token_of(id: &str) -> String {
    let store = json(LEGACY_STORE);
    let entries = store["credential_pool"]["openai-codex"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["id"] == id).unwrap();
    entry["access_token"].as_str().unwrap().to_owned()
}

fn status_of(home: &Home, id: &str) -> Value {
    let listing = json(&home.pool("list openai-codex --json").succeeded());
    let credentials = listing["providers"][0]["credentials"].as_array().unwrap();
    credentials.iter().find(|credential| credential["id"] == id).unwrap().clone()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
