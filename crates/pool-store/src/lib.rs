//! `auth.json` on disk: one change primitive (lock, read again, apply, write if something changed, unlock), and the
//! handle that an agent uses.
//!
//! Reads take no lock, and migrate in memory. Nobody ever writes a snapshot back.

mod adopt;
mod clock;
mod commit;
mod doctor;
mod environment;
mod error;
mod file;
mod file_lock;
mod grant_lock;
mod handle;
mod holder;
mod location;
mod lock;
mod login_file;
mod memory;
mod profile;
mod replace;
mod request;
mod rewrite;
mod snapshot;
mod store;
mod transaction;
mod trust;

pub use doctor::{Finding, Mend, Position, Problem, Remedy, Severity};
pub use error::StoreError;
pub use file_lock::FileLock;
pub use grant_lock::GrantLock;
pub use handle::{Builder, DEFAULT_LOOK_EVERY, PickError, PoolHandle, Reported};
pub use holder::Holder;
pub use login_file::{Access, LoginFile, LoginFormat, OtherHome, Reserved, read_short};
pub use memory::MemoryStore;
pub use profile::ProfileStore;
pub use request::{Next, Request, RequestError};
pub use rewrite::Rewritten;
pub use store::{Committed, DEFAULT_LOCK_WAIT, FileStore, Loaded, Pruning, Store, Version};
pub use trust::who_else_writes;
