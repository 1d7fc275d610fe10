use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use pool_core::{Credential, CredentialId, Death, Kind, LastError, Provider, State};
use pool_format::raw::{Object, Raw};
use pool_format::{Document, Fields, FormatError, Lender, Placement, read_credential, read_record};

use crate::inline::{self, Entry};
use crate::report::Report;
use crate::split::{migrate, takes_news};

/// Makes all writers show what happened to credentials in their entries too, for programs that look only there; and
/// shows it at once. The records stay the truth.
///
/// ```
/// use pool_format::{Document, Placement};
/// use pool_migrate::{start_projecting, stop_projecting};
///
/// let text = r#"{"credential_pool": {"acme": [{"id": "a1", "access_token": "k"}]},
///     "credential_pool_runtime": {"acme": {"a1": {"status": "dead", "status_at": "2026-05-26T10:27:00Z"}}}}"#;
/// let now = chrono::DateTime::UNIX_EPOCH;
/// let mut document = Document::read(text.into())?;
/// start_projecting(&mut document, &(), now)?;
/// assert_eq!(document.placement(), Placement::Projected);
/// assert!(document.render().as_str().contains(r#""last_status": "dead""#));
/// stop_projecting(&mut document, &(), now)?;
/// assert_eq!(document.render().as_str(), text);
/// # Ok::<(), pool_format::FormatError>(())
/// ```
///
/// # Errors
///
/// When the records of a store that was rolled back are no object.
pub fn start_projecting(
    document: &mut Document,
    lender: &impl Lender,
    now: DateTime<Utc>,
) -> Result<Report, FormatError> {
    document.set_projected(true);
    migrate(document, lender, now)
}

/// The inverse of [`start_projecting`]: what the entries say is merged a last time, and leaves them.
///
/// # Errors
///
/// When the records of a store that was rolled back are no object.
pub fn stop_projecting(
    document: &mut Document,
    lender: &impl Lender,
    now: DateTime<Utc>,
) -> Result<Report, FormatError> {
    document.set_projected(false);
    migrate(document, lender, now)
}

/// Shows changed records in their entries, in a migrated document whose store asks for it; other entries show theirs
/// already, and are not read.
pub fn project(
    document: &mut Document,
    provider: &Provider,
    changed: &BTreeSet<CredentialId>,
    lender: &impl Lender,
    now: DateTime<Utc>,
) {
    if changed.is_empty() || document.placement() != Placement::Projected {
        return;
    }
    let mut entries = document.entries(provider);
    let records = document.records(provider);
    let may_be_changed: Vec<usize> = entries
        .items()
        .enumerate()
        .filter(|(_, raw)| names_any(raw, changed))
        .map(|(index, _)| index)
        .collect();
    let mut edited = false;
    for index in may_be_changed {
        let Some(raw) = entries.items().nth(index).cloned() else { continue };
        let Some(entry) = Fields::of(&raw) else { continue };
        let Some(credential) = read_credential(&entry, provider, lender) else { continue };
        let record = records.get(credential.id.as_str());
        if !changed.contains(&credential.id)
            || record.is_some_and(|record| !takes_news(record))
            || fits(&entry, record, &credential, provider, now)
        {
            continue;
        }
        if let Some(mut entry) = Object::read(&raw) {
            show(&mut entry, record, &credential, provider, now);
            entries.replace(index, entry.render());
            edited = true;
        }
    }
    if edited {
        document.set_entries(provider, &entries);
    }
}

/// Whether an entry may have one of these ids: of a few by its text alone, since taking apart thousands of entries takes
/// its time.
fn names_any(entry: &Raw, ids: &BTreeSet<CredentialId>) -> bool {
    const FEW: usize = 8;
    let text = entry.as_str();
    // An escape may spell any id.
    ids.len() > FEW || text.contains('\\') || ids.iter().any(|id| text.contains(id.as_str()))
}

/// Whether an entry shows what it should. A rest that is over may stay as it was shown, since its end is shown with it,
/// or be gone: the other program clears it.
pub(crate) fn fits(
    entry: &Entry<'_>,
    record: Option<&Raw>,
    credential: &Credential,
    provider: &Provider,
    now: DateTime<Utc>,
) -> bool {
    let shown = shown(record, credential, provider, now);
    if inline::says_something(entry) {
        inline::shows(entry, &shown)
    } else {
        matches!(shown, State::Ok { .. }) || is_over(&shown, now)
    }
}

/// Makes an entry show its record; answers the fields that it has then.
pub(crate) fn show(
    entry: &mut Object,
    record: Option<&Raw>,
    credential: &Credential,
    provider: &Provider,
    now: DateTime<Utc>,
) -> Vec<(&'static str, Raw)> {
    let shown = shown(record, credential, provider, now);
    if matches!(shown, State::Ok { .. }) || is_over(&shown, now) {
        inline::strip(entry);
    } else {
        inline::show(entry, &shown);
    }
    inline::fields(entry)
}

/// What other programs shall make of a record: the verdict on what the entry stores now, and otherwise nothing.
fn shown(record: Option<&Raw>, credential: &Credential, provider: &Provider, now: DateTime<Utc>) -> State {
    let state = record.map(|raw| read_record(raw, now).state).unwrap_or_default();
    match state {
        State::Exhausted(_) | State::Dead(_) if state.is_about(credential, provider) => state,
        State::Unknown { .. } => out_of_use(),
        _ => State::default(),
    }
}

/// A word that the other program does not know would not keep it from picking. Death does; without a time it is no reason
/// to delete the entry.
fn out_of_use() -> State {
    let error = LastError { kind: Kind::AuthPermanent, code: None, reason: None, message: None };
    State::Dead(Death { at: None, subject: None, error })
}

fn is_over(state: &State, now: DateTime<Utc>) -> bool {
    matches!(state, State::Exhausted(rest) if rest.until <= now)
}
