use std::process::ExitCode;

use pool_core::{CredentialId, PickRequest, Pool};
use serde::Serialize;

use crate::args::ListArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output::{self, JSON_VERSION};
use crate::render::json::ListedPool;
use crate::render::{self, Look, Word, printable};

#[derive(Serialize)]
struct Listing {
    version: u32,
    store: String,
    now: String,
    providers: Vec<ListedPool>,
}

/// Shows the pools. Writes nothing.
pub(crate) fn run(context: &Context, args: &ListArgs) -> Result<ExitCode, CommandError> {
    let pools = context.pools(&context.handle())?;
    let shown: Vec<&Pool> = match &args.provider {
        Some(provider) => vec![context::pool(&pools, provider)?],
        None => pools.iter().filter(|pool| !pool.credentials().is_empty()).collect(),
    };
    let lent = context.lent()?;
    let look =
        |pool| Look { pool, next: would_be_picked(pool, args, context), root: lent.by(pool.provider()) };
    let looks = shown.into_iter().map(look);
    if context.json {
        let providers = looks.map(|look| ListedPool::of(&look, context.now)).collect();
        let store = context.path().display().to_string();
        let now = pool_core::time::format(context.now);
        output::print_json(&Listing { version: JSON_VERSION, store, now, providers })?;
    } else if looks.len() == 0 {
        let add = printable(&context.shell().pool("add", &[Word::Flag("PROVIDER")]));
        output::print(&format!("no credentials yet; `{add}` adds one\n"))?;
    } else {
        output::print(&render::list(looks, &context.shell(), context.now))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The one that a pick would hand out now. By chance it could be any, so then none is marked.
fn would_be_picked(pool: &Pool, args: &ListArgs, context: &Context) -> Option<CredentialId> {
    let strategy = args.strategy.strategy.into();
    if strategy == pool_core::Strategy::Random {
        return None;
    }
    let request = PickRequest::new(pool.provider().clone()).strategy(strategy);
    pool.pick(&request, &(), context.now, 0).ok().map(|credential| credential.id.clone())
}
