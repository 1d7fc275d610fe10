//! `pool`: lists, picks, reports and manages the credentials of an agent.

use std::process::ExitCode;

fn main() -> ExitCode {
    pool_cli::run_pool(std::env::args_os())
}
