use chrono::TimeDelta;
use pool_core::{
    Answer, Cooldowns, Credential, CredentialId, Failure, Judgement, Kind, LastError, Provider, Rule, Scope,
    Secret, classify,
};

use crate::noon;

/// Looks like no key of any provider, so that only knowing it masks it. No part of it is a word of a rule.
const SECRET: &str = "zq7-canary-4x";

/// Whatever upstream sends can be read and judged, in whatever form it is at hand: a verdict is one of the table, is for good only
/// where that may be, no rest is longer than a week, and of what is kept nothing is the secret.
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
    kills_only_by_its_own_code(bytes);
    keeps_no_secret(bytes);
}

/// At 400 only the code of a refusal by a token endpoint is the end: a body that has no such code kills nobody there.
fn kills_only_by_its_own_code(bytes: &[u8]) {
    let verdict =
        classify(&Failure::http(400).body(bytes), &Provider::new("openrouter").expect("not empty"), noon());
    let text = String::from_utf8_lossy(bytes);
    let body: Option<serde_json::Value> = serde_json::from_str(text.trim()).ok();
    let code = body.as_ref().and_then(|body| body.get("error")?.as_str());
    let ends = ["invalid_grant", "unauthorized_client", "refresh_token_reused", "invalid_token"];
    if let (true, Some(code)) = (body.is_some(), code) {
        assert!(!verdict.is_terminal() || ends.contains(&code.to_ascii_lowercase().as_str()), "{code}");
    } else if body.is_some_and(|body| body.is_object()) {
        assert!(!verdict.is_terminal(), "{verdict:?} of a body without a code");
    }
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
