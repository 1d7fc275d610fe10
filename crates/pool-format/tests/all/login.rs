//! The other home of a login, in `providers`.

use pool_core::{Fingerprint, Secret, Tokens};
use pool_format::{Document, Lent};

use crate::support::{acme, noon, pin, then};

/// What becomes of `providers.acme` when the entry that has `old-refresh` is renewed.
fn renewed(login: &str) -> String {
    let text = format!(
        r#"{{"active_provider": "other", "providers": {{"other": {{"n": 1e400}}, "acme": {login}}}}}"#
    );
    let mut document = Document::read(text.into_bytes()).expect("a store");
    let secret = |text: &str| Secret::new(text.to_owned());
    let tokens = Tokens::access(secret("new-access")).with_refresh(Some(secret("new-refresh")));
    let new = Lent { tokens, expires_at: Some(noon()) };
    document.renew_provider_login(&acme(), |token| token == Fingerprint::of("old-refresh"), &new, then());
    let text = document.render().as_str().to_owned();
    let rest =
        text.strip_prefix(r#"{"active_provider": "other", "providers": {"other": {"n": 1e400}, "acme": "#);
    rest.and_then(|rest| rest.strip_suffix("}}"))
        .unwrap_or_else(|| panic!("more has changed: {text}"))
        .to_owned()
}

#[test]
fn a_login_with_the_spent_token_gets_the_new_ones() {
    let nested = r#"{"tokens": {"access_token": "a", "refresh_token": "old-refresh", "id_token": "i"}, "auth_mode": "chatgpt"}"#;
    let flat =
        r#"{"refresh_token": "old-refresh", "agent_key": "a", "agent_key_expires_at": "x", "scope": "s"}"#;
    pin("renewed_logins", &[renewed(nested), renewed(flat)].join("\n"));
}

#[test]
fn another_login_stays_as_it_is() {
    for login in [
        r#"{"tokens": {"refresh_token": "another"}, "refresh_token": "old-refresh"}"#,
        r#"{"tokens": {"refresh_token": null}}"#,
        r#"{"refresh_token": "another"}"#,
        r#"{"tokens": "old-refresh"}"#,
        "{}",
        "null",
        r#"["old-refresh"]"#,
    ] {
        assert_eq!(renewed(login), login);
    }
}

#[test]
fn a_login_is_read_as_its_program_keeps_it() {
    let read = |login: &str| {
        let text = format!(r#"{{"providers": {{"acme": {login}}}}}"#);
        let lent = Document::read(text.into_bytes()).expect("a store").provider_login(&acme())?;
        let (access, refresh) = (lent.tokens.access_token()?, lent.tokens.refresh_token()?);
        assert!(lent.tokens.agent_key().is_none(), "it ends at a time of its own");
        Some(format!("{} {} {:?}", access.expose(), refresh.expose(), lent.expires_at))
    };
    let flat = r#"{"access_token": "a", "refresh_token": "r", "agent_key": "k", "expires_at": "2026-05-26T12:00:00Z"}"#;
    assert_eq!(read(flat).as_deref(), Some("a r Some(2026-05-26T12:00:00Z)"));
    let nested =
        r#"{"tokens": {"access_token": "a", "refresh_token": "r"}, "expires_at": "2026-05-26T12:00:00Z"}"#;
    assert_eq!(read(nested).as_deref(), Some("a r None"), "an end beside the tokens may be of earlier ones");
    for none in [
        "{}",
        r#"{"access_token": "a"}"#,
        r#"{"tokens": {}}"#,
        r#"{"access_token": "a\nb", "refresh_token": "r"}"#,
        "null",
        "[]",
    ] {
        assert_eq!(read(none), None, "{none}");
    }
}
