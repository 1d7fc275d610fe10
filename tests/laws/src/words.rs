use chrono::TimeDelta;
use pool_core::{
    Cooldowns, Credential, CredentialId, Failure, Judgement, Kind, LastError, Provider, Secret, classify,
};

use crate::noon;

/// Looks like no key of any provider, so that only knowing it masks it. No part of it is a word of a rule.
const SECRET: &str = "zq7-canary-4x";

/// Whatever a provider says can be judged: a status and a code on the first line, such as `401 token_revoked`, and then its
/// message. Only a 401 is for good, no rest is longer than 45 days, and of what is kept nothing is the secret.
///
/// # Panics
///
/// Where that does not hold.
pub fn words(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (head, message) = text.split_once('\n').unwrap_or((&text, ""));
    let (status, code) = head.split_once(' ').unwrap_or((head, ""));
    let failure = status.parse().map_or_else(|_| Failure::no_answer(), Failure::http);
    let failure = failure.code(code).message(message);

    let provider = Provider::new("openai-codex").expect("not empty");
    let verdict = classify(&failure, &provider, noon());
    assert_eq!(verdict, classify(&failure, &provider, noon()), "a verdict is a function of what was said");
    assert!(!verdict.is_terminal() || failure.status() == Some(401), "{verdict:?}");
    assert!(verdict.until.is_none() || !verdict.is_terminal(), "{verdict:?}");
    let judgement = Judgement::of(failure.clone(), &provider, &Cooldowns::default(), noon());
    assert_eq!(judgement.verdict, verdict);
    assert!(judgement.until > noon() && judgement.until <= noon() + TimeDelta::days(45), "{judgement:?}");

    keeps_no_secret(&failure, verdict.kind);
}

fn keeps_no_secret(failure: &Failure, kind: Kind) {
    let id = CredentialId::new("a1").expect("not empty");
    let credential = Credential::manual(id, Secret::new(SECRET.to_owned()));
    let error = LastError::of(failure, kind, Some(&credential));
    for text in [&error.reason, &error.message].into_iter().flatten() {
        assert!(
            !text.is_empty() && text.chars().count() <= 500,
            "{} characters are kept",
            text.chars().count()
        );
        assert!(!text.contains(SECRET), "a secret is kept");
    }
}
