//! A canary is put wherever a secret may be, and looked for in all that is printed or kept.

mod support;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use pool_core::{
    Action, Change, Cooldowns, Credential, Failure, Grant, Holding, Judgement, Kind, LastError, Leases,
    PickRequest, Place, Pool, Pools, Secret, Target, Tokens, Unresolved,
};
use proptest::prelude::*;
use support::sim::Sim;
use support::{codex, fingerprint, held, id, key, lent, login, secret, start, stored, token_of};

/// Looks like a key, as the secrets of every known provider do.
const CANARY: &str = "sk-canary-0123456789abcdef";

/// Looks like nothing, so that only its owner gives it away.
const PLAIN_CANARY: &str = "plain canary of no known shape";

/// A credential of each kind, with the canary in every place.
fn caged(canary: &str) -> Vec<Credential> {
    let tokens = Tokens::access(secret(canary))
        .with_refresh(Some(secret(&format!("{canary} again"))))
        .with_agent_key(Some(secret(&format!("{canary} minted"))));
    vec![
        Credential::manual(id("key"), secret(canary)),
        login("login", canary, canary),
        Credential { holding: Holding::Owned(tokens), ..key("minted") },
        lent("lent", Ok(canary)),
        lent("not-lent", Err(Unresolved::Placeholder)),
    ]
}

fn assert_silent(shown: &impl Debug, canary: &str) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert!(!text.contains(canary), "{text}");
    }
}

#[test]
fn nothing_that_holds_a_secret_prints_it() {
    for canary in [CANARY, PLAIN_CANARY] {
        for credential in caged(canary) {
            assert_silent(&credential, canary);
            assert_silent(&credential.holding, canary);
            assert_silent(&credential.secret(), canary);
            assert_silent(&credential.subject(), canary);
            let pool = Pool::new(codex(), vec![credential.clone()], HashMap::new());
            assert_silent(&pool, canary);
            assert_silent(&Pools::new([pool.clone()]), canary);
            assert_silent(&pool.pick(&PickRequest::new(codex()), &(), start(), 0), canary);
            let leases = Leases::default();
            assert_silent(&leases.take(&codex(), &Arc::new(credential.clone()), start()), canary);
            assert_silent(&leases, canary);
            let add = Action::Add { credential: Box::new(credential), place: Place::Last };
            assert_silent(&Change { provider: codex(), action: add }, canary);
        }
        assert_silent(&Secret::new(canary.to_owned()), canary);
        assert_silent(&Tokens::access(secret(canary)), canary);
        assert_silent(&Target::Secret(fingerprint(canary)), canary);
        let rotate = Action::Rotate {
            target: held("a", canary),
            tokens: Tokens::access(secret(canary)),
            grant: Grant::New,
            expires_at: None,
        };
        assert_silent(&rotate, canary);
    }
}

#[test]
fn what_upstream_said_is_printed_without_what_looks_like_a_key() {
    let failure =
        Failure::http(401).code(format!("bad {CANARY}")).message(format!("incorrect key: {CANARY}"));
    assert_silent(&failure, CANARY);
    let judgement = Judgement::of(failure, &codex(), &Cooldowns::default(), start());
    assert_silent(&judgement, CANARY);
    assert_silent(&Action::Fail { target: stored("a"), judgement }, CANARY);
}

#[test]
fn what_upstream_said_is_kept_without_the_secret_that_failed() {
    for canary in [CANARY, PLAIN_CANARY] {
        for credential in caged(canary).into_iter().filter(|credential| credential.secret().is_some()) {
            let said = Failure::http(401).code(format!("bad {canary}")).message(format!("<{canary}>"));
            let error = LastError::of(&said, Kind::Auth, Some(&credential));
            assert_eq!(error.message.as_deref(), Some("<[redacted]>"));
            assert_eq!(error.reason.as_deref(), Some("bad [redacted]"));

            let name = credential.id.to_string();
            let mut sim = Sim::of([credential]);
            assert_silent(&sim.fail(&name, said), canary);
            assert_silent(&sim.pool, canary);
            assert_silent(&sim.unavailable(), canary);
            assert_silent(&sim.unavailable().to_string(), canary);
            assert_silent(&sim.unavailable().last_error(), canary);
        }
    }
}

#[test]
fn nor_in_the_records_of_the_siblings_that_it_marks() {
    let login = |name: &str, serial, refresh| login(name, &token_of("home", serial), refresh);
    let mut sim = Sim::of([login("a", 1, PLAIN_CANARY), login("b", 2, "refresh-b")]);
    let said = |status| Failure::http(status).code(PLAIN_CANARY).message(format!("limit of {PLAIN_CANARY}"));
    assert_silent(&sim.fail("a", said(429)), PLAIN_CANARY);
    assert_eq!(sim.status("b"), "exhausted");
    assert_silent(&sim.pool, PLAIN_CANARY);
}

#[test]
fn a_secret_that_begins_like_another_is_masked_whole() {
    let tokens = Tokens::access(secret("canary")).with_refresh(Some(secret("canary-with-more")));
    let credential = Credential { holding: Holding::Owned(tokens), ..key("a") };
    let said = Failure::http(401).message("canary-with-more, canary");
    let error = LastError::of(&said, Kind::Auth, Some(&credential));
    assert_eq!(error.message.as_deref(), Some("[redacted], [redacted]"));
}

#[test]
fn a_message_of_any_length_is_cut_at_500_characters() {
    for said in ["é".repeat(2_000_000), format!("{}{CANARY}", "x ".repeat(1995)), CANARY.repeat(1000)] {
        let error = LastError::of(&Failure::http(500).message(said), Kind::ServerError, None);
        let kept = error.message.expect("something was said");
        assert!(kept.chars().count() <= 500);
        assert!(!kept.contains("canary"));
    }
}

#[test]
fn a_secret_across_the_cut_leaves_no_piece() {
    let long = "c4n4ry ".repeat(300);
    let credential = Credential::manual(id("a"), secret(long.trim_end()));
    for before in 0..500 {
        let said = format!("{}{long}{long}{long}", "- ".repeat(before));
        let error = LastError::of(&Failure::http(500).message(said), Kind::ServerError, Some(&credential));
        let kept = error.message.expect("something was said");
        assert!(!kept.contains("c4n4ry"), "{before}: {kept}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_is_masked_wherever_it_stands(
        canary in "[ -~é]{6,60}",
        before in "[ -~é]{0,40}",
        after in "[ -~é]{0,40}",
    ) {
        // A blank secret is none, and a piece of the mask itself is no news.
        prop_assume!(!canary.trim().is_empty() && !"[redacted]".contains(&canary));
        let credential = Credential::manual(id("a"), secret(&canary));
        let said = Failure::http(401).code(format!("{before}{canary}")).message(format!("{before}{canary}{after}"));
        let error = LastError::of(&said, Kind::Auth, Some(&credential));
        let kept = format!("{} {}", error.reason.unwrap_or_default(), error.message.unwrap_or_default());
        prop_assert!(!kept.contains(&canary), "{kept}");
    }

    #[test]
    fn what_is_masked_stays_masked(text in any::<String>()) {
        let credential = key("a");
        let once = credential.mask(&text);
        prop_assert_eq!(credential.mask(&once), once);
    }
}
