//! What the tests of the migration share: stores with one entry, and ways to look into them.

use chrono::{DateTime, Utc};
use pool_core::{Fingerprint, Provider, time};
use pool_format::Document;
use pool_format::raw::{List, Object, Raw};
use pool_migrate::{Report, migrate, rollback};

/// A store as an older program wrote it; its tokens are fakes.
pub(crate) const FIXTURE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/hermes-auth-legacy.json"));

/// The inline fields.
pub(crate) const INLINE: [&str; 8] = [
    "last_status",
    "last_status_at",
    "last_error_code",
    "last_error_reason",
    "last_error_message",
    "last_error_reset_at",
    "failure_reason",
    "request_count",
];

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    time::parse_text(text).expect("a time in a test is RFC 3339")
}

/// A time of the day of the incident, such as `10:27`.
pub(crate) fn clock(text: &str) -> DateTime<Utc> {
    instant(&format!("2026-05-26T{text}:00Z"))
}

/// When these tests look.
pub(crate) fn noon() -> DateTime<Utc> {
    clock("12:00")
}

pub(crate) fn provider(name: &str) -> Provider {
    Provider::new(name).expect("not empty")
}

pub(crate) fn acme() -> Provider {
    provider("acme")
}

pub(crate) fn read(text: &str) -> Document {
    Document::read(text.into()).expect("a store in a test can be read")
}

pub(crate) fn rendered(document: &Document) -> String {
    document.render().as_str().to_owned()
}

pub(crate) fn migrate_at_noon(document: &mut Document) -> Report {
    migrate(document, &(), noon()).expect("can be migrated")
}

pub(crate) fn roll_back_at_noon(document: &mut Document) -> Report {
    rollback(document, &(), noon()).expect("can be rolled back")
}

pub(crate) fn migrated(text: &str) -> Document {
    let mut document = read(text);
    migrate_at_noon(&mut document);
    document
}

pub(crate) fn rolled_back(text: &str) -> Document {
    let mut document = read(text);
    roll_back_at_noon(&mut document);
    document
}

/// A store with one entry, `a1` of acme, which holds `key-a1` and has these fields too.
pub(crate) fn store_of(fields: &str) -> String {
    format!(r#"{{"credential_pool": {{"acme": [{}]}}}}"#, entry_of(fields))
}

/// The same with a record.
pub(crate) fn store_with(fields: &str, record: &str) -> String {
    format!(
        r#"{{"credential_pool": {{"acme": [{}]}}, "credential_pool_runtime": {{"acme": {{"a1": {record}}}}}}}"#,
        entry_of(fields)
    )
}

pub(crate) fn entry_of(fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { ", " };
    format!(r#"{{"id": "a1", "access_token": "key-a1"{comma}{fields}}}"#)
}

/// The fingerprint of the secret that `a1` holds.
pub(crate) fn subject() -> String {
    fingerprint("key-a1")
}

pub(crate) fn fingerprint(secret: &str) -> String {
    Fingerprint::of(secret).to_string()
}

/// The record of `a1`, as it is spelled.
pub(crate) fn record(document: &Document) -> Option<String> {
    document.records(&acme()).get("a1").map(|raw| raw.as_str().to_owned())
}

/// The first entry of acme, as it is spelled.
pub(crate) fn entry(document: &Document) -> String {
    document.entries(&acme()).items().next().map(|raw| raw.as_str().to_owned()).unwrap_or_default()
}

pub(crate) fn raw(json: &str) -> Raw {
    Raw::parse(json.to_owned()).expect("JSON in a test is valid")
}

pub(crate) fn object(json: &str) -> Object {
    Object::read(&raw(json)).expect("an object")
}

/// The value at a place, such as `["credential_pool", "acme", "0", "id"]`.
pub(crate) fn at(text: &str, path: &[&str]) -> Option<Raw> {
    path.iter().try_fold(raw(text), |value, name| match List::read(&value) {
        Some(list) => list.items().nth(name.parse().ok()?).cloned(),
        None => Object::read(&value)?.get(name).cloned(),
    })
}

/// A text with the values of all tokens taken out.
pub(crate) fn without_tokens(text: &str) -> String {
    let mut redacted = String::new();
    let mut rest = text;
    while let Some((before, token)) = next_token(rest) {
        redacted.push_str(before);
        redacted.push_str("\"[redacted]\"");
        rest = &rest[before.len() + token.len()..];
    }
    redacted + rest
}

/// What stands before the next token, and the token in its quotes.
fn next_token(text: &str) -> Option<(&str, &str)> {
    let names = [r#""access_token": ""#, r#""refresh_token": ""#];
    let end_of = |name: &str| text.find(name).map(|start| start + name.len() - 1);
    let start = names.into_iter().filter_map(end_of).min()?;
    let length = text[start + 1..].find('"')? + 2;
    Some((&text[..start], &text[start..start + length]))
}

/// Compares with `tests/snapshots/<name>.snap`: the file contract.
pub(crate) fn pin(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}
