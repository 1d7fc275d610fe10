//! Two handles on one file, and one on a store in memory: the same changes give the same answers and leave the same.

use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{Failure, Grant, Pools, Revive, Tokens};
use pool_store::{MemoryStore, PoolHandle, ProfileStore, Store};
use proptest::prelude::*;

use crate::support::{
    Clock, Home, by_id, credential, id, malformed, openrouter, request, revoked, secret, throttled,
};

/// What an agent or a person does.
#[derive(Clone, Debug)]
enum Step {
    Report(&'static str, Said),
    Succeed(&'static str),
    Reset(Option<&'static str>, Revive),
    Add(&'static str),
    Remove(&'static str),
    Rotate(&'static str, u8),
    Lease,
}

#[derive(Clone, Copy, Debug)]
enum Said {
    Revoked,
    Throttled,
    Unauthorized,
    Malformed,
}

impl Said {
    fn failure(self) -> Failure {
        match self {
            Self::Revoked => revoked(),
            Self::Throttled => throttled(),
            Self::Unauthorized => Failure::http(401),
            Self::Malformed => malformed(),
        }
    }
}

impl Step {
    /// Takes the step; answers what was said.
    fn take(&self, handle: &PoolHandle, now: DateTime<Utc>) -> String {
        let provider = openrouter();
        match self {
            Self::Report(name, said) => {
                format!("{:?}", handle.report(&provider, by_id(name), said.failure()))
            }
            Self::Succeed(name) => format!("{:?}", handle.succeed(&provider, by_id(name), now, None)),
            Self::Reset(name, revive) => format!("{:?}", handle.reset(&provider, name.map(id), *revive)),
            Self::Add(name) => format!("{:?}", handle.add(&provider, credential(name))),
            Self::Remove(name) => format!("{:?}", handle.remove(&provider, by_id(name))),
            Self::Rotate(name, number) => {
                let tokens = Tokens::access(secret(format!("sk-test-renewed-{number}")));
                format!("{:?}", handle.rotate(&provider, by_id(name), tokens, Grant::New, None))
            }
            // Counters wait in a handle for a write; until then the other does not know of them.
            Self::Lease => format!("{:?} {:?}", handle.lease(&request()).ok(), handle.flush()),
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    let said =
        prop::sample::select(vec![Said::Revoked, Said::Throttled, Said::Unauthorized, Said::Malformed]);
    let revive = prop::sample::select(vec![Revive::Nobody, Revive::TheDead]);
    prop_oneof![
        4 => (name.clone(), said).prop_map(|(name, said)| Step::Report(name, said)),
        2 => name.clone().prop_map(Step::Succeed),
        1 => (prop::option::of(name.clone()), revive).prop_map(|(name, revive)| Step::Reset(name, revive)),
        2 => name.clone().prop_map(Step::Add),
        1 => name.clone().prop_map(Step::Remove),
        1 => (name, 0..4_u8).prop_map(|(name, number)| Step::Rotate(name, number)),
        2 => Just(Step::Lease),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_that_two_share_is_like_memory_that_one_has(
        steps in prop::collection::vec((step(), any::<bool>()), 1..16)
    ) {
        let home = Home::empty();
        let clock = Clock::at_noon();
        let handles = [on_file(&home, &clock), on_file(&home, &clock)];
        let model = in_memory(&clock);
        for (step, by_the_second) in steps {
            let handle = &handles[usize::from(by_the_second)];
            clock.advance(1);
            let answer = step.take(handle, clock.now());
            prop_assert_eq!(&answer, &step.take(&model, clock.now()), "{:?}", step);
        }
        let expected = told(&model, clock.now());
        for handle in handles.iter().chain([&on_file(&home, &clock)]) {
            prop_assert_eq!(&told(handle, clock.now()), &expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_root_lends_is_like_memory_that_one_has(steps in prop::collection::vec(step(), 1..16)) {
        let (own, root, clock) = (Home::empty(), Home::with_keys(&["a", "b"]), Clock::at_noon());
        let pools = root.load().unwrap().pools;
        let model = handle(MemoryStore::new(pools), &clock);
        let profile = handle(ProfileStore::new(own.store(), root.store()), &clock);
        // Who comes and goes is another story.
        for step in steps.iter().filter(|step| !matches!(step, Step::Add(_) | Step::Remove(_))) {
            clock.advance(1);
            let answer = step.take(&profile, clock.now());
            prop_assert_eq!(&answer, &step.take(&model, clock.now()), "{:?}", step);
        }
        let expected = told(&model, clock.now());
        for handle in [&profile, &on_file(&root, &clock)] {
            prop_assert_eq!(&told(handle, clock.now()), &expected);
        }
        prop_assert_eq!(own.names(), [""; 0]);
    }
}

fn on_file(home: &Home, clock: &Clock) -> PoolHandle {
    handle(home.store(), clock)
}

fn in_memory(clock: &Clock) -> PoolHandle {
    handle(MemoryStore::new(Pools::default()), clock)
}

fn handle(store: impl Store + 'static, clock: &Clock) -> PoolHandle {
    let clock = clock.clone();
    PoolHandle::builder().clock(move || clock.now()).look_every(Duration::ZERO).build(store)
}

/// All that a handle knows, as text.
fn told(handle: &PoolHandle, now: DateTime<Utc>) -> Vec<String> {
    let pools = handle.pools().unwrap();
    let of_pool = |pool: &pool_core::Pool| {
        let of_one = |(credential, standing): (&pool_core::Credential, _)| {
            let record = pool.record(&credential.id).cloned().unwrap_or_default();
            format!("{credential:?} {:?} {standing:?} {record:?}", credential.subject())
        };
        pool.standings(now).map(of_one).collect::<Vec<_>>()
    };
    pools.iter().flat_map(of_pool).collect()
}
