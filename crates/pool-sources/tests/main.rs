//! All tests of this crate that use it from outside.

mod files;
mod taking;
