//! What a call that failed says of the worker: the rules of the pool, in the words of a diagnosis.

use chrono::{DateTime, Utc};
use pool_core::{Failure, Kind, Provider, Remark, Verdict, classify};

use super::Cause;
use super::hermes::Call;
use super::line::shown;
use crate::login::{LoginState, Logins};

/// What Hermes says itself, where no provider was asked or none answered.
const OWN_WORDS: [(&str, Own); 9] = [
    ("no codex credentials", Own::NoLogin),
    ("codex auth is missing", Own::NoLogin),
    ("codex auth state is missing", Own::NoLogin),
    ("not logged in", Own::NoLogin),
    ("no inference provider configured", Own::NoLogin),
    ("already consumed by another client", Own::Answer(401, "refresh_token_reused")),
    ("codex token refresh failed", Own::Answer(401, "")),
    ("codex provider quota exhausted", Own::Answer(429, "")),
    ("provider has been unresponsive", Own::NoAnswer),
];

/// What the words of Hermes mean.
#[derive(Clone, Copy)]
enum Own {
    /// It found no login to send.
    NoLogin,
    /// It was answered with a status, and this code.
    Answer(u16, &'static str),
    /// It waited for an answer.
    NoAnswer,
}

/// A call that failed, judged.
pub(super) struct Judged {
    pub(super) cause: Cause,
    pub(super) kind: Kind,
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) provider: Option<Provider>,
    /// What was answered; nothing where nobody was asked.
    pub(super) failure: Option<Failure>,
}

/// Judges a call that failed. What it says of waiting counts from `since`.
pub(super) fn judge(call: &Call, logins: Option<&Logins>, since: DateTime<Utc>) -> Judged {
    let provider = provider(call);
    let own = own_words(&call.words);
    let failure = match own {
        Some(Own::NoLogin) => {
            let (cause, kind) = (Cause::MissingLogin, Kind::Auth);
            return Judged { cause, kind, until: None, provider, failure: None };
        }
        Some(Own::Answer(status, code)) => Failure::http(status).code(code).message(answered(&call.words)),
        Some(Own::NoAnswer) => Failure::timed_out().message(&call.words),
        None => failure(call),
    };
    // Without a name, the rules for all providers apply.
    let whose = provider.clone().unwrap_or_else(|| Provider::new("unknown").expect("it is not empty"));
    let verdict = classify(&failure, &whose, since);
    let is_refused = matches!(verdict.kind, Kind::Auth | Kind::AuthPermanent);
    let is_stale = is_refused && is_of_codex(provider.as_ref()) && logins.is_some_and(has_newer_login);
    let cause = match cause(&verdict) {
        Cause::Revoked | Cause::LoginRefused if is_stale => Cause::StaleSync,
        cause => cause,
    };
    Judged { cause, kind: verdict.kind, until: verdict.until, provider, failure: Some(failure) }
}

/// What was answered, without the words of Hermes before it.
fn answered(words: &str) -> &str {
    words.split_once(" failed: ").map_or(words, |(_, answer)| answer)
}

fn own_words(words: &str) -> Option<Own> {
    let words = words.to_ascii_lowercase();
    OWN_WORDS.iter().find(|(phrase, _)| words.contains(phrase)).map(|(_, own)| *own)
}

/// The failure as the pool takes it: of its own line alone, since a whole log has those of other calls in it.
fn failure(call: &Call) -> Failure {
    let failure = match call.status {
        Some(status) => Failure::http(status).message(&call.words),
        None if call.exception.is_empty() => Failure::unstated().message(&call.words),
        None => Failure::unstated().message(format!("{}: {}", call.exception, call.words)),
    };
    match &call.details {
        Some(details) => failure.body(details.as_bytes()),
        None => failure,
    }
}

/// The provider that was called. Where Hermes names only the login that it looks for, that of the login.
fn provider(call: &Call) -> Option<Provider> {
    let named = call.provider.as_deref();
    let name = named.or_else(|| call.words.contains("Codex ").then_some("openai-codex"))?;
    Provider::new(shown(name)).ok()
}

fn cause(verdict: &Verdict) -> Cause {
    if verdict.remark == Some(Remark::Residency) {
        return Cause::MissingResidency;
    }
    if verdict.rule == "no_key_was_sent" {
        return Cause::MissingLogin;
    }
    match verdict.kind {
        Kind::AuthPermanent => Cause::Revoked,
        Kind::Auth | Kind::Entitlement => Cause::LoginRefused,
        Kind::RateLimit | Kind::Billing | Kind::UpstreamRateLimit => Cause::Throttled,
        Kind::Overloaded | Kind::ServerError => Cause::ProviderTrouble,
        Kind::Timeout => Cause::Timeout,
        Kind::Network => Cause::Connection,
        _ => Cause::Unknown,
    }
}

/// Whether the logins of Codex are about a call: of a provider that uses them, or of one that is not named.
fn is_of_codex(provider: Option<&Provider>) -> bool {
    provider.is_none_or(|provider| provider.as_str().to_ascii_lowercase().contains("codex"))
}

/// Whether a newer login lies beside the one that a worker of Hermes uses: that of its profile, or else of the root.
fn has_newer_login(logins: &Logins) -> bool {
    let used = match &logins.profile.state {
        LoginState::Absent => &logins.root.state,
        state => state,
    };
    [&logins.root.state, &logins.codex.state].into_iter().any(|other| is_newer(other, used))
}

/// Whether one is good and another is not, or ends sooner: of two logins the later one was made later.
fn is_newer(login: &LoginState, used: &LoginState) -> bool {
    match (login, used) {
        (LoginState::Good(Some(end)), LoginState::Good(used)) => used.is_some_and(|used| used < *end),
        (LoginState::Good(_), LoginState::Good(_) | LoginState::ApiKey) => false,
        (LoginState::Good(_), _) => true,
        _ => false,
    }
}
