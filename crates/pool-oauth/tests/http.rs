//! The real transport, against servers that misbehave: what it says decides whether a token is sent again.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use pool_core::Secret;
use pool_oauth::{Http, Request, Response, SendError, Transport};
use zeroize::Zeroizing;

/// Posts to a server that does this with its one connection.
fn post(serve: impl FnOnce(TcpStream) + Send + 'static, timeout: Duration) -> Result<Response, SendError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || serve(listener.accept().unwrap().0));
    let answer = post_to(&url, None, timeout);
    server.join().unwrap();
    answer
}

fn post_to(url: &str, token: Option<&Secret>, timeout: Duration) -> Result<Response, SendError> {
    Http.post(&Request {
        url: &url.parse().unwrap(),
        headers: vec![("Accept", "application/json")],
        token_header: token.map(|token| ("x-token", token)),
        body: Zeroizing::new("refresh_token=old".to_owned()),
        timeout,
    })
}

/// Longer than any of these takes.
const LONG: Duration = Duration::from_secs(20);

/// Reads the whole request.
fn read(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with("refresh_token=old") {
        stream.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
    text
}

fn say(answer: &'static str) -> impl FnOnce(TcpStream) {
    move |mut stream| {
        read(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

#[test]
fn an_answer_is_an_answer_whatever_its_status() {
    for status in [200, 400, 429, 503] {
        let answer = format!("HTTP/1.1 {status} So\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{{}}");
        let answer = post(say(answer.leak()), LONG).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (status, b"{}".as_slice()));
    }
}

#[test]
fn a_redirect_is_not_followed() {
    for status in [302, 307, 308] {
        let answer = format!("HTTP/1.1 {status} So\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(post(say(answer.leak()), LONG).unwrap().status, status);
    }
}

/// A token in the body, and one in a header.
fn token(is_in_header: bool) -> Option<Secret> {
    is_in_header.then(|| Secret::new("old".to_owned()))
}

#[test]
fn without_a_connection_nothing_was_sent() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // No route leads to a multicast address by TCP.
    let urls = [
        format!("http://{nobody}/token"),
        "https://no-such-host.invalid/token".to_owned(),
        "https://224.0.0.1/token".to_owned(),
    ];
    for (url, is_in_header) in urls.iter().flat_map(|url| [(url, false), (url, true)]) {
        let error = post_to(url, token(is_in_header).as_ref(), LONG).unwrap_err();
        assert!(matches!(error, SendError::NotSent(_)), "{url} {is_in_header}: {error:?}");
    }
}

#[test]
fn without_time_nothing_was_sent() {
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", somebody.local_addr().unwrap());
    for is_in_header in [false, true] {
        let error = post_to(&url, token(is_in_header).as_ref(), Duration::ZERO).unwrap_err();
        assert!(matches!(error, SendError::NotSent(_)), "{is_in_header}: {error:?}");
    }
}

#[test]
fn a_token_that_no_header_can_hold_was_not_sent() {
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", somebody.local_addr().unwrap());
    let error = post_to(&url, Some(&Secret::new("old\nX-Other: 1".to_owned())), LONG).unwrap_err();
    assert!(matches!(error, SendError::NotSent(_)), "{error:?}");
    assert!(!error.to_string().contains("old"), "{error}");
}

#[test]
fn a_server_that_speaks_no_tls_was_told_nothing() {
    for is_in_header in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/token", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            let mut told = Vec::new();
            drop(stream.read_to_end(&mut told));
            told
        });
        let error = post_to(&url, token(is_in_header).as_ref(), LONG).unwrap_err();
        assert!(matches!(error, SendError::NotSent(_)), "{is_in_header}: {error:?}");
        let told = String::from_utf8_lossy(&server.join().unwrap()).into_owned();
        assert!(!told.contains("refresh_token") && !told.contains("x-token"));
    }
}

#[test]
fn a_token_in_a_header_may_have_arrived_once_the_head_did() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || drop(read(&mut listener.accept().unwrap().0)));
    let error = post_to(&url, token(true).as_ref(), LONG).unwrap_err();
    server.join().unwrap();
    assert!(matches!(error, SendError::Unclear(_)), "{error:?}");
}

#[test]
fn a_token_beside_an_empty_body_may_have_arrived() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap()).parse().unwrap();
    let server = std::thread::spawn(move || drop(listener.accept().unwrap().0.read(&mut [0; 4096])));
    let token = Secret::new("old".to_owned());
    let error = Http.post(&Request {
        url: &url,
        headers: Vec::new(),
        token_header: Some(("x-token", &token)),
        body: Zeroizing::new(String::new()),
        timeout: LONG,
    });
    server.join().unwrap();
    assert!(matches!(error, Err(SendError::Unclear(_))));
}

#[test]
fn an_answer_that_breaks_off_is_none() {
    let cases =
        ["", "HTTP/1.1 200 So\r\n", "HTTP/1.1 200 So\r\nContent-Length: 9\r\n\r\n{}", "what?\r\n\r\n"];
    for answer in cases {
        let error = post(say(answer), LONG).unwrap_err();
        assert!(matches!(error, SendError::Unclear(_)), "{answer:?}: {error:?}");
    }
}

#[test]
fn an_answer_without_end_is_none() {
    let endless = |mut stream: TcpStream| {
        read(&mut stream);
        drop(stream.write_all(b"HTTP/1.1 200 So\r\n\r\n"));
        // Until the other side has had enough.
        while stream.write_all(&[b' '; 65536]).is_ok() {}
    };
    let error = post(endless, LONG).unwrap_err();
    assert!(matches!(error, SendError::Unclear(_)), "{error:?}");
}

#[test]
fn an_answer_that_comes_too_late_is_none() {
    let silent = |mut stream: TcpStream| {
        read(&mut stream);
        // Until the other side hangs up.
        drop(stream.read(&mut [0]));
    };
    assert_eq!(post(silent, Duration::from_millis(200)).unwrap_err(), SendError::TimedOut);
}
