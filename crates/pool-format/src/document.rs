use std::borrow::Cow;

use chrono::{DateTime, Utc};
use pool_core::{Provider, Source, time};

use crate::error::FormatError;
use crate::raw::{Decoded, Kind, Layout, List, Object, Raw, Text, Warning};

/// The section of definitions.
const POOL: &str = "credential_pool";
/// The section of runtime records.
const RUNTIME: &str = "credential_pool_runtime";
/// The runtime records of a store that was rolled back to the inline layout.
const ROLLED_BACK: &str = "credential_pool_runtime_rolled_back";
/// The other program's logins.
const LOGINS: &str = "providers";
/// The sources of each provider that are not to be taken in again by themselves.
const SUPPRESSED: &str = "suppressed_sources";
/// What all writers of this file agree on.
const COMPAT: &str = "credential_pool_compat";

/// `auth.json`, as an ordered list of keys over raw slices of its text. What no change touches stays byte for byte.
#[derive(Clone, Debug)]
pub struct Document {
    top: Object,
    pools: Object,
    runtime: Object,
    layout: Layout,
    /// White space before and behind the object, such as the line feed at the end of a file.
    around: (String, String),
    warnings: Vec<Warning>,
}

/// Where the runtime state of a store lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// In a section of its own.
    Split,
    /// In a section of its own, and shown in the entries too, for programs that look only there.
    Projected,
    /// In the entries, where older programs look for it: the store was rolled back.
    Inline,
}

/// Where new text goes, and so how it is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Depth {
    Section,
    Provider,
    Item,
}

impl Document {
    /// An empty store, as `add` creates it.
    #[must_use]
    pub fn empty() -> Self {
        let layout = Layout::indented();
        let section = |_| Object::new(layout.deeper());
        Self {
            top: Object::new(layout.clone()),
            pools: section(POOL),
            runtime: section(RUNTIME),
            layout,
            around: (String::new(), "\n".to_owned()),
            warnings: Vec::new(),
        }
    }

    /// Reads the bytes of a file.
    ///
    /// ```
    /// use pool_format::Document;
    ///
    /// let text = r#"{"version": 1, "providers": {}, "theirs": 1e400}"#;
    /// let document = Document::read(text.into())?;
    /// assert_eq!(document.render().as_str(), text);
    /// # Ok::<(), pool_format::FormatError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the bytes are no JSON (with line and column), or the store, its pool or its runtime section is no object.
    pub fn read(bytes: Vec<u8>) -> Result<Self, FormatError> {
        let Decoded { raw, warnings } = crate::raw::decode(bytes)?;
        let top = Object::read(&raw).ok_or_else(|| not_an_object("the store"))?;
        let layout = Layout::of(&top);
        let top = top.or_layout(layout.clone());
        let pools = section(&top, POOL, &layout)?;
        let runtime = section(&top, RUNTIME, &layout)?;
        if let Some((provider, _)) = runtime.members().find(|(_, raw)| !are_records(raw)) {
            return Err(not_an_object(&format!("{RUNTIME}.{}", provider.to_text().unwrap_or_default())));
        }
        Ok(Self { top, pools, runtime, layout, around: around(&raw), warnings })
    }

    /// What was odd about the text, although it could be read.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The providers whose value is a list, in the order of the file. Of duplicate keys the last counts.
    #[must_use]
    pub fn providers(&self) -> Vec<Provider> {
        let mut providers: Vec<Provider> = Vec::new();
        for (key, _) in self.pools.members() {
            let provider = key.to_text().and_then(|name| Provider::new(name).ok());
            providers.extend(provider.filter(|provider| !providers.contains(provider)));
        }
        providers.retain(|provider| self.list(provider).is_some());
        providers
    }

    /// Whether a provider has a value that is no list: not ours to read or to fill.
    #[must_use]
    pub fn is_foreign(&self, provider: &Provider) -> bool {
        let section = self.pools.get(provider.as_str());
        section.is_some_and(|raw| !matches!(raw.kind(), Kind::Array | Kind::Null))
    }

    /// The entries of a provider as they stand, credentials or not; empty where it has no list.
    #[must_use]
    pub fn entries(&self, provider: &Provider) -> List {
        self.list(provider).unwrap_or_else(|| List::new(self.layout(Depth::Provider)))
    }

    /// Puts back the entries of a provider.
    pub fn set_entries(&mut self, provider: &Provider, entries: &List) {
        self.pools.set(provider.as_str(), entries.render());
    }

    /// The layout of a new entry.
    #[must_use]
    pub fn entry_layout(&self) -> Layout {
        self.layout(Depth::Item)
    }

