//! The watchdog's hands on the board of a real Hermes.

use crate::hermes_board::HermesBoard;

#[test]
fn a_worker_of_the_real_board_does_what_its_test_wrote() {
    let Some(board) = HermesBoard::start() else { return };
    let (folder, there) = board.workspace("report");
    let (_, elsewhere) = board.workspace("nothing");
    let closes = board.create("Closes itself", &[&there]);
    let leaves = board.create("Ends, and closes nothing", &["--max-retries", "1", &elsewhere]);
    board.workers_of(
        &closes,
        "echo found > \"$workspace/final.md\"\nhermes kanban complete \"$task\" --summary found",
    );
    board.workers_of("any", "echo I am done.");
    let dispatcher = board.dispatcher();
    board.wait_until_status(&closes, "done");
    board.wait_until_event(&leaves, "gave_up", 1);
    drop(dispatcher);
    assert_eq!(std::fs::read_to_string(folder.join("final.md")).unwrap(), "found\n");
    assert_eq!(board.events(&leaves), ["created", "claimed", "spawned", "protocol_violation", "gave_up"]);
    assert!(board.said().contains("I am done."));
    assert_eq!([board.status(&leaves), board.status("t_nobody")], ["blocked", ""]);
}
