//! The store of a profile: its own file, and behind it that of the root, which lends what the profile does not have.
//!
//! Each change is kept where the credential is that it is about, in a transaction of that file alone. Only where the root has a
//! copy of a login that the profile renews are both locks held at once, and then that of the profile first.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use pool_core::{Action, Change, ChangeError, Layer, Layers, Outcome, Provider};

use crate::doctor::{Finding, Problem, Remedy};
use crate::error::StoreError;
use crate::location::folder_of;
use crate::store::{Committed, FileStore, Kept, Loaded, Pruning, Store, Version};
use crate::transaction::{Answer, is_rider};

/// How a store is called in its home.
const STORE: &str = "auth.json";

/// Two files: that of a profile, and that of the root, which lends to it. Of a [`FileStore`] alone it is made by `From`, and is that
/// very store: so an agent works on either in the same way. What
/// opens a home, with all that is around it, is `pool_sources::open`.
///
/// Of a provider without credentials in the own store the root's are seen, with all that happened to them. What happens
/// next is written to the root, for all who use them; what is added is written to the own store, and hides the root's
/// credentials of that provider from then on. A root that is missing lends nothing; one that cannot be used is warned of.
///
/// ```no_run
/// use pool_store::{FileStore, PoolHandle, ProfileStore};
///
/// let own = FileStore::new("/home/agent/.hermes/profiles/work/auth.json");
/// let root = FileStore::new("/home/agent/.hermes/auth.json");
/// let handle = PoolHandle::new(ProfileStore::new(own, root));
/// for pool in handle.pools()?.iter() {
///     println!("{}", pool.provider());
/// }
/// # Ok::<(), pool_store::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProfileStore {
    own: FileStore,
    root: Option<FileStore>,
    /// What was last said about the root: a warning is said once, not at each look.
    complaint: Arc<Mutex<Option<String>>>,
}

/// Both files as they were read.
struct Reading {
    own: Loaded,
    root: Root,
}

/// What there is of a root.
enum Root {
    Here(Box<Loaded>),
    Missing,
    Unusable(StoreError),
}

impl Root {
    /// Which state it is, where it can be read.
    fn version(self) -> Option<Version> {
        match self {
            Self::Here(loaded) => Some(loaded.version),
            Self::Missing | Self::Unusable(_) => None,
        }
    }
}

/// What is to be done with one change of a batch.
enum Fate {
    Apply(Layer),
    Answered(Answer),
    /// Only the root can have what it is about, and cannot be used.
    Refused(StoreError),
}

/// The changes of a batch that one of the files keeps, and what became of them.
struct Part {
    places: Vec<usize>,
    result: Result<Committed, StoreError>,
}

impl ProfileStore {
    /// The store of a profile, and that of the root behind it. Nothing is touched yet.
    #[must_use]
    pub fn new(own: FileStore, root: FileStore) -> Self {
        Self { own, root: Some(root), complaint: Arc::default() }
    }

    /// The root store behind the store of a profile, where it is one: an `auth.json` in a home whose root is another folder.
    ///
    /// The root of a home is `default_home` (`~/.hermes`) for all homes in there; else the folder that has the home among its
    /// `profiles`. Without a `default_home`, only that second rule is asked.
    #[must_use]
    pub fn root_behind(store: &Path, default_home: Option<&Path>) -> Option<PathBuf> {
        if store.file_name() != Some(OsStr::new(STORE)) {
            return None;
        }
        let given = std::path::absolute(folder_of(store)).ok()?;
        let resolved = given.canonicalize().ok()?;
        let default = default_home.and_then(|home| Some((home, home.canonicalize().ok()?)));
        let root = match &default {
            Some((home, real)) if resolved.starts_with(real) => home,
            _ => root_by_name(&given)?,
        };
        // A link to the store of the root is that store.
        let is_root = resolved == root.canonicalize().ok()?
            || store
                .canonicalize()
                .is_ok_and(|own| root.join(STORE).canonicalize().is_ok_and(|root| root == own));
        (!is_root).then(|| root.join(STORE))
    }

