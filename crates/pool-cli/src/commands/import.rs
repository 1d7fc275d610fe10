use std::process::ExitCode;

use pool_format::Lender as _;
use pool_sources::{Consent, Tool, offers_of_variables};

use crate::args::{ImportArgs, ImportFrom};
use crate::context::Context;
use crate::error::CommandError;
use crate::taking::Taking;

/// Takes in the login of another tool, or what variables hold.
pub(crate) fn run(context: &Context, args: &ImportArgs) -> Result<ExitCode, CommandError> {
    let mut taking = Taking::into(context, args.dry_run)?;
    let consent = if args.again { Consent::Again } else { Consent::TakeIn };
    let tool = match args.from {
        ImportFrom::Codex => Some(Tool::Codex),
        ImportFrom::Claude => Some(Tool::Claude),
        ImportFrom::Qwen => Some(Tool::Qwen),
        ImportFrom::Env => None,
    };
    match tool {
        Some(tool) if args.provider.as_ref().is_some_and(|only| *only != tool.provider()) => {}
        Some(tool) => {
            let places = context.places().ok_or(CommandError::NoHome)?;
            taking.offer(&tool.read(&places, context.now)?, consent)?;
        }
        None => variables(context, &mut taking, args.provider.as_ref(), consent)?,
    }
    taking.print(context.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Takes in what variables hold.
pub(crate) fn variables(
    context: &Context,
    taking: &mut Taking,
    only: Option<&pool_core::Provider>,
    consent: Consent,
) -> Result<(), CommandError> {
    let lenders = context.file_store().lenders();
    for offered in offers_of_variables(only, |provider, source| lenders.lend(provider, source)) {
        match offered {
            Ok(offer) => taking.offer(&offer, consent)?,
            Err(refused) => taking.refuse_variable(&refused),
        }
    }
    Ok(())
}
