use std::process::ExitCode;

use pool_watchdog::{Check, CheckState, Preflight, Repaired};
use serde::Serialize;

use crate::context::system_time;
use crate::error::CommandError;
use crate::exit;
use crate::output::{self, JSON_VERSION};
use crate::render::printable;
use crate::watchdog::args::{GlobalArgs, PreflightArgs};

/// Says whether the workers of a profile can work, after what can be repaired was, where that is wanted.
pub(crate) fn run(global: &GlobalArgs, args: &PreflightArgs) -> Result<ExitCode, CommandError> {
    let watchdog = global.watchdog_or_default()?;
    let (repaired, found) = if args.fix {
        watchdog.mend(&args.profile, system_time())
    } else {
        (Vec::new(), watchdog.preflight(&args.profile, system_time()))
    };
    if global.json {
        output::print_json(&Answer::of(&found, &repaired))?;
    } else {
        output::print(&text(&found, &repaired, args.fix))?;
    }
    Ok(ExitCode::from(if found.is_ok() { exit::DONE } else { exit::FAILED }))
}

/// What was found, as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    profile: &'a str,
    ok: bool,
    repaired: &'a [Repaired],
    checks: &'a [Check],
}

impl<'a> Answer<'a> {
    fn of(found: &'a Preflight, repaired: &'a [Repaired]) -> Self {
        let Preflight { profile, checks, .. } = found;
        Self { version: JSON_VERSION, profile, ok: found.is_ok(), repaired, checks }
    }
}

fn text(found: &Preflight, repaired: &[Repaired], is_fixed: bool) -> String {
    let mut text = String::new();
    let mut say = |line: std::fmt::Arguments<'_>| text += &format!("{line}\n");
    for Repaired { done, says, .. } in repaired {
        let how = if *done { "repaired" } else { "NOT REPAIRED" };
        say(format_args!("{how}: {}", printable(says)));
    }
    for check in &found.checks {
        let state = match check.state {
            CheckState::Broken => "BROKEN",
            state => state.as_str(),
        };
        say(format_args!("{state:<6}  {:<14}  {}", check.name, printable(&check.found)));
        if let Some(next) = &check.instruction {
            say(format_args!("{:<24}next: {}", "", printable(next)));
        }
    }
    if !is_fixed && found.fixes().next().is_some() {
        say(format_args!(
            "`pool-watchdog preflight {} --fix` repairs what it can",
            printable(&found.profile)
        ));
    }
    text
}
