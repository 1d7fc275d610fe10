//! What another home of a login has that is newer: seen when it is read, written with the next change.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pool_core::{Action, Change, Provider, Revive, Secret, Source, Tokens};
use pool_format::Lent;
use pool_store::{Access, FileStore, LoginFile, LoginFormat, Pruning, Store};
use zeroize::Zeroizing;

use crate::support::{Home, id, noon};

/// A file that holds `ACCESS REFRESH END`.
struct Words;

impl LoginFormat for Words {
    fn read(&self, text: Vec<u8>) -> Option<Lent> {
        let text = String::from_utf8(text).ok()?;
        let [access, refresh, ends] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let secret = |text: &str| Secret::new(text.to_owned());
        let tokens = Tokens::access(secret(access)).with_refresh(Some(secret(refresh)));
        Some(Lent { tokens, expires_at: Some(ends.parse().ok()?) })
    }

    fn renew(&self, _: Vec<u8>, _: &Lent, _: DateTime<Utc>) -> Option<Zeroizing<String>> {
        None
    }
}

const OLDER: &str = "2026-05-26T12:20:00Z";
const OURS: &str = "2026-05-26T12:30:00Z";
const NEWER: &str = "2026-05-26T13:00:00Z";

fn nous() -> Provider {
    Provider::new("nous").unwrap()
}

/// A login that ends at half past twelve; what stands beside it in the same document, and its record.
fn home(beside: &str, record: &str, more: &str) -> Home {
    Home::with(format!(
        r#"{{"version": 1, "providers": {{"nous": {beside}}}, "credential_pool": {{"nous": [
            {{"id": "a", "label": "portal", "auth_type": "oauth", "priority": 0, "source": "device_code",
              "access_token": "at", "refresh_token": "rt", "expires_at": "{OURS}"}}]}},
            "credential_pool_runtime": {{"nous": {{"a": {record}}}}}{more}}}"#
    ))
}

