//! The watchdog's hands on the board of a real Hermes.

use std::time::Duration;

use pool_watchdog::{BlockKind, BlockedBy, Board, BoardError, Life, Status, Task, TaskId, Verb};
use serde_json::json;

use crate::hermes_board::HermesBoard;

const TTL: Duration = Duration::from_mins(10);

fn complete() -> Verb {
    Verb::Complete { summary: "--all of it is there".to_owned(), metadata: json!({"recovered_by": "test"}) }
}

fn block(kind: BlockKind) -> Verb {
    Verb::Block { kind, reason: "-x final.md is missing".to_owned() }
}

fn hold() -> Verb {
    Verb::Hold { ttl: TTL, reason: "to make final.md".to_owned() }
}

fn comment() -> Verb {
    Verb::Comment { text: "-- looked at it, key sk-or-v1-0123456789abcdef".to_owned() }
}

fn unblock() -> Verb {
    Verb::Unblock { reason: "-- once more".to_owned() }
}

fn release() -> Verb {
    Verb::Release { reason: "stopped".to_owned() }
}

#[track_caller]
fn task(board: &Board, id: &str) -> Task {
    board.task(&TaskId::new(id).unwrap()).unwrap().unwrap()
}

/// Does it to the task as it is now.
#[track_caller]
fn act(board: &Board, id: &str, verb: &Verb) -> Task {
    board.act(&task(board, id), verb).unwrap_or_else(|error| panic!("{error}"))
}

/// A task that the board has given up, after its worker ended and closed nothing.
fn given_up(board: &HermesBoard, name: &str) -> String {
    let (_, there) = board.workspace(name);
    let id = board.create(name, &["--max-retries", "1", &there]);
    let _dispatcher = board.dispatcher();
    board.wait_until_event(&id, "gave_up", 1);
    id
}

#[test]
fn a_worker_of_the_real_board_does_what_its_test_wrote() {
    let Some(hermes) = HermesBoard::start() else { return };
    let (folder, there) = hermes.workspace("report");
    let (_, elsewhere) = hermes.workspace("nothing");
    let closes = hermes.create("Closes itself", &[&there]);
    let leaves = hermes.create("Ends, and closes nothing", &["--max-retries", "1", &elsewhere]);
    hermes.workers_of(
        &closes,
        "echo found > \"$workspace/final.md\"\nhermes kanban complete \"$task\" --summary found",
    );
    hermes.workers_of("any", "echo I am done.");
    let dispatcher = hermes.dispatcher();
    hermes.wait_until_status(&closes, "done");
    hermes.wait_until_event(&leaves, "gave_up", 1);
    drop(dispatcher);
    assert_eq!(std::fs::read_to_string(folder.join("final.md")).unwrap(), "found\n");
    assert_eq!(hermes.events(&leaves), ["created", "claimed", "spawned", "protocol_violation", "gave_up"]);
    assert_eq!([hermes.status(&leaves), hermes.status("t_nobody")], ["blocked", ""]);

    let board = hermes.board();
    let log = board.log_tail(&TaskId::new(leaves.as_str()).unwrap(), 1000).unwrap();
    assert_eq!(log, Some(format!("Query: work kanban task {leaves}\nI am done.\n")));
}

#[test]
fn every_verb_is_proved_on_a_real_board() {
    let Some(hermes) = HermesBoard::start() else { return };
    let board = hermes.board();
    let [one, two, three] = ["one", "two", "three"].map(|name| {
        let (_, there) = hermes.workspace(name);
        hermes.create(name, &[&there])
    });
    let child = hermes.create("child", &["--parent", &one]);

    // From ready, over every verb, to done.
    let said = act(&board, &one, &comment());
    assert_eq!(said.comments[0].author, "pool-watchdog");
    assert_eq!(said.comments[0].body, "-- looked at it, key [redacted]");
    let blocked = act(&board, &one, &block(BlockKind::NeedsInput));
    assert_eq!(
        (blocked.block(), blocked.block_kind),
        (Some(BlockedBy::Watchdog), Some(BlockKind::NeedsInput))
    );
    assert_eq!(act(&board, &one, &unblock()).status, Status::Ready);
    let held = act(&board, &one, &hold());
    let claim = held.claim.clone().unwrap();
    assert_eq!((claim.worker, claim.run), (None, held.runs.last().map(|run| run.id)));
    assert_eq!(board.life(&held), Life::NoWorker);
    let released = act(&board, &one, &release());
    assert_eq!((released.status, released.failures()), (Status::Ready, 0));
    act(&board, &one, &hold());
    let done = act(&board, &one, &complete());
    assert_eq!(done.status, Status::Done);
    assert_eq!(hermes.status(&child), "ready");
    let summary = format!("SELECT summary FROM task_runs WHERE task_id = '{one}' AND outcome = 'completed'");
    assert_eq!(hermes.query(&summary), "--all of it is there");

    // A block is held, and the claim that holds it ends in a block of another kind.
    act(&board, &two, &block(BlockKind::Transient));
    let held = act(&board, &two, &hold());
    assert!(held.is_held());
    let blocked = act(&board, &two, &block(BlockKind::Capability));
    assert_eq!(blocked.block(), Some(BlockedBy::Watchdog));
    assert_eq!(blocked.claim, None);

    // A block is completed as it is.
    act(&board, &three, &block(BlockKind::Untyped));
    assert_eq!(act(&board, &three, &complete()).status, Status::Done);
    assert!(
        board
            .act(&task(&board, &three), &complete())
            .is_err_and(|error| matches!(error, BoardError::Unfit { .. }))
    );
}

