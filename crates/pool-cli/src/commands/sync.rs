use std::process::ExitCode;

use pool_sources::{Consent, SourceError, Tool, offers_of_logins};

use crate::args::SyncArgs;
use crate::commands::import;
use crate::context::Context;
use crate::error::CommandError;
use crate::taking::Taking;

/// Takes in what the home itself offers, and keeps logins of other tools up to date.
pub(crate) fn run(context: &Context, args: &SyncArgs) -> Result<ExitCode, CommandError> {
    let mut taking = Taking::into(context, false)?;
    let only = args.provider.as_ref();
    let places = context.places();
    let tools = Tool::ALL.into_iter().filter(|tool| only.is_none_or(|only| *only == tool.provider()));
    for (tool, places) in tools.zip(places.iter().cycle()) {
        let consent = if tool.is_of_the_home() { Consent::TakeIn } else { Consent::UpToDate };
        match tool.read(places, context.now) {
            Ok(offer) => taking.offer(&offer, consent)?,
            Err(SourceError::Missing { .. }) => {}
            // Of a tool whose login nobody took in there is nothing to say.
            Err(_) if consent == Consent::UpToDate && !taking.has(tool)? => {}
            Err(error) => taking.refuse_file(tool, error),
        }
    }
    let logins = context.store.own().provider_logins(context.now)?;
    for offer in offers_of_logins(only, |provider| logins.get(provider).cloned()) {
        taking.offer(&offer, Consent::TakeIn)?;
    }
    import::variables(context, &mut taking, only, Consent::TakeIn)?;
    taking.print(context.json)?;
    Ok(ExitCode::SUCCESS)
}
