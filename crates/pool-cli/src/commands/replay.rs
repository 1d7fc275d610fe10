use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use pool_store::Store as _;

use crate::args::ReplayArgs;
use crate::context::Context;
use crate::error::CommandError;
use crate::events::Event;
use crate::output;
use crate::replay::Replay;

/// Runs recorded events through a copy of the pool. Writes nothing.
pub(crate) fn run(context: &Context, args: &ReplayArgs) -> Result<ExitCode, CommandError> {
    let events = read_events(&args.events)?;
    // What is on disk is read as of the first event: that is when the virtual clock starts.
    let start = events.first().map_or(context.now, |event| event.at);
    let loaded = context.store.load(None, start)?;
    let pools = loaded.map(|loaded| loaded.pools).unwrap_or_default();
    let mut replay = Replay::new(pools, args.strategy.strategy.into());
    for event in &events {
        let answer = replay.step(event);
        if context.json {
            output::print_json(&answer)?;
        } else {
            output::print(&answer.words(event))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read_events(path: &Path) -> Result<Vec<Event>, CommandError> {
    let source: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file =
            File::open(path).map_err(|source| CommandError::Events { path: path.to_owned(), source })?;
        Box::new(BufReader::new(file))
    };
    let mut events = Vec::new();
    for (line, text) in (1..).zip(source.lines()) {
        let text = text.map_err(|source| CommandError::Events { path: path.to_owned(), source })?;
        if !text.trim().is_empty() {
            events.push(Event::read(&text).map_err(|problem| CommandError::Event { line, problem })?);
        }
    }
    Ok(events)
}
