//! What is odd about the text itself, with its place in it.

use std::collections::HashMap;
use std::path::Path;

use pool_core::{CredentialId, Pools, Provider};
use pool_format::raw::{List, Object, Raw, Warning};
use pool_format::{Document, EntryField, Fields, entry_id, read_entry};

use crate::doctor::credentials::removal_of;
use crate::doctor::finding::{Finding, Position, Problem};

const POOL: &str = "credential_pool";
const RECORDS: [&str; 2] = ["credential_pool_runtime", "credential_pool_runtime_rolled_back"];

/// What is wrong with the text of a store. The pools are those that were read from it.
pub(super) fn findings(document: &Document, pools: &Pools, path: &Path) -> Vec<Finding> {
    let text = document.render().as_str().to_owned();
    let mut examiner = Examiner { path, pools, warnings: document.warnings(), findings: Vec::new() };
    if let Some(top) = Raw::parse(text).ok().and_then(|raw| Object::read(&raw)) {
        examiner.top(&top);
    }
    examiner.findings.extend(document.unknown_suppressions().into_iter().map(|place| {
        let what = format!("`{place}` has an unknown shape, so it may suppress nothing");
        Finding::new(Problem::UnknownSuppression, path, what)
            .advise("write it as a list of sources, with an editor; what was removed may be taken in again until then")
    }));
    examiner.findings
}

struct Examiner<'a> {
    path: &'a Path,
    pools: &'a Pools,
    warnings: &'a [Warning],
    findings: Vec<Finding>,
}

/// Whose part of the text it is.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Nobody,
    Provider(&'a Provider),
    Credential(&'a Provider, &'a CredentialId),
}

