//! Promises of single commands that no example of the docs shows.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Home, Ran};

/// A store of one provider with these entries.
fn acme(entries: &Value) -> Home {
    Home::with_store(&json!({"version": 1, "credential_pool": {"acme": entries}}).to_string())
}

fn answer(ran: Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// What sets the title of a terminal. With colour forced, nothing takes it out behind our back.
const TITLE: &str = "\u{1b}]0;owned\u{7}";

#[test]
fn names_from_the_file_or_the_arguments_do_not_reach_the_terminal() {
    let entry = |id: &str| json!({"id": format!("{id}{TITLE}"), "label": format!("{id}{TITLE}\nline"), "access_token": id});
    let provider = format!("acme{TITLE}");
    let home = Home::with_store(
        &json!({"version": 1, "credential_pool": {&provider: [entry("a1"), entry("a2")]}}).to_string(),
    );
    home.write_at(&format!("folder{TITLE}/auth.json"), crate::support::LEGACY_STORE);
    home.write("secret", "a1");
    let commands = [
        format!("list {provider}"),
        format!("list nowhere{TITLE}"),
        format!("pick nowhere{TITLE}"),
        format!("remove {provider} a9{TITLE}"),
        format!("add {provider} --secret-file secret"),
        format!("report {provider} 1 --status 401 --code token_revoked --message {TITLE}"),
        format!("report {provider} 2 --status 429"),
        format!("pick {provider}"),
        format!("reset {provider} --dead"),
        format!("list --store nowhere{TITLE}/auth.json"),
    ];
    for command in commands {
        assert_harmless(&home.pool_with(&command, &[("CLICOLOR_FORCE", "1")]));
    }
    for words in ["--dry-run", "", "--rollback"] {
        let command = format!("folder{TITLE}/auth.json {words}");
        assert_harmless(&home.pool_migrate_with(&command, &[("CLICOLOR_FORCE", "1")]));
    }
}

#[track_caller]
fn assert_harmless(ran: &Ran) {
    assert!(!ran.out.contains(TITLE) && !ran.err.contains(TITLE), "{ran:?}");
    assert!(!ran.out.contains("\nline") && !ran.err.contains("\nline"), "{ran:?}");
}

#[test]
fn answers_in_json_have_one_shape() {
    let home = acme(
        &json!([{"id": "a1", "label": "work", "access_token": "k1"}, {"id": "a2", "label": "home", "access_token": "k2"}]),
    );
    home.write("secret", "k3");
    let mut text = String::new();
    for words in [
        "pick acme",
        "report acme work --status 429 --code rate_limit_exceeded",
        "report acme sha256:0000000000000000 --status 401",
        "success acme work --began-at 2026-05-26T12:00:01Z",
        "report acme home --status 401 --code token_revoked",
        "pick acme --exclude work",
        "reset acme --dead",
        "remove acme home",
        "add acme --secret-file secret --label new",
    ] {
        let ran = home.pool(&format!("{words} --json"));
        let id = answer(home.pool("list acme --json"))["providers"][0]["credentials"][1]["id"].clone();
        let out =
            if words.starts_with("add") { ran.out.replace(id.as_str().unwrap(), "1a2b3c") } else { ran.out };
        text += &format!("$ pool {words} --json\n{out}");
        if ran.code != 0 {
            text += &format!("[exit {}]\n", ran.code);
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_long_name_is_cut_in_the_table_and_whole_in_json() {
    let long = "work\u{1b}".repeat(100);
    let home = acme(&json!([
        {"id": "a1", "label": long, "source": format!("env:{long}"), "auth_type": long, "access_token": "k1"},
        {"id": "a2", "label": "home", "access_token": "k2", "last_status": "exhausted", "last_error_code": 429,
         "last_status_at": 1_779_796_790, "last_error_reason": "r".repeat(400)},
    ]));
    let shown = home.pool("list acme").succeeded();
    assert!(shown.lines().all(|line| line.chars().count() < 250), "{shown}");
    assert_eq!(shown.lines().count(), 4);
    let listed = answer(home.pool("list acme --json"));
    assert_eq!(listed["providers"][0]["credentials"][0]["label"], long);
    assert_eq!(listed["providers"][0]["credentials"][1]["reason"], "r".repeat(400));
}

#[test]
fn json_has_the_ids_as_they_are() {
    let home = acme(&json!([{"id": "a\u{1b}1", "access_token": "k1", "last_status": "exhausted",
        "last_status_at": 1_779_796_700, "last_error_code": 429}]));
    assert_eq!(answer(home.pool("reset acme --json"))["cleared"], json!(["a\u{1b}1"]));
}

#[test]
fn one_that_was_left_out_is_not_said_to_have_a_status() {
    let home = acme(&json!([{"id": "a1", "label": "work", "access_token": "k1"}]));
    let ran = home.pool("pick acme --exclude a1 --json");
    assert_eq!(ran.code, 3);
    let expected = json!([{"id": "a1", "label": "work", "why": "left_out"}]);
    assert_eq!(answer(ran)["unavailable"]["credentials"], expected);
}

#[test]
fn who_is_left_out_is_named_as_in_all_commands() {
    let home = acme(
        &json!([{"id": "a1", "label": "work", "access_token": "k1"}, {"id": "a2", "access_token": "k2"}]),
    );
    for name in ["a1", "Work", "1"] {
        let picked = answer(home.pool(&format!("pick acme --exclude {name} --json")));
        assert_eq!(picked["credential"], "a2", "{name}");
    }
}

#[test]
fn a_label_that_looks_like_a_fingerprint_is_a_label() {
    let name = "sha256:0000000000000000";
    let home = acme(&json!([{"id": "a1", "label": name, "access_token": "k1"}]));
    assert_eq!(home.pool(&format!("success acme {name}")).succeeded(), "a1: ok\n");
    assert_eq!(
        home.pool(&format!("remove acme {name}")).succeeded(),
        format!("removed a1 ({name}) from acme\n")
    );
}

#[test]
fn a_rest_is_told_without_the_time_that_the_command_took() {
    let home = acme(&json!([{"id": "a1", "access_token": "k1"}, {"id": "a2", "access_token": "k2"}]));
    let said = home.pool_with("report acme a1 --no-answer", &[]).succeeded();
    assert_eq!(said, "a1 is exhausted, returns in 1m 0s\n");
}

#[test]
fn an_addition_has_a_label_of_its_own_and_no_empty_endpoint() {
    let home = acme(&json!([{"id": "a2", "label": "api-key-2", "access_token": "k2"}]));
    home.write("secret", "k3\r\n");
    let ran = home.pool("add acme --secret-file secret --base-url=");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(answer(home.pool("add acme --secret-file secret --json"))["label"], "api-key-3");
    assert_eq!(home.pool("pick acme --exclude a2 --print-secret").succeeded(), "k3\n");
}

#[test]
fn a_reset_speaks_of_the_dead_where_there_are_some() {
    let home = acme(&json!([{"id": "a1", "access_token": "k1"}, {"id": "a2", "access_token": "k2"}]));
    assert_eq!(home.pool("reset acme").succeeded(), "nothing to clear\n");
    home.pool("report acme a2 --status 401 --code token_revoked").succeeded();
    let hint = "nothing to clear (the dead come back with --dead)\n";
    assert_eq!([home.pool("reset acme").succeeded(), home.pool("reset acme a2").succeeded()], [hint, hint]);
    assert_eq!(home.pool("reset acme a1").succeeded(), "nothing to clear\n");
    assert_eq!(home.pool("reset acme --dead").succeeded(), "cleared a2\n");
}

#[test]
fn a_plan_names_no_record_that_stays_as_it_is() {
    let home = Home::legacy();
    home.pool_migrate("auth.json").succeeded();
    home.pool_migrate("auth.json --rollback").succeeded();
    let plan = home.pool_migrate("auth.json --dry-run").succeeded();
    assert!(!plan.contains("credential_pool_runtime"), "{plan}");
    assert!(
        plan.ends_with("4 entries would change, and the hidden records come back; nothing was written\n")
    );
}

#[test]
fn output_that_nobody_can_take_is_a_failure_and_one_that_nobody_wants_is_none() {
    let home = Home::legacy();
    let shell = |line: &str| {
        let pool = env!("CARGO_BIN_EXE_pool-under-test");
        let mut command = Command::new("bash");
        command.args(["-c", &format!("set -o pipefail; {}", line.replace("pool", pool))]);
        command.env("HERMES_HOME", home.path()).output().unwrap()
    };
    for words in
        ["--help", "--version", "list", "list --json", "completions zsh", "pick openai-codex --print-secret"]
    {
        let output = shell(&format!("pool {words} > /dev/full"));
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"),
            "{words}"
        );
        let output = shell(&format!("pool {words} | true"));
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{words}");
    }
}

#[test]
fn of_a_long_log_the_end_is_diagnosed() {
    let home = Home::empty();
    let log = include_str!("../../crates/pool-watchdog/tests/logs/region.log");
    home.write("worker.log", &("nothing of note\n".repeat(300_000) + log));
    let ran = home.run(Home::program("pool-watchdog"), "diagnose worker.log", &[]);
    assert!(ran.out.starts_with("missing_residency: "), "{ran:?}");
    assert!(ran.err.contains("only the last 4 MiB of worker.log were read"), "{ran:?}");
}