    /// The store of the profile.
    #[must_use]
    pub fn own(&self) -> &FileStore {
        &self.own
    }

    /// The store of the root; `None` where nothing is behind the own one.
    #[must_use]
    pub fn root(&self) -> Option<&FileStore> {
        self.root.as_ref()
    }

    /// Both layers as they are now. A root that is missing or cannot be used is empty.
    ///
    /// # Errors
    ///
    /// When the own store cannot be read.
    pub fn layers(&self, now: DateTime<Utc>) -> Result<Layers, StoreError> {
        Ok(self.read(now)?.layers())
    }

    /// The store that has the credentials of a provider: the own one where neither has any. For who must work on one file
    /// alone, as a renewal does.
    ///
    /// # Errors
    ///
    /// When the own store cannot be read, or the root that alone could have them.
    pub fn holder(&self, provider: &Provider, now: DateTime<Utc>) -> Result<&FileStore, StoreError> {
        let reading = self.read(now)?;
        match (reading.layers().of(provider), reading.root) {
            (None, Root::Unusable(error)) => Err(error),
            (layer, _) => Ok(self.at(layer.unwrap_or(Layer::Own))),
        }
    }

    /// Says what is wrong with the own store, as [`FileStore::examine`] does, and whether the root can be used.
    #[must_use]
    pub fn examine(&self, provider: Option<&Provider>, now: DateTime<Utc>) -> Vec<Finding> {
        let mut findings = self.own.examine(provider, now);
        let Some(root) = &self.root else { return findings };
        let unusable = root.load(None, now).err();
        if let Some(error) = unusable.filter(|error| !matches!(error, StoreError::NoFolder { .. })) {
            let what = format!("the root store lends nothing: {}", error.in_words());
            let path = root.path();
            let remedy = Remedy::Examine { path: path.to_owned() };
            findings.push(Finding::new(Problem::RootUnusable, path, what).mend("see what mends it", remedy));
        }
        findings
    }

    /// Without a root, the own store has all there is.
    fn at(&self, layer: Layer) -> &FileStore {
        match layer {
            Layer::Own => &self.own,
            Layer::Root => self.root.as_ref().unwrap_or(&self.own),
        }
    }

    fn read(&self, now: DateTime<Utc>) -> Result<Reading, StoreError> {
        let own = self.own.load(None, now)?.expect("no version was known");
        let root = match self.root.as_ref().map(|root| self.load_root(root, None, now)) {
            Some(Ok(Some(loaded))) => Root::Here(Box::new(loaded)),
            None | Some(Ok(None) | Err(StoreError::NoFolder { .. })) => Root::Missing,
            Some(Err(error)) => Root::Unusable(error),
        };
        Ok(Reading { own, root })
    }

