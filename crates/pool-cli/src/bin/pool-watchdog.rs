//! `pool-watchdog`: looks after the workers of a board.

use std::process::ExitCode;

fn main() -> ExitCode {
    pool_cli::run_pool_watchdog(std::env::args_os())
}
