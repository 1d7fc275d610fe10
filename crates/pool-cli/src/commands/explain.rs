use std::path::Path;
use std::process::ExitCode;

use pool_core::{Cooldowns, Judgement, LastError};

use crate::args::{ExplainArgs, GlobalArgs};
use crate::context;
use crate::error::CommandError;
use crate::output;
use crate::render;
use crate::render::json::Explained;
use crate::told::{self, Told};

/// Says what a failure means. Reads no store, and never goes to the network.
pub(crate) fn run(global: &GlobalArgs, args: &ExplainArgs) -> Result<ExitCode, CommandError> {
    let now = global.now.unwrap_or_else(context::system_time);
    let told = Told::read(Path::new("-"))?;
    let failure = told::about(told.failure(args.status)?, args.model.as_deref());
    let judgement = Judgement::of(failure, &args.provider, &Cooldowns::default(), now);
    told.check(&judgement.failure, &judgement.verdict)?;
    let error = LastError::of(&judgement.failure, judgement.verdict.kind, None);
    if global.json {
        output::print_json(&Explained::of(&judgement.verdict, &error))?;
    } else {
        output::print(&render::explanation(&judgement, &error, now))?;
    }
    Ok(ExitCode::SUCCESS)
}
