use std::io;
use std::process::{Command, ExitCode};

use pool_core::{Credential, Secret};

use crate::args::ExecArgs;
use crate::choice;
use crate::context::Context;
use crate::error::CommandError;

/// Becomes the command, with the secret of a chosen credential in its environment. Writes what `pick` writes, before.
pub(crate) fn run(context: &Context, args: &ExecArgs) -> Result<ExitCode, CommandError> {
    let handle = context.handle();
    let credential = choice::choose(context, &handle, &args.choice)?;
    let variables = variables(args, &credential)?;
    choice::count(&handle, &args.choice, &credential)?;

    let (program, arguments) = args.command.split_first().expect("a command is required");
    let secret = credential.secret().map(Secret::expose).unwrap_or_default();
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().map(|name| (name, secret)));
    become_it(command).map_err(|source| CommandError::NotRun { program: program.into(), source })
}

/// Where the secret goes: the variables that were named, else the one that is usual.
fn variables(args: &ExecArgs, credential: &Credential) -> Result<Vec<String>, CommandError> {
    if !args.env.is_empty() {
        return Ok(args.env.clone());
    }
    let provider = &args.choice.provider;
    let usual = credential.usual_variable(provider);
    let usual = usual.ok_or_else(|| CommandError::NoVariable { provider: provider.clone() })?;
    Ok(vec![usual.to_owned()])
}

/// Puts the command in the place of this process; returns only if that failed.
#[cfg(unix)]
fn become_it(mut command: Command) -> io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

/// Where no process can be replaced: runs the command, and ends as it ended.
#[cfg(not(unix))]
fn become_it(mut command: Command) -> io::Result<ExitCode> {
    let code = command.status()?.code();
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(crate::exit::FAILED).into())
}
