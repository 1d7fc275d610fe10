use std::process::ExitCode;

use pool_core::{Provider, time};
use pool_store::{Finding, Severity};
use serde::Serialize;

use crate::args::DoctorArgs;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit;
use crate::output::{self, JSON_VERSION};
use crate::render::{self, Shell};

#[derive(Serialize)]
struct Answer {
    version: u32,
    store: String,
    now: String,
    healthy: bool,
    findings: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    problem: &'static str,
    severity: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    what: String,
    mends: Vec<Mend>,
}

#[derive(Serialize)]
struct Mend {
    advice: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

/// Says what is wrong with the store, and what mends it. Writes nothing.
pub(crate) fn run(context: &Context, args: &DoctorArgs) -> Result<ExitCode, CommandError> {
    let findings = context.store.examine(args.provider.as_ref(), context.now);
    if let Some(provider) = args.provider.as_ref().filter(|provider| !is_there(provider, &findings)) {
        known(context, provider)?;
    }
    let healthy = findings.iter().all(|finding| finding.problem.severity() == Severity::Note);
    let shell = context.shell();
    if context.json {
        let findings = findings.iter().map(|finding| Found::of(finding, &shell)).collect();
        let (store, now) = (context.path().display().to_string(), time::format(context.now));
        output::print_json(&Answer { version: JSON_VERSION, store, now, healthy, findings })?;
    } else {
        output::print(&render::findings(&findings, context.path(), &shell))?;
    }
    Ok(ExitCode::from(if healthy { exit::DONE } else { exit::FAILED }))
}

fn is_there(provider: &Provider, findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.provider.as_ref() == Some(provider))
}

/// A provider that nothing was found of must at least be there, in a store that can be read.
fn known(context: &Context, provider: &Provider) -> Result<(), CommandError> {
    match context.handle().pools() {
        Ok(pools) => crate::context::pool(&pools, provider).map(drop),
        Err(_) => Ok(()),
    }
}

impl Found {
    fn of(finding: &Finding, shell: &Shell) -> Self {
        let mend = |mend: &pool_store::Mend| Mend {
            advice: mend.advice.clone(),
            command: mend.remedy.as_ref().map(|remedy| shell.command(remedy)),
        };
        Self {
            problem: finding.problem.as_str(),
            severity: finding.problem.severity().as_str(),
            path: finding.path.display().to_string(),
            provider: finding.provider.as_ref().map(ToString::to_string),
            credential: finding.id.as_ref().map(ToString::to_string),
            line: finding.position.map(|position| position.line),
            column: finding.position.map(|position| position.column),
            what: finding.what.clone(),
            mends: finding.mends.iter().map(mend).collect(),
        }
    }
}
