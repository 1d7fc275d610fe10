use std::process::ExitCode;

use pool_core::Target;
use pool_store::Reported;

use crate::args::RemoveArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output;
use crate::render::json::Changed;
use crate::render::printable;

/// Removes a credential, and says so where its source is suppressed with it.
pub(crate) fn run(context: &Context, args: &RemoveArgs) -> Result<ExitCode, CommandError> {
    let provider = &args.which.provider;
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let pool = context::pool(&pools, provider)?;
    let credential = pool.select(&args.which.name)?;
    if handle.remove(provider, Target::of(credential))? == Reported::Stale {
        return Err(CommandError::Stale { provider: provider.clone(), name: args.which.name.clone() });
    }
    let is_suppressed = handle.pools()?.is_suppressed(provider, &credential.source);
    let suppressed = is_suppressed.then_some(&credential.source);
    if context.json {
        let changed = Changed::of(provider, &credential.id, &credential.label);
        output::print_json(&changed.suppressing(suppressed))?;
    } else {
        output::print(&format!(
            "removed {} ({}) from {}\n",
            printable(credential.id.as_str()),
            printable(&credential.label),
            printable(provider.as_str())
        ))?;
        if let Some(source) = suppressed {
            let source = printable(source.as_str());
            output::print(&format!("{source} is suppressed: it is not taken in again by itself\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
