//! Choosing a credential, alike for all who hand one out.

use std::sync::Arc;

use pool_core::{Credential, PickRequest, Strategy};
use pool_store::PoolHandle;

use crate::args::ChoiceArgs;
use crate::context::Context;
use crate::error::CommandError;

/// The credential to use now. Counts nothing yet.
pub(crate) fn choose(
    context: &Context,
    handle: &PoolHandle,
    args: &ChoiceArgs,
) -> Result<Arc<Credential>, CommandError> {
    context.warn_if_loose(handle)?;
    let request = request(handle, args)?;
    handle.pick(&request).map_err(|error| CommandError::of_pick(error, context.now))
}

fn request(handle: &PoolHandle, args: &ChoiceArgs) -> Result<PickRequest, CommandError> {
    let mut request = PickRequest::new(args.provider.clone()).strategy(args.strategy.strategy.into());
    if let Some(model) = &args.model {
        request = request.model(model);
    }
    let pools = handle.pools()?;
    // Of a provider without a pool nobody can be left out, and the pick says so.
    if let Some(pool) = pools.get(&args.provider) {
        for name in &args.exclude {
            request = request.leave_out(pool.select(name)?.id.clone());
        }
    }
    Ok(request)
}

/// Counts that it was handed out, on disk when it returns; only where the strategy depends on it.
pub(crate) fn count(
    handle: &PoolHandle,
    args: &ChoiceArgs,
    credential: &Credential,
) -> Result<(), CommandError> {
    if Strategy::from(args.strategy.strategy).counts() {
        handle.count(&args.provider, &credential.id)?;
        handle.flush()?;
    }
    Ok(())
}
