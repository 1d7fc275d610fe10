use std::process::ExitCode;

use pool_store::Reported;

use crate::args::RemoveArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output;
use crate::render::json::Changed;
use crate::render::printable;

/// Removes a credential, and says so where something may bring it back.
pub(crate) fn run(context: &Context, args: &RemoveArgs) -> Result<ExitCode, CommandError> {
    let provider = &args.which.provider;
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let pool = context::pool(&pools, provider)?;
    let credential = pool.select(&args.which.name)?;
    if handle.remove(provider, context::held(credential))? == Reported::Stale {
        return Err(CommandError::Stale { provider: provider.clone(), name: args.which.name.clone() });
    }
    if context.json {
        output::print_json(&Changed::of(provider, &credential.id, &credential.label))?;
    } else {
        output::print(&format!(
            "removed {} ({}) from {}\n",
            printable(credential.id.as_str()),
            printable(&credential.label),
            printable(provider.as_str())
        ))?;
        if !credential.source.is_manual() {
            let source = printable(credential.source.as_str());
            output::print(&format!(
                "its source is {source}: a program that seeds from there may add it again\n"
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
