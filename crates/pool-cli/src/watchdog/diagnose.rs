use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use pool_core::{Kind, Provider, time};
use pool_watchdog::{Diagnosis, Residency, tail_of_log};
use serde::Serialize;

use crate::context;
use crate::error::CommandError;
use crate::exit;
use crate::output::{self, JSON_VERSION};
use crate::render::{printable, when};
use crate::told::Told;
use crate::watchdog::args::{DiagnoseArgs, GlobalArgs};

/// Says what went wrong with a worker. Changes nothing, and never goes to the network.
pub(crate) fn run(global: &GlobalArgs, args: &DiagnoseArgs) -> Result<ExitCode, CommandError> {
    let now = args.now.unwrap_or_else(context::system_time);
    let log = read(&args.log)?;
    let watchdog = global.watchdog_or_default()?;
    let (diagnosis, next) = watchdog.diagnose(&log, args.profile.as_deref(), now);
    if global.json {
        output::print_json(&Diagnosed::new(&diagnosis, next.as_deref()))?;
    } else {
        output::print(&text(&diagnosis, next.as_deref(), now))?;
    }
    Ok(ExitCode::from(exit::DONE))
}

/// So much of the end of a file is read: the last attempt is there.
const LOG_TAIL: u64 = 4 * 1024 * 1024;

/// A log; of a long file its end.
fn read(path: &Path) -> Result<String, CommandError> {
    let length = std::fs::metadata(path).map(|metadata| metadata.len());
    if path == Path::new("-") || length.is_err() {
        return Ok(Told::read(path)?.text().into_owned());
    }
    let failed = |source| CommandError::Told { place: path.display().to_string(), source };
    let log = tail_of_log(path, LOG_TAIL).map_err(failed)?;
    if length.is_ok_and(|length| length > LOG_TAIL) {
        let place = path.display();
        output::print_warning(&format!(
            "only the last 4 MiB of {place} were read; lines are counted from there"
        ));
    }
    Ok(log.unwrap_or_default())
}

/// A diagnosis as JSON.
#[derive(Serialize)]
struct Diagnosed<'a> {
    version: u32,
    cause: &'static str,
    meaning: &'static str,
    says: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    residency: Option<Region<'a>>,
    skills: &'a [String],
    asides: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

/// The header that is missing.
#[derive(Serialize)]
struct Region<'a> {
    header: &'static str,
    claim: &'static str,
    value: &'a str,
}

impl<'a> Diagnosed<'a> {
    fn new(diagnosis: &'a Diagnosis, next: Option<&'a str>) -> Self {
        let region = |residency: &'a Residency| Region {
            header: Residency::HEADER,
            claim: residency.claim,
            value: &residency.value,
        };
        Self {
            version: JSON_VERSION,
            cause: diagnosis.cause.as_str(),
            meaning: diagnosis.cause.meaning(),
            says: &diagnosis.says,
            line: diagnosis.line,
            provider: diagnosis.provider.as_ref().map(Provider::as_str),
            model: diagnosis.model.as_deref(),
            kind: diagnosis.kind.map(Kind::as_str),
            until: diagnosis.until.map(time::format),
            residency: diagnosis.residency.as_ref().map(region),
            skills: &diagnosis.skills,
            asides: &diagnosis.asides,
            next,
        }
    }
}

fn text(diagnosis: &Diagnosis, next: Option<&str>, now: DateTime<Utc>) -> String {
    let mut text = format!("{}: {}\n", diagnosis.cause, diagnosis.cause.meaning());
    let mut say = |name: &str, what: &str| text += &format!("  {name:<10} {}\n", printable(what));
    if !diagnosis.says.is_empty() {
        let place = diagnosis.line.map_or_else(|| "the board".to_owned(), |line| format!("line {line}"));
        say(&place, &diagnosis.says);
    }
    let provider = diagnosis.provider.as_ref().map(Provider::as_str);
    let model = diagnosis.model.as_deref();
    for (name, what) in [("provider", provider), ("model", model), ("kind", diagnosis.kind.map(Kind::as_str))]
    {
        if let Some(what) = what {
            say(name, what);
        }
    }
    if let Some(until) = diagnosis.until {
        say("until", &format!("{} ({})", time::format(until), when(until, now)));
    }
    for skill in &diagnosis.skills {
        say("skill", skill);
    }
    for aside in &diagnosis.asides {
        say("besides", aside);
    }
    if let Some(next) = next {
        say("next", next);
    }
    text
}
