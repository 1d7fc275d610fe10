//! Where the logins are that are renewed: in one file, or in that of a profile and that of its root.

use std::path::Path;

use chrono::{DateTime, Utc};
use pool_core::Provider;
use pool_store::{FileStore, ProfileStore, StoreError};

use crate::settings::{Settings, SettingsError};

/// The files that have the logins of an agent. Each of the two stores makes one.
#[derive(Clone, Debug)]
pub struct Stores(ProfileStore);

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
    /// When it cannot be read, others may write it, or it says something that nobody knows.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        let root = self.0.root().filter(|_| !has_settings(self.0.own()));
        Settings::beside(root.unwrap_or(self.0.own()).path())
    }

    /// The path of the store; of a profile, that of its own.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.own().path()
    }

    pub(crate) fn holder(&self, provider: &Provider, now: DateTime<Utc>) -> Result<Holder, StoreError> {
        let Some(root) = self.0.root() else {
            return Ok(Holder { store: self.0.own().clone(), behind: None });
        };
        let store = self.0.holder(provider, now)?.clone();
        let is_own = store.path() == self.path();
        Ok(Holder { store, behind: is_own.then(|| root.clone()) })
    }
}

fn has_settings(store: &FileStore) -> bool {
    store.path().with_file_name("pool.toml").exists()
}

impl<S: Into<ProfileStore>> From<S> for Stores {
    fn from(store: S) -> Self {
        Self(store.into())
    }
}
