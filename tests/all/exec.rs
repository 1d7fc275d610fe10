//! `pool exec` with real processes: what the command gets, and how it ends.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use crate::support::Home;

const KEY: &str = "canary-key-5d2f8e1b";
const OTHER: &str = "canary-key-77aa90cc";

fn home() -> Home {
    Home::with_store(&format!(
        r#"{{"version": 1, "credential_pool": {{
            "openrouter": [{{"id": "a1", "label": "first", "access_token": "{KEY}"}},
                           {{"id": "a2", "label": "second", "access_token": "{OTHER}"}}],
            "custom:acme": [{{"id": "b1", "access_token": "{KEY}"}}]}}}}"#
    ))
}

/// `pool exec` with these arguments, in an environment that is empty but for the home.
fn exec(home: &Home, arguments: &[&str]) -> Command {
    let mut command = home.pool_command();
    command.env("PATH", "/usr/bin:/bin").arg("exec").args(arguments);
    command
}

fn run(home: &Home, arguments: &[&str]) -> Output {
    exec(home, arguments).output().unwrap()
}

/// Runs a script for the shell on the first key of openrouter.
fn script(home: &Home, script: &str) -> Output {
    run(home, &["openrouter", "--", "sh", "-c", script])
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[track_caller]
fn assert_failed(output: &Output, code: i32, says: &str) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(text(&output.stdout), "");
    let said = text(&output.stderr);
    assert!(said.contains(says) && !said.contains(KEY), "{said}");
}

#[test]
fn the_command_gets_the_secret_in_the_usual_variable_and_nothing_else_is_said() {
    let output = script(&home(), "printf %s \"$OPENROUTER_API_KEY\"");
    assert_eq!((text(&output.stdout), text(&output.stderr)), (KEY, ""));
    assert!(output.status.success());
}

#[test]
fn named_variables_take_its_place() {
    let home = home();
    let output = run(&home, &["custom:acme", "--env", "ACME_KEY", "--env", "B", "--", "env"]);
    let variables: Vec<&str> = text(&output.stdout).lines().filter(|line| line.contains(KEY)).collect();
    assert_eq!(variables, [format!("ACME_KEY={KEY}"), format!("B={KEY}")]);
    let output = run(&home, &["openrouter", "--env", "B", "--", "env"]);
    assert!(!text(&output.stdout).contains("OPENROUTER_API_KEY"));
}

#[test]
fn nothing_else_in_the_environment_changes() {
    let home = home();
    let mut command = exec(&home, &["openrouter", "--", "env"]);
    command.env("OPENROUTER_API_KEY", "an older one").env("POOL_LOG", "error");
    let expected = [
        format!("HERMES_HOME={}", home.path().display()),
        format!("HOME={}", home.path().display()),
        format!("OPENROUTER_API_KEY={KEY}"),
        "PATH=/usr/bin:/bin".to_owned(),
        "POOL_LOG=error".to_owned(),
    ];
    let output = command.output().unwrap();
    let seen: BTreeSet<&str> = text(&output.stdout).lines().collect();
    assert_eq!(seen, expected.iter().map(String::as_str).collect());
}

