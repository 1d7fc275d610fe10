//! Two watchdogs, a dispatcher and workers of all kinds at once, for a minute.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{CLOSES, COLLECTS, PAGE, REPORT, Running, Watched};

const TIMEOUT: &str = include_str!("../../../crates/pool-watchdog/tests/logs/timeout.log");

const WRITES: &str = "printf '# Note\\n\\nFound.\\n' > \"$workspace/note.md\"\n";

/// What a worker does, and where its task ends.
struct Kind {
    title: &'static str,
    script: String,
    ends: &'static str,
}

fn kinds(watched: &Watched) -> Vec<Kind> {
    let kind = |title, script: &str, ends| Kind { title, script: script.to_owned(), ends };
    let times_out = watched.ends_with(TIMEOUT);
    vec![
        kind("Note that is closed", &format!("{WRITES}{CLOSES}"), "done"),
        kind("Note that is closed late", &format!("{WRITES}sleep 3; {CLOSES}"), "done"),
        kind("Note that is not closed", WRITES, "done"),
        kind("Note before a crash", &format!("{WRITES}kill -9 $$"), "done"),
        kind("Note after a crash", "kill -9 $$", "blocked"),
        kind("Note before a timeout", &format!("{WRITES}{times_out}"), "done"),
        kind("Note after a timeout", &times_out, "blocked"),
        kind("Note that is forgotten", "echo I am done.", "blocked"),
        kind("Report to be made", COLLECTS, "done"),
        kind("Report without evidence", "echo I am done.", "blocked"),
    ]
}

#[test]
#[ignore = "it takes a minute: .ci/kanban-peer runs it"]
fn no_task_is_lost_or_completed_twice_or_sent_to_triage() {
    let Some(watched) = Watched::start_with("", "backoff = \"1s\"\nlongest_backoff = \"2s\"\nretries = 1")
    else {
        return;
    };
    let begun = Instant::now();
    let dispatcher = watched.board.dispatcher();
    let watchdogs = [0, 1].map(|_| {
        let mut command = watched.command(&["run", "--interval", "1s"]);
        Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    });
    let kinds = kinds(&watched);
    watched.board.workers_of("any", CLOSES);
    let mut tasks = Vec::new();
    for kind in kinds.iter().chain(&kinds) {
        let (task, folder) = watched.new_task(kind.title, tasks.len());
        for (name, text) in [("finished.md", REPORT), ("finished.html", PAGE)] {
            watched.deliver(&folder, name, text);
        }
        watched.deliver(&folder, "make.sh", "cp finished.md report.md; cp finished.html report.html");
        watched.board.workers_of(&task, &kind.script);
        watched.board.hermes(&["unblock", &task]);
        watched.board.create("Publish it", &["--parent", &task]);
        tasks.push((task, kind));
    }
    for (task, kind) in &tasks {
        let ours =
            "SELECT count(*) FROM task_comments WHERE author = 'pool-watchdog' AND body LIKE 'BLOCKED: %'";
        match kind.ends {
            "done" => watched.board.wait_until_status(task, "done"),
            _ => watched.board.wait_until(&format!("{ours} AND task_id = '{task}'"), "1"),
        }
    }
    // Whatever comes late is seen, too.
    std::thread::sleep(Duration::from_secs(60).saturating_sub(begun.elapsed()));
    drop(watchdogs);
    drop(dispatcher);
    for (task, kind) in &tasks {
        let what =
            format!("{} {task}: {:?} {:?}", kind.title, watched.board.events(task), watched.rows(task));
        assert_eq!(watched.board.status(task), kind.ends, "{what}");
        assert_eq!(watched.count(task, "completed"), usize::from(kind.ends == "done"), "{what}");
        let is_closed_by_worker = kind.script.ends_with(CLOSES);
        let summary = watched.board.query(&format!(
            "SELECT summary FROM task_runs WHERE task_id = '{task}' AND outcome = 'completed'"
        ));
        assert_eq!(summary == "All is there.", is_closed_by_worker, "{what}: {summary}");
    }
    assert_eq!(
        watched.board.query("SELECT count(*) FROM tasks WHERE title NOT LIKE 'Publish%'"),
        tasks.len().to_string()
    );
    watched.nothing_is_in_triage();
}

impl Watched {
    /// A task that nobody starts before its files are there, and its folder.
    fn new_task(&self, title: &str, number: usize) -> (String, std::path::PathBuf) {
        let (folder, flag) = self.board.workspace(&format!("of-{number}"));
        (self.board.create(title, &[&flag, "--initial-status", "blocked"]), folder)
    }
}
