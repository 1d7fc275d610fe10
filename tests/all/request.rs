//! The example of the README, against a provider that has a bad day.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use pool_core::Patience;
use pool_store::FileStore;

use crate::support::Home;

// The very code of the README: see `documents`.
include!("example.rs");

const STORE: &str = r#"{"version": 1, "providers": {}, "credential_pool": {"openrouter": [
    {"id": "first", "auth_type": "api_key", "priority": 0, "source": "manual", "access_token": "sk-or-test-first"},
    {"id": "second", "auth_type": "api_key", "priority": 1, "source": "manual", "access_token": "sk-or-test-second"},
    {"id": "third", "auth_type": "api_key", "priority": 2, "source": "manual", "access_token": "sk-or-test-third"}
]}}"#;

const THROTTLED: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1800\r\n";
const REVOKED: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"token_revoked\"\r\n";
const OVERLOADED: &str = "HTTP/1.1 529 Overloaded\r\n";
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
    let field = head.lines().find_map(|line| line.strip_prefix("Authorization: Bearer sk-or-test-"));
    field.unwrap().to_owned()
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

/// Keys are not renewed.
fn no_login(login: &Credential) -> Result<Tokens, Box<Failure>> {
    panic!("{} is to be renewed", login.id)
}

#[test]
fn the_example_of_the_readme_gets_through_a_bad_day() {
    let home = Home::with_store(STORE);
    let patience = Patience { first_wait: TimeDelta::milliseconds(10), ..Patience::default() };
    let pool = PoolHandle::builder().patience(patience).build(FileStore::new(home.store()));

    let (address, keys) = provider(&[THROTTLED, REVOKED, OVERLOADED, ANSWERED]);
    let response = ask(&pool, |key| send(address, key), no_login).unwrap();
    assert!(response.starts_with("HTTP/1.1 200"));
    assert_eq!(*keys.lock().unwrap(), ["first", "second", "third", "third"]);

    let store: serde_json::Value = serde_json::from_str(&home.read_store()).unwrap();
    let records = &store["credential_pool_runtime"]["openrouter"];
    let status = |id: &str| records[id]["status"].as_str().unwrap_or("ok").to_owned();
    assert_eq!(["first", "second", "third"].map(status), ["exhausted", "dead", "ok"]);
    assert_eq!(records["first"]["reset_from"], "provider");

    // The next request begins with what is left, and its end tells what upstream really said.
    let (address, _) = provider(&[THROTTLED]);
    let error = ask(&pool, |key| send(address, key), no_login).unwrap_err();
    assert_eq!(error.to_string(), "no credential is left to try; third was last told: rate_limit");
}
