use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde_json::value::RawValue;

use super::error::SyntaxError;
use super::outline::Outline;
use super::slice::Slice;
use super::string;
use super::text::Text;

/// What sort of JSON value a [`Raw`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number, however long.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// One JSON value as it is spelled: a slice of a [`Text`], always valid JSON and without white space around it.
///
/// Cloning copies no text. A slice keeps the whole text it belongs to in memory, until the last one is gone.
///
/// Two are equal when they are spelled alike: `1.0` is not `1`.
///
/// ```
/// use pool_format::raw::{Kind, Raw};
///
/// let raw = Raw::parse(" 1e400\n".to_owned())?;
/// assert_eq!(raw.kind(), Kind::Number);
/// assert_eq!(raw.as_str(), "1e400");
/// assert_eq!(format!("{raw:?}"), "Raw(5 bytes)");
/// # Ok::<(), pool_format::raw::SyntaxError>(())
/// ```
#[derive(Clone)]
pub struct Raw {
    text: Text,
    start: usize,
    end: usize,
}

impl Raw {
    /// Takes in a whole document: one value, with or without white space around it.
    ///
    /// # Errors
    ///
    /// When the text is not one JSON value. Python's bare `NaN` is none either; [`decode`](super::decode()) is the
    /// one that puts up with it.
    ///
    /// ```
    /// use pool_format::raw::Raw;
    ///
    /// assert_eq!(Raw::parse(" [1, 2] ".to_owned())?.as_str(), "[1, 2]");
    /// let error = Raw::parse("[1, 2".to_owned()).unwrap_err();
    /// assert_eq!(error.to_string(), "not JSON: ends too early at line 1 column 5");
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    pub fn parse(text: String) -> Result<Self, SyntaxError> {
        Self::within(&Text::from(text))
    }

