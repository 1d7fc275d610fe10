//! The entries of a bad afternoon: a worker lost its last call, and its board is made whole again.

use chrono::{DateTime, TimeDelta, Utc};
use pool_watchdog::{Card, Decided, Entry, Grid, Sheet, Told, What};

pub(crate) const BOARD: &str = "default";

/// Seconds after the story begins.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_780_000_000 + seconds)
}

pub(crate) fn on(seconds: i64, task: &str, what: What) -> Entry {
    Entry::new(at(seconds), BOARD, Some(task), what)
}

pub(crate) fn decided(decided: Decided) -> What {
    What::Decided(Box::new(decided))
}

pub(crate) fn began(action: &str, after_event: i64, says: &str) -> What {
    What::Began { action: action.to_owned(), after_event, says: says.to_owned() }
}

pub(crate) fn ended(action: &str, done: bool, says: &str) -> What {
    What::Ended { action: action.to_owned(), done, cut: false, says: says.to_owned() }
}

pub(crate) fn queue(tasks: Vec<Card>) -> What {
    What::Queue { tasks, gone: Vec::new() }
}

pub(crate) fn card(id: &str, title: &str, status: &str, assignee: &str, parents: &[&str]) -> Card {
    let mut card = Card::new(id, title, status);
    card.assignee = Some(assignee.to_owned());
    card.parents = parents.iter().map(|&parent| parent.to_owned()).collect();
    card
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn grid(path: &str, subjects: &[&str], dimensions: &[&str], missing: &[(usize, usize)]) -> Grid {
    let mut grid = Grid::new(path, texts(subjects), texts(dimensions));
    for (row, cells) in grid.covered.iter_mut().enumerate() {
        for (column, cell) in cells.iter_mut().enumerate() {
            *cell = !missing.contains(&(row, column));
        }
    }
    grid
}

const SUBJECTS: [&str; 4] = ["Hermes Agent", "Codex CLI", "OpenClaw", "Aider"];
const DIMENSIONS: [&str; 4] = ["sign-in", "retries", "evidence", "cost"];

fn sheet(missing: &[&str], cells: &[(usize, usize)]) -> Sheet {
    let mut sheet = Sheet::new("comparison reports");
    sheet.missing = texts(missing);
    sheet.evidence = 14;
    sheet.matrices = vec![
        grid("reports/final.md", &SUBJECTS, &DIMENSIONS, cells),
        grid("reports/final.html", &SUBJECTS, &[], &[]),
    ];
    sheet
}

fn told(mut decided: Decided, cause: &str, says: &str) -> Decided {
    decided.diagnosis = Some(Told::new(cause, says));
    decided
}

/// From the timeout of `t_52cac9ce` to its completion, and three other tasks beside it.
pub(crate) fn story() -> Vec<Entry> {
    let timeout = |decided| told(decided, "timeout", "API call failed after 3 retries: Request timed out.");
    let mut waits = timeout(Decided::new("wait", "timeout/rerun", "the board tries it once more by itself"));
    waits.until = Some(at(90));
    let mut makes = timeout(Decided::new(
        "make",
        "timeout/evidence",
        "the evidence is there, and two deliverables can be made from it",
    ));
    makes.acceptance = Some(sheet(
        &["reports/final.html is not there", "reports/final.md says nothing of OpenClaw: cost"],
        &[(2, 3)],
    ));
    let mut completes = timeout(Decided::new(
        "complete",
        "accepted",
        "all that the rule asks for is there, and no worker is at it",
    ));
    completes.acceptance = Some(sheet(&[], &[]));
    let mut blocks = told(
        Decided::new(
            "block",
            "protocol_violation/missing",
            "too little was collected to make the report from",
        ),
        "protocol_violation",
        "worker exited cleanly (rc=0) without calling kanban_complete or kanban_block",
    );
    blocks.acceptance = Some({
        let mut sheet = sheet(
            &[
                "raw/prices-*.json finds no file",
                "reports/prices.md is not there",
                "state/PROJECT_STATE.html was not updated during this task",
            ],
            &[(0, 3), (1, 3), (2, 2), (2, 3), (3, 3)],
        );
        sheet.evidence = 2;
        sheet
    });
    blocks.next = Some(
        "Collect the prices again: `cd ~/work/prices && ./collect.sh --only prices`; then hand the task back: `hermes kanban unblock t_8fe9e377 --reason \"prices collected\"`".to_owned(),
    );
    let mut login = told(
        Decided::new("leave", "needs_login", "the login was revoked, and only a person can sign in"),
        "revoked",
        "Your authentication token has been invalidated. Please try signing in again.",
    );
    login.next = Some("Sign in to Codex again: `codex login`".to_owned());

    vec![
        Entry::new(
            at(0),
            BOARD,
            None,
            queue(vec![
                card("t_52cac9ce", "Compare how four agents sign in", "ready", "researcher", &[]),
                card("t_3bb307f4", "Publish the comparison", "todo", "editor", &["t_52cac9ce"]),
                card("t_8fe9e377", "Compare what four agents cost", "blocked", "researcher", &[]),
                card("t_0ae52d24", "Watch the release notes", "running", "scout", &[]),
                card("t_77aa01bc", "Summarise the week", "todo", "editor", &["t_3bb307f4", "t_8fe9e377"]),
            ]),
        ),
        on(2, "t_52cac9ce", decided(waits)),
        on(
            4,
            "t_0ae52d24",
            decided(Decided::new("leave", "running/alive", "its worker is alive, process 48213")),
        ),
        on(124, "t_52cac9ce", decided(makes)),
        on(125, "t_52cac9ce", began("make", 41, "make reports (reports/final.md, reports/final.html)")),
        on(131, "t_52cac9ce", ended("make", false, "make: *** [reports/final.html] Error 1")),
        on(161, "t_52cac9ce", began("make", 44, "make reports (reports/final.md, reports/final.html)")),
        on(187, "t_52cac9ce", ended("make", true, "reports/final.md (18 kB), reports/final.html (31 kB)")),
        on(188, "t_52cac9ce", decided(completes)),
        on(189, "t_52cac9ce", began("complete", 45, "hermes kanban complete t_52cac9ce")),
        on(190, "t_52cac9ce", ended("complete", true, "the board says done, completed by run 8")),
        Entry::new(at(191), BOARD, None, began("dispatch", 46, "hermes kanban dispatch")),
        Entry::new(at(193), BOARD, None, ended("dispatch", true, "t_3bb307f4 is running")),
        Entry::new(
            at(194),
            BOARD,
            None,
            queue(vec![
                card("t_52cac9ce", "Compare how four agents sign in", "done", "researcher", &[]),
                card("t_3bb307f4", "Publish the comparison", "running", "editor", &["t_52cac9ce"]),
            ]),
        ),
        on(200, "t_8fe9e377", decided(blocks)),
        on(201, "t_8fe9e377", began("block", 52, "hermes kanban block t_8fe9e377 --kind needs_input")),
        on(
            202,
            "t_8fe9e377",
            ended("block", true, "the board says blocked, needs_input, for the first time"),
        ),
        Entry::new(
            at(210),
            "nightly",
            None,
            queue(vec![card("t_c0ffee00", "Mirror the sources", "blocked", "scout", &[])]),
        ),
        Entry::new(at(211), "nightly", Some("t_c0ffee00"), decided(login)),
        Entry::new(
            at(212),
            "nightly",
            Some("t_c0ffee00"),
            What::Noted { says: "the pool was told that openai-codex 9de82c is dead".to_owned() },
        ),
    ]
}

/// A board of many tasks, most of them done, each with a story of its own.
pub(crate) fn crowd(tasks: usize) -> Vec<Entry> {
    let statuses = ["done", "done", "done", "done", "done", "done", "done", "todo", "ready", "blocked"];
    let id = |number: usize| format!("t_{:08x}", number.wrapping_mul(2_654_435_761) & 0xffff_ffff);
    let card_of = |number: usize| {
        let status = statuses[number % statuses.len()];
        let parents = if status == "todo" { vec![id(number + 2)] } else { Vec::new() };
        let mut card = Card::new(id(number), format!("Report {number} of the quarter"), status);
        card.assignee = Some("researcher".to_owned());
        card.parents = parents;
        card
    };
    let mut entries = vec![Entry::new(at(0), BOARD, None, queue((0..tasks).map(card_of).collect()))];
    for number in 0..tasks {
        let (seconds, id) = (number as i64 * 60, id(number));
        let mut blocks = told(
            Decided::new("block", "crash/missing", "the worker crashed before it had collected enough"),
            "crash",
            "pid 48213 exited with code 1",
        );
        blocks.acceptance = Some(sheet(&["raw/*.json finds no file"], &[(0, 0), (1, 2)]));
        blocks.next = Some(format!("Give it back: `hermes kanban unblock {id}`"));
        entries.extend([
            on(seconds, &id, decided(blocks)),
            on(seconds + 1, &id, began("make", 40, "make reports")),
            on(seconds + 9, &id, ended("make", true, "reports/final.md (18 kB)")),
            on(seconds + 10, &id, began("complete", 41, "hermes kanban complete")),
            on(seconds + 11, &id, ended("complete", true, "the board says done")),
        ]);
    }
    entries
}
