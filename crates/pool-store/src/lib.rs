//! `auth.json` on disk: one change primitive (lock, read again, apply, write if something changed, unlock), and the
//! handle that an agent uses.
//!
//! Reads take no lock, and migrate in memory. Nobody ever writes a snapshot back.

mod clock;
mod commit;
mod doctor;
mod environment;
mod error;
mod file;
mod grant_lock;
mod handle;
mod holder;
mod lent_file;
mod location;
mod lock;
mod memory;
mod profile;
mod replace;
mod request;
mod rewrite;
mod snapshot;
mod store;
mod transaction;

pub use doctor::{Finding, Mend, Position, Problem, Remedy, Severity};
pub use error::StoreError;
pub use grant_lock::GrantLock;
pub use handle::{Builder, DEFAULT_LOOK_EVERY, PickError, PoolHandle, Reported};
pub use holder::Holder;
pub use lent_file::LentFile;
pub use memory::MemoryStore;
pub use profile::ProfileStore;
pub use request::{Next, Request, RequestError};
pub use rewrite::Rewritten;
pub use store::{Committed, DEFAULT_LOCK_WAIT, FileStore, Loaded, Pruning, Store, Version};

/// The example of the README runs with the examples of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
