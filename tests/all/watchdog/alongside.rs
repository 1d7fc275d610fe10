//! The command beside others: what it prints, who holds its lock, and what it never touches.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::{NOTE, Running, Watched, said};
use crate::photo::Photo;

#[test]
fn a_rehearsal_changes_and_writes_nothing() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.failed("Note to be completed", "echo I am done.");
    watched.deliver(&folder, "note.md", NOTE);
    let (lacking, _) = watched.failed("Note to be blocked", "echo I am done.");
    let before = Photo::of(watched.board.path());
    let output = watched.watchdog(&["run", "--dry-run"]);
    let words = said(&output);
    assert!(output.status.success(), "{words}");
    assert!(words.contains(&format!("{task} complete (delivered)")), "{words}");
    assert!(words.contains(&format!("{lacking} block (lacking)")), "{words}");
    let after = Photo::of(watched.board.path());
    let (before, after) = (before.without_sidecars(), after.without_sidecars());
    assert!(before == after, "{before:?}\n{after:?}");
    // It told the truth.
    watched.round();
    assert_eq!([&task, &lacking].map(|task| watched.actions(task)[0].clone()), ["complete", "block"]);
}

#[test]
fn each_line_for_programs_is_json() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.failed("Note \u{1b}[31m\"of\" all", "echo I am done.");
    watched.deliver(&folder, "note.md", NOTE);
    for words in [["run", "--dry-run", "--json"], ["run", "--once", "--json"]] {
        let output = watched.watchdog(&words);
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(
            entries.iter().any(|entry| entry["task"] == task.as_str() && entry["action"] == "complete"),
            "{text}"
        );
    }
    for words in
        [["report", "--json"].as_slice(), &["accept", &task, "--json"], &["preflight", "worker1", "--json"]]
    {
        let output = watched.watchdog(words);
        let parsed: Result<Value, _> = serde_json::from_slice(&output.stdout);
        assert!(parsed.is_ok(), "{words:?}: {}", said(&output));
    }
}

#[test]
fn another_watchdog_is_told_who_is_at_it() {
    let Some(watched) = Watched::start() else { return };
    let held = watched.board.board().lock(Duration::ZERO).unwrap();
    let output = watched.watchdog(&["run", "--once"]);
    drop(held);
    let words = said(&output);
    assert!(!output.status.success(), "{words}");
    assert!(words.contains(&std::process::id().to_string()), "{words}");
    watched.round();
}

#[test]
fn a_board_that_is_away_for_a_while_is_looked_after_when_it_is_back() {
    let boards = "boards = [\"later\"]\n";
    let Some(watched) = Watched::start_with(boards, "backoff = \"1s\"") else { return };
    let mut command = watched.command(&["run", "--interval", "1s"]);
    let mut watchdog = Running(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let mut complaints = BufReader::new(watchdog.0.stderr.take().unwrap()).lines();
    let complaint = complaints.next().unwrap().unwrap();
    assert!(complaint.contains("later"), "{complaint}");
    watched.board.hermes(&["boards", "create", "later"]);
    let (folder, flag) = watched.board.workspace("later");
    watched.deliver(&folder, "note.md", NOTE);
    let made = watched.board.hermes(&[
        "--board",
        "later",
        "create",
        "Note for later",
        "--assignee",
        "worker1",
        "--json",
        &flag,
    ]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let task = made["id"].as_str().unwrap();
    let begun = std::time::Instant::now();
    while !watched.page("PROJECT_STATE.md").contains(task) {
        assert!(begun.elapsed() < crate::hermes_board::PATIENCE, "it is not looked after");
        std::thread::sleep(Duration::from_millis(50));
    }
}
