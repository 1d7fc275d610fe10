use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    Action, Change, ChangeError, Cooldowns, Credential, CredentialId, Fingerprint, InFlight, Judgement,
    Lease, Outcome, PickRequest, Place, Pool, Pools, Provider, Record, Revive, Secret, Source, Standing,
    State, Strategy, Target, Unresolved,
};
use pool_format::raw::Object;
use pool_format::{Document, Lender, Lent, read_entry, read_record};
use pool_migrate::migrate;
use pool_store::{PickError, PoolHandle, Reported, Store, StoreError};

use super::history::{Asked, By, Failed, History, LENT_VARIABLE, Name, Named, Renewal, Step, Where, Whom};
use super::home::LENT_SECRET;
use crate::noon;

/// A handle, and beside it the bare rules, to which the same is done.
pub(crate) struct World {
    clock: Clock,
    handle: Option<PoolHandle>,
    pools: Pools,
    held: Held,
    dead: HashSet<(Whom, Fingerprint)>,
    is_rolled_back: bool,
}

/// Tells the same time to all, and never goes back.
#[derive(Clone)]
struct Clock(Arc<AtomicI64>);

/// The leases that were not given back.
#[derive(Default)]
struct Held(Vec<Lease>);

impl Clock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::Relaxed)).expect("near ours")
    }

    fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_microseconds().expect("not long"), Ordering::Relaxed);
    }
}

impl InFlight for Held {
    fn of(&self, provider: &Provider, id: &CredentialId) -> usize {
        self.0.iter().filter(|lease| lease.provider() == provider && lease.id() == id).count()
    }
}

impl Held {
    fn position(&self, which: u8) -> Option<usize> {
        usize::from(which).checked_rem(self.0.len())
    }
}

impl World {
    /// A store of this text, which nobody has opened yet.
    pub(crate) fn of(history: &History) -> Self {
        let clock = Clock(Arc::new(AtomicI64::new(noon().timestamp_micros())));
        let pools = pools_of(&history.text(), noon());
        Self {
            clock,
            handle: None,
            pools,
            held: Held::default(),
            dead: HashSet::new(),
            is_rolled_back: history.is_rolled_back(),
        }
    }

    /// What the rules know.
    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    /// A process begins.
    pub(crate) fn open(&mut self, store: impl Store + 'static) {
        let clock = self.clock.clone();
        self.handle =
            Some(PoolHandle::builder().clock(move || clock.now()).look_every(Duration::ZERO).build(store));
    }

    /// The process ends, with what it counted and held.
    pub(crate) fn close(&mut self) {
        self.held.0.clear();
        self.handle = None;
    }

    pub(crate) fn flush(&self) {
        self.handle().flush().expect("the store can be written");
    }

    /// Another program has written the store, and may know better of one credential.
    pub(crate) fn begin_again(&mut self, text: &str, whom: Whom) {
        self.pools = pools_of(text, self.now());
        self.dead.retain(|(known, _)| *known != whom);
    }

    /// Does one thing to both, and compares what they answer.
    pub(crate) fn take(&mut self, step: &Step) {
        // So that no two uses are of one moment: which was first is not in the file.
        self.clock.advance(TimeDelta::milliseconds(1));
        match step {
            Step::Wait { seconds } => self.clock.advance(TimeDelta::seconds((*seconds).into())),
            Step::Pick(asked) => self.pick(*asked),
            Step::Lease(asked) => self.lease(*asked),
            Step::GiveBack { which } => {
                self.held.position(*which).map(|index| self.held.0.swap_remove(index));
            }
            Step::Fail { whom, failed } => self.fail(whom.whom.pool.provider(), self.target(*whom), *failed),
            Step::FailLease { which, failed } => {
                let Some(index) = self.held.position(*which) else { return };
                let lease = &self.held.0[index];
                self.fail(lease.provider().clone(), Some(lease.target()), *failed);
            }
            Step::Succeed { whom, began_ago } => {
                let began_at = self.now() - TimeDelta::seconds((*began_ago).into());
                self.succeed(whom.whom.pool.provider(), self.target(*whom), began_at);
            }
            Step::SucceedLease { which } => {
                let Some(index) = self.held.position(*which) else { return };
                let lease = &self.held.0[index];
                self.succeed(lease.provider().clone(), Some(lease.target()), lease.picked_at());
            }
            Step::Reset { pool, name, dead_too } => self.reset(*pool, *name, *dead_too),
            Step::Add { whom, account, serial } => self.add(*whom, whom.credential(*account, *serial)),
            Step::Remove { whom } => self.remove(*whom),
            Step::Rotate { whom, renewal } => self.rotate(*whom, *renewal),
            Step::Flush => self.flush(),
            Step::Restart | Step::Elsewhere(_) => {}
        }
    }

