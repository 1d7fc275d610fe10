use pool_core::{Provider, Record, State, Usage};
use pool_format::raw::{Layout, Object, Raw};
use pool_format::{Document, read_record, write_record};

use crate::noon;
use crate::plain::{self, Members};

const POOL: &str = "credential_pool";
const RUNTIME: &str = "credential_pool_runtime";

/// So many providers, entries and records of a text are edited: the laws are the same for all, and a text may hold thousands.
const TRIED: usize = 3;

/// Any bytes are a store or are refused, as serde_json judges them. A store comes back byte for byte, is read as serde_json reads it,
/// and an edit changes what it is about and nothing else.
///
/// What is no object is tried as a value of somebody else's key too.
///
/// # Panics
///
/// Where that does not hold.
pub fn document(bytes: &[u8]) {
    is_read_or_refused(bytes);
    if let Ok(text) = std::str::from_utf8(bytes)
        && plain::members(text).is_none()
    {
        is_read_or_refused(
            format!(r#"{{"theirs": {text}, "{POOL}": {{"acme": [{{"id": "a1"}}]}}}}"#).as_bytes(),
        );
    }
}

fn is_read_or_refused(bytes: &[u8]) {
    let read = Document::read(bytes.to_vec());
    if let Some(expected) = is_store(bytes) {
        assert_eq!(read.is_ok(), expected, "{:?}", read.err());
    }
    let Ok(document) = read else { return };
    let text = document.render();
    let text = text.as_str();
    if document.warnings().is_empty() {
        assert_eq!(text.as_bytes(), bytes, "unchanged text comes back byte for byte");
    } else {
        let mended = reread(text);
        assert!(mended.warnings().is_empty(), "what is written in place of NaN is JSON");
        assert_eq!(mended.render().as_str(), text);
    }
    is_read_as_it_stands(&document, text);
    stamping_changes_its_three_fields(&document, text);
    for provider in named(&document).iter().take(TRIED) {
        an_edit_of_a_record_changes_nothing_else(&document, text, provider);
        an_edit_of_an_entry_changes_nothing_else(&document, text, provider);
    }
}

/// Whether these bytes must be read; nobody can say of text with numbers that only Python writes.
fn is_store(bytes: &[u8]) -> Option<bool> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Some(false) };
    if !plain::is_json(text) {
        return (!text.contains("NaN") && !text.contains("Infinity")).then_some(false);
    }
    let Some(top) = plain::members(text) else { return Some(false) };
    let are_members = |raw: &str| plain::is_null(raw) || plain::members(raw).is_some();
    let sections = [POOL, RUNTIME].into_iter().filter_map(|name| plain::get(&top, name));
    let records = plain::members_at(text, &[RUNTIME]);
    Some(sections.chain(records.iter().map(|(_, raw)| *raw)).all(are_members))
}

fn is_read_as_it_stands(document: &Document, text: &str) {
    let pools = plain::members_at(text, &[POOL]);
    for provider in document.providers() {
        let list = plain::get(&pools, provider.as_str()).and_then(plain::items);
        let entries = document.entries(&provider);
        let entries: Vec<&str> = entries.items().map(Raw::as_str).collect();
        assert_eq!(Some(entries), list, "the entries of {provider}");
    }
    for provider in named(document) {
        let records = document.records(&provider);
        assert_eq!(members_of(&records), plain::members_at(text, &[RUNTIME, provider.as_str()]));
    }
    let names = pools.iter().filter_map(|(key, _)| plain::word(key)).filter(|name| !name.is_empty());
    for name in names {
        let is_list = plain::get(&pools, &name).is_some_and(|raw| raw.starts_with('['));
        assert_eq!(document.providers().iter().any(|provider| provider.as_str() == name), is_list, "{name}");
    }
}

fn stamping_changes_its_three_fields(document: &Document, text: &str) {
    const STAMPED: [&str; 3] = ["version", "providers", "updated_at"];
    let mut document = document.clone();
    if document.stamp(noon()).is_err() {
        return;
    }
    let stamped = document.render();
    let others = |text| plain::but(plain::members(text).expect("a store is an object"), &STAMPED);
    assert_eq!(others(stamped.as_str()), others(text));
    reread(stamped.as_str());
}

