//! An agent on one handle, told what to do line by line, for tests with several processes: `agent STORE`.
//!
//! It looks at the store and says `ready`. Then it answers each line of its input with one of its own: `done`, `stale`, or
//! `error: ...`. A change that it answers with `done` is acknowledged. Its time is noon, and a second later at each line.

#![expect(clippy::unwrap_used, reason = "a test program that is misused fails")]
#![expect(clippy::print_stdout, reason = "its answers")]

use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    Credential, CredentialId, Failure, Fingerprint, Grant, PickRequest, Pool, Provider, Revive, Secret,
    Target, Tokens,
};
use pool_store::{FileStore, PoolHandle, Reported};

/// What is said to one line.
type Answer = Result<String, Box<dyn Error>>;

/// 2026-05-26T12:00:00Z, in seconds since 1970.
const NOON: i64 = 1_779_796_800;

struct Agent {
    pool: PoolHandle,
    provider: Provider,
    clock: Arc<AtomicI64>,
}

fn main() {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .init();
    let agent = Agent::on(&std::env::args().nth(1).unwrap());
    agent.pool.pools().unwrap();
    println!("ready");
    for line in io::stdin().lines() {
        agent.clock.fetch_add(1, Ordering::Relaxed);
        println!("{}", agent.answer(&line.unwrap()).unwrap_or_else(|error| in_one_line(error.as_ref())));
    }
}

impl Agent {
    fn on(store: &str) -> Self {
        let clock = Arc::new(AtomicI64::new(NOON));
        let hands = Arc::clone(&clock);
        let pool = PoolHandle::builder().clock(move || time_of(&hands)).build(FileStore::new(store));
        Self { pool, provider: Provider::new("acme").unwrap(), clock }
    }

    fn now(&self) -> DateTime<Utc> {
        time_of(&self.clock)
    }

    fn answer(&self, line: &str) -> Answer {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["kill", id, reason] => self.report(id, Failure::http(401).code("token_revoked").message(reason)),
            ["rest", id, minutes] => {
                let end = self.now() + TimeDelta::minutes(minutes.parse()?);
                self.report(id, Failure::http(429).reset_at(end))
            }
            ["succeed", id] => said(self.pool.succeed(&self.provider, named(id)?, self.now(), None)?),
            ["reset", id] => {
                self.pool.reset(&self.provider, Some(CredentialId::new(id)?), Revive::TheDead)?;
                Ok("done".to_owned())
            }
            ["add", id, secret] => {
                let key = Credential::manual(CredentialId::new(id)?, Secret::new(secret.to_owned()));
                self.pool.add(&self.provider, key)?;
                Ok("done".to_owned())
            }
            ["remove", id] => said(self.pool.remove(&self.provider, named(id)?)?),
            ["rotate", id, secret] => self.rotate(named(id)?, secret),
            ["refresh", id, secret] => self.refresh(id, secret),
            ["count", id] => {
                self.pool.count(&self.provider, &CredentialId::new(id)?)?;
                Ok("done".to_owned())
            }
            ["pick", times] => self.picks(times.parse()?),
            ["flush"] => {
                self.pool.flush()?;
                Ok("done".to_owned())
            }
            _ => Err(format!("nobody knows what `{line}` means").into()),
        }
    }

    fn report(&self, id: &str, failure: Failure) -> Answer {
        said(self.pool.report(&self.provider, named(id)?, failure)?)
    }

    fn rotate(&self, target: Target, secret: &str) -> Answer {
        let tokens = Tokens::access(Secret::new(secret.to_owned()));
        said(self.pool.rotate(&self.provider, target, tokens, Grant::New, None)?)
    }

    /// Replaces the secret that it knows; says which, if nobody else was faster.
    fn refresh(&self, id: &str, secret: &str) -> Answer {
        let known = self.known_secret(id)?;
        match self.rotate(Target::Held(CredentialId::new(id)?, known), secret)?.as_str() {
            "done" => Ok(format!("done {known}")),
            other => Ok(other.to_owned()),
        }
    }

    fn known_secret(&self, id: &str) -> Result<Fingerprint, Box<dyn Error>> {
        let pools = self.pool.pools()?;
        let mut credentials = pools.get(&self.provider).into_iter().flat_map(Pool::credentials);
        let known = credentials
            .find(|credential| credential.id.as_str() == id)
            .and_then(|credential| credential.subject());
        Ok(known.ok_or("it is not there")?)
    }

    /// All that are handed out in so many picks.
    fn picks(&self, times: usize) -> Answer {
        let request = PickRequest::new(self.provider.clone());
        let mut picked = BTreeSet::new();
        for _ in 0..times {
            picked.insert(self.pool.lease(&request)?.id().to_string());
        }
        Ok(picked.into_iter().collect::<Vec<_>>().join(" "))
    }
}

fn time_of(clock: &AtomicI64) -> DateTime<Utc> {
    DateTime::from_timestamp_secs(clock.load(Ordering::Relaxed)).unwrap()
}

fn named(id: &str) -> Result<Target, Box<dyn Error>> {
    Ok(Target::Id(CredentialId::new(id)?))
}

#[expect(clippy::unnecessary_wraps, reason = "it ends a chain of what may fail")]
fn said(reported: Reported) -> Answer {
    Ok(if reported == Reported::Stale { "stale" } else { "done" }.to_owned())
}

fn in_one_line(error: &dyn Error) -> String {
    let mut line = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        line += &format!(": {error}");
        cause = error.source();
    }
    line
}
