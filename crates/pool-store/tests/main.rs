//! A store on disk as agents, people and other programs meet it.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod adoption;
mod errors;
mod handle;
mod held;
mod lock;
mod migration;
mod model;
mod paths;
mod profile;
mod request;
mod secrets;
mod support;
mod transaction;
