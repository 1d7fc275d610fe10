use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    Action, Applied, Change, ChangeError, Cooldowns, Credential, CredentialId, Failure, Grant, Holding,
    Judgement, Lease, Leases, Outcome, PickRequest, Place, Pool, Pruned, Record, Revive, Standing, State,
    Strategy, Target, Tokens, Unavailable,
};

use super::{codex, copies, id, key, start, stored};

/// What [`Sim::next`] answers when everybody is out.
pub(crate) const NOBODY: &str = "nobody";

/// One pool on a clock that moves only when told to. Whatever fails in it is a failed test.
#[derive(Clone)]
pub(crate) struct Sim {
    pub(crate) pool: Pool,
    pub(crate) now: DateTime<Utc>,
    pub(crate) leases: Leases,
    request: PickRequest,
    known: BTreeSet<CredentialId>,
}

impl Sim {
    /// Keys added by hand, in this order.
    pub(crate) fn with_keys<const N: usize>(names: [&str; N]) -> Self {
        Self::of(names.map(key))
    }

    /// These credentials, in this order.
    pub(crate) fn of(credentials: impl IntoIterator<Item = Credential>) -> Self {
        let credentials: Vec<_> = credentials.into_iter().collect();
        let known = credentials.iter().map(|credential| credential.id.clone()).collect();
        let pool = Pool::new(codex(), credentials, HashMap::new());
        Self { pool, now: start(), leases: Leases::default(), request: PickRequest::new(codex()), known }
    }

    pub(crate) fn strategy(self, strategy: Strategy) -> Self {
        Self { request: self.request.strategy(strategy), ..self }
    }

    pub(crate) fn lease_cap(self, cap: usize) -> Self {
        Self { request: self.request.lease_cap(cap), ..self }
    }

    pub(crate) fn model(self, model: &str) -> Self {
        Self { request: self.request.model(model), ..self }
    }

    pub(crate) fn advance(&mut self, by: TimeDelta) {
        self.now += by;
    }

    // What happens.

    pub(crate) fn fail(&mut self, name: &str, failure: Failure) -> Outcome {
        self.fail_target(stored(name), failure)
    }

    pub(crate) fn fail_target(&mut self, target: Target, failure: Failure) -> Outcome {
        let judgement = Judgement::of(failure, &codex(), &Cooldowns::default(), self.now);
        self.apply(Action::Fail { target, judgement })
    }

    /// It worked, in a request that began just now.
    pub(crate) fn succeed(&mut self, name: &str) -> Outcome {
        self.succeed_since(stored(name), self.now)
    }

    pub(crate) fn succeed_since(&mut self, target: Target, began_at: DateTime<Utc>) -> Outcome {
        self.apply(Action::Succeed { target, began_at, model: None })
    }

    pub(crate) fn reset(&mut self, revive: Revive) -> Outcome {
        self.apply(Action::Reset { id: None, revive })
    }

    pub(crate) fn rotate(&mut self, target: Target, tokens: Tokens, grant: Grant) -> Outcome {
        self.apply(Action::Rotate { target, tokens, grant, expires_at: None })
    }

    pub(crate) fn add(&mut self, credential: Credential) -> Result<Applied, ChangeError> {
        self.known.insert(credential.id.clone());
        self.try_apply(Action::Add { credential: Box::new(credential), place: Place::Last })
    }

    pub(crate) fn remove(&mut self, name: &str) -> Outcome {
        self.apply(Action::Remove { target: stored(name) })
    }

    pub(crate) fn apply(&mut self, action: Action) -> Outcome {
        self.try_apply(action).expect("this change can be made").outcome
    }

    pub(crate) fn try_apply(&mut self, action: Action) -> Result<Applied, ChangeError> {
        self.pool.apply(&Change { provider: codex(), action }, self.now)
    }

    pub(crate) fn prune(&mut self) -> Vec<String> {
        self.pool.prune(self.now).iter().map(|Pruned { id, .. }| id.to_string()).collect()
    }

    /// Another program edits the definitions and knows nothing of what happened to them.
    pub(crate) fn edit_elsewhere(&mut self, edit: impl FnOnce(&mut Vec<Credential>)) {
        let mut credentials = copies(&self.pool);
        edit(&mut credentials);
        self.known.extend(credentials.iter().map(|credential| credential.id.clone()));
        let records = self.known.iter().filter_map(|id| Some((id.clone(), self.pool.record(id)?.clone())));
        self.pool = Pool::new(codex(), credentials, records.collect());
    }

    /// Another program signs in again.
    pub(crate) fn sign_in_elsewhere(&mut self, name: &str, tokens: Tokens) {
        self.edit_elsewhere(|credentials| {
            for credential in credentials.iter_mut().filter(|credential| credential.id == id(name)) {
                credential.holding = Holding::Owned(tokens.clone());
            }
        });
    }

    /// A store is read in which this was written of a credential.
    pub(crate) fn read_state(&mut self, name: &str, state: State) {
        self.read_record(name, Record { state, ..Record::default() });
    }

    pub(crate) fn read_record(&mut self, name: &str, record: Record) {
        self.known.insert(id(name));
        let others = self.known.iter().filter_map(|id| Some((id.clone(), self.pool.record(id)?.clone())));
        let mut records: HashMap<_, _> = others.collect();
        records.insert(id(name), record);
        self.pool = Pool::new(codex(), copies(&self.pool), records);
    }

    // What is asked.

    /// Who is handed out now, and counted.
    pub(crate) fn next(&mut self) -> String {
        let picked = self.peek();
        if picked != NOBODY {
            self.pool.count_use(&id(&picked), self.now);
        }
        picked
    }

    /// Who would be handed out now.
    pub(crate) fn peek(&self) -> String {
        self.pick(0).map_or(NOBODY.to_owned(), |credential| credential.id.to_string())
    }

    pub(crate) fn pick(&self, seed: u64) -> Result<&Arc<Credential>, Unavailable> {
        self.pool.pick(&self.request, &self.leases, self.now, seed)
    }

    /// Hands out and holds the place until the lease is dropped.
    pub(crate) fn lease(&mut self) -> Lease {
        let credential = self.pick(0).expect("somebody is ready").clone();
        self.pool.count_use(&credential.id, self.now);
        self.leases.take(&codex(), &credential, self.now).expect("what is picked has a secret")
    }

    pub(crate) fn unavailable(&self) -> Unavailable {
        self.pick(0).expect_err("everybody is out")
    }

    pub(crate) fn credential(&self, name: &str) -> &Credential {
        let mut credentials = self.pool.credentials().iter();
        credentials.find(|credential| credential.id == id(name)).expect("it is in the pool")
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.pool.credentials().iter().any(|credential| credential.id == id(name))
    }

    pub(crate) fn standing(&self, name: &str) -> Standing {
        self.pool.standing(self.credential(name), self.now)
    }

    /// The word for how it stands now.
    pub(crate) fn status(&self, name: &str) -> String {
        self.standing(name).status().to_owned()
    }

    /// How long it still rests.
    pub(crate) fn rest(&self, name: &str) -> Option<TimeDelta> {
        Some(self.standing(name).until()? - self.now)
    }

    /// What is recorded of it, whether or not it holds now.
    pub(crate) fn state(&self, name: &str) -> State {
        self.pool.record(&id(name)).map(|record| record.state.clone()).unwrap_or_default()
    }
}
