//! What is wrong with the records, and where they stand.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use pool_core::{Credential, CredentialId, Pools, Provider, Record, State, mask_keys};
use pool_format::raw::{Object, Raw};
use pool_format::{Document, read_record};
use pool_migrate::Report;

use crate::doctor::credentials::removal_of;
use crate::doctor::finding::{Finding, Problem, Remedy};

/// What a migration would move.
pub(super) fn of_layout(report: &Report, path: &Path) -> Option<Finding> {
    if report.was_rolled_back() {
        let what =
            "the store is rolled back: its records are hidden, for programs that look into the entries";
        let finding = Finding::new(Problem::RolledBack, path, what);
        return Some(finding.mend("once no such program uses it, migrate it", Remedy::Migrate));
    }
    let what = match report.steps().len() {
        0 => return None,
        1 => "1 entry has inline fields of an older program that say something".to_owned(),
        count => format!("{count} entries have inline fields of an older program that say something"),
    };
    Some(Finding::new(Problem::InlineFields, path, what).mend("move them", Remedy::Migrate))
}

/// What is wrong with the records of a store that was migrated in memory, and with what is stored beside them.
pub(super) fn findings(document: &Document, pools: &Pools, path: &Path, now: DateTime<Utc>) -> Vec<Finding> {
    let providers: BTreeSet<Provider> = document.recorded_providers().into_iter().collect();
    let mut findings = Vec::new();
    for provider in providers {
        let records = document.records(&provider);
        let ids: BTreeSet<CredentialId> =
            records.names().filter_map(|name| CredentialId::new(name).ok()).collect();
        for id in ids {
            if let Some(raw) = records.get(id.as_str()) {
                let record = read_record(raw, now);
                let found = of_record(raw, &record, &id, &provider, pools, path);
                findings.extend(found.map(|finding| finding.of(&provider, Some(&id))));
            }
        }
    }
    findings
}

fn of_record(
    raw: &Raw,
    record: &Record,
    id: &CredentialId,
    provider: &Provider,
    pools: &Pools,
    path: &Path,
) -> impl Iterator<Item = Finding> {
    let pool = pools.get(provider);
    let credentials = pool.into_iter().flat_map(pool_core::Pool::credentials);
    let entries: Vec<&Credential> =
        credentials.map(AsRef::as_ref).filter(|credential| credential.id == *id).collect();
    let object = Object::read(raw);
    let removal = || pool.and_then(|pool| removal_of(pool, id));
    let found = if entries.is_empty() {
        [orphan(record, id, path), None, None]
    } else {
        [
            // One that is no object is found in the text.
            object.as_ref().and_then(|_| unknown_status(record, id, path, removal())),
            object.as_ref().and_then(|object| legacy(object, id, path)),
            rolled_back(record, &entries, id, path, removal()),
        ]
    };
    found.into_iter().flatten()
}

fn orphan(record: &Record, id: &CredentialId, path: &Path) -> Option<Finding> {
    let is_remembered = matches!(record.state, State::Removed { .. });
    let what =
        format!("the record of {id} has no entry any more: it has no effect, unless the entry comes back");
    (!is_remembered).then(|| Finding::new(Problem::OrphanRecord, path, what))
}

fn unknown_status(
    record: &Record,
    id: &CredentialId,
    path: &Path,
    removal: Option<Remedy>,
) -> Option<Finding> {
    let State::Unknown { word } = &record.state else { return None };
    let what = format!(
        "{id} has a status that this version does not know (`{}`), so it is not used",
        mask_keys(word)
    );
    let finding = Finding::new(Problem::UnknownStatus, path, what);
    Some(finding.advise("use the newer program that wrote it").mend("or remove the credential", removal))
}

fn legacy(record: &Object, id: &CredentialId, path: &Path) -> Option<Finding> {
    let kept = record.get("legacy").and_then(Object::read)?;
    let names: Vec<_> = kept.names().collect();
    let what = format!(
        "{id} had inline fields that could not be read ({}); they are kept in its record",
        names.join(", ")
    );
    Some(Finding::new(Problem::LegacyValues, path, what).advise("they go with its next change of status"))
}

/// A secret that we replaced is stored again: a program wrote its stale memory back.
fn rolled_back(
    record: &Record,
    entries: &[&Credential],
    id: &CredentialId,
    path: &Path,
    removal: Option<Remedy>,
) -> Option<Finding> {
    let replaced = record.replaced.filter(|replaced| entries.iter().any(|entry| entry.holds(*replaced)))?;
    let what = format!(
        "{id} stores a secret again that was replaced ({replaced}): another program wrote back an older one, which may be spent"
    );
    let finding = Finding::new(Problem::SecretRolledBack, path, what);
    Some(
        finding
            .advise("end what still has it in memory, and sign in again")
            .mend("or remove the credential", removal),
    )
}
