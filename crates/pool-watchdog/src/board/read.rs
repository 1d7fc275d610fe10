//! What is in the database of a board, in one consistent snapshot, whatever version of Hermes wrote it.
//!
//! There is no number for the version of the tables, so each column is looked for by name: one that is missing, and a value of another
//! type, count as nothing. Rows without a usable id are left out.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::mask_keys;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use serde_json::Value;

use super::error::BoardError;
use crate::line::mask_texts;
use crate::task::{BlockKind, Claim, Comment, Event, Outcome, Run, Status, Task, TaskId, Workspace};

/// How many of the newest runs, of the newest comments, and of the newest events of a task are read.
const NEWEST: usize = 500;

/// How long a writer may keep the database to itself.
const BUSY: Duration = Duration::from_secs(20);

/// Reads every task, or only one.
pub(super) fn tasks(path: &Path, only: Option<&TaskId>) -> Result<Vec<Task>, BoardError> {
    let failed =
        |error: rusqlite::Error| BoardError::Database { path: path.to_owned(), what: error.to_string() };
    let connection = open(path).map_err(failed)?;
    let snapshot = connection.unchecked_transaction().map_err(failed)?;
    if !has_table(&snapshot, "tasks").map_err(failed)? {
        return Err(BoardError::NoTasks { path: path.to_owned() });
    }
    Reader { connection: &snapshot, only }.tasks().map_err(failed)
}

/// Has the database open, for as long as it is kept, and reads nothing.
#[derive(Debug)]
pub struct Guest {
    _database: Connection,
}

/// Has the database open from now on.
pub(super) fn guest(path: &Path) -> Result<Guest, BoardError> {
    let failed =
        |error: rusqlite::Error| BoardError::Database { path: path.to_owned(), what: error.to_string() };
    open(path).map(|database| Guest { _database: database }).map_err(failed)
}

/// Opens the database to read. Beside a database in WAL mode lies a file of shared memory; where it is missing and cannot be made, nobody
/// has the database open, and it is read as it lies there, if all that was written is in it.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    match try_open(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && is_complete(path) => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            try_open(Path::new(&immutable(path)), flags)
        }
        opened => opened,
    }
}

fn try_open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // Opening reads nothing yet.
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    Ok(connection)
}

/// The path as a URI, in which some characters have a meaning, that promises that nobody writes to it.
fn immutable(path: &Path) -> String {
    let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{escaped}?immutable=1")
}

/// Whether no written page waits outside of the database.
fn is_complete(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |log| log.len() == 0)
}

fn has_table(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
    connection.query_row(sql, [table], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

struct Reader<'a> {
    connection: &'a Connection,
    only: Option<&'a TaskId>,
}

impl Reader<'_> {
    fn tasks(&self) -> rusqlite::Result<Vec<Task>> {
        let mut tasks = Vec::new();
        self.each("tasks", &["id"], "created_at, id", |row| tasks.extend(task(row)))?;
        let places: HashMap<TaskId, usize> =
            tasks.iter().enumerate().map(|(place, task)| (task.id.clone(), place)).collect();
        let mut with = |row: &Fields<'_>, column: &str, add: &mut dyn FnMut(&mut Task)| {
            if let Some(place) = row.id(column).and_then(|id| places.get(&id)) {
                add(&mut tasks[*place]);
            }
        };
        self.each("task_links", &["parent_id", "child_id"], "parent_id, child_id", |row| {
            with(row, "child_id", &mut |task| task.parents.extend(row.id("parent_id")));
            with(row, "parent_id", &mut |task| task.children.extend(row.id("child_id")));
        })?;
        // The newest first, so that the others can be left out as they come.
        self.each("task_runs", &["task_id"], "id DESC", |row| {
            with(row, "task_id", &mut |task| push(&mut task.runs, || run(row)));
        })?;
        self.each("task_comments", &["task_id"], "id DESC", |row| {
            with(row, "task_id", &mut |task| push(&mut task.comments, || comment(row)));
        })?;
        self.each("task_events", &["task_id"], "id DESC", |row| {
            with(row, "task_id", &mut |task| {
                let is_told = |event: &Event| {
                    event.is_repetition() && task.events.iter().any(|newer| newer.kind == event.kind)
                };
                let event = event(row).filter(|event| !is_told(event));
                push(&mut task.events, || event);
            });
        })?;
        for task in &mut tasks {
            task.runs.reverse();
            task.comments.reverse();
            task.events.reverse();
        }
        Ok(tasks)
    }

    /// Goes over the rows of a table, as far as they are about the tasks that are read.
    fn each(
        &self,
        table: &str,
        about: &[&str],
        order: &str,
        mut take: impl FnMut(&Fields<'_>),
    ) -> rusqlite::Result<()> {
        if !has_table(self.connection, table)? {
            return Ok(());
        }
        let which = about.iter().map(|column| format!("{column} = ?1")).collect::<Vec<_>>().join(" OR ");
        let (which, id) = match self.only {
            Some(id) => (format!("WHERE {which}"), vec![id.as_str()]),
            None => (String::new(), Vec::new()),
        };
        let mut statement =
            self.connection.prepare(&format!("SELECT * FROM {table} {which} ORDER BY {order}"))?;
        let mut rows = statement.query(rusqlite::params_from_iter(id))?;
        while let Some(row) = rows.next()? {
            take(&Fields(row));
        }
        Ok(())
    }
}

