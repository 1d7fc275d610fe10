//! A board of a real Hermes in a home of its own, with workers that do what a test wrote for them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pool_watchdog::Board;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::skipped::skipped;

/// How long a test waits for the board; it takes seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What the dispatcher starts in place of an agent. Real workers begin each attempt with that line.
///
/// It takes a moment, as an agent does: Python loses the exit code of a process that ends while it is still being started, and the
/// dispatcher then takes an end without a word for a crash.
///
/// `wait_for FILE` ends when the file is there, and the worker with its folder, so that none outlives its test.
const LAUNCHER: &str = r#"#!/bin/sh
sleep 0.3
echo "Query: work kanban task $HERMES_KANBAN_TASK"
folder=$(dirname "$0")
task=$HERMES_KANBAN_TASK
workspace=$HERMES_KANBAN_WORKSPACE
wait_for() {
    until [ -e "$1" ]; do
        [ -e "$0" ] || exit 1
        sleep 0.05
    done
}
for script in "$folder/$task.sh" "$folder/any.sh"; do
    if [ -e "$script" ]; then
        . "$script"
        exit
    fi
done
"#;

/// The home of a Hermes with one profile, `worker1`, and an empty board.
#[derive(Debug)]
pub(crate) struct HermesBoard {
    folder: TempDir,
    bin: PathBuf,
    /// Who has the database open for as long as the test goes on, so that no command of Hermes takes itself for the last, see
    /// `pool_watchdog::Board`.
    guest: Option<Connection>,
}

/// Starts workers until it is dropped. Those that it started go on.
#[derive(Debug)]
pub(crate) struct Dispatcher(Child);

impl HermesBoard {
    /// Makes it. None where Hermes is not installed; it is said then.
    pub(crate) fn start() -> Option<Self> {
        let Some(bin) = installed() else {
            skipped("Hermes is not installed: `bash .ci/kanban-peer` does it");
            return None;
        };
        let mut board = Self { folder: tempfile::tempdir().unwrap(), bin, guest: None };
        std::fs::create_dir_all(board.home().join("profiles/worker1")).unwrap();
        std::fs::create_dir(board.path().join("workers")).unwrap();
        board.write_program("workers/launcher", LAUNCHER);
        board.write_program("hermes", &board.wrapper());
        board.hermes(&["init"]);
        board.guest = Some(board.connection().unwrap());
        Some(board)
    }

    /// The folder that everything is in: `$HOME`.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `$HERMES_HOME`, where `kanban.db` is.
    pub(crate) fn home(&self) -> PathBuf {
        self.path().join(".hermes")
    }

    /// The command itself.
    pub(crate) fn program(&self) -> PathBuf {
        self.bin.join("hermes")
    }

