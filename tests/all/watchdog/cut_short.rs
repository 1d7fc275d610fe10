//! A watchdog that is killed at any point, or told to end: whoever comes next goes on from there.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{CLOSES, COLLECTS, PAGE, REPORT, Watched, said};
use crate::hermes_board::PATIENCE;

const TIMEOUT: &str = include_str!("../../../crates/pool-watchdog/tests/logs/timeout.log");

/// `hermes`, which kills whoever called it before or after the call that the file `at` names, such as `3 before`.
const KILLER: &str = "#!/bin/sh\n\
    folder=$(dirname \"$0\")\n\
    number=$(($(cat \"$folder/calls\" 2>/dev/null || echo 0) + 1))\n\
    echo $number > \"$folder/calls\"\n\
    at=$(cat \"$folder/at\" 2>/dev/null)\n\
    if [ \"$at\" = \"$number before\" ]; then kill -9 $PPID; exit 1; fi\n\
    \"$folder/hermes\" \"$@\"\n\
    if [ \"$at\" = \"$number after\" ]; then kill -9 $PPID; fi\n";

/// Makes a report, and kills whoever wants it in the same way.
const MAKES: &str = "folder=$(dirname \"$PWD\")\n\
    at=$(cat \"$folder/at\" 2>/dev/null)\n\
    if [ \"$at\" = 'make before' ]; then kill -9 $PPID; exit 1; fi\n\
    cp finished.md report.md; cp finished.html report.html; echo made >> made.txt\n\
    if [ \"$at\" = 'make after' ]; then kill -9 $PPID; fi\n";

/// A board as it stands before each kill.
struct Cut {
    watched: Watched,
    before: TempDir,
}

impl Cut {
    fn start() -> Option<Watched> {
        let watched = Watched::start()?;
        watched.board.write_program("killer", KILLER);
        let hermes = format!("hermes = {:?}\n", watched.path("killer"));
        watched.settle(&hermes, "backoff = \"1s\"");
        Some(watched)
    }

    fn of(watched: Watched) -> Self {
        let before = tempfile::tempdir().unwrap();
        copy(watched.board.path(), before.path());
        Self { watched, before }
    }

    /// Kills a watchdog there, and lets the next one go on; answers whether it came that far.
    fn killed(&self, at: &str) -> bool {
        self.wait_until_alone();
        run(Command::new("find").arg(self.watched.board.path()).args(["-mindepth", "1", "-delete"]));
        copy(self.before.path(), self.watched.board.path());
        self.watched.board.write("at", at);
        let output = self.watched.watchdog(&["run", "--once"]);
        let was_killed = output.status.signal() == Some(9);
        assert!(was_killed || output.status.success(), "{at}: {}", said(&output));
        self.watched.board.write("at", "");
        self.watched.round();
        was_killed
    }

