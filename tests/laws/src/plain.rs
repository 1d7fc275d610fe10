//! JSON taken apart by serde_json alone, and put into words of its own: a fault in `pool_format::raw` cannot hide itself
//! by being on both sides of a comparison.

use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The keys and values of an object as they are spelled, in order, with every duplicate.
pub(crate) type Members<'a> = Vec<(&'a str, &'a str)>;

pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

pub(crate) fn is_null(text: &str) -> bool {
    text == "null"
}

/// `None` where the text is no object.
pub(crate) fn members(text: &str) -> Option<Members<'_>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Pairs).ok()?;
    reader.end().ok().map(|()| members)
}

/// `None` where the text is no array.
pub(crate) fn items(text: &str) -> Option<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(items.into_iter().map(RawValue::get).collect())
}

/// The text that a spelled string stands for; `None` where there is none, as of a lone surrogate.
pub(crate) fn word(spelled: &str) -> Option<String> {
    serde_json::from_str(spelled).ok()
}

/// Where the member of this name stands; of several the last counts.
pub(crate) fn position(members: &Members<'_>, name: &str) -> Option<usize> {
    members.iter().rposition(|(key, _)| word(key).as_deref() == Some(name))
}

/// The value of a name; of several the last counts.
pub(crate) fn get<'a>(members: &Members<'a>, name: &str) -> Option<&'a str> {
    position(members, name).map(|index| members[index].1)
}

/// The members of the value at a path; none where it is absent or null.
pub(crate) fn members_at<'a>(text: &'a str, path: &[&str]) -> Members<'a> {
    let found = path.iter().try_fold(text, |text, name| get(&members(text)?, name));
    found.and_then(members).unwrap_or_default()
}

/// All but the members of some names.
pub(crate) fn but<'a>(members: Members<'a>, names: &[&str]) -> Members<'a> {
    let is_named = |key: &str| word(key).is_some_and(|word| names.contains(&word.as_str()));
    members.into_iter().filter(|(key, _)| !is_named(key)).collect()
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            members.push((key.get(), value.get()));
        }
        Ok(members)
    }
}
