use std::process::ExitCode;

use clap_complete::Generator;

use crate::args::CompletionsArgs;
use crate::error::CommandError;
use crate::output;

/// Prints the completion script of a program.
pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, CommandError> {
    let mut command = args.program.command();
    command.set_bin_name(command.get_name().to_owned());
    command.build();
    let mut script = Vec::new();
    args.shell.try_generate(&command, &mut script)?;
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
