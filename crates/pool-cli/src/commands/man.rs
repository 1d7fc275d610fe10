use std::process::ExitCode;

use crate::args::{ManArgs, Program};
use crate::error::CommandError;

/// Writes a manual page for each program and each command.
pub(crate) fn run(args: &ManArgs) -> Result<ExitCode, CommandError> {
    for program in Program::ALL {
        clap_mangen::generate_to(program.command(), &args.folder)
            .map_err(|source| CommandError::Pages { folder: args.folder.clone(), source })?;
    }
    Ok(ExitCode::SUCCESS)
}
