use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::apply::Applied;
use crate::change::{Action, Change, ChangeError};
use crate::credential::{Credential, CredentialId};
use crate::pick::{PickRequest, Unavailable};
use crate::pool::{InFlight, Pool};
use crate::provider::Provider;
use crate::prune::Pruned;

/// The pools of all providers in a store. Copies are cheap: they share what neither of them changes.
#[derive(Clone, Debug, Default)]
pub struct Pools(BTreeMap<Provider, Arc<Pool>>);

impl Pools {
    /// Puts these pools together.
    #[must_use]
    pub fn new(pools: impl IntoIterator<Item = Pool>) -> Self {
        Self(pools.into_iter().map(|pool| (pool.provider().clone(), Arc::new(pool))).collect())
    }

    /// The pool of a provider; `None` where it has none.
    #[must_use]
    pub fn get(&self, provider: &Provider) -> Option<&Pool> {
        self.0.get(provider).map(AsRef::as_ref)
    }

    /// The pool of a provider, to count uses in.
    pub fn get_mut(&mut self, provider: &Provider) -> Option<&mut Pool> {
        self.0.get_mut(provider).map(Arc::make_mut)
    }

    /// All pools, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.0.values().map(AsRef::as_ref)
    }

    /// Applies one change to the pool that it names; adding makes a pool where there is none.
    ///
    /// # Errors
    ///
    /// When it names a pool or credential that is not there, or would make a duplicate.
    pub fn apply(&mut self, change: &Change, now: DateTime<Utc>) -> Result<Applied, ChangeError> {
        let provider = &change.provider;
        if matches!(change.action, Action::Add { .. }) && !self.0.contains_key(provider) {
            let pool = Pool::new(provider.clone(), Vec::new(), HashMap::new());
            self.0.insert(provider.clone(), Arc::new(pool));
        }
        let unknown = || ChangeError::UnknownProvider { provider: provider.clone() };
        self.get_mut(provider).ok_or_else(unknown)?.apply(change, now)
    }

    /// Chooses a credential: see [`Pool::pick`].
    ///
    /// # Errors
    ///
    /// [`Unavailable`] says why every credential is out; it names none where the provider has no pool.
    pub fn pick(
        &self,
        request: &PickRequest,
        in_flight: &impl InFlight,
        now: DateTime<Utc>,
        seed: u64,
    ) -> Result<&Arc<Credential>, Unavailable> {
        match self.get(request.provider()) {
            Some(pool) => pool.pick(request, in_flight, now, seed),
            None => Err(Unavailable { provider: request.provider().clone(), out: Vec::new() }),
        }
    }

    /// Takes out of every pool what is due: see [`Pool::prune`].
    pub fn prune(&mut self, now: DateTime<Utc>) -> Vec<(Provider, Pruned)> {
        let pools = self.0.values_mut().filter(|pool| pool.is_prunable(now));
        pools
            .flat_map(|pool| {
                let pool = Arc::make_mut(pool);
                pool.prune(now).into_iter().map(|pruned| (pool.provider.clone(), pruned)).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Drops what was remembered of removed credentials long enough: see [`Pool::forget_removed`].
    pub fn forget_removed(&mut self, now: DateTime<Utc>) -> Vec<(Provider, Vec<CredentialId>)> {
        let pools = self.0.values_mut().filter(|pool| !pool.forgettable(now).is_empty());
        pools.map(|pool| (pool.provider.clone(), Arc::make_mut(pool).forget_removed(now))).collect()
    }
}
