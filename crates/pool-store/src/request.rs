//! One request of an agent, from the first try to the answer or to the end: the machine of `pool-core` on a real pool.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{
    Action, Change, Credential, CredentialId, Failure, Fingerprint, GaveUp, Grant, LastError, Lease, Pool,
    Provider, Recovery, Secret, Standing, Step, Target, Tokens, Why,
};

use crate::error::StoreError;
use crate::handle::{PoolHandle, View};

/// A request on its way. It says what to do next, and is told what came of it.
///
/// ```
/// use pool_core::{Credential, CredentialId, Failure, PickRequest, Pool, Pools, Provider, Secret};
/// use pool_store::{MemoryStore, Next, PoolHandle};
///
/// let provider = Provider::new("openrouter")?;
/// let key = |id: &str| Credential::manual(CredentialId::new(id).unwrap(), Secret::new(format!("sk-or-{id}")));
/// let pool = Pool::new(provider.clone(), vec![key("first"), key("second")], Default::default());
/// let handle = PoolHandle::new(MemoryStore::new(Pools::new([pool])));
///
/// let mut request = handle.request(PickRequest::new(provider));
/// loop {
///     match request.next()? {
///         Next::Send { lease, after, .. } => {
///             std::thread::sleep(after);
///             // The first one has no money.
///             match lease.secret().expose() {
///                 "sk-or-first" => request.failed(&lease, Failure::http(402)),
///                 _ => break request.succeeded(&lease),
///             }
///         }
///         Next::Refresh { login, .. } => request.not_renewed(&login, Failure::no_answer()),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a request does nothing until it is asked what to do next"]
pub struct Request {
    handle: PoolHandle,
    recovery: Recovery,
    /// Whose use was counted, until there is news of it: who asks once more does not use it once more.
    counted: Option<CredentialId>,
    store_error: Option<StoreError>,
}

/// What to do next about a request.
#[derive(Debug)]
pub enum Next {
    /// Send it.
    Send {
        /// With this; drop it once it was answered.
        lease: Lease,
        /// After waiting so long; mostly zero.
        after: Duration,
        /// Why with this one, and why now.
        why: Why,
    },
    /// Renew the token of this login, then say [`Request::renewed`] or [`Request::not_renewed`]; or [`Request::seen_to`], where
    /// that was done by an engine that writes to the store itself.
    Refresh {
        /// Whose.
        login: Arc<Credential>,
        /// Why.
        why: Why,
    },
}

