//! What `auth.json` says, and that nothing in it is lost.

mod document;
mod entry;
mod laws;
mod login;
mod record;
mod support;
