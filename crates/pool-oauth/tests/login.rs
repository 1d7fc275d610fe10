//! Logging in by device code: what is asked, how long, and where the tokens go.

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use pool_core::{CredentialId, Provider};
use pool_oauth::{
    DeviceLogin, Keep, Kept, LoginError, Profile, Request, Response, SendError, Settings, Transport, Waiter,
};
use pool_store::FileStore;
use sha2::{Digest, Sha256};

use crate::support::{Act, Script, World};

const ACME: &str = r#"
    [oauth.acme]
    token_url = "https://acme.example/token"
    device_url = "https://acme.example/device"
    client_id = "agent"
    scope = "openid offline_access"
"#;

const CODE: &str = r#"{"device_code": "secret-device", "user_code": "WDJB-MJHT", "interval": 5, "expires_in": 60,
    "verification_uri": "https://acme.example/activate"}"#;
const PENDING: &str = r#"{"error": "authorization_pending"}"#;
const SLOW_DOWN: &str = r#"{"error": "slow_down"}"#;
const PAIR: &str = r#"{"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 3600}"#;

/// Claims of one account, of another, and what people call its owner.
const MINE: &str = r#"{"account_id":"acct","sub":"user","email":"me@example.com"}"#;
const THEIRS: &str = r#"{"account_id":"other","sub":"user"}"#;

/// Takes no time, and notes the pauses.
#[derive(Default)]
struct Pauses(RefCell<Vec<u64>>);

impl Waiter for Pauses {
    fn passed(&self) -> Duration {
        Duration::from_secs(self.0.borrow().iter().sum())
    }

    fn wait(&self, pause: Duration, _left: Option<Duration>) {
        self.0.borrow_mut().push(pause.as_secs());
    }
}

fn profile(provider: &str) -> Profile {
    Settings::parse(ACME).unwrap().profile(&Provider::new(provider).unwrap()).unwrap()
}

/// Logs in and stores it; and how long it waited each time.
fn log_in(world: &World, provider: &str, keep: &Keep) -> (Result<Kept, LoginError>, Vec<u64>) {
    let (pauses, profile, now) = (Pauses::default(), profile(provider), world.now());
    let login = DeviceLogin { profile: &profile, transport: &world.endpoint, waiter: &pauses };
    let kept = login.begin(now).and_then(|code| login.finish(&code, || now)).and_then(|login| {
        login.keep(&FileStore::new(world.path()), &Provider::new(provider).unwrap(), keep, now)
    });
    (kept, pauses.0.take())
}

/// A token with these claims.
pub(crate) fn jwt(claims: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = "e30.".to_owned();
    for three in claims.as_bytes().chunks(3) {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(*three.get(at).unwrap_or(&0)));
        for at in 0..=three.len() {
            text.push(char::from(DIGITS[bits >> (18 - 6 * at) & 63]));
        }
    }
    text + ".c2ln"
}

