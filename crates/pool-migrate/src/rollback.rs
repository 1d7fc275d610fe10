use chrono::{DateTime, Utc};
use pool_core::{Record, State};
use pool_format::raw::{Object, Raw};
use pool_format::{Document, FormatError, Lender, Placement, read_entry, read_record};

use crate::inline;
use crate::report::Report;
use crate::split::{migrate, object_at, takes_news};

/// Brings what happened to credentials back into their entries, where older programs look for it.
///
/// What the inline fields cannot say waits in a section that no program reads, until the store is migrated again.
/// It works on the store as it is now, so that tokens which were renewed since are kept.
///
/// ```
/// use pool_format::{Document, Placement};
/// use pool_migrate::{migrate, rollback};
///
/// let text = r#"{"credential_pool": {"acme": [
///     {"id": "a1", "access_token": "k", "last_status": "dead", "last_status_at": 1779791220.0}
/// ]}}"#;
/// let now = chrono::DateTime::UNIX_EPOCH;
/// let mut document = Document::read(text.into())?;
/// migrate(&mut document, &(), now)?;
/// rollback(&mut document, &(), now)?;
/// assert_eq!(document.placement(), Placement::Inline);
/// assert!(document.render().as_str().contains(r#""last_status_at": 1779791220.0"#));
/// # Ok::<(), pool_format::FormatError>(())
/// ```
///
/// # Errors
///
/// When the records of a store that was rolled back before are no object.
pub fn rollback(
    document: &mut Document,
    lender: &impl Lender,
    now: DateTime<Utc>,
) -> Result<Report, FormatError> {
    let was_rolled_back = document.placement() == Placement::Inline;
    document.set_projected(false);
    let report = migrate(document, lender, now)?;
    for provider in document.providers() {
        let mut entries = document.entries(&provider);
        let records = document.records(&provider);
        for index in 0..entries.len() {
            let Some(mut entry) = object_at(&entries, index) else { continue };
            let Some(credential) = read_entry(&entry, &provider, lender) else { continue };
            let Some(raw) = records.get(credential.id.as_str()) else { continue };
            let record = read_record(raw, now);
            if matches!(record.state, State::Removed { .. }) {
                continue;
            }
            // A verdict on a secret that was replaced would hit the new one, since inline fields name no secret.
            let silent = State::default();
            let state = if record.state.is_about(&credential, &provider) { &record.state } else { &silent };
            if has_inline_form(&record, raw) {
                inline::write(&mut entry, state, record.usage.request_count, &legacy(raw));
                entries.replace(index, entry.render());
            }
        }
        document.set_entries(&provider, &entries);
    }
    document.hide_records();
    Ok(if was_rolled_back { report } else { Report::new(false, false) })
}

fn has_inline_form(record: &Record, raw: &Raw) -> bool {
    let says_something =
        record.state != State::default() || record.usage.request_count > 0 || !legacy(raw).is_empty();
    says_something && takes_news(raw)
}

fn legacy(record: &Raw) -> Vec<(String, Raw)> {
    let legacy = Object::read(record).and_then(|record| Object::read(record.get("legacy")?));
    let Some(legacy) = legacy else { return Vec::new() };
    legacy.members().filter_map(|(name, raw)| Some((name.to_text()?, raw.clone()))).collect()
}
