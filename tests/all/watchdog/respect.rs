//! Whom the watchdog leaves alone: live workers, and whoever blocked a task.

use super::{NOTE, Watched, wait_for};

/// A worker that writes all that is asked of it, and goes on until it is told to end.
const LINGERS: &str =
    "printf '# Note\\n\\nFound.\\n' > \"$workspace/note.md\"; wait_for \"$folder/go\"; rm \"$folder/go\"";

#[test]
fn a_live_worker_is_not_completed_over_and_the_board_sees_its_end() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.report("Note of a live worker", &["--max-retries", "1"]);
    watched.board.workers_of(&task, LINGERS);
    let dispatcher = watched.board.dispatcher();
    wait_for(&folder.join("note.md"));
    for _ in 0..2 {
        watched.round();
    }
    assert_eq!((watched.board.status(&task).as_str(), watched.actions(&task)), ("running", vec![]));
    assert_eq!(watched.rows(&task), ["working"]);
    watched.board.write("workers/go", "");
    watched.board.wait_until_event(&task, "gave_up", 1);
    drop(dispatcher);
    watched.round();
    assert_eq!(watched.board.status(&task), "done");
    assert_eq!(watched.count(&task, "completed"), 1);
}

#[test]
fn a_worker_whose_end_nobody_saw_is_completed_once_it_is_gone() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.report("Note of an orphan", &[]);
    watched.board.workers_of(&task, LINGERS);
    let dispatcher = watched.board.dispatcher();
    wait_for(&folder.join("note.md"));
    drop(dispatcher);
    watched.round();
    assert_eq!((watched.board.status(&task).as_str(), watched.actions(&task)), ("running", vec![]));
    watched.board.write("workers/go", "");
    watched.board.wait_until_gone(&task);
    watched.round();
    assert_eq!(watched.board.status(&task), "done");
    assert_eq!(watched.actions(&task), ["complete", "dispatch"]);
}

#[test]
fn a_block_of_a_person_stays_unless_the_policy_ends_it() {
    let Some(watched) = Watched::start() else { return };
    let blocked = |kind: &str| {
        let (task, folder) = watched.report(&format!("Note {kind}"), &[]);
        watched.deliver(&folder, "note.md", NOTE);
        let typed = if kind == "untyped" { vec![] } else { vec!["--kind", kind] };
        watched.board.hermes(&[vec!["block"], typed, vec![&task, "wait for me"]].concat());
        assert_eq!(watched.board.status(&task), "blocked", "{kind}");
        task
    };
    let tasks = ["needs_input", "transient", "untyped"].map(blocked);
    for _ in 0..2 {
        watched.round();
    }
    for task in &tasks {
        assert_eq!((watched.board.status(task).as_str(), watched.actions(task)), ("blocked", vec![]));
        assert_eq!((watched.rows(task), watched.comments(task)), (vec!["theirs".to_owned()], "0".to_owned()));
        let next = watched.decision(task)["next"].to_string();
        assert!(next.contains(&format!("hermes kanban complete {task}")), "{next}");
    }
    watched.settle("", "ends_blocks_of = [\"transient\"]");
    watched.round();
    assert_eq!(tasks.each_ref().map(|task| watched.board.status(task)), ["blocked", "done", "blocked"]);
}

#[test]
fn a_block_of_a_worker_is_that_of_a_person() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.report("Note with a question", &[]);
    watched.deliver(&folder, "note.md", NOTE);
    watched.board.workers_of(&task, "hermes kanban block --kind needs_input \"$task\" 'Which of them?'");
    let dispatcher = watched.board.dispatcher();
    watched.board.wait_until_status(&task, "blocked");
    drop(dispatcher);
    watched.round();
    assert_eq!((watched.board.status(&task).as_str(), watched.actions(&task)), ("blocked", vec![]));
    assert_eq!(watched.rows(&task), ["theirs"]);
}

#[test]
fn a_second_block_of_a_kind_is_one_comment() {
    let Some(watched) = Watched::start() else { return };
    let (task, _) = watched.failed("Note that never comes", "echo I have no idea.");
    watched.round();
    assert_eq!(
        (watched.board.status(&task).as_str(), watched.actions(&task)),
        ("blocked", vec!["block".to_owned()])
    );
    watched.board.hermes(&["unblock", &task]);
    watched.until_given_up(&task);
    for _ in 0..3 {
        watched.round();
    }
    assert_eq!(watched.actions(&task), ["block", "comment"]);
    // Of its own comments: why it ended the block of the board, why it blocked, and what is missing again.
    assert_eq!((watched.count(&task, "blocked"), watched.comments(&task).as_str()), (1, "3"));
    assert_eq!(watched.board.status(&task), "blocked");
    watched.nothing_is_in_triage();
}
