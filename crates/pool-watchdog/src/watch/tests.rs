//! Whatever a board, its logs and its workspaces hold, however cut or garbled: no task is completed without acceptance, or over somebody
//! who is at it, and looking changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::select;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::act::Act;
use super::look::{Examined, Looked};
use super::*;
use crate::board::Life;
use crate::decision::Action;
use crate::diagnosis::harm::{KEY, harmed, slipped};
use crate::files;
use crate::history::BlockedBy;
use crate::journal::What;
use crate::task::Status;
use crate::task::{BlockKind, Outcome};
use crate::testing::World;

/// The columns that are read.
const TABLES: &str = "
PRAGMA synchronous = OFF;
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT, assignee TEXT, status TEXT, created_at INTEGER, started_at INTEGER, workspace_kind TEXT,
    workspace_path TEXT, claim_lock TEXT, claim_expires INTEGER, worker_pid INTEGER, current_run_id INTEGER, block_kind TEXT,
    block_recurrences INTEGER);
CREATE TABLE task_links (parent_id TEXT, child_id TEXT);
CREATE TABLE task_comments (id INTEGER PRIMARY KEY, task_id TEXT, author TEXT, body TEXT, created_at INTEGER);
CREATE TABLE task_events (id INTEGER PRIMARY KEY, task_id TEXT, run_id INTEGER, kind TEXT, payload TEXT, created_at INTEGER);
CREATE TABLE task_runs (id INTEGER PRIMARY KEY, task_id TEXT, profile TEXT, started_at INTEGER, ended_at INTEGER, outcome TEXT, error TEXT);
";

/// What tasks have to deliver, by their titles.
const RULES: &str = r#"
[policy]
ends_blocks_of = ["transient"]

[[task]]
name = "report"
title = "Report*"
evidence = ["raw/*.json"]
state = []
deliverable = [{ path = "report.md", subjects = ["Codex"], dimensions = ["Price"], make = ["make", "report"] }]

[[task]]
name = "state"
title = "State*"
evidence = ["raw/*.json"]
"#;

/// A row of the board and what belongs to it.
#[derive(Clone, Debug)]
struct Made {
    title: &'static str,
    status: Status,
    assignee: Option<&'static str>,
    is_scratch: bool,
    /// Whether a claim is on it, by a process of which machine, and whether that lives.
    claim: Option<(bool, Option<bool>)>,
    block_kind: Option<BlockKind>,
    recurrences: i64,
    history: Vec<Happened>,
    log: Option<String>,
    files: Vec<File>,
}

/// One thing that happened to a task.
#[derive(Clone, Debug)]
enum Happened {
    Event(&'static str, Value),
    Said(&'static str, &'static str),
    Ran(Option<Outcome>),
    Journal(Action, Option<bool>),
}

/// A file in a workspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum File {
    Evidence,
    HollowEvidence,
    Report,
    ReportOfHeadings,
    State,
    OldState,
    PageOfState,
    JournalAsState,
}

impl File {
    const ALL: [Self; 8] = [
        Self::Evidence,
        Self::HollowEvidence,
        Self::Report,
        Self::ReportOfHeadings,
        Self::State,
        Self::OldState,
        Self::PageOfState,
        Self::JournalAsState,
    ];

