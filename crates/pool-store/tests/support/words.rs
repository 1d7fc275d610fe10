use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    Action, Change, Credential, CredentialId, Failure, Fingerprint, Grant, PickRequest, Place, Provider,
    Revive, Secret, Target, Tokens, Usage, time,
};
use pool_store::{PoolHandle, Reported};

/// The moment at which these tests play.
pub(crate) fn noon() -> DateTime<Utc> {
    time::parse_text("2026-05-26T12:00:00Z").unwrap()
}

pub(crate) fn minutes(count: i64) -> TimeDelta {
    TimeDelta::minutes(count)
}

/// A clock that stands at noon until it is moved.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(crate) fn at_noon() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn advance(&self, minutes: i64) {
        self.0.fetch_add(minutes, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        noon() + minutes(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) fn openrouter() -> Provider {
    Provider::new("openrouter").unwrap()
}

pub(crate) fn id(id: &str) -> CredentialId {
    CredentialId::new(id).unwrap()
}

pub(crate) fn by_id(name: &str) -> Target {
    Target::Id(id(name))
}

/// The key that [`Home::with_keys`](super::Home::with_keys) gives a credential.
pub(crate) fn key(id: &str) -> String {
    format!("sk-test-key-of-{id}")
}

pub(crate) fn secret(text: impl Into<String>) -> Secret {
    Secret::new(text.into())
}

pub(crate) fn fingerprint(id: &str) -> Fingerprint {
    Fingerprint::of(&key(id))
}

pub(crate) fn credential(name: &str) -> Credential {
    Credential::manual(id(name), secret(key(name)))
}

/// What kills a credential.
pub(crate) fn revoked() -> Failure {
    Failure::http(401).code("token_revoked").message("this token was revoked")
}

/// What lets it rest for an hour.
pub(crate) fn throttled() -> Failure {
    Failure::http(429).code("rate_limit_exceeded").message("slow down")
}

/// What says nothing about a credential.
pub(crate) fn malformed() -> Failure {
    Failure::http(400).message("no such parameter")
}

pub(crate) fn request() -> PickRequest {
    PickRequest::new(openrouter())
}

/// Who is handed out now, or what is said instead.
pub(crate) fn picked(handle: &PoolHandle) -> String {
    match handle.pick(&request()) {
        Ok(credential) => credential.id.to_string(),
        Err(error) => error.to_string(),
    }
}

/// The status that holds now.
pub(crate) fn status(handle: &PoolHandle, name: &str) -> String {
    let pools = handle.pools().unwrap();
    let pool = pools.get(&openrouter()).unwrap();
    let mut standings = pool.standings(noon());
    let (_, standing) = standings.find(|(credential, _)| credential.id.as_str() == name).unwrap();
    standing.status().to_owned()
}

/// How often it was handed out, as the handle knows.
pub(crate) fn uses(handle: &PoolHandle, name: &str) -> u64 {
    let pools = handle.pools().unwrap();
    let record = pools.get(&openrouter()).and_then(|pool| pool.record(&id(name)));
    record.map_or(0, |record| record.usage.request_count)
}

pub(crate) fn marked(reported: Reported) -> Vec<String> {
    match reported {
        Reported::Taken { marked, .. } => marked.iter().map(ToString::to_string).collect(),
        Reported::Stale => vec!["stale".to_owned()],
    }
}

/// One of each kind of change, about the credential `a`.
pub(crate) fn one_of_each() -> Vec<Change> {
    let judgement =
        pool_core::Judgement::of(revoked(), &openrouter(), &pool_core::Cooldowns::default(), noon());
    let tokens = Tokens::access(secret("sk-test-new"));
    let usage = Usage { request_count: 1, last_used_at: Some(noon()) };
    let actions = [
        Action::Fail { target: by_id("a"), judgement },
        Action::Succeed { target: by_id("a"), began_at: noon(), model: None },
        Action::Reset { id: Some(id("a")), revive: Revive::TheDead },
        Action::Add { credential: Box::new(credential("new")), place: Place::Last },
        Action::Remove { target: by_id("a") },
        Action::Rotate { target: by_id("a"), tokens, grant: Grant::New, expires_at: None },
        Action::Count { uses: [(id("a"), usage)].into() },
    ];
    actions.into_iter().map(|action| Change { provider: openrouter(), action }).collect()
}

/// Waits for what will be so.
pub(crate) fn until(mut is_so: impl FnMut() -> bool, what: &str) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("{what}: not within ten seconds");
}
