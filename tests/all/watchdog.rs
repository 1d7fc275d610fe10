//! What becomes of tasks whose workers failed: the watchdog beside the real board, from the failure to the end.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::hermes_board::HermesBoard;

/// A page of what the tools cost, with all that its rule asks for.
const REPORT: &str = "# Tools\n\n| Tool | Price | Limits |\n| --- | --- | --- |\n| Codex | 20 USD | 5 h |\n| Claude | 17 USD | 7 d |\n";

const PAGE: &str = "<html><body><h1>Tools</h1><table><tr><th>Tool</th><th>Price</th><th>Limits</th></tr>\
    <tr><th>Codex</th><td>20 USD</td><td>5 h</td></tr><tr><th>Claude</th><td>17 USD</td><td>7 d</td></tr></table></body></html>\n";

/// What a report has to be, and what makes it from the evidence.
const RULE: &str = r#"
    [[task]]
    name = "reports"
    title = "Report*"
    evidence = ["raw/*.json"]
    state = ["state/PROJECT_STATE.md", "state/PROJECT_STATE.html"]
    [[task.deliverable]]
    path = "report.md"
    subjects = ["Codex", "Claude"]
    dimensions = ["Price", "Limits"]
    make = ["sh", "make.sh"]
    [[task.deliverable]]
    path = "report.html"
    subjects = ["Codex", "Claude"]
    dimensions = ["Price", "Limits"]
    make = ["sh", "make.sh"]
"#;

/// What a worker has collected when its last call fails.
const COLLECTS: &str = "mkdir -p \"$workspace/raw\" \"$workspace/state\"\n\
    echo '{\"Codex\": 20, \"Claude\": 17}' > \"$workspace/raw/prices.json\"\n\
    echo 'All prices are collected.' > \"$workspace/state/PROJECT_STATE.md\"\n\
    echo '<p>All prices are collected.</p>' > \"$workspace/state/PROJECT_STATE.html\"\n";

/// A board, a watchdog beside it, and what a report has to be.
#[derive(Debug)]
struct Watched {
    board: HermesBoard,
}

impl Watched {
    fn start() -> Option<Self> {
        let watched = Self { board: HermesBoard::start()? };
        watched.board.write("watch/watchdog.toml", &watched.settings(RULE));
        watched.private("watch/watchdog.toml");
        Some(watched)
    }

    fn private(&self, name: &str) {
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(self.board.path().join(name), private).unwrap();
    }

    fn settings(&self, rules: &str) -> String {
        format!(
            "hermes = {:?}\nhome = {:?}\n[policy]\nbackoff = \"1s\"\n{rules}",
            self.board.program(),
            self.board.home()
        )
    }

    /// `pool-watchdog` with these words.
    fn watchdog(&self, words: &[&str]) -> Output {
        let mut command = self.board.command(env!("CARGO_BIN_EXE_pool-watchdog-under-test"));
        command.args(words).current_dir(self.board.path().join("watch")).output().unwrap()
    }

    /// One round, and what it says.
    fn round(&self) -> String {
        let output = self.watchdog(&["run", "--once"]);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{said}");
        said
    }

    /// The page that the round has written.
    fn page(&self, name: &str) -> String {
        std::fs::read_to_string(self.board.path().join("watch/state").join(name)).unwrap()
    }

    /// The words of the actions that were taken for a task, in order.
    fn actions(&self, task: &str) -> Vec<String> {
        let journal = self.page("watchdog.jsonl");
        let entries = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let ended = entries.filter(|entry| entry["task"] == task && entry["what"] == "ended");
        ended
            .map(|entry| {
                let sign = if entry["done"] == true { "" } else { "!" };
                format!("{sign}{}", entry["action"].as_str().unwrap())
            })
            .collect()
    }

    /// A report in a folder of its own that stays, and the folder.
    fn report(&self, title: &str, more: &[&str]) -> (String, PathBuf) {
        let (folder, there) = self.board.workspace(&title.replace(' ', "-").to_lowercase());
        let task = self.board.create(title, &[&[there.as_str()], more].concat());
        (task, folder)
    }

    /// Lets the dispatcher run the task until the board gives up.
    fn until_given_up(&self, task: &str) {
        let dispatcher = self.board.dispatcher();
        self.board.wait_until(
            &format!(
                "SELECT status = 'blocked' AND (SELECT count(*) FROM task_events WHERE task_id = '{task}' AND kind = 'gave_up') >= 1 \
                 FROM tasks WHERE id = '{task}'"
            ),
            "1",
        );
        drop(dispatcher);
    }

    #[expect(clippy::disallowed_methods, reason = "the test plays a worker")]
    fn deliver(&self, folder: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    }
}

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
    let (task, folder) = watched.report("Report of t_52cac9ce", &["--max-retries", "3"]);
    let child = watched.board.create("Publish it", &["--parent", &task]);
    watched.deliver(&folder, "finished.md", REPORT);
    watched.deliver(&folder, "finished.html", PAGE);
    watched.deliver(&folder, "make.sh", "cp finished.md report.md; cp finished.html report.html");
    let log = include_str!("../../crates/pool-watchdog/tests/logs/timeout.log");
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
        assert!(begun.elapsed() < crate::hermes_board::PATIENCE, "{}", watched.board.said());
    }
    watched.board.wait_until_status(&child, "done");
    drop(dispatcher);
    let runs = std::fs::read_to_string(folder.join("runs.txt")).unwrap().lines().count();
    assert_eq!(runs, 3, "one run and two retries, the board's own among them");
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
