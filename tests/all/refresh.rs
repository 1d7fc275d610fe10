//! Renewing logins: once, however many ask.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::exec::is_ignored_here;
use crate::renewal::{Renewal, STORE, document, entry, record, refresh};
use crate::support::Home;
use crate::token_server::{Act, TokenServer};

/// What became of the only login.
fn outcome(home: &Home, command: &str) -> String {
    let ran = home.pool(&format!("{command} --json"));
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    value["credentials"][0]["outcome"].as_str().unwrap().to_owned()
}

#[test]
fn a_login_is_renewed_and_so_is_its_other_home() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([]));
    assert_eq!(outcome(&home, &refresh(&server)), "renewed");
    assert_eq!(
        server.last_body(),
        "grant_type=refresh_token&refresh_token=old-refresh&client_id=app_EMoamEEZ73f0CkXaXp7hrann"
    );
    assert_eq!(entry(&home)["access_token"], "minted-access-1");
    assert_eq!(entry(&home)["refresh_token"], "minted-refresh-1");
    assert_eq!(record(&home)["refresh"], Value::Null, "the intent is over");
    let document = document(&home);
    let login = &document["providers"]["openai-codex"];
    assert_eq!(login["tokens"]["refresh_token"], "minted-refresh-1");
    assert_eq!(login["tokens"]["access_token"], "minted-access-1");
    assert_eq!(login["tokens"]["id_token"], "theirs");
    assert_ne!(login["last_refresh"], "2026-01-01T00:00:00Z");
    assert_eq!(document["active_provider"], "anthropic");
    assert_eq!(outcome(&home, &refresh(&server)), "fresh");
    assert_eq!(outcome(&home, &format!("{} --force", refresh(&server))), "renewed");
    assert_eq!(server.posts(), 2);
}

#[test]
fn of_forty_processes_one_spends_the_token() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([Act::Hold]));
    let first = Renewal::start(&home, &refresh(&server));
    server.wait_for_posts(1);
    let others: Vec<Renewal> = (1..40).map(|_| Renewal::start(&home, &refresh(&server))).collect();
    server.release();
    for end in [first].into_iter().chain(others).map(Renewal::end) {
        assert!(end.is_good(), "{end:?}");
    }
    assert_eq!((server.posts(), server.spends_of("old-refresh")), (1, 1));
    assert_eq!(entry(&home)["refresh_token"], "minted-refresh-1");
}

/// It has three threads, each of which may still have been on its way to sleep when it was looked at first.
#[test]
fn who_waits_is_not_woken_until_it_is_its_turn() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([Act::Hold]));
    let winner = Renewal::start(&home, &refresh(&server));
    server.wait_for_posts(1);
    let others: Vec<Renewal> = (0..10).map(|_| Renewal::start(&home, &refresh(&server))).collect();
    others.iter().for_each(Renewal::wait_until_it_waits);
    let before: Vec<Option<u64>> = others.iter().map(Renewal::switches).collect();
    std::thread::sleep(Duration::from_secs(1));
    for (other, before) in others.iter().zip(before) {
        let woken = other.switches().zip(before).map(|(after, before)| after - before);
        assert!(woken.is_none_or(|woken| woken <= 3), "{woken:?} times in a second");
    }
    server.release();
    assert!([winner].into_iter().chain(others).all(|renewal| renewal.end().is_good()));
}

/// Starts `pool` with these words, without waiting for it.
fn start(home: &Home, words: &str) -> Child {
    let mut command = home.pool_command();
    command.args(words.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// `work`, and one more whose token has ended too.
fn two_logins() -> String {
    let spare = r#"{ "id": "b1b1b1", "label": "spare", "auth_type": "oauth", "priority": 1, "source": "manual:device_code",
        "access_token": "spare-access", "refresh_token": "spare-refresh", "expires_at": "2026-01-01T01:00:00Z" }"#;
    STORE.replacen("      }\n    ]", &format!("      }},\n{spare}\n    ]"), 1)
}

fn send(signal: &str, process: &Child) {
    let words = [format!("-{signal}"), process.id().to_string()];
    assert!(Command::new("kill").args(words).status().unwrap().success());
}

/// Sends a signal twice while the token is spent, lets the server answer, and waits; how it ended.
fn signalled(server: &TokenServer, signal: &str, mut process: Child) -> ExitStatus {
    server.wait_for_posts(1);
    send(signal, &process);
    let mut said = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "a renewal is under way; it ends within 70 s, and so does this command\n");
    send(signal, &process);
    server.release();
    process.wait().unwrap()
}

