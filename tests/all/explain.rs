//! What `pool explain` says of failures, in every form in which somebody may have one at hand.

use pool_core::time;
use serde_json::Value;

use crate::support::{Home, Ran};

/// The line of the log that this project began with.
const INCIDENT: &str = "Failed to generate context summary:
Error code: 401 - {'error': {'message': 'Your authentication token has been invalidated. Please try signing in again.',
'type': 'invalid_request_error',
'code': 'token_invalidated',
'param': None},
'status': 401}
";

const THROTTLE: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 20\r\n\r\n\
    {\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"Slow down.\"}}";

fn explained(ran: Ran) -> Value {
    serde_json::from_str(&ran.succeeded()).unwrap()
}

#[test]
fn the_incident_is_the_end_of_a_token() {
    // There is no store: nothing but what is read counts.
    let home = Home::empty();
    let said = explained(home.pool_reading("explain --json", INCIDENT.as_bytes()));
    assert_eq!((&said["kind"], &said["scope"]), (&"auth_permanent".into(), &"credential".into()));
    assert_eq!((&said["terminal"], &said["reason"]), (&true.into(), &"token_invalidated".into()));
    let message = "Your authentication token has been invalidated. Please try signing in again.";
    assert_eq!((&said["message"], &said["status"]), (&message.into(), &401.into()));
    assert_eq!(said.get("until"), None);
    insta::assert_snapshot!(home.pool_reading("explain", INCIDENT.as_bytes()).succeeded());
}

#[test]
fn every_recorded_failure_is_explained_as_it_was_recorded() {
    let home = Home::empty();
    let cases =
        include_str!("../data/verdicts.jsonl").lines().chain(include_str!("../data/failures.jsonl").lines());
    let cases: Vec<Value> = cases.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() > 250, "{}", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| disagreement(&home, case)).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn disagreement(home: &Home, case: &Value) -> Option<String> {
    let text = |name: &str| case[name].as_str();
    let now = text("now").unwrap();
    let words = format!("explain --json --provider {} --now {now}", text("provider").unwrap());
    let told = text("response").or(text("log")).unwrap();
    let said = explained(home.pool_reading(&words, told.as_bytes()));
    let expected = &case["expected"];
    let begin = time::parse_text(now).unwrap();
    let reset_in =
        said["until"].as_str().map(|until| (time::parse_text(until).unwrap() - begin).as_seconds_f64());
    let agrees = ["kind", "scope", "terminal"].iter().all(|name| said[name] == expected[name])
        && match (reset_in, expected["reset_in"].as_f64()) {
            (Some(said), Some(expected)) => (said - expected).abs() <= 1.0,
            (said, expected) => said.is_none() && expected.is_none(),
        };
    (!agrees).then(|| format!("{}: {said}, expected {expected}", case["name"]))
}

#[test]
fn people_read_what_it_is_and_what_follows() {
    let cases = [
        ("explain --provider openai", THROTTLE),
        (
            "explain --provider openai --model gpt-5.5",
            "HTTP/2 429\r\n\r\n{\"error\":{\"message\":\"Rate limit reached for model gpt-5.5 in organization org-1. Please try again in 90s.\"}}",
        ),
        (
            "explain --status 401 --provider openai",
            "{\"error\":{\"code\":\"invalid_api_key\",\"message\":\"Incorrect API key provided: sk-canary-1234\"}}",
        ),
        (
            "explain --status 401",
            "{\"error\":{\"code\":\"unauthorized_region\",\"message\":\"Workspace is not authorized in this region.\"}}",
        ),
        ("explain --status 400", "{\"error\":{\"message\":\"max_tokens: Field required\"}}"),
        ("explain --status 529", ""),
        ("explain", "httpx.ConnectError: [Errno 111] Connection refused"),
    ];
    let home = Home::empty();
    let show = |(words, input): (&str, &str)| {
        format!("$ pool {words}\n{}", home.pool_reading(words, input.as_bytes()).succeeded())
    };
    insta::assert_snapshot!(cases.map(show).join("\n"));
}

#[test]
fn a_failure_is_read_in_every_form() {
    let body = "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"Slow down.\"}}";
    let fields = "Content-Type: application/json\r\nRetry-After: 20\r\nSet-Cookie: session=canary-cookie\r\n";
    let forms = [
        ("explain --json", THROTTLE.to_owned()),
        ("explain --json --status 429", THROTTLE.to_owned()),
        ("explain --json --status 429", format!("{fields}\r\n{body}")),
        ("explain --json", format!("HTTP/1.1 200 Connection established\r\n\r\n{THROTTLE}")),
        (
            "explain --json",
            format!(
                "*   Trying 192.0.2.1:443...\n> POST /v1/responses HTTP/2\n> x-api-key: canary-header\n>\n\
                 {{ [5 bytes data]\n< HTTP/2 302 \n< location: /\n<\n< HTTP/2 429 \n< retry-after: 20\n< set-cookie: canary-cookie\n<\n\
                 {body}\n* Connection #0 to host left intact\n"
            ),
        ),
    ];
    let home = Home::empty();
    for (words, input) in forms {
        let said = explained(home.pool_reading(words, input.as_bytes()));
        let facts = (said["kind"].as_str(), said["status"].as_u64(), said["until"].as_str());
        assert_eq!(facts, (Some("rate_limit"), Some(429), Some("2026-05-26T12:00:20Z")), "{input}: {said}");
        assert_eq!(
            (&said["reason"], &said["message"]),
            (&"rate_limit_exceeded".into(), &"Slow down.".into())
        );
    }
    let bare = explained(home.pool_reading("explain --json --status 429", body.as_bytes()));
    assert_eq!((bare["kind"].as_str(), bare.get("until")), (Some("rate_limit"), None));
}

#[test]
fn what_is_no_failure_is_said_to_be_none() {
    let home = Home::empty();
    let cases: [(&str, &[u8]); 7] = [
        ("explain", b""),
        ("explain --json", b" \r\n\t"),
        ("explain", b"HTTP/1.1 200 OK\r\n\r\n{\"type\":\"message\",\"content\":[{\"text\":\"hi\"}]}"),
        ("explain --json", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        ("explain --status 200", b"{\"id\":\"resp_1\",\"status\":\"completed\"}"),
        ("explain --status 401", b"HTTP/1.1 429 Too Many Requests\r\n\r\n"),
        ("explain --status 42", b"x"),
    ];
    let show = |(words, input): (&str, &[u8])| {
        let ran = home.pool_reading(words, input);
        assert_eq!(ran.out, "", "{words}");
        format!("$ pool {words} < {:?}\n{}[exit {}]\n", String::from_utf8_lossy(input), ran.err, ran.code)
    };
    insta::assert_snapshot!(cases.map(show).concat());
}

#[test]
fn an_error_in_an_answer_that_says_200_is_one() {
    let body = b"HTTP/1.1 200 OK\r\n\r\n{\"error\":{\"code\":429,\"message\":\"Provider returned error: rate limit exceeded\"}}";
    let said = explained(Home::empty().pool_reading("explain --json", body));
    assert_eq!((said["kind"].as_str(), said["status"].as_u64()), (Some("rate_limit"), Some(429)));
}

#[test]
fn a_message_is_kept_up_to_500_characters() {
    let body = format!("{{\"error\":{{\"message\":\"{}\"}}}}", "ü".repeat(10_000));
    let said = explained(Home::empty().pool_reading("explain --json --status 500", body.as_bytes()));
    assert_eq!(said["message"].as_str().unwrap().chars().count(), 500);
}

/// Keys where a failure may echo them.
const CANARY: &str = "sk-canary-0123456789abcdef";

#[test]
fn no_input_is_too_hostile() {
    let noise: Vec<u8> = {
        let mut chance = fastrand::Rng::with_seed(7);
        (0..200_000).map(|_| chance.u8(..)).collect()
    };
    let inputs: [(&str, Vec<u8>); 17] = [
        ("noise", noise.clone()),
        ("noise behind a status line", [b"HTTP/1.1 429 x\r\n\r\n".as_slice(), &noise].concat()),
        ("noise as header fields", [b"HTTP/1.1 429 x\r\n".as_slice(), &noise].concat()),
        (
            "10 MB of a body",
            format!("{{\"error\":{{\"message\":\"{}\"}}}}", CANARY.repeat(400_000)).into_bytes(),
        ),
        ("10 MB of a log", format!("Error code: 429 - {}", "{'a': ".repeat(1_700_000)).into_bytes()),
        (
            "10 MB of header fields",
            format!("HTTP/1.1 429 x\r\n{}", "x-a: 1\r\n".repeat(1_200_000)).into_bytes(),
        ),
        ("10 MB of header fields alone", "x-a: 1\r\n".repeat(1_200_000).into_bytes()),
        ("10 MB on a line", vec![b'x'; 10_000_000]),
        ("deep lists", "[".repeat(1_000_000).into_bytes()),
        ("deep objects", "{\"error\":".repeat(1_000_000).into_bytes()),
        ("deep Python", "Error code: 401 - {'error': ".repeat(10_000).into_bytes()),
        (
            "a page",
            format!("<html><head><title>502</title></head><body>{CANARY}{}", "<p>".repeat(100_000))
                .into_bytes(),
        ),
        ("no UTF-8", b"{\"error\":{\"message\":\"\xff\xfe\xed\xa0\x80\",\"code\":\"a\xffb\"}}".to_vec()),
        ("a lone surrogate", b"{\"error\":{\"message\":\"\\ud800\"}}".to_vec()),
        ("a NUL", b"\0".to_vec()),
        ("a huge status", b"HTTP/1.1 99999999999999999999 x\r\n\r\n".to_vec()),
        (
            "a huge reset",
            b"HTTP/1.1 429 x\r\nretry-after: 1e400\r\nx-ratelimit-reset: 99999999999999999999\r\n\r\n"
                .to_vec(),
        ),
    ];
    let home = Home::empty();
    for (name, input) in inputs {
        for words in ["explain", "explain --json", "explain --json --status 429"] {
            let ran = home.pool_reading(words, &input);
            assert!(ran.code == 0, "{name}, {words}: {} {}", ran.code, ran.err);
            assert!(!ran.err.contains("panicked") && ran.err.is_empty(), "{name}, {words}: {}", ran.err);
            assert!(!ran.out.contains("canary") && !ran.out.contains('\0'), "{name}, {words}: {}", ran.out);
            assert!(ran.out.len() < 20_000, "{name}, {words}: {}", ran.out.len());
            if words.contains("--json") {
                explained(ran);
            }
        }
    }
}

#[test]
fn what_is_too_long_is_read_in_part_and_said_to_be() {
    let home = Home::empty();
    let mut input = b"HTTP/1.1 429 x\r\n\r\n".to_vec();
    input.resize(64 * 1024 * 1024 + 2, b' ');
    let ran = home.pool_reading("explain --json", &input);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (0, "warning: only the first 64 MiB of standard input were read\n")
    );
}

#[test]
fn no_secret_of_a_failure_is_printed() {
    let inputs = [
        format!(
            "HTTP/1.1 401 x\r\nauthorization: Basic canary\r\nx-api-key: canary\r\nset-cookie: s=canary\r\n\r\n{{\"error\":{{\"message\":\"bad {CANARY}\",\"code\":\"{CANARY}\",\"param\":\"canary\"}}}}"
        ),
        format!(
            "HTTP/1.1 401 x\r\nwww-authenticate: Bearer error=\"{CANARY}\", error_description=\"{CANARY}\"\r\n\r\n"
        ),
        format!(
            "{{\"error\":{{\"message\":\"Incorrect API key provided: {CANARY}.\",\"type\":\"{CANARY}\"}}}}"
        ),
        "authorization: Basic canary\ncookie: canary\nretry-after: 5\n".to_owned(),
        format!(
            "POST /v1 HTTP/1.1\r\nAuthorization: Basic canary\r\nX-Api-Key: canary\r\n\r\nHTTP/1.1 401 Unauthorized\r\nSet-Cookie: canary\r\n\r\n{CANARY}"
        ),
        "* Connected\n> GET / HTTP/1.1\n> authorization: Basic canary\n>\n* Empty reply from server\n"
            .to_owned(),
        format!(
            "Error code: 401 - {{'error': {{'message': 'key {CANARY} is wrong', 'code': '{CANARY}', 'param': 'canary'}}}}"
        ),
        format!("<html><title>{CANARY}</title>Bearer {CANARY}</html>"),
    ];
    let home = Home::empty();
    for input in inputs {
        for words in ["explain", "explain --json", "explain --status 401", "explain --status 200"] {
            let ran = home.pool_reading(words, input.as_bytes());
            assert!(!ran.out.contains("canary") && !ran.err.contains("canary"), "{words}: {input}\n{ran:?}");
        }
    }
}
