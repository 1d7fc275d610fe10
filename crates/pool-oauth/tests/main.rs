//! What a renewal does to a store, whatever a token endpoint answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dialects;
mod http;
mod login;
mod outcomes;
mod renewer;
mod simulator;
mod support;
mod threads;
