//! Boards that no Hermes is needed for: their databases are made here, also as old versions and accidents left them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::task::{BlockKind, Outcome, Workspace};

/// The columns that are read, as Hermes 0.19.0 has them.
const CURRENT: &str = "
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, assignee TEXT, status TEXT NOT NULL, created_at INTEGER NOT NULL,
    started_at INTEGER, workspace_kind TEXT NOT NULL DEFAULT 'scratch', workspace_path TEXT, claim_lock TEXT, claim_expires INTEGER,
    tenant TEXT, worker_pid INTEGER, current_run_id INTEGER, skills TEXT, block_kind TEXT,
    block_recurrences INTEGER NOT NULL DEFAULT 0);
CREATE TABLE task_links (parent_id TEXT NOT NULL, child_id TEXT NOT NULL, PRIMARY KEY (parent_id, child_id));
CREATE TABLE task_comments (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, author TEXT NOT NULL,
    body TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE task_events (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, run_id INTEGER, kind TEXT NOT NULL,
    payload TEXT, created_at INTEGER NOT NULL);
CREATE TABLE task_runs (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, profile TEXT, status TEXT NOT NULL,
    started_at INTEGER NOT NULL, ended_at INTEGER, outcome TEXT, error TEXT);
";

/// As before there were runs, kinds of blocks and tenants.
const OLD: &str = "
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, assignee TEXT, status TEXT NOT NULL, created_at INTEGER NOT NULL,
    started_at INTEGER, workspace_kind TEXT NOT NULL DEFAULT 'scratch', workspace_path TEXT, claim_lock TEXT, claim_expires INTEGER,
    worker_pid INTEGER, spawn_failures INTEGER, last_spawn_error TEXT);
CREATE TABLE task_links (parent_id TEXT NOT NULL, child_id TEXT NOT NULL, PRIMARY KEY (parent_id, child_id));
CREATE TABLE task_events (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, kind TEXT NOT NULL, payload TEXT,
    created_at INTEGER NOT NULL);
";

/// A home with the database of a board.
struct Home(TempDir);

impl Home {
    fn with(sql: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write(sql);
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join("kanban.db")
    }

    fn write(&self, sql: &str) {
        Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
    }

    fn board(&self) -> Board {
        Board::at(self.path(), Path::new("hermes"), "default").unwrap()
    }

