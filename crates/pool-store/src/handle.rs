use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use pool_core::{
    Action, Change, Cooldowns, Credential, CredentialId, Failure, Grant, Judgement, Lease, Leases, Outcome,
    Patience, PickRequest, Picker, Place, Pools, Provider, Recovery, Revive, Source, Standing, Target,
    Tokens, Unavailable, Usage,
};

use crate::clock::WallClock;
use crate::error::StoreError;
use crate::request::Request;
use crate::store::{Pruning, Store, Version};

/// How long a view is trusted before the store is looked at again, by default.
pub const DEFAULT_LOOK_EVERY: Duration = Duration::from_millis(1);

/// What an agent holds: picks from memory, and changes the store in small transactions. Clones share everything.
///
/// ```
/// use pool_core::{Credential, CredentialId, Failure, PickRequest, Pool, Pools, Provider, Secret, Target};
/// use pool_store::{MemoryStore, PoolHandle};
///
/// let provider = Provider::new("openrouter")?;
/// let key = Credential::manual(CredentialId::new("0f0f0f")?, Secret::new("sk-or-v1-test".to_owned()));
/// let pools = Pools::new([Pool::new(provider.clone(), vec![key], Default::default())]);
/// let handle = PoolHandle::new(MemoryStore::new(pools));
///
/// let lease = handle.lease(&PickRequest::new(provider.clone()))?;
/// assert_eq!(lease.secret().expose(), "sk-or-v1-test");
/// handle.report_lease(&lease, Failure::http(401).code("token_revoked"))?;
/// assert!(handle.lease(&PickRequest::new(provider)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PoolHandle(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Box<dyn Store>,
    pub(crate) clock: Option<SetClock>,
    pub(crate) pruning: Pruning,
    cooldowns: Cooldowns,
    patience: Patience,
    pub(crate) look_every: Duration,
    pub(crate) leases: Leases,
    pub(crate) view: Mutex<View>,
    /// Somebody has written, or gave the turn back.
    pub(crate) written: Condvar,
    /// Somebody has queued a change.
    pub(crate) queued: Condvar,
}

/// Tells the time in place of the system.
type SetClock = Box<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What this process knows.
pub(crate) struct View {
    pub(crate) pools: Pools,
    pub(crate) version: Option<Version>,
    pub(crate) looked_at: Option<Instant>,
    pub(crate) loose_mode: Option<u32>,
    /// The pools made ready for picks, each when it is first asked for; of no worth once the pools change.
    pickers: Vec<(Provider, Picker)>,
    pub(crate) wall: WallClock,
    /// Verdicts that could not be written yet: they hold here all the same, and go with the next write.
    pub(crate) unsaved: Vec<(DateTime<Utc>, Change)>,
    /// Changes that wait for a write.
    pub(crate) queued: Vec<Queued>,
    /// What became of queued changes, until their callers fetch it.
    pub(crate) answers: HashMap<u64, Result<Outcome, StoreError>>,
    /// How many changes were queued so far; the last one's number.
    pub(crate) tickets: u64,
    /// Whether somebody has the turn to write.
    pub(crate) is_writing: bool,
    pub(crate) last_write: LastWrite,
    /// Uses that were not written yet.
    pub(crate) uncounted: HashMap<(Provider, CredentialId), Usage>,
    pub(crate) seeds: fastrand::Rng,
}

/// How many changes the last write took along, and how long it took.
#[derive(Clone, Copy, Default)]
pub(crate) struct LastWrite {
    pub(crate) changes: usize,
    pub(crate) took: Duration,
}

/// A change that waits for a write.
#[derive(Clone)]
pub(crate) struct Queued {
    pub(crate) ticket: u64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) change: Change,
}

/// Why a handle gave no credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PickError {
    /// Nothing can be handed out now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a report or a success.
#[derive(Clone, PartialEq, Debug)]
pub enum Reported {
    /// It was taken in.
    Taken {
        /// How the credential stands now.
        standing: Standing,
        /// All whose record changed, in line order.
        marked: Vec<CredentialId>,
    },
    /// The secret is no longer stored, so nobody was marked.
    Stale,
}

