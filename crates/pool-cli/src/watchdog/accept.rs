use std::path::Path;
use std::process::ExitCode;

use pool_core::mask_keys;
use pool_watchdog::{Acceptance, Accepted, Sheet};
use serde::Serialize;

use crate::context::system_time;
use crate::error::CommandError;
use crate::exit;
use crate::output::{self, JSON_VERSION};
use crate::render::printable;
use crate::watchdog::args::{AcceptArgs, GlobalArgs};
use crate::watchdog::matrix;

/// Says whether a task has delivered. Changes nothing.
pub(crate) fn run(global: &GlobalArgs, args: &AcceptArgs) -> Result<ExitCode, CommandError> {
    let accepted = global.watchdog()?.accept(&args.task, system_time())?;
    if global.json {
        output::print_json(&Answer::of(&accepted))?;
    } else {
        output::print(&text(&accepted))?;
    }
    let is_accepted = accepted.acceptance.as_ref().is_some_and(Acceptance::is_accepted);
    Ok(ExitCode::from(if is_accepted { exit::DONE } else { exit::FAILED }))
}

/// What the rules found, as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    board: &'a str,
    task: &'a str,
    title: &'a str,
    status: &'static str,
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<String>,
    /// What the rule found; none where no rule is for this task.
    #[serde(skip_serializing_if = "Option::is_none")]
    acceptance: Option<Sheet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<'a> Answer<'a> {
    fn of(accepted: &'a Accepted) -> Self {
        let Accepted { board, task, acceptance, next, .. } = accepted;
        Self {
            version: JSON_VERSION,
            board,
            task: task.id.as_str(),
            title: &task.title,
            status: task.status.as_str(),
            accepted: acceptance.as_ref().is_some_and(Acceptance::is_accepted),
            workspace: acceptance.as_ref().map(|acceptance| shown(&acceptance.workspace)),
            acceptance: acceptance.as_ref().map(Sheet::of),
            next: next.as_deref().map(mask_keys),
        }
    }
}

/// A path, which may be named after a title that somebody put a key into.
fn shown(path: &Path) -> String {
    mask_keys(&path.display().to_string())
}

fn text(accepted: &Accepted) -> String {
    let Accepted { task, acceptance, next, .. } = accepted;
    let mut text = format!("{} ({}) {}\n", task.id, task.status, printable(&task.title));
    let mut say = |line: std::fmt::Arguments<'_>| text += &format!("{line}\n");
    match acceptance {
        None => say(format_args!("no rule says what it has to deliver")),
        Some(acceptance) => {
            say(format_args!(
                "rule {}, in {}",
                printable(&acceptance.rule),
                printable(&shown(&acceptance.workspace))
            ));
            for matrix in acceptance.matrices.iter().map(matrix::table).filter(|table| !table.is_empty()) {
                say(format_args!("\n{}", matrix.trim_end()));
            }
            if acceptance.is_accepted() {
                say(format_args!("\naccepted: all that it has to deliver is there"));
            } else {
                say(format_args!("\nmissing:"));
                for finding in &acceptance.findings {
                    say(format_args!("  {}", printable(&finding.to_string())));
                }
            }
        }
    }
    if let Some(next) = next {
        say(format_args!("\nnext: {}", printable(&mask_keys(next))));
    }
    text
}
