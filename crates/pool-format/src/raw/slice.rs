use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::object::Object;
use super::string;
use super::text::Text;
use super::value::{Kind, Raw};

/// One JSON value as it is spelled, borrowed: what a [`Raw`] is to keep, this is to look at.
///
/// ```
/// use pool_format::raw::{Members, Raw};
///
/// let raw = Raw::parse(r#"{"a": 1, "b": [2]}"#.to_owned())?;
/// let mut names = Vec::new();
/// raw.each_member(&mut |key, _| names.extend(key.to_text()));
/// assert_eq!(names, ["a", "b"]);
/// # Ok::<(), pool_format::raw::SyntaxError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Slice<'a> {
    of: &'a Text,
    spelled: &'a str,
}

impl<'a> Slice<'a> {
    pub(super) fn new(of: &'a Text, spelled: &'a str) -> Self {
        Self { of, spelled }
    }

    /// The value as it is spelled. It may hold secrets.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.spelled
    }

    /// The value, to keep.
    #[must_use]
    pub fn to_raw(self) -> Raw {
        Raw::part_of(self.of, self.of.range_of(self.spelled))
    }

    /// What sort of value this is.
    #[must_use]
    pub fn kind(self) -> Kind {
        // Valid JSON is known by its first byte.
        match self.spelled.as_bytes().first() {
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'"') => Kind::String,
            Some(b'[') => Kind::Array,
            Some(b'{') => Kind::Object,
            _ => Kind::Number,
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The token of a number, as it is spelled.
    #[must_use]
    pub fn number(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then_some(self.spelled)
    }

    /// What a string says. `None` for what is no string, and for one with a lone surrogate.
    #[must_use]
    pub fn to_text(self) -> Option<String> {
        self.decoded().map(Cow::into_owned)
    }

    /// What a string says, borrowed where nothing in it is escaped.
    #[must_use]
    pub fn decoded(self) -> Option<Cow<'a, str>> {
        string::unescape(self.between_quotes()?)
    }

    /// Whether this is a string that says `text`, however it is escaped.
    #[must_use]
    pub fn says(self, text: &str) -> bool {
        self.between_quotes().is_some_and(|escaped| string::says(escaped, text))
    }

    /// The whole text that this is a slice of, and where in it a string stands that is not escaped, without its quotes.
    #[must_use]
    pub fn plain_string(self) -> Option<(&'a Text, Range<usize>)> {
        let plain = self.between_quotes().filter(|escaped| !escaped.contains('\\'))?;
        Some((self.of, self.of.range_of(plain)))
    }

    fn between_quotes(self) -> Option<&'a str> {
        self.spelled.strip_prefix('"')?.strip_suffix('"')
    }
}

impl fmt::Debug for Slice<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Slice({} bytes)", self.spelled.len())
    }
}

/// What may be an object, and can be walked through without being taken apart.
pub trait Members {
    /// Shows each member in order, with every duplicate: the key, which is a string, and the value. Says whether this is
    /// an object at all.
    fn each_member<'a>(&'a self, look: &mut dyn FnMut(Slice<'a>, Slice<'a>)) -> bool;
}

impl Members for Object {
    fn each_member<'a>(&'a self, look: &mut dyn FnMut(Slice<'a>, Slice<'a>)) -> bool {
        for (key, value) in self.members() {
            look(key.slice(), value.slice());
        }
        true
    }
}

impl Members for Raw {
    fn each_member<'a>(&'a self, look: &mut dyn FnMut(Slice<'a>, Slice<'a>)) -> bool {
        self.slice().each(look)
    }
}

impl Members for Slice<'_> {
    fn each_member<'a>(&'a self, look: &mut dyn FnMut(Slice<'a>, Slice<'a>)) -> bool {
        self.each(look)
    }
}

impl<'a> Slice<'a> {
    fn each(self, look: &mut dyn FnMut(Self, Self)) -> bool {
        // Asked first, since serde_json would quote another value in the error it makes.
        let is_object = self.kind() == Kind::Object;
        let mut deserializer = serde_json::Deserializer::from_str(self.spelled);
        is_object && deserializer.deserialize_map(Walk { of: self.of, look }).is_ok()
    }
}

struct Walk<'a, 'l> {
    of: &'a Text,
    look: &'l mut dyn FnMut(Slice<'a>, Slice<'a>),
}

impl<'a> Visitor<'a> for Walk<'a, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // A raw key is not decoded, so one with a lone surrogate passes.
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            (self.look)(Slice::new(self.of, key.get()), Slice::new(self.of, value.get()));
        }
        Ok(())
    }
}
