//! The files that are other homes of logins: what a store reads in them, and what it writes there. All tokens are fakes.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{Fingerprint, Secret, Tokens};
use pool_format::Lent;
use pool_sources::{Environment, Places, login_files};
use pool_store::{LoginFile, OtherHome};
use tempfile::TempDir;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_779_796_800)
}

fn places(home: &TempDir) -> Places {
    Places::of(&Environment::of_user(home.path()), &home.path().join("auth.json"), None).unwrap()
}

fn file(places: &Places, source: &str) -> LoginFile {
    let files = login_files(places);
    files.into_iter().find(|file| file.source.as_str() == source).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the test plays another tool")]
fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn is(token: &'static str) -> impl Fn(Fingerprint) -> bool {
    move |spent| spent == Fingerprint::of(token)
}

fn renewed(refresh: Option<&str>) -> Lent {
    let tokens = Tokens::access(secret("new-at")).with_refresh(refresh.map(secret));
    Lent { tokens, expires_at: Some(now() + TimeDelta::hours(1)) }
}

#[test]
fn each_file_gets_new_tokens_and_keeps_all_else() {
    let cases = [
        (
            "claude_code",
            ".claude/.credentials.json",
            r#"{"mcpOAuth":{"x":1e400},"claudeAiOauth":{"accessToken":"at","refreshToken":"rt","expiresAt":1,"scopes":["user:inference"],"subscriptionType":"max"}}"#,
            r#"{"mcpOAuth":{"x":1e400},"claudeAiOauth":{"accessToken":"new-at","refreshToken":"new-rt","expiresAt":1779800400000,"scopes":["user:inference"],"subscriptionType":"max"}}"#,
        ),
        (
            "hermes_pkce",
            ".anthropic_oauth.json",
            r#"{"accessToken": "at", "refreshToken": "rt", "expiresAt": 1, "x": null}"#,
            r#"{"accessToken": "new-at", "refreshToken": "new-rt", "expiresAt": 1779800400000, "x": null}"#,
        ),
        (
            "qwen-cli",
            ".qwen/oauth_creds.json",
            "{\n  \"access_token\": \"at\",\n  \"refresh_token\": \"rt\",\n  \"resource_url\": \"portal.qwen.ai\",\n  \"expiry_date\": 1\n}",
            "{\n  \"access_token\": \"new-at\",\n  \"refresh_token\": \"new-rt\",\n  \"resource_url\": \"portal.qwen.ai\",\n  \"expiry_date\": 1779800400000\n}",
        ),
        (
            "device_code",
            "shared/nous_auth.json",
            r#"{"_schema":1,"access_token":"at","refresh_token":"rt","scope":"inference","obtained_at":"x","expires_at":"x","updated_at":"x"}"#,
            r#"{"_schema":1,"access_token":"new-at","refresh_token":"new-rt","scope":"inference","obtained_at":"2026-05-26T12:00:00Z","expires_at":"2026-05-26T13:00:00Z","updated_at":"2026-05-26T12:00:00Z"}"#,
        ),
    ];
    for (source, path, before, after) in cases {
        let home = tempfile::tempdir().unwrap();
        let (path, file) = (home.path().join(path), file(&places(&home), source));
        assert_eq!(file.path, path);
        write(&path, before);
        let was_renewed = file.renew(is("rt"), &renewed(Some("new-rt")), now()).unwrap();
        assert_eq!(was_renewed, OtherHome::Renewed);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        let kept = file.renew(is("new-rt"), &renewed(None), now()).unwrap();
        assert_eq!((kept, std::fs::read_to_string(&path).unwrap().as_str()), (OtherHome::Renewed, after));
    }
}

#[test]
fn another_login_is_left_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let places = places(&home);
    let theirs = r#"{"claudeAiOauth": {"accessToken": "at", "refreshToken": "another"}}"#;
    for text in [theirs, "{}", r#"{"claudeAiOauth": 1}"#, "", "{"] {
        write(&places.claude, text);
        let file = file(&places, "claude_code");
        assert_eq!(file.renew(is("rt"), &renewed(None), now()).unwrap(), OtherHome::Left, "{text}");
        assert_eq!(std::fs::read_to_string(&places.claude).unwrap(), text);
    }
    let codex = r#"{"tokens": {"access_token": "at", "refresh_token": "rt"}}"#;
    write(&places.codex, codex);
    let file = file(&places, "manual:codex_cli");
    assert_eq!(file.renew(is("rt"), &renewed(None), now()).unwrap(), OtherHome::Left);
    assert_eq!(std::fs::read_to_string(&places.codex).unwrap(), codex);
}

#[cfg(unix)]
#[test]
fn a_file_is_private_afterwards_and_a_link_stays_one() {
    use std::os::unix::fs::PermissionsExt;

    let home = tempfile::tempdir().unwrap();
    let places = places(&home);
    let real = home.path().join("real.json");
    write(&real, r#"{"access_token": "at", "refresh_token": "rt"}"#);
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::create_dir_all(places.qwen.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&real, &places.qwen).unwrap();
    file(&places, "qwen-cli").renew(is("rt"), &renewed(None), now()).unwrap();
    assert!(std::fs::symlink_metadata(&places.qwen).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&real).unwrap().contains("new-at"));
    let beside = std::fs::read_dir(home.path()).unwrap().count();
    assert_eq!(beside, 2, "nothing is left behind but the file and the folder of the link");
}
