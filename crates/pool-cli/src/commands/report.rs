use std::process::ExitCode;

use chrono::{DateTime, Utc};
use pool_core::{Credential, Failure, Pool, Standing, classify};
use pool_store::Reported;

use crate::args::ReportArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output;
use crate::render::json::{Besides, Judged};
use crate::render::{counted, printable, strikes, when};
use crate::told::{self, Told};

/// Takes in what upstream said.
pub(crate) fn run(context: &Context, args: &ReportArgs) -> Result<ExitCode, CommandError> {
    let failure = failure(args, context.now)?;
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let pool = context::pool(&pools, &args.provider)?;
    let (target, culprit) = context::target(pool, &args.name)?;
    let reported = handle.report(&args.provider, target, failure)?;
    // As it is now; who died long ago may be pruned by then.
    let pools = handle.pools()?;
    let known = culprit.and_then(|culprit| Some((pools.get(&args.provider)?, culprit)));
    if context.json {
        let besides = known.map(|(pool, culprit)| Besides::of(pool, culprit, context.now));
        let judged = Judged::of(&args.provider, culprit, &reported).with_besides(besides);
        output::print_json(&judged.with_marked(&reported))?;
    } else {
        let name = culprit.map_or(args.name.as_str(), |culprit| culprit.id.as_str());
        let model = args.model.as_deref();
        output::print(&words(name, &reported, |standing| how(context, known, model, standing)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn failure(args: &ReportArgs, now: DateTime<Utc>) -> Result<Failure, CommandError> {
    let failure = match &args.response {
        Some(path) => {
            let told = Told::read(path)?;
            let failure = told.response()?;
            told.check(&failure, &classify(&failure, &args.provider, now))?;
            failure
        }
        None => in_flags(args),
    };
    Ok(told::about(failure, args.model.as_deref()))
}

fn in_flags(args: &ReportArgs) -> Failure {
    let no_answer = if args.timed_out { Failure::timed_out } else { Failure::no_answer };
    let mut failure = args.status.map_or_else(no_answer, Failure::http);
    if let Some(code) = &args.code {
        failure = failure.code(code);
    }
    if let Some(message) = &args.message {
        failure = failure.message(message);
    }
    match args.reset_at {
        Some(time) => failure.reset_at(time),
        None => failure,
    }
}

fn words(name: &str, reported: &Reported, how: impl FnOnce(&Standing) -> String) -> String {
    let name = printable(name);
    match reported {
        Reported::Stale => format!("{name}: that secret is no longer stored, so nobody was marked\n"),
        Reported::Taken { standing, marked } => {
            let others: Vec<String> =
                marked.iter().map(|id| printable(id.as_str())).filter(|id| *id != name).collect();
            let others =
                if others.is_empty() { String::new() } else { format!(" (also {})", others.join(", ")) };
            format!("{name} {}{others}\n", how(standing))
        }
    }
}

/// How it stands, with its strikes and the rest of the model that was named.
fn how(
    context: &Context,
    known: Option<(&Pool, &Credential)>,
    model: Option<&str>,
    standing: &Standing,
) -> String {
    let strikes = known.and_then(|(pool, culprit)| strikes(pool, culprit)).map(counted);
    match standing {
        Standing::Resting { until, .. } => {
            let strikes = strikes.map(|strikes| format!(", {strikes}")).unwrap_or_default();
            format!("is exhausted, returns {}{strikes}", when(*until, context.moment()))
        }
        Standing::Dead { .. } => {
            let strikes = strikes.map(|strikes| format!(" after {strikes}")).unwrap_or_default();
            format!("is dead{strikes}; it will not be handed out again with this secret")
        }
        other => rest_for_model(context, known, model).unwrap_or_else(|| format!("is {}", other.status())),
    }
}

/// Where only the model that was named rests.
fn rest_for_model(
    context: &Context,
    known: Option<(&Pool, &Credential)>,
    model: Option<&str>,
) -> Option<String> {
    let (pool, culprit) = known?;
    let (model, standing) = pool.models_out(culprit, context.now).find(|(out, _)| model == Some(*out))?;
    let returns = when(standing.until()?, context.moment());
    Some(format!("rests for {} only, returns {returns}", printable(model)))
}
