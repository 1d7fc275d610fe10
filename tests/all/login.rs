//! Logging in, by real processes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::Home;
use crate::token_server::{Act, TokenServer};

/// Asks to be polled as often as can be: once a second.
const CODE: &str = r#"{"device_code": "canary-device", "user_code": "WDJB-MJHT", "interval": 0, "expires_in": 600,
    "verification_uri": "https://acme.example/activate"}"#;
const PAIR: &str =
    r#"{"access_token": "canary-access", "refresh_token": "canary-refresh", "expires_in": 3600}"#;
const STORE: &str = r#"{"version": 1, "providers": {}, "credential_pool": {"acme": [
    {"id": "a", "label": "work", "auth_type": "oauth", "priority": 3, "source": "manual:device_code",
     "access_token": "canary-old", "refresh_token": "canary-spent"},
    {"id": "b", "label": "key", "auth_type": "api_key", "priority": 4, "source": "manual", "access_token": "canary-key"}]}}"#;

fn log_in(server: &TokenServer) -> String {
    format!("login acme --token-url {0} --device-url {0}", server.url())
}

#[test]
fn a_login_is_added_or_revives_the_one_that_is_named() {
    let code = Act::Say(200, CODE);
    let home = Home::with_store(STORE);
    home.pool("report acme a --status 401 --code token_revoked").succeeded();
    assert!(home.pool("list acme").succeeded().contains("dead"));
    let server = TokenServer::start([code.clone(), Act::Say(200, PAIR)]);
    let ran = home.pool(&format!("{} --for work --json", log_in(&server)));
    assert!(
        ran.err.contains("open https://acme.example/activate and type in this code: WDJB-MJHT"),
        "{ran:?}"
    );
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        said,
        serde_json::json!({"version": 1, "provider": "acme", "credential": "a", "label": "work",
            "outcome": "replaced", "token_ends_at": "2026-05-26T13:00:00Z"})
    );
    assert!(!home.pool("list acme").succeeded().contains("dead"));
    let again = PAIR.replace("canary-", "canary-second-");
    let server = TokenServer::start([code, Act::Say(200, again.leak())]);
    let ran = home.pool(&format!("{} --label spare", log_in(&server)));
    assert!(ran.succeeded().ends_with("(spare) to acme; its token ends in 1h 0m\n"));
    let store: Value = serde_json::from_str(&home.read_store()).unwrap();
    let pool = &store["credential_pool"]["acme"];
    let of = |entry: &Value| {
        ["label", "source", "access_token"].map(|name| entry[name].as_str().unwrap().to_owned())
    };
    assert_eq!(of(&pool[0]), ["work", "manual:device_code", "canary-access"]);
    assert_eq!(pool[0]["priority"], 3);
    assert_eq!(of(&pool[2]), ["spare", "manual:device_code", "canary-second-access"]);
}

#[test]
fn without_a_name_the_only_dead_login_is_revived_where_no_account_is_told() {
    let second = r#"{"id": "c", "label": "old", "auth_type": "oauth", "priority": 5, "source": "manual:device_code",
        "access_token": "canary-c", "refresh_token": "canary-d"}"#;
    let two = STORE.replace("\"canary-key\"}", &format!("\"canary-key\"}}, {second}"));
    // Of account `acc-1`, and of `acc-2`.
    let of = |account: &str| format!("e30.{account}.c2ln");
    let (mine, other) = (of("eyJzdWIiOiJhY2MtMSJ9"), of("eyJzdWIiOiJhY2MtMiJ9"));
    let contradicting = STORE.replace("canary-old", &mine);
    for (store, dead, token, outcome) in [
        (STORE, &["a"][..], "canary-access", "replaced"),
        (&two, &["a"], "canary-access", "replaced"),
        (&two, &["a", "c"], "canary-access", "added"),
        (STORE, &["b"], "canary-access", "added"),
        (STORE, &[], "canary-access", "added"),
        (&contradicting, &["a"], &other, "added"),
        (&contradicting, &["a"], "canary-access", "replaced"),
    ] {
        let home = Home::with_store(store);
        for name in dead {
            home.pool(&format!("report acme {name} --status 401 --code token_revoked")).succeeded();
        }
        let pair = PAIR.replace("canary-access", token).leak();
        let server = TokenServer::start([Act::Say(200, CODE), Act::Say(200, pair)]);
        let said = home.pool(&format!("{} --json", log_in(&server))).succeeded();
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["outcome"], outcome, "{dead:?} {token}");
        assert_eq!(said["credential"] == "a", outcome == "replaced");
    }
}