/// Why a request goes on no more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is over: what upstream really said last, and how every credential stands.
    #[error("{0}")]
    GaveUp(Box<GaveUp>),
    /// The store cannot be read. The request may go on once it can.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Request {
    pub(crate) fn new(handle: PoolHandle, recovery: Recovery) -> Self {
        Self { handle, recovery, counted: None, store_error: None }
    }

    /// Whose credentials it uses.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        self.recovery.request().provider()
    }

    /// What to do next, with the pool as it is now. Nothing is locked while the caller does it.
    ///
    /// # Errors
    ///
    /// When it is given up, or the store cannot be read.
    #[expect(clippy::should_implement_trait, reason = "no iterator: it is told what happened in between")]
    pub fn next(&mut self) -> Result<Next, RequestError> {
        let inner = &self.handle.0;
        let (mut view, now) = inner.fresh_view()?;
        view.put_pickers_away();
        let seed = view.seeds.u64(..);
        let next = |recovery: &mut Recovery, pool: &Pool| recovery.next(pool, &inner.leases, now, seed);
        let (id, after, why) = match with_pool(&view, &mut self.recovery, next) {
            Step::Use { id, why } => (id, Duration::ZERO, why),
            Step::Retry { id, after, why } => (id, after.to_std().unwrap_or_default(), why),
            Step::Refresh { id, why } => {
                let login = self.ready(&view, &id, now);
                tracing::debug!(id = %login.id, label = login.label, %why, "to be renewed");
                return Ok(Next::Refresh { login, why });
            }
            Step::GiveUp(gave_up) => {
                tracing::debug!(why = %gave_up.why, "given up");
                return Err(RequestError::GaveUp(Box::new(gave_up)));
            }
        };
        let request = self.recovery.request();
        let lease = inner.leases.take(request.provider(), &self.ready(&view, &id, now), now);
        let lease = lease.expect("who is ready has a secret").for_model(request.named_model());
        if self.counted.as_ref() != Some(&id) {
            view.count(request.provider(), &id, now);
            self.counted = Some(id);
        }
        tracing::debug!(id = %lease.id(), label = lease.label(), ?after, %why, "to be sent");
        Ok(Next::Send { lease, after, why })
    }

    /// Takes in that it was answered.
    pub fn succeeded(&mut self, lease: &Lease) {
        let change = self.recovery.succeeded(lease.id(), lease.secret().fingerprint(), lease.picked_at());
        self.keep(change);
    }

    /// Takes in that it failed with this lease, and what upstream said. Who is to be marked is marked, on disk when it returns.
    pub fn failed(&mut self, lease: &Lease, failure: Failure) {
        self.counted = None;
        self.look_again();
        let sent = lease.secret().fingerprint();
        let change = self.tell(|recovery, pool, now| recovery.failed(pool, lease.id(), sent, failure, now));
        self.keep(change);
    }

    /// Stores the new tokens of a login that was to be renewed, and when the new access token ends, where that is known. Within a grant
    /// a refresh token that is left out keeps the old one.
    ///
    /// # Errors
    ///
    /// When they cannot be stored. Nothing is taken in then: keep them, since the old refresh token may be spent, and say it again.
    pub fn renewed(
        &mut self,
        login: &Credential,
        tokens: Tokens,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let target = Target::Held(login.id.clone(), spent(login));
        let action = Action::Rotate { target, tokens, grant: Grant::Same, expires_at };
        let stored = self.handle.0.commit(self.recovery.request().provider(), action);
        if matches!(stored, Ok(_) | Err(StoreError::NotDurable { .. })) {
            self.recovery.renewed(&login.id, self.handle.0.now());
        }
        stored.map(drop)
    }

    /// Takes in that a login could not be renewed, and what its token endpoint said. A grant that was refused is dead, unless the
    /// store, read again, has another one by now.
    pub fn not_renewed(&mut self, login: &Credential, failure: Failure) {
        let is_certain = self.look_again();
        let spent = spent(login);
        let change =
            self.tell(|recovery, pool, now| recovery.not_renewed(pool, &login.id, spent, failure, now));
        self.keep(change.filter(|_| is_certain));
    }

    /// Takes in that somebody else has seen to a login that was to be renewed, and has written what came of it: an engine such as
    /// `pool_oauth::Renewer`. The store, read again, says whether there is another token; the error is what kept it from one. Of a login
    /// that was not to be renewed, such as one that is renewed ahead of time, the store alone is taken in.
    ///
    /// What that has marked is not marked again. A token that was refused, and is still there and unmarked, rests for a minute at most.
    pub fn seen_to(&mut self, login: &Credential, error: Option<LastError>) {
        let is_certain = self.look_again();
        let change = self.tell(|recovery, pool, now| recovery.seen_to(pool, &login.id, error, now));
        self.keep(change.filter(|_| is_certain));
    }

    /// What went wrong last with the store, if anything. A verdict that could not be saved holds in this process all the same, and the
    /// request goes on.
    #[must_use]
    pub fn store_error(&self) -> Option<&StoreError> {
        self.store_error.as_ref()
    }

    /// Reads the store again if it has changed; whether that could be done.
    fn look_again(&mut self) -> bool {
        self.handle.0.view().looked_at = None;
        match self.handle.0.fresh_view() {
            Ok(_) => true,
            Err(error) => {
                self.store_error = Some(error);
                false
            }
        }
    }

    fn tell<T>(&mut self, what: impl FnOnce(&mut Recovery, &Pool, DateTime<Utc>) -> T) -> T {
        let now = self.handle.0.now();
        let view = self.handle.0.view();
        with_pool(&view, &mut self.recovery, |recovery, pool| what(recovery, pool, now))
    }

    fn keep(&mut self, change: Option<Change>) {
        let Some(change) = change else { return };
        match self.handle.0.commit(&change.provider, change.action) {
            // Who is gone by now needs no verdict.
            Ok(_) | Err(StoreError::Change(_)) => {}
            Err(error) => self.store_error = Some(error),
        }
    }

    /// A credential that the machine has named: it is ready in the very view that the machine saw.
    fn ready(&self, view: &View, id: &CredentialId, now: DateTime<Utc>) -> Arc<Credential> {
        let pool = view.pools.get(self.recovery.request().provider());
        let mut credentials =
            pool.into_iter().flat_map(|pool| pool.credentials().iter().map(move |one| (pool, one)));
        let is_ready = |(pool, one): &(&Pool, &Arc<Credential>)| {
            one.id == *id && pool.standing(one, now) == Standing::Ready
        };
        let (_, credential) = credentials.find(is_ready).expect("the machine names those who are ready");
        Arc::clone(credential)
    }
}

/// The pool of a request; an empty one where its provider has none.
fn with_pool<T>(view: &View, recovery: &mut Recovery, code: impl FnOnce(&mut Recovery, &Pool) -> T) -> T {
    let provider = recovery.request().provider().clone();
    match view.pools.get(&provider) {
        Some(pool) => code(recovery, pool),
        None => code(recovery, &Pool::new(provider, Vec::new(), HashMap::new())),
    }
}

/// What a renewal spends. A login that has no refresh token was not to be renewed, and nothing stores the empty secret.
fn spent(login: &Credential) -> Fingerprint {
    login.refresh_token().map_or_else(|| Fingerprint::of(""), Secret::fingerprint)
}