    /// The records of a provider by credential id, as they stand.
    #[must_use]
    pub fn records(&self, provider: &Provider) -> Object {
        let records = self.runtime.get(provider.as_str()).and_then(Object::read);
        records.unwrap_or_else(|| Object::new(self.layout(Depth::Provider)))
    }

    /// Puts back the records of a provider; once the last one is gone, nothing is left of them.
    pub fn set_records(&mut self, provider: &Provider, records: &Object) {
        if !records.is_empty() {
            self.runtime.set(provider.as_str(), records.render());
        } else if !self.records(provider).is_empty() {
            self.runtime.remove(provider.as_str());
        }
    }

    /// The providers that have records, whether or not they have a pool.
    #[must_use]
    pub fn recorded_providers(&self) -> Vec<Provider> {
        let names = self.runtime.members().filter_map(|(key, _)| Provider::new(key.to_text()?).ok());
        names.collect()
    }

    /// The other program's login of a provider.
    pub(crate) fn login(&self, provider: &Provider) -> Option<Object> {
        Object::read(self.logins()?.get(provider.as_str())?)
    }

    pub(crate) fn logins(&self) -> Option<Object> {
        self.top.get(LOGINS).and_then(Object::read)
    }

    /// Puts back a login that is there.
    pub(crate) fn set_login(&mut self, provider: &Provider, login: &Object) {
        if let Some(mut logins) = self.top.get(LOGINS).and_then(Object::read) {
            logins.set(provider.as_str(), login.render());
            self.top.set(LOGINS, logins.render());
        }
    }

    /// The layout of a new record.
    #[must_use]
    pub fn record_layout(&self) -> Layout {
        self.layout(Depth::Item)
    }

    /// The sources of each provider that are not to be taken in again by themselves; a text stands for a list of one. What
    /// has another shape says nothing: see [`Document::unknown_suppressions`].
    #[must_use]
    pub fn suppressed_sources(&self) -> Vec<(Provider, Source)> {
        let Some(section) = self.top.get(SUPPRESSED).and_then(Object::read) else { return Vec::new() };
        let mut suppressed = Vec::new();
        for (key, raw) in section.members() {
            let Some(provider) = key.to_text().and_then(|name| Provider::new(name).ok()) else { continue };
            // Of duplicate keys the last counts.
            suppressed.retain(|(other, _)| *other != provider);
            let Some(sources) = self.sources(raw) else { continue };
            let sources = sources.items().filter_map(Raw::to_text);
            suppressed.extend(sources.map(|source| (provider.clone(), Source::new(source))));
        }
        suppressed
    }

    /// Where something stands among the suppressed sources that is none, by its path: what somebody meant by it is not known.
    #[must_use]
    pub fn unknown_suppressions(&self) -> Vec<String> {
        let Some(raw) = self.top.get(SUPPRESSED).filter(|raw| !raw.is_null()) else { return Vec::new() };
        let Some(section) = Object::read(raw) else { return vec![SUPPRESSED.to_owned()] };
        let is_known = |raw: &Raw| {
            let sources = self.sources(raw);
            raw.is_null() || sources.is_some_and(|sources| sources.items().all(|raw| raw.to_text().is_some()))
        };
        let unknown = section.members().filter(|(_, raw)| !is_known(raw));
        unknown.map(|(key, _)| format!("{SUPPRESSED}.{}", key.to_text().unwrap_or_default())).collect()
    }

    /// Suppresses a source, once. Whether that stands there now: what has another shape is somebody else's and stays.
    pub fn suppress(&mut self, provider: &Provider, source: &Source) -> bool {
        if self.suppressed_sources().iter().any(|(of, known)| of.is_same(provider) && known.is_same(source)) {
            return true;
        }
        let told = |raw: Option<&Raw>| raw.filter(|raw| !raw.is_null()).cloned();
        let section = told(self.top.get(SUPPRESSED));
        let section =
            section.map_or_else(|| Some(Object::new(self.layout(Depth::Section))), |raw| Object::read(&raw));
        let Some(section) = section else { return false };
        let sources = told(section.get(provider.as_str()));
        let sources =
            sources.map_or_else(|| Some(List::new(self.layout(Depth::Provider))), |raw| self.sources(&raw));
        let Some(sources) = sources else { return false };
        let mut section = section.or_layout(self.layout(Depth::Section));
        let mut sources = sources.or_layout(self.layout(Depth::Provider));
        sources.push(Raw::string(source.as_str()));
        section.set(provider.as_str(), sources.render());
        self.top.set(SUPPRESSED, section.render());
        true
    }