    /// A string, escaped to ASCII exactly as Python's `json.dumps` does, so that both programs spell it alike.
    ///
    /// ```
    /// use pool_format::raw::Raw;
    ///
    /// assert_eq!(Raw::string("J\u{fc}rgen \u{1f511}").as_str(), r#""J\u00fcrgen \ud83d\udd11""#);
    /// ```
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self::whole(string::quote(text))
    }

    /// A number that is not negative.
    ///
    /// ```
    /// assert_eq!(pool_format::raw::Raw::unsigned(429).as_str(), "429");
    /// ```
    #[must_use]
    pub fn unsigned(number: u64) -> Self {
        Self::whole(number.to_string())
    }

    /// A number of either sign.
    ///
    /// ```
    /// assert_eq!(pool_format::raw::Raw::signed(-1).as_str(), "-1");
    /// ```
    #[must_use]
    pub fn signed(number: i64) -> Self {
        Self::whole(number.to_string())
    }

    /// `true` or `false`.
    ///
    /// ```
    /// assert_eq!(pool_format::raw::Raw::boolean(true).as_str(), "true");
    /// ```
    #[must_use]
    pub fn boolean(value: bool) -> Self {
        Self::whole(value.to_string())
    }

    /// `null`.
    ///
    /// ```
    /// assert!(pool_format::raw::Raw::null().is_null());
    /// ```
    #[must_use]
    pub fn null() -> Self {
        Self::whole("null".to_owned())
    }

    /// A number in the spelling given, where that is one JSON number and nothing else.
    ///
    /// ```
    /// use pool_format::raw::Raw;
    ///
    /// assert!(Raw::number_token("1779827220.123456".to_owned()).is_some());
    /// assert_eq!(Raw::number_token("1.".to_owned()), None);
    /// assert_eq!(Raw::number_token(" 1".to_owned()), None);
    /// ```
    #[must_use]
    pub fn number_token(token: String) -> Option<Self> {
        let length = token.len();
        Self::parse(token).ok().filter(|raw| raw.kind() == Kind::Number && raw.as_str().len() == length)
    }

    /// The value as it is spelled. It may hold secrets.
    ///
    /// ```
    /// assert_eq!(pool_format::raw::Raw::string("a").as_str(), "\"a\"");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text.as_str()[self.range()]
    }

    /// The whole text that this is a slice of, with whatever stands around it.
    ///
    /// ```
    /// use pool_format::raw::Raw;
    ///
    /// assert_eq!(Raw::parse("{}\n".to_owned())?.document().as_str(), "{}\n");
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn document(&self) -> &Text {
        &self.text
    }

    /// Where it begins in its text: the line, and the column in bytes, both from 1.
    ///
    /// ```
    /// use pool_format::raw::{List, Raw};
    ///
    /// let list = List::read(&Raw::parse("[\n  1, 2]".to_owned())?).expect("a list");
    /// assert_eq!(list.items().last().map(Raw::place), Some((2, 6)));
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        let before = self.text.as_str().get(..self.start).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, self.start - before.rfind('\n').map_or(0, |line_break| line_break + 1) + 1)
    }

    /// What sort of value this is.
    ///
    /// ```
    /// use pool_format::raw::{Kind, Raw};
    ///
    /// assert_eq!(Raw::string("").kind(), Kind::String);
    /// ```
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.slice().kind()
    }

    /// What a string says. `None` for what is no string, and for one with a lone surrogate: no Rust string can hold it.
    ///
    /// ```
    /// use pool_format::raw::Raw;
    ///
    /// let text = |json: &str| Ok(Raw::parse(json.to_owned())?.to_text());
    /// assert_eq!(text(r#""\u00e9t\u00e9""#)?.as_deref(), Some("\u{e9}t\u{e9}"));
    /// assert_eq!(text(r#""\ud800""#)?, None);
    /// assert_eq!(text("1")?, None);
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        self.slice().to_text()
    }

    /// Whether this is a string that says `text`, however it is escaped.
    ///
    /// ```
    /// use pool_format::raw::Raw;
    ///
    /// assert!(Raw::parse(r#""\u006fk""#.to_owned())?.says("ok"));
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.slice().says(text)
    }

    /// The token of a number, as it is spelled: only the caller knows what precision it needs.
    ///
    /// ```
    /// use pool_format::raw::Raw;
    ///
    /// assert_eq!(Raw::parse("1.0".to_owned())?.number(), Some("1.0"));
    /// assert_eq!(Raw::string("1.0").number(), None);
    /// # Ok::<(), pool_format::raw::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        self.slice().number()
    }

    /// The value of a boolean.
    ///
    /// ```
    /// use pool_format::raw::Raw;
    ///
    /// assert_eq!(Raw::boolean(false).as_bool(), Some(false));
    /// assert_eq!(Raw::null().as_bool(), None);
    /// ```
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        self.as_str().parse().ok()
    }

    /// Whether this is `null`.
    ///
    /// ```
    /// assert!(!pool_format::raw::Raw::unsigned(0).is_null());
    /// ```
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    /// The one value that a whole text holds.
    pub(super) fn within(text: &Text) -> Result<Self, SyntaxError> {
        let (range, outline) =
            Outline::read(text).map_err(|error| SyntaxError::in_text(text.as_str(), &error))?;
        Ok(Self::part_of(&text.clone().outlined(outline), range))
    }

    /// A text that was put together from values and is known to be one.
    pub(super) fn whole(text: String) -> Self {
        let end = text.len();
        Self { text: Text::from(text), start: 0, end }
    }

    /// A value inside this one, borrowed from its text.
    pub(super) fn part(&self, value: &RawValue) -> Self {
        Self::part_of(&self.text, self.text.range_of(value.get()))
    }

    /// The members of a container whose upper levels are known: keys (empty in a list) and values.
    pub(super) fn known_members(&self) -> Option<&[(Range<usize>, Range<usize>)]> {
        Some(&self.text.level_at(self.start)?.members)
    }

    /// A value at a place in the text of this one.
    pub(super) fn at(&self, range: &Range<usize>) -> Self {
        Self::part_of(&self.text, range.clone())
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// What a string says, borrowed where nothing in it is escaped.
    #[must_use]
    pub fn decoded(&self) -> Option<Cow<'_, str>> {
        self.slice().decoded()
    }

    pub(super) fn part_of(text: &Text, range: Range<usize>) -> Self {
        Self { text: text.clone(), start: range.start, end: range.end }
    }

    /// The value, borrowed.
    #[must_use]
    pub fn slice(&self) -> Slice<'_> {
        Slice::new(&self.text, self.as_str())
    }
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        let same_slice = self.text.is(&other.text) && self.range() == other.range();
        same_slice || self.as_str() == other.as_str()
    }
}

impl Eq for Raw {}

impl fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Raw({} bytes)", self.range().len())
    }
}
