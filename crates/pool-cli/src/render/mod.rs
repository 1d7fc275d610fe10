//! How things look: words and tables for people, one shape of JSON for programs.

mod explanation;
mod findings;
pub(crate) mod json;
mod revival;
mod shell;
mod table;
mod words;

pub(crate) use explanation::explanation;
pub(crate) use findings::findings;
pub(crate) use revival::{browser_hint, needs_browser, revival};
pub(crate) use shell::{Shell, Word, quoted, quoted_path};
pub(crate) use table::{Look, list};
pub(crate) use words::{counted, cut, left, printable, reasons, standing, strikes, when};