    /// Its path and what is in it.
    fn of(self) -> (&'static str, &'static str) {
        match self {
            Self::Evidence => ("raw/a.json", r#"{"price": 20}"#),
            Self::HollowEvidence => ("raw/a.json", "{}"),
            Self::Report => ("report.md", "# Codex\n\n## Price\n\nIt is 20 dollars.\n"),
            Self::ReportOfHeadings => ("report.md", "# Codex\n\n## Price\n\nTODO\n"),
            Self::State | Self::OldState => ("state/PROJECT_STATE.md", "All of it is collected.\n"),
            Self::PageOfState => ("state/PROJECT_STATE.html", "<p>All of it is collected.</p>\n"),
            Self::JournalAsState => (
                "state/PROJECT_STATE.html",
                "<!-- pool-watchdog:begin -->\n<p>All of it is collected.</p>\n<!-- pool-watchdog:end -->\n",
            ),
        }
    }
}

/// A time before any task began.
const LONG_AGO: i64 = 1_600_000_000;
/// When all that is on the board was made.
const THEN: i64 = 1_700_000_000;

const KINDS: [&str; 14] = [
    "created",
    "claimed",
    "spawned",
    "heartbeat",
    "protocol_violation",
    "crashed",
    "timed_out",
    "spawn_failed",
    "gave_up",
    "blocked",
    "unblocked",
    "completed",
    "reclaimed",
    "pondered",
];

const SAYINGS: [&str; 6] = [
    "BLOCKED: pool-watchdog: something is missing",
    "UNBLOCK: the cause may have passed",
    "HOLD: its evidence is there",
    "pool-watchdog: something is missing",
    "BLOCKED: which of the two?",
    "sk-proj-CANARY-0123456789abcdef is my key\u{1b}[31m",
];

fn happened() -> impl Strategy<Value = Happened> {
    let payload = prop_oneof![
        Just(Value::Null),
        Just(json!({"reason": "no", "kind": "transient"})),
        Just(json!({"error": format!("exit \u{1b}[1m{KEY}"), "pid": std::process::id()})),
        Just(json!(["odd"])),
    ];
    let kinds = select(&KINDS[..]);
    let authors = select(vec!["pool-watchdog", "default", ""]);
    prop_oneof![
        4 => (kinds, payload).prop_map(|(kind, payload)| Happened::Event(kind, payload)),
        2 => (authors, select(&SAYINGS[..])).prop_map(|(author, body)| Happened::Said(author, body)),
        3 => prop::option::weighted(0.8, select(Outcome::ALL)).prop_map(Happened::Ran),
        1 => (select(Action::ALL), any::<Option<bool>>()).prop_map(|(action, done)| Happened::Journal(action, done)),
    ]
}

prop_compose! {
    fn made()(
        title in select(vec!["Report on prices", "State of it", "Whatever"]),
        status in prop_oneof![select(Status::ALL), select(vec![Status::Blocked, Status::Running, Status::Ready])],
        assignee in prop::option::of(select(vec!["writer", "nobody", "../x", ""])),
        is_scratch in any::<bool>(),
        claim in any::<Option<(bool, Option<bool>)>>(),
        block_kind in prop::option::of(select(BlockKind::ALL)),
        recurrences in -1..3_i64,
        history in prop::collection::vec(happened(), 0..8),
        log in prop::option::of(harmed().prop_flat_map(slipped)),
        files in prop_oneof![
            Just(vec![File::Evidence, File::Report, File::State, File::PageOfState]),
            prop::collection::vec(select(&File::ALL[..]), 0..6),
        ],
    ) -> Made {
        Made { title, status, assignee, is_scratch, claim, block_kind, recurrences, history, log, files }
    }
}

impl Made {
    /// What its rule makes of its workspace, told without looking: of two files of one name the later is there.
    fn is_delivered(&self) -> bool {
        let last: BTreeMap<&str, File> = self.files.iter().map(|file| (file.of().0, *file)).collect();
        let has = |wanted: &[File]| wanted.iter().all(|file| last.get(file.of().0) == Some(file));
        match self.title {
            "Report on prices" => has(&[File::Evidence, File::Report]),
            "State of it" => has(&[File::Evidence, File::State, File::PageOfState]),
            _ => false,
        }
    }
}

/// A home of Hermes with such a board. There is no `hermes` in it, and no `codex`.
struct Scene {
    world: World,
    watchdog: Watchdog,
}

impl Scene {
    fn of(tasks: &[Made]) -> Self {
        let mut world = World::new();
        let settings =
            Settings::parse(RULES, &world.path(""), &Environment::of_user(world.path(""))).unwrap();
        world.settings =
            Settings { hermes: world.path("no/hermes"), codex: world.path("no/codex"), ..settings };
        let watchdog = Watchdog::new(world.settings.clone(), Environment::of_user(world.path("")));
        let scene = Self { world, watchdog };
        let mut connection = Connection::open(scene.world.path(".hermes/kanban.db")).unwrap();
        connection.execute_batch(TABLES).unwrap();
        let all = connection.transaction().unwrap();
        let mut journal = String::new();
        for (number, task) in tasks.iter().enumerate() {
            journal += &scene.put(&all, &format!("t_{number}"), task);
        }
        // Each waits for the one before it.
        all.execute(
            "INSERT INTO task_links SELECT a.id, b.id FROM tasks a, tasks b WHERE b.rowid = a.rowid + 1",
            [],
        )
        .unwrap();
        all.commit().unwrap();
        scene.world.write("state/watchdog.jsonl", &journal);
        scene
    }

