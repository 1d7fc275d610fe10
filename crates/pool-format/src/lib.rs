//! `auth.json` as text.
pub mod raw;
