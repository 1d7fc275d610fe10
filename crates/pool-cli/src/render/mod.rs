//! How things look: words and tables for people, one shape of JSON for programs.

pub(crate) mod json;
mod table;
mod words;

pub(crate) use table::list;
pub(crate) use words::{cut, left, printable, reasons, standing, when};
