//! What a request does after each kind of failure, and how everybody stands when it is over.

use std::collections::HashMap;

use pool_core::{
    Action, Change, Cooldowns, Credential, CredentialId, Failure, Grant, Judgement, Kind, LastError,
    Patience, PickRequest, Pool, Provider, Recovery, Secret, Step, Target, Tokens, time,
};

use crate::support::*;

/// What happens to a request, one after the other. Then it is answered.
#[derive(Clone, Debug)]
enum Event {
    Fails(Failure),
    IsRenewed,
    IsNotRenewed(Failure),
    /// Somebody else saw to it, without success, and marked nobody.
    IsSeenTo,
    /// Minutes go by.
    Later(i64),
    /// Another process renews the token of `a`.
    RenewedByAnother,
}

use Event::{Fails, IsNotRenewed, IsRenewed, IsSeenTo, Later, RenewedByAnother};

/// Runs a request, and says what it did, and how everybody stands then.
fn story(credentials: Vec<Credential>, events: &[Event]) -> String {
    story_of(PickRequest::new(codex()), credentials, events)
}

fn story_of(request: PickRequest, credentials: Vec<Credential>, events: &[Event]) -> String {
    let mut pool = Pool::new(codex(), credentials, HashMap::new());
    let mut recovery = Recovery::new(request, Cooldowns::default(), Patience::default());
    let mut now = start();
    let mut events = events.iter().cloned();
    let mut told = Vec::new();
    loop {
        let step = recovery.next(&pool, &(), now, 7);
        let id = match step {
            Step::Use { id, .. } => {
                told.push(format!("use {id}"));
                id
            }
            Step::Retry { id, after, .. } => {
                told.push(format!("retry {id} after {} s", after.num_seconds()));
                now += after;
                id
            }
            Step::Refresh { id, .. } => {
                told.push(format!("refresh {id}"));
                id
            }
            Step::GiveUp(gave_up) => {
                told.push(format!("give up: {gave_up}"));
                break;
            }
        };
        let held = find(&pool, &id).clone();
        let mut event = events.next();
        while let Some(Later(_) | RenewedByAnother) = &event {
            match event {
                Some(Later(minutes)) => now += mins(minutes),
                _ => rotate(&mut pool, &id, "by-another"),
            }
            event = events.next();
        }
        let change = match event {
            Some(Fails(failure)) => {
                let sent = held.secret().expect("it was handed out").fingerprint();
                recovery.failed(&pool, &id, sent, failure, now)
            }
            Some(IsNotRenewed(failure)) => {
                let spent = held.refresh_token().expect("it is a login").fingerprint();
                recovery.not_renewed(&pool, &id, spent, failure, now)
            }
            Some(IsSeenTo) => {
                let error = LastError::of(&Failure::no_answer().message("no route"), Kind::Network, None);
                recovery.seen_to(&pool, &id, Some(error), now)
            }
            Some(IsRenewed) => {
                rotate(&mut pool, &id, &format!("at-{}", time::format(now)));
                recovery.renewed(&id, now);
                None
            }
            _ => {
                told.push("answered".to_owned());
                break;
            }
        };
        if let Some(change) = change {
            pool.apply(&change, now).expect("it is there");
        }
    }
    let standings = pool.standings(now).map(|(credential, standing)| {
        let rest = standing.until().map(|until| format!(" for {} s", (until - now).num_seconds()));
        format!("{} {}{}", credential.id, standing.status(), rest.unwrap_or_default())
    });
    format!("{} [{}]", told.join(", "), standings.collect::<Vec<_>>().join(", "))
}

fn find<'a>(pool: &'a Pool, id: &CredentialId) -> &'a Credential {
    pool.credentials().iter().find(|one| one.id == *id).expect("it is there")
}

fn rotate(pool: &mut Pool, id: &CredentialId, name: &str) {
    let refresh = Some(secret(&format!("refresh-{name}")));
    let tokens = Tokens::access(secret(&format!("access-{name}"))).with_refresh(refresh);
    let target = Target::Id(id.clone());
    let action = Action::Rotate { target, tokens, grant: Grant::Same, expires_at: None };
    pool.apply(&Change { provider: codex(), action }, start()).expect("it is there");
}

fn keys() -> Vec<Credential> {
    vec![key("a"), key("b")]
}

fn one_login() -> Vec<Credential> {
    vec![login("a", "access-a", "refresh-a")]
}

fn login_and_key() -> Vec<Credential> {
    vec![login("a", "access-a", "refresh-a"), key("b")]
}

fn siblings() -> Vec<Credential> {
    vec![login("a", &token_of("x", 1), "refresh-a"), login("b", &token_of("x", 2), "refresh-b")]
}

