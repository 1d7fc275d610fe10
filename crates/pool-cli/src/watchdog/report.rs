use std::process::ExitCode;

use pool_watchdog::{Card, Decided, JournalState, PageKind, WatchError, markdown};
use serde::Serialize;

use crate::error::CommandError;
use crate::exit;
use crate::output::{self, JSON_VERSION};
use crate::render::printable;
use crate::watchdog::args::GlobalArgs;

/// Shows what the journal says, and brings its pages up to date.
pub(crate) fn run(global: &GlobalArgs) -> Result<ExitCode, CommandError> {
    let watchdog = global.watchdog()?;
    let mut journal = watchdog.journal();
    journal.publish().map_err(WatchError::from)?;
    let pages: Vec<String> = PageKind::ALL.map(|kind| journal.page(kind).display().to_string()).to_vec();
    let state = journal.state().map_err(WatchError::from)?;
    if global.json {
        output::print_json(&Report::of(&watchdog.settings().boards, state, &pages))?;
    } else {
        let text: Vec<String> = markdown(state).lines().map(printable).collect();
        output::print(&format!("{}\n", text.join("\n")))?;
        output::print_note(&format!("written to {}", pages.join(" and ")));
    }
    Ok(ExitCode::from(exit::DONE))
}

/// What the journal says, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    pages: &'a [String],
    boards: Vec<BoardReport<'a>>,
}

#[derive(Serialize)]
struct BoardReport<'a> {
    board: &'a str,
    tasks: Vec<TaskReport<'a>>,
}

#[derive(Serialize)]
struct TaskReport<'a> {
    #[serde(flatten)]
    card: &'a Card,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<&'a Decided>,
}

impl<'a> Report<'a> {
    fn of(boards: &'a [String], state: &'a JournalState, pages: &'a [String]) -> Self {
        let board = |board: &'a String| {
            let task = |card: &'a Card| TaskReport { card, decided: state.latest_decision(board, &card.id) };
            BoardReport { board, tasks: state.cards(board).map(task).collect() }
        };
        Self { version: JSON_VERSION, pages, boards: boards.iter().map(board).collect() }
    }
}
