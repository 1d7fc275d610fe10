//! How things look: words and tables for people, one shape of JSON for programs.

mod findings;
pub(crate) mod json;
mod shell;
mod table;
mod words;

pub(crate) use findings::findings;
pub(crate) use shell::Shell;
pub(crate) use table::list;
pub(crate) use words::{cut, left, printable, reasons, standing, when};
