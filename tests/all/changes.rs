//! The file after each kind of change, byte for byte. Changing one of these snapshots is changing the contract.

use chrono::{DateTime, Utc};
use pool_core::{
    Credential, CredentialId, Failure, Grant, PickRequest, Provider, Revive, Secret, Strategy, Target,
    Tokens, time,
};
use pool_store::{FileStore, PoolHandle};
use similar::TextDiff;

use crate::support::Home;

/// One key that nothing happened to, one login that rests, one that is dead; and things that are not ours.
const STORE: &str = r#"{
  "version": 1,
  "theirs": {"number": 1e400, "text": "\ud800 ü", "list": [1.0, 123456789012345678901234567890]},
  "providers": {},
  "credential_pool": {
    "acme": [
      {
        "id": "a1",
        "label": "work",
        "auth_type": "api_key",
        "priority": 0,
        "source": "manual",
        "access_token": "key-one",
        "their_note": "kept"
      },
      {
        "id": "a2",
        "label": "login",
        "auth_type": "oauth",
        "priority": 1,
        "source": "manual:device_code",
        "access_token": "at-two",
        "refresh_token": "rt-two"
      },
      {
        "id": "a3",
        "label": "old login",
        "auth_type": "oauth",
        "priority": 2,
        "source": "manual:device_code",
        "access_token": "at-three",
        "refresh_token": "rt-three"
      }
    ],
    "photon": "not a list"
  },
  "credential_pool_runtime": {
    "acme": {
      "a2": {
        "status": "exhausted",
        "status_at": "2026-05-26T10:00:00Z",
        "subject": "sha256:a9a80b48b757f1ae",
        "reset_at": "2026-05-26T18:00:00Z",
        "reset_from": "provider",
        "last_error": {
          "kind": "rate_limit",
          "code": 429,
          "reason": "usage_limit_reached"
        },
        "their_note": "kept"
      },
      "a3": {
        "status": "dead",
        "status_at": "2026-05-26T10:00:00Z",
        "subject": "sha256:00657d19686c8400",
        "last_error": {
          "kind": "auth_permanent",
          "code": 401,
          "reason": "token_revoked"
        }
      }
    }
  },
  "updated_at": "2026-05-26T10:00:00Z"
}
"#;

/// A store, a handle whose clock stands at noon, and the words for talking about them.
struct Bench {
    home: Home,
    pool: PoolHandle,
}

impl Bench {
    fn new() -> Self {
        let home = Home::with_store(STORE);
        let pool = PoolHandle::builder().clock(noon).seed(1).build(FileStore::new(home.store()));
        Self { home, pool }
    }

    /// What a change did to the file, line by line.
    fn difference(&self) -> String {
        let after = self.home.read_store();
        let difference = TextDiff::from_lines(STORE, &after);
        difference.unified_diff().context_radius(2).to_string()
    }
}

fn noon() -> DateTime<Utc> {
    time::parse_text("2026-05-26T12:00:00Z").unwrap()
}

fn acme() -> Provider {
    Provider::new("acme").unwrap()
}

fn id(id: &str) -> CredentialId {
    CredentialId::new(id).unwrap()
}

fn target(name: &str) -> Target {
    Target::Id(id(name))
}

#[test]
fn a_terminal_failure() {
    let bench = Bench::new();
    let revoked = Failure::http(401).code("token_revoked").message("key-one has been revoked");
    bench.pool.report(&acme(), target("a1"), revoked).unwrap();
    insta::assert_snapshot!(bench.difference());
}

#[test]
fn a_failure_that_passes() {
    let bench = Bench::new();
    bench.pool.report(&acme(), target("a1"), Failure::http(402).code("insufficient_quota")).unwrap();
    insta::assert_snapshot!(bench.difference());
}

#[test]
fn a_failure_whose_rest_ends_later() {
    let bench = Bench::new();
    let later = Failure::http(429).reset_at(time::parse_text("2026-05-27T00:00:00.5Z").unwrap());
    bench.pool.report(&acme(), target("a2"), later).unwrap();
    insta::assert_snapshot!(bench.difference());
}

#[test]
fn a_success() {
    let bench = Bench::new();
    bench.pool.succeed(&acme(), target("a2"), noon(), None).unwrap();
    insta::assert_snapshot!(bench.difference());
}

#[test]
fn a_reset_that_revives() {
    let bench = Bench::new();
    bench.pool.reset(&acme(), None, Revive::TheDead).unwrap();
    insta::assert_snapshot!(bench.difference());
}

#[test]
fn an_addition() {
    let bench = Bench::new();
    let credential = Credential {
        label: "höme".to_owned(),
        base_url: Some("https://acme.example/v1".to_owned()),
        ..Credential::manual(id("a4"), Secret::new("key-four".to_owned()))
    };
    bench.pool.add(&acme(), credential).unwrap();
    insta::assert_snapshot!(bench.difference());
}

#[test]
fn an_addition_to_a_new_provider() {
    let bench = Bench::new();
    let provider = Provider::new("custom:together.ai").unwrap();
    bench.pool.add(&provider, Credential::manual(id("c1"), Secret::new("key-five".to_owned()))).unwrap();
    insta::assert_snapshot!(bench.difference());
}

#[test]
fn a_removal() {
    let bench = Bench::new();
    bench.pool.remove(&acme(), target("a2")).unwrap();
    insta::assert_snapshot!(bench.difference());
}

#[test]
fn a_rotation_of_a_dead_login() {
    let bench = Bench::new();
    let tokens =
        Tokens::access(Secret::new("at-new".to_owned())).with_refresh(Some(Secret::new("rt-new".to_owned())));
    let ends_at = time::parse_text("2026-05-26T13:00:00Z");
    bench.pool.rotate(&acme(), target("a3"), tokens, Grant::New, ends_at).unwrap();
    insta::assert_snapshot!(bench.difference());
}

#[test]
fn a_refresh_of_a_login_that_rests() {
    let bench = Bench::new();
    let tokens = Tokens::access(Secret::new("at-new".to_owned()));
    bench.pool.rotate(&acme(), target("a2"), tokens, Grant::Same, None).unwrap();
    insta::assert_snapshot!(bench.difference());
}

#[test]
fn counters() {
    let bench = Bench::new();
    let request = PickRequest::new(acme()).strategy(Strategy::LeastUsed);
    drop(bench.pool.lease(&request).unwrap());
    assert_eq!(bench.difference(), "", "a pick writes nothing");
    bench.pool.flush().unwrap();
    insta::assert_snapshot!(bench.difference());
}