    /// Waits for the end of all that works there, such as what a watchdog started before it was killed.
    fn wait_until_alone(&self) {
        let home = self.watched.board.path().as_os_str().as_encoded_bytes();
        let is_there = |environment: &[u8]| environment.windows(home.len()).any(|part| part == home);
        let works = || {
            let processes = std::fs::read_dir("/proc").unwrap().flatten();
            let environments = processes.flat_map(|process| std::fs::read(process.path().join("environ")));
            environments.into_iter().any(|environment| is_there(&environment))
        };
        let begun = Instant::now();
        while works() {
            assert!(begun.elapsed() < PATIENCE, "something works there for ever");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it before and after each call of Hermes; `check` says what has to hold in the end.
    fn killed_anywhere(&self, others: &[&str], check: impl Fn(&Watched, &str)) {
        let mut calls = 0;
        for number in 1.. {
            let [before, after] = ["before", "after"].map(|when| {
                let at = format!("{number} {when}");
                let was_killed = self.killed(&at);
                check(&self.watched, &at);
                was_killed
            });
            assert_eq!(before, after);
            if !before {
                break;
            }
            calls = number;
        }
        assert!(calls > 0, "Hermes was never called");
        for at in others {
            assert!(self.killed(at), "{at} was not reached");
            check(&self.watched, at);
        }
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    run(Command::new("cp").arg("-a").arg(from.join(".")).arg(to));
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// A report that is to be made, and a child that waits for it.
fn to_be_made(watched: &Watched) -> (String, String) {
    let (task, folder) = watched.report("Report that is made", &["--max-retries", "1"]);
    let child = watched.board.create("Publish it", &["--parent", &task]);
    for (name, text) in [("finished.md", REPORT), ("finished.html", PAGE), ("make.sh", MAKES)] {
        watched.deliver(&folder, name, text);
    }
    watched.board.workers_of(&task, &format!("{COLLECTS}echo I think that is it."));
    watched.board.workers_of(&child, CLOSES);
    watched.until_given_up(&task);
    (task, child)
}

/// Done once, by one command or two, without another run; and what waited for it ran.
#[track_caller]
fn is_made(watched: &Watched, task: &str, child: &str, at: &str) {
    assert_eq!(watched.board.status(task), "done", "killed at {at}: {:?}", watched.board.events(task));
    watched.board.wait_until_status(child, "done");
    let counts = ["spawned", "completed", "blocked"].map(|kind| watched.count(task, kind));
    assert_eq!(counts, [1, 1, 0], "killed at {at}: {:?}", watched.board.events(task));
    assert_eq!(watched.count(child, "completed"), 1, "killed at {at}");
    let made = std::fs::read_to_string(watched.path("report-that-is-made/made.txt")).unwrap();
    assert_eq!(made, "made\n", "killed at {at}");
    watched.nothing_is_in_triage();
}

#[test]
fn a_watchdog_that_was_killed_while_it_took_hold_of_a_task_is_followed_by_another() {
    let Some(watched) = Cut::start() else { return };
    let (task, child) = to_be_made(&watched);
    let cut = Cut::of(watched);
    // It has ended the block, and claims it next.
    assert!(cut.killed("2 after"));
    is_made(&cut.watched, &task, &child, "2 after");
}

#[test]
#[ignore = "it takes long: .ci/kanban-peer runs it"]
fn a_watchdog_that_is_killed_anywhere_while_it_makes_and_completes_is_followed_by_another() {
    let Some(watched) = Cut::start() else { return };
    let (task, child) = to_be_made(&watched);
    Cut::of(watched)
        .killed_anywhere(&["make before", "make after"], |watched, at| is_made(watched, &task, &child, at));
}

#[test]
#[ignore = "it takes long: .ci/kanban-peer runs it"]
fn a_watchdog_that_is_killed_anywhere_while_it_blocks_is_followed_by_another() {
    let Some(watched) = Cut::start() else { return };
    let (task, _) = watched.failed("Note that never comes", "echo I have no idea.");
    Cut::of(watched).killed_anywhere(&[], |watched, at| {
        let events = watched.board.events(&task);
        assert_eq!(watched.board.status(&task), "blocked", "killed at {at}: {events:?}");
        assert_eq!(
            ["spawned", "blocked"].map(|kind| watched.count(&task, kind)),
            [1, 1],
            "killed at {at}: {events:?}"
        );
        assert!(watched.block_reason(&task).contains("note.md"), "killed at {at}");
        watched.nothing_is_in_triage();
    });
}

#[test]
#[ignore = "it takes long: .ci/kanban-peer runs it"]
fn a_watchdog_that_is_killed_anywhere_while_it_has_a_task_run_again_is_followed_by_another() {
    let Some(watched) = Cut::start() else { return };
    let script = watched.ends_with(TIMEOUT);
    let (task, _) = watched.failed("Note that timed out", &script);
    watched.rounds_until_it_may_run_again(&task);
    Cut::of(watched).killed_anywhere(&[], |watched, at| {
        let events = watched.board.events(&task);
        assert_eq!(watched.board.status(&task), "ready", "killed at {at}: {events:?}");
        assert_eq!(watched.count(&task, "unblocked"), 1, "killed at {at}: {events:?}");
    });
}

impl Watched {
    /// Waits until a retry has not to be waited for.
    fn rounds_until_it_may_run_again(&self, task: &str) {
        let begun = Instant::now();
        loop {
            let said = said(&self.watchdog(&["run", "--dry-run"]));
            if said.contains(&format!("{task} retry")) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{said}");
        }
    }
}

#[test]
fn a_signal_waits_for_the_action_at_hand() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.report("Report that takes a while", &["--max-retries", "1"]);
    let makes = "touch began; until [ -e go ]; do sleep 0.05; done; cp finished.md report.md; cp finished.html report.html";
    for (name, text) in [("finished.md", REPORT), ("finished.html", PAGE), ("make.sh", makes)] {
        watched.deliver(&folder, name, text);
    }
    watched.board.workers_of(&task, &format!("{COLLECTS}echo I think that is it."));
    watched.until_given_up(&task);
    let (later, of_later) = watched.failed("Note for later", "echo I am done.");
    watched.deliver(&of_later, "note.md", super::NOTE);
    let mut command = watched.command(&["run", "--interval", "1h"]);
    let mut watchdog = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    super::wait_for(&folder.join("began"));
    run(Command::new("kill").args(["-TERM", &watchdog.id().to_string()]));
    let note = BufReader::new(watchdog.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(note.contains("an action is under way"), "{note}");
    watched.deliver(&folder, "go", "");
    let ended: ExitStatus = watchdog.wait().unwrap();
    assert_eq!(ended.signal(), Some(15));
    assert_eq!(watched.actions(&task), ["make", "complete", "dispatch"], "what was made is handed in");
    assert_eq!(watched.board.status(&later), "blocked", "and nothing else is begun");
    watched.round();
    assert_eq!(watched.board.status(&later), "done");
}

/// The board ends a worker that takes too long by a signal, which none of them may have inherited as one that waits.
#[test]
fn whatever_the_watchdog_starts_hears_signals() {
    let Some(watched) = Watched::start() else { return };
    let (task, folder) = watched.report("Signals of a command", &["--max-retries", "1"]);
    let rule = "[[task]]\nname = \"signals\"\ntitle = \"Signals*\"\nstate = []\n[[task.deliverable]]\npath = \"status.md\"\n\
        make = [\"cp\", \"/proc/self/status\", \"status.md\"]\n";
    let settings = std::fs::read_to_string(watched.path("watch/watchdog.toml")).unwrap();
    watched.board.write("watch/watchdog.toml", &format!("{settings}{rule}"));
    watched.until_given_up(&task);
    watched.round();
    let status = std::fs::read_to_string(folder.join("status.md")).unwrap();
    assert!(status.contains("SigBlk:\t0000000000000000\n"), "{status}");
}