    /// Puts a task on the board, and answers what the journal has of it.
    fn put(&self, all: &Connection, id: &str, task: &Made) -> String {
        let folder = format!(".hermes/{}/{id}", if task.is_scratch { "kanban/workspaces" } else { "kept" });
        let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
        let lock = task.claim.map(|(is_here, _)| format!("{}:7", if is_here { &host } else { "elsewhere" }));
        let worker = task
            .claim
            .and_then(|(_, lives)| lives.map(|lives| if lives { std::process::id() } else { u32::MAX }));
        all.execute(
            "INSERT INTO tasks VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, NULL, ?9, 1, ?10, ?11)",
            params![
                id,
                task.title,
                task.assignee,
                task.status.as_str(),
                THEN,
                if task.is_scratch { "scratch" } else { "dir" },
                self.world.path(&folder).display().to_string(),
                lock,
                worker,
                task.block_kind.map(BlockKind::as_str),
                task.recurrences,
            ],
        )
        .unwrap();
        for file in &task.files {
            let (path, text) = file.of();
            let path = format!("{folder}/{path}");
            self.world.write(&path, text);
            if *file == File::OldState {
                let then = std::time::UNIX_EPOCH + Duration::from_secs(LONG_AGO.unsigned_abs());
                fs::File::open(self.world.path(&path)).unwrap().set_modified(then).unwrap();
            }
        }
        if let Some(log) = &task.log {
            self.world.write(&format!(".hermes/kanban/logs/{id}.log"), log);
        }
        task.history.iter().map(|happened| happen(all, id, happened)).collect()
    }

    /// Every file in the home, with what is in it and when it was written.
    fn files(&self) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
        fn walk(folder: &Path, files: &mut BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, files);
                } else {
                    let modified = fs::metadata(&path).unwrap().modified().unwrap();
                    files.insert(path.clone(), (fs::read(&path).unwrap(), modified));
                }
            }
        }
        let mut files = BTreeMap::new();
        walk(&self.world.path(""), &mut files);
        files
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(THEN, 0).unwrap() + TimeDelta::hours(1)
    }
}

/// Adds it to the board; answers the lines of the journal, where it is there.
fn happen(all: &Connection, id: &str, happened: &Happened) -> String {
    let event = |kind: &str, run: Option<i64>, payload: &Value| {
        let sql = "INSERT INTO task_events VALUES (NULL, ?1, ?2, ?3, ?4, ?5)";
        all.execute(sql, params![id, run, kind, payload.to_string(), THEN]).unwrap();
    };
    match happened {
        Happened::Event(kind, payload) => event(kind, Some(1), payload),
        Happened::Said(author, body) => {
            let sql = "INSERT INTO task_comments VALUES (NULL, ?1, ?2, ?3, ?4)";
            all.execute(sql, params![id, author, body, THEN]).unwrap();
            event("commented", None, &json!({"author": author, "len": body.chars().count()}));
        }
        Happened::Ran(outcome) => {
            let sql = "INSERT INTO task_runs VALUES (NULL, ?1, 'writer', ?2, ?3, ?4, NULL)";
            let ended = outcome.map(|_| THEN);
            all.execute(sql, params![id, THEN, ended, outcome.map(Outcome::as_str)]).unwrap();
        }
        Happened::Journal(action, done) => {
            let at = DateTime::from_timestamp(THEN, 0).unwrap();
            let entry =
                |what| serde_json::to_string(&Entry::new(at, "default", Some(id), what)).unwrap() + "\n";
            let (action, says) = (action.as_str().to_owned(), String::new());
            let began = entry(What::Began { action: action.clone(), after_event: 1, says: says.clone() });
            return began
                + &done
                    .map(|done| entry(What::Ended { action, done, cut: false, says }))
                    .unwrap_or_default();
        }
    }
    String::new()
}

