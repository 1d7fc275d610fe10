//! A folder of its own for each test, with a store in it; and those who share it.

mod home;
mod log;
mod program;
mod words;

pub(crate) use home::{Home, Photo, mode};
pub(crate) use log::Log;
pub(crate) use program::{child, passes};
pub(crate) use words::*;
