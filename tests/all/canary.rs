//! A planted secret appears in nothing that the commands print or log.

use crate::support::{Home, Ran};

const KEY: &str = "canary-key-5d2f8e1b";
const ACCESS: &str = "canary-access-77aa";
const REFRESH: &str = "canary-refresh-90cc";
const LENT: &str = "canary-lent-3e4d";
/// A key that is nowhere yet, as a provider would make it.
const TYPED: &str = "sk-typed";
const ALL: [&str; 4] = [KEY, ACCESS, REFRESH, LENT];

fn planted() -> Home {
    let home = Home::with_store(&format!(
        r#"{{"version": 1, "providers": {{"acme": {{"tokens": {{"access_token": "{ACCESS}", "refresh_token": "{REFRESH}"}}}}}},
            "credential_pool": {{"acme": [
              {{"id": "a1", "label": "first", "source": "manual", "access_token": "{KEY}", "last_status": "exhausted",
                "last_status_at": 1779791220, "last_error_code": 429, "last_error_message": "{KEY} is over its limit"}},
              {{"id": "a2", "label": "second", "auth_type": "oauth", "source": "manual:device_code",
                "access_token": "{ACCESS}", "refresh_token": "{REFRESH}"}},
              {{"id": "a3", "label": "third", "source": "env:ACME_KEY", "access_token": "{LENT}"}}]}}}}"#
    ));
    home.write(".env", &format!("ACME_KEY={LENT}\n"));
    home
}

#[test]
fn no_command_prints_or_logs_a_secret() {
    let home = planted();
    home.write("events.jsonl", &format!(
        "{{\"at\":1779796800,\"op\":\"report\",\"provider\":\"acme\",\"credential\":\"a2\",\"status\":401,\"message\":\"{ACCESS}\"}}\n\
         {{\"at\":1779796801,\"op\":\"state\",\"provider\":\"acme\"}}\n"
    ));
    home.write("secret", &format!("{KEY}\n"));
    let commands = [
        "doctor".to_owned(),
        "doctor --json".to_owned(),
        "list".to_owned(),
        "list --json".to_owned(),
        "pick acme".to_owned(),
        "pick acme --json --strategy round_robin".to_owned(),
        format!("report acme a2 --status 401 --code {ACCESS} --message {REFRESH}"),
        format!("report acme a1 --status 429 --message {KEY} --json"),
        format!("report acme a3 --status 402 --message {LENT} --json"),
        "replay --events events.jsonl --json".to_owned(),
        "replay --events events.jsonl".to_owned(),
        "add acme --secret-file secret".to_owned(),
        "pick acme --json".to_owned(),
        "pick acme".to_owned(),
        "success acme a1".to_owned(),
        "reset acme --dead --json".to_owned(),
        "remove acme a2".to_owned(),
        "list --json".to_owned(),
        "doctor".to_owned(),
        "doctor acme --json".to_owned(),
    ];
    for command in commands {
        assert_clean(&command, &home.pool_with(&command, &[("POOL_LOG", "trace"), ("ACME_KEY", LENT)]));
    }
    let kept = home.read_store();
    let runtime = kept.split("credential_pool_runtime").nth(1).unwrap();
    assert!(ALL.iter().all(|secret| !runtime.contains(secret)), "no record holds a secret");
}

#[test]
fn no_migration_prints_a_secret() {
    let home = planted();
    for words in ["--dry-run", "--dry-run --json", "--check", "", "--rollback", "--json"] {
        assert_clean(words, &home.pool_migrate(&format!("auth.json {words}")));
    }
}

#[test]
fn no_error_echoes_a_store_that_is_broken() {
    let texts = [
        format!("{{\"credential_pool\": {{\"acme\": [{{\"access_token\": \"{KEY}\""),
        KEY.to_owned(),
        format!("[\"{KEY}\"]"),
        format!("{{\"version\": \"{KEY}\", \"credential_pool\": {{\"acme\": []}}}}"),
        format!("{{\"credential_pool\": \"{KEY}\"}}"),
        format!("{{\"credential_pool_runtime\": {{\"acme\": \"{KEY}\"}}}}"),
        format!("{{\"a\": \"{KEY}\n\"}}"),
    ];
    for text in texts {
        let home = Home::with_store(&text);
        home.write("secret", ACCESS);
        for command in ["list", "add acme --secret-file secret", "pick acme --json"] {
            assert_clean(&format!("{command} on {text}"), &home.pool(command));
        }
        assert_clean("migrate", &home.pool_migrate("auth.json"));
    }
}