/// Sets up a [`PoolHandle`].
#[derive(Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    clock: Option<SetClock>,
    cooldowns: Cooldowns,
    patience: Patience,
    look_every: Option<Duration>,
    seed: Option<u64>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Builder").field("cooldowns", &self.cooldowns).finish_non_exhaustive()
    }
}

impl Builder {
    /// Sets the clock; the system's by default. With a set clock a change never prunes.
    pub fn clock(self, clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self { clock: Some(Box::new(clock)), ..self }
    }

    /// Sets how long to rest after what.
    pub fn cooldowns(self, cooldowns: Cooldowns) -> Self {
        Self { cooldowns, ..self }
    }

    /// Sets what a [`Request`] waits for, and whether its tokens can be renewed.
    pub fn patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Sets how often the store is looked at; at most once a millisecond by default. Zero looks at every pick.
    pub fn look_every(self, pause: Duration) -> Self {
        Self { look_every: Some(pause), ..self }
    }

    /// Sets the seed of choices by chance; from the system by default.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Makes the handle. The store is first read when it is first needed.
    pub fn build(self, store: impl Store + 'static) -> PoolHandle {
        let pruning_clock = self.clock.is_none();
        let view = View {
            pools: Pools::default(),
            version: None,
            looked_at: None,
            loose_mode: None,
            pickers: Vec::new(),
            wall: WallClock::default(),
            unsaved: Vec::new(),
            queued: Vec::new(),
            answers: HashMap::new(),
            tickets: 0,
            is_writing: false,
            last_write: LastWrite::default(),
            uncounted: HashMap::new(),
            seeds: self.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed),
        };
        PoolHandle(Arc::new(Inner {
            store: Box::new(store),
            clock: self.clock,
            pruning: if pruning_clock { Pruning::WhatIsDue } else { Pruning::Nothing },
            cooldowns: self.cooldowns,
            patience: self.patience,
            look_every: self.look_every.unwrap_or(DEFAULT_LOOK_EVERY),
            leases: Leases::default(),
            view: Mutex::new(view),
            written: Condvar::new(),
            queued: Condvar::new(),
        }))
    }
}

impl PoolHandle {
    /// A handle with the defaults.
    #[must_use]
    pub fn new(store: impl Store + 'static) -> Self {
        Self::builder().build(store)
    }

