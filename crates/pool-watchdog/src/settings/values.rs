//! The values of `watchdog.toml` that follow a rule of their own: what does not is refused where it stands.

use std::fmt;
use std::path::{Component, Path};
use std::time::Duration;

use pool_core::Provider;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::acceptance::names_something;
use crate::task::{BlockKind, TaskId};

/// A day: whoever waits longer is not waited for.
const LONGEST_SPAN: Duration = Duration::from_secs(24 * 60 * 60);

/// A text that follows the rule of `T`, with the reason where it does not.
macro_rules! checked {
    ($($(#[$meta:meta])* $name:ident($inner:ty) = $check:expr;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Debug, Deserialize)]
        #[serde(try_from = "String")]
        pub(super) struct $name(pub(super) $inner);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let check: fn(String) -> Result<$inner, String> = $check;
                check(text).map(Self)
            }
        }
    )+};
}

checked! {
    /// A text with something in it.
    Text(String) = text;
    /// A text with a word in it, that can be found in another.
    Named(String) = |words| match names_something(&words) {
        true => text(words),
        false => Err(format!("`{words}` has no word that could be found in a text")),
    };
    /// A path in a workspace.
    Inside(String) = inside;
    /// A path in a workspace, or a pattern of some.
    Within(String) = |path| {
        let path = inside(path)?;
        glob::Pattern::new(&path).map_err(|error| bad_pattern(&path, &error))?;
        Ok(path)
    };
    /// A pattern of titles.
    Title(glob::Pattern) = |title| {
        let title = text(title)?;
        glob::Pattern::new(&title).map_err(|error| bad_pattern(&title, &error))
    };
    /// The id of a task.
    Id(TaskId) = |id| TaskId::new(id).map_err(|error| error.to_string());
    /// A provider.
    OfProvider(Provider) = |name| Provider::new(name).map_err(|error| error.to_string());
    /// A kind of block.
    Block(BlockKind) = |word| BlockKind::from_word(&word).ok_or_else(|| {
        let known: Vec<&str> = BlockKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("`{word}` is no kind of block; they are {}", known.join(", "))
    });
    /// A span of time, such as `90s` or `1h30m`.
    Span(Duration) = |text| parse_span(&text);
}

/// The name of a board or profile.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Slug(pub(super) String);

impl TryFrom<String> for Slug {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_next = |byte: u8| is_first(&byte) || matches!(byte, b'_' | b'-');
        if name.len() <= 64 && name.as_bytes().first().is_some_and(is_first) && name.bytes().all(is_next) {
            return Ok(Self(name));
        }
        Err(format!(
            "`{name}` is no name of a board or profile: small letters, digits, `_` and `-` make one, at most 64 of them, and \
             the first is a letter or digit"
        ))
    }
}

/// A command and its arguments.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(super) struct Command(pub(super) Vec<String>);

impl TryFrom<Vec<String>> for Command {
    type Error = String;

    fn try_from(words: Vec<String>) -> Result<Self, String> {
        match words.first() {
            None => Err("a command that makes something has at least one word".to_owned()),
            Some(program) if program.trim().is_empty() => Err("the command has no name".to_owned()),
            Some(_) if words.iter().any(|word| word.contains('\0')) => {
                Err("a command has a NUL in it, which no program can be given".to_owned())
            }
            Some(_) => Ok(Self(words)),
        }
    }
}

/// A number within bounds.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(try_from = "i64")]
pub(super) struct UpTo<const MOST: u32>(pub(super) u32);

impl<const MOST: u32> TryFrom<i64> for UpTo<MOST> {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        let within = u32::try_from(number).ok().filter(|number| *number <= MOST);
        within.map(Self).ok_or_else(|| format!("{number} is not between 0 and {MOST}"))
    }
}

/// A number of bytes: a number, or a text such as `1GiB`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Bytes(pub(super) u64);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Bytes;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number of bytes, or a text such as `512MiB`")
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Bytes, E> {
                u64::try_from(bytes).map(Bytes).map_err(|_| E::custom("bytes cannot be fewer than none"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                bytes(text).map(Bytes).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

fn text(text: String) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("there is nothing in it; leave it out, or say something".to_owned());
    }
    match text.chars().find(|character| character.is_control()) {
        // It is shown in findings: nothing in it may steer a terminal.
        Some(control) => Err(format!("it has the control character {} in it", control.escape_unicode())),
        None => Ok(text),
    }
}

fn inside(path: String) -> Result<String, String> {
    let path = text(path)?;
    let is_inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(&path).components().all(is_inside) {
        return Err(format!("`{path}` leads out of the workspace; name a path in it, without `..`"));
    }
    if Path::new(&path).components().all(|part| part == Component::CurDir) {
        return Err(format!("`{path}` is the workspace itself; name a path in it"));
    }
    Ok(path)
}

fn bad_pattern(pattern: &str, error: &glob::PatternError) -> String {
    format!("`{pattern}` is no pattern: {} at character {}", error.msg, error.pos + 1)
}

/// Reads a number and what follows it up to the next number.
fn number_and_unit(text: &str) -> Option<(u64, &str, &str)> {
    let (digits, rest) = text.split_at(text.find(|character: char| !character.is_ascii_digit())?);
    let end = rest.find(|character: char| character.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    Some((digits.parse().ok()?, unit.trim(), rest))
}

/// Reads a span of time, such as `90s`, `5m` or `1h30m`, of a day at most.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(pool_watchdog::parse_span("1m30s"), Ok(Duration::from_secs(90)));
/// assert!(pool_watchdog::parse_span("soon").is_err());
/// ```
///
/// # Errors
///
/// When it is none; the text says what one looks like.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let read = || {
        let (mut rest, mut seconds) = (text.trim(), 0_u64);
        while !rest.is_empty() {
            let (number, unit, next) = number_and_unit(rest)?;
            let seconds_each = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 60 * 60,
                _ => return None,
            };
            seconds = seconds.checked_add(number.checked_mul(seconds_each)?)?;
            rest = next;
        }
        (!text.trim().is_empty()).then(|| Duration::from_secs(seconds))
    };
    let span = read().ok_or_else(|| format!("`{text}` is no span of time; `90s`, `15m` and `1h30m` are"))?;
    if span.is_zero() || span > LONGEST_SPAN {
        return Err(format!("`{text}` is not between a second and 24 hours"));
    }
    Ok(span)
}

fn bytes(text: &str) -> Result<u64, String> {
    let read = || {
        let (number, unit, "") = number_and_unit(text.trim())? else {
            return None;
        };
        let shift = match unit {
            "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return None,
        };
        number.checked_mul(1 << shift)
    };
    read().ok_or_else(|| format!("`{text}` is no number of bytes; `512MiB`, `1GiB` and plain numbers are"))
}
