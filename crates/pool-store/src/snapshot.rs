use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::iter;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use pool_core::{
    Applied, Change, ChangeError, Credential, CredentialId, DefinitionEdit, Fingerprint, Pools, Provider,
    Pruned, Source, SuppressionEdit,
};
use pool_format::raw::{List, Object};
use pool_format::{
    Document, Lent, Placement, read_entry, read_secret, renew_entry, write_entry, write_record,
};
use pool_migrate::{migrate, project, read_pools, rollback};

use crate::adopt::{adoptions, with_another_home};
use crate::environment::Environment;
use crate::error::StoreError;
use crate::location::Location;
use crate::store::Pruning;
use crate::transaction::{Answer, apply, apply_all};

/// A login that was renewed, as another home of it has to know it.
#[derive(Debug)]
pub(crate) struct RenewedLogin {
    pub(crate) provider: Provider,
    pub(crate) source: Source,
    /// The refresh tokens that were spent for it, and before.
    pub(crate) spent: Vec<Fingerprint>,
    pub(crate) renewed: Lent,
}

/// A store in memory: the document, and the pools that were read from it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    document: Document,
    /// The layout of the file, which a write leaves as it is.
    placement: Placement,
    /// Whether the document is still to be migrated, as the pools are from the start.
    is_legacy: bool,
    environment: Environment,
    pub(crate) pools: Pools,
    /// What another home of a login had that is newer: the pools have it, the document gets it with the next write.
    adopted: Vec<(Provider, Applied)>,
    /// The logins that were renewed, for the other homes of them.
    renewed: Vec<RenewedLogin>,
    /// Whose entry may no longer show what it should.
    changed: HashMap<Provider, BTreeSet<CredentialId>>,
}

impl Snapshot {
    /// Reads the pools of a document.
    pub(crate) fn of(
        document: Document,
        environment: Environment,
        location: &Location,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let sight = read_pools(&document, &environment, now).map_err(StoreError::format(&location.target))?;
        let (placement, is_legacy, pools) = (document.placement(), sight.is_legacy, sight.pools);
        let (adopted, renewed, changed) = (Vec::new(), Vec::new(), HashMap::new());
        let mut snapshot =
            Self { document, placement, is_legacy, environment, pools, adopted, renewed, changed };
        snapshot.adopt(now);
        Ok(snapshot)
    }

    /// Takes over what other homes of logins have that is newer.
    fn adopt(&mut self, now: DateTime<Utc>) {
        self.adopted.clear();
        let logins = self.pools.iter().map(|pool| {
            let has_file = |source: &Source| self.environment.has_file(pool.provider(), source);
            (pool.provider().clone(), with_another_home(&self.pools, pool, has_file))
        });
        for (provider, logins) in logins.filter(|(_, logins)| !logins.is_empty()).collect::<Vec<_>>() {
            let beside = self.document.provider_login(&provider);
            for login in logins {
                let beside = beside.as_ref().filter(|_| login.source.is_seeded());
                self.adopt_from(&provider, login, beside, now);
            }
        }
    }

    /// From `providers.<id>` first, then from the files of other programs.
    fn adopt_from(
        &mut self,
        provider: &Provider,
        mut ours: Arc<Credential>,
        beside: Option<&Lent>,
        now: DateTime<Utc>,
    ) {
        let files = self.environment.logins(provider, &ours.source);
        for theirs in beside.into_iter().chain(&files) {
            let changes = self.pools.get(provider).map(|pool| adoptions(pool, &ours, theirs, now));
            for (at, change) in changes.unwrap_or_default() {
                let Ok(applied) = self.pools.apply(&change, at) else { continue };
                for edit in &applied.definitions {
                    if let DefinitionEdit::Rotated { renewed, .. } = edit
                        && renewed.id == ours.id
                    {
                        ours = Arc::clone(renewed);
                    }
                }
                self.adopted.push((provider.clone(), applied));
            }
        }
    }

    /// What other homes of the logins of a source have: `providers.<id>`, and the files of other programs.
    pub(crate) fn other_homes(&self, provider: &Provider, source: &Source) -> Vec<Lent> {
        let beside = self.document.provider_login(provider).filter(|_| source.is_seeded());
        beside.into_iter().chain(self.environment.logins(provider, source)).collect()
    }

    /// Migrates the document before it is changed. What counts as news depends on the time, so the pools are read again.
    pub(crate) fn migrate(&mut self, location: &Location, now: DateTime<Utc>) -> Result<(), StoreError> {
        if self.is_legacy {
            let format = || StoreError::format(&location.target);
            migrate(&mut self.document, &self.environment, now).map_err(format())?;
            self.pools = read_pools(&self.document, &self.environment, now).map_err(format())?.pools;
            self.is_legacy = false;
            self.adopt(now);
        }
        Ok(())
    }

