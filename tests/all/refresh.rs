//! Renewing logins: once, however many ask.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::exec::is_ignored_here;
use crate::support::Home;
use crate::token_server::{Act, TokenServer};

/// A login whose token has ended, seeded by another program that keeps it too.
const STORE: &str = r#"{
  "version": 1,
  "active_provider": "anthropic",
  "providers": {
    "openai-codex": {
      "tokens": { "access_token": "old-access", "refresh_token": "old-refresh", "id_token": "theirs" },
      "last_refresh": "2026-01-01T00:00:00Z",
      "auth_mode": "chatgpt"
    }
  },
  "credential_pool": {
    "openai-codex": [
      {
        "id": "9de82c",
        "label": "work",
        "auth_type": "oauth",
        "priority": 0,
        "source": "device_code",
        "access_token": "old-access",
        "refresh_token": "old-refresh",
        "expires_at": "2026-01-01T01:00:00Z"
      }
    ]
  }
}
"#;

fn document(home: &Home) -> Value {
    serde_json::from_str(&home.read_store()).unwrap()
}

fn entry(home: &Home) -> Value {
    document(home)["credential_pool"]["openai-codex"][0].clone()
}

fn record(home: &Home) -> Value {
    document(home)["credential_pool_runtime"]["openai-codex"]["9de82c"].clone()
}

fn refresh(server: &TokenServer) -> String {
    format!("refresh openai-codex --json --token-url {}", server.url())
}

/// What became of the only login.
fn outcome(home: &Home, command: &str) -> String {
    let ran = home.pool(command);
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

/// Starts `pool` with these words, without waiting for it.
fn start(home: &Home, words: &str) -> Child {
    let mut command = home.pool_command();
    command.args(words.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn of_forty_processes_one_spends_the_token() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([Act::Hold]));
    let first = start(&home, &refresh(&server));
    server.wait_for_posts(1);
    let others: Vec<Child> = (1..40).map(|_| start(&home, &refresh(&server))).collect();
    server.release();
    for child in [first].into_iter().chain(others) {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!((server.posts(), server.spends_of("old-refresh")), (1, 1));
    assert_eq!(entry(&home)["refresh_token"], "minted-refresh-1");
}

/// Kills the process that renews, while three others wait for it; what becomes of them.
fn kill(home: &Home, server: &TokenServer, mut winner: Child) -> Vec<(String, String)> {
    let others: Vec<Child> = (0..3).map(|_| start(home, &refresh(server))).collect();
    winner.kill().unwrap();
    winner.wait().unwrap();
    server.release();
    let ends = others.into_iter().map(|child| child.wait_with_output().unwrap());
    ends.map(|output| {
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let outcome = value["credentials"][0]["outcome"].as_str().unwrap().to_owned();
        (outcome, String::from_utf8(output.stderr).unwrap())
    })
    .collect()
}

fn kill_alone(mut process: Child) -> Child {
    process.kill().unwrap();
    process.wait().unwrap();
    process
}

/// Whoever renews holds the lock of the grant.
fn wait_for_the_lock_of_the_grant(home: &Home) {
    let is_held = || {
        let files = std::fs::read_dir(home.path().join("auth.refresh")).ok()?;
        let locks = files.map(|file| File::open(file.unwrap().path()).unwrap());
        locks.map(|lock| lock.try_lock().is_err()).find(|is_held| *is_held)
    };
    while is_held().is_none() {
        std::thread::yield_now();
    }
}

fn wait_for_record(home: &Home, is_so: impl Fn(&Value) -> bool) {
    while !is_so(&record(home)) {
        std::thread::yield_now();
    }
}

fn hold_store(home: &Home) -> File {
    home.write("auth.lock", "");
    let lock = File::open(home.path().join("auth.lock")).unwrap();
    lock.lock().unwrap();
    lock
}

#[track_caller]
fn all_succeeded(ends: &[(String, String)]) {
    assert!(
        ends.iter().all(|(outcome, _)| ["renewed", "adopted", "fresh"].contains(&outcome.as_str())),
        "{ends:?}"
    );
}

#[test]
fn killed_before_the_intent_nothing_happened() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([]));
    let lock = hold_store(&home);
    let winner = start(&home, &refresh(&server));
    wait_for_the_lock_of_the_grant(&home);
    let before = home.read_store();
    let winner = kill_alone(winner);
    assert_eq!(home.read_store(), before);
    drop(lock);
    let ends = kill(&home, &server, winner);
    all_succeeded(&ends);
    assert_eq!((server.posts(), server.spends_of("old-refresh")), (1, 1));
}