    /// Suppresses a source no longer, however it is spelled. A list with nothing left in it goes, and so does the section.
    pub fn lift_suppression(&mut self, provider: &Provider, source: &Source) {
        let Some(mut section) = self.top.get(SUPPRESSED).and_then(Object::read) else { return };
        let is_it = |raw: &Raw| raw.to_text().is_some_and(|word| Source::new(word).is_same(source));
        let is_theirs = |name: &str| Provider::new(name).is_ok_and(|owner| owner.is_same(provider));
        let keys = section.names().filter(|name| is_theirs(name));
        let keys: Vec<String> = keys.map(Cow::into_owned).collect();
        let mut is_lifted = false;
        for key in keys {
            let Some(mut sources) = section.get(&key).and_then(|raw| self.sources(raw)) else { continue };
            let before = sources.len();
            sources.retain(|_, raw| !is_it(raw));
            if sources.len() == before {
                continue;
            }
            is_lifted = true;
            if sources.is_empty() {
                section.remove(&key);
            } else {
                section.set(&key, sources.render());
            }
        }
        if is_lifted && section.is_empty() {
            self.top.remove(SUPPRESSED);
        } else if is_lifted {
            self.top.set(SUPPRESSED, section.render());
        }
    }

    /// The suppressed sources of one provider; `None` where they have an unknown shape.
    fn sources(&self, raw: &Raw) -> Option<List> {
        if raw.to_text().is_none() {
            return List::read(raw);
        }
        let mut only = List::new(self.layout(Depth::Provider));
        only.push(raw.clone());
        Some(only)
    }

    /// Where the runtime state of this store lives.
    #[must_use]
    pub fn placement(&self) -> Placement {
        let agreed = self.compat();
        let agreed = |name: &str| agreed.as_ref().and_then(|compat| compat.get(name));
        if agreed("layout").is_some_and(|raw| raw.says("inline")) {
            Placement::Inline
        } else if agreed("inline").and_then(Raw::as_bool) == Some(true) {
            Placement::Projected
        } else {
            Placement::Split
        }
    }

    /// Says to all writers whether the entries show the runtime state too. While a store is rolled back, it has no
    /// effect.
    pub fn set_projected(&mut self, projected: bool) {
        if projected {
            self.agree("inline", Raw::boolean(true));
        } else {
            self.disagree("inline");
        }
    }

    /// Moves the records out of sight of older programs, and says so to all readers.
    pub fn hide_records(&mut self) {
        let mut hidden = self.runtime.clone();
        let still_hidden = self.top.get(ROLLED_BACK).and_then(Object::read);
        for (name, raw) in still_hidden.iter().flat_map(Object::members).filter(|(_, raw)| !are_records(raw))
        {
            hidden.push(name.clone(), raw.clone());
        }
        self.set_hidden(&hidden);
        self.top.remove(RUNTIME);
        self.runtime = Object::new(self.layout(Depth::Section));
        self.agree("layout", Raw::string("inline"));
    }

    /// Brings hidden records back, except where there are newer ones already; what is no record stays in hiding. Says
    /// whether the store was rolled back.
    ///
    /// # Errors
    ///
    /// When they are no object; the document is then as it was.
    pub fn reveal_records(&mut self) -> Result<bool, FormatError> {
        if self.placement() != Placement::Inline {
            return Ok(false);
        }
        let hidden = section(&self.top, ROLLED_BACK, &self.layout)?;
        let records = self.members_of(&hidden, are_records);
        let newer = std::mem::replace(&mut self.runtime, records);
        for (provider, records) in newer.members() {
            put_records_over(&mut self.runtime, provider, records);
        }
        self.set_hidden(&self.members_of(&hidden, |raw| !are_records(raw)));
        self.disagree("layout");
        Ok(true)
    }

    fn set_hidden(&mut self, hidden: &Object) {
        if hidden.is_empty() {
            self.top.remove(ROLLED_BACK);
        } else {
            self.top.set(ROLLED_BACK, hidden.render());
        }
    }

    /// The members of a section that are wanted; all of them are the section itself, byte for byte.
    fn members_of(&self, section: &Object, wanted: fn(&Raw) -> bool) -> Object {
        if section.members().all(|(_, raw)| wanted(raw)) {
            return section.clone();
        }
        let mut members = Object::new(self.layout(Depth::Section));
        for (key, raw) in section.members().filter(|(_, raw)| wanted(raw)) {
            members.push(key.clone(), raw.clone());
        }
        members
    }

    /// Stamps a write: version 1, `providers` always there, `updated_at` now.
    ///
    /// # Errors
    ///
    /// When a newer program wrote the store.
    pub fn stamp(&mut self, now: DateTime<Utc>) -> Result<(), FormatError> {
        self.writable()?;
        self.top.set("version", Raw::unsigned(1));
        if self.top.get(LOGINS).is_none_or(Raw::is_null) {
            self.top.set(LOGINS, Object::new(self.layout(Depth::Section)).render());
        }
        self.top.set("updated_at", Raw::string(&time::format(now)));
        Ok(())
    }