    /// Looks at the root, and says where it cannot be used.
    fn load_root(
        &self,
        root: &FileStore,
        known: Option<&Version>,
        now: DateTime<Utc>,
    ) -> Result<Option<Loaded>, StoreError> {
        let loaded = root.load(known, now);
        let problem = loaded.as_ref().err().filter(|error| !matches!(error, StoreError::NoFolder { .. }));
        let problem = problem.map(StoreError::in_words);
        let said = {
            let mut complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *complaint, problem.clone())
        };
        if let Some(problem) = problem.filter(|problem| said.as_ref() != Some(problem)) {
            tracing::warn!(problem, "the root store lends nothing");
        }
        loaded
    }

    /// Whether the root is still as it was: that version, or none that could be read.
    fn is_root_at(&self, root: &FileStore, known: Option<&Version>, now: DateTime<Utc>) -> bool {
        match self.load_root(root, known, now) {
            Ok(news) => news.is_none(),
            Err(_) => known.is_none(),
        }
    }

    /// Says of each change where it goes, as if those before it were made.
    fn fates(&self, reading: &Reading, changes: &[(DateTime<Utc>, Change)]) -> Vec<Fate> {
        let mut layers = reading.layers();
        let fate = |(at, change): &(DateTime<Utc>, Change)| {
            let layer = layers.of_change(change);
            if let Root::Unusable(error) = &reading.root
                && (layer.is_none() || !layers.could_take(Layer::Own, change))
            {
                return Fate::Refused(error.clone());
            }
            let layer = layer.unwrap_or(Layer::Own);
            if layer == Layer::Root && matches!(change.action, Action::Remove { .. }) {
                return Fate::Answered(self.refuse_to_remove(&layers, change, *at));
            }
            // Whoever comes or goes may change whom the profile sees.
            if matches!(
                change.action,
                Action::Add { .. } | Action::Seed { .. } | Action::Lift { .. } | Action::Remove { .. }
            ) {
                drop(layers.at_mut(layer).apply(change, *at));
            }
            Fate::Apply(layer)
        };
        changes.iter().map(fate).collect()
    }

    /// What the root would answer, but that nothing is removed from it.
    fn refuse_to_remove(&self, layers: &Layers, change: &Change, at: DateTime<Utc>) -> Answer {
        match layers.root.clone().apply(change, at)?.outcome {
            Outcome::Removed(id) => {
                let (provider, root) = (change.provider.clone(), self.at(Layer::Root).path().to_owned());
                Err(ChangeError::Lent { provider, id, root })
            }
            outcome => Ok(outcome),
        }
    }

    /// Lets one of the files keep its part of a batch. Counters wait there too for a change that has a reason, in whichever
    /// file that is.
    fn part(
        &self,
        layer: Layer,
        fates: &[Fate],
        changes: &[(DateTime<Utc>, Change)],
        pruning: Pruning,
        now: DateTime<Utc>,
    ) -> Option<Part> {
        let of_layer = |fate: &Fate| matches!(fate, Fate::Apply(of) if *of == layer);
        let (places, batch): (Vec<usize>, Vec<_>) = fates
            .iter()
            .zip(changes)
            .enumerate()
            .filter(|(_, (fate, _))| of_layer(fate))
            .map(|(place, (_, change))| (place, change.clone()))
            .unzip();
        let has_reason =
            |changes: &[(DateTime<Utc>, Change)]| changes.iter().any(|(_, change)| !is_rider(change));
        if batch.is_empty() || (has_reason(changes) && !has_reason(&batch)) {
            return None;
        }
        let result = self.at(layer).apply(&batch, pruning, now);
        Some(Part { places, result })
    }
}

impl From<FileStore> for ProfileStore {
    fn from(own: FileStore) -> Self {
        Self { own, root: None, complaint: Arc::default() }
    }
}

/// The folder that has a home among its profiles.
fn root_by_name(home: &Path) -> Option<&Path> {
    let profiles = home.parent()?;
    if profiles.file_name() == Some(OsStr::new("profiles")) { profiles.parent() } else { None }
}

impl Reading {
    fn layers(&self) -> Layers {
        let root = match &self.root {
            Root::Here(loaded) => loaded.pools.clone(),
            Root::Missing | Root::Unusable(_) => Default::default(),
        };
        Layers { own: self.own.pools.clone(), root }
    }
}

/// What became of a batch, as it is put together of its parts.
struct Whole {
    layers: Layers,
    /// `None` where it must be loaded to be known.
    own: Option<Version>,
    /// The same; and within, no version of a root that cannot be read.
    root: Option<Option<Version>>,
    outcomes: Vec<Answer>,
    refused: BTreeMap<usize, StoreError>,
    written: bool,
}

impl Whole {
    /// Before either file is changed.
    fn of(reading: Reading, fates: Vec<Fate>) -> Self {
        let layers = reading.layers();
        let mut refused = BTreeMap::new();
        let outcome = |(place, fate)| match fate {
            Fate::Answered(answer) => answer,
            Fate::Apply(_) => Ok(Outcome::Waiting),
            Fate::Refused(error) => {
                refused.insert(place, error);
                Ok(Outcome::Waiting)
            }
        };
        let outcomes = fates.into_iter().enumerate().map(outcome).collect();
        let (own, root) = (Some(reading.own.version), Some(reading.root.version()));
        Self { layers, own, root, outcomes, refused, written: false }
    }

