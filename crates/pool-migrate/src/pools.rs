//! The pools of a store as it is to be seen, whatever layout it is in.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use pool_core::{CredentialId, Pool, Pools, Provider, Record};
use pool_format::{Document, Fields, FormatError, Lender, Placement, read_credential, read_record};

use crate::inline;
use crate::project;
use crate::split::{migrate, takes_news, with_news};

/// What a store holds, as [`migrate`] would leave it.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The pools.
    pub pools: Pools,
    /// Whether a migration would change the text: a reason to migrate before it is written, though none to write it.
    pub is_legacy: bool,
}

/// Reads the pools of a store as [`migrate`] would leave it, without writing its text anew.
///
/// ```
/// use pool_core::Provider;
/// use pool_format::Document;
/// use pool_migrate::read_pools;
///
/// let text = r#"{"credential_pool": {"acme": [
///     {"id": "a1", "access_token": "k", "last_status": "dead", "last_status_at": 1779791220.0}
/// ]}}"#;
/// let document = Document::read(text.into())?;
/// let sight = read_pools(&document, &(), chrono::DateTime::UNIX_EPOCH)?;
/// let pool = sight.pools.get(&Provider::new("acme")?).expect("it has one");
/// assert_eq!(pool.record(&pool.credentials()[0].id).map(|record| record.state.as_str()), Some("dead"));
/// assert!(sight.is_legacy);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When the records of a store that was rolled back are no object.
pub fn read_pools(
    document: &Document,
    lender: &impl Lender,
    now: DateTime<Utc>,
) -> Result<Sight, FormatError> {
    if document.placement() == Placement::Inline {
        let mut split = document.clone();
        migrate(&mut split, lender, now)?;
        return Ok(Sight { is_legacy: true, ..read_split(&split, lender, now) });
    }
    Ok(read_split(document, lender, now))
}

fn read_split(document: &Document, lender: &impl Lender, now: DateTime<Utc>) -> Sight {
    let mut is_legacy = false;
    let pools = document.providers().into_iter().map(|provider| {
        let (pool, is_to_be_migrated) = read_pool(document, provider, lender, now);
        is_legacy |= is_to_be_migrated;
        pool
    });
    let pools = Pools::new(pools.collect::<Vec<_>>()).with_suppressed(document.suppressed_sources());
    Sight { pools, is_legacy }
}

/// The pool of one provider, and whether any of its entries is not as a migration leaves it.
fn read_pool(
    document: &Document,
    provider: Provider,
    lender: &impl Lender,
    now: DateTime<Utc>,
) -> (Pool, bool) {
    let kept = document.records(&provider);
    let mut records: HashMap<CredentialId, Record> = HashMap::with_capacity(kept.len());
    for (id, raw) in kept.members() {
        let id = id.decoded().and_then(|id| CredentialId::new(id).ok());
        records.extend(id.map(|id| (id, read_record(raw, now))));
    }
    let entries = document.entries(&provider);
    let is_projected = document.placement() == Placement::Projected;
    let mut credentials = Vec::with_capacity(entries.len());
    let mut is_legacy = false;
    for raw in entries.items() {
        let Some(entry) = Fields::of(raw) else { continue };
        let Some(credential) = read_credential(&entry, &provider, lender) else { continue };
        let record = kept.get(credential.id.as_str());
        let is_as_it_should_be = if is_projected {
            project::fits(&entry, record, &credential, &provider, now)
        } else {
            !inline::is_there(&entry)
        };
        if !is_as_it_should_be && record.is_none_or(takes_news) {
            is_legacy = true;
            if inline::says_something(&entry) {
                let news = inline::read(&entry, &credential, &provider, now);
                let known = records.remove(&credential.id).unwrap_or_default();
                let record = with_news(known, &news, &credential, &provider, now);
                records.insert(credential.id.clone(), record);
            }
        }
        credentials.push(credential);
    }
    (Pool::new(provider, credentials, records), is_legacy)
}