fn pair(claims: &str) -> String {
    format!(r#"{{"access_token": "{}", "refresh_token": "new-refresh", "expires_in": 3600}}"#, jwt(claims))
}

#[test]
fn a_device_asks_until_the_code_is_typed_in() {
    let world = World::acme();
    for (status, body) in [(200, CODE), (400, PENDING), (400, PENDING), (400, SLOW_DOWN), (200, PAIR)] {
        world.says(status, body);
    }
    let (kept, pauses) = log_in(&world, "acme", &Keep::default());
    let Kept::Added(credential) = kept.unwrap() else { panic!("it is new") };
    assert_eq!(pauses, [5, 5, 5, 10]);
    assert_eq!((credential.label.as_str(), credential.source.as_str()), ("login-2", "manual:device_code"));
    assert_eq!(credential.secret().unwrap().expose(), "new-access");
    assert_eq!(credential.expires_at.unwrap().to_rfc3339(), "2026-05-26T13:01:00+00:00");
    assert!(credential.can_be_renewed());
    assert_eq!(world.entry()["refresh_token"], "old-refresh", "the other login is as it was");
    let sent = world.endpoint.sent();
    insta::assert_snapshot!([sent[0].as_str(), &sent[1]].join("\n---\n"));
}

#[test]
fn codex_is_asked_in_its_own_way() {
    let world = World::of("openai-codex", "old-access", "old-refresh");
    let code = r#"{"device_auth_id": "secret-device", "user_code": "AB12-CD34", "interval": "1"}"#;
    let authorization = r#"{"authorization_code": "code", "code_challenge": "c", "code_verifier": "v"}"#;
    let slow = (429, "");
    for (status, body) in
        [slow, (200, code), (403, "{}"), (404, ""), (200, authorization), (200, &pair(MINE))]
    {
        world.says(status, body);
    }
    let (kept, pauses) = log_in(&world, "openai-codex", &Keep::default());
    assert_eq!(kept.unwrap().credential().label, "me@example.com");
    assert_eq!(pauses, [2, 3, 3, 3], "the busy server first");
    let sent = world.endpoint.sent();
    insta::assert_snapshot!([sent[1].as_str(), &sent[2], &sent[5]].join("\n---\n"));
}

/// The value of a field of a form.
fn field(sent: &str, name: &str) -> String {
    let form = sent.lines().last().unwrap();
    let value = form.split('&').find_map(|field| field.strip_prefix(&format!("{name}=")));
    value.unwrap_or_else(|| panic!("no {name} in {form}")).to_owned()
}

/// What was sent to get a code and to get tokens, with names in place of what is by chance. The proof must be of the challenge.
fn shown(sent: &[String]) -> String {
    let (first, last) = (&sent[0], sent.last().unwrap());
    if !first.contains("code_challenge=") {
        return [first.as_str(), last].join("\n---\n");
    }
    let (challenge, verifier) = (field(first, "code_challenge"), field(last, "code_verifier"));
    assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)), challenge);
    let mut first = first.replace(&challenge, "CHALLENGE");
    if first.contains("&state=") {
        first = first.replace(&field(&first, "state"), "STATE");
    }
    [first, last.replace(&verifier, "VERIFIER")].join("\n---\n")
}

