use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{Credential, Fingerprint, Pool, Pools, Provider, Target, time};
use pool_oauth::{Http, Refresher};
use pool_sources::login_files;
use pool_store::{FileStore, PoolHandle};

use crate::args::GlobalArgs;
use crate::env;
use crate::error::CommandError;
use crate::output;
use crate::render::Shell;

/// What every command works with: the store, the time, and for whom it prints.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: PathBuf,
    pub(crate) json: bool,
    /// When the command began.
    pub(crate) now: DateTime<Utc>,
    /// Whether somebody set the clock.
    is_set: bool,
}

impl Context {
    pub(crate) fn of(args: &GlobalArgs) -> Result<Self, CommandError> {
        Self::new(args.store.clone(), args.json, args.now)
    }

    pub(crate) fn new(
        store: Option<PathBuf>,
        json: bool,
        now: Option<DateTime<Utc>>,
    ) -> Result<Self, CommandError> {
        let store = store.or_else(env::default_store).ok_or(CommandError::NoHome)?;
        Ok(Self { store, json, now: now.unwrap_or_else(system_time), is_set: now.is_some() })
    }

    /// The time at this moment: later than `now` by what the command took, unless somebody set it.
    pub(crate) fn moment(&self) -> DateTime<Utc> {
        if self.is_set { self.now } else { system_time() }
    }

    /// The store on disk, with the files of other programs that have logins of it.
    pub(crate) fn file_store(&self) -> FileStore {
        let places = env::places(&self.store);
        FileStore::new(&self.store).login_files(places.as_ref().map(login_files).unwrap_or_default())
    }

    /// A handle on the store on disk. A clock that was set stays where it is.
    pub(crate) fn handle(&self) -> PoolHandle {
        let now = self.now;
        // A command looks at the store once.
        let builder = PoolHandle::builder().look_every(Duration::MAX);
        let builder = if self.is_set { builder.clock(move || now) } else { builder };
        let handle = builder.build(self.file_store());
        // A command writes before it ends. What could not be written was said then; the last drop would try it once more.
        std::mem::forget(handle.clone());
        handle
    }

    /// Renews the logins of the store. A clock that was set stays where it is.
    pub(crate) fn refresher(&self) -> Refresher {
        let (now, is_set) = (self.now, self.is_set);
        let clock = move || if is_set { now } else { system_time() };
        Refresher::with(self.file_store(), Http, clock)
    }

    /// Writes commands on this store.
    pub(crate) fn shell(&self) -> Shell {
        Shell::of(Some(&self.store))
    }

    /// The pools as they are now.
    pub(crate) fn pools(&self, handle: &PoolHandle) -> Result<Pools, CommandError> {
        self.warn_if_loose(handle)?;
        Ok(handle.pools()?)
    }

    /// Says where others than the owner may read the keys.
    pub(crate) fn warn_if_loose(&self, handle: &PoolHandle) -> Result<(), CommandError> {
        if handle.loose_mode()?.is_some() {
            let path = self.store.display();
            output::print_warning(&format!("others may read {path}; the next write makes it 0600"));
        }
        Ok(())
    }
}

pub(crate) fn system_time() -> DateTime<Utc> {
    time::truncate(std::time::SystemTime::now().into())
}

/// The pool of a provider, which must be there.
pub(crate) fn pool<'a>(pools: &'a Pools, provider: &Provider) -> Result<&'a Pool, CommandError> {
    pools.get(provider).ok_or_else(|| CommandError::NoPool { provider: provider.clone() })
}

/// Whom a name means: by fingerprint who holds that secret, if anybody, else the one credential it selects, with the
/// secret it has now.
pub(crate) fn target<'a>(
    pool: &'a Pool,
    name: &str,
) -> Result<(Target, Option<&'a Credential>), CommandError> {
    if let Ok(subject) = name.parse::<Fingerprint>() {
        let holder = pool.credentials().iter().find(|credential| credential.holds(subject));
        return Ok((Target::Secret(subject), holder.map(AsRef::as_ref)));
    }
    let credential = pool.select(name)?;
    Ok((held(credential), Some(credential)))
}

/// A credential with the secret that it has now, so that a change does not hit its successor.
pub(crate) fn held(credential: &Credential) -> Target {
    let id = credential.id.clone();
    match credential.subject() {
        Some(subject) => Target::Held(id, subject),
        None => Target::Id(id),
    }
}
