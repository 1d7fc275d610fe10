//! What the tests of the format share.

use chrono::{DateTime, Utc};
use pool_core::{Provider, time};
use pool_format::Document;
use pool_format::raw::{Object, Raw};
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    time::parse_text(text).expect("a time in a test is RFC 3339")
}

/// When the verdicts of these tests were made.
pub(crate) fn then() -> DateTime<Utc> {
    instant("2026-05-26T10:27:00Z")
}

/// When they are read.
pub(crate) fn noon() -> DateTime<Utc> {
    instant("2026-05-26T12:00:00Z")
}

pub(crate) fn provider(name: &str) -> Provider {
    Provider::new(name).expect("not empty")
}

pub(crate) fn acme() -> Provider {
    provider("acme")
}

pub(crate) fn raw(json: &str) -> Raw {
    Raw::parse(json.to_owned()).expect("JSON in a test is valid")
}

pub(crate) fn object(json: &str) -> Object {
    Object::read(&raw(json)).expect("an object")
}

pub(crate) fn read(text: &str) -> Document {
    Document::read(text.into()).expect("a store in a test can be read")
}

pub(crate) fn rendered(document: &Document) -> String {
    document.render().as_str().to_owned()
}

/// Compares with `tests/snapshots/<name>.snap`: the file contract.
pub(crate) fn pin(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

/// Values that a field may hold although nobody should have put them there.
pub(crate) fn odd_json() -> impl Strategy<Value = String> {
    const ODD: [&str; 20] = [
        "null",
        "true",
        "0",
        "-0.0",
        "1",
        "-1",
        "429",
        "1e400",
        "123456789012345678901234567890",
        "1779791220.5",
        "1779791220000",
        r#""""#,
        r#""ok""#,
        r#""dead""#,
        r#""exhausted""#,
        r#""2026-05-26T10:27:00Z""#,
        r#""9999-12-31T23:59:59.999999Z""#,
        r#""sha256:9f86d081884c7d65""#,
        r#""\ud800""#,
        "\"J\u{fc}rgen\"",
    ];
    let scalar = prop_oneof![
        4 => prop::sample::select(&ODD[..]).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| Raw::string(&text).as_str().to_owned()),
        1 => any::<f64>().prop_filter_map("finite", |number| number.is_finite().then(|| number.to_string())),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        let name = prop::sample::select(&["a", "status", "kind", "code", "reason", "reset_at"][..]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            vec((name, inner), 0..4).prop_map(|members| object_of(&members)),
        ]
    })
}

/// An object with these members.
pub(crate) fn object_of(members: &[(&str, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{}: {value}", Raw::string(name).as_str())).collect();
    format!("{{{}}}", members.join(", "))
}
