//! What the exit codes mean; a script may rely on them.

/// It is done.
pub(crate) const DONE: u8 = 0;
/// It failed.
pub(crate) const FAILED: u8 = 1;
/// The arguments make no sense.
pub(crate) const USAGE: u8 = 2;
/// No credential can be handed out now.
pub(crate) const NOTHING_AVAILABLE: u8 = 3;
/// `pool-migrate --check`: the store has inline fields that say something.
pub(crate) const MIGRATION_NEEDED: u8 = 4;
/// `pool exec`: the command was found, and could not be run.
pub(crate) const CANNOT_RUN: u8 = 126;
/// `pool exec`: there is no such command.
pub(crate) const NOT_FOUND: u8 = 127;
