//! A folder of its own for each test, with a store in it; and those who share it.

mod gated;
mod home;
mod log;
mod program;
mod words;

pub(crate) use gated::Gated;
pub(crate) use home::{Home, mode};
pub(crate) use log::Log;
pub(crate) use program::{child, child_after, child_of_lone_root, is_killed_at_its_first_write, passes};
pub(crate) use words::*;
