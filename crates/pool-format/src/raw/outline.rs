//! What the upper levels of a text are made up of, found in the one pass that tells whether it is JSON at all.
//!
//! Without it each level would be scanned once more when it is taken apart: five times over for a file of some megabytes.

use std::collections::HashMap;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::text::Text;

/// So many levels are outlined: the store, its sections, and the providers in them.
const LEVELS: usize = 3;

/// Where the members of the upper containers stand, by the place where a container begins.
#[derive(Default)]
pub(super) struct Outline(HashMap<usize, Level>);

/// Where the members of one container stand: keys (empty in a list) and values, and where it ends.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) members: Vec<(Range<usize>, Range<usize>)>,
}

impl Outline {
    pub(super) fn level_at(&self, start: usize) -> Option<&Level> {
        self.0.get(&start)
    }

    /// Reads a text as one value, and notes what its upper levels are made up of.
    pub(super) fn read(text: &Text) -> Result<(Range<usize>, Self), serde_json::Error> {
        let mut outline = Self::default();
        let mut deserializer = serde_json::Deserializer::from_str(text.as_str());
        let range =
            Value { text, outline: &mut outline, from: 0, levels: LEVELS }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok((range, outline))
    }
}

/// One value somewhere behind `from`, with only white space and one comma or colon before it.
struct Value<'a> {
    text: &'a Text,
    outline: &'a mut Outline,
    from: usize,
    levels: usize,
}

impl Value<'_> {
    /// Where the value begins.
    fn start(&self) -> usize {
        let text = self.text.as_str();
        let between = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':');
        let skipped = text.as_bytes().iter().skip(self.from).take_while(|byte| between(byte)).count();
        self.from + skipped
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Range<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let start = self.start();
        let first = self.text.as_str().as_bytes().get(start).copied().filter(|_| self.levels > 0);
        let container = Container { text: self.text, outline: self.outline, start, levels: self.levels };
        match first {
            Some(b'{') => deserializer.deserialize_map(container),
            Some(b'[') => deserializer.deserialize_seq(container),
            _ => {
                let value: &RawValue = serde::Deserialize::deserialize(deserializer)?;
                Ok(self.text.range_of(value.get()))
            }
        }
    }
}

/// An object or a list that begins at `start`.
struct Container<'a> {
    text: &'a Text,
    outline: &'a mut Outline,
    start: usize,
    levels: usize,
}

impl Container<'_> {
    fn value_behind(&mut self, from: usize) -> Value<'_> {
        Value { text: self.text, outline: self.outline, from, levels: self.levels - 1 }
    }

    /// Notes the members; answers where the whole container stands.
    fn close(self, members: Vec<(Range<usize>, Range<usize>)>) -> Range<usize> {
        let behind = members.last().map_or(self.start + 1, |(_, value)| value.end);
        let rest = self.text.as_str().as_bytes().iter().skip(behind);
        // Only white space is left before the bracket.
        let end = behind + rest.take_while(|byte| byte.is_ascii_whitespace()).count() + 1;
        self.outline.0.insert(self.start, Level { members });
        self.start..end
    }
}

impl<'de> Visitor<'de> for Container<'_> {
    type Value = Range<usize>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        // A raw key is not decoded, so one with a lone surrogate passes.
        while let Some(key) = map.next_key::<&RawValue>()? {
            let key = self.text.range_of(key.get());
            let value = map.next_value_seed(self.value_behind(key.end))?;
            members.push((key, value));
        }
        Ok(self.close(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        let mut from = self.start + 1;
        while let Some(item) = list.next_element_seed(self.value_behind(from))? {
            from = item.end;
            members.push((0..0, item));
        }
        Ok(self.close(members))
    }
}