#[test]
fn a_block_of_the_board_becomes_one_that_says_why() {
    let Some(hermes) = HermesBoard::start() else { return };
    let board = hermes.board();
    let id = given_up(&hermes, "report");
    let before = task(&board, &id);
    assert_eq!((before.block(), before.failures()), (Some(BlockedBy::Board), 1));
    let after = act(&board, &id, &block(BlockKind::NeedsInput));
    assert_eq!((after.block(), after.failures()), (Some(BlockedBy::Watchdog), 1));
    // A person's end of it counts anew; the watchdog's does not.
    hermes.hermes(&["unblock", &id]);
    assert_eq!(task(&board, &id).failures(), 0);
    let again = board.act(&task(&board, &id), &block(BlockKind::NeedsInput)).unwrap_err();
    assert!(matches!(again, BoardError::SecondBlock { .. }), "{again}");
    assert_eq!(hermes.status(&id), "ready");
}

#[test]
fn a_person_s_block_is_known_as_one() {
    let Some(hermes) = HermesBoard::start() else { return };
    let board = hermes.board();
    let id = hermes.create("report", &[]);
    hermes.hermes(&["block", &id, "review-required: look at it"]);
    let reason = Some("review-required: look at it".to_owned());
    assert_eq!(task(&board, &id).block(), Some(BlockedBy::Person { reason }));
}

#[test]
fn a_task_that_moved_on_is_left_alone() {
    let Some(hermes) = HermesBoard::start() else { return };
    let board = hermes.board();
    let id = hermes.create("report", &[]);
    let decided = task(&board, &id);
    hermes.hermes(&["comment", &id, "wait, I look at it myself"]);
    for verb in [complete(), block(BlockKind::NeedsInput), hold(), comment()] {
        let refused = board.act(&decided, &verb).unwrap_err();
        assert!(matches!(refused, BoardError::Moved { .. }), "{refused}");
    }
    assert_eq!(hermes.events(&id), ["created", "commented"]);
    // Somebody's own claim names no worker, and is his all the same.
    hermes.hermes(&["claim", &id]);
    for verb in [complete(), block(BlockKind::NeedsInput), hold(), release()] {
        let refused = board.act(&task(&board, &id), &verb).unwrap_err();
        assert!(matches!(refused, BoardError::Unfit { .. }), "{refused}");
    }
}

#[test]
fn nothing_is_done_over_a_live_worker() {
    let Some(hermes) = HermesBoard::start() else { return };
    let board = hermes.board();
    let (_, there) = hermes.workspace("report");
    let id = hermes.create("report", &["--max-retries", "1", &there]);
    hermes.workers_of(&id, "wait_for \"$folder/go\"");
    let dispatcher = hermes.dispatcher();
    hermes.wait_until_event(&id, "spawned", 1);
    for verb in [complete(), block(BlockKind::NeedsInput), hold()] {
        let refused = board.act(&task(&board, &id), &verb).unwrap_err();
        assert!(matches!(refused, BoardError::LiveWorker { .. }), "{refused}");
    }
    // Without a dispatcher nobody but the watchdog sees that it is gone, and its claim is not taken for a live one.
    drop(dispatcher);
    hermes.write("workers/go", "");
    hermes.wait_until_gone(&id);
    assert!(matches!(board.life(&task(&board, &id)), Life::Gone { .. }));
    let held = act(&board, &id, &hold());
    assert!(held.is_held());
    assert_eq!(act(&board, &id, &complete()).status, Status::Done);
}

