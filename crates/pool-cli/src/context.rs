use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{Credential, Fingerprint, Layer, Pool, Pools, Provider, Target, time};
use pool_oauth::{Http, Refresher, Settings, Stores};
use pool_sources::{Environment, Places};
use pool_store::{FileStore, PoolHandle, ProfileStore};

use crate::args::GlobalArgs;
use crate::error::CommandError;
use crate::output;
use crate::render::Shell;

/// What every command works with: the store, the time, and for whom it prints.
#[derive(Debug)]
pub(crate) struct Context {
    environment: Environment,
    /// What pools are read from and changes are written to.
    pub(crate) store: ProfileStore,
    pub(crate) json: bool,
    /// When the command began.
    pub(crate) now: DateTime<Utc>,
    /// Whether somebody set the clock.
    is_set: bool,
}

impl Context {
    pub(crate) fn of(args: &GlobalArgs) -> Result<Self, CommandError> {
        Self::new(args.store.as_deref(), args.json, args.now)
    }

    pub(crate) fn new(
        store: Option<&Path>,
        json: bool,
        now: Option<DateTime<Utc>>,
    ) -> Result<Self, CommandError> {
        let environment = Environment::of_process();
        let store = store.map_or_else(|| environment.open(), |path| Ok(environment.open_at(path)))?;
        let (now, is_set) = (now.unwrap_or_else(system_time), now.is_some());
        Ok(Self { environment, store, json, now, is_set })
    }

    /// The path of the store; of a profile, that of its own.
    pub(crate) fn path(&self) -> &Path {
        self.store.own().path()
    }

    /// The time at this moment: later than `now` by what the command took, unless somebody set it.
    pub(crate) fn moment(&self) -> DateTime<Utc> {
        if self.is_set { self.now } else { system_time() }
    }

    /// The pools that the root lends, by the path of its store. Of another store than that of a profile nothing is lent.
    pub(crate) fn lent(&self) -> Result<Lent, CommandError> {
        let Some(root) = self.store.root() else { return Ok(Lent::default()) };
        let layers = self.store.layers(self.now)?;
        let is_lent = |pool: &&Pool| layers.of(pool.provider()) == Some(Layer::Root);
        let providers = layers.root.iter().filter(is_lent).map(|pool| pool.provider().clone()).collect();
        Ok(Lent { root: root.path().to_owned(), providers })
    }

    /// A handle on the store on disk. A clock that was set stays where it is.
    pub(crate) fn handle(&self) -> PoolHandle {
        let now = self.now;
        // A command looks at the store once.
        let builder = PoolHandle::builder().look_every(Duration::MAX);
        let builder = if self.is_set { builder.clock(move || now) } else { builder };
        let handle = builder.build(self.store.clone());
        // A command writes before it ends. What could not be written was said then; the last drop would try it once more.
        std::mem::forget(handle.clone());
        handle
    }

    /// Where other tools keep their logins; nowhere where no home folder is known.
    pub(crate) fn places(&self) -> Option<Places> {
        Places::of(&self.environment, self.path(), self.store.root().map(FileStore::path))
    }

    /// What `pool.toml` says of how logins are renewed.
    pub(crate) fn settings(&self) -> Result<Settings, CommandError> {
        Ok(Stores::from(self.store.clone()).settings()?)
    }

    /// Renews the logins of the store, or of a profile and its root. A clock that was set stays where it is.
    pub(crate) fn refresher(&self) -> Refresher {
        let (now, is_set) = (self.now, self.is_set);
        let clock = move || if is_set { now } else { system_time() };
        Refresher::with(self.store.clone(), Http, clock)
    }

    /// Writes commands on this store.
    pub(crate) fn shell(&self) -> Shell {
        Shell::of(Some(self.path()))
    }

    /// The pools as they are now.
    pub(crate) fn pools(&self, handle: &PoolHandle) -> Result<Pools, CommandError> {
        self.warn_if_loose(handle)?;
        Ok(handle.pools()?)
    }

    /// Says where others than the owner may read the keys.
    pub(crate) fn warn_if_loose(&self, handle: &PoolHandle) -> Result<(), CommandError> {
        if handle.loose_mode()?.is_some() {
            let path = self.path().display();
            output::print_warning(&format!("others may read {path}; the next write makes it 0600"));
        }
        Ok(())
    }
}

/// Which pools the root store lends to a profile.
#[derive(Debug, Default)]
pub(crate) struct Lent {
    root: PathBuf,
    providers: BTreeSet<Provider>,
}

impl Lent {
    /// The root store, where it lends the pool of this provider.
    pub(crate) fn by(&self, provider: &Provider) -> Option<&Path> {
        self.providers.contains(provider).then_some(self.root.as_path())
    }

    /// Says, once, that a credential of the own store hides those that were lent.
    pub(crate) fn say_hidden(&mut self, provider: &Provider) {
        if self.providers.remove(provider) {
            output::print_note(&format!(
                "with credentials of its own for `{provider}`, this profile sees none of those that {} lends",
                self.root.display()
            ));
        }
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
    Ok((Target::of(credential), Some(credential)))
}