#[test]
fn each_provider_gives_codes_in_its_own_way() {
    let complete =
        CODE.replace("interval", r#"verification_uri_complete": "https://acme.example/full", "interval"#);
    let mut told = Vec::new();
    for provider in ["nous", "xai-oauth", "qwen-oauth"] {
        let world = World::of(provider, "old-access", "old-refresh");
        for (status, body) in [(200, complete.as_str()), (400, PENDING), (429, SLOW_DOWN), (200, PAIR)] {
            world.says(status, body);
        }
        let (kept, pauses) = log_in(&world, provider, &Keep::default());
        assert_eq!(kept.unwrap().credential().secret().unwrap().expose(), "new-access", "{provider}");
        assert_eq!(pauses, [5, 5, 10], "{provider}");
        told.push(format!("{provider}\n{}", shown(&world.endpoint.sent())));
    }
    insta::assert_snapshot!(told.join("\n\n"));
}

/// The server repeats the state that it was told, as MiniMax does.
#[derive(Debug)]
struct Repeats {
    endpoint: Script,
    code: String,
}

impl Transport for Repeats {
    fn post(&self, request: &Request<'_>) -> Result<Response, SendError> {
        if request.body.contains("&state=") {
            let state = field(&request.body, "state");
            self.endpoint.then(Act::Say(200, self.code.replace("STATE", &state)));
        }
        self.endpoint.post(request)
    }
}

#[test]
fn minimax_is_asked_by_the_code_that_people_type() {
    // 2026-05-26T12:11:00Z, which is in ten minutes.
    let code = r#"{"user_code": "WDJB-MJHT", "verification_uri": "https://acme.example/activate", "state": "STATE",
        "expired_in": 1779797460000, "interval": 3000}"#;
    let pair = r#"{"status": "success", "access_token": "new-access", "refresh_token": "new-refresh", "expired_in": 3600}"#;
    for (code, answers, expected) in [
        (code, &[(200, r#"{"status": "pending"}"#), (200, pair)][..], Ok([3, 3])),
        (code, &[(200, r#"{"status": "error"}"#)], Err("the server gave no login: HTTP 400")),
        (
            &code.replace("STATE", "other"),
            &[],
            Err("the server answered with something else than a login, which was not kept"),
        ),
    ] {
        let world = World::of("minimax-oauth", "old-access", "old-refresh");
        let (pauses, profile, now) = (Pauses::default(), profile("minimax-oauth"), world.now());
        let server = Repeats { endpoint: world.endpoint.clone(), code: code.to_owned() };
        let login = DeviceLogin { profile: &profile, transport: &server, waiter: &pauses };
        let begun = login.begin(now);
        answers.iter().for_each(|(status, body)| world.says(*status, body));
        let finished = begun.and_then(|code| {
            assert_eq!(code.lifetime, Duration::from_secs(600));
            login.finish(&code, || now)
        });
        match expected {
            Ok(expected) => {
                finished.unwrap();
                assert_eq!(pauses.0.take(), expected);
                insta::assert_snapshot!(shown(&world.endpoint.sent()));
            }
            Err(expected) => assert_eq!(finished.unwrap_err().to_string(), expected),
        }
    }
}

#[test]
fn a_page_that_has_the_code_is_shown_where_there_is_one() {
    for (more, page, is_in_page) in [
        ("", "https://acme.example/activate", false),
        (r#""verification_uri_complete": "https://acme.example/full","#, "https://acme.example/full", true),
    ] {
        let world = World::acme();
        world.says(200, &CODE.replacen('{', &format!("{{{more}"), 1));
        let (pauses, profile) = (Pauses::default(), profile("acme"));
        let login = DeviceLogin { profile: &profile, transport: &world.endpoint, waiter: &pauses };
        let code = login.begin(world.now()).unwrap();
        assert_eq!((code.page.as_str(), code.is_in_page), (page, is_in_page));
    }
}

#[test]
fn a_code_is_read_whatever_else_an_answer_says() {
    let code = |more: &str| CODE.replacen('{', &format!("{{{more}"), 1);
    for body in [
        code(r#""verification_url": "https://acme.example/activate", "#),
        code(r#""expired_in": 60, "#),
        code(r#""usercode": "WDJB-MJHT", "device_auth_id": "secret-device", "#),
        code(r#""expires_in": 5, "user_code": 7, "#),
        code(r#""verification_uri_complete": "", "#),
        code(r#""verification_uri_complete": null, "state": 7, "#),
        code(r#""server_load": NaN, "#),
        code(r#""server_load": 1e400, "name": "\ud800", "#),
        CODE.replace("verification_uri", "verification_url").replace("expires_in", "expired_in"),
        CODE.replace("user_code", "usercode").replace("device_code", "device_auth_id"),
        format!("\u{feff}{CODE}"),
    ] {
        let world = World::acme();
        world.says(200, &body);
        let (pauses, profile) = (Pauses::default(), profile("acme"));
        let login = DeviceLogin { profile: &profile, transport: &world.endpoint, waiter: &pauses };
        let code = login.begin(world.now()).unwrap_or_else(|error| panic!("{error}: {body}"));
        let told = (code.user_code.as_str(), code.page.as_str(), code.is_in_page, code.lifetime.as_secs());
        assert_eq!(told, ("WDJB-MJHT", "https://acme.example/activate", false, 60), "{body}");
    }
}

#[test]
fn who_does_not_get_a_login_stores_nothing() {
    let token = |status, body: &str| vec![(200, CODE.to_owned()), (status, body.to_owned())];
    let first = |status, body: &str| vec![(status, body.to_owned())];
    let endless = |body: &str| {
        let mut all = vec![(200, CODE.to_owned())];
        all.resize(13, (400, body.to_owned()));
        all
    };
    let cases = [
        (token(400, r#"{"error": "access_denied"}"#), "the login was refused in the browser"),
        (token(200, r#"{"error": "access_denied"}"#), "the login was refused in the browser"),
        (token(400, r#"{"error": "expired_token"}"#), "the code was not used in time"),
        (endless(PENDING), "the code was not used in time"),
        (endless(SLOW_DOWN), "the code was not used in time"),
        (
            token(400, r#"{"error": "invalid_grant", "error_description": "secret-device is unknown"}"#),
            "the server gave no login: HTTP 400, invalid_grant, [redacted] is unknown",
        ),
        (endless("tokens"), "the code was not used in time"),
        (
            token(400, r#"{"message": "no such client"}"#),
            "the server gave no login: HTTP 400, no such client",
        ),
        (
            token(200, r#"{"code": 500, "msg": "system busy"}"#),
            "the server gave no login: HTTP 400, system busy",
        ),
        (first(401, r#"{"error": "invalid_client"}"#), "the server gave no login: HTTP 401, invalid_client"),
        (first(200, "<html>"), "the server answered with something else than a login, which was not kept"),
        (
            first(
                200,
                r#"{"device_code": "d", "user_code": "u", "verification_uri": "http://evil.example/"}"#,
            ),
            "the server answered with something else than a login, which was not kept",
        ),
        (
            first(
                200,
                r#"{"device_code": "d", "user_code": "u\u001b[2J", "verification_uri": "https://a.example/"}"#,
            ),
            "the server answered with something else than a login, which was not kept",
        ),
        (
            first(200, r#"{"device_code": "", "user_code": "u", "verification_uri": "https://a.example/"}"#),
            "the server answered with something else than a login, which was not kept",
        ),
    ];
    for (answers, expected) in cases {
        let world = World::acme();
        let before = std::fs::read(world.path()).unwrap();
        answers.iter().for_each(|(status, body)| world.says(*status, body));
        let (kept, _) = log_in(&world, "acme", &Keep::default());
        assert_eq!(kept.unwrap_err().to_string(), expected, "{answers:?}");
        assert_eq!(std::fs::read(world.path()).unwrap(), before, "{answers:?}");
    }
}

#[test]
fn what_a_server_says_of_time_is_kept_within_reason() {
    let code = |interval: &str| CODE.replace(r#""interval": 5"#, &format!(r#""interval": {interval}"#));
    for (interval, pause) in [("0", 1), ("-3", 5), ("1e300", 5), ("\"7\"", 7), ("null", 5), ("59", 59)] {
        let world = World::acme();
        world.says(200, &code(interval));
        world.says(200, PAIR);
        assert_eq!(log_in(&world, "acme", &Keep::default()).1, [pause], "{interval}");
    }
}

#[test]
fn a_connection_that_fails_is_no_end() {
    let world = World::acme();
    world.says(200, CODE);
    world.endpoint.then(Act::Fail(SendError::NotSent("no route".to_owned())));
    world.endpoint.then(Act::Fail(SendError::TimedOut));
    world.says(503, "");
    world.says(200, PAIR);
    let (kept, pauses) = log_in(&world, "acme", &Keep::default());
    kept.unwrap();
    assert_eq!(pauses, [5, 10, 15, 20]);
}

#[test]
fn an_answer_that_is_neither_tokens_nor_an_error_is_no_end() {
    for (status, body) in [
        (200, "<html><title>Log in to the network</title></html>"),
        (200, ""),
        (200, "{}"),
        (200, r#"{"access_token": " "}"#),
        (302, ""),
        (403, "<html><title>Blocked</title></html>"),
    ] {
        let world = World::acme();
        world.says(200, CODE);
        world.says(status, body);
        world.says(200, PAIR);
        let (kept, pauses) = log_in(&world, "acme", &Keep::default());
        kept.unwrap();
        assert_eq!(pauses, [5, 10], "{status} {body}");
    }
}

#[test]
fn a_page_while_codex_is_asked_is_no_end() {
    let world = World::of("openai-codex", "old-access", "old-refresh");
    let code = r#"{"device_auth_id": "secret-device", "user_code": "AB12-CD34", "interval": "3"}"#;
    let authorization = r#"{"authorization_code": "code", "code_verifier": "v"}"#;
    for body in [code, "<html>", authorization, PAIR] {
        world.says(200, body);
    }
    log_in(&world, "openai-codex", &Keep::default()).0.unwrap();
}

#[test]
fn what_codex_gives_is_read_whatever_else_it_says() {
    let authorization = r#""authorization_code": "code", "code_verifier": "v""#;
    for body in [
        format!("\u{feff}{{{authorization}}}"),
        format!(r#"{{{authorization}, "code_challenge": NaN}}"#),
        format!(r#"{{"code_verifier": "old", {authorization}}}"#),
    ] {
        let world = World::of("openai-codex", "old-access", "old-refresh");
        world.says(200, r#"{"device_auth_id": "secret-device", "user_code": "AB12-CD34"}"#);
        world.says(200, &body);
        world.says(200, PAIR);
        log_in(&world, "openai-codex", &Keep::default()).0.unwrap_or_else(|error| panic!("{error}: {body}"));
        let sent = world.endpoint.sent();
        assert!(sent[2].ends_with("&code_verifier=v"), "{body}: {}", sent[2]);
    }
}

#[test]
fn a_login_of_the_same_account_takes_the_place_of_the_old_one() {
    let world = World::of("acme", &jwt(MINE), "old-refresh");
    world.says(400, r#"{"error": "invalid_grant"}"#);
    world.refresh().unwrap_err();
    assert_eq!(world.record()["status"], "dead");
    world.says(200, CODE);
    world.says(200, &pair(&MINE.replace("me@", "new@")));
    let (kept, _) = log_in(&world, "acme", &Keep::default());
    let Kept::Replaced(credential) = kept.unwrap() else { panic!("it is there") };
    assert_eq!((credential.id.as_str(), credential.label.as_str()), ("a", "work"));
    assert_eq!(world.entry()["refresh_token"], "new-refresh");
    assert_ne!(world.record()["status"], "dead");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "another program writes the store")]
fn of_several_logins_of_the_account_the_dead_one_is_revived() {
    let world = World::acme();
    let entry = |id: &str, more: &str| {
        format!(
            r#"{{"id": "{id}", "label": "{id}", "auth_type": "oauth", "source": "manual:device_code", "priority": 0,
                "access_token": "{}", "refresh_token": "refresh-{id}"{more}}}"#,
            jwt(&MINE.replace("me@", id))
        )
    };
    let dead = r#", "last_status": "dead", "last_error_code": 401"#;
    let pool = format!(
        r#"{{"version": 1, "credential_pool": {{"acme": [{}, {}]}}}}"#,
        entry("a", ""),
        entry("b", dead)
    );
    std::fs::write(world.path(), pool).unwrap();
    world.says(200, CODE);
    world.says(200, &pair(MINE));
    assert_eq!(log_in(&world, "acme", &Keep::default()).0.unwrap().credential().id.as_str(), "b");
    assert_eq!(world.entry()["refresh_token"], "refresh-a");
}

#[test]
fn another_account_never_takes_the_place_of_one() {
    let named = Keep { instead_of: Some(CredentialId::new("a").unwrap()), label: None };
    let world = World::of("acme", &jwt(MINE), "old-refresh");
    let before = std::fs::read(world.path()).unwrap();
    for _ in 0..2 {
        world.says(200, CODE);
        world.says(200, &pair(THEIRS));
    }
    let error = log_in(&world, "acme", &named).0.unwrap_err();
    assert_eq!(error.to_string(), "that login is of another account than `a`, and was not kept");
    assert_eq!(std::fs::read(world.path()).unwrap(), before);
    assert!(matches!(log_in(&world, "acme", &Keep::default()).0, Ok(Kept::Added(_))));
}

#[test]
fn a_credential_that_is_named_is_replaced_where_no_account_is_known() {
    let named = Keep { instead_of: Some(CredentialId::new("a").unwrap()), label: None };
    let world = World::acme();
    world.says(200, CODE);
    world.says(200, PAIR);
    assert!(matches!(log_in(&world, "acme", &named).0, Ok(Kept::Replaced(_))));
    assert_eq!(world.entry()["access_token"], "new-access");
}

#[test]
fn nothing_in_it_shows_a_secret() {
    let world = World::acme();
    world.says(200, CODE);
    world.says(200, PAIR);
    let (pauses, profile) = (Pauses::default(), profile("acme"));
    let login = DeviceLogin { profile: &profile, transport: &world.endpoint, waiter: &pauses };
    let code = login.begin(world.now()).unwrap();
    let new = login.finish(&code, || world.now()).unwrap();
    let shown = format!("{login:?} {code:?} {new:?}");
    assert!(
        !["secret-device", "new-access", "new-refresh"].iter().any(|secret| shown.contains(secret)),
        "{shown}"
    );
}
