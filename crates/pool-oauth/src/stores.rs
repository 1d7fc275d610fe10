//! Where the logins are that are renewed: in one file, or in that of a profile and that of its root.

use std::path::Path;

use chrono::{DateTime, Utc};
use pool_core::Provider;
use pool_store::{FileStore, ProfileStore, StoreError};

use crate::settings::{Settings, SettingsError};

/// The files that have the logins of an agent. Each of the two stores makes one.
#[derive(Clone, Debug)]
pub enum Stores {
    /// A store by itself.
    File(FileStore),
    /// That of a profile, and the root behind it.
    Profile(ProfileStore),
}

/// The file that has the logins of a provider.
pub(crate) struct Holder {
    pub(crate) store: FileStore,
    /// The root behind it, which may have copies of them.
    pub(crate) behind: Option<FileStore>,
}

impl Stores {
    /// What the `pool.toml` beside the store says; of a profile that has none, what that of its root says.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or says something that nobody knows.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        match self {
            Self::Profile(profile) if !has_settings(profile.own()) => Settings::beside(profile.root().path()),
            Self::Profile(profile) => Settings::beside(profile.own().path()),
            Self::File(store) => Settings::beside(store.path()),
        }
    }

    /// The path of the store; of a profile, that of its own.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::File(store) => store.path(),
            Self::Profile(profile) => profile.own().path(),
        }
    }

    pub(crate) fn holder(&self, provider: &Provider, now: DateTime<Utc>) -> Result<Holder, StoreError> {
        let profile = match self {
            Self::File(store) => return Ok(Holder { store: store.clone(), behind: None }),
            Self::Profile(profile) => profile,
        };
        let store = profile.holder(provider, now)?.clone();
        let is_own = store.path() == profile.own().path();
        Ok(Holder { store, behind: is_own.then(|| profile.root().clone()) })
    }
}

fn has_settings(store: &FileStore) -> bool {
    store.path().with_file_name("pool.toml").exists()
}

impl From<FileStore> for Stores {
    fn from(store: FileStore) -> Self {
        Self::File(store)
    }
}

impl From<ProfileStore> for Stores {
    fn from(profile: ProfileStore) -> Self {
        Self::Profile(profile)
    }
}
