//! The command `pool-watchdog`: arguments in, the library's answers out, one file a subcommand.
//!
//! What it says is documented in docs/watchdog.md.

mod accept;
pub(crate) mod args;
mod diagnose;
mod matrix;
mod preflight;
mod report;
mod round;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pool_sources::Environment;
use pool_watchdog::{Settings, Watchdog};

use crate::error::CommandError;
use crate::output;
use crate::watchdog::args::{Command, GlobalArgs, WatchdogArgs};

/// Where the settings are, unless somebody says so.
const SETTINGS: &str = "watchdog.toml";

/// Runs the command that was named.
pub(crate) fn run(args: &WatchdogArgs) -> Result<ExitCode, CommandError> {
    output::start_log();
    let global = &args.global;
    match &args.command {
        Command::Run(args) => round::run(global, args),
        Command::Preflight(args) => preflight::run(global, args),
        Command::Diagnose(args) => diagnose::run(global, args),
        Command::Accept(args) => accept::run(global, args),
        Command::Report => report::run(global),
    }
}

impl GlobalArgs {
    /// The watchdog that the settings make. They must be there: what is watched, and where it is written down, is no guess.
    fn watchdog(&self) -> Result<Watchdog, CommandError> {
        let environment = Environment::of_process();
        let path = self.config.clone().unwrap_or_else(|| PathBuf::from(SETTINGS));
        Ok(Watchdog::new(read(&path, &environment)?, environment))
    }

    /// The same, also where nobody wrote settings: then with the defaults.
    fn watchdog_or_default(&self) -> Result<Watchdog, CommandError> {
        if self.config.is_some() || Path::new(SETTINGS).exists() {
            return self.watchdog();
        }
        let environment = Environment::of_process();
        let here = std::env::current_dir()?;
        let settings = Settings::parse("", &here, &environment)?;
        Ok(Watchdog::new(settings, environment))
    }
}

fn read(path: &Path, environment: &Environment) -> Result<Settings, CommandError> {
    Ok(Settings::read(path, environment)?)
}
