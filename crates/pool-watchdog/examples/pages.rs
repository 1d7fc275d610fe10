//! Makes the pages of some journals, to look at: `cargo run -p pool-watchdog --example pages -- FOLDER`.
//!
//! An empty journal, a bad afternoon, a board of 1,000 tasks, and the same afternoon within a page of somebody else.

#[path = "../tests/journal/story.rs"]
mod story;

use std::error::Error;
use std::path::{Path, PathBuf};

use pool_watchdog::{Entry, Journal, PageKind};

const FOREIGN: &str = include_str!("../tests/journal/foreign.html");

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("which folder?")?;
    make(&folder.join("empty"), &[], None)?;
    make(&folder.join("typical"), &story::story(), None)?;
    make(&folder.join("thousand"), &story::crowd(1_000), None)?;
    make(&folder.join("foreign"), &story::story(), Some(FOREIGN))
}

#[expect(
    clippy::disallowed_methods,
    reason = "it makes the page of somebody else, and the journal of an afternoon at once"
)]
fn make(state: &Path, entries: &[Entry], foreign: Option<&str>) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(state)?;
    let mut journal = Journal::open(state);
    if let Some(page) = foreign {
        std::fs::write(journal.page(PageKind::Html), page)?;
    }
    let lines = entries.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    std::fs::write(journal.path(), lines.iter().map(|line| format!("{line}\n")).collect::<String>())?;
    journal.publish()?;
    Ok(())
}
