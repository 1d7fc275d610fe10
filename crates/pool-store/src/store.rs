use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{Change, ChangeError, Outcome, Pools};
use pool_format::Placement;
use pool_migrate::{Report, migrate, rollback};

use crate::environment::Environment;
use crate::error::StoreError;
use crate::file::{self, Identity};
use crate::location::Location;
use crate::lock::LockGuard;
use crate::replace::{replace, write_new};
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
pub struct Version(Kept);

#[derive(Debug)]
enum Kept {
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
    path: PathBuf,
    lock_wait: Duration,
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

    /// What [`FileStore::migrate`] would move. Writes nothing.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn plan_migration(&self, now: DateTime<Utc>) -> Result<Report, StoreError> {
        let location = Location::of(&self.path)?;
        let mut document = file::read(&location)?.document;
        let environment = Environment::of(&file::variables_folder(&location));
        migrate(&mut document, &environment, now).map_err(StoreError::format(&location.target))
    }

    /// Migrates the store at once, with a backup beside it: `auth.json.<UTC>.bak`, 0600. Where there is nothing to
    /// move, nothing is written.
    ///
    /// # Errors
    ///
    /// When it cannot be read, backed up or written; it is then as it was.
    pub fn migrate(&self, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        self.rewrite(Placement::Split, now)
    }

    /// Brings the runtime state back into the entries, with a backup beside the store.
    ///
    /// # Errors
    ///
    /// When it cannot be read, backed up or written; it is then as it was.
    pub fn rollback(&self, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        self.rewrite(Placement::Inline, now)
    }

    fn rewrite(&self, placement: Placement, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        let location = Location::of(&self.path)?;
        let proof = LockGuard::acquire(&location, self.lock_wait)?;
        let mut document = file::read(&location)?.document;
        let before = document.render();
        let was = document.placement();
        let environment = Environment::of(&file::variables_folder(&location));
        let report = match placement {
            Placement::Split => migrate(&mut document, &environment, now),
            Placement::Inline => rollback(&mut document, &environment, now),
        }
        .map_err(StoreError::format(&location.target))?;
        if !report.is_needed() && was == placement {
            return Ok(Rewritten { report, backup: None });
        }
        document.stamp(now).map_err(StoreError::format(&location.target))?;
        let backup = backup_path(&location.target, now);
        write_new(&backup, before.as_str())?;
        replace(&location, document.render().as_str(), &proof)?;
        Ok(Rewritten { report, backup: Some(backup) })
    }
}

/// What a migration or a rollback did to a store.
#[derive(Debug)]
pub struct Rewritten {
    /// What moved.
    pub report: Report,
    /// The copy of the store as it was; none where nothing was written.
    pub backup: Option<PathBuf>,
}

fn backup_path(target: &Path, now: DateTime<Utc>) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let stamp = now.format("%Y%m%dT%H%M%S%.6fZ");
    target.with_file_name(format!("{name}.{stamp}.bak"))
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
        let location = Location::of(&self.path)?;
        let proof = LockGuard::acquire(&location, self.lock_wait)?;
        let reading = file::read(&location)?;
        reading.document.writable().map_err(StoreError::format(&location.target))?;
        let environment = Environment::of(&file::variables_folder(&location));
        let mut snapshot = Snapshot::of(reading.document, environment, &location, now)?;
        let (outcomes, is_changed) = snapshot.apply(changes, pruning, now);
        let pools = snapshot.pools.clone();
        if !is_changed {
            return Ok(Committed {
                outcomes,
                pools,
                version: Some(Version(Kept::File(reading.identity))),
                written: false,
            });
        }
        let text = snapshot.into_text(&location, now)?;
        replace(&location, text.as_str(), &proof)?;
        Ok(Committed { outcomes, pools, version: None, written: true })
    }
}

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
        let apply =
            |(at, change): &(DateTime<Utc>, Change)| kept.0.apply(change, *at).map(|applied| applied.outcome);
        let outcomes = changes.iter().map(apply).collect();
        if pruning == Pruning::WhatIsDue {
            kept.0.prune(now);
        }
        kept.1 += 1;
        Ok(Committed {
            outcomes,
            pools: kept.0.clone(),
            version: Some(Version(Kept::Memory(kept.1))),
            written: true,
        })
    }
}