fn an_edit_of_a_record_changes_nothing_else(document: &Document, text: &str, provider: &Provider) {
    let records = document.records(provider);
    let known = records.members().filter_map(|(key, _)| key.to_text());
    for id in known.take(TRIED).chain(["new".to_owned()]) {
        let mut document = document.clone();
        let mut records = records.clone();
        let current = records.get(&id).cloned();
        let record = Record {
            state: State::Ok { since: Some(noon()) },
            usage: Usage { request_count: 7, last_used_at: Some(noon()) },
            ..Record::default()
        };
        let written = write_record(current.as_ref(), &record, document.record_layout(), noon());
        records.set(&id, written.expect("there is something to say"));
        document.set_records(provider, &records);
        let edited = document.render();
        let edited = edited.as_str();
        only_differs_at(text, edited, &[RUNTIME, provider.as_str(), &id]);
        let back = reread(edited).records(provider).get(&id).cloned().expect("it was written");
        if current.is_none_or(|raw| Object::read(&raw).is_some()) {
            assert_eq!(read_record(&back, noon()), record);
        }
    }
}

fn an_edit_of_an_entry_changes_nothing_else(document: &Document, text: &str, provider: &Provider) {
    let before = document.entries(provider);
    let spelled: Vec<&str> = before.items().map(Raw::as_str).collect();
    let edit = |edit: &dyn Fn(&mut pool_format::raw::List)| {
        let mut document = document.clone();
        let mut entries = before.clone();
        edit(&mut entries);
        document.set_entries(provider, &entries);
        let edited = document.render();
        only_differs_at(text, edited.as_str(), &[POOL, provider.as_str()]);
        let back = reread(edited.as_str());
        back.entries(provider).items().map(|raw| raw.as_str().to_owned()).collect::<Vec<_>>()
    };
    if document.is_foreign(provider) {
        return;
    }
    let mut new = Object::new(Layout::Compact);
    new.set("id", Raw::string("n\u{e9}w \"\\\u{0}"));
    let new = new.render();
    assert_eq!(edit(&|entries| entries.push(new.clone())), [spelled.as_slice(), &[new.as_str()]].concat());
    for (index, item) in before.items().enumerate().take(TRIED) {
        let removed = edit(&|entries| entries.retain(|at, _| at != index));
        assert_eq!(removed, but_at(&spelled, index));
        let Some(mut entry) = Object::read(item) else { continue };
        entry.set("label", Raw::string("another"));
        let replaced = edit(&|entries| assert!(entries.replace(index, entry.render())));
        let replaced: Vec<&str> = replaced.iter().map(String::as_str).collect();
        assert_eq!(but_at(&replaced, index), but_at(&spelled, index));
        only_differs_at(item.as_str(), replaced[index], &["label"]);
    }
}

/// The providers that have entries, records or both.
fn named(document: &Document) -> Vec<Provider> {
    let mut all = document.providers();
    all.extend(document.recorded_providers());
    all.sort();
    all.dedup();
    all
}

/// All members on the way down the path are as they were but the one that the path names; a new one comes last.
fn only_differs_at(before: &str, after: &str, path: &[&str]) {
    let Some((name, rest)) = path.split_first() else { return };
    let old = plain::members(before).unwrap_or_default();
    let new = plain::members(after).expect("a member was set in it");
    let place = plain::position(&old, name).unwrap_or(old.len());
    assert_eq!(plain::position(&new, name), Some(place), "{name} stays in its place");
    let others = |members: &Members<'_>| -> Vec<(String, String)> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        members
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != place)
            .map(|(_, member)| owned(member))
            .collect()
    };
    assert_eq!(others(&new), others(&old), "beside {name}");
    only_differs_at(old.get(place).map_or("null", |(_, raw)| raw), new[place].1, rest);
}

fn but_at<'a>(all: &[&'a str], index: usize) -> Vec<&'a str> {
    [&all[..index], &all[index + 1..]].concat()
}

fn members_of(object: &Object) -> Members<'_> {
    object.members().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn reread(text: &str) -> Document {
    assert!(plain::is_json(text), "what is written is JSON");
    Document::read(text.into()).expect("what is written can be read")
}
