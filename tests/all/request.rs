//! The example of the README, against a provider that has a bad day.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use pool_core::Patience;
use pool_store::FileStore;

use crate::support::Home;
use crate::token_server::TokenServer;

// The very code of the README: see `documents`.
include!("example.rs");

const STORE: &str = r#"{"version": 1, "providers": {}, "credential_pool": {"openai-codex": [
    {"id": "first", "auth_type": "api_key", "priority": 0, "source": "manual", "access_token": "sk-test-first"},
    {"id": "second", "auth_type": "api_key", "priority": 1, "source": "manual", "access_token": "sk-test-second"},
    {"id": "third", "auth_type": "api_key", "priority": 2, "source": "manual", "access_token": "sk-test-third"}
]}}"#;

/// A login that its provider renews.
const LOGIN: &str = r#"{"version": 1, "providers": {}, "credential_pool": {"openai-codex": [
    {"id": "a", "auth_type": "oauth", "priority": 0, "source": "manual:device_code", "access_token": "old",
     "refresh_token": "old-refresh", "expires_at": "ENDS"}
]}}"#;

const THROTTLED: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1800\r\n";
const REVOKED: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"token_revoked\"\r\n";
const OVERLOADED: &str = "HTTP/1.1 529 Overloaded\r\n";
const EXPIRED: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"token_expired\"\r\n";
const ANSWERED: &str = "HTTP/1.1 200 OK\r\n";

/// A server that answers one request after the other with these heads; and the keys that it was sent.
fn provider(answers: &'static [&'static str]) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let keys = Arc::new(Mutex::new(Vec::new()));
    let sent = Arc::clone(&keys);
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            sent.lock().unwrap().push(key(&head(&mut stream)));
            write!(stream, "{answer}Connection: close\r\nContent-Length: 2\r\n\r\n{{}}").unwrap();
        }
    });
    (address, keys)
}

/// What comes before the empty line.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

fn key(head: &str) -> String {
    let token = head.lines().find_map(|line| line.strip_prefix("Authorization: Bearer ")).unwrap();
    token.trim_start_matches("sk-test-").to_owned()
}

/// Sends one request: the raw response, or what it means that there is another one.
fn send(address: SocketAddr, key: &str) -> Result<String, Box<Failure>> {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "POST /v1/messages HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\r\n")
        .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    match Failure::response(response.as_bytes()) {
        Some(failure) if failure.status() == Some(200) => Ok(response),
        failure => Err(Box::new(failure.unwrap_or_else(Failure::no_answer))),
    }
}

/// A pool that waits no longer than it must, and what renews its logins.
fn pool_of(home: &Home) -> (PoolHandle, Renewer) {
    let store = FileStore::new(home.store());
    let renewer = Renewer::of(store.clone()).unwrap();
    let patience = Patience { first_wait: TimeDelta::milliseconds(10), ..Patience::default() };
    (PoolHandle::builder().patience(patience).build(store), renewer)
}

#[test]
fn the_example_of_the_readme_gets_through_a_bad_day() {
    let home = Home::with_store(STORE);
    let (pool, renewer) = pool_of(&home);

    let (address, keys) = provider(&[THROTTLED, REVOKED, OVERLOADED, ANSWERED]);
    let response = ask(&pool, &renewer, |key| send(address, key)).unwrap();
    assert!(response.starts_with("HTTP/1.1 200"));
    assert_eq!(*keys.lock().unwrap(), ["first", "second", "third", "third"]);

    let store: serde_json::Value = serde_json::from_str(&home.read_store()).unwrap();
    let records = &store["credential_pool_runtime"]["openai-codex"];
    let status = |id: &str| records[id]["status"].as_str().unwrap_or("ok").to_owned();
    assert_eq!(["first", "second", "third"].map(status), ["exhausted", "dead", "ok"]);
    assert_eq!(records["first"]["reset_from"], "provider");

    // The next request begins with what is left, and its end tells what upstream really said.
    let (address, _) = provider(&[THROTTLED]);
    let error = ask(&pool, &renewer, |key| send(address, key)).unwrap_err();
    assert_eq!(error.to_string(), "no credential is left to try; third was last told: rate_limit");
}

#[test]
fn the_example_of_the_readme_renews_logins() {
    let ends = |at: &str| LOGIN.replace("ENDS", at);
    for (store, answers, sent, spent) in [
        // Good for long, and refused all the same.
        (ends("2099-01-01T00:00:00Z"), &[EXPIRED, ANSWERED][..], &["old", "minted-access-1"][..], 1),
        // Renewed ahead.
        (ends("2020-01-01T00:00:00Z"), &[ANSWERED], &["minted-access-1"], 1),
        (ends("2099-01-01T00:00:00Z"), &[ANSWERED], &["old"], 0),
    ] {
        let (home, server) = (Home::with_store(&store), TokenServer::start([]));
        home.write("pool.toml", &format!("[oauth.openai-codex]\ntoken_url = \"{}\"\n", server.url()));
        let (pool, renewer) = pool_of(&home);
        let (address, tokens) = provider(answers);
        assert!(ask(&pool, &renewer, |token| send(address, token)).unwrap().starts_with("HTTP/1.1 200"));
        assert_eq!(*tokens.lock().unwrap(), sent);
        assert_eq!((server.posts(), server.spends_of("old-refresh")), (spent, spent));
        assert_eq!(home.read_store().contains("minted-refresh-1"), spent > 0, "the new token is on disk");
    }
}
