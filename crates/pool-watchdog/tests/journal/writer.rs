//! A process that writes into a journal until it is done or killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pool_watchdog::{Entry, Journal, What};

use crate::story::{BOARD, at};

const FOLDER: &str = "WRITER_FOLDER";
const NAME: &str = "WRITER_NAME";
const ENTRIES: &str = "WRITER_ENTRIES";

/// Not a test: what the processes of the tests do. It adds entries, each with its name and number, and tells each that is kept.
#[test]
#[ignore = "runs in processes of other tests"]
fn writes() {
    let (Ok(folder), Ok(name), Ok(entries)) =
        (std::env::var(FOLDER), std::env::var(NAME), std::env::var(ENTRIES))
    else {
        return;
    };
    let mut journal = Journal::open(Path::new(&folder));
    for number in 0..entries.parse::<usize>().unwrap() {
        journal
            .append(&Entry::new(at(0), BOARD, Some(&name), What::Noted { says: number.to_string() }))
            .unwrap();
        journal.publish().unwrap();
        // The lines of the test harness stand between ours.
        println!("\nkept {number}");
        std::io::stdout().flush().unwrap();
    }
}

pub(crate) fn start(folder: &Path, name: &str, entries: usize) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "writer::writes", "--ignored", "--nocapture"]);
    command.env(FOLDER, folder).env(NAME, name).env(ENTRIES, entries.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

/// The numbers that a process has told to be kept, as they come.
pub(crate) fn kept(process: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.filter_map(|line| line.strip_prefix("kept ").map(str::to_owned))
}
