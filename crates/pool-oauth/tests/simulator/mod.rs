//! Thousands of schedules: agents that share a login, processes that die, requests that go wrong, and a virtual clock. What
//! happens is drawn from a seed, so a seed that fails does so again: `SIMULATOR_SEED=N cargo test -p pool-oauth simulator`.
//!
//! One agent acts at a time. That leaves nothing out: whoever renews holds the lock of the grant from the first look to the last
//! write, and who waits for it does nothing but wait. What matters is what an agent had seen before, and where others died.

mod provider;
mod world;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta};
use fastrand::Rng;
use pool_core::{CredentialId, Fingerprint, Holding, Standing};
use pool_oauth::{Ask, Profile, RefreshError, Refreshed, Refresher};
use pool_store::{FileStore, Store};

use self::provider::{FIRST_ACCESS, FIRST_REFRESH, Provider};
use self::world::{Crash, Fate, Inner, World, lock};
use crate::support::put;

const SEEDS: std::ops::Range<u64> = 0..2000;
const STEPS: u32 = 24;
const START: &str = "2026-05-26T12:00:00Z";

#[test]
fn whatever_happens_a_login_is_spent_once_and_shared() {
    let folder = in_memory();
    let only = std::env::var("SIMULATOR_SEED").ok().map(|seed| seed.parse().unwrap());
    for seed in only.map_or(SEEDS, |seed| seed..seed + 1) {
        drop(Simulation::new(folder.path(), seed).run());
    }
}

#[test]
fn a_seed_tells_the_same_story_again() {
    let folder = in_memory();
    for seed in 0..20 {
        let story = || Simulation::new(folder.path(), seed).run();
        assert_eq!(story(), story(), "seed {seed}");
    }
}

/// A folder that need not reach a disk, where there is one: what a disk does is shown elsewhere.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

struct Simulation {
    seed: u64,
    store: FileStore,
    world: World,
    profile: Profile,
    /// What each agent believes to be the access token.
    agents: Vec<Fingerprint>,
}

/// What is on disk.
struct Stored {
    access: Fingerprint,
    refresh: String,
    /// Why it is dead.
    death: Option<String>,
}

impl Simulation {
    fn new(folder: &Path, seed: u64) -> Self {
        let mut chance = Rng::with_seed(seed);
        let path = folder.join("auth.json");
        put(&path, &acme(), FIRST_ACCESS, FIRST_REFRESH, START);
        let grace = TimeDelta::seconds(*chance.choice(&[0, 60, 3600]).unwrap());
        let inner = Inner {
            now: DateTime::parse_from_rfc3339(START).unwrap().to_utc(),
            provider: Provider::new(grace, chance.bool()),
            crashes: *chance.choice(&[0, 20, 150]).unwrap(),
            faults: *chance.choice(&[0, 100, 500]).unwrap(),
            strangers: *chance.choice(&[0, 0, 20]).unwrap(),
            path: path.clone(),
            fates: BTreeMap::new(),
            story: vec![format!("a grace of {grace}")],
            chance,
        };
        let agents = vec![Fingerprint::of(FIRST_ACCESS); 4];
        let world = World(Arc::new(Mutex::new(inner)));
        let profile = Profile::standard("https://acme.example/token".parse().unwrap());
        Self { seed, store: FileStore::new(path), world, profile, agents }
    }

    fn run(mut self) -> String {
        for _ in 0..STEPS {
            self.step();
            self.obeys_the_laws();
        }
        self.ends_well();
        self.story()
    }

    fn step(&mut self) {
        let agent = self.chance(|chance| chance.usize(..4));
        match self.chance(|chance| chance.u32(0..10)) {
            0..=1 => self.agents[agent] = self.stored().access,
            2..=6 => drop(self.ask(agent)),
            _ => self.time_passes(),
        }
    }

    fn time_passes(&self) {
        let seconds = self.chance(|chance| *chance.choice(&[5, 30, 180, 4000]).unwrap());
        let mut inner = lock(&self.world.0);
        inner.now += TimeDelta::seconds(seconds);
        inner.story.push(format!("{seconds} s pass"));
    }

