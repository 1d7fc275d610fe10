use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pool_core::ChangeError;
use pool_format::FormatError;

use crate::holder::Holder;

/// Why a store cannot be read or changed. Every variant names the file.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder of the store is not there.
    #[error("the folder of {} does not exist", path.display())]
    NoFolder {
        /// The store.
        path: PathBuf,
    },
    /// There is no store to migrate.
    #[error("there is no store at {}", path.display())]
    NoStore {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// What stands there is no regular file.
    #[error("{} is {what}, not a file", path.display())]
    NotAFile {
        /// The store.
        path: PathBuf,
        /// What it is: a folder, a socket, ...
        what: &'static str,
    },
    /// It cannot be read or written.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, ...
        operation: &'static str,
        /// The file it was tried on.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// It is not an `auth.json`.
    #[error("{} cannot be used as a store", path.display())]
    Format {
        /// The store.
        path: PathBuf,
        /// Where and why.
        source: FormatError,
    },
    /// The file, or its folder, has no write permission at all; that binds root too.
    #[error("{} is read-only", path.display())]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
    },
    /// Somebody held the lock for too long.
    #[error("{} is locked{}: waited {} s", path.display(), by(holder.as_ref()), waited.as_secs_f64())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long.
        waited: Duration,
        /// Who holds it, where that is known.
        holder: Option<Holder>,
    },
    /// The new file is in place and whole, but the folder could not be synced.
    #[error("{} is changed, but it may not survive a power loss", path.display())]
    NotDurable {
        /// The store.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A verdict holds in this process, and goes with its next write.
    #[error("the verdict holds in this process, but is not saved")]
    VerdictNotSaved {
        /// Why not.
        source: Box<Self>,
    },
    /// The change cannot be made.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl StoreError {
    /// Whether the lock was held for too long, so that trying again may help.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.cause(), Self::Locked { .. })
    }

    /// What went wrong with the store, also where a verdict holds all the same.
    #[must_use]
    pub fn cause(&self) -> &Self {
        match self {
            Self::VerdictNotSaved { source } => source.cause(),
            error => error,
        }
    }

    /// The error and what caused it, on one line.
    pub(crate) fn in_words(&self) -> String {
        let mut words = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            words += &format!(": {error}");
            cause = error.source();
        }
        words
    }

    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source: Arc::new(source) }
    }

    pub(crate) fn format(path: &Path) -> impl FnOnce(FormatError) -> Self {
        move |source| Self::Format { path: path.to_owned(), source }
    }
}

fn by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" by {holder}"))
}
