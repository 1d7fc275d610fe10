//! What is kept of a renewal, and what is not.

use pool_core::Provider;
use pool_oauth::{Ask, RefreshError, SendError, Settings, SettingsError};
use serde_json::Value;

use crate::support::{ACME, Act, World, put, put_text, seen};

const PAIR: &str = r#"{"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 3600}"#;
const GONE: &str = r#"{"error": "invalid_grant"}"#;

#[test]
fn a_refresh_token_that_is_left_out_stays() {
    let world = World::acme();
    world.says(200, r#"{"access_token": "new-access", "expires_in": 3600}"#);
    assert_eq!(world.outcome(), "renewed [new-access old-refresh]");
    world.passes(60);
    world.says(200, PAIR);
    assert_eq!(world.outcome(), "renewed [new-access new-refresh]");
}

#[test]
fn what_was_renewed_a_moment_ago_is_not_renewed_again() {
    let world = World::acme();
    world.says(200, PAIR);
    assert_eq!(world.outcome(), "renewed [new-access new-refresh]");
    world.passes(1);
    assert_eq!(world.outcome(), "fresh [new-access new-refresh]");
    world.says(200, PAIR);
    world.refresh_as(Ask { force: true, ..world.ask() }).unwrap();
    world.passes(2);
    world.says(200, PAIR);
    assert_eq!(world.outcome(), "renewed [new-access new-refresh]");
    assert_eq!(world.endpoint.sent().len(), 3);
}

#[test]
fn whoever_saw_another_token_adopts_what_is_stored() {
    let world = World::acme();
    let ask = |seen| Ask { seen, force: true, ..world.ask() };
    world.refresh_as(ask(seen("an-older-access"))).unwrap();
    assert!(world.endpoint.sent().is_empty());
    world.says(200, PAIR);
    world.refresh_as(ask(seen("old-access"))).unwrap();
    assert_eq!(world.endpoint.sent().len(), 1);
}

#[test]
fn a_refusal_is_believed_only_while_the_token_that_was_spent_is_stored() {
    for (status, body) in [(400, GONE), (403, r#"{"error": "access_denied"}"#), (500, "{}"), (200, PAIR)] {
        let world = World::acme();
        let path = world.path();
        let another = move || {
            let acme = Provider::new("acme").unwrap();
            put(&path, &acme, "their-access", "their-refresh", "2026-05-26T13:00:00Z");
        };
        world.endpoint.then(Act::Meanwhile(Box::new(another), status, body.to_owned()));
        assert_eq!(world.outcome(), "adopted [their-access their-refresh]", "{status} {body}");
        assert_eq!(world.record(), Value::Null, "{status} {body}");
    }
}

#[test]
fn a_login_that_is_gone_is_dead_and_not_asked_for_again() {
    let world = World::acme();
    world.says(400, GONE);
    let dead = "`a` in `acme` is dead: HTTP 400, invalid_grant [old-access old-refresh]";
    assert_eq!(world.outcome(), dead);
    assert_eq!(world.outcome(), dead);
    assert_eq!(world.endpoint.sent().len(), 1);
    // A new login is another token, and needs no reset.
    world.put("next-access", "next-refresh");
    world.says(200, PAIR);
    assert_eq!(world.outcome(), "renewed [new-access new-refresh]");
}

#[test]
fn a_trouble_that_passes_costs_a_short_while_and_no_token_that_is_still_good() {
    for error in [SendError::NotSent("refused".to_owned()), SendError::TimedOut] {
        let world = World::acme();
        world.put_good_for_an_hour();
        world.endpoint.then(Act::Fail(error));
        assert!(matches!(world.refresh(), Err(RefreshError::Passing { .. })));
        assert_eq!(world.record()["status"], Value::Null, "the token is still good");
        assert!(matches!(world.refresh(), Err(RefreshError::Resting { .. })));
        assert_eq!(world.endpoint.sent().len(), 1);
        world.passes(1);
        world.says(200, PAIR);
        assert_eq!(world.outcome(), "renewed [new-access new-refresh]");
        assert_eq!(world.record()["refresh"], Value::Null);
    }
}

#[test]
fn a_token_that_has_ended_rests_with_its_login() {
    let world = World::acme();
    world.says(503, "");
    world.refresh().unwrap_err();
    assert_eq!(world.record()["status"], "exhausted");
    assert_eq!(world.record()["reset_at"], world.record()["refresh"]["until"]);
    world.passes(1);
    world.says(200, PAIR);
    world.refresh().unwrap();
    assert_eq!(world.record()["status"], "ok");
}

#[test]
fn a_token_that_was_not_sent_is_as_good_as_before_however_often_that_happens() {
    let world = World::acme();
    for _ in 0..5 {
        world.endpoint.then(Act::Fail(SendError::NotSent("no such host".to_owned())));
        assert!(world.refresh().unwrap_err().is_passing());
        world.passes(1);
    }
    world.says(200, PAIR);
    assert_eq!(world.outcome(), "renewed [new-access new-refresh]");
}

#[test]
fn a_token_whose_answer_never_came_is_sent_once_more_and_never_again() {
    for last in
        [Act::Fail(SendError::TimedOut), Act::Say(400, GONE.to_owned()), Act::Say(200, "?".to_owned())]
    {
        let world = World::acme();
        world.endpoint.then(Act::Fail(SendError::Unclear("reset".to_owned())));
        assert!(world.refresh().unwrap_err().is_passing());
        assert_eq!(world.record()["refresh"]["unanswered"], true);
        // What is known not to be sent is no attempt.
        world.passes(1);
        world.endpoint.then(Act::Fail(SendError::NotSent("refused".to_owned())));
        assert!(world.refresh().unwrap_err().is_passing());
        world.passes(1);
        world.endpoint.then(last);
        let lost = world.refresh().unwrap_err();
        assert!(lost.to_string().contains("lost without an answer at 2026-05-26T12:01:00Z"), "{lost}");
        assert_eq!(world.record()["status"], "dead");
        assert!(matches!(world.refresh(), Err(RefreshError::Dead { .. })));
        assert_eq!(world.endpoint.sent().len(), 3);
    }
}

#[test]
fn a_token_that_is_still_good_outlives_its_lost_login() {
    let world = World::acme();
    world.put_good_for_an_hour();
    for _ in 0..2 {
        world.endpoint.then(Act::Fail(SendError::TimedOut));
        world.refresh().unwrap_err();
        world.passes(1);
    }
    for _ in 0..3 {
        let lost = world.refresh().unwrap_err();
        assert!(matches!(lost, RefreshError::Lost { .. }), "{lost}");
        assert!(lost.to_string().ends_with("its token is good until 2026-05-26T13:00:00Z"), "{lost}");
        assert_eq!(world.record()["status"], Value::Null, "it stays in use");
    }
    world.passes(60);
    assert!(matches!(world.refresh(), Err(RefreshError::Dead { .. })));
    assert_eq!((world.record()["status"].as_str(), world.endpoint.sent().len()), (Some("dead"), 2));
}

#[test]
fn what_an_account_may_not_do_is_no_death() {
    let no = r#"{"error": "access_denied", "error_description": "Your plan does not include this."}"#;
    let world = World::acme();
    world.says(403, no);
    assert!(matches!(world.refresh(), Err(RefreshError::NotEntitled { .. })));
    assert_eq!(world.record()["last_error"]["kind"], "entitlement");
    assert_eq!(world.record()["status"], "exhausted");

    let world = World::acme();
    world.put_good_for_an_hour();
    world.says(403, no);
    assert!(matches!(world.refresh(), Err(RefreshError::NotEntitled { .. })));
    assert_eq!(world.record()["status"], Value::Null, "its token is still good");
    assert!(matches!(world.refresh(), Err(RefreshError::Resting { .. })), "and nobody asks at once again");
    assert_eq!(world.endpoint.sent().len(), 1);
}

/// The claims are `{"account_id":"A","sub":"u"}` and `{"account_id":"B","sub":"u"}`.
const MINE: &str = "e30.eyJhY2NvdW50X2lkIjoiQSIsInN1YiI6InUifQ.c2ln";
const THEIRS: &str = "e30.eyJhY2NvdW50X2lkIjoiQiIsInN1YiI6InUifQ.c2ln";

#[test]
fn tokens_of_another_account_are_refused_and_the_token_is_spent() {
    let world = World::of("acme", MINE, "old-refresh");
    world.says(200, &format!(r#"{{"access_token": "{THEIRS}", "refresh_token": "new-refresh"}}"#));
    assert!(matches!(world.refresh(), Err(RefreshError::OtherAccount { .. })));
    assert_eq!(
        (world.entry()["access_token"].as_str(), world.entry()["refresh_token"].as_str()),
        (Some(MINE), Some("old-refresh"))
    );
    let spent = world.refresh().unwrap_err();
    assert!(spent.to_string().contains("spent for the tokens of another account at"), "{spent}");
    assert_eq!(world.endpoint.sent().len(), 1);
}

#[test]
fn a_token_that_we_replaced_is_not_sent_again_whoever_wrote_it_back() {
    let world = World::acme();
    world.says(200, PAIR);
    world.refresh().unwrap();
    let stale = |text: &str| text.replace("new-access", "old-access").replace("new-refresh", "old-refresh");
    world.passes(3);
    world.put_text(&stale(&world.text()));
    let gone = world.refresh().unwrap_err();
    assert!(gone.to_string().contains("written back by another program"), "{gone}");
    assert_eq!(world.endpoint.sent().len(), 1);
}

#[test]
fn a_stale_writer_during_the_exchange_costs_nothing() {
    let world = World::acme();
    world.says(200, PAIR);
    world.refresh().unwrap();
    world.passes(60);
    let stale = world.text().replace("new-access", "old-access").replace("new-refresh", "old-refresh");
    let path = world.path();
    let write_back = move || put_text(&path, &stale);
    let next = PAIR.replace("new", "next");
    world.endpoint.then(Act::Meanwhile(Box::new(write_back), 200, next));
    assert_eq!(world.outcome(), "renewed [next-access next-refresh]");
}

#[test]
fn new_tokens_are_written_as_soon_as_that_can_be_done() {
    let world = World::acme();
    let (path, text) = (world.path(), world.text());
    let spoil = move || {
        put_text(&path, "{");
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(50));
            put_text(&path, &text);
        });
    };
    world.endpoint.then(Act::Meanwhile(Box::new(spoil), 200, PAIR.to_owned()));
    assert_eq!(world.outcome(), "renewed [new-access new-refresh]");

    let world = World::acme();
    let path = world.path();
    world.endpoint.then(Act::Meanwhile(Box::new(move || put_text(&path, "{")), 200, PAIR.to_owned()));
    let lost = world.refresh().unwrap_err();
    assert!(matches!(lost, RefreshError::NotKept { .. }), "{lost}");
}

#[test]
fn who_is_dead_removed_or_not_alone_is_not_renewed() {
    let world = World::acme();
    let runtime = |record: &str| {
        let runtime = format!("}}]}}, \"credential_pool_runtime\": {{\"acme\": {{\"a\": {record}}}}}}}");
        world.put("old-access", "old-refresh");
        world.put_text(&world.text().replace("}]}}", &runtime));
    };
    let access = pool_core::Fingerprint::of("old-access");
    runtime(&format!(
        r#"{{"status": "dead", "subject": "{access}", "last_error": {{"kind": "auth_permanent"}}}}"#
    ));
    assert!(matches!(world.refresh(), Err(RefreshError::Dead { .. })), "{}", world.text());
    runtime(&format!(r#"{{"status": "removed", "subject": "{access}"}}"#));
    assert!(matches!(world.refresh(), Err(RefreshError::Removed { .. })));
    runtime(&format!(
        r#"{{"refresh": {{"subject": "{}", "at": "2036-01-01T00:00:00Z", "until": "2036-01-01T00:00:00Z"}}}}"#,
        pool_core::Fingerprint::of("old-refresh")
    ));
    world.says(200, PAIR);
    assert_eq!(world.outcome(), "renewed [new-access new-refresh]", "nobody rests for ten years");
    world.put("old-access", "old-refresh");
    let twice = world.text().replace("[", "[{\"id\": \"a\", \"access_token\": \"another\"}, ");
    world.put_text(&twice);
    assert!(
        world.refresh().unwrap_err().to_string().contains("share the id"),
        "{}",
        world.refresh().unwrap_err()
    );
    assert_eq!(world.endpoint.sent().len(), 1);
}

#[test]
fn a_token_that_was_renewed_a_moment_ago_and_has_ended_is_renewed_again() {
    let world = World::acme();
    world
        .says(200, r#"{"access_token": "short-access", "refresh_token": "short-refresh", "expires_in": 30}"#);
    world.refresh().unwrap();
    world.passes(1);
    world.says(200, PAIR);
    assert_eq!(world.outcome(), "renewed [new-access new-refresh]");
}

#[test]
fn what_is_no_login_is_not_sent_anywhere() {
    let world = World::of("acme", "just-a-key", "");
    assert!(matches!(world.refresh(), Err(RefreshError::NotALogin { .. })));
    assert!(world.endpoint.sent().is_empty());
}

#[test]
fn no_error_shows_a_token() {
    let world = World::of("acme", "canary-access-77aa", "canary-refresh-90cc");
    let echo = r#"{"error": "invalid_grant", "error_description": "canary-refresh-90cc of canary-access-77aa is spent"}"#;
    world.says(400, echo);
    let error = world.refresh().unwrap_err();
    assert!(!format!("{error} {error:?} {}", world.record()).contains("canary"), "{error:?}");
}

/// What reading `pool.toml` beside a store says, once it was made there.
#[cfg(unix)]
fn beside(make: impl FnOnce(&std::path::Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    make(&folder.path().join("pool.toml"));
    let Err(error) = Settings::beside(&folder.path().join("auth.json")) else { return "read".to_owned() };
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default()).replace(&folder.path().display().to_string(), "FOLDER")
}

#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "somebody writes the settings")]
fn written(mode: u32, text: &str) -> impl FnOnce(&std::path::Path) {
    use std::os::unix::fs::PermissionsExt;

    let text = text.to_owned();
    move |path| {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn settings_that_others_may_write_are_not_trusted() {
    for (mode, is_read) in [(0o600, true), (0o644, true), (0o400, true), (0o660, false), (0o602, false)] {
        let said = beside(written(mode, ACME));
        let refused = format!(
            "FOLDER/pool.toml cannot be trusted: others may write it (mode {mode:03o}; `chmod 600 FOLDER/pool.toml`), \
             and it says where tokens are sent"
        );
        assert_eq!(said, if is_read { "read".to_owned() } else { refused }, "{mode:o}");
    }
}

#[cfg(unix)]
#[test]
fn settings_are_a_short_file() {
    use std::os::unix::fs::symlink;

    let pipe = |path: &std::path::Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let cases = [
        (beside(pipe), "cannot read FOLDER/pool.toml: it is not a file"),
        (
            beside(|path| symlink("/dev/zero", path).unwrap()),
            "cannot read FOLDER/pool.toml: it is not a file",
        ),
        (
            beside(written(0o600, &"#".repeat(1024 * 1024 + 1))),
            "cannot read FOLDER/pool.toml: it is longer than 1 MiB",
        ),
        (beside(written(0o600, "\n[oauth\n")), "FOLDER/pool.toml cannot be used: line 2: "),
    ];
    for (said, expected) in cases {
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn settings_say_what_is_wrong_with_them() {
    let profile = |text: &str| Settings::parse(text)?.profile(&Provider::new("acme").unwrap());
    let shown = [
        "",
        "[oauth.acme]\nclient_id = \"agent\"",
        "[oauth.acme]\ntoken_url = \"http://acme.example/token\"",
        "[oauth.acme]\ntoken_url = \"acme\"",
        "[oauth.acme]\ntoken_uri = \"https://acme.example/token\"",
        "[oauth.acme]\nencoding = \"xml\"",
        "[oauth\n",
        "[oauth.acme]\n\ntimeout_seconds = 0",
        "[oauth.acme]\ntimeout_seconds = 601",
        "[oauth.acme]\nskew_seconds = -1",
        "[oauth.acme]\nskew_seconds = 4294967296",
    ]
    .map(|text| {
        let error = profile(text).unwrap_err();
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        format!("{text:?}\n    {error}{}", cause.unwrap_or_default())
    });
    insta::assert_snapshot!(shown.join("\n"));
    assert!(Settings::beside(std::path::Path::new("/no/such/folder/auth.json")).is_ok());
    let profile: Result<_, SettingsError> =
        profile(&format!("{ACME}encoding = \"json\"\nskew_seconds = 5\ntimeout_seconds = 7"));
    let profile = profile.unwrap();
    assert_eq!((profile.skew.num_seconds(), profile.timeout.as_secs()), (5, 7));
}