    /// The handle knows what the rules know.
    pub(crate) fn is_as_told(&self) {
        self.flush();
        let known = self.handle().pools().expect("the store can be read");
        for pool in [Where::Codex, Where::OpenRouter] {
            let provider = pool.provider();
            assert_eq!(self.told(known.get(&provider)), self.told(self.pools.get(&provider)), "{provider}");
        }
    }

    fn pick(&mut self, asked: Asked) {
        let picked = self.handle().pick(&asked.request());
        self.is_the_pick(
            &asked.request(),
            picked.as_ref().map(|credential| (&credential.id, credential.secret())),
        );
    }

    fn lease(&mut self, asked: Asked) {
        let request = asked.request();
        let lease = self.handle().lease(&request);
        self.is_the_pick(&request, lease.as_ref().map(|lease| (lease.id(), Some(lease.secret()))));
        let Ok(lease) = lease else { return };
        let dead = self.dead.iter().any(|(whom, subject)| {
            whom.pool.provider() == *lease.provider()
                && whom.name.id() == *lease.id()
                && lease.secret().fingerprint() == *subject
        });
        assert!(!dead, "{lease:?} is on a secret that is dead");
        let now = self.now();
        self.pools.get_mut(lease.provider()).expect("it was picked from").count_use(lease.id(), now);
        self.held.0.push(lease);
    }

    /// The walk down the line gives the same; of choices by chance, whoever it is must be ready.
    fn is_the_pick(
        &self,
        request: &PickRequest,
        picked: Result<(&CredentialId, Option<&Secret>), &PickError>,
    ) {
        let walked = self.pools.pick(request, &self.held, self.now(), 0);
        match (picked, walked) {
            (Ok((id, secret)), Ok(_)) if request.chosen_strategy() == Strategy::Random => {
                assert!(secret.is_some_and(|secret| !secret.is_blank()));
                let pool = self.pools.get(request.provider()).expect("it was picked from");
                let mut standings = pool.standings(self.now()).filter(|(credential, _)| credential.id == *id);
                assert!(standings.any(|(_, standing)| standing == Standing::Ready), "{id} is not ready");
            }
            (Ok(picked), Ok(credential)) => assert_eq!(picked, (&credential.id, credential.secret())),
            (Err(PickError::Unavailable(picked)), Err(walked)) => assert_eq!(*picked, walked),
            (picked, walked) => panic!("{picked:?} was handed out, not {walked:?}"),
        }
    }

    fn fail(&mut self, provider: Provider, target: Option<Target>, failed: Failed) {
        let Some(target) = target else { return };
        let failure = failed.failure();
        let judgement = Judgement::of(failure.clone(), &provider, &Cooldowns::default(), self.now());
        let is_terminal = judgement.verdict.is_terminal();
        let expected = self.apply(&provider, Action::Fail { target: target.clone(), judgement });
        if let (true, Ok(Outcome::Judged { marked, .. })) = (is_terminal, &expected) {
            self.bury(&provider, marked);
        }
        let answer = self.handle().report(&provider, target, failure);
        assert_eq!(plainly(answer), expected.map(reported).map_err(|error| error.to_string()));
    }