    /// Any program in the environment of this board.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([self.bin.clone()].into_iter().chain(std::env::split_paths(&path)));
        let mut command = Command::new(program);
        command.env_clear().envs(self.variables()).env("PATH", path.unwrap());
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// What the environment of this board has besides `PATH`.
    fn variables(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("HOME", self.path().to_owned()),
            ("HERMES_HOME", self.home()),
            ("HERMES_BIN", self.path().join("workers/launcher")),
            // A worker that is gone counts at once; otherwise only half a minute after its start.
            ("HERMES_KANBAN_CRASH_GRACE_SECONDS", PathBuf::from("0")),
        ]
    }

    /// `hermes` in the environment of this board, for programs that are started in another.
    fn wrapper(&self) -> String {
        let [home, _, worker, grace] =
            self.variables().map(|(name, value)| format!("{name}='{}'", value.display()));
        let path = self.bin.display();
        format!("#!/bin/sh\nPATH='{path}':$PATH exec env {home} {worker} {grace} '{path}/hermes' \"$@\"\n")
    }

    /// `hermes kanban` with these arguments, and what it printed. Whether it went well only the board knows.
    pub(crate) fn hermes(&self, arguments: &[&str]) -> String {
        let output = self.command(self.program()).arg("kanban").args(arguments).output().unwrap();
        [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat()
    }

    /// A new task for `worker1`, and its id.
    pub(crate) fn create(&self, title: &str, more: &[&str]) -> String {
        let arguments = [&["create", title, "--assignee", "worker1", "--json"], more].concat();
        let said = self.hermes(&arguments);
        let task: serde_json::Value =
            serde_json::from_str(&said).unwrap_or_else(|_| panic!("no task was made: {said}"));
        task["id"].as_str().unwrap().to_owned()
    }

    /// The folder of this name, and how `create` is told to work there and stay there.
    pub(crate) fn workspace(&self, name: &str) -> (PathBuf, String) {
        let folder = self.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let flag = format!("--workspace=dir:{}", folder.display());
        (folder, flag)
    }

    /// What workers of this task do, in shell, with `$task`, `$workspace`, `wait_for` and `hermes` at hand; of `any` task that has no
    /// script of its own. Without any script they end well and do nothing.
    pub(crate) fn workers_of(&self, task: &str, script: &str) {
        self.write(&format!("workers/{task}.sh"), script);
    }

    #[expect(clippy::disallowed_methods, reason = "the test plays a user or a worker")]
    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// A file of a folder that is not of the test, such as a scratch workspace.
    #[expect(clippy::disallowed_methods, reason = "the test plays a worker")]
    pub(crate) fn write_into(&self, folder: &Path, name: &str, text: &str) {
        assert!(folder.starts_with(self.path()));
        std::fs::write(folder.join(name), text).unwrap();
    }

    pub(crate) fn write_program(&self, name: &str, text: &str) {
        self.write(name, text);
        let runnable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(self.path().join(name), runnable).unwrap();
    }

    /// The dispatcher of the board, which looks every second. What it prints is in `dispatcher.log`.
    #[expect(clippy::disallowed_methods, reason = "the log of a process that the test starts")]
    pub(crate) fn dispatcher(&self) -> Dispatcher {
        let mut command = self.command(self.program());
        command.args(["kanban", "daemon", "--force", "--interval", "1", "--verbose"]);
        let log = File::create(self.path().join("dispatcher.log")).unwrap();
        command.stderr(log.try_clone().unwrap()).stdout(log);
        Dispatcher(command.spawn().unwrap())
    }

    /// The default board, as the watchdog takes it.
    pub(crate) fn board(&self) -> Board {
        self.board_named("default")
    }

    pub(crate) fn board_named(&self, slug: &str) -> Board {
        Board::at(&self.home(), &self.path().join("hermes"), slug).unwrap()
    }

    /// One value of the board's database, as text; empty for NULL and for no row.
    pub(crate) fn query(&self, sql: &str) -> String {
        let read = |connection: Connection| {
            connection.query_row(&format!("SELECT CAST(({sql}) AS TEXT)"), [], |row| row.get(0))
        };
        let value: Option<String> = self.connection().and_then(read).unwrap();
        value.unwrap_or_default()
    }

    fn connection(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(self.home().join("kanban.db"), flags)?;
        connection.busy_timeout(PATIENCE)?;
        // Opening reads nothing yet.
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
        Ok(connection)
    }

    /// Where the task stands.
    pub(crate) fn status(&self, task: &str) -> String {
        self.query(&format!("SELECT status FROM tasks WHERE id = '{task}'"))
    }

    /// Everything that happened to the task, the oldest first.
    pub(crate) fn events(&self, task: &str) -> Vec<String> {
        let kinds = self.query(&format!(
            "SELECT group_concat(kind, ' ') FROM (SELECT kind FROM task_events WHERE task_id = '{task}' ORDER BY id)"
        ));
        kinds.split_whitespace().map(str::to_owned).collect()
    }

    /// Waits until a query answers so.
    #[track_caller]
    pub(crate) fn wait_until(&self, sql: &str, answer: &str) {
        let begun = Instant::now();
        loop {
            let now = self.query(sql);
            if now == answer {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "after {PATIENCE:?}, `{sql}` is still {now}\n{}",
                self.said()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the task stands there.
    #[track_caller]
    pub(crate) fn wait_until_status(&self, task: &str, status: &str) {
        self.wait_until(&format!("SELECT status FROM tasks WHERE id = '{task}'"), status);
    }

    /// Waits until this has happened to the task so often.
    #[track_caller]
    pub(crate) fn wait_until_event(&self, task: &str, kind: &str, times: usize) {
        let sql = format!(
            "SELECT count(*) >= {times} FROM task_events WHERE task_id = '{task}' AND kind = '{kind}'"
        );
        self.wait_until(&sql, "1");
    }

    /// Waits until the worker of the task has ended. Nobody may have waited for it: the board still has it as running.
    #[track_caller]
    pub(crate) fn wait_until_gone(&self, task: &str) {
        let pid = self.query(&format!("SELECT worker_pid FROM tasks WHERE id = '{task}'"));
        let begun = Instant::now();
        let lives = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        while lives() {
            assert!(begun.elapsed() < PATIENCE, "worker {pid} did not end within {PATIENCE:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the dispatcher and the workers have printed.
    pub(crate) fn said(&self) -> String {
        let logs = std::fs::read_dir(self.home().join("kanban/logs")).into_iter().flatten().flatten();
        let files = logs.map(|entry| entry.path()).chain([self.path().join("dispatcher.log")]);
        files.map(|file| std::fs::read_to_string(file).unwrap_or_default()).collect()
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The folder with `hermes` in it: of `HERMES_PEER_VENV`, else of what `.ci/kanban-peer` has installed.
fn installed() -> Option<PathBuf> {
    let own = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("hermes-peer");
    let bin = std::env::var_os("HERMES_PEER_VENV").map_or_else(own, PathBuf::from).join("bin");
    bin.join("hermes").is_file().then_some(bin)
}
