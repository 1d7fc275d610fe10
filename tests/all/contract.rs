//! The file contract stands in three places: docs/format.md, the JSON Schema beside it, and the code. They agree.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Home, LEGACY_STORE};

const FORMAT: &str = include_str!("../../docs/format.md");
const SCHEMA: &str = include_str!("../../docs/auth.schema.json");

#[test]
fn every_field_of_the_schema_is_in_the_document() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut names = BTreeSet::new();
    collect_properties(&schema, &mut names);
    assert!(names.len() > 30, "the schema names the owned fields");
    let missing: Vec<&String> = names.iter().filter(|name| !FORMAT.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "not in docs/format.md: {missing:?}");
}

#[test]
fn every_field_that_is_written_is_in_the_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut known = BTreeSet::new();
    collect_properties(&schema, &mut known);
    let store: Value = serde_json::from_str(&busy_store()).unwrap();
    for (provider, records) in store["credential_pool_runtime"].as_object().unwrap() {
        for (id, record) in records.as_object().unwrap() {
            let names = record
                .as_object()
                .unwrap()
                .keys()
                .chain(record["last_error"].as_object().into_iter().flat_map(|error| error.keys()));
            let unknown: Vec<&String> = names.filter(|name| !known.contains(*name)).collect();
            assert!(unknown.is_empty(), "{provider} {id}: {unknown:?}");
        }
    }
}

#[test]
fn every_kind_and_status_is_in_the_schema_and_the_document() {
    let words = pool_core::Kind::ALL.iter().map(|kind| kind.as_str());
    for word in words.chain(["ok", "exhausted", "dead", "removed", "provider", "default"]) {
        assert!(SCHEMA.contains(&format!("\"{word}\"")), "{word} is not in the schema");
        assert!(FORMAT.contains(&format!("`{word}`")), "{word} is not in docs/format.md");
    }
}

/// A store in which something of every kind happened.
fn busy_store() -> String {
    let home = Home::with_store(LEGACY_STORE);
    home.pool("report openai-codex 7db7c3 --status 401 --code token_revoked").succeeded();
    home.pool("report openai-codex e5e5e5 --status 429 --message slow").succeeded();
    home.pool("report anthropic a0a0a1 --status 402").succeeded();
    home.pool("pick anthropic --strategy least_used").succeeded();
    home.pool("remove anthropic a0a0a2").succeeded();
    home.pool("reset anthropic").succeeded();
    home.read_store()
}

fn collect_properties(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
                names.extend(properties.keys().cloned());
            }
            fields.values().for_each(|value| collect_properties(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_properties(value, names)),
        _ => {}
    }
}
