//! What the watchdog does in a round: a log is diagnosed, a board is read, the pages are published, and all of that where nothing is to be done.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use pool_benches::{bench_pair, folder, read_rows, write_board};
use pool_sources::Environment;
use pool_watchdog::{
    Board, Card, Decided, Entry, Evidence, Journal, PageKind, Settings, Watchdog, What, diagnose,
};
use tempfile::TempDir;

/// So much of the end of a log is read.
const TAIL: usize = 256 * 1024;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_100_000, 0).unwrap_or_default()
}

/// One long attempt, and many short ones, each of which ends in a timeout.
fn logs() -> [(&'static str, String); 2] {
    let begin = "\u{1b}[1;34mQuery:\u{1b}[0m work kanban task t_52cac9ce\nInitializing agent...\n\n";
    let work = "  ┊ 💻 preparing terminal…\n  ┊ 💻 $         curl -s https://example.org/prices.json  0.8s\n  ┊ review diff\n+{\"price\": 20}\n";
    let end = "⚠️  API call failed (attempt 3/3): APITimeoutError\n   🔌 Provider: openai-codex  Model: gpt-5.5\n   📝 Error: Request timed out.\n\
               ❌ API failed after 3 retries — Request timed out.\n\nSession:        20261121_030558_f0c3a7\n";
    let attempt = |length: usize| format!("{begin}{}{end}", work.repeat(length / work.len()));
    [("one attempt", attempt(TAIL)), ("attempts of 2 kB", attempt(2048).repeat(TAIL / 2048))]
}

fn diagnoses(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("diagnose");
    group.sample_size(20);
    for (name, log) in logs() {
        let name = format!("diagnose 256 KiB, {name}");
        let lines = |log: &mut &str| black_box(*log).lines().map(|line| line.chars().count()).sum::<usize>();
        bench_pair(&mut group, &name, || log.as_str(), lines, |log| diagnose(&Evidence::at(now()).log(log)));
    }
}

/// A home of Hermes with a board, and settings for it. No command can be run.
fn watched(count: usize) -> (TempDir, Settings) {
    let home = folder(env!("CARGO_TARGET_TMPDIR"));
    write_board(home.path(), count);
    let text = "home = \".\"\nhermes = \"./none\"\ncodex = \"./none\"\nstate = \"state\"\n\
                [[task]]\nname = \"reports\"\nevidence = [\"raw/*.json\"]\nstate = []\n\
                deliverable = [{ path = \"report.md\", subjects = [\"Codex\"], dimensions = [\"Price\"] }]\n";
    let settings =
        Settings::parse(text, home.path(), &Environment::of_user(home.path())).expect("it is well formed");
    (home, settings)
}

fn boards(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("board");
    group.sample_size(20);
    for count in [10, 1_000] {
        let (home, settings) = watched(count);
        let board = Board::find(&settings, "default").expect("it is there");
        let name = format!("a board of {count} tasks");
        bench_pair(
            &mut group,
            &name,
            || (),
            |()| read_rows(home.path()),
            |()| board.read().expect("it can be read"),
        );
    }
}

/// Nothing is to be done, and nothing is new.
fn rounds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("round");
    group.sample_size(20);
    for count in [10, 1_000] {
        let (home, settings) = watched(count);
        let mut journal = Journal::open(&settings.state);
        let path = journal.path().to_owned();
        let watchdog = Watchdog::new(settings, Environment::of_user(home.path()));
        let mut round =
            || watchdog.round(&mut journal, &now, &|| false, &mut |_| ()).expect("the board can be read");
        round();
        let first = fs::read(&path).expect("it has begun");
        let name = format!("an idle round of {count} tasks");
        bench_pair(&mut group, &name, || (), |()| read_rows(home.path()), |()| round());
        assert_eq!(fs::read(&path).expect("it is there"), first, "nothing was to be done");
    }
}

/// Replaces a file by these bytes, as simply as that can be done so that it lasts.
#[expect(clippy::disallowed_methods, reason = "it is measured against what the journal does")]
fn floor(folder: &Path, pages: &[Vec<u8>]) {
    for page in pages {
        let sibling = folder.join("floor.tmp");
        let mut file = File::create(&sibling).expect("the folder can be written to");
        file.write_all(page).expect("there is room");
        file.sync_all().expect("it can be synced");
        fs::rename(&sibling, folder.join("floor.page")).expect("it can be renamed");
        File::open(folder).and_then(|folder| folder.sync_all()).expect("it can be synced");
    }
}

/// Both pages, of which something changed on each.
fn pages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish");
    group.sample_size(20);
    for count in [10, 1_000] {
        let folder = folder(env!("CARGO_TARGET_TMPDIR"));
        let mut journal = Journal::open(folder.path());
        let cards: Vec<Card> = (0..count)
            .map(|number| {
                Card::new(format!("t_{number:08x}"), format!("Report {number} on prices"), "blocked")
            })
            .collect();
        journal.append_queue(now(), "default", &cards).expect("it can be written");
        for card in &cards {
            let decided = Decided::new("leave", "told", "what is missing has been said");
            let entry = Entry::new(now(), "default", Some(&card.id), What::Decided(Box::new(decided)));
            journal.append(&entry).expect("it can be written");
        }
        journal.publish().expect("it can be written");
        let pages = PageKind::ALL.map(|kind| fs::read(journal.page(kind)).expect("it is there"));
        let mut minutes = 0;
        let change = || {
            minutes += 1;
            let says = format!("no task is ready for {minutes} minutes");
            let at = now() + TimeDelta::minutes(minutes);
            let entry = Entry::new(at, "default", None, What::Noted { says });
            Journal::open(folder.path()).append(&entry).expect("it can be written");
        };
        let name = format!("publish {count} tasks");
        let publish = |_: &mut ()| journal.publish().expect("it can be written");
        bench_pair(&mut group, &name, change, |_| floor(folder.path(), &pages), publish);
    }
}

criterion_group!(all, diagnoses, boards, rounds, pages);
criterion_main!(all);
