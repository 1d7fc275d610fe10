use std::process::ExitCode;

use pool_store::Reported;
use serde::Serialize;

use crate::args::SuccessArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output::{self, JSON_VERSION};
use crate::render::json::Status;
use crate::render::{printable, standing};

#[derive(Serialize)]
struct Answer {
    provider: String,
    credential: String,
    stale: bool,
    #[serde(flatten)]
    status: Option<Status>,
    version: u32,
}

/// Takes in that a credential worked.
pub(crate) fn run(context: &Context, args: &SuccessArgs) -> Result<ExitCode, CommandError> {
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let pool = context::pool(&pools, &args.which.provider)?;
    let credential = pool.select(&args.which.name)?;
    let began_at = args.began_at.unwrap_or(context.now);
    let reported = handle.succeed(&args.which.provider, context::held(credential), began_at)?;
    let stands = match &reported {
        Reported::Taken { standing, .. } => Some(standing),
        Reported::Stale => None,
    };
    if context.json {
        output::print_json(&Answer {
            provider: args.which.provider.to_string(),
            credential: credential.id.to_string(),
            stale: stands.is_none(),
            status: stands.map(Status::of),
            version: JSON_VERSION,
        })?;
    } else {
        let words = stands.map_or_else(
            || "that secret is no longer stored, so nothing changed".to_owned(),
            |stands| standing(stands, &credential.source, context.now),
        );
        output::print(&format!("{}: {words}\n", printable(credential.id.as_str())))?;
    }
    Ok(ExitCode::SUCCESS)
}
