use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{Change, ChangeError, Outcome, Pools, Provider, Source};
use pool_format::{Lender, Lent};

use crate::environment::Environment;
use crate::error::StoreError;
use crate::file::{self, Identity};
use crate::location::{Location, folder_of};
use crate::lock::LockGuard;
use crate::login_file::LoginFile;
use crate::replace::replace;
use crate::snapshot::{RenewedLogin, Snapshot};

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
    File(Arc<Identity>),
    Memory(u64),
    /// Of a profile and its root; no version of a root that is not there, or cannot be used.
    Profile {
        own: Box<Version>,
        root: Option<Box<Version>>,
    },
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
    /// The answer to each, in their order; [`Outcome::Waiting`] to what is not kept.
    pub outcomes: Vec<Result<Outcome, ChangeError>>,
    /// What could not be kept although other changes were, by its place, and why. Only a [`ProfileStore`] has such: it keeps
    /// them in two files.
    ///
    /// [`ProfileStore`]: crate::ProfileStore
    pub refused: BTreeMap<usize, StoreError>,
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
    pub(crate) login_files: Arc<[LoginFile]>,
    /// The store as this process last read or wrote it: the next change goes on from there while the file is that one.
    current: Arc<Mutex<Option<Current>>>,
}

/// A store as it was read or written, and which file that was.
#[derive(Debug)]
struct Current {
    identity: Arc<Identity>,
    snapshot: Snapshot,
    loose_mode: Option<u32>,
}

impl FileStore {
    /// A store at a path. Nothing is touched yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            lock_wait: DEFAULT_LOCK_WAIT,
            login_files: Arc::default(),
            current: Arc::default(),
        }
    }

    /// Sets how long a change waits for the lock; 30 s by default.
    #[must_use]
    pub fn lock_wait(self, wait: Duration) -> Self {
        Self { lock_wait: wait, ..self }
    }

    /// Sets the files of other programs that have logins of this store too; none by default.
    #[must_use]
    pub fn login_files(self, files: impl Into<Arc<[LoginFile]>>) -> Self {
        Self { login_files: files.into(), ..self }
    }

    /// What lends secrets here and now, whether or not there are entries that borrow from it: the `.env` beside the store,
    /// the environment, and the files of other tools.
    #[must_use]
    pub fn lenders(&self) -> impl Lender + use<> {
        self.environment(folder_of(&self.path))
    }

    /// The logins that another program keeps under `providers` of this store.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn provider_logins(&self, now: DateTime<Utc>) -> Result<BTreeMap<Provider, Lent>, StoreError> {
        let location = Location::of(&self.path)?;
        Ok(self.read(&location, now)?.snapshot.provider_logins())
    }

    /// What the other homes of the logins of a source have: `providers`, and the files of other programs.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub fn other_homes(
        &self,
        provider: &Provider,
        source: &Source,
        now: DateTime<Utc>,
    ) -> Result<Vec<Lent>, StoreError> {
        let location = Location::of(&self.path)?;
        Ok(self.read(&location, now)?.snapshot.other_homes(provider, source))
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

impl FileStore {
    pub(crate) fn environment(&self, folder: &Path) -> Environment {
        Environment::of(folder, &self.login_files)
    }

    fn read(&self, location: &Location, now: DateTime<Utc>) -> Result<Current, StoreError> {
        let _span = tracing::debug_span!("read", path = %location.target.display()).entered();
        let reading = file::read(location, &self.login_files)?;
        let environment = self.environment(&file::variables_folder(location));
        let snapshot = Snapshot::of(reading.document, environment, location, now)?;
        let identity = Arc::new(reading.identity);
        Ok(Current { identity, snapshot, loose_mode: reading.loose_mode })
    }

    /// Brings new tokens to the files that have these logins too. One that cannot be written keeps nobody from his own store.
    fn renew_other_homes(&self, logins: Vec<RenewedLogin>, now: DateTime<Utc>) {
        for RenewedLogin { provider, source, spent, renewed } in logins {
            let files = self.login_files.iter().filter(|file| file.is_home_of(&provider, &source));
            for file in files.filter(|file| file.path.exists()) {
                if let Err(error) = file.renew(|token| spent.contains(&token), &renewed, now) {
                    tracing::warn!(%provider, %source, %error, "cannot renew a login where another program has it too");
                }
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        // It is only ever replaced whole, so a thread that panicked left it whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn version(&self) -> Version {
        Version(Kept::File(Arc::clone(&self.identity)))
    }

    fn loaded(&self) -> Loaded {
        let pools = self.snapshot.pools.clone();
        Loaded { pools, version: self.version(), loose_mode: self.loose_mode }
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
        let mut current = self.current();
        // What was read before is let go first, so that there are never three of them.
        if let Some(kept) = current.take().filter(|kept| kept.identity.is_current(&location)) {
            return Ok(Some(current.insert(kept).loaded()));
        }
        let fresh = self.read(&location, now)?;
        Ok(Some(current.insert(fresh).loaded()))
    }

    fn apply(
        &self,
        changes: &[(DateTime<Utc>, Change)],
        pruning: Pruning,
        now: DateTime<Utc>,
    ) -> Result<Committed, StoreError> {
        let (location, proof) = tracing::debug_span!("lock").in_scope(|| self.lock())?;
        // Taken out: after an error halfway, what is in memory is not what is on the disk.
        let kept = self.current().take().filter(|kept| kept.identity.is_certain(&location));
        let mut current = match kept {
            Some(kept) => kept,
            None => self.read(&location, now)?,
        };
        current.snapshot.writable(&location)?;
        current.snapshot.migrate(&location, now)?;
        let (outcomes, is_changed) = current.snapshot.apply(changes, pruning, now);
        let pools = current.snapshot.pools.clone();
        if is_changed {
            current.snapshot.finish(&location, now)?;
            // First: were the process to end here, whoever reads the store takes over what is newer there.
            self.renew_other_homes(current.snapshot.take_renewed(), now);
            let _span = tracing::debug_span!("write", path = %location.target.display()).entered();
            let written = replace(&location, &current.snapshot.parts(), &proof)?;
            let identity = current.identity.replaced_by(written);
            let Some(identity) = identity.filter(|_| current.snapshot.can_go_on()) else {
                return Ok(Committed {
                    outcomes,
                    refused: BTreeMap::new(),
                    pools,
                    version: None,
                    written: true,
                });
            };
            current = Current { identity: Arc::new(identity), snapshot: current.snapshot, loose_mode: None };
        }
        let version = Some(current.version());
        *self.current() = Some(current);
        Ok(Committed { outcomes, refused: BTreeMap::new(), pools, version, written: is_changed })
    }
}