#[test]
fn a_signal_ends_it_once_the_answer_is_kept() {
    let signals = [("HUP", 1), ("INT", 2), ("TERM", 15)];
    // What is ignored where the tests run, as in the background of a script, ends nothing.
    for (signal, number) in signals.into_iter().filter(|(_, number)| !is_ignored_here(*number)) {
        let (home, server) = (Home::with_store(&two_logins()), TokenServer::start([Act::Hold]));
        let words = format!("refresh openai-codex --all --token-url {}", server.url());
        let ended = signalled(&server, signal, start(&home, &words));
        assert_eq!(ended.signal(), Some(number), "{signal}");
        assert_eq!(entry(&home)["refresh_token"], "minted-refresh-1");
        assert_eq!(record(&home)["refresh"], Value::Null);
        assert_eq!(server.posts(), 1, "the next one is left alone");
    }
}

#[test]
fn a_signal_that_is_ignored_ends_nothing() {
    let (home, server) = (Home::with_store(&two_logins()), TokenServer::start([Act::Hold]));
    let pool = Home::program("pool");
    let line = format!("trap '' TERM; exec {pool} refresh openai-codex --all --token-url {}", server.url());
    let mut shell = home.command(&[], "/bin/sh");
    let shell = shell.args(["-c", &line]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(signalled(&server, "TERM", shell).success());
    assert_eq!(server.posts(), 2);
}

#[test]
fn of_all_logins_the_dead_and_the_removed_are_left_out() {
    let out = r#""9de82c": {"status": "removed"}, "b1b1b1": {"status": "dead"}"#;
    let store = two_logins().replace(
        "    ]\n  }",
        &format!("    ]\n  }},\n  \"credential_pool_runtime\": {{\"openai-codex\": {{{out}}}}}"),
    );
    let (home, server) = (Home::with_store(&store), TokenServer::start([]));
    let words = format!("refresh openai-codex --token-url {}", server.url());
    let said = home.pool(&format!("{words} --all")).succeeded();
    assert_eq!(
        said,
        "9de82c (work) was removed, so it is left out\n\
         b1b1b1 (spare) is dead, so it is left out; log in again: `pool login openai-codex --for b1b1b1`\n"
    );
    assert_eq!(server.posts(), 0);
    for name in ["1", "9de82c"] {
        let ran = home.pool(&format!("{words} {name} --force"));
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains("`9de82c` in `openai-codex` was removed, and another program"), "{ran:?}");
    }
    assert_eq!(server.posts(), 0);
    home.pool(&format!("{words} --all --force")).succeeded();
    assert_eq!((server.spends_of("old-refresh"), server.spends_of("spare-refresh")), (0, 1));
}

#[test]
fn of_two_that_share_an_id_none_is_renewed() {
    let (home, server) =
        (Home::with_store(&two_logins().replace("b1b1b1", "9de82c")), TokenServer::start([]));
    for words in ["2", "1", "--all"] {
        let ran = home.pool(&format!("refresh openai-codex {words} --token-url {}", server.url()));
        assert_eq!((ran.code, server.posts()), (1, 0), "{ran:?}");
        assert!(ran.err.contains("several credentials of `openai-codex` share the id `9de82c`"), "{ran:?}");
        assert!(ran.err.contains("hint: `pool doctor openai-codex` says how to part them"), "{ran:?}");
    }
}

#[test]
fn a_server_that_hangs_up_gets_one_more_attempt() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([Act::Drop]));
    let command = format!("{} --force", refresh(&server));
    assert_eq!(outcome(&home, &command), "failed");
    assert_eq!(record(&home)["refresh"]["unanswered"], true);
    assert_eq!(outcome(&home, &refresh(&server)), "failed", "it is not time yet");
    assert_eq!(server.spends_of("old-refresh"), 1);
    assert_eq!(outcome(&home, &command), "failed");
    assert!(
        record(&home)["last_error"]["reason"].as_str().unwrap().starts_with("lost without an answer at ")
    );
    assert_eq!((server.posts(), server.spends_of("old-refresh")), (2, 2));
}

#[test]
fn no_token_is_printed_or_logged() {
    let store = STORE.replace("old-", "canary-");
    let echo = r#"{"error": "invalid_grant", "error_description": "canary-refresh is spent"}"#;
    for act in [Act::Rotate, Act::Say(400, echo), Act::Say(500, "canary-access"), Act::Drop] {
        let (home, server) = (Home::with_store(&store), TokenServer::start([act]));
        for form in ["", " --json"] {
            let words = format!("refresh openai-codex --token-url {}{form}", server.url());
            let ran = home.pool_with(&words, &[("POOL_LOG", "trace")]);
            let said = format!("{}{}", ran.out, ran.err);
            assert!(!said.contains("canary") && !said.contains("minted-"), "{said}");
        }
        assert!(server.posts() > 0);
    }
}

#[test]
fn the_locks_of_grants_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (home, server) = (Home::with_store(STORE), TokenServer::start([]));
    assert_eq!(outcome(&home, &refresh(&server)), "renewed");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let folder = home.path().join("auth.refresh");
    assert_eq!(mode(&folder), 0o700);
    let locks: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(locks.len(), 1, "{locks:?}");
    assert_eq!((mode(&locks[0]), locks[0].extension().unwrap().to_str()), (0o600, Some("lock")));
}
