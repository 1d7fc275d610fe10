use std::collections::BTreeMap;
use std::fmt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use fastrand::Rng;
use pool_core::Headers;
use pool_oauth::{Request, Response, SendError, Transport};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::simulator::provider::Provider;

/// What the engine touches besides the store: the clock, the network and the provider. It draws what happens there.
#[derive(Clone)]
pub(crate) struct World(pub(crate) Arc<Mutex<Inner>>);

pub(crate) struct Inner {
    pub(crate) now: DateTime<Utc>,
    pub(crate) provider: Provider,
    pub(crate) chance: Rng,
    /// Of a thousand: how often a process dies where it may.
    pub(crate) crashes: u32,
    /// The same: how often a request goes wrong.
    pub(crate) faults: u32,
    /// The same: how often another program renews the login, and takes no lock for it.
    pub(crate) strangers: u32,
    pub(crate) path: PathBuf,
    /// By refresh token.
    pub(crate) fates: BTreeMap<String, Fate>,
    /// What happened, for whoever looks for the fault.
    pub(crate) story: Vec<String>,
}

/// What became of a refresh token.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Fate {
    /// How often the provider was to take it.
    pub(crate) spends: u32,
    /// To how many of them nobody heard the answer.
    pub(crate) unheard: u32,
    /// How many attempts ended without a word.
    pub(crate) silences: u32,
}

/// What a process ends with that dies.
pub(crate) struct Crash;

impl Inner {
    pub(crate) fn happens(&mut self, of_a_thousand: u32) -> bool {
        self.chance.u32(0..1000) < of_a_thousand
    }

    /// What may happen between two steps of the engine.
    fn meanwhile(&mut self, place: &str) {
        if self.happens(self.strangers) {
            self.stranger_renews();
        }
        if self.happens(self.crashes) {
            self.story.push(format!("it dies {place}"));
            // A panic without its words. As with a process that dies, the locks are free then.
            resume_unwind(Box::new(Crash));
        }
    }

    /// It keeps the pair in the store, as a good neighbour, or to itself, as a thief.
    fn stranger_renews(&mut self) {
        let mut document: Value =
            serde_json::from_str(&std::fs::read_to_string(&self.path).unwrap()).unwrap();
        let entry = &mut document["credential_pool"]["acme"][0];
        let (status, pair) = self.provider.spend(entry["refresh_token"].as_str().unwrap(), self.now);
        let is_thief = self.chance.bool();
        self.story.push(format!("a stranger renews {}: {status}, thief: {is_thief}", entry["refresh_token"]));
        if status == 200 && !is_thief {
            let pair: Value = serde_json::from_str(&pair).unwrap();
            for name in ["access_token", "refresh_token"] {
                entry[name] = pair[name].clone();
            }
            write(&self.path, &document);
        }
    }

    fn answer(&mut self, refresh_token: &str) -> Result<(u16, String), SendError> {
        if !self.happens(self.faults) {
            return Ok(self.spend(refresh_token));
        }
        let fault = self.chance.u32(0..5);
        self.story.push(format!("fault {fault} meets {refresh_token}"));
        match fault {
            0 => Err(SendError::NotSent("no route".to_owned())),
            1 => Ok((503, String::new())),
            2 => Ok((429, String::new())),
            3 => {
                self.fate(refresh_token).silences += 1;
                Err(SendError::Unclear("it did not arrive".to_owned()))
            }
            _ => {
                self.spend(refresh_token);
                let fate = self.fate(refresh_token);
                (fate.unheard, fate.silences) = (fate.unheard + 1, fate.silences + 1);
                Err(SendError::TimedOut)
            }
        }
    }

    fn spend(&mut self, refresh_token: &str) -> (u16, String) {
        self.fate(refresh_token).spends += 1;
        let answer = self.provider.spend(refresh_token, self.now);
        self.story.push(format!("{refresh_token} is sent, and {} comes back", answer.0));
        answer
    }

    pub(crate) fn fate(&mut self, refresh_token: &str) -> &mut Fate {
        self.fates.entry(refresh_token.to_owned()).or_default()
    }
}

impl World {
    /// The clock of the engine, which it reads before each of its writes.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let mut inner = lock(&self.0);
        // The engine draws its pauses from the chance of its thread.
        fastrand::seed(inner.chance.u64(..));
        inner.meanwhile("between two steps");
        inner.now
    }
}

impl Transport for World {
    fn post(&self, request: &Request<'_>) -> Result<Response, SendError> {
        let mut inner = lock(&self.0);
        let refresh_token = request.body.split('&').find_map(|field| field.strip_prefix("refresh_token="));
        let refresh_token = refresh_token.unwrap().to_owned();
        inner.meanwhile("before it sends");
        let (status, body) = inner.answer(&refresh_token)?;
        inner.meanwhile("before it hears back");
        Ok(Response { status, headers: Headers::default(), body: Zeroizing::new(body.into_bytes()) })
    }
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("World")
    }
}

#[expect(clippy::disallowed_methods, reason = "another program writes the store")]
fn write(path: &Path, document: &Value) {
    std::fs::write(path, document.to_string()).unwrap();
}

/// Also after a crash, which poisons the lock and nothing else.
pub(crate) fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}