#[test]
fn killed_after_the_intent_the_token_is_sent_once_more() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([]));
    // Connections are made, and nobody reads from them.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", deaf.local_addr().unwrap());
    let winner = start(&home, &format!("refresh openai-codex --token-url {url}"));
    wait_for_record(&home, |record| record["refresh"]["pid"] == winner.id());
    assert_eq!(entry(&home)["refresh_token"], "old-refresh");
    let ends = kill(&home, &server, winner);
    all_succeeded(&ends);
    assert_eq!((server.posts(), server.spends_of("old-refresh")), (1, 1));
    assert_eq!(record(&home)["refresh"], Value::Null);
}

/// The token was spent, and the server forgives nothing: one more attempt, and a clear word.
fn is_lost(home: &Home, server: &TokenServer, ends: &[(String, String)]) {
    assert!(
        ends.iter().all(|(outcome, said)| outcome == "failed" && said.contains("lost in a crash at 2")),
        "{ends:?}"
    );
    assert_eq!((server.posts(), server.spends_of("old-refresh")), (2, 2));
    let record = record(home);
    assert_eq!(record["status"], "dead");
    assert!(record["last_error"]["reason"].as_str().unwrap().starts_with("lost in a crash at "), "{record}");
    assert_eq!(outcome(home, &refresh(server)), "failed");
    assert_eq!(server.posts(), 2, "what is dead is not sent again");
    // An operator may know better, and a login that is renewed is alive again.
    home.pool("reset openai-codex --dead").succeeded();
}

#[test]
fn killed_while_it_waits_for_the_answer_the_login_is_lost() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([Act::Hold]));
    let winner = start(&home, &refresh(&server));
    server.wait_for_posts(1);
    let ends = kill(&home, &server, winner);
    is_lost(&home, &server, &ends);
}

#[test]
fn killed_while_it_waits_for_the_answer_a_forgiving_server_saves_the_login() {
    let again = r#"{"access_token": "again-access", "refresh_token": "again-refresh", "expires_in": 60}"#;
    let (home, server) = (Home::with_store(STORE), TokenServer::start([Act::Hold, Act::Say(200, again)]));
    let winner = start(&home, &refresh(&server));
    server.wait_for_posts(1);
    let ends = kill(&home, &server, winner);
    all_succeeded(&ends);
    assert_eq!(entry(&home)["refresh_token"], "again-refresh");
    assert_eq!((server.posts(), record(&home)["refresh"].clone()), (2, Value::Null));
}

#[test]
fn killed_before_it_keeps_the_answer_the_login_is_lost() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([Act::Hold]));
    let winner = start(&home, &refresh(&server));
    server.wait_for_posts(1);
    let lock = hold_store(&home);
    server.release();
    server.wait_for_answers(1);
    let killed = kill_alone(winner);
    drop(lock);
    let ends = kill(&home, &server, killed);
    is_lost(&home, &server, &ends);
}

#[test]
fn killed_after_the_answer_is_kept_nothing_is_lost() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([]));
    let winner = start(&home, &refresh(&server));
    wait_for_record(&home, |record| !record["renewed_at"].is_null());
    let ends = kill(&home, &server, winner);
    all_succeeded(&ends);
    assert_eq!(server.posts(), 1);
}

/// `work`, and one more whose token has ended too.
fn two_logins() -> String {
    let spare = r#"{ "id": "b1b1b1", "label": "spare", "auth_type": "oauth", "priority": 1, "source": "manual:device_code",
        "access_token": "spare-access", "refresh_token": "spare-refresh", "expires_at": "2026-01-01T01:00:00Z" }"#;
    STORE.replace("      }\n    ]\n", &format!("      }},\n{spare}\n    ]\n"))
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
        assert!(ran.err.contains("`9de82c` of `openai-codex` was removed, and another program"), "{ran:?}");
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
