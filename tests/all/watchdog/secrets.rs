//! A planted key appears in nothing that the watchdog prints, says or writes down.

use super::{COLLECTS, NOTE, Watched, said};

/// Keys of providers, as they look.
const KEYS: [&str; 3] = [
    "sk-or-v1-canary5d2f8e1b0123456789abcdef",
    "sk-ant-api03-canary77aa0123456789abcdefghij",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.canary90cc0123456789",
];

#[test]
fn a_key_is_in_nothing_that_is_printed_said_or_written_down() {
    let Some(watched) = Watched::start_with("", "backoff = \"1s\"\nmakes = 1") else { return };
    let all = KEYS.join(" ");
    let log = format!(
        "  ⚠️  API call failed (attempt 1/3): AuthenticationError [HTTP 401]\n   🔌 Provider: openai-codex  Model: gpt-test\n   \
         📝 Error: HTTP 401: Your authentication token {all} has been invalidated.\n{all}"
    );
    watched.board.write("said.log", &log);
    let fails = format!("cat '{}'", watched.path("said.log").display());
    let titled = |title: &str, key: &str, more: &[&str]| {
        let (folder, flag) = watched.board.workspace(&format!("{}/{key}", title.to_lowercase()));
        (
            watched
                .board
                .create(&format!("{title} on {key}"), &[&[flag.as_str(), "--body", &all], more].concat()),
            folder,
        )
    };
    let made = titled("Report", KEYS[0], &["--max-retries", "1"]);
    let lacking = titled("Note", KEYS[1], &["--max-retries", "1"]);
    let asked = titled("Note", KEYS[2], &[]);
    watched.deliver(
        &made.1,
        "make.sh",
        &format!("echo '{all}'; echo '{all}' >&2; echo '{all}' > report.md; exit 3"),
    );
    watched.deliver(&asked.1, "note.md", &format!("{NOTE}{all}\n"));
    watched
        .board
        .workers_of(&made.0, &format!("{COLLECTS}echo '{all}' > \"$workspace/raw/key.json\"; {fails}"));
    watched.board.workers_of(&lacking.0, &fails);
    watched.board.hermes(&["block", &asked.0, &format!("which of {all}?")]);
    watched.board.hermes(&["comment", &lacking.0, &format!("try {all}")]);
    for task in [&made.0, &lacking.0] {
        watched.until_given_up(task);
    }
    let log = watched.board.board().log(&pool_watchdog::TaskId::new(lacking.0.as_str()).unwrap());
    let commands: [&[&str]; 9] = [
        &["run", "--dry-run"],
        &["run", "--once"],
        &["run", "--once", "--json"],
        &["report"],
        &["report", "--json"],
        &["accept", &made.0],
        &["accept", &asked.0, "--json"],
        &["diagnose", log.to_str().unwrap(), "--profile", "worker1"],
        &["preflight", "worker1", "--json"],
    ];
    for words in commands {
        let output = watched.command(words).env("POOL_LOG", "trace").output().unwrap();
        is_clean(&format!("{words:?}"), &said(&output));
    }
    assert!(watched.actions(&made.0).contains(&"!make".to_owned()));
    assert!(watched.actions(&lacking.0).contains(&"block".to_owned()));
    for file in ["watchdog.jsonl", "PROJECT_STATE.md", "PROJECT_STATE.html"] {
        is_clean(file, &watched.page(file));
    }
    is_clean(
        "comments",
        &watched.board.query("SELECT group_concat(body) FROM task_comments WHERE author = 'pool-watchdog'"),
    );
    let of_ours = format!("task_id = '{}' AND kind = 'blocked'", lacking.0);
    is_clean(
        "blocks",
        &watched.board.query(&format!("SELECT group_concat(payload) FROM task_events WHERE {of_ours}")),
    );
}

#[track_caller]
fn is_clean(what: &str, text: &str) {
    assert!(!text.is_empty(), "{what}: nothing");
    assert!(!text.contains("canary") && !KEYS.iter().any(|key| text.contains(key)), "{what}: {text}");
}