    /// Whoever was marked by a verdict for good is dead with the secret that was judged.
    fn bury(&mut self, provider: &Provider, marked: &[CredentialId]) {
        let pool = self.pools.get(provider).expect("it was changed");
        for whom in
            everybody().filter(|whom| whom.pool.provider() == *provider && marked.contains(&whom.name.id()))
        {
            if let Some(State::Dead(death)) = pool.record(&whom.name.id()).map(|record| &record.state) {
                self.dead.extend(death.subject.map(|subject| (whom, subject)));
            }
        }
    }

    fn succeed(&mut self, provider: Provider, target: Option<Target>, began_at: DateTime<Utc>) {
        let Some(target) = target else { return };
        let expected =
            self.apply(&provider, Action::Succeed { target: target.clone(), began_at, model: None });
        let answer = self.handle().succeed(&provider, target, began_at, None);
        assert_eq!(plainly(answer), expected.map(reported).map_err(|error| error.to_string()));
    }

    fn reset(&mut self, pool: Where, name: Option<Name>, dead_too: bool) {
        let (provider, id) = (pool.provider(), name.map(Name::id));
        let revive = if dead_too { Revive::TheDead } else { Revive::Nobody };
        let expected = self.apply(&provider, Action::Reset { id: id.clone(), revive });
        if dead_too && expected.is_ok() {
            self.dead.retain(|(whom, _)| whom.pool != pool || name.is_some_and(|name| name != whom.name));
        }
        let expected = expected.map(|outcome| match outcome {
            Outcome::Reset { cleared } => cleared,
            other => panic!("{other:?} is no answer to a reset"),
        });
        let answer = self.handle().reset(&provider, id, revive);
        assert_eq!(plainly(answer), expected.map_err(|error| error.to_string()));
    }

    fn add(&mut self, whom: Whom, credential: Credential) {
        let action = Action::Add { credential: Box::new(credential.clone()), place: Place::Last };
        let expected = self.apply(&whom.pool.provider(), action).map(drop);
        if expected.is_ok() {
            self.dead.retain(|(known, _)| *known != whom);
        }
        let answer = self.handle().add(&whom.pool.provider(), credential);
        assert_eq!(plainly(answer), expected.map_err(|error| error.to_string()));
    }

    fn remove(&mut self, named: Named) {
        let Some(target) = self.target(named) else { return };
        let provider = named.whom.pool.provider();
        let expected = self.apply(&provider, Action::Remove { target: target.clone() });
        let answer = self.handle().remove(&provider, target);
        assert_eq!(plainly(answer), expected.map(reported).map_err(|error| error.to_string()));
    }

    fn rotate(&mut self, named: Named, renewal: Renewal) {
        let Some(target) = self.target(named) else { return };
        let provider = named.whom.pool.provider();
        let expires_at = renewal.ends_in().map(|time| self.now() + time);
        let (tokens, grant) = (renewal.tokens(), renewal.grant());
        let action = Action::Rotate { target: target.clone(), tokens: tokens.clone(), grant, expires_at };
        let expected = self.apply(&provider, action);
        let expected = expected.map(|outcome| match outcome {
            Outcome::Rotated(id) => {
                self.dead.retain(|(whom, _)| whom.pool != named.whom.pool || whom.name.id() != id);
                Reported::Taken { standing: self.standing(&provider, &id), marked: Vec::new() }
            }
            other => reported(other),
        });
        let answer = self.handle().rotate(&provider, target, tokens, grant, expires_at);
        assert_eq!(plainly(answer), expected.map_err(|error| error.to_string()));
    }

    /// How the first in line of this id stands.
    fn standing(&self, provider: &Provider, id: &CredentialId) -> Standing {
        let pool = self.pools.get(provider).expect("it was changed");
        let mut standings = pool.standings(self.now());
        standings.find(|(credential, _)| credential.id == *id).expect("it was rotated").1
    }

