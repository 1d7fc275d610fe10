//! Requests whose logins are renewed on the way: what is sent, and how the login stands then.

use pool_core::{Failure, PickRequest, Provider};
use pool_oauth::{Profile, Renewer, Settings};

use crate::login::jwt;
use crate::support::{ACME, World, put};

const PAIR: (u16, &str) =
    (200, r#"{"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 3600}"#);
const BROKEN: (u16, &str) = (503, "");
const GONE: (u16, &str) = (400, r#"{"error": "invalid_grant", "error_description": "Token revoked"}"#);

/// A login of `acme` whose token ends at this time of the day. It is one minute past noon.
fn ending_at(time: &str) -> World {
    let world = World::acme();
    let ends = format!("2026-05-26T{time}:00Z");
    put(&world.path(), &Provider::new("acme").unwrap(), "old-access", "old-refresh", &ends);
    world
}

#[test]
fn a_token_is_due_before_its_end_and_not_before_half_of_its_life() {
    const NOW: i64 = 1_779_796_860; // A minute past noon.
    let xai = Provider::new("xai-oauth").unwrap();
    let profile = Profile::known(&xai).unwrap();
    for (made, ends, is_due) in [
        (Some(-60), 6 * 3600, false),
        (Some(-5 * 3600), 3601, false),
        (Some(-5 * 3600), 3600, true),
        // Good for 15 minutes in all.
        (Some(-60), 14 * 60, false),
        (Some(-8 * 60), 7 * 60, true),
        (None, 14 * 60, true),
        // Made after its end: what it says of that is worth nothing.
        (Some(7200), 14 * 60, true),
    ] {
        let world = World::acme();
        let made = made.map(|made: i64| format!(r#""iat": {}, "#, NOW + made)).unwrap_or_default();
        let token = jwt(&format!(r#"{{{made}"exp": {}}}"#, NOW + ends));
        put(&world.path(), &xai, &token, "old-refresh", "");
        let login = world.handle().pick(&PickRequest::new(xai.clone())).unwrap();
        assert_eq!(profile.is_due(&login, world.now()), is_due, "{made}{ends}");
    }
}

/// Makes a request, which is answered with these statuses, and says what was sent and how it ended.
fn story(world: &World, settings: &str, statuses: &[u16]) -> String {
    let renewer = Renewer::with(world.refresher(), Settings::parse(settings).unwrap());
    let mut request = world.handle().request(PickRequest::new(Provider::new("acme").unwrap()));
    let mut statuses = statuses.iter();
    let mut told = Vec::new();
    let end = loop {
        let (lease, _) = match renewer.next(&mut request) {
            Ok(sent) => sent,
            Err(error) => break format!("give up: {error}"),
        };
        told.push(format!("send {}", lease.secret().expose()));
        match statuses.next() {
            Some(status) => request.failed(&lease, Failure::http(*status)),
            None => {
                request.succeeded(&lease);
                break "answered".to_owned();
            }
        }
    };
    told.push(end);
    told.join(", ")
}

/// How it stands, and why.
fn standing(world: &World) -> String {
    let record = world.record();
    let status = record["status"].as_str().filter(|status| *status != "ok");
    let kind = record["last_error"]["kind"].as_str().unwrap_or("none");
    status.map_or("ok".to_owned(), |status| format!("{status} {kind}"))
}

#[test]
fn logins_are_renewed_as_requests_go_on() {
    let gave_up = "give up: no credential is left to try; a was last told:";
    for (name, ends, endpoint, statuses, told, stands) in [
        ("good for long", "13:00", None, vec![], "send old-access, answered", "ok"),
        ("it has ended", "12:00", Some(PAIR), vec![], "send new-access, answered", "ok"),
        ("it ends soon", "12:02", Some(PAIR), vec![], "send new-access, answered", "ok"),
        ("it does not say", "", None, vec![], "send old-access, answered", "ok"),
        (
            "it was refused",
            "13:00",
            Some(PAIR),
            vec![401],
            "send old-access, send new-access, answered",
            "ok",
        ),
        ("good still", "12:02", Some(BROKEN), vec![], "send old-access, answered", "ok"),
        (
            "ended, and no other to be had",
            "12:00",
            Some(BROKEN),
            vec![],
            &format!("{gave_up} overloaded"),
            "exhausted overloaded",
        ),
        (
            "refused, and no other to be had",
            "13:00",
            Some(BROKEN),
            vec![401],
            &format!("send old-access, {gave_up} overloaded"),
            "exhausted auth",
        ),
        (
            "the end of the login",
            "13:00",
            Some(GONE),
            vec![401],
            &format!("send old-access, {gave_up} auth_permanent: Token revoked"),
            "dead auth_permanent",
        ),
        (
            "the end of the login, ahead of time",
            "12:02",
            Some(GONE),
            vec![],
            &format!("{gave_up} auth_permanent: Token revoked"),
            "dead auth_permanent",
        ),
    ] {
        let world = ending_at(ends);
        if let Some((status, body)) = endpoint {
            world.says(status, body);
        }
        assert_eq!(story(&world, ACME, &statuses), told, "{name}");
        assert_eq!(standing(&world), stands, "{name}");
        assert_eq!(world.endpoint.sent().len(), usize::from(endpoint.is_some()), "{name}");
    }
}

#[test]
fn a_token_that_stays_in_use_is_not_tried_to_be_renewed_each_time() {
    let world = ending_at("12:02");
    world.says(BROKEN.0, BROKEN.1);
    for _ in 0..3 {
        assert_eq!(story(&world, ACME, &[]), "send old-access, answered");
    }
    assert_eq!(world.endpoint.sent().len(), 1);
}

#[test]
fn a_token_that_was_just_made_is_not_renewed_for_another_request() {
    let world = ending_at("13:00");
    world.says(PAIR.0, PAIR.1);
    assert_eq!(story(&world, ACME, &[401]), "send old-access, send new-access, answered");
    let told = story(&world, ACME, &[401]);
    assert_eq!(told, "send new-access, give up: no credential is left to try; a was last told: auth");
    assert_eq!(standing(&world), "exhausted auth");
    assert_eq!(world.endpoint.sent().len(), 1);
}

#[test]
fn where_nobody_knows_how_to_renew_the_end_says_so() {
    let world = ending_at("12:00");
    let told = story(&world, "", &[401]);
    assert_eq!(
        told,
        "send old-access, give up: no credential is left to try; \
         a was last told: auth: it is not known where logins of `acme` are renewed"
    );
    assert_eq!(standing(&world), "exhausted auth");
}

#[test]
fn a_request_whose_token_was_renewed_ahead_is_one_use() {
    let world = ending_at("12:02");
    world.says(PAIR.0, PAIR.1);
    let renewer = Renewer::with(world.refresher(), Settings::parse(ACME).unwrap());
    let (acme, handle) = (Provider::new("acme").unwrap(), world.handle());
    let mut request = handle.request(PickRequest::new(acme.clone()));
    let (lease, _) = renewer.next(&mut request).unwrap();
    request.succeeded(&lease);
    let pools = handle.pools().unwrap();
    assert_eq!(pools.get(&acme).unwrap().record(lease.id()).unwrap().usage.request_count, 1);
}

/// A clock that is ahead makes each new token look as if it had ended.
#[test]
fn a_token_that_seems_to_have_ended_when_it_is_new_is_not_renewed_for_ever() {
    let world = ending_at("11:00");
    world.says(200, r#"{"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 0}"#);
    let renewer = Renewer::with(world.refresher(), Settings::parse(ACME).unwrap());
    let next = || {
        let mut request = world.handle().request(PickRequest::new(Provider::new("acme").unwrap()));
        renewer.next(&mut request).unwrap().0.secret().expose().to_owned()
    };
    assert_eq!((next(), next()), ("new-access".to_owned(), "new-access".to_owned()));
    assert_eq!(world.endpoint.sent().len(), 1);
}
