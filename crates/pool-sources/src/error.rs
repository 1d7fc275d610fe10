use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use pool_core::time;
use pool_format::raw::SyntaxError;

/// Neither a variable nor a home folder of the user says where the store is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no home folder is known, so there is no default store")]
pub struct NoHome;

/// Why a file of another tool offers nothing. Nothing of what stands there is repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It is not there.
    #[error("there is no {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no login in it that could be used.
    #[error("{} has no login to take in", path.display())]
    Flawed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Flaw,
    },
}

/// What is wrong with the text of such a file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It is not JSON.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// Something in it has the wrong type.
    #[error("`{field}` at line {line} column {column} is not {wanted}")]
    WrongType {
        /// What, by its path in the file; empty for the whole.
        field: String,
        /// What it should be: `a string`, `an object`.
        wanted: &'static str,
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
    },
    /// A secret that no header could carry.
    #[error("`{field}` has {what} in it")]
    Odd {
        /// Which, by its path in the file.
        field: String,
        /// What: `a line break`, ...
        what: &'static str,
    },
    /// Something is not in it.
    #[error("there is no `{field}`")]
    Absent {
        /// What, by its path in the file.
        field: String,
    },
    /// The access token has ended: a newer one may be elsewhere, and its refresh token spent.
    #[error("the access token ended at {}", time::format(*at))]
    Ended {
        /// When.
        at: DateTime<Utc>,
    },
}