    fn apply(&mut self, provider: &Provider, action: Action) -> Result<Outcome, ChangeError> {
        let change = Change { provider: provider.clone(), action };
        self.pools.apply(&change, self.clock.now()).map(|applied| applied.outcome)
    }

    /// Whom a step is about; nobody where a secret is to be named and there is none.
    fn target(&self, named: Named) -> Option<Target> {
        let id = named.whom.name.id();
        let credentials =
            self.pools.get(&named.whom.pool.provider()).map(Pool::credentials).unwrap_or_default();
        let stored = credentials.iter().find(|credential| credential.id == id);
        let subject = stored.and_then(|credential| credential.subject());
        match named.by {
            By::Id => Some(Target::Id(id)),
            By::Lease => Some(Target::Held(id, subject?)),
            By::Secret => Some(Target::Secret(subject?)),
            By::StaleSecret => Some(Target::Held(id, Fingerprint::of("a secret of last year"))),
        }
    }

    /// All that a pool knows of its credentials, and of those that are gone. A record that says nothing is none.
    fn told<'a>(&self, pool: Option<&'a Pool>) -> (Vec<&'a Credential>, HashMap<CredentialId, Record>) {
        let line = pool.map(Pool::credentials).unwrap_or_default().iter().map(AsRef::as_ref).collect();
        let mut records = HashMap::new();
        for id in Name::ALL.map(Name::id) {
            let Some(mut record) = pool.and_then(|pool| pool.record(&id)).cloned() else { continue };
            if let (true, State::Ok { since }) = (self.is_rolled_back, &mut record.state) {
                // Whoever clears a rolled-back store leaves no time, and each reader takes its own.
                *since = None;
            }
            if record != Record::default() {
                records.insert(id, record);
            }
        }
        (line, records)
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn handle(&self) -> &PoolHandle {
        self.handle.as_ref().expect("a process runs")
    }
}

fn plainly<T>(answer: Result<T, StoreError>) -> Result<T, String> {
    answer.map_err(|error| error.to_string())
}

fn reported(outcome: Outcome) -> Reported {
    match outcome {
        Outcome::Judged { standing, marked } => Reported::Taken { standing, marked },
        Outcome::Succeeded { standing } => Reported::Taken { standing, marked: Vec::new() },
        Outcome::Removed(id) => Reported::Taken { standing: Standing::Removed, marked: vec![id] },
        Outcome::Stale => Reported::Stale,
        other => panic!("{other:?} is no answer to a report"),
    }
}

fn everybody() -> impl Iterator<Item = Whom> {
    let pools = [Where::Codex, Where::OpenRouter];
    pools.into_iter().flat_map(|pool| Name::ALL.map(|name| Whom { pool, name }))
}

/// The pools of a store, read from its text without a file.
fn pools_of(text: &str, now: DateTime<Utc>) -> Pools {
    let mut document = Document::read(text.into()).expect("it is a store");
    migrate(&mut document, &OneVariable, now).expect("what is hidden is an object");
    let pool = |provider: Provider| {
        let (entries, records) = (document.entries(&provider), document.records(&provider));
        let credentials = entries
            .items()
            .filter_map(|raw| read_entry(&Object::read(raw)?, &provider, &OneVariable))
            .collect();
        let record = |id: CredentialId| Some((id.clone(), read_record(records.get(id.as_str())?, now)));
        Pool::new(provider, credentials, Name::ALL.map(Name::id).into_iter().filter_map(record).collect())
    };
    Pools::new(document.providers().into_iter().map(pool))
}

/// Lends what the `.env` of a home lends.
struct OneVariable;

impl Lender for OneVariable {
    fn lend(&self, _: &Provider, source: &Source) -> Result<Lent, Unresolved> {
        match source.environment_variable() {
            Some(LENT_VARIABLE) => Ok(Secret::new(LENT_SECRET.to_owned()).into()),
            _ => Err(Unresolved::SourceNotReadable),
        }
    }
}
