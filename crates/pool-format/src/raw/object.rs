use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use super::frame::{Frame, Gaps};
use super::layout::Layout;
use super::slice::Members as _;
use super::value::{Kind, Raw};

/// One level of an object: its members in order, with every duplicate, each still a slice of the text.
///
/// Until it is changed it renders as the very slice it was read from. Changed, it renders its members as they are
/// spelled, laid out as its own first members are; white space between other members may differ from what it was.
///
/// ```
/// use pool_format::raw::{Object, Raw};
///
/// let mut object = Object::read(&Raw::parse(r#"{ "a":1.0, "\u0062":2 }"#.to_owned())?).expect("an object");
/// object.set("b", Raw::boolean(true));
/// object.set("c", Raw::null());
/// assert_eq!(object.render().as_str(), r#"{ "a":1.0, "\u0062":true, "c":null }"#);
/// # Ok::<(), pool_format::raw::SyntaxError>(())
/// ```
#[derive(Clone)]
pub struct Object {
    frame: Frame,
    members: Vec<(Raw, Raw)>,
    /// The last member of each name, where there are many; made when it is first needed.
    index: OnceLock<HashMap<Box<str>, usize>>,
}

/// So few members are looked up one after the other.
const FEW: usize = 24;

impl Object {
    /// An object without members.
    ///
    /// ```
    /// use pool_format::raw::{Layout, Object, Raw};
    ///
    /// let mut object = Object::new(Layout::indented());
    /// assert_eq!(object.render().as_str(), "{}");
    /// object.set("version", Raw::unsigned(1));
    /// assert_eq!(object.render().as_str(), "{\n  \"version\": 1\n}");
    /// ```
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self::of(Frame::new(Raw::whole("{}".to_owned()), None, layout), Vec::new())
    }

    /// Takes an object apart. `None` if the value is something else.
    ///
    /// ```
    /// use pool_format::raw::{Object, Raw};
    ///
    /// let object = Object::read(&Raw::parse(r#"{"a": 1, "a": 2}"#.to_owned())?).expect("an object");
    /// assert_eq!(object.len(), 2);
    /// assert!(Object::read(&Raw::null()).is_none());
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn read(raw: &Raw) -> Option<Self> {
        // Asked first, since serde_json would quote another value in the error it makes.
        if raw.kind() != Kind::Object {
            return None;
        }
        let members = match raw.known_members() {
            Some(known) => known.iter().map(|(key, value)| (raw.at(key), raw.at(value))).collect(),
            None => walk(raw)?,
        };
        let gaps = Gaps::of(raw, &members, |(key, value)| key.range().start..value.range().end);
        let gaps = gaps
            .zip(members.first())
            .map(|(gaps, (key, value))| gaps.with_colon(key.range().end..value.range().start));
        Some(Self::of(Frame::new(raw.clone(), gaps, Layout::Compact), members))
    }

    fn of(frame: Frame, members: Vec<(Raw, Raw)>) -> Self {
        Self { frame, members, index: OnceLock::new() }
    }

    /// Lays the object out like this if it was read without members; one that had some keeps to its own layout.
    ///
    /// ```
    /// use pool_format::raw::{Layout, Object, Raw};
    ///
    /// let changed = |json: &str| {
    ///     let object = Object::read(&Raw::parse(json.to_owned())?).expect("an object");
    ///     let mut object = object.or_layout(Layout::indented());
    ///     object.set("b", Raw::null());
    ///     Ok(object.render().as_str().to_owned())
    /// };
    /// assert_eq!(changed("{}")?, "{\n  \"b\": null\n}");
    /// assert_eq!(changed(r#"{"a":1}"#)?, r#"{"a":1,"b":null}"#);
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn or_layout(self, layout: Layout) -> Self {
        Self { frame: self.frame.with_layout(layout), ..self }
    }

    /// The value of a name; of several members with that name the last counts, as in Python.
    ///
    /// ```
    /// use pool_format::raw::{Object, Raw};
    ///
    /// let object = Object::read(&Raw::parse(r#"{"a": 1, "\u0061": 2}"#.to_owned())?).expect("an object");
    /// assert_eq!(object.get("a"), Some(&Raw::unsigned(2)));
    /// assert_eq!(object.get("b"), None);
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Raw> {
        self.position(name).map(|index| &self.members[index].1)
    }

    /// All members in order, with every duplicate: the key, which is a string, and the value.
    ///
    /// ```
    /// use pool_format::raw::{Object, Raw};
    ///
    /// let object = Object::read(&Raw::parse(r#"{"a": 1, "\ud800": 2}"#.to_owned())?).expect("an object");
    /// let members: Vec<_> = object.members().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    /// assert_eq!(members, [(r#""a""#, "1"), (r#""\ud800""#, "2")]);
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    pub fn members(&self) -> impl ExactSizeIterator<Item = (&Raw, &Raw)> + DoubleEndedIterator {
        self.members.iter().map(|(key, value)| (key, value))
    }

    /// The names of all members in order, with every duplicate, but without those that hold a lone surrogate: no Rust
    /// string can name them.
    ///
    /// ```
    /// use pool_format::raw::{Object, Raw};
    ///
    /// let object = Object::read(&Raw::parse(r#"{"a": 1, "\ud800": 2, "\u0062": 3}"#.to_owned())?).expect("an object");
    /// assert!(object.names().eq(["a", "b"]));
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    pub fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.members.iter().filter_map(|(key, _)| key.decoded())
    }

    /// How many members there are, counting every duplicate.
    ///
    /// ```
    /// use pool_format::raw::{Layout, Object};
    ///
    /// assert_eq!(Object::new(Layout::Compact).len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    ///
    /// ```
    /// use pool_format::raw::{Layout, Object};
    ///
    /// assert!(Object::new(Layout::Compact).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Gives a name a value: in the place of the last member of that name, the one that counts, or else at the end.
    /// A value that is there already, spelled alike, is no change.
    ///
    /// ```
    /// use pool_format::raw::{Object, Raw};
    ///
    /// let mut object = Object::read(&Raw::parse(r#"{"a": 1, "b": 2}"#.to_owned())?).expect("an object");
    /// object.set("a", Raw::string("one"));
    /// object.set("c", Raw::unsigned(3));
    /// assert_eq!(object.render().as_str(), r#"{"a": "one", "b": 2, "c": 3}"#);
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    pub fn set(&mut self, name: &str, value: Raw) {
        match self.position(name) {
            Some(existing) if self.members[existing].1 == value => return,
            Some(existing) => self.members[existing].1 = value,
            None => self.put_last(Raw::string(name), value),
        }
        self.frame.mark_changed();
    }

    /// Puts a member at the end as it is spelled, whether or not there is one of that name: a rewrite carries over so
    /// what it does not know. A key that is no string is quoted.
    ///
    /// ```
    /// use pool_format::raw::{Layout, Object, Raw};
    ///
    /// let old = Object::read(&Raw::parse(r#"{"\ud800": 1e400}"#.to_owned())?).expect("an object");
    /// let mut new = Object::new(Layout::Compact);
    /// new.set("a", Raw::null());
    /// for (key, value) in old.members() {
    ///     new.push(key.clone(), value.clone());
    /// }
    /// assert_eq!(new.render().as_str(), r#"{"a": null, "\ud800": 1e400}"#);
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    pub fn push(&mut self, key: Raw, value: Raw) {
        // Otherwise the object would render as what is no JSON.
        let key = if key.kind() == Kind::String { key } else { Raw::string(key.as_str()) };
        self.put_last(key, value);
        self.frame.mark_changed();
    }

    /// Removes all members of a name, and says whether there were any.
    ///
    /// ```
    /// use pool_format::raw::{Object, Raw};
    ///
    /// let mut object = Object::read(&Raw::parse(r#"{"a": 1, "b": 2, "a": 3}"#.to_owned())?).expect("an object");
    /// assert!(object.remove("a"));
    /// assert!(!object.remove("a"));
    /// assert_eq!(object.render().as_str(), r#"{"b": 2}"#);
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.members.len();
        self.members.retain(|(key, _)| !key.says(name));
        let removed = self.members.len() < before;
        if removed {
            self.index = OnceLock::new();
            self.frame.mark_changed();
        }
        removed
    }

    /// The object as one value again.
    ///
    /// ```
    /// use pool_format::raw::{Object, Raw};
    ///
    /// let raw = Raw::parse("{\"a\" :1e400 ,\n\"a\": 1.0 }".to_owned())?;
    /// assert_eq!(Object::read(&raw).expect("an object").render(), raw);
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn render(&self) -> Raw {
        self.frame.render(self.members.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// The white space before the first of the members that the object was read with.
    pub(super) fn opening(&self) -> Option<&str> {
        self.frame.opening()
    }

    /// Whether it is no longer the slice that it was read from.
    pub(crate) fn is_changed(&self) -> bool {
        self.frame.is_changed()
    }

    /// The text of the object piece by piece, with other values for some names: each with its key in quotes, and the
    /// pieces of the value. A name that is not there yet comes last.
    pub(crate) fn parts<'a>(
        &'a self,
        others: Vec<(&'static str, &'static str, Vec<&'a str>)>,
    ) -> Vec<&'a str> {
        if others.is_empty() && !self.is_changed() {
            return vec![self.frame.source()];
        }
        let mut members: Vec<(&str, Vec<&str>)> =
            self.members.iter().map(|(key, value)| (key.as_str(), vec![value.as_str()])).collect();
        for (name, key, parts) in others {
            match self.position(name) {
                Some(index) => members[index].1 = parts,
                None => members.push((key, parts)),
            }
        }
        self.frame.parts(members.into_iter())
    }

    fn position(&self, name: &str) -> Option<usize> {
        if self.members.len() <= FEW {
            return self.members.iter().rposition(|(key, _)| key.says(name));
        }
        self.index.get_or_init(|| self.make_index()).get(name).copied()
    }

    fn make_index(&self) -> HashMap<Box<str>, usize> {
        let names = self.members.iter().enumerate();
        names.filter_map(|(index, (key, _))| Some((key.decoded()?.into(), index))).collect()
    }

    fn put_last(&mut self, key: Raw, value: Raw) {
        if let Some(index) = self.index.get_mut()
            && let Some(name) = key.decoded()
        {
            index.insert(name.into(), self.members.len());
        }
        self.members.push((key, value));
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Object({} members)", self.members.len())
    }
}

