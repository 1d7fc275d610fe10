use std::fs;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, params};

/// The columns that Hermes 0.19.0 has, and the indices that it looks up the rest of a task by.
const TABLES: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT, assignee TEXT, status TEXT NOT NULL, created_at INTEGER NOT NULL,
    started_at INTEGER, workspace_kind TEXT NOT NULL DEFAULT 'scratch', workspace_path TEXT, claim_lock TEXT, claim_expires INTEGER,
    tenant TEXT, worker_pid INTEGER, current_run_id INTEGER, skills TEXT, block_kind TEXT, block_recurrences INTEGER NOT NULL DEFAULT 0);
CREATE TABLE task_links (parent_id TEXT NOT NULL, child_id TEXT NOT NULL, PRIMARY KEY (parent_id, child_id));
CREATE TABLE task_comments (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, author TEXT NOT NULL, body TEXT NOT NULL,
    created_at INTEGER NOT NULL);
CREATE TABLE task_events (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, run_id INTEGER, kind TEXT NOT NULL, payload TEXT,
    created_at INTEGER NOT NULL);
CREATE TABLE task_runs (id INTEGER PRIMARY KEY AUTOINCREMENT, task_id TEXT NOT NULL, profile TEXT, status TEXT NOT NULL,
    started_at INTEGER NOT NULL, ended_at INTEGER, outcome TEXT, error TEXT);
CREATE INDEX idx_links_child ON task_links(child_id);
CREATE INDEX idx_comments_task ON task_comments(task_id, created_at);
CREATE INDEX idx_events_task ON task_events(task_id, created_at);
CREATE INDEX idx_runs_task ON task_runs(task_id, started_at);
";

/// When all of it happened.
const THEN: i64 = 1_780_000_000;

/// Of ten tasks, seven are done, one waits for its parent, one was blocked by a person, and one by its board, which the watchdog has told.
const STATUSES: [&str; 10] =
    ["done", "done", "done", "done", "done", "done", "done", "todo", "blocked", "blocked"];

/// Writes a board of so many tasks, each with two runs, a dozen events and two comments, into a home of Hermes.
///
/// # Panics
///
/// When it cannot be written.
pub fn write_board(home: &Path, count: usize) {
    fs::create_dir_all(home.join("kanban/logs")).expect("the folder can be written to");
    let mut board = Connection::open(home.join("kanban.db")).expect("it can be made");
    board.execute_batch(TABLES).expect("it is SQL");
    let all = board.transaction().expect("nobody else is at it");
    for number in 0..count {
        write_task(&all, number).expect("it is SQL");
    }
    all.commit().expect("there is room");
}

fn write_task(board: &Connection, number: usize) -> rusqlite::Result<()> {
    let id = format!("t_{number:08x}");
    let status = STATUSES[number % STATUSES.len()];
    let title = format!("Report {number} on what agents pay for their models");
    board.execute(
        "INSERT INTO tasks (id, title, body, assignee, status, created_at, started_at, workspace_kind, workspace_path)
         VALUES (?1, ?2, ?3, 'writer', ?4, ?5, ?5, 'dir', '/nowhere')",
        params![id, title, "What is to be done, in a few sentences. ".repeat(20), status, THEN + number as i64],
    )?;
    if status == "todo" {
        let parent = format!("t_{:08x}", number + 1);
        board.execute("INSERT INTO task_links VALUES (?1, ?2)", params![parent, id])?;
    }
    for run in 0..2 {
        board.execute(
            "INSERT INTO task_runs (task_id, profile, status, started_at, ended_at, outcome, error)
             VALUES (?1, 'writer', 'crashed', ?2, ?2, 'crashed', 'pid 4242 not alive')",
            params![id, THEN + run],
        )?;
        for kind in ["promoted", "claimed", "spawned", "heartbeat", "crashed"] {
            event(board, &id, kind, r#"{"pid": 4242, "lock": "host:7", "retries": 1}"#)?;
        }
    }
    event(
        board,
        &id,
        if number % 10 == 9 { "gave_up" } else { "blocked" },
        r#"{"reason": "which of the two?"}"#,
    )?;
    for author in ["default", "pool-watchdog"] {
        let body = "pool-watchdog: something is missing that nothing here makes";
        let sql = "INSERT INTO task_comments (task_id, author, body, created_at) VALUES (?1, ?2, ?3, ?4)";
        board.execute(sql, params![id, author, body, THEN + 9])?;
    }
    Ok(())
}

fn event(board: &Connection, id: &str, kind: &str, payload: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO task_events (task_id, kind, payload, created_at) VALUES (?1, ?2, ?3, ?4)";
    board.execute(sql, params![id, kind, payload, THEN]).map(drop)
}

/// Opens a board and goes over each value of each row, as simply as that can be done. Answers how many bytes of text there were.
///
/// # Panics
///
/// When it cannot be read.
#[must_use]
pub fn read_rows(home: &Path) -> usize {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let board = Connection::open_with_flags(home.join("kanban.db"), flags).expect("it is there");
    let mut bytes = 0;
    for table in ["tasks", "task_links", "task_runs", "task_comments", "task_events"] {
        let mut statement = board.prepare(&format!("SELECT * FROM {table}")).expect("there is such a table");
        let columns = statement.column_count();
        let mut rows = statement.query([]).expect("it can be read");
        while let Some(row) = rows.next().expect("it can be read") {
            for column in 0..columns {
                if let Ok(ValueRef::Text(text)) = row.get_ref(column) {
                    bytes += text.len();
                }
            }
        }
    }
    bytes
}
