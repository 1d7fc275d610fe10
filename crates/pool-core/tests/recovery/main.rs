//! What happens to a request that fails: a walk over all that can happen, and single failures by table.

#[path = "../support/mod.rs"]
mod support;

mod walk;
