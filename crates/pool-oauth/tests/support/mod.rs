use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{CredentialId, Fingerprint, Headers, Provider};
use pool_oauth::{
    Ask, Profile, RefreshError, Refreshed, Refresher, Request, Response, SendError, Settings, Transport,
};
use pool_store::{FileStore, PoolHandle};
use serde_json::Value;
use zeroize::Zeroizing;

/// What the endpoint does with one request.
pub(crate) enum Act {
    Say(u16, String),
    Fail(SendError),
    /// Another program changes the store meanwhile; then it says this.
    Meanwhile(Box<dyn FnOnce() + Send>, u16, String),
}

/// A token endpoint that does what it was told, in order, and keeps what it was sent.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Scripted>>);

#[derive(Default)]
struct Scripted {
    acts: VecDeque<Act>,
    sent: Vec<String>,
}

impl Script {
    pub(crate) fn then(&self, act: Act) {
        self.0.lock().unwrap().acts.push_back(act);
    }

    /// What it was sent: where to, the header fields that are not always the same, and the body.
    pub(crate) fn sent(&self) -> Vec<String> {
        self.0.lock().unwrap().sent.clone()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Script")
    }
}

impl Transport for Script {
    fn post(&self, request: &Request<'_>) -> Result<Response, SendError> {
        let token = request.token_header.map(|(name, token)| format!("{name}: {}\n", token.expose()));
        let headers: String =
            request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let sent = format!("{}\n{headers}{}{}", request.url, token.unwrap_or_default(), *request.body);
        let act = {
            let mut script = self.0.lock().unwrap();
            script.sent.push(sent);
            script.acts.pop_front().expect("it is told what to do")
        };
        let (status, body) = match act {
            Act::Say(status, body) => (status, body),
            Act::Fail(error) => return Err(error),
            Act::Meanwhile(change, status, body) => {
                change();
                (status, body)
            }
        };
        Ok(Response { status, headers: Headers::default(), body: Zeroizing::new(body.into_bytes()) })
    }
}

pub(crate) const ACME: &str = r#"
    [oauth.acme]
    token_url = "https://acme.example/token"
    client_id = "agent"
"#;

/// A store with one login, an endpoint, and a clock that is moved by hand.
pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) endpoint: Script,
    now: Arc<Mutex<DateTime<Utc>>>,
    provider: Provider,
    profile: Profile,
}

impl World {
    /// A login of `acme` that ends at noon; now it is noon, and one minute.
    pub(crate) fn acme() -> Self {
        Self::of("acme", "old-access", "old-refresh")
    }

    pub(crate) fn of(provider: &str, access: &str, refresh: &str) -> Self {
        let provider = Provider::new(provider).unwrap();
        let profile = Settings::parse(ACME).unwrap().profile(&provider).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let noon = DateTime::parse_from_rfc3339("2026-05-26T12:00:00Z").unwrap().to_utc();
        let now = Arc::new(Mutex::new(noon + TimeDelta::minutes(1)));
        let world = Self { folder, endpoint: Script::default(), now, provider, profile };
        world.put(access, refresh);
        world
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("auth.json")
    }

    /// Writes the whole store anew, as another program would.
    pub(crate) fn put_text(&self, text: &str) {
        put_text(&self.path(), text);
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    /// Writes the store anew, as another program would.
    pub(crate) fn put(&self, access: &str, refresh: &str) {
        put(&self.path(), &self.provider, access, refresh, "2026-05-26T12:00:00Z");
    }

    /// As if the token were good for another hour.
    pub(crate) fn put_good_for_an_hour(&self) {
        put(&self.path(), &self.provider, "old-access", "old-refresh", "2026-05-26T13:00:00Z");
    }

    pub(crate) fn says(&self, status: u16, body: &str) {
        self.endpoint.then(Act::Say(status, body.to_owned()));
    }

    pub(crate) fn passes(&self, minutes: i64) {
        *self.now.lock().unwrap() += TimeDelta::minutes(minutes);
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    pub(crate) fn refresher(&self) -> Refresher {
        let now = Arc::clone(&self.now);
        let store = FileStore::new(self.path());
        let refresher = Refresher::with(store, self.endpoint.clone(), move || *now.lock().unwrap());
        refresher.insist_for(Duration::from_millis(300))
    }

    /// What an agent holds, by the same clock.
    pub(crate) fn handle(&self) -> PoolHandle {
        let now = Arc::clone(&self.now);
        PoolHandle::builder().clock(move || *now.lock().unwrap()).build(FileStore::new(self.path()))
    }

    pub(crate) fn ask(&self) -> Ask {
        let id = CredentialId::new("a").unwrap();
        Ask { provider: self.provider.clone(), id, seen: None, force: false }
    }

    pub(crate) fn refresh(&self) -> Result<Refreshed, RefreshError> {
        self.refresh_as(self.ask())
    }

    pub(crate) fn refresh_as(&self, ask: Ask) -> Result<Refreshed, RefreshError> {
        self.refresher().refresh(ask, self.profile.clone())
    }

    pub(crate) fn profile(&self) -> Profile {
        self.profile.clone()
    }

    /// What became of it, in words: how, and the tokens that are stored.
    pub(crate) fn outcome(&self) -> String {
        let how = match self.refresh() {
            Ok(Refreshed::Renewed(_)) => "renewed".to_owned(),
            Ok(Refreshed::Adopted(_)) => "adopted".to_owned(),
            Ok(Refreshed::Fresh(_)) => "fresh".to_owned(),
            Err(error) => error.to_string(),
        };
        let entry = self.entry();
        let token = |name: &str| entry[name].as_str().unwrap_or("none").to_owned();
        format!("{how} [{} {}]", token("access_token"), token("refresh_token"))
    }

    fn document(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.path()).unwrap()).unwrap()
    }

    pub(crate) fn entry(&self) -> Value {
        self.document()["credential_pool"][self.provider.as_str()][0].clone()
    }

    pub(crate) fn record(&self) -> Value {
        self.document()["credential_pool_runtime"][self.provider.as_str()]["a"].clone()
    }
}

#[expect(clippy::disallowed_methods, reason = "another program writes the store")]
pub(crate) fn put_text(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

pub(crate) fn put(path: &std::path::Path, provider: &Provider, access: &str, refresh: &str, ends: &str) {
    let text = format!(
        r#"{{"version": 1, "providers": {{}}, "credential_pool": {{"{provider}": [
            {{"id": "a", "label": "work", "auth_type": "oauth", "priority": 0, "source": "manual:device_code",
              "access_token": "{access}", "refresh_token": "{refresh}", "expires_at": "{ends}"}}]}}}}"#
    );
    put_text(path, &text);
}

pub(crate) fn seen(secret: &str) -> Option<Fingerprint> {
    Some(Fingerprint::of(secret))
}
