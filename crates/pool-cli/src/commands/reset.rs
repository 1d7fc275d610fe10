use std::process::ExitCode;

use pool_core::{Credential, Revive, Standing};

use crate::args::ResetArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output;
use crate::render::json::Cleared;
use crate::render::printable;

/// Clears cooldowns, and revives the dead when told.
pub(crate) fn run(context: &Context, args: &ResetArgs) -> Result<ExitCode, CommandError> {
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let pool = context::pool(&pools, &args.provider)?;
    let id = args
        .name
        .as_deref()
        .map(|name| pool.select(name))
        .transpose()?
        .map(|credential| credential.id.clone());
    let revive = if args.dead { Revive::TheDead } else { Revive::Nobody };
    let cleared = handle.reset(&args.provider, id.clone(), revive)?;
    if context.json {
        output::print_json(&Cleared::of(&args.provider, &cleared))?;
    } else if cleared.is_empty() {
        let chosen = |credential: &Credential| id.as_ref().is_none_or(|id| *id == credential.id);
        let mut standings = pool.standings(context.now).filter(|(credential, _)| chosen(credential));
        let is_dead = standings.any(|(_, standing)| matches!(standing.judged(), Standing::Dead { .. }));
        let dead = if is_dead { " (the dead come back with --dead)" } else { "" };
        output::print(&format!("nothing to clear{dead}\n"))?;
    } else {
        let ids: Vec<String> = cleared.iter().map(|id| printable(id.as_str())).collect();
        output::print(&format!("cleared {}\n", ids.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
