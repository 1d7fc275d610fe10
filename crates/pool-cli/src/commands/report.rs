use std::process::ExitCode;

use pool_core::{Failure, Standing};
use pool_store::Reported;

use crate::args::ReportArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output;
use crate::render::json::Judged;
use crate::render::{printable, when};

/// Takes in what upstream said.
pub(crate) fn run(context: &Context, args: &ReportArgs) -> Result<ExitCode, CommandError> {
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let pool = context::pool(&pools, &args.provider)?;
    let (target, culprit) = context::target(pool, &args.name)?;
    let reported = handle.report(&args.provider, target, failure(args))?;
    if context.json {
        output::print_json(&Judged::of(&args.provider, culprit, &reported).with_marked(&reported))?;
    } else {
        let name = culprit.map_or(args.name.as_str(), |culprit| culprit.id.as_str());
        output::print(&words(context, name, &reported))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn failure(args: &ReportArgs) -> Failure {
    let mut failure = args.status.map_or_else(Failure::no_answer, Failure::http);
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

fn words(context: &Context, name: &str, reported: &Reported) -> String {
    let name = printable(name);
    match reported {
        Reported::Stale => format!("{name}: that secret is no longer stored, so nobody was marked\n"),
        Reported::Taken { standing, marked } => {
            let others: Vec<String> =
                marked.iter().map(|id| printable(id.as_str())).filter(|id| *id != name).collect();
            let others =
                if others.is_empty() { String::new() } else { format!(" (also {})", others.join(", ")) };
            let stands = match standing {
                Standing::Resting { until, .. } => {
                    format!("exhausted, returns {}", when(*until, context.moment()))
                }
                Standing::Dead { .. } => "dead; it will not be handed out again with this secret".to_owned(),
                other => other.status().to_owned(),
            };
            format!("{name} is {stands}{others}\n")
        }
    }
}
