//! What happens to a request that fails: a walk over all that can happen, single failures by table, and the pages that say so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod pages;
mod table;
mod walk;
