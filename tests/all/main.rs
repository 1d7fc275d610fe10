//! What only the whole can show, through the binaries and the files that people use.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod canary;
mod changes;
mod commands;
mod contract;
mod documents;
mod errors;
mod incident;
mod migration;
#[cfg(unix)]
mod processes;
#[cfg(unix)]
mod races;
mod replay;
mod support;
