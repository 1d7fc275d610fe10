//! The watchdog beside the real board: what becomes of tasks whose workers failed.

mod alongside;
mod boards;
mod cut_short;
mod logins;
mod makes;
mod minute;
mod recovery;
mod respect;
mod retries;
mod secrets;
mod workspaces;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use serde_json::Value;

use crate::hermes_board::{HermesBoard, PATIENCE};

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

/// A note is a file, and nothing makes it but its worker.
const NOTE_RULE: &str = r#"
    [[task]]
    name = "notes"
    title = "Note*"
    state = []
    [[task.deliverable]]
    path = "note.md"
"#;

const NOTE: &str = "# Note\n\nAll of it was found.\n";

/// What a worker has collected when its last call fails.
const COLLECTS: &str = "mkdir -p \"$workspace/raw\" \"$workspace/state\"\n\
    echo '{\"Codex\": 20, \"Claude\": 17}' > \"$workspace/raw/prices.json\"\n\
    echo 'All prices are collected.' > \"$workspace/state/PROJECT_STATE.md\"\n\
    echo '<p>All prices are collected.</p>' > \"$workspace/state/PROJECT_STATE.html\"\n";

/// A worker that closes its task as it should.
const CLOSES: &str = "hermes kanban complete \"$task\" --summary 'All is there.'";

/// What the Codex CLI answers to `codex login status`: it looks no further than whether there is a file.
const CODEX: &str = "#!/bin/sh\n\
    if [ -e \"${CODEX_HOME:-$HOME/.codex}/auth.json\" ]; then echo 'Logged in using ChatGPT' >&2; exit 0; fi\n\
    echo 'Not logged in' >&2; exit 1\n";

/// A board, a watchdog beside it, and what a report has to be.
#[derive(Debug)]
struct Watched {
    board: HermesBoard,
}

impl Watched {
    /// A watchdog that looks for reports and notes, and waits no longer than it must.
    fn start() -> Option<Self> {
        Self::start_with("", "backoff = \"1s\"")
    }

    /// The same with these settings at the top, and this policy.
    fn start_with(top: &str, policy: &str) -> Option<Self> {
        let watched = Self { board: HermesBoard::start()? };
        watched.board.write_program("codex", CODEX);
        watched.settle(top, policy);
        Some(watched)
    }

    /// Writes `watchdog.toml`.
    fn settle(&self, top: &str, policy: &str) {
        let has_hermes = top.contains("hermes = ");
        let hermes = format!("hermes = {:?}\n", self.board.program());
        let (home, codex) = (self.board.home(), self.board.path().join("codex"));
        let text = format!(
            "{top}\n{}home = {home:?}\ncodex = {codex:?}\n[policy]\n{policy}\n{RULE}\n{NOTE_RULE}",
            if has_hermes { "" } else { &hermes }
        );
        self.board.write("watch/watchdog.toml", &text);
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(self.path("watch/watchdog.toml"), private).unwrap();
    }

    /// A path in the folder that everything is in.
    fn path(&self, name: &str) -> PathBuf {
        self.board.path().join(name)
    }

    /// `pool-watchdog` with these words, to be started.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.board.command(env!("CARGO_BIN_EXE_pool-watchdog-under-test"));
        command.args(words).current_dir(self.path("watch"));
        command
    }

    /// `pool-watchdog` with these words.
    fn watchdog(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// One round, and what it says.
    #[track_caller]
    fn round(&self) -> String {
        let output = self.watchdog(&["run", "--once"]);
        let said = said(&output);
        assert!(output.status.success(), "{said}");
        said
    }

    /// Round after round, until the task stands there.
    #[track_caller]
    fn rounds_until(&self, task: &str, status: &str) {
        let begun = std::time::Instant::now();
        loop {
            let said = self.round();
            let now = self.board.status(task);
            if now == status {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{task} is still {now}: {said}");
        }
    }

    /// The page that the round has written.
    fn page(&self, name: &str) -> String {
        std::fs::read_to_string(self.path("watch/state").join(name)).unwrap()
    }

    /// What was written down about a task, in order.
    fn entries(&self, task: &str) -> Vec<Value> {
        let journal = self.page("watchdog.jsonl");
        let entries = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        entries.filter(|entry| entry["task"] == task).collect()
    }

    /// The words of the actions that were taken for a task, in order; those that were not done with a `!`.
    fn actions(&self, task: &str) -> Vec<String> {
        let word = |entry: &Value| {
            let sign = if entry["done"] == true { "" } else { "!" };
            format!("{sign}{}", entry["action"].as_str().unwrap())
        };
        self.entries(task).iter().filter(|entry| entry["what"] == "ended").map(word).collect()
    }

    /// The rows that decided about a task, in order.
    fn rows(&self, task: &str) -> Vec<String> {
        let entries = self.entries(task);
        let decided = entries.iter().filter(|entry| entry["what"] == "decided");
        decided.map(|entry| entry["row"].as_str().unwrap().to_owned()).collect()
    }

    /// What was last decided about a task.
    fn decision(&self, task: &str) -> Value {
        self.entries(task).into_iter().rfind(|entry| entry["what"] == "decided").unwrap()
    }

    /// A task in a folder of its own that stays, and the folder.
    fn report(&self, title: &str, more: &[&str]) -> (String, PathBuf) {
        let (folder, there) = self.board.workspace(&title.replace(' ', "-").to_lowercase());
        let task = self.board.create(title, &[&[there.as_str()], more].concat());
        (task, folder)
    }

    /// A task for which the board gives up after its first run, in which its worker says this, and the folder.
    fn failed(&self, title: &str, script: &str) -> (String, PathBuf) {
        let (task, folder) = self.report(title, &["--max-retries", "1"]);
        self.board.workers_of(&task, script);
        self.until_given_up(&task);
        (task, folder)
    }

    /// A script that ends as the worker did that left this log.
    fn ends_with(&self, log: &str) -> String {
        self.board.write("said.log", log);
        format!("cat '{}'", self.path("said.log").display())
    }

    /// Lets the dispatcher run the task until the board gives up.
    #[track_caller]
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

    /// How often this has happened to a task.
    fn count(&self, task: &str, kind: &str) -> usize {
        self.board.events(task).iter().filter(|event| *event == kind).count()
    }

    /// The reason of its newest block.
    fn block_reason(&self, task: &str) -> String {
        self.board.query(&format!(
            "SELECT json_extract(payload, '$.reason') FROM task_events WHERE task_id = '{task}' AND kind = 'blocked' \
             ORDER BY id DESC LIMIT 1"
        ))
    }

    /// What the watchdog has said of a task, how often.
    fn comments(&self, task: &str) -> String {
        self.board.query(&format!(
            "SELECT count(*) FROM task_comments WHERE task_id = '{task}' AND author = 'pool-watchdog'"
        ))
    }

    #[track_caller]
    fn nothing_is_in_triage(&self) {
        assert_eq!(self.board.query("SELECT count(*) FROM tasks WHERE status = 'triage'"), "0");
    }

    #[expect(clippy::disallowed_methods, reason = "the test plays a worker")]
    fn deliver(&self, folder: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// A watchdog that ends with its test.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// All that a command printed.
fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said)).concat()
}

#[track_caller]
fn wait_for(file: &Path) {
    let begun = std::time::Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < PATIENCE, "{} does not come", file.display());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