impl Examiner<'_> {
    fn top(&mut self, top: &Object) {
        for warning in self.warnings {
            let Warning::NotFinite { line, column, token } = warning else { continue };
            let what = format!("`{token}` is not JSON, and reads as null");
            let place = Position { line: *line, column: *column };
            let finding = Finding::new(Problem::NotFinite, self.path, what).at(Some(place));
            self.findings.push(finding.advise("the next write spells null there"));
        }
        for (name, value) in self.members(top, "the store", Owner::Nobody) {
            let Some(section) = Object::read(&value) else { continue };
            if name == POOL {
                self.pools(&section);
            } else if RECORDS.contains(&name.as_str()) {
                self.records(&section, &name);
            }
        }
    }

    fn pools(&mut self, section: &Object) {
        for (name, value) in self.members(section, POOL, Owner::Nobody) {
            let Ok(provider) = Provider::new(&name) else { continue };
            match List::read(&value) {
                Some(entries) => entries.items().for_each(|entry| self.entry(&provider, entry)),
                None if value.is_null() => {}
                None => {
                    let what =
                        format!("{name} holds something else than a list of credentials, and is left alone");
                    self.push(Problem::NotACredential, &value, Owner::Provider(&provider), what);
                }
            }
        }
    }

    fn entry(&mut self, provider: &Provider, raw: &Raw) {
        let Some((entry, id)) = Object::read(raw).and_then(|entry| Some((entry, entry_id(raw)?))) else {
            let what = "an element without an id is no credential, and is left alone";
            return self.push(Problem::NotACredential, raw, Owner::Provider(provider), what.to_owned());
        };
        self.members(&entry, &format!("the entry {id}"), Owner::Credential(provider, &id));
        self.lent_secret(provider, &id, raw);
    }

    fn lent_secret(&mut self, provider: &Provider, id: &CredentialId, raw: &Raw) {
        let source = read_entry(raw, provider, &()).map(|credential| credential.source);
        let Some(source) = source.filter(|source| source.lends(provider)) else { return };
        let Some(entry) = Fields::of(raw) else { return };
        let fields = [EntryField::AccessToken, EntryField::RefreshToken, EntryField::AgentKey];
        let is_stored = |field: &EntryField| entry.text(*field).is_some_and(|text| !text.trim().is_empty());
        let stored: Vec<&str> = fields.into_iter().filter(is_stored).map(EntryField::name).collect();
        if stored.is_empty() {
            return;
        }
        let what = format!(
            "{id} stores {} by value, though its source {source} lends the secret: what is stored is not used",
            stored.join(" and ")
        );
        let removal = self.pools.get(provider).and_then(|pool| removal_of(pool, id));
        let finding = self.found(Problem::LentSecretStored, raw, Owner::Credential(provider, id), what);
        self.findings.push(
            finding
                .advise("if the secret is the store's own, set its source to `manual`; else take it out, with an editor")
                .mend("or remove the credential; what seeds from its source adds it again, without the secret", removal),
        );
    }

    fn records(&mut self, section: &Object, section_name: &str) {
        for (name, value) in self.members(section, section_name, Owner::Nobody) {
            let (Ok(provider), Some(records)) = (Provider::new(&name), Object::read(&value)) else {
                continue;
            };
            for (id, record) in
                self.members(&records, &format!("the records of {name}"), Owner::Provider(&provider))
            {
                let Ok(id) = CredentialId::new(&id) else { continue };
                let owner = Owner::Credential(&provider, &id);
                match Object::read(&record) {
                    Some(object) => drop(self.members(&object, &format!("the record of {id}"), owner)),
                    None => self.unreadable_record(&provider, &id, &record),
                }
            }
        }
    }

    fn unreadable_record(&mut self, provider: &Provider, id: &CredentialId, raw: &Raw) {
        let pool = self.pools.get(provider);
        let has_entry = |id: &CredentialId| {
            pool.is_some_and(|pool| pool.credentials().iter().any(|credential| credential.id == *id))
        };
        if has_entry(id) {
            let what = format!("the record of {id} is no object, so that {id} is not handed out");
            let finding = self.found(Problem::UnreadableRecord, raw, Owner::Credential(provider, id), what);
            self.findings.push(finding.advise("take the record out with an editor"));
        }
    }

    /// The members that count, by name; those that do not are found.
    fn members(&mut self, object: &Object, of: &str, owner: Owner<'_>) -> Vec<(String, Raw)> {
        let named = object.members().filter_map(|(key, value)| Some((key.to_text()?, key, value)));
        let named: Vec<(String, &Raw, &Raw)> = named.collect();
        let last: HashMap<&str, usize> =
            named.iter().enumerate().map(|(index, (name, ..))| (name.as_str(), index)).collect();
        let mut members = Vec::with_capacity(last.len());
        for (index, (name, key, value)) in named.iter().enumerate() {
            if last.get(name.as_str()) == Some(&index) {
                members.push((name.clone(), (*value).clone()));
            } else {
                let what = format!("`{name}` stands twice in {of}; the last one counts");
                let finding = self.found(Problem::DuplicateKey, key, owner, what);
                self.findings
                    .push(finding.advise("take this one out with an editor, once nothing in it is missed"));
            }
        }
        members
    }

    fn push(&mut self, problem: Problem, raw: &Raw, owner: Owner<'_>, what: String) {
        let finding = self.found(problem, raw, owner, what);
        self.findings.push(finding);
    }

    fn found(&self, problem: Problem, raw: &Raw, owner: Owner<'_>, what: String) -> Finding {
        let finding = Finding::new(problem, self.path, what).at(Some(position(raw, self.warnings)));
        match owner {
            Owner::Nobody => finding,
            Owner::Provider(provider) => finding.of(provider, None),
            Owner::Credential(provider, id) => finding.of(provider, Some(id)),
        }
    }
}

/// Where a slice begins in the file. The text has `null` for each number that only Python writes.
fn position(raw: &Raw, warnings: &[Warning]) -> Position {
    let (line, mut column) = raw.place();
    for warning in warnings {
        if let Warning::NotFinite { line: at, column: from, token } = warning
            && *at == line
            && *from < column
        {
            column = column + token.len() - "null".len();
        }
    }
    Position { line, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_file() {
        let texts = [
            ("{\"credential_pool\": {\"acme\": [7]}}", (1, 31)),
            ("{\n \"credential_pool\": {\n  \"acme\": [\n   7]}}", (4, 4)),
            ("{\"a\": NaN, \"b\": -Infinity, \"credential_pool\": {\"acme\": [7]}}", (1, 57)),
            ("{\"a\": NaN,\n\"credential_pool\": {\"acme\": [7, Infinity]}}", (2, 30)),
            ("{\"\u{e9}\": 1, \"credential_pool\": {\"acme\": [7]}}", (1, 40)),
        ];
        for (text, (line, column)) in texts {
            assert_eq!(
                text.lines().nth(line - 1).and_then(|line| line.get(column - 1..column)),
                Some("7"),
                "{text}"
            );
            let document = Document::read(text.into()).unwrap();
            let findings = findings(&document, &Pools::default(), Path::new("auth.json"));
            let found = findings.iter().find(|finding| finding.problem == Problem::NotACredential);
            assert_eq!(found.and_then(|finding| finding.position), Some(Position { line, column }), "{text}");
        }
    }
}
