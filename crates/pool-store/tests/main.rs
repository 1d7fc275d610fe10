//! A store on disk as agents, people and other programs meet it.
#![cfg(unix)]

mod errors;
mod handle;
mod held;
mod migration;
mod paths;
mod secrets;
mod support;
mod transaction;
