use std::process::ExitCode;

use clap_complete::{Generator, Shell};

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
    let script = String::from_utf8_lossy(&script);
    let is_split = args.shell == Shell::Bash && command.get_name().contains('-');
    output::print(&if is_split { joined(&script, command.get_name()) } else { script.into_owned() })?;
    Ok(ExitCode::SUCCESS)
}

/// For bash, clap_complete 4.6 takes what follows a `-` in the name of a program for a subcommand in one half of its script, and in the
/// other not, so that nothing is ever found.
fn joined(script: &str, name: &str) -> String {
    script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"))
}
