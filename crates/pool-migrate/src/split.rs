use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use pool_core::{Credential, CredentialId, Provider, Record, State, Usage};
use pool_format::raw::{Kind, List, Object, Raw};
use pool_format::{
    Document, Fields, FormatError, Lender, Placement, entry_id, read_credential, read_record, write_record,
};

use crate::inline::{self, Entry, Inline};
use crate::merge::merge;
use crate::project::{self, project};
use crate::report::{Report, Step};

/// Moves what happened to credentials out of their entries into the runtime section, in memory.
///
/// A second run changes nothing. What inline fields say is merged into the records that are there already.
///
/// ```
/// use pool_format::Document;
/// use pool_migrate::migrate;
///
/// let text = r#"{"credential_pool": {"acme": [
///     {"id": "a1", "access_token": "k", "last_status": "dead", "last_status_at": 1779791220.0}
/// ]}}"#;
/// let mut document = Document::read(text.into())?;
/// let report = migrate(&mut document, &(), chrono::DateTime::UNIX_EPOCH)?;
/// assert_eq!(report.steps().len(), 1);
/// assert!(document.render().as_str().contains("credential_pool_runtime"));
/// # Ok::<(), pool_format::FormatError>(())
/// ```
///
/// # Errors
///
/// When the records of a store that was rolled back are no object.
pub fn migrate(
    document: &mut Document,
    lender: &impl Lender,
    now: DateTime<Utc>,
) -> Result<Report, FormatError> {
    let was_rolled_back = document.reveal_records()?;
    let mut report = Report::new(was_rolled_back, document.placement() == Placement::Projected);
    for provider in document.providers() {
        migrate_provider(document, &provider, was_rolled_back, lender, now, &mut report);
    }
    Ok(report)
}

fn migrate_provider(
    document: &mut Document,
    provider: &Provider,
    was_rolled_back: bool,
    lender: &impl Lender,
    now: DateTime<Utc>,
    report: &mut Report,
) {
    let mut entries = document.entries(provider);
    let mut records = document.records(provider);
    let is_projected = report.is_projected();
    let judged = if was_rolled_back { shown_to_be_judged(&entries) } else { BTreeSet::new() };
    let mut moved = false;
    let (mut met, mut shared) = (BTreeSet::new(), BTreeSet::new());
    for index in 0..entries.len() {
        let Some(raw) = entries.items().nth(index).cloned() else { continue };
        let Some(entry) = Fields::of(&raw) else { continue };
        let Some(credential) = read_credential(&entry, provider, lender) else { continue };
        let id = credential.id.as_str();
        if records.get(id).is_some_and(|record| !takes_news(record)) {
            continue;
        }
        // Of several entries that share an id, one that shows a verdict is enough.
        if was_rolled_back && !judged.contains(&credential.id) {
            moved |= forget_what_inline_took_back(document, &mut records, &entry, &credential, provider, now);
        }
        if is_projected && !met.insert(credential.id.clone()) {
            shared.insert(credential.id.clone());
        }
        let is_as_it_should_be = if is_projected {
            project::fits(&entry, records.get(id), &credential, provider, now)
        } else {
            !inline::is_there(&entry)
        };
        if is_as_it_should_be {
            continue;
        }
        moved = true;
        let Some(mut object) = Object::read(&raw) else { continue };
        let removed = inline::strip(&mut object);
        if !is_projected && !inline::says_something(&entry) {
            // Nulls and a zero count go with the next write, and are no reason for one.
            entries.replace(index, object.render());
            continue;
        }
        let news = inline::read(&entry, &credential, provider, now);
        let before = records.get(id).cloned();
        let after = merged(before.as_ref(), &news, &credential, provider, document, now);
        let shown = if is_projected {
            project::show(&mut object, after.as_ref(), &credential, provider, now)
        } else {
            Vec::new()
        };
        entries.replace(index, object.render());
        if let Some(after) = &after {
            records.set(id, after.clone());
        }
        report.push(Step::new(provider, &credential, removed, shown, before, after));
    }
    if moved {
        document.set_entries(provider, &entries);
        document.set_records(provider, &records);
        // What a later entry of the same id said may change what an earlier one shows.
        project(document, provider, &shared, lender, now);
    }
}

/// What is known of a credential once the news is taken in.
pub(crate) fn with_news(
    known: Record,
    news: &Inline,
    credential: &Credential,
    provider: &Provider,
    now: DateTime<Utc>,
) -> Record {
    Record {
        state: merge(&known.state, news, credential, provider, now),
        usage: known.usage.merge(Usage { request_count: news.request_count, last_used_at: None }),
        ..known
    }
}

fn merged(
    before: Option<&Raw>,
    news: &Inline,
    credential: &Credential,
    provider: &Provider,
    document: &Document,
    now: DateTime<Utc>,
) -> Option<Raw> {
    let known = before.map(|raw| read_record(raw, now)).unwrap_or_default();
    let record = with_news(known, news, credential, provider, now);
    let layout = document.record_layout();
    let written = write_record(before, &record, layout.clone(), now);
    let unplaced = news.legacy(&record.state);
    if unplaced.is_empty() {
        return written;
    }
    let mut object = written.as_ref().and_then(Object::read).unwrap_or_else(|| Object::new(layout.clone()));
    let kept = object.get("legacy").and_then(Object::read);
    let mut legacy = kept.unwrap_or_else(|| Object::new(layout.deeper()));
    for (name, raw) in unplaced {
        legacy.set(name, raw);
    }
    object.set("legacy", legacy.render());
    Some(object.render())
}

/// The ids under which an entry shows a verdict.
fn shown_to_be_judged(entries: &List) -> BTreeSet<CredentialId> {
    let shows = |raw: &&Raw| Fields::of(*raw).is_some_and(|entry| !inline::shows_no_verdict(&entry));
    entries.items().filter(shows).filter_map(entry_id).collect()
}

/// While a store is rolled back its inline fields are the truth: a verdict that they no longer show was cleared there.
fn forget_what_inline_took_back(
    document: &Document,
    records: &mut Object,
    entry: &Entry<'_>,
    credential: &Credential,
    provider: &Provider,
    now: DateTime<Utc>,
) -> bool {
    let id = credential.id.as_str();
    let Some(raw) = records.get(id).cloned() else { return false };
    let record = read_record(&raw, now);
    let cleared = matches!(record.state, State::Exhausted(_) | State::Dead(_))
        && record.state.is_about(credential, provider)
        && inline::shows_no_verdict(entry)
        && inline::read(entry, credential, provider, now).state.is_none();
    if cleared {
        // Nobody wrote down when, and the old verdict must not come back with somebody's stale memory.
        let state = State::Ok { since: record.state.judged_at(now).max(Some(now)) };
        let cleared = Record { state, ..record };
        if let Some(cleared) = write_record(Some(&raw), &cleared, document.record_layout(), now) {
            records.set(id, cleared);
        }
    }
    cleared
}

/// Whether a record can take what an entry says; one that is no object is not ours to replace.
pub(crate) fn takes_news(record: &Raw) -> bool {
    record.kind() == Kind::Object
}

pub(crate) fn object_at(entries: &List, index: usize) -> Option<Object> {
    entries.items().nth(index).and_then(Object::read)
}
