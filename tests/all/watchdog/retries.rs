//! What passes: another run, later, and not for ever.

use chrono::{DateTime, Utc};

use super::{CLOSES, Watched};

const TIMEOUT: &str = include_str!("../../../crates/pool-watchdog/tests/logs/timeout.log");

#[test]
fn a_long_backoff_is_waited_for() {
    let Some(watched) = Watched::start_with("", "backoff = \"1h\"") else { return };
    let script = watched.ends_with(TIMEOUT);
    let (task, _) = watched.failed("Note that timed out", &script);
    let ended: i64 = watched
        .board
        .query(&format!("SELECT ended_at FROM task_runs WHERE task_id = '{task}'"))
        .parse()
        .unwrap();
    for _ in 0..2 {
        watched.round();
    }
    assert_eq!((watched.actions(&task), watched.rows(&task)), (vec![], vec!["backs_off".to_owned()]));
    let until: DateTime<Utc> = serde_json::from_value(watched.decision(&task)["until"].clone()).unwrap();
    let waits = until.timestamp() - ended;
    assert!((3600..=5400).contains(&waits), "{waits} s");
    assert_eq!(watched.board.status(&task), "blocked");
}

#[test]
fn what_timed_out_runs_again_and_may_go_well() {
    let Some(watched) = Watched::start() else { return };
    let fails = watched.ends_with(TIMEOUT);
    let script = format!(
        "if [ -e \"$workspace/again\" ]; then {CLOSES}; else touch \"$workspace/again\"; {fails}; fi"
    );
    let (task, _) = watched.failed("Note that comes later", &script);
    watched.rounds_until(&task, "ready");
    let dispatcher = watched.board.dispatcher();
    watched.board.wait_until_status(&task, "done");
    drop(dispatcher);
    assert_eq!(watched.actions(&task), ["retry"]);
}

#[test]
fn the_reruns_of_the_board_count() {
    let Some(watched) = Watched::start_with("", "backoff = \"1s\"\nretries = 1") else { return };
    // A run that ends well would be tried once more after the board gave up.
    let script = format!("{}; exit 1", watched.ends_with(TIMEOUT));
    let (task, _) = watched.report("Note that never comes", &["--max-retries", "2"]);
    watched.board.workers_of(&task, &script);
    let dispatcher = watched.board.dispatcher();
    watched.board.wait_until(&format!("SELECT status = 'blocked' AND (SELECT count(*) FROM task_runs WHERE task_id = '{task}') >= 2 FROM tasks WHERE id = '{task}'"), "1");
    drop(dispatcher);
    let runs = watched.count(&task, "spawned");
    watched.round();
    assert_eq!(watched.actions(&task), ["block"], "after {runs} runs of the board");
    assert_eq!(watched.board.status(&task), "blocked");
}
