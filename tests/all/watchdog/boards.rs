//! Queues in which nothing is ready, and several boards.

use super::{CLOSES, NOTE, Watched, said};

#[test]
fn a_queue_goes_on_from_its_blocked_root() {
    let Some(watched) = Watched::start() else { return };
    let (root, folder) = watched.failed("Note at the root", "echo I am done.");
    let child = watched.board.create("Publish it", &["--parent", &root]);
    let grandchild = watched.board.create("Tell of it", &["--parent", &child]);
    watched.board.workers_of("any", CLOSES);
    watched.round();
    assert_eq!(watched.board.status(&root), "blocked", "nothing is there yet");
    assert!(watched.page("PROJECT_STATE.md").contains(&format!("waiting for {root} (blocked)")));
    assert!(watched.page("PROJECT_STATE.html").contains(&format!("waiting for {root} (blocked)")));
    watched.deliver(&folder, "note.md", NOTE);
    watched.round();
    assert_eq!(watched.board.status(&root), "done");
    // Nobody but the watchdog has called the dispatcher.
    watched.board.wait_until_status(&child, "done");
    watched.board.wait_until_status(&grandchild, "ready");
}

#[test]
fn a_board_that_is_missing_does_not_keep_the_others_waiting() {
    let boards = "boards = [\"missing\", \"default\"]\n";
    let Some(watched) = Watched::start_with(boards, "backoff = \"1s\"") else { return };
    let (task, folder) = watched.failed("Note on a board", "echo I am done.");
    watched.deliver(&folder, "note.md", NOTE);
    let output = watched.watchdog(&["run", "--once"]);
    assert_eq!(output.status.code(), Some(1));
    let words = said(&output);
    assert!(words.contains("missing") && words.contains("kanban/boards/missing"), "{words}");
    assert_eq!(watched.board.status(&task), "done", "{words}");
    assert!(watched.page("PROJECT_STATE.md").contains(&task), "its page is written all the same");
}

#[test]
fn two_boards_are_looked_after() {
    let boards = "boards = [\"default\", \"other\"]\n";
    let Some(watched) = Watched::start_with(boards, "backoff = \"1s\"") else { return };
    watched.board.hermes(&["boards", "create", "other"]);
    let (task, folder) = watched.failed("Note on a board", "echo I am done.");
    watched.deliver(&folder, "note.md", NOTE);
    let (there, flag) = watched.board.workspace("elsewhere");
    let made = watched.board.hermes(&[
        "--board",
        "other",
        "create",
        "Note elsewhere",
        "--assignee",
        "worker1",
        "--json",
        &flag,
    ]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let elsewhere = made["id"].as_str().unwrap();
    watched.board.hermes(&["--board", "other", "block", elsewhere, "wait for me"]);
    watched.deliver(&there, "note.md", NOTE);
    watched.round();
    assert_eq!(watched.board.status(&task), "done");
    assert_eq!(watched.rows(elsewhere), ["theirs"]);
    assert!(watched.entries(elsewhere).iter().all(|entry| entry["board"] == "other"));
}

#[test]
fn a_task_that_nobody_starts_says_so() {
    let Some(watched) = Watched::start() else { return };
    let nobody = watched.board.create("Note of nobody", &["--assignee", "somebody-else"]);
    watched.round();
    assert_eq!(watched.rows(&nobody), ["stranded"]);
    assert!(watched.page("PROJECT_STATE.md").contains("hermes profile create somebody-else"));
    std::fs::create_dir_all(watched.board.home().join("profiles/somebody-else")).unwrap();
    watched.round();
    assert_eq!(watched.rows(&nobody), ["stranded", "fresh"]);
}