/// Whether somebody is at it, or has a reason that it stands.
fn is_somebodys(task: &Task, life: &Life, policy: &crate::Policy) -> bool {
    let is_claimed = task.status == Status::Running && !matches!(life, Life::Gone { .. }) && !task.is_held();
    let by_a_person = matches!(task.block(), Some(BlockedBy::Person { .. }));
    is_claimed || by_a_person && !task.block_kind.is_some_and(|kind| policy.ends_blocks_of.contains(&kind))
}

fn check(scene: &Scene, board: &Board, made: &Made, looked: &Looked) -> Result<(), TestCaseError> {
    let action = looked.decision.action;
    let policy = &scene.watchdog.settings.policy;
    if is_somebodys(&looked.task, &board.life(&looked.task), policy) {
        prop_assert_eq!(action, Action::Leave);
    }
    let is_accepted = looked.acceptance.as_ref().is_some_and(Acceptance::is_accepted);
    if looked.acceptance.is_some() {
        prop_assert_eq!(is_accepted, made.is_delivered());
    }
    match action {
        Action::Complete => prop_assert!(is_accepted && looked.case.stage.is_open()),
        Action::Make => {
            let makes = looked.acceptance.as_ref().and_then(Acceptance::makes);
            prop_assert!(makes.is_some_and(|makes| !makes.is_empty()));
        }
        _ => {}
    }
    let around = scene.world.around();
    let act = Act { settings: &scene.watchdog.settings, around: &around, board };
    let plan = act.plan(looked);
    prop_assert!(
        plan.lines().count() <= 50 && !plan.contains(|c: char| c.is_control() && c != '\n'),
        "{plan:?}"
    );
    let says = looked.diagnosis.iter().map(|diagnosis| &diagnosis.says).chain(&looked.next);
    for says in says {
        prop_assert!(says.chars().count() <= 1000 && !says.contains(char::is_control), "{says:?}");
    }
    let entry = entry_of(scene.now(), "default", looked);
    let Looked { diagnosis, acceptance, next, .. } = looked;
    let shown =
        format!("{plan} {} {diagnosis:?} {acceptance:?} {next:?}", serde_json::to_string(&entry).unwrap());
    prop_assert!(!shown.contains(KEY), "{shown}");
    Ok(())
}

/// One that the board takes for running, and whose worker is gone.
const GONE: Made = Made {
    title: "Report on prices",
    status: Status::Running,
    assignee: Some("writer"),
    is_scratch: false,
    claim: Some((true, Some(false))),
    block_kind: None,
    recurrences: 0,
    history: Vec::new(),
    log: None,
    files: Vec::new(),
};