    /// Applies changes, each at its own time; answers whether there is anything to write.
    pub(crate) fn apply(
        &mut self,
        changes: &[(DateTime<Utc>, Change)],
        pruning: Pruning,
        now: DateTime<Utc>,
    ) -> (Vec<Answer>, bool) {
        for (provider, applied) in std::mem::take(&mut self.adopted) {
            self.write_back(&provider, &applied, now);
        }
        let (answers, is_changed) = apply_all(changes, |change, at| {
            self.refuse_foreign(change)?;
            let applied = apply(&mut self.pools, change, at, now)?;
            self.write_back(&change.provider, &applied, at);
            Ok(applied)
        });
        if is_changed && pruning == Pruning::WhatIsDue {
            self.prune(now);
        }
        // Who was judged now may have a better login elsewhere.
        if is_changed {
            self.adopt(now);
        }
        (answers, is_changed)
    }

    /// A provider whose value is no list is somebody else's.
    fn refuse_foreign(&self, change: &Change) -> Result<(), ChangeError> {
        if self.document.is_foreign(&change.provider) {
            return Err(ChangeError::NotOurs { provider: change.provider.clone() });
        }
        Ok(())
    }

    /// Makes the document what is to be written: stamped, and in the layout that the store says it has.
    pub(crate) fn finish(&mut self, location: &Location, now: DateTime<Utc>) -> Result<(), StoreError> {
        let format = || StoreError::format(&location.target);
        for (provider, ids) in std::mem::take(&mut self.changed) {
            project(&mut self.document, &provider, &ids, &self.environment, now);
        }
        if self.placement == Placement::Inline {
            rollback(&mut self.document, &self.environment, now).map_err(format())?;
        }
        self.document.stamp(now).map_err(format())
    }

    pub(crate) fn provider_logins(&self) -> BTreeMap<Provider, Lent> {
        let names = self.document.providers_with_a_login().into_iter();
        names
            .filter_map(|provider| Some((provider.clone(), self.document.provider_login(&provider)?)))
            .collect()
    }

    /// The logins that were renewed since this was last asked.
    pub(crate) fn take_renewed(&mut self) -> Vec<RenewedLogin> {
        std::mem::take(&mut self.renewed)
    }

