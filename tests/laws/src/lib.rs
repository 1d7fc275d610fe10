//! What holds for any input at all, over whole crates and from text to text.
//!
//! Each law takes an input and panics where it is broken. The fuzz targets in `fuzz/` look for such inputs by coverage, and
//! the tests of this crate try the seeds of the targets and a few thousand changed ones. How to run them is in
//! docs/testing.md. Laws of a single crate are among its own tests.

mod artifact;
mod document;
mod failure;
mod homes;
mod journal;
mod migration;
mod operations;
mod plain;
mod time;
mod watchdog_settings;
mod words;
mod worker_log;

pub use artifact::artifact;
pub use document::document;
pub use failure::failure;
pub use homes::homes;
pub use journal::journal;
pub use migration::migration;
pub use operations::{History, operations, store};
pub use time::time;
pub use watchdog_settings::watchdog_settings;
pub use words::words;
pub use worker_log::worker_log;

use chrono::{DateTime, Utc};

/// The moment at which everything here is read: noon of the day on which the incident of the README began.
pub(crate) fn noon() -> DateTime<Utc> {
    pool_core::time::parse_text("2026-05-26T12:00:00Z").expect("RFC 3339")
}