/// The members of an object as slices of it.
fn walk(raw: &Raw) -> Option<Vec<(Raw, Raw)>> {
    let mut members = Vec::new();
    let is_whole = raw.each_member(&mut |key, value| members.push((key.to_raw(), value.to_raw())));
    is_whole.then_some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Object {
        Object::read(&Raw::parse(json.to_owned()).unwrap()).unwrap()
    }

    fn one() -> Raw {
        Raw::unsigned(1)
    }

    #[test]
    fn a_key_that_is_no_string_is_quoted() {
        let mut object = Object::new(Layout::Compact);
        object.push(one(), one());
        object.push(Raw::parse("[\"a\"]".to_owned()).unwrap(), one());
        assert_eq!(object.render().as_str(), r#"{"1": 1, "[\"a\"]": 1}"#);
    }

    #[test]
    fn the_last_of_several_members_with_a_name_counts() {
        let mut object = object(r#"{"a": 1, "b": 2, "\u0061": 3, "c": 4}"#);
        object.set("a", Raw::null());
        assert_eq!(object.render().as_str(), r#"{"a": 1, "b": 2, "\u0061": null, "c": 4}"#);
        assert!(object.remove("a"));
        assert_eq!(object.render().as_str(), r#"{"b": 2, "c": 4}"#);
    }

    #[test]
    fn what_changes_nothing_is_no_change() {
        let odd = r#"{"a":1,  "b" :2 ,"b" : 3}"#;
        let mut object = object(odd);
        object.set("a", one());
        object.set("b", Raw::unsigned(3));
        assert!(!object.remove("c"));
        assert_eq!(object.render().as_str(), odd);
    }

    #[test]
    fn other_values_are_no_objects() {
        for json in ["null", "true", "1", r#""{}""#, "[{}]"] {
            assert!(Object::read(&Raw::parse(json.to_owned()).unwrap()).is_none(), "{json}");
        }
    }
}
