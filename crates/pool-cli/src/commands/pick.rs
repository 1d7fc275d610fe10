use std::sync::Arc;

use std::io::Write;
use std::process::ExitCode;

use pool_core::{Credential, PickRequest, Strategy};
use pool_store::{PickError, PoolHandle};
use serde::Serialize;

use crate::args::PickArgs;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit;
use crate::output;
use crate::render::json::{NothingPicked, Picked};
use crate::render::printable;

#[derive(Serialize)]
struct NotPicked {
    provider: String,
    credential: Option<String>,
    unavailable: NothingPicked,
    version: u32,
}

/// Chooses a credential. Writes counters, and only where the strategy depends on them.
pub(crate) fn run(context: &Context, args: &PickArgs) -> Result<ExitCode, CommandError> {
    let strategy = args.strategy.strategy.into();
    let mut request = PickRequest::new(args.provider.clone()).strategy(strategy);
    if let Some(model) = &args.model {
        request = request.model(model);
    }
    for id in &args.exclude {
        request = request.leave_out(id.clone());
    }
    let handle = context.handle();
    context.pools(&handle)?;
    match choose(&handle, &request, strategy) {
        Ok(credential) => show(context, args, &credential).map(|()| ExitCode::SUCCESS),
        Err(PickError::Unavailable(unavailable)) if context.json => {
            output::print_json(&NotPicked {
                provider: args.provider.to_string(),
                credential: None,
                unavailable: NothingPicked::of(&unavailable),
                version: output::JSON_VERSION,
            })?;
            Ok(ExitCode::from(exit::NOTHING_AVAILABLE))
        }
        Err(error) => Err(CommandError::of_pick(error, context.now)),
    }
}

fn choose(
    handle: &PoolHandle,
    request: &PickRequest,
    strategy: Strategy,
) -> Result<Arc<Credential>, PickError> {
    let credential = handle.pick(request)?;
    if strategy.counts() {
        handle.count(request.provider(), &credential.id)?;
        handle.flush()?;
    }
    Ok(credential)
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
        return output::print_json(&Picked::of(&args.provider, credential));
    }
    output::print(&format!("{} {}\n", printable(credential.id.as_str()), printable(&credential.label)))
}
