use pool_format::{Document, Placement};
use pool_migrate::{migrate, rollback};

use crate::noon;
use crate::plain::{self, Members};

const POOL: &str = "credential_pool";
const RUNTIME: &str = "credential_pool_runtime";

/// The sections that a migration may change.
const SECTIONS: [&str; 4] = [POOL, RUNTIME, "credential_pool_runtime_rolled_back", "credential_pool_compat"];

/// The fields of an entry that a migration moves.
const INLINE: [&str; 8] = [
    "last_status",
    "last_status_at",
    "last_error_code",
    "last_error_reason",
    "last_error_message",
    "last_error_reset_at",
    "failure_reason",
    "request_count",
];

/// Any store can be migrated, and what is not ours is left as it is spelled. Twice is once, and a rollback and another
/// migration give the same records and definitions again.
///
/// # Panics
///
/// Where that does not hold.
pub fn migration(bytes: &[u8]) {
    let Ok(mut document) = Document::read(bytes.to_vec()) else { return };
    let before = text_of(&document);
    if migrate(&mut document, &(), noon()).is_err() {
        assert_eq!(text_of(&document), before, "what is refused stays as it was");
        return;
    }
    let once = text_of(&document);
    assert_eq!(not_ours(&once), not_ours(&before));
    twice_is_once(&once);
    let back = rolled_back(&once);
    assert_eq!(not_ours(&back), not_ours(&before));
    let again = migrated(&back);
    assert_eq!(plain::members_at(&again, &[RUNTIME]), plain::members_at(&once, &[RUNTIME]));
    assert_eq!(pools(&again), pools(&once));
}

fn twice_is_once(once: &str) {
    let mut document = read(once);
    let report = migrate(&mut document, &(), noon()).expect("it was migrated before");
    assert!(!report.is_needed(), "{:?}", report.steps());
    assert_eq!(text_of(&document), once);
}

fn rolled_back(text: &str) -> String {
    let mut document = read(text);
    rollback(&mut document, &(), noon()).expect("nothing is hidden in it");
    assert_eq!(document.placement(), Placement::Inline);
    let back = text_of(&document);
    let mut document = read(&back);
    rollback(&mut document, &(), noon()).expect("what was hidden is an object");
    // What is hidden and shown again may stand elsewhere, but not say anything else.
    assert_eq!(ours(&text_of(&document)), ours(&back), "rolling back twice is rolling back once");
    back
}

fn migrated(text: &str) -> String {
    let mut document = read(text);
    migrate(&mut document, &(), noon()).expect("what was hidden is an object");
    text_of(&document)
}

/// The sections that a migration may change, in any order.
fn ours(text: &str) -> [Members<'_>; 4] {
    SECTIONS.map(|name| {
        let mut members = plain::members_at(text, &[name]);
        members.sort_unstable();
        members
    })
}

/// What no migration may touch: other sections, providers that are none, and what entries say beside the inline fields.
fn not_ours(text: &str) -> (Members<'_>, Vec<(&str, Vec<Members<'_>>)>) {
    let others = plain::but(plain::members(text).expect("a store is an object"), &SECTIONS);
    let definition = |entry| plain::but(entry, &INLINE);
    let definitions = pools(text)
        .into_iter()
        .map(|(provider, entries)| (provider, entries.into_iter().map(definition).collect()));
    (others, definitions.collect())
}

/// The members of each entry as they are spelled; what is no list is one entry, and what is no object one member.
fn pools(text: &str) -> Vec<(&str, Vec<Members<'_>>)> {
    let entry = |raw| plain::members(raw).unwrap_or_else(|| vec![("", raw)]);
    let entries = |raw| plain::items(raw).unwrap_or_else(|| vec![raw]).into_iter().map(entry).collect();
    plain::members_at(text, &[POOL]).into_iter().map(|(provider, raw)| (provider, entries(raw))).collect()
}

fn read(text: &str) -> Document {
    Document::read(text.into()).expect("what is written can be read")
}

fn text_of(document: &Document) -> String {
    let text = document.render();
    assert!(plain::is_json(text.as_str()), "what is written is JSON");
    text.as_str().to_owned()
}
