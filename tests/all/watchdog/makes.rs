//! Commands that make what is missing, and do not.

use super::{COLLECTS, Watched};

/// Looks as a key does.
const KEY: &str = "sk-or-v1-canary5d2f8e1b0123456789abcdef";

/// A watchdog that waits for no command longer than a moment, and tries it twice.
fn start() -> Option<Watched> {
    Watched::start_with("", "backoff = \"1s\"\nmake_timeout = \"1s\"\nmakes = 2")
}

/// A report of which only the evidence is there, and what makes the rest. It is looked after until nothing more happens.
fn with_make(watched: &Watched, make: &str) -> (String, std::path::PathBuf) {
    let (task, folder) = watched.report("Report that is not made", &["--max-retries", "1"]);
    watched.deliver(&folder, "make.sh", &format!("echo tried >> tried.txt\n{make}"));
    watched.board.workers_of(&task, &format!("{COLLECTS}echo I think that is it."));
    watched.until_given_up(&task);
    watched.round();
    assert_eq!(watched.actions(&task), ["!make"]);
    watched.rounds_until(&task, "blocked");
    watched.round();
    (task, folder)
}

#[track_caller]
fn was_tried_twice_and_blocked(watched: &Watched, task: &str, folder: &std::path::Path) {
    assert_eq!(std::fs::read_to_string(folder.join("tried.txt")).unwrap(), "tried\ntried\n");
    assert_eq!(watched.actions(task), ["!make", "!make", "block"]);
    assert_eq!(watched.count(task, "spawned"), 1, "no worker was started meanwhile");
    let reason = watched.block_reason(task);
    assert!(reason.contains("report.md") && reason.contains("sh make.sh"), "{reason}");
    assert_eq!(watched.board.query(&format!("SELECT claim_lock FROM tasks WHERE id = '{task}'")), "");
    watched.nothing_is_in_triage();
}

#[test]
fn one_that_fails_is_tried_again_and_then_it_is_blocked() {
    let Some(watched) = start() else { return };
    let (task, folder) = with_make(&watched, &format!("echo 'no template, key {KEY}' >&2; exit 3"));
    was_tried_twice_and_blocked(&watched, &task, &folder);
    let journal = watched.page("watchdog.jsonl");
    assert!(journal.contains("no template, key") && !journal.contains("canary"), "{journal}");
    for page in ["PROJECT_STATE.md", "PROJECT_STATE.html"] {
        assert!(!watched.page(page).contains("canary"), "{page}");
    }
    let comments = watched.board.query("SELECT group_concat(body) FROM task_comments");
    assert!(!comments.contains("canary"), "{comments}");
}

#[test]
fn one_that_takes_too_long_is_ended_with_all_that_it_started() {
    let Some(watched) = start() else { return };
    let (task, folder) = with_make(&watched, "sleep 600 & echo $! > pid; wait");
    was_tried_twice_and_blocked(&watched, &task, &folder);
    let pid = std::fs::read_to_string(folder.join("pid")).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    assert!(status.is_err() || status.is_ok_and(|status| status.contains(") Z ")), "it lives");
    assert!(watched.page("watchdog.jsonl").contains("took longer than 1 s"));
}

#[test]
fn one_that_makes_too_little_is_no_success() {
    let Some(watched) = start() else { return };
    let (task, folder) = with_make(&watched, "echo '# Tools' > report.md");
    was_tried_twice_and_blocked(&watched, &task, &folder);
}
