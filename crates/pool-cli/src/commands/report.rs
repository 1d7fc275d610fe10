use std::process::ExitCode;

use pool_core::{CredentialId, Failure, Pool, Standing, Target};
use pool_store::Reported;
use serde::Serialize;

use crate::args::ReportArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output::{self, JSON_VERSION};
use crate::render::json::Status;
use crate::render::{printable, when};

#[derive(Serialize)]
struct Answer {
    provider: String,
    credential: String,
    stale: bool,
    #[serde(flatten)]
    status: Option<Status>,
    marked: Vec<String>,
    version: u32,
}

/// Takes in what upstream said.
pub(crate) fn run(context: &Context, args: &ReportArgs) -> Result<ExitCode, CommandError> {
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let pool = context::pool(&pools, &args.provider)?;
    let target = context::target(pool, &args.name)?;
    let culprit = culprit(pool, &target).map_or_else(|| args.name.clone(), ToString::to_string);
    let reported = handle.report(&args.provider, target, failure(args))?;
    if context.json {
        output::print_json(&answer(args, culprit, &reported))?;
    } else {
        output::print(&words(context, &culprit, &reported))?;
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

/// Who is named by a target, as the store was when it was read.
fn culprit<'a>(pool: &'a Pool, target: &'a Target) -> Option<&'a CredentialId> {
    match target {
        Target::Id(id) | Target::Held(id, _) => Some(id),
        Target::Secret(subject) => pool
            .credentials()
            .iter()
            .find(|credential| credential.holds(*subject))
            .map(|credential| &credential.id),
    }
}

fn answer(args: &ReportArgs, culprit: String, reported: &Reported) -> Answer {
    let (status, marked) = match reported {
        Reported::Taken { standing, marked } => (Some(Status::of(standing)), marked.as_slice()),
        Reported::Stale => (None, [].as_slice()),
    };
    Answer {
        provider: args.provider.to_string(),
        credential: culprit,
        stale: status.is_none(),
        status,
        marked: marked.iter().map(ToString::to_string).collect(),
        version: JSON_VERSION,
    }
}

fn words(context: &Context, culprit: &str, reported: &Reported) -> String {
    let name = printable(culprit);
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
