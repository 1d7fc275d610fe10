//! The commands `pool`, `pool-migrate` and `pool-watchdog`: arguments in, the library's answers out, one file a subcommand.
//!
//! What they say is documented in docs/cli.md and docs/watchdog.md.

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
mod signals;
mod taking;
mod told;
mod typed;
mod watchdog;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use crate::args::{Command, MigrateArgs, PoolArgs};
use crate::context::Context;
use crate::error::CommandError;
use crate::render::Shell;
use crate::typed::Typed;
use crate::watchdog::args::WatchdogArgs;

/// Runs `pool` with these arguments; the first is the program's name.
pub fn run_pool(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run(arguments, pool, |args| args.global.store.as_deref())
}

/// Runs `pool-migrate` with these arguments; the first is the program's name.
pub fn run_pool_migrate(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run(arguments, commands::migrate::run, MigrateArgs::path)
}

/// Runs `pool-watchdog` with these arguments; the first is the program's name.
pub fn run_pool_watchdog(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run(arguments, watchdog::run, |_: &WatchdogArgs| None)
}

fn run<Args: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    program: fn(&Args) -> Result<ExitCode, CommandError>,
    store: fn(&Args) -> Option<&Path>,
) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let typed = Typed::of(&arguments);
    let args = Args::try_parse_from(&arguments);
    let result = match &args {
        Ok(args) => program(args),
        Err(error) => usage(error, &typed),
    };
    result.unwrap_or_else(|error| {
        // Whoever read our output went away; that is no failure of ours.
        if error.is_broken_pipe() {
            return ExitCode::from(exit::DONE);
        }
        let shell = Shell::of(args.as_ref().ok().and_then(store));
        output::print_error(&error, &typed, &shell);
        ExitCode::from(error.exit_code())
    })
}

/// Prints what clap has to say: the help that was asked for, or what is wrong with the arguments.
fn usage(error: &clap::Error, typed: &Typed) -> Result<ExitCode, CommandError> {
    if error.use_stderr() {
        output::print_usage(error, typed);
        return Ok(ExitCode::from(exit::USAGE));
    }
    error.print()?;
    Ok(ExitCode::from(exit::DONE))
}

fn pool(args: &PoolArgs) -> Result<ExitCode, CommandError> {
    output::start_log();
    let global = &args.global;
    let context = || Context::of(global);
    match &args.command {
        Command::List(args) => commands::list::run(&context()?, args),
        Command::Pick(args) => commands::pick::run(&context()?, args),
        Command::Exec(args) => commands::exec::run(&context()?, args),
        Command::Report(args) => commands::report::run(&context()?, args),
        Command::Explain(args) => commands::explain::run(global, args),
        Command::Success(args) => commands::success::run(&context()?, args),
        Command::Reset(args) => commands::reset::run(&context()?, args),
        Command::Add(args) => commands::add::run(&context()?, args),
        Command::Remove(args) => commands::remove::run(&context()?, args),
        Command::Refresh(args) => commands::refresh::run(&context()?, args),
        Command::Login(args) => commands::login::run(&context()?, args),
        Command::Import(args) => commands::import::run(&context()?, args),
        Command::Sync(args) => commands::sync::run(&context()?, args),
        Command::Doctor(args) => commands::doctor::run(&context()?, args),
        Command::Replay(args) => commands::replay::run(&context()?, args),
        Command::Completions(args) => commands::completions::run(args),
        Command::Man(args) => commands::man::run(args),
    }
}
