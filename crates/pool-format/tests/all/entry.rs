//! Entries: what a credential is.

use std::cell::RefCell;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    AuthType, Credential, CredentialId, Fingerprint, Holding, Provider, Secret, Source, Tokens, Unresolved,
};
use pool_format::raw::{Layout, Object, Raw};
use pool_format::{Lender, Lent, entry_id, read_entry, read_time, renew_entry, write_entry};

use crate::support::{acme, instant, noon, object, pin, provider, raw, then};

/// Lends one secret to whoever asks, and remembers who did.
#[derive(Default)]
struct Vault {
    secret: Option<&'static str>,
    asked: RefCell<Vec<String>>,
}

impl Lender for Vault {
    fn lend(&self, provider: &Provider, source: &Source) -> Result<Lent, Unresolved> {
        self.asked.borrow_mut().push(format!("{provider} {source}"));
        self.secret.map(|text| secret(text).into()).ok_or(Unresolved::VariableNotSet)
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn entry(json: &str) -> Credential {
    read_entry(&object(json), &acme(), &()).expect("a credential")
}

/// An entry with an id and these fields.
fn with(fields: &str) -> Credential {
    entry(&format!(r#"{{"id": "a1", {fields}}}"#))
}

fn exposed(secret: Option<&Secret>) -> Option<&str> {
    secret.map(Secret::expose)
}

#[test]
fn an_entry_with_a_name_is_a_credential() {
    let cases = [
        (r#"{"id": "9de82c"}"#, Some("9de82c")),
        (r#"{"id": " "}"#, Some(" ")),
        (r#"{"id": "\u00e9\ud83d\udd11"}"#, Some("\u{e9}\u{1f511}")),
        (r#"{"id": "old", "id": "new"}"#, Some("new")),
        ("{}", None),
        (r#"{"id": null}"#, None),
        (r#"{"id": ""}"#, None),
        (r#"{"id": 7}"#, None),
        (r#"{"id": "\ud800"}"#, None),
        (r#"{"id": "a1", "id": null}"#, None),
    ];
    for (json, name) in cases {
        let entry = object(json);
        assert_eq!(entry_id(&entry).as_ref().map(CredentialId::as_str), name, "{json}");
        let credential = read_entry(&entry, &acme(), &());
        assert_eq!(credential.as_ref().map(|credential| credential.id.as_str()), name, "{json}");
    }
}

#[test]
fn fields_that_are_absent_or_null_or_of_the_wrong_type_have_a_default() {
    let odd = r#""label": X, "auth_type": X, "priority": X, "base_url": X, "inference_base_url": X, "access_token": X,
        "refresh_token": X, "agent_key": X, "expires_at": X, "expires_at_ms": X"#;
    let nulls = format!(r#"{}, "source": null"#, odd.replace('X', "null"));
    for fields in [r#""x": 1"#, &nulls, &odd.replace('X', "[1]"), &odd.replace('X', r#""\ud800""#)] {
        let credential = with(fields);
        assert_eq!(credential.label, "manual", "{fields}");
        assert_eq!(credential.auth_type, AuthType::ApiKey, "{fields}");
        assert_eq!(credential.priority, 0, "{fields}");
        assert_eq!(credential.source, Source::manual(), "{fields}");
        assert_eq!(credential.base_url, None, "{fields}");
        assert_eq!(credential.expires_at, None, "{fields}");
        assert!(credential.secret().is_none() && credential.subject().is_none(), "{fields}");
    }
}

#[test]
fn the_label_falls_back_to_the_source_and_then_to_the_provider() {
    let cases = [
        (r#""label": "mine", "source": "env:KEY""#, "mine"),
        (r#""label": "", "source": "env:KEY""#, "env:KEY"),
        (r#""source": """#, "acme"),
        (r#""label": " ", "source": """#, " "),
    ];
    for (fields, label) in cases {
        assert_eq!(with(fields).label, label, "{fields}");
    }
}

#[test]
fn a_priority_is_an_integer() {
    let cases = [
        ("3", 3),
        ("-3", -3),
        ("9223372036854775807", i64::MAX),
        ("9223372036854775808", 0),
        ("1.0", 0),
        ("1e1", 0),
        (r#""3""#, 0),
        ("true", 0),
    ];
    for (spelled, priority) in cases {
        assert_eq!(with(&format!(r#""priority": {spelled}"#)).priority, priority, "{spelled}");
    }
}

#[test]
fn words_that_nobody_knows_are_kept() {
    let credential = with(r#""auth_type": "mtls", "source": "Manual:Somehow""#);
    assert_eq!(credential.auth_type.as_str(), "mtls");
    assert_eq!(credential.source.as_str(), "Manual:Somehow");
}

#[test]
fn the_endpoint_is_the_first_that_is_given() {
    let cases = [
        (r#""base_url": "b", "inference_base_url": "i""#, Some("b")),
        (r#""base_url": "", "inference_base_url": "i""#, Some("i")),
        (r#""base_url": null, "inference_base_url": "i""#, Some("i")),
        (r#""base_url": "", "inference_base_url": """#, None),
    ];
    for (fields, url) in cases {
        assert_eq!(with(fields).base_url.as_deref(), url, "{fields}");
    }
}

#[test]
fn the_end_of_a_token_is_told_in_milliseconds_or_as_a_time() {
    let end = Some(then());
    let later = Some(then() + TimeDelta::hours(1));
    let cases = [
        (r#""expires_at_ms": 1779791220000"#, end),
        (r#""expires_at": "2026-05-26T12:27:00+02:00""#, end),
        (r#""expires_at": 1779791220"#, end),
        (r#""expires_at_ms": 1779791220000, "expires_at": "2026-05-26T11:27:00Z""#, end),
        (r#""expires_at_ms": null, "expires_at": "2026-05-26T11:27:00Z""#, later),
        (r#""expires_at_ms": "soon", "expires_at": "2026-05-26T11:27:00Z""#, later),
        (r#""expires_at_ms": 0"#, None),
        (r#""expires_at": "soon""#, None),
    ];
    for (fields, expected) in cases {
        assert_eq!(with(fields).expires_at, expected, "{fields}");
    }
}

#[test]
fn times_are_read_in_every_form_that_the_format_takes() {
    let cases = [
        (r#""2026-05-26T10:27:00Z""#, true),
        (r#""2026-05-26 12:27:00+0200""#, true),
        ("1779791220", true),
        ("1779791220.0", true),
        ("1.77979122E9", true),
        ("1779791220000", true),
        (r#""1779791220""#, true),
        (r#"" 1779791220000.0 ""#, true),
        ("0", false),
        ("-1779791220", false),
        ("1e400", false),
        (r#""1e400""#, false),
        (r#""\ud800""#, false),
        ("null", false),
        ("true", false),
        ("[1779791220]", false),
        (r#"{"at": 1779791220}"#, false),
    ];
    for (json, is_time) in cases {
        assert_eq!(read_time(raw(json).slice()), is_time.then(then), "{json}");
    }
}

#[test]
fn who_owns_its_secret_has_what_the_entry_stores() {
    let credential = with(r#""access_token": "access", "refresh_token": "refresh""#);
    assert_eq!(exposed(credential.secret()), Some("access"));
    assert!(credential.holds(Fingerprint::of("access")) && credential.holds(Fingerprint::of("refresh")));

    let minted = with(r#""access_token": "access", "agent_key": "minted""#);
    assert_eq!(exposed(minted.secret()), Some("minted"));
    let blank = with(r#""access_token": " \t", "agent_key": "\n""#);
    assert_eq!(exposed(blank.secret()), None);
}

#[test]
fn who_lends_is_asked_and_what_the_entry_stores_is_not_used() {
    let entry = object(
        r#"{"id": "a1", "source": "env:KEY", "access_token": "stored", "secret_fingerprint": "sha256:9f86d081884c7d65"}"#,
    );
    let absent = Vault::default();
    let credential = read_entry(&entry, &acme(), &absent).unwrap();
    assert_eq!(*absent.asked.borrow(), ["acme env:KEY"]);
    assert!(credential.secret().is_none());
    assert_eq!(credential.subject(), Some(Fingerprint::of("test")));
    assert!(!credential.holds(Fingerprint::of("stored")));

    let vault = Vault { secret: Some("lent"), ..Vault::default() };
    let credential = read_entry(&entry, &acme(), &vault).unwrap();
    assert_eq!(exposed(credential.secret()), Some("lent"));
    assert_eq!(credential.subject(), Some(Fingerprint::of("lent")));
}

#[test]
fn a_source_decides_who_lends() {
    let cases = [
        ("acme", r#""""#, false),
        ("acme", r#""manual""#, false),
        ("acme", r#""manual:device_code""#, false),
        ("acme", r#""device_code""#, true),
        ("nous", r#""device_code""#, false),
        ("openai-codex", r#""Device_Code""#, false),
        ("acme", r#""vault:prod""#, true),
        // Not readable: nobody knows it, so it lends.
        ("acme", "7", true),
        ("acme", r#""\ud800""#, true),
        ("acme", r#"["manual"]"#, true),
    ];
    for (name, source, lends) in cases {
        let entry = object(&format!(r#"{{"id": "a1", "access_token": "stored", "source": {source}}}"#));
        let credential = read_entry(&entry, &provider(name), &()).unwrap();
        assert_eq!(matches!(credential.holding, Holding::Borrowed { .. }), lends, "{name} {source}");
        assert_eq!(credential.secret().is_none(), lends, "{name} {source}");
    }
}

#[test]
fn fingerprints_that_are_none_count_as_absent() {
    for spelled in [r#""md5:9f86d081884c7d65""#, r#""sha256:9f""#, "7", "null"] {
        let credential = with(&format!(r#""source": "env:KEY", "secret_fingerprint": {spelled}"#));
        assert_eq!(credential.subject(), None, "{spelled}");
    }
}

fn login() -> Credential {
    Credential {
        label: "J\u{fc}rgen".to_owned(),
        auth_type: AuthType::OAuth,
        priority: -2,
        base_url: Some("https://acme.example/v1".to_owned()),
        expires_at: Some(then() + TimeDelta::microseconds(1)),
        holding: Holding::Owned(
            Tokens::access(secret("access-1"))
                .with_refresh(Some(secret("refresh-1")))
                .with_agent_key(Some(secret("agent-1"))),
        ),
        ..Credential::manual(CredentialId::new("a1").expect("not empty"), secret("not used"))
    }
}

fn lent(resolved: Result<&str, Unresolved>) -> Credential {
    Credential {
        source: Source::new("env:ACME_API_KEY"),
        holding: Holding::Borrowed {
            fingerprint: Some(Fingerprint::of("as last seen")),
            resolved: resolved.map(|text| secret(text).into()),
        },
        expires_at: None,
        ..login()
    }
}

fn written(credential: &Credential) -> String {
    write_entry(credential, Layout::indented()).render().as_str().to_owned()
}

#[test]
fn a_new_entry_has_all_that_another_program_needs_and_no_null() {
    let key = Credential::manual(CredentialId::new("c0ffee").unwrap(), secret("key-1"));
    let text = [&key, &login(), &lent(Ok("lent-1")), &lent(Err(Unresolved::VariableNotSet))].map(written);
    assert!(!text.concat().contains("null"));
    assert!(!text.concat().contains("lent-1"), "a lent secret is never stored");
    pin("new_entries", &text.join("\n"));
}

#[test]
fn what_is_written_reads_back() {
    let now = login();
    let back = entry(&written(&now));
    assert_eq!(format!("{back:?}"), format!("{now:?}"));
    for name in ["access-1", "refresh-1", "agent-1"] {
        assert!(back.holds(Fingerprint::of(name)), "{name}");
    }
    assert_eq!(entry(&written(&lent(Ok("lent-1")))).subject(), Some(Fingerprint::of("lent-1")));
}

/// An entry after its login was renewed; the new token ends at 11:00, or nobody said when.
fn renewed(json: &str, expires_at: Option<DateTime<Utc>>) -> Object {
    let mut entry = object(json);
    let tokens = Tokens::access(secret("new")).with_refresh(Some(secret("new-r")));
    let credential = Credential { expires_at, holding: Holding::Owned(tokens), ..login() };
    renew_entry(&mut entry, &credential, noon());
    entry
}

#[test]
fn a_renewal_replaces_secrets_in_their_place_and_nothing_else() {
    let entry = renewed(
        r#"{ "x":1e400,"access_token" : "old", "label":"\u0041", "agent_key": "old-k", "refresh_token": "old-r", "id": "a1" }"#,
        None,
    );
    assert_eq!(
        entry.render().as_str(),
        r#"{ "x":1e400,"access_token":"new","label":"\u0041","refresh_token":"new-r","id":"a1" }"#
    );
}

#[test]
fn an_entry_that_tells_when_it_was_renewed_tells_it_anew() {
    for (json, expected) in [
        (r#"{"last_refresh": "2026-01-01T00:00:00Z"}"#, r#""2026-05-26T12:00:00Z""#),
        (r#"{"last_refresh": 5}"#, r#""2026-05-26T12:00:00Z""#),
        (r#"{"last_refresh": null}"#, "null"),
    ] {
        assert_eq!(renewed(json, None).get("last_refresh").map(Raw::as_str), Some(expected));
    }
    assert!(renewed("{}", None).get("last_refresh").is_none());
}

#[test]
fn a_renewal_tells_the_end_in_the_form_that_the_entry_has() {
    let end = Some(instant("2026-05-26T11:00:00Z"));
    let cases = [
        (r#"{"expires_at_ms": 1}"#, end, r#""expires_at_ms": 1779793200000"#),
        (r#"{"expires_at": 1}"#, end, r#""expires_at": "2026-05-26T11:00:00Z""#),
        ("{}", end, r#""expires_at": "2026-05-26T11:00:00Z""#),
        (r#"{"expires_at": "x", "expires_at_ms": 1}"#, end, r#""expires_at_ms": 1779793200000"#),
        (r#"{"expires_at_ms": null, "expires_at": "x"}"#, end, r#""expires_at": "2026-05-26T11:00:00Z""#),
        (r#"{"expires_at_ms": 1}"#, None, ""),
        (r#"{"expires_at": "x", "expires_at_ms": null}"#, None, ""),
    ];
    for (json, expires_at, expected) in cases {
        let mut entry = renewed(json, expires_at);
        entry.remove("access_token");
        entry.remove("refresh_token");
        assert_eq!(entry.render().as_str(), format!("{{{expected}}}"), "{json}");
    }
}

#[test]
fn a_renewal_of_a_lent_secret_stores_its_fingerprint_and_takes_values_out() {
    let mut entry = object(r#"{"id": "a1", "access_token": "old", "refresh_token": "old-r"}"#);
    renew_entry(&mut entry, &lent(Ok("test")), noon());
    assert_eq!(entry.render().as_str(), r#"{"id": "a1", "secret_fingerprint": "sha256:9f86d081884c7d65"}"#);
}

#[test]
fn nothing_that_is_printed_shows_a_secret() {
    let printed =
        format!("{:?} {:?} {:?}", login(), lent(Ok("lent-1")), write_entry(&login(), Layout::Compact));
    for canary in ["access-1", "refresh-1", "agent-1", "lent-1"] {
        assert!(!printed.contains(canary), "{printed}");
    }
}
