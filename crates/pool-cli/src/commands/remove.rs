use std::process::ExitCode;

use pool_store::Reported;
use serde::Serialize;

use crate::args::RemoveArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output::{self, JSON_VERSION};
use crate::render::printable;

#[derive(Serialize)]
struct Answer {
    provider: String,
    credential: String,
    label: String,
    version: u32,
}

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
    let (id, label) = (credential.id.to_string(), credential.label.clone());
    if context.json {
        output::print_json(&Answer {
            provider: provider.to_string(),
            credential: id,
            label,
            version: JSON_VERSION,
        })?;
    } else {
        output::print(&format!(
            "removed {} ({}) from {}\n",
            printable(&id),
            printable(&label),
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
