//! Legacy inline fields of `auth.json` to the two sections, and back: pure, on the document.
//!
//! Older programs write what happened to a credential into its entry. [`migrate`] moves that to the runtime section,
//! and merges it there when it comes back; [`rollback()`] is the inverse. [`project()`] shows the records in the entries
//! too, where the store asks for it. The rules are in docs/format.md.

mod inline;
mod merge;
mod pools;
mod project;
mod report;
mod rollback;
mod split;

pub use pools::{Sight, read_pools};
pub use project::{project, start_projecting, stop_projecting};
pub use report::{Report, Step};
pub use rollback::rollback;
pub use split::migrate;