    /// The text, piece by piece.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.document.parts()
    }

    /// Whether this program may write the store.
    pub(crate) fn writable(&self, location: &Location) -> Result<(), StoreError> {
        self.document.writable().map_err(StoreError::format(&location.target))
    }

    /// Whether the next change can go on from here: a store that is rolled back is read anew each time.
    pub(crate) fn can_go_on(&self) -> bool {
        self.placement != Placement::Inline
    }

    fn prune(&mut self, now: DateTime<Utc>) {
        let mut gone: BTreeMap<Provider, Vec<Pruned>> = BTreeMap::new();
        for (provider, pruned) in self.pools.prune(now) {
            log_pruned(&provider, &pruned);
            gone.entry(provider).or_default().push(pruned);
        }
        for (provider, gone) in gone {
            let edits: Vec<DefinitionEdit> = gone.iter().map(Pruned::edit).collect();
            self.edit_definitions(&provider, &edits, now);
            self.write_records(&provider, gone.into_iter().map(|pruned| pruned.id), now);
        }
        for (provider, forgotten) in self.pools.forget_removed(now) {
            self.write_records(&provider, forgotten, now);
        }
    }

    fn write_back(&mut self, provider: &Provider, applied: &Applied, at: DateTime<Utc>) {
        self.edit_definitions(provider, &applied.definitions, at);
        self.write_records(provider, applied.records.iter().cloned(), at);
        if let Some(edit) = &applied.suppression {
            self.edit_suppressed(provider, edit);
        }
        if self.placement == Placement::Projected {
            self.changed.entry(provider.clone()).or_default().extend(concerned(applied));
        }
    }

    fn write_records(
        &mut self,
        provider: &Provider,
        ids: impl IntoIterator<Item = CredentialId>,
        now: DateTime<Utc>,
    ) {
        let mut ids = ids.into_iter().peekable();
        let Some(pool) = self.pools.get(provider).filter(|_| ids.peek().is_some()) else { return };
        let mut records = self.document.records(provider);
        for id in ids {
            let current = records.get(id.as_str()).cloned();
            let layout = self.document.record_layout();
            let written =
                pool.record(&id).and_then(|record| write_record(current.as_ref(), record, layout, now));
            match written {
                Some(raw) => records.set(id.as_str(), raw),
                None => {
                    records.remove(id.as_str());
                }
            }
        }
        self.document.set_records(provider, &records);
    }

    fn edit_definitions(&mut self, provider: &Provider, edits: &[DefinitionEdit], at: DateTime<Utc>) {
        if edits.is_empty() {
            return;
        }
        let mut entries = self.document.entries(provider);
        // In one walk, however many they are. What is added comes after what made room for it.
        let removed: HashSet<(&CredentialId, Option<Fingerprint>)> = edits
            .iter()
            .filter_map(|edit| match edit {
                DefinitionEdit::Removed(id, subject) => Some((id, *subject)),
                DefinitionEdit::Added(_) | DefinitionEdit::Rotated { .. } => None,
            })
            .collect();
        if !removed.is_empty() {
            let is_gone = |credential: &Credential| removed.contains(&(&credential.id, credential.subject()));
            let gone = self.positions(&entries, provider, is_gone);
            let gone: HashSet<usize> = gone.into_iter().map(|(index, _)| index).collect();
            entries.retain(|index, _| !gone.contains(&index));
        }
        for edit in edits {
            match edit {
                DefinitionEdit::Added(id) => self.push_entry(&mut entries, provider, id),
                DefinitionEdit::Removed(..) => {}
                DefinitionEdit::Rotated { old, renewed } => {
                    let stale = self.positions(&entries, provider, |credential| {
                        credential.id == renewed.id
                            && credential.subject() == *old
                            && credential.owns_its_secret()
                    });
                    for (index, mut entry) in stale {
                        self.renew_elsewhere(provider, &entry, renewed, at);
                        renew_entry(&mut entry, renewed, at);
                        entries.replace(index, entry.render());
                    }
                }
            }
        }
        self.document.set_entries(provider, &entries);
    }

    /// The other program seeds its entries from its own copy of a login, so that copy goes with the entry.
    fn renew_elsewhere(
        &mut self,
        provider: &Provider,
        before: &Object,
        renewed: &Credential,
        at: DateTime<Utc>,
    ) {
        let spent = before.get("refresh_token").and_then(|raw| read_secret(raw.slice()));
        let spent = spent.filter(|spent| !spent.is_blank()).map(|spent| spent.fingerprint());
        if let Some((last, tokens)) = spent.zip(renewed.tokens().cloned()) {
            let record = self.pools.get(provider).and_then(|pool| pool.record(&renewed.id));
            let earlier = record.into_iter().flat_map(|record| record.replaced.iter());
            let spent: Vec<Fingerprint> = iter::once(last).chain(earlier).collect();
            let source = renewed.source.clone();
            let renewed = Lent { tokens, expires_at: renewed.expires_at };
            self.document.renew_provider_login(provider, |token| spent.contains(&token), &renewed, at);
            self.renewed.push(RenewedLogin { provider: provider.clone(), source, spent, renewed });
        }
    }

    fn edit_suppressed(&mut self, provider: &Provider, edit: &SuppressionEdit) {
        match edit {
            SuppressionEdit::Lifted(source) => self.document.lift_suppression(provider, source),
            SuppressionEdit::Suppressed(source) => {
                if !self.document.suppress(provider, source) {
                    tracing::warn!(%provider, %source, "cannot suppress: `suppressed_sources` has an unknown shape");
                    let pools = std::mem::take(&mut self.pools);
                    self.pools = pools.with_suppressed(self.document.suppressed_sources());
                }
            }
        }
    }

    fn push_entry(&self, entries: &mut List, provider: &Provider, id: &CredentialId) {
        let pool = self.pools.get(provider);
        let credential =
            pool.and_then(|pool| pool.credentials().iter().find(|credential| credential.id == *id));
        if let Some(credential) = credential {
            entries.push(write_entry(credential, self.document.entry_layout()).render());
        }
    }

    fn positions(
        &self,
        entries: &List,
        provider: &Provider,
        wanted: impl Fn(&Credential) -> bool,
    ) -> Vec<(usize, Object)> {
        let read = |(index, raw)| {
            let credential = read_entry(raw, provider, &self.environment)?;
            wanted(&credential).then(|| Object::read(raw)).flatten().map(|entry| (index, entry))
        };
        entries.items().enumerate().filter_map(read).collect()
    }
}

pub(crate) fn log_pruned(provider: &Provider, pruned: &Pruned) {
    tracing::warn!(%provider, id = %pruned.id, label = pruned.label, reason = pruned.reason, "pruned a credential");
}

/// Whose record, or whose secret, changed.
fn concerned(applied: &Applied) -> impl Iterator<Item = CredentialId> {
    let renewed = applied.definitions.iter().filter_map(|edit| match edit {
        DefinitionEdit::Rotated { renewed, .. } => Some(renewed.id.clone()),
        _ => None,
    });
    applied.records.iter().cloned().chain(renewed)
}
