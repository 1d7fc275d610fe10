use chrono::TimeDelta;
use pool_core::{
    Answer, Cooldowns, Credential, CredentialId, Failure, Judgement, Kind, LastError, Origin, Provider, Rule,
    Scope, Secret, classify,
};

use crate::noon;

/// Looks like no key of any provider, so that only knowing it masks it. No part of it is a word of a rule.
const SECRET: &str = "zq7-canary-4x";

/// Whatever upstream sends can be read and judged, in whatever form it is at hand: a verdict is one of the table, is for good only
/// where that may be, no rest is longer than 45 days, and of what is kept nothing is the secret.
///
/// # Panics
///
/// Where that does not hold.
pub fn failure(bytes: &[u8]) {
    let failure = Failure::read(bytes);
    assert_eq!(failure, Failure::read(bytes), "reading is a function of what was said");
    drop(format!("{failure:?}"));
    for name in ["custom:proxy", "openai-codex", "google", "zai", "anthropic"] {
        judge(&failure, &Provider::new(name).expect("not empty"));
    }
    judge(&Failure::http(401).body(bytes), &Provider::new("openrouter").expect("not empty"));
    drop(Failure::response(bytes));
    keeps_no_secret(bytes);
}

fn judge(failure: &Failure, provider: &Provider) {
    let verdict = classify(failure, provider, noon());
    assert_eq!(verdict, classify(failure, provider, noon()), "a verdict is a function of what was said");
    let rule = Rule::named(verdict.rule).expect("it is a rule of the table");
    assert_eq!((rule.kind(), rule.scope(), rule.remark()), (verdict.kind, verdict.scope, verdict.remark));
    if verdict.is_terminal() {
        assert!(matches!(failure.answer(), Answer::Http(400 | 401)), "{verdict:?} at {:?}", failure.answer());
        assert_eq!((verdict.scope, verdict.until), (Scope::Credential, None));
    }
    if failure.answer() == Answer::Http(400) && verdict.kind == Kind::AuthPermanent {
        let told = failure.clone().origin(Origin::TokenEndpoint);
        assert_eq!(classify(&told, provider, noon()).kind, Kind::AuthPermanent);
    }
    let judgement = Judgement::of(failure.clone(), provider, &Cooldowns::default(), noon());
    assert!(judgement.until > noon() && judgement.until <= noon() + TimeDelta::days(7), "{judgement:?}");
}

/// A secret between these bytes is not kept, whatever they make of it.
fn keeps_no_secret(bytes: &[u8]) {
    let id = CredentialId::new("a1").expect("not empty");
    let credential = Credential::manual(id, Secret::new(SECRET.to_owned()));
    let (before, after) = bytes.split_at(bytes.len() / 2);
    let failure = Failure::read(&[before, SECRET.as_bytes(), after].concat());
    let error = LastError::of(&failure, Kind::Unknown, Some(&credential));
    for text in [&error.reason, &error.message].into_iter().flatten() {
        assert!(
            !text.is_empty() && text.chars().count() <= 500,
            "{} characters are kept",
            text.chars().count()
        );
        assert!(!text.contains(SECRET), "{text:?}");
    }
}
