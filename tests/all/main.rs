//! What only the whole can show, through the binaries and the files that people use.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod canary;
mod changes;
mod commands;
mod contract;
mod doctor;
mod documents;
mod errors;
mod exec;
mod incident;
mod migration;
mod replay;
mod shells;
mod support;
