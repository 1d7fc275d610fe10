//! A planted secret appears in nothing that the commands print or log.

use crate::support::{Home, Ran};

const KEY: &str = "canary-key-5d2f8e1b";
const ACCESS: &str = "canary-access-77aa";
const REFRESH: &str = "canary-refresh-90cc";
const LENT: &str = "canary-lent-3e4d";
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
    for command in [
        format!("add acme {KEY}"),
        format!("add acme --label work {KEY} --json"),
        format!("add acme --secret={KEY}"),
        format!("add acme --secret {KEY}"),
        format!("add acme --json={KEY}"),
    ] {
        let ran = home.pool(&command);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert_clean(&command, &ran);
    }
    // The key itself where the name of its variable belongs.
    let ran = home.pool(&format!("add acme --secret-env {KEY}"));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_clean("add --secret-env", &ran);
}

#[test]
fn the_secret_alone_is_printed_when_asked_for_by_name() {
    let home = planted();
    assert_eq!(
        home.pool("pick acme --exclude a1 --exclude a2 --print-secret").succeeded(),
        format!("{LENT}\n")
    );
}

#[track_caller]
fn assert_clean(what: &str, ran: &Ran) {
    for secret in ALL {
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "`{what}` told {secret}: {ran:?}");
    }
}
