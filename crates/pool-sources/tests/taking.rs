//! What becomes of an offer. All tokens are fakes.

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    AuthType, Credential, CredentialId, Failure, Grant, Holding, PickRequest, Pool, Pools, Provider, Secret,
    Source, Target, Tokens,
};
use pool_sources::{Consent, Given, Offer, Taken, take_in};
use pool_store::{MemoryStore, PoolHandle};

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn provider() -> Provider {
    Provider::new("openai-codex").unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// A token of account `a`, of user `u`: `{"account_id":"a","sub":"u"}`, told apart by its signature.
fn of_account(signature: &str) -> String {
    format!("e30.eyJhY2NvdW50X2lkIjoiYSIsInN1YiI6InUifQ.{signature}")
}

/// The same of account `b`.
fn of_another(signature: &str) -> String {
    format!("e30.eyJhY2NvdW50X2lkIjoiYiIsInN1YiI6InUifQ.{signature}")
}

fn offer(access: &str, refresh: &str, hours: i64) -> Offer {
    Offer {
        provider: provider(),
        source: Source::new("manual:codex_cli"),
        label: "agent@example.com".to_owned(),
        auth_type: AuthType::OAuth,
        base_url: None,
        expires_at: Some(now() + TimeDelta::hours(hours)),
        given: Given::ByValue(Tokens::access(secret(access)).with_refresh(Some(secret(refresh)))),
    }
}

fn login(source: &str, access: &str, refresh: &str, hours: i64) -> Credential {
    Credential {
        label: "mine".to_owned(),
        priority: 7,
        source: Source::new(source),
        ..offer(access, refresh, hours).credential(CredentialId::new("a1").unwrap())
    }
}

fn handle(credentials: impl IntoIterator<Item = Credential>) -> PoolHandle {
    let pool = Pool::new(provider(), credentials.into_iter().collect(), Default::default());
    PoolHandle::builder().clock(now).build(MemoryStore::new(Pools::new([pool])))
}

fn take(handle: &PoolHandle, offer: &Offer, consent: Consent) -> Taken {
    take_in(handle, offer, consent, now()).unwrap()
}

fn kill(handle: &PoolHandle) {
    let target = Target::Id(CredentialId::new("a1").unwrap());
    handle.report(&provider(), target, Failure::http(401).code("token_revoked")).unwrap();
}

/// What is handed out, if anything.
fn picked(handle: &PoolHandle) -> Option<String> {
    let credential = handle.pick(&PickRequest::new(provider())).ok()?;
    credential.secret().map(|secret| secret.expose().to_owned())
}

#[test]
fn a_new_login_is_added_once() {
    let handle = handle([]);
    let offer = offer("at-1", "rt-1", 1);
    assert_eq!(take(&handle, &offer, Consent::UpToDate), Taken::NotHere);
    let Taken::Added(id) = take(&handle, &offer, Consent::TakeIn) else { panic!("it is new") };
    assert_eq!(take(&handle, &offer, Consent::TakeIn), Taken::There(id));
}

#[test]
fn who_takes_new_tokens_over() {
    let codex = "manual:codex_cli";
    let own = "manual:device_code";
    let (a, b) = (of_account("1"), of_account("2"));
    let other = of_another("3");
    // Of the entry: source, token, refresh token, hours left, whether it is dead. Of the offer: token, hours left.
    let cases = [
        ("newer, of the same home", (codex, "at-1", 1, false), ("at-2", 2), "renewed"),
        ("older", (codex, "at-1", 2, false), ("at-2", 1), "there"),
        ("as old", (codex, "at-1", 1, false), ("at-2", 1), "there"),
        ("dead, and as old", (codex, "at-1", 1, true), ("at-2", 1), "renewed"),
        ("dead, and the other home is behind", (codex, "at-1", 2, true), ("at-2", 1), "there"),
        ("a login of its own that works", (own, &a, 1, false), (&b, 2), "there"),
        ("a login of its own that is dead", (own, &a, 1, true), (&b, 2), "renewed"),
        ("another account", (codex, &a, 1, true), (&other, 2), "added"),
        ("a login of nobody known", (own, "at-1", 1, true), ("at-2", 2), "added"),
    ];
    for (case, (source, ours, left, is_dead), (theirs, offered), expected) in cases {
        let handle = handle([login(source, ours, "rt-1", left)]);
        if is_dead {
            kill(&handle);
        }
        let taken = match take(&handle, &offer(theirs, "rt-2", offered), Consent::TakeIn) {
            Taken::Renewed(_) => "renewed",
            Taken::There(_) => "there",
            Taken::Added(_) => "added",
            taken => panic!("{case}: {taken:?}"),
        };
        assert_eq!(taken, expected, "{case}");
    }
}

#[test]
fn who_takes_them_over_keeps_id_label_and_priority_and_lives() {
    let handle = handle([login("manual:codex_cli", "at-1", "rt-1", 1)]);
    kill(&handle);
    assert_eq!(picked(&handle), None);
    take(&handle, &offer("at-2", "rt-2", 2), Consent::UpToDate);
    assert_eq!(picked(&handle).as_deref(), Some("at-2"));
    let pools = handle.pools().unwrap();
    let [only] = pools.get(&provider()).unwrap().credentials() else { panic!("one") };
    assert_eq!((only.id.as_str(), only.label.as_str(), only.priority), ("a1", "mine", 7));
}

#[test]
fn a_token_that_was_replaced_here_never_comes_back() {
    let handle = handle([login("manual:codex_cli", "at-1", "rt-1", 1)]);
    let target = Target::Id(CredentialId::new("a1").unwrap());
    let renewed = Tokens::access(secret("at-2")).with_refresh(Some(secret("rt-2")));
    handle.rotate(&provider(), target, renewed, Grant::Same, None).unwrap();
    kill(&handle);
    let behind = offer("at-1", "rt-1", 1);
    assert!(matches!(take(&handle, &behind, Consent::TakeIn), Taken::There(_)));
    assert_eq!(picked(&handle), None);
}

#[test]
fn what_was_removed_stays_away_until_it_is_asked_for() {
    let borrowed = Offer {
        source: Source::new("claude_code"),
        given: Given::ByReference(secret("at-1")),
        ..offer("at-1", "rt-1", 1)
    };
    let handle = handle([]);
    let Taken::Added(id) = take(&handle, &borrowed, Consent::TakeIn) else { panic!("it is new") };
    handle.remove(&provider(), Target::Id(id)).unwrap();
    assert!(handle.pools().unwrap().is_suppressed(&provider(), &borrowed.source));
    // A key that somebody adds lifts nothing but its own source.
    let key = Credential::manual(CredentialId::new("b2").unwrap(), secret("key"));
    handle.add(&provider(), key).unwrap();
    for consent in [Consent::UpToDate, Consent::TakeIn] {
        assert_eq!(take(&handle, &borrowed, consent), Taken::Suppressed);
    }
    assert!(matches!(take(&handle, &borrowed, Consent::Again), Taken::Added(_)));
    assert!(!handle.pools().unwrap().is_suppressed(&provider(), &borrowed.source));
}

#[test]
fn a_borrowed_secret_is_not_stored() {
    let borrowed = Offer { given: Given::ByReference(secret("at-1")), ..offer("at-1", "rt-1", 1) };
    let credential = borrowed.credential(CredentialId::new("a1").unwrap());
    assert!(matches!(credential.holding, Holding::Borrowed { .. }));
    assert_eq!(credential.secret().map(Secret::expose), Some("at-1"));
}
