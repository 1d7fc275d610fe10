use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{Change, ChangeError, Outcome, Pools};

use crate::environment::Environment;
use crate::error::StoreError;
use crate::file::{self, Identity};
use crate::location::Location;
use crate::lock::LockGuard;
use crate::replace::replace;
use crate::snapshot::Snapshot;

/// How long to wait for the lock by default: the other program may hold it for 20 s.
pub const DEFAULT_LOCK_WAIT: Duration = Duration::from_secs(30);

/// Whether a change also takes out what is due by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pruning {
    /// Yes: the clock is the real one.
    #[default]
    WhatIsDue,
    /// No: somebody set the clock, and nobody shall lose a credential by that.
    Nothing,
}

/// Where pools are kept. A store loads them and applies changes, each in one small transaction.
pub trait Store: Send + Sync + fmt::Debug {
    /// The pools as they are now, or `None` while they are still those of the version given.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    fn load(&self, known: Option<&Version>, now: DateTime<Utc>) -> Result<Option<Loaded>, StoreError>;

    /// Applies changes to the newest data, each at its own time; returns when they are kept.
    ///
    /// # Errors
    ///
    /// When they cannot be kept; then none of them is.
    fn apply(
        &self,
        changes: &[(DateTime<Utc>, Change)],
        pruning: Pruning,
        now: DateTime<Utc>,
    ) -> Result<Committed, StoreError>;
}

/// Which state of a store was loaded.
#[derive(Debug)]
pub struct Version(pub(crate) Kept);

#[derive(Debug)]
pub(crate) enum Kept {
    File(Identity),
    Memory(u64),
}

/// Pools as they were loaded.
#[derive(Debug)]
pub struct Loaded {
    /// The pools.
    pub pools: Pools,
    /// Which state it was.
    pub version: Version,
    /// The permission bits of the file, where others than its owner have some: the next write mends that.
    pub loose_mode: Option<u32>,
}

/// What became of changes.
#[derive(Debug)]
pub struct Committed {
    /// The answer to each, in their order.
    pub outcomes: Vec<Result<Outcome, ChangeError>>,
    /// The pools after them.
    pub pools: Pools,
    /// Which state that is; `None` where it must be loaded to be known.
    pub version: Option<Version>,
    /// Whether there was anything to write.
    pub written: bool,
}

/// `auth.json` on disk.
///
/// ```no_run
/// use pool_store::{FileStore, Store};
///
/// let store = FileStore::new("/home/agent/.hermes/auth.json");
/// let now = chrono::DateTime::UNIX_EPOCH;
/// for pool in store.load(None, now)?.expect("nothing was known").pools.iter() {
///     println!("{}", pool.provider());
/// }
/// # Ok::<(), pool_store::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FileStore {
    pub(crate) path: PathBuf,
    pub(crate) lock_wait: Duration,
}

impl FileStore {
    /// A store at a path. Nothing is touched yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), lock_wait: DEFAULT_LOCK_WAIT }
    }

    /// Sets how long a change waits for the lock; 30 s by default.
    #[must_use]
    pub fn lock_wait(self, wait: Duration) -> Self {
        Self { lock_wait: wait, ..self }
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the locks of the store, wherever its path leads once they are held: a link may be led elsewhere meanwhile.
    pub(crate) fn lock(&self) -> Result<(Location, LockGuard), StoreError> {
        loop {
            let location = Location::of(&self.path)?;
            let proof = LockGuard::acquire(&location, self.lock_wait)?;
            if Location::of(&self.path)? == location {
                return Ok((location, proof));
            }
        }
    }
}

impl Store for FileStore {
    fn load(&self, known: Option<&Version>, now: DateTime<Utc>) -> Result<Option<Loaded>, StoreError> {
        let location = Location::of(&self.path)?;
        if let Some(Version(Kept::File(identity))) = known
            && identity.is_current(&location)
        {
            return Ok(None);
        }
        let reading = file::read(&location)?;
        let environment = Environment::of(&file::variables_folder(&location));
        let snapshot = Snapshot::of(reading.document, environment, &location, now)?;
        let version = Version(Kept::File(reading.identity));
        Ok(Some(Loaded { pools: snapshot.pools, version, loose_mode: reading.loose_mode }))
    }

    fn apply(
        &self,
        changes: &[(DateTime<Utc>, Change)],
        pruning: Pruning,
        now: DateTime<Utc>,
    ) -> Result<Committed, StoreError> {
        let (location, proof) = self.lock()?;
        let reading = file::read(&location)?;
        reading.document.writable().map_err(StoreError::format(&location.target))?;
        let environment = Environment::of(&file::variables_folder(&location));
        let mut snapshot = Snapshot::of(reading.document, environment, &location, now)?;
        let (outcomes, is_changed) = snapshot.apply(changes, pruning, now);
        let pools = snapshot.pools.clone();
        if !is_changed {
            let version = Some(Version(Kept::File(reading.identity)));
            return Ok(Committed { outcomes, pools, version, written: false });
        }
        let text = snapshot.into_text(&location, now)?;
        replace(&location, text.as_str(), &proof)?;
        Ok(Committed { outcomes, pools, version: None, written: true })
    }
}
