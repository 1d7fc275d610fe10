//! Thousands of schedules: agents that share logins, other programs that have them too, processes that die, requests that go wrong,
//! and a virtual clock that somebody sets. What happens is drawn from a seed, so a seed that fails does so again:
//! `SIMULATOR_SEED=N cargo test -p pool-oauth simulator`; `SIMULATOR_SEEDS=N` tries so many.
//!
//! One agent acts at a time. That leaves nothing out: whoever renews holds the lock of the token from the first look to the last
//! write, and who waits for it does nothing but wait. What matters is what an agent had seen before, and where others died.

mod homes;
mod laws;
mod provider;
mod strangers;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta};
use fastrand::Rng;
use pool_core::{CredentialId, Fingerprint};
use pool_oauth::{Ask, Profile, RefreshError, Refreshed, Refresher, Stores};
use pool_store::FileStore;
use serde_json::Value;

use self::homes::{Homes, Scene};
use self::laws::Seen;
use self::provider::{Provider, Rotation};
use self::strangers::Strangers;
use self::world::{Crash, Inner, Odds, World, lock};

/// Of each scene.
const SEEDS: u64 = 120;
const STEPS: u32 = 24;
const AGENTS: usize = 4;
const START: &str = "2026-05-26T12:00:00Z";

#[test]
fn a_store_by_itself() {
    try_seeds(Scene::Alone, false);
}

#[test]
fn twins_that_share_a_grant_while_nothing_goes_wrong() {
    try_seeds(Scene::Twins, true);
}

#[test]
fn twins_that_share_a_grant() {
    try_seeds(Scene::Twins, false);
}

#[test]
fn a_login_with_copies_in_files_of_others() {
    try_seeds(Scene::Copied, false);
}

#[test]
fn a_login_that_a_file_of_another_lends() {
    try_seeds(Scene::Lent, false);
}

#[test]
fn a_login_with_a_copy_under_providers() {
    try_seeds(Scene::Beside, false);
}

#[test]
fn a_profile_with_a_copy_in_its_root() {
    try_seeds(Scene::Profile, false);
}

#[test]
fn a_seed_tells_the_same_story_again() {
    let folder = in_memory();
    for (scene, seed) in Scene::ALL.into_iter().zip(0..) {
        let story = || Simulation::new(folder.path(), scene, true, seed).run();
        assert_eq!(story(), story(), "{scene:?}, seed {seed}");
    }
}

/// Runs the seeds that are asked for.
fn try_seeds(scene: Scene, is_calm: bool) {
    let number = |name: &str| std::env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    let seeds = match number("SIMULATOR_SEED") {
        Some(only) => only..only + 1,
        None => 0..number("SIMULATOR_SEEDS").unwrap_or(SEEDS),
    };
    let folder = in_memory();
    for seed in seeds {
        drop(Simulation::new(folder.path(), scene, is_calm, seed).run());
    }
}

/// A folder that need not reach a disk, where there is one: what a disk does is shown elsewhere.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

struct Simulation {
    seed: u64,
    homes: Homes,
    world: World,
    profile: Profile,
    agents: Vec<Agent>,
    /// The stores, as nobody in the simulation sees them.
    observed: Vec<FileStore>,
    /// What is none of our business.
    of_others: Vec<Value>,
}

/// A process, and what it believes to be the access token of each credential.
struct Agent {
    stores: Stores,
    believes: BTreeMap<&'static str, Fingerprint>,
}

type End = Result<Refreshed, RefreshError>;

impl Simulation {
    fn new(folder: &Path, scene: Scene, is_calm: bool, seed: u64) -> Self {
        let mut chance = Rng::with_seed(seed);
        let now = DateTime::parse_from_rfc3339(START).unwrap().to_utc();
        let grace = TimeDelta::seconds(*chance.choice(&[0, 60, 3600]).unwrap());
        let rotation = *chance
            .choice(&[Rotation::Each, Rotation::Each, Rotation::Each, Rotation::Never, Rotation::Omitted])
            .unwrap();
        let mut provider = Provider::new(grace, chance.bool(), rotation);
        let homes = Homes::new(scene, folder);
        let (a, c) = (provider.grant("a", now), provider.grant("c", now));
        homes.furnish(&a, &c, now);
        let odds = Odds {
            crashes: *chance.choice(&[0, 20, 150]).unwrap(),
            faults: *chance.choice(&[0, 100, 500]).unwrap(),
            silences: *chance.choice(&[0, 0, 100, 300]).unwrap(),
            strangers: *chance.choice(&[0, 0, 20, 60]).unwrap(),
            sets_clock: chance.bool(),
        };
        let odds =
            if is_calm { Odds { crashes: 0, faults: 0, silences: 0, strangers: 0, ..odds } } else { odds };
        let story = vec![format!("{scene:?}, {provider:?}, {odds:?}")];
        let inner = Inner {
            now,
            ahead: TimeDelta::zero(),
            provider,
            homes: homes.clone(),
            chance,
            odds,
            strangers: Strangers::default(),
            fates: BTreeMap::new(),
            sent: Default::default(),
            story,
        };
        let world = World(Arc::new(Mutex::new(inner)));
        let believes: BTreeMap<_, _> =
            scene.ids().iter().map(|id| (*id, if *id == "c" { &c } else { &a })).collect();
        let agents = (0..AGENTS).map(|agent| Agent {
            stores: homes.open(agent, Some(&world)),
            believes: believes.iter().map(|(id, pair)| (*id, Fingerprint::of(&pair.access))).collect(),
        });
        let (agents, observed, of_others) = (agents.collect(), homes.observed(), homes.of_others());
        let profile = Profile::standard("https://acme.example/token".parse().unwrap());
        Self { seed, homes, world, profile, agents, observed, of_others }
    }

