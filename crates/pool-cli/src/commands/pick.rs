use std::io::Write;
use std::process::ExitCode;

use pool_core::Credential;

use crate::args::PickArgs;
use crate::choice;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit;
use crate::output;
use crate::render::json::{NotPicked, Picked};
use crate::render::printable;

/// Chooses a credential. Writes counters, and only where the strategy depends on them.
pub(crate) fn run(context: &Context, args: &PickArgs) -> Result<ExitCode, CommandError> {
    let handle = context.handle();
    match choice::choose(context, &handle, &args.choice) {
        Ok(credential) => {
            choice::count(&handle, &args.choice, &credential)?;
            show(context, args, &credential).map(|()| ExitCode::SUCCESS)
        }
        Err(CommandError::Unavailable(nothing)) if context.json => {
            output::print_json(&NotPicked::of(&nothing.unavailable))?;
            Ok(ExitCode::from(exit::NOTHING_AVAILABLE))
        }
        Err(error) => Err(error),
    }
}

fn show(context: &Context, args: &PickArgs, credential: &Credential) -> Result<(), CommandError> {
    if args.print_secret {
        let secret = credential.secret().map(pool_core::Secret::expose).unwrap_or_default();
        let mut out = std::io::stdout().lock();
        out.write_all(secret.as_bytes())?;
        out.write_all(b"\n")?;
        return Ok(out.flush()?);
    }
    if context.json {
        return output::print_json(&Picked::of(&args.choice.provider, credential));
    }
    output::print(&format!("{} {}\n", printable(credential.id.as_str()), printable(&credential.label)))
}
