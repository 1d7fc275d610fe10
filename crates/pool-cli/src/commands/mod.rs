//! One file a subcommand.

pub(crate) mod add;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod pick;
pub(crate) mod refresh;
pub(crate) mod remove;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod reset;
pub(crate) mod success;
pub(crate) mod sync;