    /// Sets up a handle.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The pools as they are now, verdicts and uses of this process included.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn pools(&self) -> Result<Pools, StoreError> {
        let mut view = self.0.fresh_view()?.0;
        view.put_pickers_away();
        Ok(view.pools.clone())
    }

    /// The permission bits of the file, where others than its owner have some.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn loose_mode(&self) -> Result<Option<u32>, StoreError> {
        Ok(self.0.fresh_view()?.0.loose_mode)
    }

    /// Chooses a credential to look at; counts nothing.
    ///
    /// # Errors
    ///
    /// When nothing can be handed out, or the store cannot be read.
    pub fn pick(&self, request: &PickRequest) -> Result<Arc<Credential>, PickError> {
        let _span = decision("pick", request);
        let (mut view, now) = self.0.fresh_view()?;
        let seed = view.seeds.u64(..);
        let found = view
            .picker(request.provider(), &self.0.leases)
            .and_then(|picker| picker.pick(request, now, seed));
        match found {
            Some(credential) => {
                tracing::debug!(id = %credential.id, label = credential.label, "picked");
                Ok(Arc::clone(credential))
            }
            None => Err(view.why_nobody(request, now).into()),
        }
    }

    /// Chooses a credential to use, counts it, and holds its place until the lease is dropped. Writes nothing.
    ///
    /// # Errors
    ///
    /// When nothing can be handed out, or the store cannot be read.
    pub fn lease(&self, request: &PickRequest) -> Result<Lease, PickError> {
        let _span = decision("lease", request);
        let (mut view, now) = self.0.fresh_view()?;
        let seed = view.seeds.u64(..);
        let lease = view
            .picker(request.provider(), &self.0.leases)
            .and_then(|picker| picker.lease(request, now, seed));
        match lease {
            Some(lease) => {
                tracing::debug!(id = %lease.id(), label = lease.label(), "leased");
                Ok(lease)
            }
            None => Err(view.why_nobody(request, now).into()),
        }
    }

    /// A request that goes on until it is answered, or until nothing more can be done: see [`Request`].
    pub fn request(&self, request: PickRequest) -> Request {
        Request::new(self.clone(), Recovery::new(request, self.0.cooldowns.clone(), self.0.patience))
    }

    /// Counts that a credential was handed out now, for who picks without a lease. Writes nothing.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn count(&self, provider: &Provider, id: &CredentialId) -> Result<(), StoreError> {
        let (mut view, now) = self.0.fresh_view()?;
        view.put_pickers_away();
        view.count(provider, id, now);
        Ok(())
    }

    /// Takes in what upstream said about a leased credential. The verdict holds in this process even if it cannot be
    /// written: the error says so.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn report_lease(&self, lease: &Lease, failure: Failure) -> Result<Reported, StoreError> {
        let failure = match (failure.model(), lease.model()) {
            (None, Some(model)) => failure.for_model(model),
            _ => failure,
        };
        self.report(lease.provider(), lease.target(), failure)
    }

    /// Takes in what upstream said about a credential.
    ///
    /// # Errors
    ///
    /// When there is no such credential, or the verdict cannot be written.
    pub fn report(
        &self,
        provider: &Provider,
        target: Target,
        failure: Failure,
    ) -> Result<Reported, StoreError> {
        let judgement = Judgement::of(failure, provider, &self.0.cooldowns, self.0.now());
        let outcome = self.0.commit(provider, Action::Fail { target, judgement })?;
        Ok(reported(outcome))
    }

    /// Takes in that a leased credential worked.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn succeed_lease(&self, lease: &Lease) -> Result<Reported, StoreError> {
        self.succeed(lease.provider(), lease.target(), lease.picked_at(), lease.model())
    }

    /// Takes in that a credential worked, in a request that began at `began_at`, for this model where one was named.
    ///
    /// # Errors
    ///
    /// When there is no such credential, or it cannot be written.
    pub fn succeed(
        &self,
        provider: &Provider,
        target: Target,
        began_at: DateTime<Utc>,
        model: Option<&str>,
    ) -> Result<Reported, StoreError> {
        let model = model.map(str::to_owned);
        Ok(reported(self.0.commit(provider, Action::Succeed { target, began_at, model })?))
    }

    /// Clears one credential, or all of a provider; answers who was not ok.
    ///
    /// # Errors
    ///
    /// When there is no such credential, or it cannot be written.
    pub fn reset(
        &self,
        provider: &Provider,
        id: Option<CredentialId>,
        revive: Revive,
    ) -> Result<Vec<CredentialId>, StoreError> {
        match self.0.commit(provider, Action::Reset { id, revive })? {
            Outcome::Reset { cleared } => Ok(cleared),
            _ => Ok(Vec::new()),
        }
    }

    /// Adds a credential behind all others of its provider.
    ///
    /// # Errors
    ///
    /// When its secret or id is there already, or it cannot be written.
    pub fn add(&self, provider: &Provider, credential: Credential) -> Result<(), StoreError> {
        let action = Action::Add { credential: Box::new(credential), place: Place::Last };
        self.0.commit(provider, action).map(drop)
    }

    /// Adds what another place offers, behind all others of its provider.
    ///
    /// # Errors
    ///
    /// When somebody removed what this source offers, its secret or id is there already, or it cannot be written.
    pub fn seed(&self, provider: &Provider, credential: Credential) -> Result<(), StoreError> {
        self.0.commit(provider, Action::Seed { credential: Box::new(credential) }).map(drop)
    }

    /// Removes a credential. One that another place would only offer again stays away: its source is suppressed.
    ///
    /// # Errors
    ///
    /// When there is no such credential, or it cannot be written.
    pub fn remove(&self, provider: &Provider, target: Target) -> Result<Reported, StoreError> {
        Ok(reported(self.0.commit(provider, Action::Remove { target })?))
    }

    /// Lets what a source offers be taken in again, whether or not a credential of it is there.
    ///
    /// # Errors
    ///
    /// When the provider has no pool, or it cannot be written.
    pub fn lift(&self, provider: &Provider, source: Source) -> Result<(), StoreError> {
        self.0.commit(provider, Action::Lift { source }).map(drop)
    }

    /// Replaces the secrets of a credential; its id and priority stay.
    ///
    /// # Errors
    ///
    /// When there is no such credential, its secret is lent by another place, or it cannot be written.
    pub fn rotate(
        &self,
        provider: &Provider,
        target: Target,
        tokens: Tokens,
        grant: Grant,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<Reported, StoreError> {
        match self.0.commit(provider, Action::Rotate { target, tokens, grant, expires_at })? {
            Outcome::Rotated(id) => {
                Ok(Reported::Taken { standing: self.standing(provider, &id), marked: Vec::new() })
            }
            outcome => Ok(reported(outcome)),
        }
    }

    /// How a credential stands that was just changed: it is in the view.
    fn standing(&self, provider: &Provider, id: &CredentialId) -> Standing {
        let now = self.0.now();
        let view = self.0.view();
        let pool = view.pools.get(provider);
        let mut standings = pool.into_iter().flat_map(|pool| pool.standings(now));
        standings
            .find(|(credential, _)| credential.id == *id)
            .map_or(Standing::Ready, |(_, standing)| standing)
    }

    /// Writes the counters of this process, and verdicts that could not be written before. Nothing to say, no write.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.0.flush()
    }
}

