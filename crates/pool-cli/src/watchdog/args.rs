use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use pool_watchdog::{TaskId, parse_span};

use crate::args::parse_now;

/// Look after the workers of a board: a failed call is not a failed task
///
/// Looks at what a worker left behind before it judges its task; then repairs, retries, makes what is missing, completes, or blocks
/// it with the exact list. What is watched, and what tasks have to deliver, stands in watchdog.toml.
#[derive(Parser, Debug)]
#[command(name = "pool-watchdog", bin_name = "pool-watchdog", version, max_term_width = 100)]
pub(crate) struct WatchdogArgs {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
pub(crate) struct GlobalArgs {
    /// The settings [default: watchdog.toml in this folder]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Watch the boards: look, decide, act, and write it down
    Run(RunArgs),
    /// Say whether the workers of a profile can work: exit code 1 if not
    Preflight(PreflightArgs),
    /// Say what went wrong with a worker, by its log
    Diagnose(DiagnoseArgs),
    /// Say whether a task has delivered, and what is missing: exit code 1 if something is
    Accept(AcceptArgs),
    /// Show what the journal says, and write its pages again
    Report,
}

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// One round, and no more
    #[arg(long, conflicts_with = "interval")]
    pub(crate) once: bool,
    /// How long it waits between two rounds, such as 30s, 5m or 1h
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_span)]
    pub(crate) interval: Duration,
    /// Only show what would be done: one round that changes and writes nothing
    #[arg(long, conflicts_with = "interval")]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PreflightArgs {
    /// The profile, as tasks are assigned to it
    pub(crate) profile: String,
    /// Repair what can be repaired without a person
    #[arg(long)]
    pub(crate) fix: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DiagnoseArgs {
    /// The log of a worker; - reads standard input
    #[arg(value_name = "LOG")]
    pub(crate) log: PathBuf,
    /// The profile that ran it: its logins tell more than a log does
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Take this as the time when the log ended (RFC 3339 or epoch seconds)
    #[arg(long, value_name = "TIME", value_parser = parse_now)]
    pub(crate) now: Option<DateTime<Utc>>,
}

#[derive(Args, Debug)]
pub(crate) struct AcceptArgs {
    /// The task, such as t_52cac9ce
    #[arg(value_parser = parse_task)]
    pub(crate) task: TaskId,
}

fn parse_task(text: &str) -> Result<TaskId, String> {
    TaskId::new(text).map_err(|error| error.to_string())
}