#[track_caller]
fn check(cases: &[(&str, Vec<Credential>, &[Event], &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .map(|(name, credentials, events, expected)| (name, story(credentials.clone(), events), expected))
        .filter(|(_, told, expected)| told != *expected)
        .map(|(name, told, expected)| format!("{name}\n  told     {told}\n  expected {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn limits() {
    let in_words = |words: &str| Fails(throttled().message(words));
    let plan = Fails(Failure::http(429).code("usage_limit_reached"));
    check(&[
        ("a burst", keys(), &[Fails(throttled())], "use a, retry a after 1 s, answered [a ok, b ok]"),
        (
            "a second 429",
            keys(),
            &[Fails(throttled()), Fails(throttled())],
            "use a, retry a after 1 s, use b, answered [a exhausted for 3600 s, b ok]",
        ),
        (
            "a third 429",
            keys(),
            &[Fails(throttled()), Fails(throttled()), Fails(throttled())],
            "use a, retry a after 1 s, use b, give up: no credential is left to try; b was last told: rate_limit: slow down [a exhausted for 3600 s, b exhausted for 3600 s]",
        ),
        ("soon", keys(), &[in_words("try again in 2s")], "use a, retry a after 2 s, answered [a ok, b ok]"),
        (
            "not so soon, and there is another",
            keys(),
            &[in_words("try again in 20s")],
            "use a, use b, answered [a exhausted for 20 s, b ok]",
        ),
        (
            "not so soon, and there is none",
            vec![key("a")],
            &[in_words("try again in 20s")],
            "use a, retry a after 20 s, answered [a ok]",
        ),
        (
            "not soon at all",
            vec![key("a")],
            &[in_words("try again in 31s")],
            "use a, give up: no credential is left to try; a was last told: rate_limit: try again in 31s [a exhausted for 31 s]",
        ),
        (
            "the other one is of the same account",
            siblings(),
            &[in_words("try again in 20s")],
            "use a, retry a after 20 s, answered [a ok, b ok]",
        ),
        ("a plan limit", keys(), &[plan], "use a, use b, answered [a exhausted for 3600 s, b ok]"),
        ("no money", keys(), &[Fails(unpaid())], "use a, use b, answered [a exhausted for 3600 s, b ok]"),
        (
            "no money for an account",
            siblings(),
            &[Fails(unpaid())],
            "use a, give up: no credential is left to try; a was last told: billing [a exhausted for 3600 s, b exhausted for 3600 s]",
        ),
        (
            "not allowed",
            keys(),
            &[Fails(Failure::http(403))],
            "use a, use b, answered [a exhausted for 3600 s, b ok]",
        ),
    ]);
}

#[test]
fn refused_secrets() {
    let bare = || Fails(Failure::http(401).code("invalid_token"));
    let expired = |minutes| {
        let expires_at = Some(start() + mins(minutes));
        vec![Credential { expires_at, ..login("a", "access-a", "refresh-a") }]
    };
    check(&[
        ("a key", keys(), &[Fails(refused())], "use a, use b, answered [a exhausted for 300 s, b ok]"),
        (
            "a login",
            login_and_key(),
            &[Fails(refused()), IsRenewed],
            "use a, refresh a, retry a after 0 s, answered [a ok, b ok]",
        ),
        (
            "a straggler",
            login_and_key(),
            &[Fails(refused()), IsRenewed, Fails(refused())],
            "use a, refresh a, retry a after 0 s, use b, answered [a exhausted for 300 s, b ok]",
        ),
        (
            "a second time, later",
            one_login(),
            &[Fails(refused()), IsRenewed, Later(3), Fails(refused()), IsRenewed, Later(3), Fails(refused())],
            "use a, refresh a, retry a after 0 s, refresh a, retry a after 0 s, give up: no credential is left to try; a was last told: auth [a exhausted for 300 s]",
        ),
        (
            "renewed by another",
            one_login(),
            &[RenewedByAnother, Fails(refused())],
            "use a, retry a after 0 s, answered [a ok]",
        ),
        (
            "revoked, and renewed by another",
            one_login(),
            &[RenewedByAnother, Fails(revoked())],
            "use a, retry a after 0 s, answered [a ok]",
        ),
        ("revoked", login_and_key(), &[Fails(revoked())], "use a, use b, answered [a dead, b ok]"),
        (
            "bare, expiry unknown",
            one_login(),
            &[bare(), IsRenewed],
            "use a, refresh a, retry a after 0 s, answered [a ok]",
        ),
        (
            "bare, expired",
            expired(-1),
            &[bare(), IsRenewed, Later(3), bare()],
            "use a, refresh a, retry a after 0 s, give up: no credential is left to try; a was last told: auth_permanent: invalid_token [a dead]",
        ),
        (
            "bare, not expired",
            expired(1),
            &[bare()],
            "use a, give up: no credential is left to try; a was last told: auth_permanent: invalid_token [a dead]",
        ),
        ("bare, a key", keys(), &[bare()], "use a, use b, answered [a dead, b ok]"),
    ]);
}

#[test]
fn renewals_by_somebody_else() {
    check(&[
        (
            "who was not renewed rests, and the end says why",
            one_login(),
            &[Fails(refused()), IsSeenTo],
            "use a, refresh a, give up: no credential is left to try; a was last told: network: no route [a exhausted for 60 s]",
        ),
        (
            "a bare token that may have expired is no dead login",
            login_and_key(),
            &[Fails(Failure::http(401).code("invalid_token")), IsSeenTo],
            "use a, refresh a, use b, answered [a exhausted for 60 s, b ok]",
        ),
        (
            "it costs no sibling",
            siblings(),
            &[Fails(refused()), IsSeenTo],
            "use a, refresh a, use b, answered [a exhausted for 60 s, b ok]",
        ),
        (
            "who was renewed is sent with again",
            one_login(),
            &[Fails(refused()), RenewedByAnother, IsSeenTo],
            "use a, refresh a, retry a after 0 s, answered [a ok]",
        ),
    ]);
}

#[test]
fn renewals_that_fail() {
    let not = |failure| [Fails(refused()), IsNotRenewed(failure)];
    let grant = || Failure::http(400).code("invalid_grant");
    check(&[
        (
            "the grant is gone",
            login_and_key(),
            &not(grant()),
            "use a, refresh a, use b, answered [a dead, b ok]",
        ),
        (
            "reused",
            login_and_key(),
            &not(Failure::http(401).code("refresh_token_reused")),
            "use a, refresh a, use b, answered [a dead, b ok]",
        ),
        (
            "the grant of another is gone",
            one_login(),
            &[Fails(refused()), RenewedByAnother, IsNotRenewed(grant())],
            "use a, refresh a, retry a after 0 s, answered [a ok]",
        ),
        (
            "no answer",
            login_and_key(),
            &not(Failure::no_answer()),
            "use a, refresh a, use b, answered [a exhausted for 60 s, b ok]",
        ),
        (
            "a timeout",
            login_and_key(),
            &not(Failure::timed_out()),
            "use a, refresh a, use b, answered [a exhausted for 60 s, b ok]",
        ),
        (
            "broken",
            login_and_key(),
            &not(Failure::http(502)),
            "use a, refresh a, use b, answered [a exhausted for 60 s, b ok]",
        ),
        (
            "busy for hours",
            siblings(),
            &not(Failure::http(429).message("try again in 2 hours")),
            "use a, refresh a, use b, answered [a exhausted for 60 s, b ok]",
        ),
        (
            "not allowed",
            login_and_key(),
            &not(Failure::http(403).code("access_denied")),
            "use a, refresh a, use b, answered [a exhausted for 3600 s, b ok]",
        ),
        (
            "not allowed by nobody knows whom",
            login_and_key(),
            &not(Failure::http(403)),
            "use a, refresh a, use b, answered [a exhausted for 60 s, b ok]",
        ),
    ]);
}

#[test]
fn what_is_nobodys_fault() {
    let fails = |failure: &Failure, times: usize| vec![Fails(failure.clone()); times];
    let (busy, lost) = (Failure::http(529), Failure::no_answer());
    check(&[
        ("busy for a moment", keys(), &fails(&busy, 1), "use a, retry a after 1 s, answered [a ok, b ok]"),
        (
            "busy",
            keys(),
            &fails(&busy, 3),
            "use a, retry a after 1 s, retry a after 2 s, give up: waiting did not help, or would take too long; a was last told: overloaded [a ok, b ok]",
        ),
        (
            "busy for hours",
            keys(),
            &fails(&busy.clone().message("try again in 2 hours"), 1),
            "use a, give up: waiting did not help, or would take too long; a was last told: overloaded: try again in 2 hours [a ok, b ok]",
        ),
        (
            "slow",
            keys(),
            &fails(&Failure::timed_out(), 3),
            "use a, retry a after 1 s, retry a after 2 s, give up: waiting did not help, or would take too long; a was last told: timeout [a ok, b ok]",
        ),
        (
            "no way there",
            keys(),
            &fails(&lost, 3),
            "use a, retry a after 1 s, retry a after 2 s, give up: waiting did not help, or would take too long; a was last told: network [a ok, b ok]",
        ),
        (
            "a bad request",
            keys(),
            &fails(&bad_request(), 1),
            "use a, give up: it would fail with any credential; a was last told: request: no such parameter [a ok, b ok]",
        ),
        (
            "no such model",
            keys(),
            &fails(&Failure::http(404).code("model_not_found"), 1),
            "use a, give up: it would fail with any credential; a was last told: model_not_found: model_not_found [a ok, b ok]",
        ),
        (
            "a region",
            keys(),
            &fails(&Failure::http(403).code("unsupported_country_region_territory"), 1),
            "use a, give up: it would fail with any credential; a was last told: egress: unsupported_country_region_territory [a ok, b ok]",
        ),
        (
            "a residency",
            keys(),
            &fails(&Failure::http(401).code("unauthorized_region"), 1),
            "use a, give up: the workspace demands its region in the header `x-openai-internal-codex-residency`; a was last told: egress: unauthorized_region [a ok, b ok]",
        ),
        (
            "not understood",
            keys(),
            &fails(&Failure::http(302), 1),
            "use a, give up: it would fail with any credential; a was last told: unknown [a ok, b ok]",
        ),
    ]);
}

#[test]
fn nobody_is_left() {
    check(&[
        ("nobody is there", vec![], &[], "give up: no credential is left to try []"),
        ("nothing ever failed", vec![blank("a")], &[], "give up: no credential is left to try [a ok]"),
        (
            "all are out",
            keys(),
            &[Fails(revoked()), Fails(unpaid().message("no credits"))],
            "use a, use b, give up: no credential is left to try; b was last told: billing: no credits [a dead, b exhausted for 3600 s]",
        ),
    ]);
}

#[test]
fn a_limit_of_a_model_rests_that_model() {
    let limited = [Fails(Failure::http(429).code("subscription:free-usage-exhausted"))];
    let told = |request| story_of(request, vec![key("a")], &limited);
    let unnamed = PickRequest::new(codex());
    let end = "use a, give up: no credential is left to try; \
               a was last told: rate_limit: subscription:free-usage-exhausted";
    assert_eq!(told(unnamed.clone()), format!("{end} [a exhausted for 60 s]"));
    assert_eq!(told(unnamed.model("gpt-5.5")), format!("{end} [a ok]"));
}

#[test]
fn the_end_tells_what_was_said_before_this_request_began() {
    let request = PickRequest::new(codex()).model("gpt-5.5");
    let mut pool = Pool::new(codex(), vec![key("a")], HashMap::new());
    let failure = Failure::http(429).code("subscription:free-usage-exhausted").for_model("gpt-5.5");
    let judgement = Judgement::of(failure, &codex(), &Cooldowns::default(), start());
    let action = Action::Fail { target: Target::Id(id("a")), judgement };
    pool.apply(&Change { provider: codex(), action }, start()).expect("it is there");
    let mut recovery = Recovery::new(request, Cooldowns::default(), Patience::default());
    let Step::GiveUp(gave_up) = recovery.next(&pool, &(), start(), 0) else {
        panic!("it rests for the model")
    };
    assert_eq!(gave_up.standings[0].1.status(), "exhausted");
    assert_eq!(gave_up.last_error.expect("it was told").0, id("a"));
}

#[test]
fn a_pool_of_another_provider_is_never_touched() {
    let mut recovery = Recovery::new(PickRequest::new(codex()), Cooldowns::default(), Patience::default());
    let ours = Pool::new(codex(), keys(), HashMap::new());
    let theirs = Pool::new(Provider::new("openrouter").expect("not empty"), keys(), HashMap::new());
    let sent = find(&ours, &id("a")).secret().map(Secret::fingerprint).expect("it is a key");
    assert!(matches!(recovery.next(&ours, &(), start(), 0), Step::Use { .. }));
    let change = recovery.failed(&theirs, &id("a"), sent, revoked(), start()).expect("it is ours");
    assert_eq!(change.provider, codex());
    assert!(theirs.clone().apply(&change, start()).is_err());
    assert!(
        matches!(recovery.next(&theirs, &(), start(), 0), Step::GiveUp(gave_up) if gave_up.standings.is_empty())
    );
}

#[test]
fn a_token_that_says_it_is_fresh_is_not_renewed() {
    let claims = format!(r#"{{"iat":{}}}"#, start().timestamp());
    let token =
        format!("e30.{}.none", base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims));
    let told = story(vec![login("a", &token, "refresh-a")], &[Fails(refused())]);
    assert!(told.starts_with("use a, give up"), "{told}");
    let told = story(vec![login("a", &token, "refresh-a")], &[Later(2), Fails(refused()), IsRenewed]);
    assert!(told.starts_with("use a, refresh a, retry a"), "{told}");
}
