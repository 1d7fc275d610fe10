use std::process::ExitCode;

use pool_core::Target;
use pool_store::Reported;

use crate::args::SuccessArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output;
use crate::render::json::Judged;
use crate::render::{self, printable};

/// Takes in that a credential worked.
pub(crate) fn run(context: &Context, args: &SuccessArgs) -> Result<ExitCode, CommandError> {
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let pool = context::pool(&pools, &args.which.provider)?;
    let credential = pool.select(&args.which.name)?;
    let began_at = args.began_at.unwrap_or(context.now);
    let reported =
        handle.succeed(&args.which.provider, Target::of(credential), began_at, args.model.as_deref())?;
    if context.json {
        output::print_json(&Judged::of(&args.which.provider, Some(credential), &reported))?;
    } else {
        let words = match &reported {
            Reported::Taken { standing, .. } => render::standing(standing, &credential.source, context.now),
            Reported::Stale => "that secret is no longer stored, so nothing changed".to_owned(),
        };
        output::print(&format!("{}: {words}\n", printable(credential.id.as_str())))?;
    }
    Ok(ExitCode::SUCCESS)
}