fn login(name: &str, ends: &str) -> String {
    format!(r#"{{"access_token": "{name}-at", "refresh_token": "{name}-rt", "expires_at": "{ends}"}}"#)
}

fn store(home: &Home) -> FileStore {
    let source = Source::new("device_code");
    let (path, format) = (home.at("elsewhere"), Arc::new(Words));
    let file = LoginFile { provider: nous(), source, path, access: Access::Unlocked, format };
    home.store().login_files([file])
}

/// The access token that is handed out, and how the credential stands.
fn seen(home: &Home) -> String {
    let pools = store(home).load(None, noon()).unwrap().unwrap().pools;
    let pool = pools.get(&nous()).unwrap();
    let (credential, standing) = pool.standings(noon()).next().unwrap();
    let word = format!("{standing:?}");
    let word = word.split([' ', '(']).next().unwrap_or_default();
    format!("{} {word}", credential.secret().map_or("none", Secret::expose))
}

const DEAD: &str =
    r#"{"status": "dead", "status_at": "2026-05-26T11:00:00Z", "last_error": {"kind": "auth_permanent"}}"#;

fn dead() -> String {
    DEAD.replace(
        "{\"status\"",
        &format!("{{\"subject\": \"{}\", \"status\"", pool_core::Fingerprint::of("rt")),
    )
}

#[test]
fn what_is_newer_beside_a_login_or_in_a_file_is_what_counts() {
    let beside = [
        (login("b", NEWER), "{}".to_owned(), "b-at Ready"),
        (login("b", OLDER), "{}".to_owned(), "at Ready"),
        (login("b", NEWER), dead(), "b-at Ready"),
        (login("b", OLDER), dead(), "at Dead"),
        (r#"{"access_token": "b-at", "refresh_token": "b-rt"}"#.to_owned(), dead(), "b-at Ready"),
        (r#"{"access_token": "b-at"}"#.to_owned(), dead(), "at Dead"),
        (r#"{"last_auth_error": {}}"#.to_owned(), dead(), "at Dead"),
        ("null".to_owned(), "{}".to_owned(), "at Ready"),
    ];
    for (beside, record, expected) in beside {
        assert_eq!(seen(&home(&beside, &record, "")), expected, "{beside} {record}");
    }
    let files = [
        (format!("f-at f-rt {NEWER}"), "f-at Ready"),
        (format!("f-at f-rt {OLDER}"), "at Ready"),
        ("nothing".to_owned(), "at Ready"),
    ];
    for (file, expected) in files {
        let home = home("{}", "{}", "");
        home.put("elsewhere", &file);
        assert_eq!(seen(&home), expected, "{file}");
    }
}

#[test]
fn the_newest_of_all_homes_wins() {
    for (beside, file, expected) in
        [(NEWER, "2026-05-26T14:00:00Z", "f-at Ready"), ("2026-05-26T14:00:00Z", NEWER, "b-at Ready")]
    {
        let home = home(&login("b", beside), "{}", "");
        home.put("elsewhere", format!("f-at f-rt {file}"));
        assert_eq!(seen(&home), expected);
    }
}

#[test]
fn a_file_that_changes_is_noticed() {
    let home = home("{}", "{}", "");
    let handle = pool_store::PoolHandle::builder()
        .clock(noon)
        .look_every(std::time::Duration::ZERO)
        .build(store(&home));
    let token = || {
        let lease = handle.lease(&pool_core::PickRequest::new(nous())).unwrap();
        lease.secret().expose().to_owned()
    };
    assert_eq!(token(), "at");
    home.put("elsewhere", format!("f-at f-rt {NEWER}"));
    assert_eq!(token(), "f-at");
}

#[test]
fn what_was_replaced_here_or_is_suppressed_is_left_where_it_is() {
    let replaced = format!(r#"{{"replaced": "{}"}}"#, pool_core::Fingerprint::of("b-rt"));
    assert_eq!(seen(&home(&login("b", NEWER), &replaced, "")), "at Ready");
    let suppressed = r#", "suppressed_sources": {"nous": ["device_code"]}"#;
    assert_eq!(seen(&home(&login("b", NEWER), "{}", suppressed)), "at Ready");
}

#[test]
fn reading_writes_nothing_and_the_next_change_keeps_what_was_taken_over() {
    let home = home(&login("b", NEWER), &dead(), "");
    let before = home.photo();
    assert_eq!(seen(&home), "b-at Ready");
    assert_eq!(home.photo(), before);

    // Nothing to write is no reason to write it either.
    let reset = |name: &str| Change {
        provider: nous(),
        action: Action::Reset { id: Some(id(name)), revive: Revive::Nobody },
    };
    let store = store(&home);
    store.apply(&[(noon(), reset("b"))], Pruning::Nothing, noon()).unwrap();
    assert_eq!(home.photo(), before);

    store.apply(&[(noon(), Change { provider: nous(), action: fail() })], Pruning::Nothing, noon()).unwrap();
    let text = std::fs::read_to_string(home.auth()).unwrap();
    assert!(!text.contains("\"rt\"") && text.contains("exhausted"), "{text}");
    assert_eq!(text.matches("b-rt").count(), 2, "in the entry, and beside it");
    assert!(text.contains(&format!("\"replaced\": \"{}\"", pool_core::Fingerprint::of("rt"))), "{text}");
}

fn fail() -> Action {
    let failure = pool_core::Failure::http(429);
    let judgement = pool_core::Judgement::of(failure, &nous(), &pool_core::Cooldowns::default(), noon());
    Action::Fail { target: pool_core::Target::Id(id("a")), judgement }
}

#[test]
fn a_report_on_a_login_that_was_taken_over_counts() {
    let home = home(&login("b", NEWER), &dead(), "");
    let store = store(&home);
    // Each read takes it over anew, later than the report was made.
    let action = Action::Fail {
        target: pool_core::Target::Secret(pool_core::Fingerprint::of("b-at")),
        judgement: pool_core::Judgement::of(
            pool_core::Failure::http(401).code("token_revoked"),
            &nous(),
            &pool_core::Cooldowns::default(),
            noon(),
        ),
    };
    let later = noon() + chrono::TimeDelta::seconds(5);
    let change = Change { provider: nous(), action };
    store.apply(&[(noon(), change)], Pruning::Nothing, later).unwrap();
    assert_eq!(seen(&home), "b-at Dead");
}

#[test]
fn whoever_has_the_same_token_gets_what_took_its_place() {
    let home = home(&login("b", NEWER), "{}", "");
    let text = std::fs::read_to_string(home.auth()).unwrap();
    let copy = r#"{"id": "copy", "auth_type": "oauth", "source": "manual:device_code", "access_token": "at",
        "refresh_token": "rt"}, "#;
    home.put("auth.json", text.replacen("{\"id\": \"a\"", &format!("{copy}{{\"id\": \"a\""), 1));
    let pools = store(&home).load(None, noon()).unwrap().unwrap().pools;
    for credential in pools.get(&nous()).unwrap().credentials() {
        assert_eq!(credential.refresh_token().map(Secret::expose), Some("b-rt"), "{}", credential.id);
    }
}

#[test]
fn tokens_from_before_the_last_ones_never_come_back() {
    let spent = ["c-rt", "b-rt"].map(|token| format!("\"{}\"", pool_core::Fingerprint::of(token))).join(", ");
    let resting = format!(
        r#"{{"replaced": [{spent}], "status": "exhausted", "status_at": "2026-05-26T11:59:00Z", "reset_at": "2026-05-26T12:30:00Z",
            "last_error": {{"kind": "auth"}}}}"#
    );
    let beside = r#"{"access_token": "b-at", "refresh_token": "b-rt"}"#;
    assert_eq!(seen(&home(beside, &resting, "")), "at Resting");
    let unknown = r#"{"access_token": "x-at", "refresh_token": "x-rt"}"#;
    assert_eq!(seen(&home(unknown, &resting, "")), "x-at Ready");
    // The quota of an account is the same with another token.
    let of_the_account = resting.replace("\"auth\"", "\"rate_limit\"");
    assert_eq!(seen(&home(unknown, &of_the_account, "")), "at Resting");
}

#[test]
fn a_file_that_anybody_may_write_says_nothing() {
    let home = home("{}", "{}", "");
    home.put("elsewhere", format!("f-at f-rt {NEWER}"));
    home.chmod("elsewhere", 0o666);
    assert_eq!(seen(&home), "at Ready");
    home.chmod("elsewhere", 0o600);
    assert_eq!(seen(&home), "f-at Ready");
}
