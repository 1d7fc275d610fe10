//! What holds whatever happens, tried on histories made by chance.

mod support;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;
use pool_core::{
    Action, Applied, Change, Cooldowns, Credential, CredentialId, Death, Failure, Fingerprint, Grant,
    InFlight as _, Judged, Judgement, Kind, LastError, Leases, Outcome, PickRequest, Pool, Pools, Record,
    Remark, Replaced, ResetFrom, Rest, Revive, Scope, Standing, State, Strategy as Picking, Strikes, Target,
    Tokens, Unavailable, Usage, Verdict, not_ahead,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use support::world::{
    Event, History, Named, Step, World, any_text, any_time, histories, histories_by_a_good_clock, secrets_of,
};
use support::{codex, id, key, login, secret, secs, start, token_of};

type Law = Result<(), TestCaseError>;

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// Tries a law on each step of a history.
fn each_step(history: &History, law: impl FnMut(&Step<'_>) -> Law) -> Law {
    each_step_of(World::begin(&history.members), history, law)
}

/// In these nobody is ever the only one that could serve, so that every rest lasts as long as it is written.
fn each_step_in_company(history: &History, law: impl FnMut(&Step<'_>) -> Law) -> Law {
    each_step_of(World::begin(&history.members).with_company(), history, law)
}

fn each_step_of(mut world: World, history: &History, mut law: impl FnMut(&Step<'_>) -> Law) -> Law {
    history.events.iter().try_for_each(|event| law(&world.step(event)))
}

impl Step<'_> {
    fn outcome(&self) -> Option<&Outcome> {
        let (_, result) = self.change.as_ref()?;
        result.as_ref().ok().map(|applied| &applied.outcome)
    }

    fn failure(&self) -> Option<(&Target, &Judgement, &Applied)> {
        match &self.change {
            Some((Action::Fail { target, judgement }, Ok(applied))) => Some((target, judgement, applied)),
            _ => None,
        }
    }

    fn changed_records(&self) -> BTreeSet<CredentialId> {
        self.ids.iter().filter(|id| self.before.record(id) != self.after.record(id)).cloned().collect()
    }

    fn changed_definitions(&self) -> bool {
        line(&self.before) != line(self.after)
    }
}

/// What can be compared of the definitions.
fn line(pool: &Pool) -> Vec<(CredentialId, i64, Vec<Fingerprint>)> {
    let seen = |credential: &Credential| (credential.id.clone(), credential.priority, secrets_of(credential));
    pool.credentials().iter().map(|credential| seen(credential)).collect()
}

fn state(pool: &Pool, id: &CredentialId) -> State {
    pool.record(id).map(|record| record.state.clone()).unwrap_or_default()
}

fn find<'a>(pool: &'a Pool, id: &CredentialId) -> Option<&'a Credential> {
    pool.credentials().iter().map(AsRef::as_ref).find(|credential| credential.id == *id)
}

/// Everybody who would be handed out, one after another, were each left out once it was.
fn handed_out(pool: &Pool, now: chrono::DateTime<chrono::Utc>) -> Vec<&Credential> {
    let mut request = PickRequest::new(codex());
    let mut all = Vec::new();
    while let Ok(credential) = pool.pick(&request, &(), now, 7) {
        assert!(all.len() < pool.credentials().len(), "somebody was handed out twice");
        request = request.leave_out(credential.id.clone());
        all.push(credential.as_ref());
    }
    all
}

/// The secret that a report names, where it is one that the credential stores.
fn accused(target: &Target, pool: &Pool) -> Vec<(CredentialId, Option<Fingerprint>)> {
    let stores = |credential: &&Arc<Credential>| match target {
        Target::Id(id) => credential.id == *id,
        Target::Held(id, subject) => credential.id == *id && credential.holds(*subject),
        Target::Secret(subject) => credential.holds(*subject),
    };
    let judged = |credential: &Credential| match target {
        Target::Id(_) => credential.subject(),
        Target::Held(_, subject) | Target::Secret(subject) => Some(*subject),
    };
    pool.credentials()
        .iter()
        .filter(stores)
        .map(|credential| (credential.id.clone(), judged(credential)))
        .collect()
}

fn is_known(state: &State) -> bool {
    matches!(state, State::Ok { .. } | State::Exhausted(_) | State::Dead(_))
}

// Death.

/// Remembers on its own who died of what, until the operator or a new secret forgives.
#[derive(Default)]
struct Graves(HashMap<CredentialId, HashSet<Option<Fingerprint>>>);

impl Graves {
    fn watch(&mut self, step: &Step<'_>) {
        if let Some((target, judgement, _)) = step.failure()
            && judgement.verdict.is_terminal()
        {
            let known = |id: &CredentialId| is_known(&state(&step.before, id));
            for (id, judged) in accused(target, &step.before).into_iter().filter(|(id, _)| known(id)) {
                self.0.entry(id).or_default().insert(judged);
            }
        }
        match step.change.as_ref().and_then(|(action, result)| result.is_ok().then_some(action)) {
            Some(Action::Reset { id: None, revive: Revive::TheDead }) => self.0.clear(),
            Some(Action::Reset { id: Some(id), revive: Revive::TheDead }) => drop(self.0.remove(id)),
            Some(Action::Add { credential, .. }) => drop(self.0.remove(&credential.id)),
            _ => {}
        }
        // A secret that was replaced, by whomever, is another story.
        self.0.retain(|id, _| match (find(&step.before, id), find(step.after, id)) {
            (Some(before), Some(after)) => before.subject() == after.subject(),
            _ => true,
        });
    }

    fn hold(&self, credential: &Credential) -> bool {
        let dead = self.0.get(&credential.id);
        dead.is_some_and(|dead| secrets_of(credential).iter().any(|secret| dead.contains(&Some(*secret))))
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_dead_credential_is_never_handed_out_while_its_secret_is_the_same(history in histories_by_a_good_clock()) {
        let mut graves = Graves::default();
        each_step(&history, |step| {
            graves.watch(step);
            for credential in handed_out(step.after, step.now) {
                prop_assert!(!graves.hold(credential), "{:?}", credential.id);
            }
            Ok(())
        })?;
    }

    #[test]
    fn death_keeps_its_first_time_and_reason(history in histories()) {
        each_step(&history, |step| {
            for credential in step.before.credentials() {
                let before = state(&step.before, &credential.id);
                let stands = before.is_about(credential, &codex());
                if let State::Dead(before) = before && stands && step.failure().is_some() {
                    let State::Dead(after) = state(step.after, &credential.id) else { panic!("it revived") };
                    prop_assert_eq!((after.at, &after.error), (before.at, &before.error));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_reset_without_revive_never_revives(history in histories()) {
        each_step(&history, |step| {
            let Some((Action::Reset { revive: Revive::Nobody, .. }, Ok(applied))) = &step.change else { return Ok(()) };
            let Outcome::Reset { cleared } = &applied.outcome else { panic!("{applied:?}") };
            for (credential, standing) in step.before.standings(step.now) {
                if matches!(standing.judged(), Standing::Dead { .. } | Standing::Removed | Standing::UnknownStatus(_)) {
                    prop_assert_eq!(&step.after.standing(credential, step.now), &standing);
                    prop_assert!(!cleared.contains(&credential.id));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_was_removed_is_not_handed_out_unless_it_is_added_or_gets_another_secret(history in histories()) {
        let mut removed: HashMap<CredentialId, Fingerprint> = HashMap::new();
        each_step(&history, |step| {
            match &step.change {
                Some((Action::Remove { target: Target::Id(id) }, Ok(_))) => {
                    let subject = find(&step.before, id).and_then(Credential::subject);
                    removed.extend(subject.map(|subject| (id.clone(), subject)));
                }
                Some((Action::Add { credential, .. }, Ok(_))) => drop(removed.remove(&credential.id)),
                _ => {}
            }
            for credential in handed_out(step.after, step.now) {
                if let Some(subject) = removed.get(&credential.id) {
                    prop_assert!(!credential.holds(*subject), "{:?}", credential.id);
                    removed.remove(&credential.id);
                }
            }
            Ok(())
        })?;
    }
}

// Cooldowns.

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_failure_never_shortens_a_cooldown(history in histories()) {
        each_step_in_company(&history, |step| {
            if step.failure().is_none() {
                return Ok(());
            }
            for (credential, before) in step.before.standings(step.now) {
                let after = step.after.standing(credential, step.now);
                match (before.judged(), after.judged()) {
                    (Standing::Resting { until: before, .. }, Standing::Resting { until: after, .. }) => {
                        prop_assert!(after >= before, "{:?}", credential.id);
                    }
                    (Standing::Resting { .. }, after) => {
                        prop_assert!(matches!(after, Standing::Dead { .. }), "{:?} {:?}", credential.id, after);
                    }
                    _ => {}
                }
            }
            Ok(())
        })?;
    }

    /// Alone it may rest shorter than is written, but a failure makes it no shorter still.
    #[test]
    fn a_failure_of_the_only_one_never_makes_it_return_sooner(history in histories()) {
        let alone = History { members: vec![history.members[0].clone()], ..history };
        each_step(&alone, |step| {
            if let (Some(_), [only]) = (step.failure(), step.before.credentials()) {
                let end = |pool: &Pool| pool.standing(only, step.now).judged().until();
                let is_dead = matches!(state(step.after, &only.id), State::Dead(_));
                prop_assert!(is_dead || end(step.after) >= end(&step.before));
            }
            Ok(())
        })?;
    }

    #[test]
    fn whoever_failed_is_not_handed_out_at_once(history in histories_by_a_good_clock()) {
        each_step(&history, |step| {
            let Some((target, judgement, _)) = step.failure() else { return Ok(()) };
            if judgement.verdict.scope != Scope::Request {
                let out: Vec<_> = handed_out(step.after, step.now).iter().map(|credential| &credential.id).collect();
                for (culprit, _) in accused(target, &step.before) {
                    prop_assert!(!out.contains(&&culprit), "{culprit}");
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_verdict_that_does_not_extend_changes_nothing(history in histories()) {
        each_step_in_company(&history, |step| {
            let Some((_, judgement, _)) = step.failure() else { return Ok(()) };
            for credential in step.before.credentials() {
                let before = state(&step.before, &credential.id);
                if let State::Exhausted(rest) = &before
                    && before.is_about(credential, &codex())
                    && rest.until > judgement.until
                    && !judgement.verdict.is_terminal()
                {
                    prop_assert_eq!(&state(step.after, &credential.id), &before);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_success_clears_what_was_judged_before_it_began_and_nothing_newer(history in histories()) {
        each_step(&history, |step| {
            let Some((Action::Succeed { target, began_at, .. }, Ok(_))) = &step.change else { return Ok(()) };
            for id in &step.ids {
                let (before, after) = (state(&step.before, id), state(step.after, id));
                let State::Exhausted(rest) = &before else {
                    prop_assert_eq!(after, before);
                    continue;
                };
                let worked = accused(target, &step.before).first().is_some_and(|(worked, _)| worked == id);
                let stands = find(&step.before, id).is_some_and(|found| before.is_about(found, &codex()));
                let judged_at = rest.at.map(|at| not_ahead(at, step.now));
                if worked && stands && judged_at.is_none_or(|at| at < *began_at) {
                    prop_assert_eq!(after, State::Ok { since: Some(step.now) });
                } else {
                    prop_assert_eq!(after, before);
                }
            }
            Ok(())
        })?;
    }
}

// Who is touched.

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_report_changes_only_whom_its_verdict_is_about(history in histories()) {
        each_step(&history, |step| {
            let Some((target, judgement, applied)) = step.failure() else { return Ok(()) };
            let culprits: BTreeSet<_> = accused(target, &step.before).into_iter().map(|(id, _)| id).collect();
            let account = |id: &CredentialId| find(&step.before, id).and_then(|found| found.account(&codex()));
            let of_the_account = |id: &CredentialId| {
                account(id).is_some() && culprits.iter().any(|culprit| account(culprit) == account(id))
            };
            let in_scope = |id: &CredentialId| match judgement.verdict.scope {
                Scope::Request => false,
                Scope::Account => culprits.contains(id) || of_the_account(id),
                _ => culprits.contains(id),
            };
            let changed = step.changed_records();
            prop_assert!(changed.iter().all(in_scope), "{changed:?} by {target:?}");
            prop_assert_eq!(&applied.records, &changed);
            prop_assert!(!step.changed_definitions());
            if let Outcome::Judged { marked, .. } = &applied.outcome {
                let in_line = step.after.credentials().iter().map(|credential| credential.id.clone());
                prop_assert_eq!(marked, &in_line.filter(|id| changed.contains(id)).collect::<Vec<_>>());
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_quota_keeps_every_login_of_the_account_from_being_handed_out(history in histories_by_a_good_clock()) {
        each_step(&history, |step| {
            let Some((target, judgement, _)) = step.failure() else { return Ok(()) };
            let culprit = accused(target, &step.before).first().and_then(|(id, _)| find(&step.before, id));
            let account = culprit.and_then(|culprit| culprit.account(&codex()));
            if judgement.verdict.scope == Scope::Account && account.is_some() {
                for credential in handed_out(step.after, step.now) {
                    prop_assert_ne!(credential.account(&codex()), account, "{:?}", credential.id);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_stale_report_changes_nothing(history in histories()) {
        each_step(&history, |step| {
            let named = match step.event {
                Event::Fail { named, .. } | Event::Succeed { named, .. } => *named,
                _ => return Ok(()),
            };
            let is_stale = step.outcome() == Some(&Outcome::Stale);
            prop_assert_eq!(is_stale, step.change.is_some() && named == Named::StaleSecret);
            if is_stale {
                prop_assert!(step.changed_records().is_empty() && !step.changed_definitions());
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_changed_is_told_so_that_it_can_be_written(history in histories()) {
        each_step(&history, |step| {
            let Some((action, result)) = &step.change else { return Ok(()) };
            let changed = step.changed_records();
            match result {
                Ok(applied) => {
                    prop_assert!(changed.is_subset(&applied.records), "{action:?}: {changed:?}");
                    prop_assert!(!step.changed_definitions() || !applied.definitions.is_empty(), "{action:?}");
                    prop_assert_eq!(applied.is_change(), !applied.records.is_empty() || !applied.definitions.is_empty());
                }
                Err(_) => prop_assert!(changed.is_empty() && !step.changed_definitions(), "{action:?}"),
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_change_is_a_function_of_the_pool_and_now(history in histories()) {
        each_step(&history, |step| {
            if let Some((action, result)) = &step.change {
                let mut again = step.before.clone();
                let change = Change { provider: codex(), action: action.clone() };
                prop_assert_eq!(&again.apply(&change, step.now), result);
                prop_assert_eq!(line(&again), line(step.after));
                prop_assert!(step.ids.iter().all(|id| again.record(id) == step.after.record(id)));
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_word_that_nobody_knows_is_kept(history in histories()) {
        each_step(&history, |step| {
            let replaced = |id: &CredentialId| match &step.change {
                Some((Action::Remove { target: Target::Id(removed) }, _)) => removed == id,
                Some((Action::Add { credential, .. }, _)) => credential.id == *id,
                _ => false,
            };
            for id in step.ids.iter().filter(|id| !replaced(id)) {
                let before = state(&step.before, id);
                if matches!(before, State::Unknown { .. }) {
                    prop_assert_eq!(state(step.after, id), before);
                    prop_assert!(handed_out(step.after, step.now).iter().all(|credential| credential.id != *id));
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_definition_keeps_its_id_and_place_through_whatever_happens_to_it(history in histories()) {
        each_step(&history, |step| {
            let place = |pool: &Pool, id: &CredentialId| find(pool, id).map(|found| (found.priority, found.label.clone()));
            let edited = matches!(step.change, Some((Action::Add { .. } | Action::Remove { .. }, _)));
            if !edited && !matches!(step.event, Event::Prune | Event::BringBack { .. }) {
                for id in &step.ids {
                    prop_assert_eq!(place(&step.before, id), place(step.after, id));
                }
            }
            Ok(())
        })?;
    }
}

// Picking.

fn requests() -> impl Strategy<Value = PickRequest> {
    let strategy = select(Picking::ALL.to_vec());
    let left_out = vec(select(vec!["a", "b", "c", "d", "e"]), 0..3);
    (strategy, left_out, 0..4_usize, option::of(Just("large"))).prop_map(
        |(strategy, left_out, cap, model)| {
            let request = PickRequest::new(codex()).strategy(strategy).lease_cap(cap);
            let request = left_out.into_iter().fold(request, |request, name| request.leave_out(id(name)));
            model.into_iter().fold(request, PickRequest::model)
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_pick_is_a_function_of_state_now_and_seed(history in histories(), request in requests(), seed: u64) {
        each_step(&history, |step| {
            let pick = |pool: &Pool| pool.pick(&request, &(), step.now, seed).map(|found| found.id.clone());
            prop_assert_eq!(pick(step.after), pick(&step.after.clone()));
            Ok(())
        })?;
    }

    #[test]
    fn who_is_picked_is_ready_with_a_secret_that_is_not_blank(history in histories(), request in requests(), seed: u64) {
        each_step(&history, |step| {
            if let Ok(picked) = step.after.pick(&request, &(), step.now, seed) {
                prop_assert_eq!(step.after.standing(picked, step.now), Standing::Ready);
                let secret = picked.secret().map(|secret| secret.expose().trim().to_owned());
                prop_assert!(secret.is_some_and(|secret| !secret.is_empty()));
                prop_assert!(Leases::default().take(&codex(), picked, step.now).is_some());
            }
            Ok(())
        })?;
    }

    #[test]
    fn where_nobody_is_picked_everybody_is_named_with_the_reason(history in histories(), request in requests()) {
        each_step(&history, |step| {
            let Err(Unavailable { out, .. }) = step.after.pick(&request, &(), step.now, 0) else { return Ok(()) };
            let named: Vec<_> = out.iter().map(|out| &out.id).collect();
            let there: Vec<_> = step.after.credentials().iter().map(|credential| &credential.id).collect();
            prop_assert_eq!(named, there);
            for (out, (_, standing)) in out.iter().zip(step.after.standings(step.now)) {
                let why = out.why.standing();
                prop_assert_ne!(why, Some(&Standing::Ready));
                prop_assert!(why.is_none_or(|why| *why == standing));
            }
            Ok(())
        })?;
    }

    #[test]
    fn as_many_leases_as_are_ready_are_on_as_many_credentials(history in histories(), request in requests(), seed: u64) {
        let mut world = World::begin(&history.members);
        history.events.iter().for_each(|event| drop(world.step(event)));
        let request = request.lease_cap(1);
        let leases = Leases::default();
        let mut held = Vec::new();
        let ready = |leases: &Leases| world.pool.pick(&request, leases, world.now, seed).ok();
        while let Some(credential) = ready(&leases)
            && leases.of(&codex(), &credential.id) == 0
        {
            held.push(leases.take(&codex(), credential, world.now).expect("what is picked has a secret"));
        }
        let distinct: BTreeSet<_> = held.iter().map(|lease| lease.id().clone()).collect();
        let all: BTreeSet<_> = handed_out(&world.pool, world.now).iter().map(|credential| credential.id.clone()).collect();
        prop_assert_eq!(distinct.len(), held.len());
        prop_assert!(distinct.is_subset(&all));
        prop_assert!(all.len() - distinct.len() <= 3, "only whom the request leaves out is missing");
        drop(held);
        prop_assert!(all.iter().all(|id| leases.of(&codex(), id) == 0));
    }

    #[test]
    fn nobody_carries_more_than_the_cap_while_another_carries_less(count in 1..6_usize, cap in 0..4_usize, takes in 0..24_usize) {
        let names = &["a", "b", "c", "d", "e"][..count];
        let pool = Pool::new(codex(), names.iter().copied().map(key).collect(), HashMap::new());
        let (leases, request) = (Leases::default(), PickRequest::new(codex()).lease_cap(cap));
        let mut held = Vec::new();
        for _ in 0..takes {
            let picked = pool.pick(&request, &leases, start(), 0).expect("leases never block");
            held.push(leases.take(&codex(), picked, start()).expect("it has a secret"));
        }
        let loads: Vec<_> = names.iter().map(|name| leases.of(&codex(), &id(name))).collect();
        prop_assert_eq!(loads.iter().sum::<usize>(), takes);
        let (least, most) = (loads.iter().min().copied(), loads.iter().max().copied());
        let evenly = most <= least.map(|least| least + 1);
        prop_assert!(evenly || most <= Some(cap), "{loads:?}");
    }
}

// Naive models of the strategies that count.

/// What happens to a pool in turns: time passes, somebody fails, somebody is picked.
#[derive(Clone, Debug)]
enum Turn {
    Wait(i64),
    Fail(usize, i64),
    Pick,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        1 => (0..100_i64).prop_map(Turn::Wait),
        1 => (0..5_usize, 1..200_i64).prop_map(|(who, rest)| Turn::Fail(who, rest)),
        4 => Just(Turn::Pick),
    ];
    vec(turn, 1..60)
}

/// Runs turns on a pool, and beside it asks a model to choose among the indices that are ready.
fn compare(
    strategy: Picking,
    count: usize,
    turns: &[Turn],
    mut model: impl FnMut(&[usize]) -> Option<usize>,
) -> Law {
    let names = &["a", "b", "c", "d", "e"][..count];
    let mut pool = Pool::new(codex(), names.iter().copied().map(key).collect(), HashMap::new());
    let (mut now, request) = (start(), PickRequest::new(codex()).strategy(strategy));
    let mut back = vec![start(); count];
    for turn in turns {
        match turn {
            Turn::Wait(seconds) => now += secs(*seconds),
            Turn::Fail(who, rest) => {
                let until = now + secs(*rest);
                let failure = Failure::http(429).reset_at(until);
                let judgement = Judgement::of(failure, &codex(), &Cooldowns::default(), now);
                let action = Action::Fail { target: Target::Id(id(names[who % count])), judgement };
                pool.apply(&Change { provider: codex(), action }, now).expect("it is there");
                back[who % count] = back[who % count].max(until);
            }
            Turn::Pick => {
                let ready: Vec<_> = (0..count).filter(|index| back[*index] <= now).collect();
                let picked = pool.pick(&request, &(), now, 0).map(|found| found.id.clone()).ok();
                prop_assert_eq!(&picked, &model(&ready).map(|index| id(names[index])));
                picked.into_iter().for_each(|id| pool.count_use(&id, now));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn round_robin_is_a_queue(count in 1..6_usize, turns in turns()) {
        let mut queue: Vec<usize> = (0..count).collect();
        compare(Picking::RoundRobin, count, &turns, |ready| {
            let place = queue.iter().position(|index| ready.contains(index))?;
            let index = queue.remove(place);
            queue.push(index);
            Some(index)
        })?;
    }

    #[test]
    fn least_used_is_a_tally(count in 1..6_usize, turns in turns()) {
        let mut tally = vec![0; count];
        compare(Picking::LeastUsed, count, &turns, |ready| {
            let index = ready.iter().copied().min_by_key(|index| (tally[*index], *index))?;
            tally[index] += 1;
            Some(index)
        })?;
    }

    #[test]
    fn fill_first_is_the_first_that_is_ready(count in 1..6_usize, turns in turns()) {
        compare(Picking::FillFirst, count, &turns, |ready| ready.first().copied())?;
    }
}

// Two entries of one id.

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_verdict_on_one_is_not_lifted_by_what_happens_to_its_namesake(
        terminal: bool,
        first in 0..2_usize,
        event in 0..6_usize,
        wait in 0..200_i64,
    ) {
        let secrets = ["key-one", "key-two"];
        let entry = |secret: &str| Credential { id: id("a"), ..key(secret.trim_start_matches("key-")) };
        let mut pool = Pool::new(codex(), secrets.map(entry).into(), HashMap::new());
        let held = |which: usize| support::held("a", secrets[which]);
        let judge = |failure: Failure, now| Judgement::of(failure, &codex(), &Cooldowns::default(), now);
        let mut apply = |action, now| pool.apply(&Change { provider: codex(), action }, now).map(drop);

        let failure = if terminal { support::revoked() } else { support::refused() };
        apply(Action::Fail { target: held(first), judgement: judge(failure, start()) }, start())?;
        let now = start() + secs(wait);
        let target = held(1 - first);
        let tokens = Tokens::access(secret("key-three"));
        apply(match event {
            0 => Action::Succeed { target, began_at: now, model: None },
            1 => Action::Remove { target },
            2 => Action::Rotate { target, tokens, grant: Grant::Same, expires_at: None },
            3 => Action::Rotate { target, tokens, grant: Grant::New, expires_at: None },
            4 => Action::Fail { target, judgement: judge(support::bad_request(), now) },
            _ => Action::Count { uses: [(id("a"), Usage::default())].into() },
        }, now)?;

        let is_judged = |credential: &&Arc<Credential>| credential.holds(support::fingerprint(secrets[first]));
        let judged = pool.credentials().iter().find(is_judged).expect("nobody touched it");
        prop_assert_ne!(pool.standing(judged, now), Standing::Ready);
    }
}

// Nothing panics.

#[derive(Clone, Debug)]
struct Anything {
    records: BTreeMap<&'static str, Record>,
    label: String,
    judgement: Judgement,
}

fn any_state() -> impl Strategy<Value = State> {
    let judged = select(vec![
        Judged::Unbound,
        Judged::Secret(Fingerprint::of("key-a")),
        Judged::Account(Fingerprint::of("nobody")),
    ]);
    let error = || {
        (select(Kind::ALL.to_vec()), any_text())
            .prop_map(|(kind, text)| LastError::of(&Failure::http(429).message(text), kind, None))
    };
    prop_oneof![
        option::of(any_time()).prop_map(|since| State::Ok { since }),
        (option::of(any_time()), any_time(), select(ResetFrom::ALL.to_vec()), judged, error()).prop_map(
            |(at, until, from, judged, error)| State::Exhausted(Rest { at, until, from, judged, error })
        ),
        (option::of(any_time()), any_subject(), error())
            .prop_map(|(at, subject, error)| State::Dead(Death { at, subject, error })),
        (option::of(any_time()), any_subject()).prop_map(|(at, subject)| State::Removed { at, subject }),
        any_text().prop_map(|word| State::Unknown { word }),
    ]
}

fn any_subject() -> impl Strategy<Value = Option<Fingerprint>> {
    option::of(select(vec![Fingerprint::of("key-a"), Fingerprint::of("another")]))
}

fn any_record() -> impl Strategy<Value = Record> {
    let usage = (any::<u64>(), option::of(any_time()))
        .prop_map(|(request_count, last_used_at)| Usage { request_count, last_used_at });
    let strikes = option::of((any_subject(), any::<u32>(), any_time())).prop_map(|strikes| {
        let (subject, count, first_at) = strikes?;
        Some(Strikes { subject: subject?, count, first_at })
    });
    (any_state(), usage, option::of(any_state()), strikes, any_subject()).prop_map(
        |(state, usage, model, strikes, replaced)| {
            let models = model.into_iter().map(|state| ("large".to_owned(), state)).collect();
            Record { state, usage, models, strikes, replaced: Replaced::new(replaced), ..Record::default() }
        },
    )
}

fn any_judgement() -> impl Strategy<Value = Judgement> {
    let failure = (option::of(any::<u16>()), any_text(), any_text(), option::of(any_time())).prop_map(
        |(status, code, message, reset)| {
            let failure = status.map_or_else(Failure::no_answer, Failure::http).code(code).message(message);
            reset.into_iter().fold(failure, Failure::reset_at)
        },
    );
    let remark = option::of(select(Remark::ALL.to_vec()));
    let verdict = (select(Kind::ALL.to_vec()), select(Scope::ALL.to_vec()), option::of(any_time()), remark)
        .prop_map(|(kind, scope, until, remark)| Verdict { kind, scope, until, rule: "any", remark });
    (failure, verdict, any_time()).prop_map(|(failure, verdict, until)| Judgement { verdict, until, failure })
}

fn anything() -> impl Strategy<Value = Anything> {
    let records = vec((select(vec!["a", "b", "c", "gone"]), any_record()), 0..4);
    (records, any_text(), any_judgement()).prop_map(|(records, label, judgement)| Anything {
        records: records.into_iter().collect(),
        label,
        judgement,
    })
}

impl Anything {
    fn pool(&self) -> Pool {
        let records = self.records.iter().map(|(name, record)| (id(name), record.clone())).collect();
        let credentials = vec![
            Credential { label: self.label.clone(), ..key("a") },
            Credential { priority: i64::MAX, ..login("b", &token_of("home", 1), &self.label) },
            Credential { priority: i64::MIN, ..login("c", &token_of("home", 2), "refresh") },
        ];
        Pool::new(codex(), credentials, records)
    }

    fn actions(&self, began_at: chrono::DateTime<chrono::Utc>) -> Vec<Action> {
        let target = || Target::Id(id("a"));
        let usage = Usage { request_count: u64::MAX, last_used_at: Some(began_at) };
        let added = login("new", &self.label, "refresh-new");
        vec![
            Action::Fail { target: target(), judgement: self.judgement.clone() },
            Action::Fail { target: Target::Id(id("b")), judgement: self.judgement.clone() },
            Action::Succeed { target: target(), began_at, model: None },
            Action::Count { uses: [(id("a"), usage)].into() },
            Action::Rotate {
                target: Target::Id(id("b")),
                tokens: Tokens::access(secret(&self.label)),
                grant: Grant::Same,
                expires_at: Some(began_at),
            },
            Action::Reset { id: None, revive: Revive::Nobody },
            Action::Add { credential: Box::new(added), place: Default::default() },
            Action::Remove { target: target() },
        ]
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_panics_on_any_times_and_texts(anything in anything(), times in vec(any_time(), 3), text in any_text(), seed: u64) {
        let (request, leases) = (PickRequest::new(codex()).model("large"), Leases::default());
        for now in &times {
            let mut pool = anything.pool();
            for action in anything.actions(times[0]) {
                drop(pool.apply(&Change { provider: codex(), action }, *now));
                for strategy in Picking::ALL {
                    match pool.pick(&request.clone().strategy(*strategy), &leases, *now, seed) {
                        Ok(credential) => drop(leases.take(&codex(), credential, *now)),
                        Err(unavailable) => drop((unavailable.first_return().is_some(), unavailable.last_error().is_some())),
                    }
                }
                drop(pool.select(&text).map(|found| found.id.clone()));
            }
            drop((pool.prune(*now), pool.forget_removed(*now)));
            drop(Judgement::of(anything.judgement.failure.clone(), &codex(), &Cooldowns::default(), *now));
        }
    }

    #[test]
    fn nothing_panics_on_any_time_that_is_read(at in option::of(any_time()), reset in option::of(any_time()), now in any_time()) {
        let error = LastError::of(&Failure::http(429), Kind::RateLimit, None);
        let reset = reset.map(|reset| (reset, ResetFrom::Provider));
        if let Some(rest) = Rest::read(at, reset, Judged::Unbound, error, now) {
            let since = at.map_or(now, |at| not_ahead(at, now));
            prop_assert!(rest.until.signed_duration_since(since) <= TimeDelta::days(45));
        }
    }

    #[test]
    fn no_reset_is_farther_than_45_days_after_the_failure(anything in anything(), now in any_time()) {
        let judgement = Judgement::of(anything.judgement.failure, &codex(), &Cooldowns::default(), now);
        let rest = judgement.until.signed_duration_since(now);
        prop_assert!(rest >= TimeDelta::zero() && rest <= TimeDelta::days(45), "{rest}");
        prop_assert!(judgement.verdict.until.is_none_or(|until| until > now));
    }
}

#[test]
fn a_change_to_all_providers_is_a_change_to_each() {
    let mut pools = Pools::new([Pool::new(codex(), vec![key("a")], HashMap::new())]);
    let judgement = Judgement::of(support::throttled(), &codex(), &Cooldowns::default(), start());
    let action = Action::Fail { target: support::stored("a"), judgement };
    pools.apply(&Change { provider: codex(), action }, start()).expect("it is there");
    assert!(pools.pick(&PickRequest::new(codex()), &(), start(), 0).is_err());
}
