use std::process::ExitCode;

use pool_core::Variables;
use pool_format::Lender as _;
use pool_sources::{Consent, NoHome, offers_of_variables};

use crate::args::ImportArgs;
use crate::context::Context;
use crate::error::CommandError;
use crate::taking::Taking;

/// Takes in the login of another tool, or what variables hold.
pub(crate) fn run(context: &Context, args: &ImportArgs) -> Result<ExitCode, CommandError> {
    check(args)?;
    let mut taking = Taking::into(context, args.dry_run)?;
    let consent = if args.again { Consent::Again } else { Consent::TakeIn };
    match args.from.tool() {
        Some(tool) => {
            let places = context.places().ok_or(NoHome)?;
            taking.offer(&tool.read(&places, context.now)?, consent)?;
        }
        None => variables(context, &mut taking, args.provider.as_ref(), consent)?,
    }
    taking.print(context.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Whether what is named can be for the provider that is named.
fn check(args: &ImportArgs) -> Result<(), CommandError> {
    let Some(wanted) = args.provider.clone() else { return Ok(()) };
    match args.from.tool() {
        Some(tool) if tool.provider() != wanted => {
            Err(CommandError::OtherProvider { from: args.from.word(), offered: tool.provider(), wanted })
        }
        None if !Variables::ALL.iter().any(|row| row.provider == wanted.as_str()) => {
            Err(CommandError::NoKnownVariable { provider: wanted })
        }
        _ => Ok(()),
    }
}

/// Takes in what variables hold.
pub(crate) fn variables(
    context: &Context,
    taking: &mut Taking,
    only: Option<&pool_core::Provider>,
    consent: Consent,
) -> Result<(), CommandError> {
    let lenders = context.store.own().lenders();
    for offered in offers_of_variables(only, |provider, source| lenders.lend(provider, source)) {
        match offered {
            Ok(offer) => taking.offer(&offer, consent)?,
            Err(refused) => taking.refuse_variable(&refused),
        }
    }
    Ok(())
}
