use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::apply::{Applied, SuppressionEdit};
use crate::change::{Action, Change, ChangeError};
use crate::credential::{Credential, CredentialId};
use crate::pick::{PickRequest, Unavailable};
use crate::pool::{InFlight, Pool};
use crate::provider::Provider;
use crate::prune::Pruned;
use crate::source::Source;

/// The pools of all providers in a store. Copies are cheap: they share what neither of them changes.
#[derive(Clone, Debug, Default)]
pub struct Pools {
    pools: BTreeMap<Provider, Arc<Pool>>,
    suppressed: BTreeSet<(Provider, Source)>,
}

impl Pools {
    /// Puts these pools together.
    #[must_use]
    pub fn new(pools: impl IntoIterator<Item = Pool>) -> Self {
        let pools = pools.into_iter().map(|pool| (pool.provider().clone(), Arc::new(pool)));
        Self { pools: pools.collect(), suppressed: BTreeSet::new() }
    }

    /// The same, with these sources suppressed and no others.
    #[must_use]
    pub fn with_suppressed(self, suppressed: impl IntoIterator<Item = (Provider, Source)>) -> Self {
        Self { suppressed: suppressed.into_iter().collect(), ..self }
    }

    /// Whether somebody removed what this source offers, so that it is not to be taken in again by itself. In neither name
    /// letter case counts.
    #[must_use]
    pub fn is_suppressed(&self, provider: &Provider, source: &Source) -> bool {
        self.suppressed.iter().any(|suppressed| is_about(suppressed, provider, source))
    }

    /// The pool of a provider; `None` where it has none.
    #[must_use]
    pub fn get(&self, provider: &Provider) -> Option<&Pool> {
        self.pools.get(provider).map(AsRef::as_ref)
    }

    /// Whether a provider has credentials here; what was removed and brought back counts as little as for a pick.
    pub(crate) fn has_any(&self, provider: &Provider) -> bool {
        let is_there = |pool: &Pool| pool.credentials.iter().any(|credential| !pool.was_removed(credential));
        self.get(provider).is_some_and(is_there)
    }

    /// The same, with some pools taken from another store.
    pub(crate) fn with_lent(&self, lender: &Self, is_lent: impl Fn(&Provider) -> bool) -> Self {
        let lent = lender.pools.iter().filter(|(provider, _)| is_lent(provider));
        let mut pools = self.clone();
        pools.pools.extend(lent.map(|(provider, pool)| (provider.clone(), Arc::clone(pool))));
        pools
    }

    /// The pool of a provider, to count uses in.
    pub fn get_mut(&mut self, provider: &Provider) -> Option<&mut Pool> {
        self.pools.get_mut(provider).map(Arc::make_mut)
    }

    /// All pools, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Pool> {
        self.pools.values().map(AsRef::as_ref)
    }

    /// Applies one change to the pool that it names; adding makes a pool where there is none.
    ///
    /// # Errors
    ///
    /// When it names a pool or credential that is not there, would make a duplicate, or would seed what is suppressed.
    pub fn apply(&mut self, change: &Change, now: DateTime<Utc>) -> Result<Applied, ChangeError> {
        let provider = &change.provider;
        if let Action::Seed { credential } = &change.action
            && self.is_suppressed(provider, &credential.source)
        {
            let source_word = credential.source.clone();
            return Err(ChangeError::Suppressed { provider: provider.clone(), source_word });
        }
        if matches!(change.action, Action::Add { .. } | Action::Seed { .. })
            && !self.pools.contains_key(provider)
        {
            let pool = Pool::new(provider.clone(), Vec::new(), HashMap::new());
            self.pools.insert(provider.clone(), Arc::new(pool));
        }
        let unknown = || ChangeError::UnknownProvider { provider: provider.clone() };
        let mut applied = self.get_mut(provider).ok_or_else(unknown)?.apply(change, now)?;
        applied.suppression = applied.suppression.filter(|edit| self.suppress(provider, edit));
        Ok(applied)
    }

    /// Whether that is news.
    fn suppress(&mut self, provider: &Provider, edit: &SuppressionEdit) -> bool {
        match edit {
            SuppressionEdit::Suppressed(source) => {
                !self.is_suppressed(provider, source)
                    && self.suppressed.insert((provider.clone(), source.clone()))
            }
            SuppressionEdit::Lifted(source) => {
                let before = self.suppressed.len();
                self.suppressed.retain(|suppressed| !is_about(suppressed, provider, source));
                self.suppressed.len() < before
            }
        }
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
        let pools = self.pools.values_mut().filter(|pool| pool.is_prunable(now));
        pools
            .flat_map(|pool| {
                let pool = Arc::make_mut(pool);
                pool.prune(now).into_iter().map(|pruned| (pool.provider.clone(), pruned)).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Drops what was remembered of removed credentials long enough: see [`Pool::forget_removed`].
    pub fn forget_removed(&mut self, now: DateTime<Utc>) -> Vec<(Provider, Vec<CredentialId>)> {
        let pools = self.pools.values_mut().filter(|pool| !pool.forgettable(now).is_empty());
        pools.map(|pool| (pool.provider.clone(), Arc::make_mut(pool).forget_removed(now))).collect()
    }
}

fn is_about(suppressed: &(Provider, Source), provider: &Provider, source: &Source) -> bool {
    let (owner, word) = suppressed;
    owner.is_same(provider) && word.is_same(source)
}
