//! The inside of JSON strings.
//!
//! Strings are secrets more often than not, so no buffer here grows: an outgrown one would stay behind unwiped.

use std::borrow::Cow;
use std::str::Chars;

use zeroize::Zeroizing;

/// A string in quotes, in ASCII, as Python's `json.dumps` writes it.
pub(super) fn quote(text: &str) -> String {
    let length: usize = text.chars().map(escaped_length).sum();
    let mut quoted = String::with_capacity(length + 2);
    quoted.push('"');
    for character in text.chars() {
        push_escaped(&mut quoted, character);
    }
    quoted.push('"');
    quoted
}

/// What stands between the quotes, decoded; `None` if it holds a lone surrogate.
pub(super) fn unescape(escaped: &str) -> Option<Cow<'_, str>> {
    if !escaped.contains('\\') {
        return Some(Cow::Borrowed(escaped));
    }
    // No escape is shorter than what it stands for. Wiped, since a lone surrogate may come after half a secret.
    let mut text = Zeroizing::new(String::with_capacity(escaped.len()));
    for character in char::decode_utf16(Units::of(escaped)) {
        text.push(character.ok()?);
    }
    Some(Cow::Owned(std::mem::take(&mut *text)))
}

/// Whether what stands between the quotes says `text`.
pub(super) fn says(escaped: &str, text: &str) -> bool {
    if escaped.contains('\\') { Units::of(escaped).eq(text.encode_utf16()) } else { escaped == text }
}

/// The letter that follows the backslash in the short escape of a character.
fn short_escape(character: char) -> Option<char> {
    match character {
        '"' => Some('"'),
        '\\' => Some('\\'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        _ => None,
    }
}

/// Whether Python writes a character as it is. It does not do so with DEL, which is ASCII but not printable.
fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~') && short_escape(character).is_none()
}

fn escaped_length(character: char) -> usize {
    match character {
        _ if is_plain(character) => 1,
        _ if short_escape(character).is_some() => 2,
        _ => 6 * character.len_utf16(),
    }
}

fn push_escaped(quoted: &mut String, character: char) {
    if is_plain(character) {
        quoted.push(character);
    } else if let Some(letter) = short_escape(character) {
        quoted.push('\\');
        quoted.push(letter);
    } else {
        for unit in character.encode_utf16(&mut [0; 2]) {
            push_unit(quoted, *unit);
        }
    }
}

fn push_unit(quoted: &mut String, unit: u16) {
    quoted.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        let digit = u32::from(unit >> shift & 0xf);
        quoted.extend(char::from_digit(digit, 16));
    }
}

/// The UTF-16 units that a JSON string stands for: the only terms in which a lone surrogate can be spoken of.
struct Units<'a> {
    rest: Chars<'a>,
    /// The second half of a character whose first was handed out last.
    second: Option<u16>,
}

impl<'a> Units<'a> {
    fn of(escaped: &'a str) -> Self {
        Self { rest: escaped.chars(), second: None }
    }

    fn plain(&mut self, character: char) -> u16 {
        let mut units = [0; 2];
        self.second = character.encode_utf16(&mut units).get(1).copied();
        units[0]
    }

    fn escape(&mut self) -> Option<u16> {
        let character = match self.rest.next()? {
            'u' => return self.hex(),
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            itself => itself,
        };
        Some(self.plain(character))
    }

    fn hex(&mut self) -> Option<u16> {
        (0..4).try_fold(0, |unit, _| {
            let digit = self.rest.next()?.to_digit(16)?;
            Some(unit << 4 | u16::try_from(digit).ok()?)
        })
    }
}

impl Iterator for Units<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if let Some(second) = self.second.take() {
            return Some(second);
        }
        match self.rest.next()? {
            '\\' => self.escape(),
            character => Some(self.plain(character)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_python_does() {
        let table = [
            ("", r#""""#),
            ("sk-live/+=", r#""sk-live/+=""#),
            ("\"\\", r#""\"\\""#),
            ("\n\r\t\u{8}\u{c}", r#""\n\r\t\b\f""#),
            ("\0\u{1f}\u{7f}", r#""\u0000\u001f\u007f""#),
            ("\u{80}\u{e9}\u{2028}\u{ffff}", r#""\u0080\u00e9\u2028\uffff""#),
            ("\u{1f600}", r#""\ud83d\ude00""#),
        ];
        for (text, quoted) in table {
            assert_eq!(quote(text), quoted);
            assert_eq!(quote(text).capacity(), quoted.len(), "{quoted} was built without growing");
        }
    }

    #[test]
    fn escapes_are_decoded() {
        let table = [
            (r"", Some("")),
            (r"plain \u0041", Some("plain A")),
            (r#"\"\\\/\b\f\n\r\t"#, Some("\"\\/\u{8}\u{c}\n\r\t")),
            (r"\uD83D\uDE00", Some("\u{1f600}")),
            ("\\u00e9\u{e9}\u{1f600}", Some("\u{e9}\u{e9}\u{1f600}")),
            (r"\u0000", Some("\0")),
            (r"\ud800", None),
            (r"a\ude00b", None),
            (r"\ude00\ud83d", None),
            (r"\ud83d\n", None),
            ("\\ud83d\u{1f600}", None),
        ];
        for (escaped, text) in table {
            assert_eq!(unescape(escaped).as_deref(), text, "{escaped}");
            if let Some(text) = text {
                assert!(says(escaped, text), "{escaped}");
                assert!(!says(escaped, "something else"), "{escaped}");
            }
        }
    }

    #[test]
    fn what_is_no_json_string_is_decoded_without_panic() {
        for escaped in ["\\", "\\u", "\\u12", "\\uzzzz", "\\q", "\\\u{1f600}", "\\u\u{1f600}123"] {
            let _ignored = unescape(escaped);
            assert!(!says(escaped, "\u{1}"));
        }
    }
}
