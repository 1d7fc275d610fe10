use std::io;
use std::path::PathBuf;

use pool_store::StoreError;

/// Why the journal could not be read or written, or a page of it not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, ...
        action: &'static str,
        /// Of which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process is at it for too long.
    #[error("cannot lock the journal")]
    Lock {
        /// Who it is.
        source: StoreError,
    },
    /// An entry has something in it that JSON cannot say.
    #[error("cannot write an entry into {}", path.display())]
    Entry {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A page is a link to a file of somebody else.
    #[error("{} leads to {}, which is outside of the project: take the link away", path.display(), target.display())]
    Elsewhere {
        /// The page.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Somebody else wrote a page again and again. The journal is whole, and the next round makes the page.
    #[error("{} is being written by somebody else; the next round brings it up to date", path.display())]
    Busy {
        /// The page.
        path: PathBuf,
    },
}

impl JournalError {
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