    fn run(mut self) -> String {
        for _ in 0..STEPS {
            self.step();
        }
        self.ends_well();
        self.story()
    }

    fn step(&mut self) {
        let agent = self.chance(|chance| chance.usize(..AGENTS));
        let id = self.chance(|chance| *chance.choice(self.homes.scene.ids()).unwrap());
        match self.chance(|chance| chance.u32(0..12)) {
            0..=1 => self.look(agent, id),
            2..=7 => {
                self.ask(agent, id);
                self.obeys_the_laws();
            }
            8..=10 => self.time_passes(),
            _ if self.sets_clock() => self.somebody_sets_the_clock(),
            _ => self.time_passes(),
        }
    }

    fn sets_clock(&self) -> bool {
        lock(&self.world.0).odds.sets_clock
    }

    fn time_passes(&self) {
        let seconds = self.chance(|chance| *chance.choice(&[5, 30, 180, 4000]).unwrap());
        let mut inner = lock(&self.world.0);
        inner.now += TimeDelta::seconds(seconds);
        inner.story.push(format!("{seconds} s pass"));
    }

    fn somebody_sets_the_clock(&self) {
        let seconds = self.chance(|chance| *chance.choice(&[-1200, -150, -20, 100, 900]).unwrap());
        let mut inner = lock(&self.world.0);
        inner.now += TimeDelta::seconds(seconds);
        inner.ahead += TimeDelta::seconds(seconds);
        inner.story.push(format!("the clock is set by {seconds} s"));
    }

    /// An agent looks at what is stored.
    fn look(&mut self, agent: usize, id: &'static str) {
        if let Some(access) = self.seen_by(agent, id).and_then(|seen| seen.access) {
            self.agents[agent].believes.insert(id, access);
        }
    }

    /// An agent asks, and goes on with what it gets. None where its process dies; the next one reads what is stored.
    fn ask(&mut self, agent: usize, id: &'static str) -> Option<End> {
        let before = self.seen();
        let acts = self.begins_to_ask();
        let ask = Ask {
            provider: self.homes.scene.provider(),
            id: CredentialId::new(id).unwrap(),
            seen: Some(self.agents[agent].believes[id]),
            force: false,
        };
        let world = self.world.clone();
        let refresher =
            Refresher::with(self.agents[agent].stores.clone(), self.world.clone(), move || world.now());
        let profile = self.profile.clone();
        let end = match catch_unwind(AssertUnwindSafe(|| refresher.refresh(ask, profile))) {
            Ok(end) => Some(end),
            Err(panic) if panic.is::<Crash>() => None,
            Err(panic) => resume_unwind(panic),
        };
        let how = end.as_ref().map(|end| end.as_ref().map(name_of).map_err(ToString::to_string));
        lock(&self.world.0).story.push(format!("agent {agent} asked for {id}: {how:?}"));
        let is_undisturbed = lock(&self.world.0).strangers.acts == acts;
        match &end {
            Some(Ok(refreshed)) => {
                let access = refreshed.credential().secret().unwrap().fingerprint();
                self.agents[agent].believes.insert(id, access);
                self.has_heard();
            }
            Some(Err(_)) => {}
            None => self.has_died(agent, id, &before),
        }
        if is_undisturbed {
            self.keeps_what_is_good(&before);
        }
        self.is_told_the_truth(agent, id, end.as_ref(), is_undisturbed);
        end
    }

    fn begins_to_ask(&self) -> u32 {
        let mut inner = lock(&self.world.0);
        inner.sent.clear();
        inner.strangers.acts
    }

    /// A token that is not spent by its use may be used again, once the answer is kept.
    fn has_heard(&self) {
        let mut inner = lock(&self.world.0);
        if !inner.rotates() {
            for token in inner.sent.clone() {
                let silences = inner.fate(&token).silences;
                *inner.fate(&token) = world::Fate { silences, ..world::Fate::default() };
            }
        }
    }

    /// The process of an agent died, and nobody heard what it would have. The next one reads what is stored.
    fn has_died(&mut self, agent: usize, id: &'static str, before: &[Seen]) {
        let at_stake = before.iter().filter(|seen| seen.id == id).filter_map(|seen| seen.refresh.clone());
        let mut inner = lock(&self.world.0);
        let sent = inner.sent.clone();
        for token in &sent {
            inner.fate(token).unheard += 1;
        }
        for token in at_stake.chain(sent).collect::<std::collections::BTreeSet<_>>() {
            inner.fate(&token).silences += 1;
        }
        drop(inner);
        self.agents[agent].stores = self.homes.open(agent, Some(&self.world));
        self.look(agent, id);
    }

    /// Nothing goes wrong any more, and all ask until they have heard of each other.
    fn ends_well(&mut self) {
        {
            let mut inner = lock(&self.world.0);
            inner.odds = Odds { crashes: 0, faults: 0, silences: 0, strangers: 0, ..inner.odds };
            inner.now += TimeDelta::hours(2);
            inner.story.push("nothing goes wrong any more".to_owned());
        }
        for id in self.homes.scene.ids() {
            let mut ends = Vec::new();
            for _ in 0..2 {
                ends = (0..AGENTS).map(|agent| self.ask(agent, id).unwrap()).collect();
                self.obeys_the_laws();
            }
            self.all_have_the_same(id, &ends);
        }
    }

    fn story(&self) -> String {
        lock(&self.world.0).story.join("\n")
    }

    fn chance<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut lock(&self.world.0).chance)
    }
}

fn name_of(refreshed: &Refreshed) -> &'static str {
    match refreshed {
        Refreshed::Renewed(_) => "renewed",
        Refreshed::Adopted(_) => "adopted",
        Refreshed::Fresh(_) => "fresh",
    }
}
