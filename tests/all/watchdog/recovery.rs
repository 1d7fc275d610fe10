//! What becomes of tasks whose workers failed, from the failure to the end.

use std::path::PathBuf;

use super::{COLLECTS, PAGE, REPORT, Watched};
use crate::hermes_board::PATIENCE;

#[test]
fn finished_but_not_closed_is_completed_and_its_child_runs() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.report("Report on tools", &["--max-retries", "1"]);
    let child = watched.board.create("Publish it", &["--parent", &task]);
    watched.deliver(&folder, "finished.md", REPORT);
    watched.deliver(&folder, "finished.html", PAGE);
    watched.board.workers_of(
        &task,
        &format!("{COLLECTS}cd \"$workspace\"; cp finished.md report.md; cp finished.html report.html; echo All is done."),
    );
    watched.board.workers_of(&child, "hermes kanban complete \"$task\" --summary published");
    watched.until_given_up(&task);
    assert_eq!(watched.board.status(&child), "todo");
    let said = watched.round();
    assert_eq!(watched.board.status(&task), "done", "{said}");
    assert_eq!(watched.actions(&task), ["complete", "dispatch"], "{said}");
    // Nobody but the watchdog has called the dispatcher.
    watched.board.wait_until_status(&child, "done");
    let summary = watched
        .board
        .query(&format!("SELECT metadata FROM task_runs WHERE task_id = '{task}' AND outcome = 'completed'"));
    assert!(summary.contains("pool-watchdog") && summary.contains("report.md"), "{summary}");
    assert!(watched.page("PROJECT_STATE.md").contains(&task));
    assert!(watched.page("PROJECT_STATE.html").contains(&task));
    assert_eq!(watched.round(), "", "a second round has nothing to do");
}

#[test]
fn a_missing_report_is_made_from_the_evidence() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.report("Report on prices", &["--max-retries", "1"]);
    watched.deliver(&folder, "finished.md", REPORT);
    watched.deliver(&folder, "finished.html", PAGE);
    watched.deliver(
        &folder,
        "make.sh",
        "cp finished.md report.md; cp finished.html report.html; echo made >> made.txt",
    );
    watched.board.workers_of(&task, &format!("{COLLECTS}echo I think that is it."));
    watched.until_given_up(&task);
    let said = watched.round();
    assert_eq!(watched.board.status(&task), "done", "{said}");
    assert_eq!(watched.actions(&task), ["make", "complete", "dispatch"], "{said}");
    assert_eq!(
        std::fs::read_to_string(folder.join("made.txt")).unwrap(),
        "made\n",
        "one command is run once"
    );
    let runs = watched
        .board
        .query(&format!("SELECT count(*) FROM task_events WHERE task_id = '{task}' AND kind = 'spawned'"));
    assert_eq!(runs, "1", "nothing is collected twice");
}

#[test]
fn too_little_is_blocked_once_with_the_exact_list() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.report("Report on nothing", &["--max-retries", "1"]);
    watched.deliver(
        &folder,
        "report.md",
        "# Tools\n\n| Tool | Price | Limits |\n|-|-|-|\n| Codex | 20 USD | 5 h |\n",
    );
    watched.board.workers_of(&task, "echo I have no access to the prices.");
    watched.until_given_up(&task);
    for _ in 0..3 {
        watched.round();
    }
    assert_eq!(watched.board.status(&task), "blocked");
    assert_eq!(watched.actions(&task), ["block"]);
    let reason = watched.board.query(&format!(
        "SELECT json_extract(payload, '$.reason') FROM task_events WHERE task_id = '{task}' AND kind = 'blocked'"
    ));
    let folder = folder.display().to_string();
    insta::assert_snapshot!(reason.replace(&folder, "[WORKSPACE]").replace(&task, "[TASK]"));
    // What is missing comes later, by hand: then it is completed without another run.
    let folder = PathBuf::from(folder);
    watched.deliver(&folder, "raw/prices.json", "{\"Codex\": 20}");
    for (name, text) in [("report.md", REPORT), ("report.html", PAGE)] {
        watched.deliver(&folder, name, text);
    }
    for name in ["state/PROJECT_STATE.md", "state/PROJECT_STATE.html"] {
        watched.deliver(&folder, name, "<p>Done by hand.</p>");
    }
    watched.round();
    assert_eq!(watched.board.status(&task), "done");
}

/// The worker had its evidence; its last call timed out, so that it neither completed nor blocked its task.
#[test]
fn the_incident_of_t_52cac9ce() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.report("Report of t_52cac9ce", &["--max-retries", "1"]);
    let child = watched.board.create("Publish it", &["--parent", &task]);
    watched.deliver(&folder, "finished.md", REPORT);
    watched.deliver(&folder, "finished.html", PAGE);
    watched.deliver(&folder, "make.sh", "cp finished.md report.md; cp finished.html report.html");
    let log = include_str!("../../../crates/pool-watchdog/tests/logs/timeout.log");
    watched.deliver(&folder, "said.log", log);
    watched.board.workers_of(
        &task,
        &format!("{COLLECTS}echo run >> \"$workspace/runs.txt\"; cat \"$workspace/said.log\"; exit 0"),
    );
    watched.board.workers_of(&child, "hermes kanban complete \"$task\" --summary published");
    // The board and the watchdog go on side by side, until the retries are used up and the report is made.
    let dispatcher = watched.board.dispatcher();
    let begun = std::time::Instant::now();
    while watched.board.status(&task) != "done" {
        watched.round();
        assert!(begun.elapsed() < PATIENCE, "{}", watched.board.said());
    }
    watched.board.wait_until_status(&child, "done");
    drop(dispatcher);
    let runs = std::fs::read_to_string(folder.join("runs.txt")).unwrap().lines().count();
    assert_eq!(runs, 3, "one run and two retries");
    let actions = watched.actions(&task);
    assert!(
        actions.ends_with(&["make".to_owned(), "complete".to_owned(), "dispatch".to_owned()]),
        "{actions:?}"
    );
    assert_eq!(watched.board.query("SELECT count(*) FROM tasks WHERE status = 'triage'"), "0");
    let page = watched.page("PROJECT_STATE.md");
    for part in ["timeout", "resumes", "delivered"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}