#[test]
fn a_board_that_does_not_see_that_a_worker_is_gone_is_asked_once() {
    let scene = Scene::of(&[GONE]);
    scene.world.program("hermes", r#"echo '{"spawned": []}'"#);
    let settings = Settings { hermes: scene.world.path("bin/hermes"), ..scene.watchdog.settings().clone() };
    let watchdog = Watchdog::new(settings, Environment::of_user(scene.world.path("")));
    let ended = |after| {
        let mut ended = Vec::new();
        let mut tell = |entry: &Entry| {
            if let What::Ended { action, done, says, .. } = &entry.what {
                ended.push(format!("{action} {done}: {says}"));
            }
        };
        watchdog
            .round(&mut watchdog.journal(), &|| scene.now() + TimeDelta::seconds(after), &|| false, &mut tell)
            .unwrap();
        ended
    };
    let once = ["dispatch false: the board does not see yet that its worker is gone"];
    assert_eq!(ended(0), once);
    assert_eq!(ended(30), [""; 0], "it waits");
    assert_eq!(ended(120), once);
}

#[test]
fn what_has_moved_on_has_not_failed() {
    let crashed = vec![Happened::Event("crashed", json!({"exit_kind": "nonzero_exit", "exit_code": 1}))];
    let scene = Scene::of(&[Made { status: Status::Ready, claim: None, history: crashed, ..GONE }]);
    let board = scene.world.path(".hermes/kanban.db");
    let mut ended = Vec::new();
    let mut tell = |entry: &Entry| match &entry.what {
        // Somebody is faster, between the decision and the action.
        What::Decided(_) => {
            let said = "INSERT INTO task_events (task_id, kind, created_at) VALUES ('t_0', 'assigned', 0)";
            Connection::open(&board).unwrap().execute(said, []).unwrap();
        }
        What::Ended { action, done, cut, .. } => ended.push((action.clone(), *done, *cut)),
        _ => {}
    };
    let mut journal = scene.watchdog.journal();
    scene.watchdog.round(&mut journal, &|| scene.now(), &|| false, &mut tell).unwrap();
    assert_eq!(ended, [("block".to_owned(), false, true)]);
    assert_eq!(journal.state().unwrap().attempts("default", "t_0", "block", 0).failed, 0);
}

#[test]
fn a_board_that_cannot_be_read_hides_no_other() {
    let mut scene = Scene::of(&[GONE]);
    scene.watchdog.settings.boards = vec!["nowhere".to_owned(), "default".to_owned()];
    let mut told = 0;
    let error = scene.watchdog.rehearse(scene.now(), &mut |_| told += 1).unwrap_err();
    assert!(error.to_string().contains("nowhere") && told == 1, "{error}");
    let accept = |id| scene.watchdog.accept(&TaskId::new(id).unwrap(), scene.now());
    assert_eq!(accept("t_0").unwrap().board, "default");
    assert!(accept("t_1").unwrap_err().to_string().contains("nowhere"), "it may be there");
}

#[test]
fn what_is_to_be_done_names_commands_that_the_board_takes() {
    let scene =
        Scene::of(&[Status::Blocked, Status::Todo, Status::Done].map(|status| Made { status, ..GONE }));
    let boards = scene.world.path(".hermes/kanban/boards/side");
    files::make_folder(&boards).unwrap();
    files::copy_file(&scene.world.path(".hermes/kanban.db"), &boards.join("kanban.db")).unwrap();
    let next = |board: &str, id| {
        let mut watchdog = scene.watchdog.clone();
        watchdog.settings.boards = vec![board.to_owned()];
        watchdog.accept(&TaskId::new(id).unwrap(), scene.now()).unwrap().next
    };
    let again = |command| format!("; to have it run again: `{command}`");
    assert!(next("default", "t_0").unwrap().ends_with(&again("hermes kanban unblock t_0")));
    assert!(next("side", "t_0").unwrap().ends_with(&again("hermes kanban --board side unblock t_0")));
    assert!(!next("default", "t_1").unwrap().contains("unblock"), "the board unblocks what is blocked");
    assert_eq!(next("default", "t_2"), None, "it is finished");
}

#[test]
fn a_title_without_end_does_not_fill_the_journal() {
    let title = "A whole report. ".repeat(2_000).leak();
    let scene = Scene::of(&[Made { title, status: Status::Blocked, ..GONE }]);
    let mut journal = scene.watchdog.journal();
    scene.watchdog.round(&mut journal, &|| scene.now(), &|| false, &mut |_| {}).unwrap();
    let journal = scene.world.read("state/watchdog.jsonl");
    assert!(journal.contains("A whole report. A whole") && journal.len() < 10_000, "{}", journal.len());
}

proptest! {
    // Each case has files and a database of its own.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_task_is_completed_without_acceptance(tasks in prop::collection::vec(made(), 1..5)) {
        let scene = Scene::of(&tasks);
        let before = scene.files();
        let mut told = Vec::new();
        scene.watchdog.rehearse(scene.now(), &mut |entry| told.push(entry.clone())).unwrap();

        let board = Board::find(&scene.watchdog.settings, "default").unwrap();
        let around = scene.watchdog.around(scene.now());
        let mut journal = scene.watchdog.journal();
        let look = Look { settings: &scene.watchdog.settings, around: &around, board: &board, journal: journal.state().unwrap(), examined: &Examined::default() };
        let mut looked_at = Vec::new();
        for (task, made) in board.read().unwrap().into_iter().zip(&tasks) {
            let looked = look.at(task);
            check(&scene, &board, made, &looked)?;
            if looked.case.stage != Stage::Finished {
                looked_at.push(entry_of(scene.now(), "default", &looked));
            }
        }
        prop_assert_eq!(told, looked_at, "a rehearsal tells what is decided");
        prop_assert_eq!(scene.files(), before, "looking changes nothing");
    }
}
