//! `pool-migrate`: moves what happened to credentials out of what they are, and back.

use std::process::ExitCode;

fn main() -> ExitCode {
    pool_cli::run_pool_migrate(std::env::args_os())
}