impl fmt::Debug for PoolHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PoolHandle").field("store", &self.0.store).finish_non_exhaustive()
    }
}

/// The span of one decision. While nobody listens it costs a nanosecond.
fn decision(what: &'static str, request: &PickRequest) -> tracing::span::EnteredSpan {
    tracing::debug_span!(
        "decision",
        what,
        provider = %request.provider(),
        strategy = request.chosen_strategy().as_str()
    )
    .entered()
}

fn reported(outcome: Outcome) -> Reported {
    match outcome {
        Outcome::Judged { standing, marked } => Reported::Taken { standing, marked },
        Outcome::Succeeded { standing } => Reported::Taken { standing, marked: Vec::new() },
        Outcome::Stale => Reported::Stale,
        Outcome::Removed(id) => Reported::Taken { standing: Standing::Removed, marked: vec![id] },
        _ => Reported::Taken { standing: Standing::Ready, marked: Vec::new() },
    }
}

impl View {
    /// The pool of a provider, ready for picks; `None` where it has none.
    fn picker(&mut self, provider: &Provider, leases: &Leases) -> Option<&mut Picker> {
        let known = self.pickers.iter().position(|(of, _)| of == provider);
        let index = match known {
            Some(index) => index,
            None => {
                let picker = Picker::new(self.pools.get(provider)?, leases);
                self.pickers.push((provider.clone(), picker));
                self.pickers.len() - 1
            }
        };
        self.pickers.get_mut(index).map(|(_, picker)| picker)
    }

    /// Takes the uses that were counted by pickers into the pools, which are then free to change.
    pub(crate) fn put_pickers_away(&mut self) {
        for (provider, mut picker) in std::mem::take(&mut self.pickers) {
            for (id, usage) in picker.take_uses() {
                self.add_uses(&provider, &id, usage);
            }
        }
    }

    pub(crate) fn count(&mut self, provider: &Provider, id: &CredentialId, now: DateTime<Utc>) {
        self.add_uses(provider, id, Usage { request_count: 1, last_used_at: Some(now) });
    }

    fn add_uses(&mut self, provider: &Provider, id: &CredentialId, usage: Usage) {
        if let Some(pool) = self.pools.get_mut(provider) {
            pool.count_uses(id, usage);
        }
        let uncounted = self.uncounted.entry((provider.clone(), id.clone())).or_default();
        *uncounted = uncounted.plus(usage);
    }

    /// Nobody is ready, and the walk down the line says why.
    fn why_nobody(&self, request: &PickRequest, now: DateTime<Utc>) -> Unavailable {
        let nobody = || Unavailable { provider: request.provider().clone(), out: Vec::new() };
        let unavailable = self.pools.pick(request, &(), now, 0).err().unwrap_or_else(nobody);
        let returns = unavailable.first_return().map(|(_, until)| pool_core::time::format(until));
        tracing::debug!(out = unavailable.out.len(), returns, "nobody is ready");
        unavailable
    }
}
