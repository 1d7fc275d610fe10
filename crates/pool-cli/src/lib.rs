//! The commands `pool` and `pool-migrate`: arguments in, the library's answers out, one file a subcommand.
//!
//! What they say is documented in docs/cli.md.

mod args;
mod choice;
mod commands;
mod context;
mod env;
mod error;
mod events;
mod exit;
mod output;
mod render;
mod replay;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args::{Command, MigrateArgs, PoolArgs};
use crate::context::Context;
use crate::error::CommandError;

/// Runs `pool` with these arguments; the first is the program's name.
pub fn run_pool(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match PoolArgs::try_parse_from(arguments) {
        Ok(args) => finish(pool(&args)),
        Err(error) => usage(error),
    }
}

/// Runs `pool-migrate` with these arguments; the first is the program's name.
pub fn run_pool_migrate(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match MigrateArgs::try_parse_from(arguments) {
        Ok(args) => finish(commands::migrate::run(&args)),
        Err(error) => usage(error),
    }
}

fn pool(args: &PoolArgs) -> Result<ExitCode, CommandError> {
    output::start_log();
    let context = || Context::of(&args.global);
    match &args.command {
        Command::List(args) => commands::list::run(&context()?, args),
        Command::Pick(args) => commands::pick::run(&context()?, args),
        Command::Exec(args) => commands::exec::run(&context()?, args),
        Command::Report(args) => commands::report::run(&context()?, args),
        Command::Success(args) => commands::success::run(&context()?, args),
        Command::Reset(args) => commands::reset::run(&context()?, args),
        Command::Add(args) => commands::add::run(&context()?, args),
        Command::Remove(args) => commands::remove::run(&context()?, args),
        Command::Replay(args) => commands::replay::run(&context()?, args),
        Command::Completions(args) => commands::completions::run(args),
        Command::Man(args) => commands::man::run(args),
    }
}

fn finish(result: Result<ExitCode, CommandError>) -> ExitCode {
    result.unwrap_or_else(|error| {
        // Whoever read our output went away; that is no failure of ours.
        if error.is_broken_pipe() {
            return ExitCode::from(exit::DONE);
        }
        output::print_error(&error);
        ExitCode::from(error.exit_code())
    })
}

fn usage(mut error: clap::Error) -> ExitCode {
    withhold_value(&mut error);
    drop(error.print());
    ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE })
}

/// A value where none belongs may be a secret that somebody meant to add, so it is not echoed.
fn withhold_value(error: &mut clap::Error) {
    let kind = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::TooManyValues => ContextKind::InvalidValue,
        _ => return,
    };
    if matches!(error.get(kind), Some(ContextValue::String(text)) if !text.starts_with('-')) {
        error.insert(kind, ContextValue::String("[not shown]".to_owned()));
    }
}