#[test]
fn no_complaint_about_the_arguments_echoes_a_secret() {
    let home = planted();
    for key in [KEY, TYPED] {
        for (code, command) in [
            (2, key.to_owned()),
            (2, format!("add acme {key}")),
            (2, format!("add acme --label work {key} --json")),
            (2, format!("add acme --secret={key}")),
            (2, format!("add acme --secret {key}")),
            (2, format!("add acme --json={key}")),
            (2, format!("add acme --secret-env --{key}")),
            (2, format!("list --now {key}")),
            (2, format!("list --now={key}")),
            (2, format!("pick acme --strategy {key}")),
            (2, format!("report acme a1 --status {key}")),
            (2, format!("completions {key}")),
            (1, format!("add acme --secret-env {key}")),
            (1, format!("add acme --secret-file {key}")),
            (1, format!("report acme {key} --status 401")),
            (1, format!("remove acme {key}")),
            (1, format!("list {key}")),
            (3, format!("pick {key}")),
            (1, format!("pick acme --exclude {key}")),
            (1, format!("replay --events {key}")),
            (127, format!("exec acme --env A -- {key}")),
            (2, format!("exec acme {key} -- true")),
        ] {
            for colour in ["0", "1"] {
                let ran = home.pool_with(&command, &[("CLICOLOR_FORCE", colour), ("ACME_KEY", LENT)]);
                assert_eq!(ran.code, code, "{command}: {ran:?}");
                assert!(!ran.err.contains(key) && !ran.out.contains(key), "{command}: {ran:?}");
            }
        }
        for (code, command) in
            [(2, format!("auth.json {key}")), (2, format!("--check={key}")), (1, key.to_owned())]
        {
            let ran = home.pool_migrate(&command);
            assert_eq!(ran.code, code, "{command}: {ran:?}");
            assert!(!ran.err.contains(key) && !ran.out.contains(key), "{command}: {ran:?}");
        }
    }
}

#[test]
fn a_complaint_names_what_is_no_secret() {
    let home = planted();
    for (command, says) in [
        ("add acme extra", "'extra'"),
        ("pick acme --strategy fastest", "'fastest'"),
        ("list --now yesterday", "'yesterday'"),
        ("report acme second-account-laptop --status 401", "`second-account-laptop`"),
        ("list --store nowhere/2026-05-26-backup/auth.json", "nowhere/2026-05-26-backup/auth.json"),
    ] {
        let said = home.pool(command).err;
        assert!(said.contains(says), "{command}: {said}");
    }
}

#[test]
fn the_secret_alone_is_printed_when_asked_for_by_name() {
    let home = planted();
    assert_eq!(
        home.pool("pick acme --exclude a1 --exclude a2 --print-secret").succeeded(),
        format!("{LENT}\n")
    );
}

#[test]
fn a_helper_prints_the_secret_alone_in_every_mode() {
    let home = planted();
    for strategy in ["fill_first", "round_robin", "least_used", "random"] {
        let words = format!(
            "pick acme --exclude a1 --exclude a3 --print-secret --model m --strategy {strategy} --now 1779796800"
        );
        let loud = [("CLICOLOR_FORCE", "1"), ("POOL_LOG", "trace")];
        assert_eq!(home.pool_with(&words, &loud).succeeded(), format!("{ACCESS}\n"), "{strategy}");
    }
    let ran = home.pool("pick acme --exclude a2 --exclude a3 --exclude a1 --print-secret");
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    let ran = home.pool("pick acme --print-secret --json");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
}

#[track_caller]
fn assert_clean(what: &str, ran: &Ran) {
    for secret in ALL {
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "`{what}` told {secret}: {ran:?}");
    }
}