fn push<T>(newest: &mut Vec<T>, next: impl FnOnce() -> Option<T>) {
    if newest.len() < NEWEST {
        newest.extend(next());
    }
}

fn task(row: &Fields<'_>) -> Option<Task> {
    let recurrences = row.whole("block_recurrences").and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
    let block_kind = match row.word("block_kind") {
        Some(word) => BlockKind::from_word(&word),
        // A block of no kind is remembered by its count alone.
        None => (recurrences > 0).then_some(BlockKind::Untyped),
    };
    let status = row.word("status").and_then(|word| Status::from_word(&word)).unwrap_or(Status::Other);
    Some(Task {
        id: row.id("id")?,
        title: row.text("title").unwrap_or_default(),
        assignee: row.word("assignee"),
        tenant: row.word("tenant"),
        status,
        workspace: workspace(row),
        created_at: row.time("created_at").unwrap_or_default(),
        started_at: row.time("started_at"),
        skills: row.json("skills").as_array().into_iter().flatten().filter_map(text_of).collect(),
        claim: claim(row, status),
        block_kind,
        recurrences,
        parents: Vec::new(),
        children: Vec::new(),
        runs: Vec::new(),
        events: Vec::new(),
        comments: Vec::new(),
    })
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn workspace(row: &Fields<'_>) -> Workspace {
    let path = row.word("workspace_path").map(std::path::PathBuf::from).filter(|path| path.is_absolute());
    match (row.word("workspace_kind").as_deref(), path) {
        (Some("scratch") | None, path) => Workspace::Scratch(path),
        (_, Some(path)) => Workspace::Kept(path),
        (_, None) => Workspace::Unknown,
    }
}

fn claim(row: &Fields<'_>, status: Status) -> Option<Claim> {
    let lock = row.word("claim_lock").or_else(|| (status == Status::Running).then(String::new))?;
    Some(Claim {
        run: row.whole("current_run_id"),
        lock,
        expires_at: row.time("claim_expires"),
        worker: row.whole("worker_pid").and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0),
    })
}

fn run(row: &Fields<'_>) -> Option<Run> {
    Some(Run {
        id: row.whole("id")?,
        profile: row.word("profile"),
        started_at: row.time("started_at").unwrap_or_default(),
        ended_at: row.time("ended_at"),
        outcome: row.word("outcome").map(|word| Outcome::from_word(&word).unwrap_or(Outcome::Other)),
        error: row.text("error"),
    })
}

fn comment(row: &Fields<'_>) -> Option<Comment> {
    Some(Comment {
        author: row.word("author")?,
        body: row.text("body").unwrap_or_default(),
        at: row.time("created_at").unwrap_or_default(),
    })
}

fn event(row: &Fields<'_>) -> Option<Event> {
    Some(Event {
        id: row.whole("id")?,
        run: row.whole("run_id"),
        kind: row.word("kind")?,
        payload: row.json("payload"),
        at: row.time("created_at").unwrap_or_default(),
    })
}

/// A row by the names of its columns.
struct Fields<'a>(&'a Row<'a>);

impl Fields<'_> {
    fn value(&self, column: &str) -> ValueRef<'_> {
        self.0.get_ref(column).unwrap_or(ValueRef::Null)
    }

    fn whole(&self, column: &str) -> Option<i64> {
        match self.value(column) {
            ValueRef::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// A word of the board, as it is; `None` if there is nothing in it.
    fn word(&self, column: &str) -> Option<String> {
        match self.value(column) {
            ValueRef::Text(bytes) if !bytes.is_empty() => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    /// What somebody wrote, which may hold a secret.
    fn text(&self, column: &str) -> Option<String> {
        self.word(column).map(|text| mask_keys(&text))
    }

    fn time(&self, column: &str) -> Option<DateTime<Utc>> {
        self.whole(column).and_then(|seconds| DateTime::from_timestamp(seconds, 0))
    }

    fn id(&self, column: &str) -> Option<TaskId> {
        self.word(column).and_then(|id| TaskId::new(id).ok())
    }

    fn json(&self, column: &str) -> Value {
        let text = self.word(column).unwrap_or_default();
        let mut value = serde_json::from_str(&text).unwrap_or_default();
        mask_texts(&mut value);
        value
    }
}
