//! What is wrong with the records, and where they stand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use chrono::{DateTime, Utc};
use pool_core::{Credential, CredentialId, Pool, Pools, Provider, Record, State, mask_keys};
use pool_format::raw::{Kind, Object, Raw};
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
        let pool = pools.get(&provider);
        let mut entries: HashMap<&CredentialId, Vec<&Credential>> = HashMap::new();
        for credential in pool.into_iter().flat_map(Pool::credentials) {
            entries.entry(&credential.id).or_default().push(credential);
        }
        let records = document.records(&provider);
        let named =
            records.members().filter_map(|(id, raw)| Some((CredentialId::new(id.decoded()?).ok()?, raw)));
        // Of duplicate keys the last counts.
        for (id, raw) in named.collect::<BTreeMap<_, _>>() {
            let entries = entries.get(&id).map_or(&[] as &[_], Vec::as_slice);
            let examined = Examined { id: &id, raw, record: read_record(raw, now), entries, pool, path };
            findings.extend(examined.findings().map(|finding| finding.of(&provider, Some(&id))));
        }
    }
    findings
}

/// A record, and the entries that it is about.
struct Examined<'a> {
    id: &'a CredentialId,
    raw: &'a Raw,
    record: Record,
    entries: &'a [&'a Credential],
    pool: Option<&'a Pool>,
    path: &'a Path,
}

impl Examined<'_> {
    fn findings(&self) -> impl Iterator<Item = Finding> {
        let found = if self.entries.is_empty() {
            [self.orphan(), None, None]
        } else {
            [self.unknown_status(), self.legacy(), self.rolled_back()]
        };
        found.into_iter().flatten()
    }

    fn orphan(&self) -> Option<Finding> {
        let is_remembered = matches!(self.record.state, State::Removed { .. });
        let what = format!(
            "the record of {} has no entry any more: it has no effect, unless the entry comes back",
            self.id
        );
        (!is_remembered).then(|| Finding::new(Problem::OrphanRecord, self.path, what))
    }

    /// A record that is no object has one too, and is found in the text.
    fn unknown_status(&self) -> Option<Finding> {
        let State::Unknown { word } = &self.record.state else { return None };
        let what = format!(
            "{} has a status that this version does not know (`{}`), so it is not used",
            self.id,
            mask_keys(word)
        );
        let finding = Finding::new(Problem::UnknownStatus, self.path, what);
        let finding = finding.advise("use the newer program that wrote it");
        (self.raw.kind() == Kind::Object).then(|| finding.mend("or remove the credential", self.removal()))
    }

    fn legacy(&self) -> Option<Finding> {
        let kept = Object::read(self.raw)?.get("legacy").and_then(Object::read)?;
        let names: Vec<_> = kept.names().collect();
        let what = format!(
            "{} had inline fields that could not be read ({}); they are kept in its record",
            self.id,
            names.join(", ")
        );
        let finding = Finding::new(Problem::LegacyValues, self.path, what);
        Some(finding.advise("they go with its next change of status"))
    }

    /// A secret that we replaced is stored again: a program wrote its stale memory back.
    fn rolled_back(&self) -> Option<Finding> {
        let replaced = self.entries.iter().find_map(|entry| self.record.replaced.held_by(entry))?;
        let what = format!(
            "{} stores a secret again that was replaced ({replaced}): another program wrote back an older one, which may be spent",
            self.id
        );
        let finding = Finding::new(Problem::SecretRolledBack, self.path, what);
        let finding = finding.advise("end what still has it in memory, and sign in again");
        Some(finding.mend("or remove the credential", self.removal()))
    }

    fn removal(&self) -> Option<Remedy> {
        removal_of(self.pool?, self.id)
    }
}