    /// Whether this program may write the store.
    ///
    /// # Errors
    ///
    /// When its version is above 1, or no integer.
    pub fn writable(&self) -> Result<(), FormatError> {
        match self.top.get("version") {
            None => Ok(()),
            Some(version)
                if version
                    .number()
                    .and_then(|number| number.parse::<i64>().ok())
                    .is_some_and(|number| number <= 1) =>
            {
                Ok(())
            }
            Some(version) => Err(FormatError::NewerVersion { version: spelled(version) }),
        }
    }

    /// The whole text.
    #[must_use]
    pub fn render(&self) -> Text {
        // One allocation of the right size: a buffer that grew would leave unwiped copies of secrets behind.
        Text::from(self.parts().concat())
    }

    /// The whole text, piece by piece: what no change touched is one piece, so that a store of megabytes is written without
    /// a copy of it.
    #[must_use]
    pub fn parts(&self) -> Vec<&str> {
        let sections = [
            (POOL, "\"credential_pool\"", &self.pools),
            (RUNTIME, "\"credential_pool_runtime\"", &self.runtime),
        ];
        let changed = sections.into_iter().filter(|(name, _, section)| {
            match self.top.get(name).filter(|raw| !raw.is_null()) {
                Some(current) => section.is_changed() || section.render() != *current,
                // A missing one appears only with something in it.
                None => !section.is_empty(),
            }
        });
        let changed = changed.map(|(name, key, section)| (name, key, section.parts(Vec::new())));
        let top = self.top.parts(changed.collect());
        let (before, behind) = &self.around;
        [before.as_str()].into_iter().chain(top).chain([behind.as_str()]).collect()
    }

    fn list(&self, provider: &Provider) -> Option<List> {
        self.pools
            .get(provider.as_str())
            .and_then(List::read)
            .map(|list| list.or_layout(self.layout(Depth::Provider)))
    }

    fn compat(&self) -> Option<Object> {
        self.top.get(COMPAT).and_then(Object::read)
    }

    fn agree(&mut self, name: &str, value: Raw) {
        let mut compat = self.compat().unwrap_or_else(|| Object::new(self.layout(Depth::Section)));
        compat.set(name, value);
        self.top.set(COMPAT, compat.render());
    }

    fn disagree(&mut self, name: &str) {
        let Some(mut compat) = self.compat() else { return };
        if !compat.remove(name) {
            return;
        }
        if compat.is_empty() {
            self.top.remove(COMPAT);
        } else {
            self.top.set(COMPAT, compat.render());
        }
    }

    fn layout(&self, depth: Depth) -> Layout {
        let section = self.layout.deeper();
        match depth {
            Depth::Section => section,
            Depth::Provider => section.deeper(),
            Depth::Item => section.deeper().deeper(),
        }
    }
}

fn around(raw: &Raw) -> (String, String) {
    let (value, text) = (raw.as_str(), raw.document().as_str());
    let before = &text[..text.len() - text.trim_start().len()];
    let behind = text.get(before.len() + value.len()..).unwrap_or_default();
    (before.to_owned(), behind.to_owned())
}

fn section(top: &Object, name: &str, layout: &Layout) -> Result<Object, FormatError> {
    match top.get(name) {
        Some(raw) if !raw.is_null() => Object::read(raw)
            .map(|object| object.or_layout(layout.deeper()))
            .ok_or_else(|| not_an_object(name)),
        _ => Ok(Object::new(layout.deeper())),
    }
}

/// Whether this may stand for a provider in a section of records.
fn are_records(raw: &Raw) -> bool {
    raw.is_null() || Object::read(raw).is_some()
}

/// Puts the records of one provider over those that a section has of it.
fn put_records_over(section: &mut Object, provider: &Raw, records: &Raw) {
    let Some(newer) = Object::read(records) else { return };
    let older = provider.to_text().and_then(|provider| Object::read(section.get(&provider)?));
    let Some(mut all) = older else { return put(section, provider, records) };
    for (id, record) in newer.members() {
        put(&mut all, id, record);
    }
    put(section, provider, &all.render());
}

/// Gives a key a value; one that no Rust string can name is another member each time.
fn put(object: &mut Object, key: &Raw, value: &Raw) {
    match key.to_text() {
        Some(name) => object.set(&name, value.clone()),
        None => object.push(key.clone(), value.clone()),
    }
}

fn not_an_object(place: &str) -> FormatError {
    FormatError::NotAnObject { place: place.to_owned() }
}

/// A version as it may be shown: a number as it stands, anything else by its kind.
fn spelled(version: &Raw) -> String {
    version.number().map_or_else(|| "not a number".to_owned(), str::to_owned)
}
