//! The rules of a credential pool.
mod hint;
pub mod time;