    fn take_in(&mut self, layer: Layer, part: Part) {
        let version = match part.result {
            Ok(committed) => {
                for (place, outcome) in part.places.into_iter().zip(committed.outcomes) {
                    if let Some(answer) = self.outcomes.get_mut(place) {
                        *answer = outcome;
                    }
                }
                *self.layers.at_mut(layer) = committed.pools;
                self.written |= committed.written;
                committed.version
            }
            Err(error) => {
                self.refused.extend(part.places.into_iter().map(|place| (place, error.clone())));
                None
            }
        };
        match layer {
            Layer::Own => self.own = version,
            Layer::Root => self.root = version.map(Some),
        }
    }

    fn finish(self) -> Result<Committed, StoreError> {
        if let Some(error) = self.error_of_all() {
            return Err(error.clone());
        }
        let version = self.own.zip(self.root).map(|(own, root)| of_both(own, root));
        let Self { outcomes, refused, written, .. } = self;
        Ok(Committed { outcomes, refused, pools: self.layers.seen(), version, written })
    }

    /// Why nothing was kept, or why all that was may not last.
    fn error_of_all(&self) -> Option<&StoreError> {
        let is_kept = |error: &StoreError| matches!(error, StoreError::NotDurable { .. });
        let first = self.refused.values().next()?;
        let are_alike = self.refused.values().all(|error| is_kept(error) == is_kept(first));
        (self.refused.len() == self.outcomes.len() && are_alike).then_some(first)
    }
}

fn of_both(own: Version, root: Option<Version>) -> Version {
    Version(Kept::Profile { own: Box::new(own), root: root.map(Box::new) })
}

impl Store for ProfileStore {
    fn load(&self, known: Option<&Version>, now: DateTime<Utc>) -> Result<Option<Loaded>, StoreError> {
        let Some(behind) = &self.root else { return self.own.load(known, now) };
        if let Some(Version(Kept::Profile { own, root })) = known
            && self.own.load(Some(own), now)?.is_none()
            && self.is_root_at(behind, root.as_deref(), now)
        {
            return Ok(None);
        }
        let reading = self.read(now)?;
        let (pools, loose_mode) = (reading.layers().seen(), reading.own.loose_mode);
        let version = of_both(reading.own.version, reading.root.version());
        Ok(Some(Loaded { pools, version, loose_mode }))
    }

    fn apply(
        &self,
        changes: &[(DateTime<Utc>, Change)],
        pruning: Pruning,
        now: DateTime<Utc>,
    ) -> Result<Committed, StoreError> {
        if self.root.is_none() {
            return self.own.apply(changes, pruning, now);
        }
        let reading = self.read(now)?;
        let fates = self.fates(&reading, changes);
        // One after the other: what the first has kept stays kept, whatever becomes of the second.
        let parts = [Layer::Own, Layer::Root]
            .map(|layer| Some((layer, self.part(layer, &fates, changes, pruning, now)?)));
        let mut whole = Whole::of(reading, fates);
        for (layer, part) in parts.into_iter().flatten() {
            whole.take_in(layer, part);
        }
        whole.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_an_error_of_all_where_a_part_is_kept() {
        let read_only = || StoreError::ReadOnly { path: "auth.json".into() };
        let not_durable = || {
            let source = Arc::new(std::io::Error::other("no sync"));
            StoreError::NotDurable { path: "auth.json".into(), source }
        };
        let error_of_all = |refused: Vec<StoreError>| {
            let outcomes = vec![Ok(Outcome::Waiting); 2];
            let refused = refused.into_iter().enumerate().collect();
            let layers = Layers::default();
            let whole = Whole { layers, own: None, root: None, outcomes, refused, written: false };
            whole.error_of_all().map(StoreError::in_words)
        };
        assert_eq!(error_of_all(vec![]), None);
        assert_eq!(error_of_all(vec![read_only()]), None);
        assert_eq!(error_of_all(vec![not_durable(), read_only()]), None);
        assert!(error_of_all(vec![read_only(), read_only()]).is_some());
        assert!(error_of_all(vec![not_durable(), not_durable()]).is_some());
    }
}