#[cfg(unix)]
#[test]
fn broken_off_it_leaves_nothing_behind() {
    use std::os::unix::process::ExitStatusExt;

    const INTERRUPT: (&str, i32) = ("-INT", 2);
    const TERMINATE: (&str, i32) = ("-TERM", 15);
    // In the background of a script Ctrl-C is ignored, and so it is in what the script starts.
    let (name, number) = if crate::exec::is_ignored_here(INTERRUPT.1) { TERMINATE } else { INTERRUPT };
    for store in [None, Some(STORE)] {
        let home = store.map_or_else(Home::empty, Home::with_store);
        let files = || {
            let files = std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().path());
            let mut files: Vec<_> = files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
            files.sort();
            files
        };
        let before = files();
        let server = TokenServer::start([Act::Say(200, CODE), Act::Hold]);
        let mut command = home.pool_command();
        command.args(log_in(&server).split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        lines.find(|line| line.as_ref().unwrap().contains("WDJB-MJHT")).unwrap().unwrap();
        server.wait_for_posts(2);
        let signal = [name.to_owned(), process.id().to_string()];
        assert!(Command::new("kill").args(signal).status().unwrap().success());
        assert_eq!(process.wait().unwrap().signal(), Some(number));
        assert_eq!(files(), before);
        server.release();
    }
}

#[test]
fn who_cannot_log_in_is_told_why() {
    let huge = format!(r#"{{"device_code": "{}"}}"#, "x".repeat(2 * 1024 * 1024)).leak();
    let cases = [
        (vec![Act::Say(200, huge)], "the server gave no login: no whole answer"),
        (vec![Act::Drop], "the server gave no login: no whole answer"),
        (vec![Act::Say(200, CODE), Act::Say(400, r#"{"error": "access_denied"}"#)], "refused in the browser"),
        (vec![Act::Say(200, CODE), Act::Say(200, PAIR), Act::Drop], ""),
    ];
    for (acts, expected) in cases {
        let (home, server) = (Home::with_store(STORE), TokenServer::start(acts));
        let ran = home.pool_with(&log_in(&server), &[("POOL_LOG", "trace")]);
        assert!(ran.err.contains(expected) && ran.code == i32::from(!expected.is_empty()), "{ran:?}");
        assert!(!format!("{}{}", ran.out, ran.err).contains("canary"), "{ran:?}");
        assert_eq!(home.read_store() == STORE, !expected.is_empty());
    }
}

#[test]
fn a_mistake_is_said_before_anybody_types_a_code() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([]));
    for (words, expected) in [
        (format!("{} --for nobody", log_in(&server)), "nobody"),
        (format!("{} --for key", log_in(&server)), "`b` is an API key"),
        (format!("login acme --token-url {}", server.url()), "--device-url URL"),
        ("login acme".to_owned(), "--token-url URL"),
        ("login anthropic".to_owned(), "Claude Code and then `pool import claude`"),
        (format!("{} --device-url http://acme.example/", "login acme"), "plain http is for this machine"),
        (format!("{} --for a --label new", log_in(&server)), "cannot be used with"),
    ] {
        let ran = home.pool(&words);
        assert!(ran.code != 0 && ran.err.contains(expected), "{words}: {ran:?}");
    }
    assert_eq!((server.posts(), home.read_store().as_str()), (0, STORE));
}
