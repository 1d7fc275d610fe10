//! All tests of this crate that use it from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod files;
mod homes;
mod open;
mod taking;