#[test]
fn the_command_takes_the_place_of_the_process() {
    let home = home();
    let mut child = exec(&home, &["openrouter", "--", "sh", "-c", "echo $$; read line"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said.trim(), child.id().to_string(), "no process of ours is left");
    let shown = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    assert_eq!(text(&shown), "sh\0-c\0echo $$; read line\0");
    drop(child.stdin.take());
    child.wait().unwrap();
}

/// A command that is still `pool`, since it waits for the lock of the store.
#[test]
fn the_process_shows_no_secret_before_it_becomes_the_command() {
    let home = home();
    home.write("auth.lock", "");
    let lock = std::fs::File::open(home.path().join("auth.lock")).unwrap();
    lock.lock().unwrap();
    let mut command = exec(&home, &["openrouter", "--strategy", "round_robin", "--", "true"]);
    let mut child = command.spawn().unwrap();
    let folder = format!("/proc/{}", child.id());
    let waits = || {
        let files = std::fs::read_dir(format!("{folder}/fd")).unwrap();
        let links = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
        links.into_iter().any(|path| path.ends_with("auth.lock"))
    };
    while !waits() {
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::yield_now();
    }
    for file in ["environ", "cmdline"] {
        let shown = std::fs::read(format!("{folder}/{file}")).unwrap();
        assert!(!shown.is_empty() && !text(&shown).contains(KEY), "{file}");
    }
    drop(lock);
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_command_inherits_the_three_streams_and_no_file_of_ours() {
    let home = home();
    let mut child = exec(&home, &["openrouter", "--", "sh", "-c", "cat; echo problem >&2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"through").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("through", "problem\n"));
    let open = run(&home, &["openrouter", "--strategy", "round_robin", "--", "ls", "-l", "/proc/self/fd"]);
    assert!(!text(&open.stdout).contains("auth"), "{}", text(&open.stdout));
}

#[test]
fn its_exit_code_is_handed_on() {
    for code in [0, 1, 3, 7, 255] {
        assert_eq!(script(&home(), &format!("exit {code}")).status.code(), Some(code));
    }
}

#[test]
fn a_signal_that_ends_it_is_handed_on() {
    let home = home();
    assert_eq!(script(&home, "kill -TERM $$").status.signal(), Some(15));
    // A shell shows it as 128 and the signal.
    let pool = env!("CARGO_BIN_EXE_pool-under-test");
    let line = format!("{pool} exec openrouter -- sh -c 'kill -TERM $$'; echo $?");
    let shell = Command::new("sh").args(["-c", &line]).env("HERMES_HOME", home.path()).output().unwrap();
    assert_eq!(text(&shell.stdout), "143\n");
}

#[test]
fn signals_reach_it() {
    let home = home();
    let signals = [("HUP", 1), ("INT", 2), ("QUIT", 3), ("USR1", 10), ("TERM", 15)];
    // What is ignored where the tests run, as in the background of a script, no shell can trap.
    for (signal, number) in signals.into_iter().filter(|(_, number)| !is_ignored_here(*number)) {
        let code = 40 + number;
        let waits = format!("trap 'exit {code}' {signal}; echo ready; while :; do read line; done");
        let mut child = exec(&home, &["openrouter", "--", "sh", "-c", &waits])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut String::new()).unwrap();
        let sent = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        out.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
}

/// Whether this process was started with a signal ignored (proc_pid_status(5), `SigIgn`).
pub(crate) fn is_ignored_here(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[test]
fn what_cannot_be_run_ends_as_with_env() {
    let home = home();
    home.write("no-program", "x");
    assert_failed(&run(&home, &["openrouter", "--", "no-such-command"]), 127, "cannot run no-such-command");
    assert_failed(&run(&home, &["openrouter", "--", "./no-program"]), 126, "Permission denied");
    assert_failed(&run(&home, &["openrouter", "--", "/"]), 126, "Permission denied");
}

#[test]
fn without_a_credential_nothing_runs() {
    let home = home();
    let arguments = ["openrouter", "--exclude", "first", "--exclude", "2", "--", "touch", "ran"];
    assert_failed(&run(&home, &arguments), 3, "no usable credential for `openrouter`");
    assert_failed(&run(&home, &["nowhere", "--", "touch", "ran"]), 3, "`pool add nowhere` adds one");
    assert!(!home.path().join("ran").exists());
}

#[test]
fn arguments_that_make_no_sense() {
    let home = home();
    assert_failed(&run(&home, &["custom:acme", "--", "true"]), 1, "`--env NAME`");
    for arguments in [
        &["openrouter", "true"][..],
        &["openrouter", "--"],
        &["openrouter", "--json", "--", "true"],
        &["openrouter", "--env", "A=B", "--", "true"],
        &["openrouter", "--env", "", "--", "true"],
    ] {
        assert_failed(&run(&home, arguments), 2, "error:");
    }
}

#[test]
fn counters_are_written_where_the_strategy_needs_them() {
    let home = home();
    let before = home.read_store();
    let shown = |strategy: &str| {
        let arguments = ["openrouter", "--strategy", strategy, "--", "sh", "-c", "echo $OPENROUTER_API_KEY"];
        text(&run(&home, &arguments).stdout).trim().to_owned()
    };
    assert_eq!([shown("fill_first"), shown("random").replace(OTHER, KEY)], [KEY, KEY]);
    assert_eq!(home.read_store(), before);
    assert_eq!([shown("round_robin"), shown("round_robin"), shown("least_used")], [KEY, OTHER, KEY]);
}