    /// An agent asks, and goes on with what it gets. None where its process dies; the next one reads what is stored.
    fn ask(&mut self, agent: usize) -> Option<Result<Refreshed, RefreshError>> {
        let id = CredentialId::new("a").unwrap();
        let ask = Ask { provider: acme(), id, seen: Some(self.agents[agent]), force: false };
        let world = self.world.clone();
        let refresher = Refresher::with(self.store.clone(), self.world.clone(), move || world.now());
        let Stored { refresh: token, death: death_before, .. } = self.stored();
        let before = *lock(&self.world.0).fate(&token);
        let profile = self.profile.clone();
        let end = match catch_unwind(AssertUnwindSafe(|| refresher.refresh(ask, profile))) {
            Ok(end) => Some(end),
            Err(panic) if panic.is::<Crash>() => None,
            Err(panic) => resume_unwind(panic),
        };
        match &end {
            Some(Ok(refreshed)) => {
                self.agents[agent] = refreshed.credential().secret().unwrap().fingerprint();
            }
            Some(Err(_)) => {}
            None => {
                let mut inner = lock(&self.world.0);
                let fate = inner.fate(&token);
                fate.silences = before.silences + 1;
                fate.unheard = before.unheard + (fate.spends - before.spends);
                drop(inner);
                self.agents[agent] = self.stored().access;
            }
        }
        let how = end.as_ref().map(|end| end.as_ref().map(name_of).map_err(ToString::to_string));
        lock(&self.world.0).story.push(format!("agent {agent} asked: {how:?}"));
        if matches!(end, Some(Err(RefreshError::Dead { .. }))) {
            // A stranger may revive it after the engine has read that it is dead.
            let was_dead = death_before.is_some() || self.stored().death.is_some();
            self.holds(was_dead, "it is told to be dead, and was not");
        }
        end
    }

    fn obeys_the_laws(&self) {
        let stored = self.stored();
        let (fates, would_take) = {
            let inner = lock(&self.world.0);
            (inner.fates.clone(), inner.provider.would_take(&stored.refresh, inner.now))
        };
        for (token, Fate { spends, unheard, .. }) in &fates {
            self.holds(*spends <= 1 + unheard.min(&1), format_args!("{token} was spent {spends} times"));
        }
        let silences = fates.get(&stored.refresh).map_or(0, |fate| fate.silences);
        match stored.death {
            None => {}
            Some(reason) if reason.starts_with("lost ") => {
                self.holds(silences >= 1, "it is lost, and nothing had gone wrong");
                self.holds(silences >= 2 || !would_take, "it is lost after one attempt, and healthy");
            }
            Some(reason) => self.holds(!would_take, format_args!("it is dead of {reason}, and healthy")),
        }
    }

    /// Nothing goes wrong any more, and all ask until they have heard of each other.
    fn ends_well(&mut self) {
        {
            let mut inner = lock(&self.world.0);
            (inner.crashes, inner.faults, inner.strangers) = (0, 0, 0);
            inner.now += TimeDelta::hours(2);
        }
        let mut ends = Vec::new();
        for _ in 0..2 {
            ends = (0..self.agents.len()).filter_map(|agent| self.ask(agent)).collect();
            self.obeys_the_laws();
        }
        let stored = self.stored();
        if stored.death.is_some() {
            let all_know = ends.iter().all(|end| matches!(end, Err(RefreshError::Dead { .. })));
            return self.holds(all_know, "it is dead, and somebody was not told");
        }
        self.holds(ends.iter().all(Result::is_ok), "it is alive, and somebody got nothing");
        self.holds(self.agents.iter().all(|seen| *seen == stored.access), "not all have the same token");
        let inner = lock(&self.world.0);
        let is_good = inner.provider.would_take(&stored.refresh, inner.now);
        drop(inner);
        self.holds(is_good, "what they have cannot be renewed");
    }

    #[track_caller]
    fn holds(&self, is_so: bool, otherwise: impl Display) {
        if !is_so {
            let (seed, story) = (self.seed, self.story());
            panic!("{story}\n{otherwise}\nagain: SIMULATOR_SEED={seed} cargo test -p pool-oauth simulator");
        }
    }

    fn story(&self) -> String {
        lock(&self.world.0).story.join("\n")
    }

    fn chance<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut lock(&self.world.0).chance)
    }

    fn stored(&self) -> Stored {
        let now = lock(&self.world.0).now;
        let pools = self.store.load(None, now).unwrap().unwrap().pools;
        let pool = pools.get(&acme()).unwrap();
        let login = &pool.credentials()[0];
        let Holding::Owned(tokens) = &login.holding else { panic!("it is not lent") };
        let death = match pool.standing(login, now) {
            Standing::Dead { error, .. } => Some(error.reason.unwrap_or_default()),
            _ => None,
        };
        let refresh = tokens.refresh_token().unwrap().expose().to_owned();
        Stored { access: login.secret().unwrap().fingerprint(), refresh, death }
    }
}

fn acme() -> pool_core::Provider {
    pool_core::Provider::new("acme").unwrap()
}

fn name_of(refreshed: &Refreshed) -> &'static str {
    match refreshed {
        Refreshed::Renewed(_) => "renewed",
        Refreshed::Adopted(_) => "adopted",
        Refreshed::Fresh(_) => "fresh",
    }
}