#[test]
fn a_claim_holds_off_the_dispatcher() {
    let Some(hermes) = HermesBoard::start() else { return };
    let board = hermes.board();
    hermes.workers_of("any", "hermes kanban complete \"$task\" --summary done");
    let [one, two, short] = ["one", "two", "short"].map(|name| {
        let (_, there) = hermes.workspace(name);
        let id = hermes.create(name, &[&there]);
        act(&board, &id, &block(BlockKind::Transient));
        id
    });
    let _dispatcher = hermes.dispatcher();
    hermes.wait_until_status(&hermes.create("The dispatcher is at work", &[]), "done");
    // Between the end of a block and the claim there is time for a tick, and none comes.
    let held = [&one, &two].map(|id| act(&board, id, &hold()));
    act(&board, &short, &Verb::Hold { ttl: Duration::from_secs(1), reason: "and dies of it".to_owned() });
    // Whoever dies while he holds one gives it back.
    hermes.wait_until_event(&short, "reclaimed", 1);
    hermes.wait_until_status(&short, "done");
    assert_eq!([&one, &two].map(|id| task(&board, id)), held);
    assert_eq!(act(&board, &one, &complete()).status, Status::Done);
    assert_eq!(hermes.events(&one).iter().filter(|kind| *kind == "claimed" || *kind == "spawned").count(), 1);
}

#[test]
fn a_run_that_is_over_closes_nothing() {
    let Some(hermes) = HermesBoard::start() else { return };
    let board = hermes.board();
    let id = hermes.create("report", &[]);
    let run = act(&board, &id, &hold()).claim.unwrap().run.unwrap();
    act(&board, &id, &release());
    let held = act(&board, &id, &hold());
    // A worker of the first claim, which does not know that it was taken from it.
    let mut late = hermes.command(hermes.program());
    late.args(["kanban", "complete", &id, "--summary", "late"]);
    late.env("HERMES_KANBAN_TASK", &id).env("HERMES_KANBAN_RUN_ID", run.to_string());
    assert!(late.output().unwrap().status.success(), "which says nothing");
    assert_eq!(task(&board, &id), held);
}

#[test]
fn another_board_is_another_board() {
    let Some(hermes) = HermesBoard::start() else { return };
    hermes.hermes(&["boards", "create", "acme", "--switch"]);
    let here = hermes.create("on acme, which is the current one", &[]);
    let acme = hermes.board_named("acme");
    let default = hermes.board();
    assert_eq!((default.read().unwrap().len(), acme.read().unwrap().len()), (0, 1));
    assert_eq!(act(&acme, &here, &complete()).status, Status::Done);
    hermes.hermes(&["boards", "switch", "default"]);
    let there = hermes.create("on the default board", &[]);
    assert_eq!(act(&default, &there, &block(BlockKind::NeedsInput)).status, Status::Blocked);
    assert_eq!(acme.read().unwrap().len(), 1);
}

#[test]
fn a_completion_leaves_the_children_ready_and_dispatch_starts_them() {
    let Some(hermes) = HermesBoard::start() else { return };
    let board = hermes.board();
    let parent = hermes.create("parent", &[]);
    let child = hermes.create("child", &["--parent", &parent]);
    hermes.workers_of("any", "hermes kanban complete \"$task\" --summary done");
    assert_eq!(board.task(&TaskId::new(child.as_str()).unwrap()).unwrap().unwrap().status, Status::Todo);
    act(&board, &parent, &complete());
    assert_eq!(board.dispatch().unwrap(), [TaskId::new(child.as_str()).unwrap()]);
    hermes.wait_until_status(&child, "done");
}

#[test]
fn a_scratch_workspace_goes_with_the_last_child() {
    let Some(hermes) = HermesBoard::start() else { return };
    let board = hermes.board();
    let parent = hermes.create("parent", &[]);
    let child = hermes.create("child", &["--parent", &parent]);
    let held = act(&board, &parent, &hold());
    let folder = held.workspace.path().unwrap().to_owned();
    hermes.write_into(&folder, "final.md", "found");
    let missing = json!({"artifacts": [folder.join("final.html")]});
    let refused = Verb::Complete { summary: "done".to_owned(), metadata: missing };
    let refused = board.act(&held, &refused).unwrap_err();
    assert!(refused.to_string().contains("declared scratch artifact is unavailable"), "{refused}");
    let there = json!({"artifacts": [folder.join("final.md")]});
    act(&board, &parent, &Verb::Complete { summary: "done".to_owned(), metadata: there });
    assert!(folder.join("final.md").exists(), "a child may still read it");
    act(&board, &child, &complete());
    assert!(!folder.exists());
    let kept = hermes.home().join(format!("kanban/attachments/{parent}/final.md"));
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "found");
}
