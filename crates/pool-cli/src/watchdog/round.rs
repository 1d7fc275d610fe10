use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use pool_core::time;
use pool_watchdog::{Decided, Entry, What};

use crate::context::system_time;
use crate::error::CommandError;
use crate::exit;
use crate::output;
use crate::render::printable;
use crate::signals::Signals;
use crate::watchdog::args::{GlobalArgs, RunArgs};

/// Watches: one round, or one after another until a signal ends it.
pub(crate) fn run(global: &GlobalArgs, args: &RunArgs) -> Result<ExitCode, CommandError> {
    let watchdog = global.watchdog()?;
    if args.dry_run {
        watchdog.rehearse(system_time(), &mut |entry| tell(entry, global.json, &without_time))?;
        return Ok(ExitCode::from(exit::DONE));
    }
    let mut tell = |entry: &Entry| tell(entry, global.json, &with_time);
    // Before anything else is started: an action that is cut short leaves the board in between.
    let signals = Signals::hold().map_err(|source| CommandError::Signals { source })?;
    let mut journal = watchdog.journal();
    loop {
        let began = Instant::now();
        let result = signals.during("an action", watchdog.longest_action(), || {
            watchdog.round(&mut journal, &system_time, &|| signals.is_caught(), &mut tell)
        });
        signals.obey();
        match result {
            Err(error) if args.once => return Err(error.into()),
            // Whatever it was, a board that is away now may be back the next time.
            Err(error) => output::print_failure(&error.into()),
            Ok(()) => {}
        }
        if args.once {
            return Ok(ExitCode::from(exit::DONE));
        }
        thread::sleep(args.interval.saturating_sub(began.elapsed()));
    }
}

/// Says what was written down, as it is. Whoever listened may be gone: the journal has it.
fn tell(entry: &Entry, json: bool, line: &dyn Fn(&Entry) -> String) {
    drop(if json { output::print_json(entry) } else { output::print(&line(entry)) });
}

fn with_time(entry: &Entry) -> String {
    let line = without_time(entry);
    if line.is_empty() { line } else { format!("{} {line}", time::format(entry.at)) }
}

/// An entry in a line; nothing for what a page shows better.
fn without_time(entry: &Entry) -> String {
    let says = match &entry.what {
        What::Queue { .. } | What::Began { .. } => return String::new(),
        What::Decided(decided) => decided_line(decided),
        What::Ended { action, done: true, says, .. } => format!("done: {action}: {says}"),
        What::Ended { action, cut: true, says, .. } => format!("{action}: {says}"),
        What::Ended { action, says, .. } => format!("NOT DONE: {action}: {says}"),
        What::Noted { says } => says.clone(),
        _ => return String::new(),
    };
    let task = entry.task.as_deref().unwrap_or(&entry.board);
    format!("{} {}\n", printable(task), printable(&says))
}

fn decided_line(decided: &Decided) -> String {
    let Decided { action, row, reason, .. } = decided;
    let until = decided.until.map(|until| format!(", until {}", time::format(until)));
    format!("{action} ({row}): {reason}{}", until.unwrap_or_default())
}
