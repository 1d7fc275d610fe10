use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use pool_core::Headers;
use pool_oauth::{Request, Response, SendError, Transport};
use zeroize::Zeroizing;

use crate::simulator::homes::Homes;
use crate::simulator::provider::{Pair, Provider, Rotation};
use crate::simulator::strangers::Strangers;

/// What the engine touches besides the homes of a login: the clock, the network and the provider. It draws what happens there.
#[derive(Clone)]
pub(crate) struct World(pub(crate) Arc<Mutex<Inner>>);

pub(crate) struct Inner {
    /// The clock of the agents, which may be set.
    pub(crate) now: DateTime<Utc>,
    /// How far ahead of the clock of the provider, which nobody sets.
    pub(crate) ahead: TimeDelta,
    pub(crate) provider: Provider,
    pub(crate) homes: Homes,
    pub(crate) chance: Rng,
    pub(crate) odds: Odds,
    pub(crate) strangers: Strangers,
    /// By refresh token.
    pub(crate) fates: BTreeMap<String, Fate>,
    /// What was sent since an agent asked.
    pub(crate) sent: BTreeSet<String>,
    /// What happened, for whoever looks for the fault.
    pub(crate) story: Vec<String>,
}

/// Of a thousand: how often what goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    /// A process dies where it may.
    pub(crate) crashes: u32,
    /// A request goes wrong, in a way that says so.
    pub(crate) faults: u32,
    /// A request goes wrong, and nobody hears what became of it.
    pub(crate) silences: u32,
    /// Another program does something, and takes no lock for it.
    pub(crate) strangers: u32,
    /// Whether somebody sets the clock now and then.
    pub(crate) sets_clock: bool,
}

/// What became of a refresh token that our agents had.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Fate {
    /// How often the provider was to take it.
    pub(crate) spends: u32,
    /// To how many of them it said that it could not, and to try again.
    pub(crate) put_off: u32,
    /// To how many of them nobody heard the answer.
    pub(crate) unheard: u32,
    /// How many attempts ended without a word.
    pub(crate) silences: u32,
    /// How often it was spent for the tokens of another account.
    pub(crate) misdirected: u32,
    /// How often another program brought it back from a time that nobody remembers.
    pub(crate) forgiven: u32,
    /// Whether one of us was told that it is no good.
    pub(crate) is_refused: bool,
}

/// What a process ends with that dies.
pub(crate) struct Crash;

impl Inner {
    pub(crate) fn happens(&mut self, of_a_thousand: u32) -> bool {
        self.chance.u32(0..1000) < of_a_thousand
    }

    /// The time of the provider.
    pub(crate) fn real_time(&self) -> DateTime<Utc> {
        self.now - self.ahead
    }

    /// What may happen between two steps of the engine.
    fn meanwhile(&mut self, place: &str) {
        if self.happens(self.odds.strangers) {
            self.stranger_acts();
        }
        if self.happens(self.odds.crashes) {
            self.story.push(format!("it dies {place}"));
            // A panic without its words. As with a process that dies, the locks are free then.
            resume_unwind(Box::new(Crash));
        }
    }

    fn answer(&mut self, refresh_token: &str) -> Result<(u16, String), SendError> {
        if self.happens(self.odds.silences) {
            return self.answer_unheard(refresh_token);
        }
        if !self.happens(self.odds.faults) {
            return Ok(self.spend(refresh_token));
        }
        let fault = self.chance.u32(0..8);
        self.story.push(format!("fault {fault} meets {refresh_token}"));
        Ok(match fault {
            0..=1 => return Err(SendError::NotSent("no route".to_owned())),
            2..=5 => {
                // Whoever stands before the provider says so, and may have asked it.
                let status = *self.chance.choice(&[500, 502, 503, 504, 529]).unwrap();
                let is_silence = [502, 504].contains(&status);
                if fault == 2 {
                    self.spend(refresh_token);
                }
                let fate = self.fate(refresh_token);
                fate.silences += u32::from(is_silence);
                fate.unheard += u32::from(is_silence && fault == 2);
                fate.put_off += u32::from(!is_silence && fault == 2);
                (status, "<html>".to_owned())
            }
            6 => (429, String::new()),
            _ => self.misdirect(refresh_token),
        })
    }

    fn answer_unheard(&mut self, refresh_token: &str) -> Result<(u16, String), SendError> {
        let how = self.chance.u32(0..4);
        self.story.push(format!("nobody hears what becomes of {refresh_token}: {how}"));
        if how > 0 {
            self.spend(refresh_token);
            self.fate(refresh_token).unheard += 1;
        }
        self.fate(refresh_token).silences += 1;
        match how {
            0 => Err(SendError::Unclear("it did not arrive".to_owned())),
            1 => Err(SendError::TimedOut),
            2 => Ok((200, "<html>".to_owned())),
            _ => Ok((200, r#"{"token_type": "Bearer"}"#.to_owned())),
        }
    }

    fn misdirect(&mut self, refresh_token: &str) -> (u16, String) {
        let (status, body) = self.spend(refresh_token);
        if status != 200 {
            return (status, body);
        }
        self.story.push("the tokens are of another account".to_owned());
        self.fate(refresh_token).misdirected += 1;
        let pair = Pair { access: String::new(), refresh: refresh_token.to_owned() };
        (status, self.provider.answer_to_another(&pair, self.real_time()))
    }

    fn spend(&mut self, refresh_token: &str) -> (u16, String) {
        self.fate(refresh_token).spends += 1;
        let pair = self.provider.spend(refresh_token, self.real_time());
        let (status, body) = match &pair {
            Some(pair) => (200, self.provider.answer(pair)),
            None => (400, r#"{"error": "invalid_grant"}"#.to_owned()),
        };
        self.fate(refresh_token).is_refused |= pair.is_none();
        // No two tokens end at one moment.
        self.now += TimeDelta::seconds(1);
        self.story.push(format!("{refresh_token} is sent, and {status} comes back"));
        (status, body)
    }

    pub(crate) fn fate(&mut self, refresh_token: &str) -> &mut Fate {
        self.fates.entry(refresh_token.to_owned()).or_default()
    }

    /// Whether a token that is used is spent.
    pub(crate) fn rotates(&self) -> bool {
        self.provider.rotation == Rotation::Each
    }
}

impl World {
    /// The clock of the engine, which it reads before each of its writes.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.step("between two steps");
        lock(&self.0).now
    }

    /// A moment at which something else may happen.
    pub(crate) fn step(&self, place: &str) {
        let mut inner = lock(&self.0);
        // The engine draws its pauses from the chance of its thread.
        fastrand::seed(inner.chance.u64(..));
        inner.meanwhile(place);
    }
}

impl Transport for World {
    fn post(&self, request: &Request<'_>) -> Result<Response, SendError> {
        let mut inner = lock(&self.0);
        let refresh_token = request.body.split('&').find_map(|field| field.strip_prefix("refresh_token="));
        let refresh_token = refresh_token.unwrap().to_owned();
        inner.meanwhile("before it sends");
        inner.sent.insert(refresh_token.clone());
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

/// Also after a crash, which poisons the lock and nothing else.
pub(crate) fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}
