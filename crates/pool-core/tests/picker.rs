//! The index gives the answers of the walk down the line, whatever is asked of it, and in whatever order.

mod support;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use pool_core::{
    Credential, CredentialId, Death, Failure, Holding, Judged, Kind, LastError, Lease, Leases, PickRequest,
    Picker, Pool, Record, ResetFrom, Rest, State, Strategy as Picking, Tokens, Usage,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use support::{codex, fingerprint, id, key, secs, start};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn around_now() -> impl Strategy<Value = DateTime<Utc>> {
    (-200..200_i64).prop_map(|seconds| start() + secs(seconds))
}

fn states() -> impl Strategy<Value = State> {
    let error = |kind| LastError::of(&Failure::http(429), kind, None);
    let kinds = select(vec![Kind::RateLimit, Kind::Billing, Kind::Auth]);
    let judged = select(vec![Judged::Unbound, Judged::Secret(fingerprint("key-a"))]);
    let rest = (option::of(around_now()), around_now(), select(ResetFrom::ALL.to_vec()), judged, kinds);
    prop_oneof![
        3 => Just(State::default()),
        6 => rest.prop_map(move |(at, until, from, judged, kind)| {
            State::Exhausted(Rest { at, until, from, judged, error: error(kind) })
        }),
        1 => option::of(Just(fingerprint("key-a"))).prop_map(move |subject| {
            State::Dead(Death { at: None, subject, error: error(Kind::AuthPermanent) })
        }),
        1 => Just(State::Unknown { word: "quarantined".to_owned() }),
    ]
}

fn records() -> impl Strategy<Value = Record> {
    let usage = (0..4_u64, option::of(around_now()))
        .prop_map(|(request_count, last_used_at)| Usage { request_count, last_used_at });
    (states(), usage, option::of(states())).prop_map(|(state, usage, model)| {
        let models = model.into_iter().map(|state| ("large".to_owned(), state)).collect();
        Record { state, usage, models, ..Record::default() }
    })
}

/// Up to eight entries; some share an id, some have no secret.
fn pools() -> impl Strategy<Value = Pool> {
    let entry = (select(NAMES.to_vec()), 0..3_i64, prop::bool::weighted(0.1));
    let records = vec(option::of(records()), NAMES.len());
    (vec(entry, 0..8), records).prop_map(|(entries, records)| {
        let credential = |(name, priority, is_blank): (&str, i64, bool)| {
            let credential = Credential { priority, ..key(name) };
            let holding = if is_blank { Holding::Owned(Tokens::default()) } else { credential.holding };
            Credential { holding, ..credential }
        };
        let records = NAMES.into_iter().zip(records).filter_map(|(name, record)| Some((id(name), record?)));
        Pool::new(codex(), entries.into_iter().map(credential).collect(), records.collect::<HashMap<_, _>>())
    })
}

fn requests() -> impl Strategy<Value = PickRequest> {
    let left_out = vec(select(NAMES.to_vec()), 0..3);
    (select(Picking::ALL.to_vec()), left_out, 0..4_usize, option::of(Just("large"))).prop_map(
        |(strategy, left_out, cap, model)| {
            let request = PickRequest::new(codex()).strategy(strategy).lease_cap(cap);
            let request = left_out.into_iter().fold(request, |request, name| request.leave_out(id(name)));
            model.into_iter().fold(request, PickRequest::model)
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Pick { request: usize, seed: u64 },
    Lease { request: usize, seed: u64 },
    GiveBack(prop::sample::Index),
    Remake,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (-40..60_i64).prop_map(Step::Wait),
        2 => (0..3_usize, any::<u64>()).prop_map(|(request, seed)| Step::Pick { request, seed }),
        6 => (0..3_usize, any::<u64>()).prop_map(|(request, seed)| Step::Lease { request, seed }),
        4 => any::<prop::sample::Index>().prop_map(Step::GiveBack),
        1 => Just(Step::Remake),
    ];
    vec(step, 0..60)
}

/// The walk down the line, with leases and counts of its own.
struct Walk {
    pool: Pool,
    leases: Leases,
    held: Vec<Lease>,
}

impl Walk {
    fn pick(
        &self,
        request: &PickRequest,
        now: DateTime<Utc>,
        seed: u64,
    ) -> Option<(CredentialId, Credential)> {
        let found = self.pool.pick(request, &self.leases, now, seed).ok()?;
        Some((found.id.clone(), Credential::clone(found)))
    }

    fn lease(
        &mut self,
        request: &PickRequest,
        now: DateTime<Utc>,
        seed: u64,
    ) -> Option<(CredentialId, Credential)> {
        let found = self.pool.pick(request, &self.leases, now, seed).ok()?.clone();
        self.pool.count_use(&found.id, now);
        self.held.extend(self.leases.take(&codex(), &found, now));
        Some((found.id.clone(), Credential::clone(&found)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_picker_answers_as_the_walk_down_the_line(
        pool in pools(),
        requests in vec(requests(), 3),
        steps in steps(),
    ) {
        let leases = Leases::default();
        let mut picker = Picker::new(&pool, &leases);
        let mut held = Vec::new();
        let mut walk = Walk { pool: pool.clone(), leases: Leases::default(), held: Vec::new() };
        let mut now = start();
        for step in steps {
            match step {
                Step::Wait(seconds) => now += secs(seconds),
                Step::Pick { request, seed } => {
                    let found = picker.pick(&requests[request], now, seed).map(|found| Credential::clone(found));
                    let expected = walk.pick(&requests[request], now, seed).map(|(_, credential)| credential);
                    prop_assert_eq!(found, expected);
                }
                Step::Lease { request, seed } => {
                    let lease = picker.lease(&requests[request], now, seed);
                    let expected = walk.lease(&requests[request], now, seed);
                    let found = lease.as_ref().map(|lease| (lease.id(), lease.secret(), lease.picked_at()));
                    let expected = expected.as_ref().map(|(id, credential)| (id, credential.secret(), now));
                    prop_assert_eq!(found, expected.and_then(|(id, secret, at)| Some((id, secret?, at))));
                    held.extend(lease);
                }
                Step::GiveBack(which) if !held.is_empty() => {
                    drop(held.swap_remove(which.index(held.len())));
                    drop(walk.held.swap_remove(which.index(walk.held.len())));
                }
                Step::GiveBack(_) => {}
                Step::Remake => {
                    for (id, usage) in picker.take_uses() {
                        prop_assert!(usage.request_count > 0, "{:?}", id);
                    }
                    picker = Picker::new(&walk.pool, &leases);
                }
            }
        }
    }

    #[test]
    fn all_uses_are_taken_once(pool in pools(), request in requests(), rounds in 0..9_u64) {
        let mut picker = Picker::new(&pool, &Leases::default());
        let mut counted = 0;
        let mut handed_out = 0;
        for round in 0..rounds {
            handed_out += u64::from(picker.lease(&request, start(), round).is_some());
            if round % 3 == 0 {
                counted += picker.take_uses().iter().map(|(_, usage)| usage.request_count).sum::<u64>();
            }
        }
        counted += picker.take_uses().iter().map(|(_, usage)| usage.request_count).sum::<u64>();
        prop_assert_eq!(counted, handed_out);
        prop_assert_eq!(picker.take_uses(), vec![]);
    }
}
