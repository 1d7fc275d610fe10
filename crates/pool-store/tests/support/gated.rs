use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::Change;
use pool_store::{Committed, FileStore, Loaded, PoolHandle, Pruning, Store, StoreError, Version};

use super::home::Home;
use super::words::Clock;

/// The store of a home, at whose gate changes wait or are refused.
#[derive(Clone, Debug)]
pub(crate) struct Gated(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    store: FileStore,
    closed: Mutex<()>,
    refuses: AtomicBool,
    comers: AtomicUsize,
}

impl Gated {
    pub(crate) fn store(home: &Home) -> Self {
        Self(Arc::new(Gate {
            store: home.store(),
            closed: Mutex::default(),
            refuses: AtomicBool::default(),
            comers: AtomicUsize::default(),
        }))
    }

    pub(crate) fn handle(&self) -> PoolHandle {
        self.handle_by(&Clock::at_noon())
    }

    pub(crate) fn handle_by(&self, clock: &Clock) -> PoolHandle {
        let clock = clock.clone();
        PoolHandle::builder().clock(move || clock.now()).look_every(Duration::ZERO).build(self.clone())
    }

    /// Lets changes wait at the gate until the guard is dropped.
    pub(crate) fn close(&self) -> MutexGuard<'_, ()> {
        self.0.closed.lock().unwrap()
    }

    /// How many came to the gate, to write one or more changes.
    pub(crate) fn comers(&self) -> usize {
        self.0.comers.load(Ordering::SeqCst)
    }

    /// What a piece of code does while another program does not let go of the lock.
    pub(crate) fn while_locked<T>(&self, code: impl FnOnce() -> T) -> T {
        self.0.refuses.store(true, Ordering::SeqCst);
        let done = code();
        self.0.refuses.store(false, Ordering::SeqCst);
        done
    }
}

impl Store for Gated {
    fn load(&self, known: Option<&Version>, now: DateTime<Utc>) -> Result<Option<Loaded>, StoreError> {
        self.0.store.load(known, now)
    }

    fn apply(
        &self,
        changes: &[(DateTime<Utc>, Change)],
        pruning: Pruning,
        now: DateTime<Utc>,
    ) -> Result<Committed, StoreError> {
        self.0.comers.fetch_add(1, Ordering::SeqCst);
        let _open = self.close();
        if self.0.refuses.load(Ordering::SeqCst) {
            let path = self.0.store.path().with_extension("lock");
            return Err(StoreError::Locked { path, waited: Duration::from_secs(30), holder: None });
        }
        self.0.store.apply(changes, pruning, now)
    }
}