    fn read(&self) -> Vec<Task> {
        self.board().read().unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the test plays another program")]
fn write(path: &Path, text: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The error with all its causes.
fn told(error: &dyn std::error::Error, home: &Home) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ").replace(&home.path().display().to_string(), "HOME")
}

fn told_of(home: &Home) -> String {
    told(&home.board().read().unwrap_err(), home)
}

fn id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

#[test]
fn a_task_is_read_with_all_that_the_board_knows_of_it() {
    let home = Home::with(CURRENT);
    home.write(
        r#"
        INSERT INTO tasks VALUES ('t_parent', 'Collect', NULL, 'done', 1700000000, NULL, 'scratch', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
        INSERT INTO tasks VALUES ('t_1', 'Report sk-or-v1-0123456789abcdef', 'worker1', 'running', 1700000001, 1700000002, 'dir', '/tmp/ws', 'vm:7',
            1700000900, 'acme', 4242, 2, '["web", "pdf"]', 'needs_input', 1);
        INSERT INTO task_links VALUES ('t_parent', 't_1');
        INSERT INTO task_runs VALUES (1, 't_1', 'worker1', 'crashed', 1700000002, 1700000003, 'crashed', 'pid 9 not alive');
        INSERT INTO task_runs VALUES (2, 't_1', 'worker1', 'running', 1700000004, NULL, NULL, NULL);
        INSERT INTO task_events VALUES (1, 't_1', NULL, 'created', '{"assignee": "worker1"}', 1700000001);
        INSERT INTO task_events VALUES (2, 't_1', 2, 'claimed', '{"lock": "vm:7", "note": ["sk-or-v1-0123456789abcdef"]}', 1700000004);
        INSERT INTO task_comments VALUES (1, 't_1', 'default', 'look at it', 1700000003);
        "#,
    );
    insta::assert_debug_snapshot!(home.read());
    assert_eq!(home.board().task(&id("t_1")).unwrap().as_ref(), home.read().get(1), "one is read as all are");
    assert_eq!(home.board().task(&id("t_2")).unwrap(), None);
}

#[test]
fn an_old_board_is_read_as_far_as_it_goes() {
    let home = Home::with(OLD);
    home.write(
        "INSERT INTO tasks VALUES ('t_1', 'Report', 'worker1', 'blocked', 1, 2, 'worktree', '/repo', NULL, NULL, NULL, 3, 'no');
         INSERT INTO task_events VALUES (1, 't_1', 'gave_up', NULL, 5);",
    );
    let tasks = home.read();
    assert_eq!(tasks[0].block(), Some(crate::BlockedBy::Board));
    assert_eq!(tasks[0].workspace, Workspace::Kept("/repo".into()));
    assert_eq!((tasks[0].block_kind, tasks[0].tenant.as_deref(), tasks[0].runs.len()), (None, None, 0));
}

#[test]
fn what_no_version_writes_counts_as_nothing() {
    let home = Home::with(CURRENT);
    home.write(
        r#"
        INSERT INTO tasks VALUES ('t_1', x'ff41', 7, 'pondering', 'soon', -99999999999999, 'cloud', 'relative', 'vm', 'never', x'00', -1, 'x', '{"a": 1}', 'mood', -3);
        INSERT INTO tasks VALUES ('../t', 'a path', NULL, 'ready', 1, NULL, 'dir', '/', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
        INSERT INTO tasks VALUES (x'00ff', 'no text', NULL, 'ready', 1, NULL, 'dir', '/', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0);
        INSERT INTO tasks VALUES ('t_2', 'untyped', NULL, 'ready', 1, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, 'no list', NULL, 1);
        INSERT INTO task_links VALUES ('../t', 't_1'), ('t_1', 't_1'), ('gone', 't_1'), (1, 2);
        INSERT INTO task_runs VALUES (1, 't_1', NULL, '', 'x', NULL, 'vanished', x'00'), (2, 'nobody', NULL, '', 1, 1, NULL, NULL);
        INSERT INTO task_events VALUES (1, 't_1', 'x', 'odd', '{broken', 9223372036854775807), (2, 't_1', NULL, x'00', NULL, 1);
        INSERT INTO task_comments VALUES (1, 't_1', x'00', 'whose?', 1), (2, 't_1', 'me', x'00', 1);
        "#,
    );
    let tasks = home.read();
    assert_eq!(tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>(), ["t_2", "t_1"]);
    let (untyped, odd) = (&tasks[0], &tasks[1]);
    assert_eq!(untyped.block_kind, Some(BlockKind::Untyped));
    assert_eq!((odd.status, odd.title.as_str(), &odd.workspace), (Status::Other, "", &Workspace::Unknown));
    assert_eq!((odd.block_kind, odd.recurrences, odd.started_at), (None, 0, None));
    assert_eq!(odd.claim.as_ref().map(|claim| (claim.run, claim.worker)), Some((None, None)));
    assert_eq!(
        (odd.parents.as_slice(), odd.children.as_slice()),
        ([id("gone"), id("t_1")].as_slice(), [id("t_1")].as_slice())
    );
    assert_eq!(odd.runs[0].outcome, Some(Outcome::Other));
    assert_eq!(
        odd.events.iter().map(|event| (event.id, &event.payload)).collect::<Vec<_>>(),
        [(1, &Value::Null)]
    );
    assert_eq!(odd.comments.iter().map(|comment| comment.body.as_str()).collect::<Vec<_>>(), [""]);
}

#[test]
fn of_a_long_history_the_newest_is_read_and_of_repetitions_one() {
    let home = Home::with(CURRENT);
    home.write(
        "INSERT INTO tasks (id, title, status, created_at) VALUES ('t_1', 'Report', 'blocked', 1);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)
         INSERT INTO task_events (task_id, kind, created_at) SELECT 't_1', 'edited', i FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO task_events (task_id, kind, created_at)
             SELECT 't_1', CASE i % 2 WHEN 0 THEN 'heartbeat' ELSE 'respawn_guarded' END, i FROM n;",
    );
    let events = &home.read()[0].events;
    assert_eq!(events.len(), 500);
    assert_eq!(events.iter().map(|event| event.id).skip(497).collect::<Vec<_>>(), [700, 2699, 2700]);
    assert_eq!(home.read()[0].last_event(), 700);
}

#[test]
fn what_is_no_board_is_told_apart() {
    let at =
        |home: &Home, slug: &str| told(&Board::at(home.path(), Path::new("hermes"), slug).unwrap_err(), home);
    let home = Home(tempfile::tempdir().unwrap());
    assert_eq!(
        at(&home, "default"),
        "there is no board `default`: HOME/kanban.db is missing (`hermes kanban boards list` names those there are)"
    );
    assert_eq!(
        at(&home, "acme"),
        "there is no board `acme`: HOME/kanban/boards/acme/kanban.db is missing (`hermes kanban boards list` names those there are)"
    );
    for name in ["", "../x", "Acme", "-x", "_x", "a b", &"a".repeat(65)] {
        let told = at(&home, name);
        assert!(told.starts_with(&format!("`{name}` is no name of a board")), "{told}");
    }
    std::fs::create_dir(home.file()).unwrap();
    assert!(at(&home, "default").starts_with("there is no board"), "a folder is none");

    let home = Home::with("CREATE TABLE other (id)");
    assert_eq!(told_of(&home), "HOME/kanban.db has no tasks table: `hermes kanban init` makes one");
    let home = Home(tempfile::tempdir().unwrap());
    write(&home.file(), b"");
    assert_eq!(told_of(&home), "HOME/kanban.db has no tasks table: `hermes kanban init` makes one");
    write(&home.file(), &b"this is no database, and long enough to be looked at. ".repeat(40));
    assert_eq!(
        told_of(&home),
        "cannot read the board HOME/kanban.db: file is not a database (`hermes kanban stats` says whether Hermes can)"
    );
}

#[test]
fn a_database_that_breaks_off_is_an_error_and_no_panic() {
    let home = Home::with(CURRENT);
    home.write(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO tasks (id, title, status, created_at) SELECT 't_' || i, 'Report', 'ready', i FROM n;",
    );
    let whole = std::fs::read(home.file()).unwrap();
    assert_eq!(home.read().len(), 500);
    for cut in [50, 100, 1000, 4096, 8192, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        write(&home.file(), &whole[..cut]);
        if let Ok(tasks) = home.board().read() {
            assert!(tasks.len() <= 500, "{cut}");
        }
    }
    let mut broken = whole.clone();
    broken[4096..].fill(0xff);
    write(&home.file(), &broken);
    assert!(told_of(&home).starts_with("cannot read the board HOME/kanban.db"));
}

#[test]
fn other_boards_and_profiles_lead_to_their_files() {
    let home = Home(tempfile::tempdir().unwrap());
    let acme = home.path().join("kanban/boards/acme");
    std::fs::create_dir_all(&acme).unwrap();
    Connection::open(acme.join("kanban.db")).unwrap().execute_batch(CURRENT).unwrap();
    let profile = home.path().join("profiles/worker1");
    std::fs::create_dir_all(&profile).unwrap();
    let board = Board::at(&profile, Path::new("hermes"), "acme").unwrap();
    assert_eq!((board.name(), board.read().unwrap().len()), ("acme", 0));
    assert_eq!(board.log(&id("t_1")), acme.join("logs/t_1.log"));
    assert_eq!(board.log_tail(&id("t_1"), 100).unwrap(), None);
    write(&board.log(&id("t_1")), b"one\ntwo\n");
    assert_eq!(board.log_tail(&id("t_1"), 5).unwrap().as_deref(), Some("two\n"));
}

#[test]
fn what_a_killed_writer_left_beside_the_database_is_read() {
    let home = Home::with("PRAGMA journal_mode = WAL");
    home.write(CURRENT);
    let writer = Connection::open(home.file()).unwrap();
    writer
        .execute_batch(
            "INSERT INTO tasks (id, title, status, created_at) VALUES ('t_1', 'Report', 'ready', 1)",
        )
        .unwrap();
    // As kill -9 leaves it: no shared memory that anybody keeps, and the last pages in the log alone.
    let left = Home(tempfile::tempdir().unwrap());
    for end in ["", "-wal"] {
        let name = format!("kanban.db{end}");
        write(&left.path().join(&name), &std::fs::read(home.path().join(&name)).unwrap());
    }
    assert_eq!(left.read().len(), 1);
    drop(writer);
}

#[cfg(unix)]
#[test]
fn a_database_in_a_folder_where_nothing_can_be_made_is_read_if_it_is_whole() {
    let home = Home::with("PRAGMA journal_mode = WAL");
    home.write(CURRENT);
    // A link to nowhere in its place is shared memory that cannot be made, also not by root.
    std::os::unix::fs::symlink("nowhere", home.path().join("kanban.db-shm")).unwrap();
    assert_eq!(home.read(), []);
    write(&home.path().join("kanban.db-wal"), b"half of what was written");
    assert_eq!(
        told_of(&home),
        "cannot read the board HOME/kanban.db: unable to open database file (`hermes kanban stats` says whether Hermes can)"
    );
}

#[cfg(unix)]
#[test]
fn a_path_may_hold_what_means_something_in_a_uri() {
    let home = Home(tempfile::tempdir().unwrap());
    let odd = home.path().join("a?mode=rw#b%20c ä");
    std::fs::create_dir(&odd).unwrap();
    let file = odd.join("kanban.db");
    Connection::open(&file).unwrap().execute_batch(&format!("PRAGMA journal_mode = WAL;{CURRENT}")).unwrap();
    std::os::unix::fs::symlink("nowhere", odd.join("kanban.db-shm")).unwrap();
    assert_eq!(Board::at(&odd, Path::new("hermes"), "default").unwrap().read().unwrap(), []);
}

#[test]
fn one_watchdog_holds_a_board_at_a_time() {
    let home = Home::with(CURRENT);
    let held = home.board().lock(Duration::ZERO).unwrap();
    let refused = told(&home.board().lock(Duration::ZERO).unwrap_err(), &home);
    assert!(
        refused.starts_with("cannot lock the board: HOME/kanban.db.watchdog.lock is locked"),
        "{refused}"
    );
    #[cfg(target_os = "linux")]
    assert!(refused.contains(&format!("(pid {})", std::process::id())), "{refused}");
    drop(held);
    drop(home.board().lock(Duration::from_secs(10)).unwrap());
}

#[test]
fn a_command_that_is_missing_is_named() {
    let home = Home::with(CURRENT);
    home.write("INSERT INTO tasks (id, title, status, created_at) VALUES ('t_1', 'Report', 'ready', 1)");
    let board = Board::at(home.path(), Path::new("/nowhere/hermes"), "default").unwrap();
    let verb = Verb::Comment { text: "hello".to_owned() };
    let error = board.act(&home.read()[0], &verb).unwrap_err();
    assert!(
        told(&error, &home).starts_with(
            "cannot run `/nowhere/hermes`: is `hermes` in watchdog.toml the command of the board?"
        )
    );
    assert!(matches!(board.act(&Task::sample("t_2", Status::Ready), &verb), Err(BoardError::NoTask(_))));
}

/// A command in place of `hermes`, which does as it says.
#[cfg(unix)]
fn board_of(home: &Home, script: &str) -> Board {
    let program = home.path().join("hermes");
    write(&program, format!("#!/bin/sh\n{script}").as_bytes());
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    Board::at(home.path(), &program, "default").unwrap()
}

#[cfg(unix)]
#[test]
fn what_the_command_claims_proves_nothing() {
    let home = Home::with(CURRENT);
    home.write("INSERT INTO tasks (id, title, status, created_at) VALUES ('t_1', 'Report', 'ready', 1)");
    let board = board_of(&home, "echo Completed t_1; echo 'no, with key sk-or-v1-0123456789abcdef' >&2");
    let verb = Verb::Complete { summary: "all is there".to_owned(), metadata: serde_json::json!({}) };
    assert_eq!(
        board.act(&home.read()[0], &verb).unwrap_err().to_string(),
        "the board does not show that `complete` was done to t_1, which is ready; `hermes` said: no, with key [redacted] Completed t_1"
    );
    let nothing = board_of(&home, "exit 3").act(&home.read()[0], &verb).unwrap_err();
    assert!(nothing.to_string().ends_with("`hermes` said: nothing"));
    let told = board_of(&home, "echo '{\"spawned\": [{\"task_id\": \"t_1\"}, {\"task_id\": \"../x\"}, 1]}'")
        .dispatch();
    assert_eq!(told.unwrap(), [id("t_1")]);
    let error = board_of(&home, "echo kanban: database is locked >&2").dispatch().unwrap_err();
    assert!(error.to_string().ends_with("it said: kanban: database is locked"));
}

#[cfg(unix)]
#[test]
fn a_command_is_pinned_to_the_board_and_not_to_a_worker() {
    let home = Home::with(CURRENT);
    home.write(
        "INSERT INTO tasks (id, title, status, created_at, claim_lock, current_run_id, worker_pid)
             VALUES ('t_1', 'Report', 'running', 1, 'vm:1', 7, NULL);
         INSERT INTO task_comments VALUES (1, 't_1', 'pool-watchdog', 'HOLD: x', 1);
         INSERT INTO task_events (task_id, run_id, kind, payload, created_at) VALUES
             ('t_1', NULL, 'commented', '{\"author\": \"pool-watchdog\", \"len\": 7}', 1), ('t_1', 7, 'claimed', NULL, 1);",
    );
    let board = board_of(
        &home,
        "env | grep -E '^HERMES_(HOME|KANBAN|PROFILE|TENANT)' | sort | tr '\\n' ' '; echo \"$@\"; pwd; cat",
    );
    let verb = Verb::Block { kind: BlockKind::NeedsInput, reason: "final.md".to_owned() };
    let said = board.act(&home.read()[0], &verb).unwrap_err().to_string();
    let expected = "`hermes` said: HERMES_HOME=HOME HERMES_KANBAN_RUN_ID=7 HERMES_KANBAN_TASK=t_1 HERMES_PROFILE=pool-watchdog \
                    kanban --board default block --kind=needs_input -- t_1 final.md HOME";
    let said = said.replace(&home.path().display().to_string(), "HOME");
    assert!(said.ends_with(expected), "{said}");
    let mut command = Command::new("env");
    for pin in command::PINS {
        command.env(pin, "of a worker");
    }
    command::unpin(&mut command, Path::new("/root-of-it"));
    let kept: Vec<_> =
        command.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))).collect();
    assert_eq!(kept, [(std::ffi::OsStr::new("HERMES_HOME"), std::ffi::OsStr::new("/root-of-it"))]);
}
