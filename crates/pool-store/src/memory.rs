use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use pool_core::{Change, Pools};

use crate::error::StoreError;
use crate::snapshot::log_pruned;
use crate::store::{Committed, Kept, Loaded, Pruning, Store, Version};
use crate::transaction::{apply, apply_all};

/// Pools that live in memory only: for tests, replays, and agents that keep no file.
///
/// ```
/// use pool_core::Pools;
/// use pool_store::{MemoryStore, PoolHandle};
///
/// let handle = PoolHandle::new(MemoryStore::new(Pools::default()));
/// assert_eq!(handle.pools()?.iter().count(), 0);
/// # Ok::<(), pool_store::StoreError>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<(Pools, u64)>);

impl MemoryStore {
    /// A store of these pools.
    #[must_use]
    pub fn new(pools: Pools) -> Self {
        Self(Mutex::new((pools, 0)))
    }
}

impl Store for MemoryStore {
    fn load(&self, known: Option<&Version>, _: DateTime<Utc>) -> Result<Option<Loaded>, StoreError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(known, Some(Version(Kept::Memory(version))) if *version == kept.1) {
            return Ok(None);
        }
        Ok(Some(Loaded { pools: kept.0.clone(), version: Version(Kept::Memory(kept.1)), loose_mode: None }))
    }

    fn apply(
        &self,
        changes: &[(DateTime<Utc>, Change)],
        pruning: Pruning,
        now: DateTime<Utc>,
    ) -> Result<Committed, StoreError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (outcomes, written) = apply_all(changes, |change, at| apply(&mut kept.0, change, at, now));
        if written && pruning == Pruning::WhatIsDue {
            for (provider, pruned) in kept.0.prune(now) {
                log_pruned(&provider, &pruned);
            }
        }
        kept.1 += u64::from(written);
        let version = Some(Version(Kept::Memory(kept.1)));
        Ok(Committed { outcomes, refused: BTreeMap::new(), pools: kept.0.clone(), version, written })
    }
}
