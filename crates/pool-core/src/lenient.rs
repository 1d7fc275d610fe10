//! Values as an error body or a line of a log spells them: JSON, what Python prints of a value, or either cut short.
//!
//! An upstream may send anything, so the text is read once, from left to right, and nothing in it is an error. What is
//! not understood is null, and what is open where the text ends is closed.

use serde_json::{Map, Number, Value};

use crate::hint::beginning;

/// How many lists and objects are kept within each other. What lies deeper is null.
const MOST_LEVELS: usize = 32;

/// How many values, keys and skipped brackets are read. After that, the text is read as if it ended.
const MOST_VALUES: usize = 25_000;

/// How much text counts as one more value, in bytes, so that the limit bounds text as well.
const BYTES_OF_A_VALUE: usize = 64;

/// How long a number may be, in bytes. The largest integer that a float holds has 309 digits.
const MOST_DIGITS: usize = 400;

/// How much of a long string is looked at in one go, in bytes.
const CHUNK: usize = 64;

static SPACE: Set = set(b" \t\n\r\x0c");
static BETWEEN_VALUES: Set = set(b" \t\n\r\x0c,:");
static BRACKETS_AND_QUOTES: Set = set(b"()[]{}<>\"'");
static END_OF_WORD: Set = set(b"()[]{}<>\"' \t\n\r\x0c,");
static END_OF_KEY: Set = set(b"()[]{}<>\"' \t\n\r\x0c,:");

/// Which bytes are in a set of ASCII characters. A look into a table is much faster than a row of comparisons.
type Set = [bool; 256];

const fn set(mut characters: &[u8]) -> Set {
    let mut set = [false; 256];
    while let [first, rest @ ..] = characters {
        set[*first as usize] = true;
        characters = rest;
    }
    set
}

/// Reads the JSON value or Python literal that a text begins with, as far as it goes, and returns the text after it.
///
/// Only an object or a list is a value: other texts are prose. Of a string the [`beginning`] is kept, and of
/// duplicate keys the last one.
pub(crate) fn read(text: &str) -> Option<(Value, &str)> {
    let mut reader = Reader { rest: text, left: MOST_VALUES };
    reader.take_all(&SPACE);
    let value = if reader.rest.starts_with(['{', '[']) { reader.value(0) } else { None };
    Some((value?, reader.rest))
}

struct Reader<'a> {
    rest: &'a str,
    /// How many more values may be read.
    left: usize,
}

impl<'a> Reader<'a> {
    /// The value that comes next, within so many lists and objects.
    fn value(&mut self, level: usize) -> Option<Value> {
        let value = match self.peek()? {
            b',' | b')' | b']' | b'}' => return None,
            b'{' if level < MOST_LEVELS => self.object(level + 1),
            b'[' | b'(' if level < MOST_LEVELS => self.list(level + 1),
            _ => self.string().map_or_else(|| self.bare_value(), Value::String),
        };
        Some(value)
    }

    fn list(&mut self, level: usize) -> Value {
        self.spend(1);
        self.take(1);
        let mut values = Vec::new();
        while !self.takes_end() {
            values.extend(self.value(level));
        }
        Value::Array(values)
    }

    /// A key without a value is dropped: the text ends there, or it is an element of a Python set.
    fn object(&mut self, level: usize) -> Value {
        self.spend(1);
        self.take(1);
        let mut members = Map::new();
        while !self.takes_end() {
            let key = self.key();
            if let Some(value) = self.value_of_key(level) {
                members.insert(key, value);
            }
        }
        Value::Object(members)
    }

    /// Takes what stands between two values, and the bracket after it. Any bracket closes what is open.
    fn takes_end(&mut self) -> bool {
        self.take_all(&BETWEEN_VALUES);
        let ends = self.peek().is_none_or(|byte| matches!(byte, b')' | b']' | b'}'));
        if ends {
            self.take(1);
        }
        ends
    }

    /// A key of Python may be no string, and one of JavaScript need not be quoted: those are kept as they are spelled.
    fn key(&mut self) -> String {
        self.string().unwrap_or_else(|| beginning(self.word(&END_OF_KEY)).to_owned())
    }

    fn value_of_key(&mut self, level: usize) -> Option<Value> {
        self.take_all(&SPACE);
        if self.peek() != Some(b':') {
            return None;
        }
        self.take(1);
        self.take_all(&SPACE);
        self.value(level)
    }

    fn bare_value(&mut self) -> Value {
        match self.word(&END_OF_WORD) {
            "true" | "True" => Value::Bool(true),
            "false" | "False" => Value::Bool(false),
            // A number that goes to the end may have lost digits there, and would be another number.
            _ if self.rest.is_empty() => Value::Null,
            word => number(word).map_or(Value::Null, Value::Number),
        }
    }

    /// Takes a string with its quotes, if one comes next.
    fn string(&mut self) -> Option<String> {
        let (prefix, quote) = match *self.rest.as_bytes() {
            [quote @ (b'"' | b'\''), ..] => (None, quote),
            [prefix @ (b'b' | b'u'), quote @ (b'"' | b'\''), ..] => (Some(prefix), quote),
            _ => return None,
        };
        self.take(usize::from(prefix.is_some()));
        let inside = self.quoted(quote);
        self.spend_text(inside);
        Some(decoded(inside, prefix == Some(b'b')))
    }

    /// Takes a string with its quotes, and returns what stands between them.
    fn quoted(&mut self, quote: u8) -> &'a str {
        self.take(1);
        let inside = self.take(end_of_string(self.rest, quote));
        self.take(1);
        inside
    }

    /// Takes what is neither string, list nor object: a number, a name, or what Python prints of an object, such as
    /// `<Response [429]>` or `datetime.datetime(2026, 5, 26)`. Within brackets it goes on; elsewhere what `ends` it does.
    fn word(&mut self, ends: &Set) -> &'a str {
        let text = self.rest;
        self.take_word(ends);
        let word = text.get(..text.len() - self.rest.len()).unwrap_or_default();
        self.spend_text(word);
        word
    }

    /// Angles are counted apart, so that one without its end loses no more than the list or object that it is in.
    fn take_word(&mut self, ends: &Set) {
        let (mut brackets, mut angles) = (0_usize, 0_usize);
        loop {
            self.spend(1);
            let is_within = brackets > 0 || angles > 0;
            let before = self.take_until(if is_within { &BRACKETS_AND_QUOTES } else { ends });
            match self.peek() {
                Some(b'\'') if is_apostrophe_after(before) => {}
                Some(quote @ (b'"' | b'\'')) if is_within => {
                    self.quoted(quote);
                    continue;
                }
                Some(b'(' | b'[' | b'{') => brackets += 1,
                Some(b')' | b']' | b'}') if brackets > 0 => brackets -= 1,
                Some(b'<') if self.rest.as_bytes().get(1).is_some_and(is_letter) => angles += 1,
                Some(b'<') => {}
                Some(b'>') => angles = angles.saturating_sub(1),
                _ => return,
            }
            self.take(1);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    /// Takes so many bytes, or what is left. The bytes must be whole characters.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn take_all(&mut self, set: &Set) {
        self.take_to(|byte| !set[usize::from(byte)]);
    }

    fn take_until(&mut self, set: &Set) -> &'a str {
        self.take_to(|byte| set[usize::from(byte)])
    }

    fn take_to(&mut self, ends: impl Fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(ends);
        self.take(end.unwrap_or(self.rest.len()))
    }

    fn spend_text(&mut self, text: &str) {
        self.spend(1 + beginning(text).len() / BYTES_OF_A_VALUE);
    }

    /// Counts values. When no more may be read, the text ends here.
    fn spend(&mut self, values: usize) {
        self.left = self.left.saturating_sub(values);
        if self.left == 0 {
            self.rest = "";
        }
    }
}

/// The number that a word is, unless a float cannot hold it.
fn number(word: &str) -> Option<Number> {
    let is_number =
        word.len() <= MOST_DIGITS && word.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if is_number { serde_json::from_str(word).ok() } else { None }
}

/// Whether a single quote is that of "don't" rather than the beginning of a string.
fn is_apostrophe_after(text: &str) -> bool {
    match text.as_bytes() {
        [b'b' | b'u'] => false,
        [.., before, b'b' | b'u'] => is_letter(before),
        [.., last] => is_letter(last),
        [] => false,
    }
}

fn is_letter(byte: &u8) -> bool {
    byte.is_ascii_alphabetic() || *byte == b'_' || !byte.is_ascii()
}

/// Where the quote is that ends a string, or else the end of the text.
fn end_of_string(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let chunks = bytes.chunks(CHUNK).enumerate().filter(|(_, chunk)| contains(chunk, quote));
    let places = chunks.flat_map(|(index, chunk)| (index * CHUNK..).zip(chunk));
    let mut quotes = places.filter(|(_, byte)| **byte == quote).map(|(at, _)| at);
    quotes.find(|at| !is_escaped_after(bytes.get(..*at).unwrap_or_default())).unwrap_or(bytes.len())
}

/// Without an early end the compiler compares many bytes at once, which is what makes long strings quick.
fn contains(chunk: &[u8], wanted: u8) -> bool {
    chunk.iter().fold(false, |found, byte| found | (*byte == wanted))
}

/// Two backslashes are one of the text, and escape nothing.
fn is_escaped_after(mut text: &[u8]) -> bool {
    while let [rest @ .., b'\\', b'\\'] = text {
        text = rest;
    }
    text.ends_with(b"\\")
}

/// What stands between the quotes of a string. In Python's `b'..'` each escape is a byte, and the bytes are UTF-8.
fn decoded(text: &str, is_bytes: bool) -> String {
    let mut rest = beginning(text);
    let mut result = Vec::with_capacity(rest.len());
    loop {
        let (plain, escape) = rest.split_at(rest.find('\\').unwrap_or(rest.len()));
        result.extend_from_slice(plain.as_bytes());
        let Some((code, after)) = unescaped(escape) else { break };
        match u8::try_from(code) {
            Ok(byte) if is_bytes => result.push(byte),
            _ => result.extend_from_slice(character(code).encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = after;
    }
    String::from_utf8(result).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The character of a code point. Half of a pair of UTF-16 is none.
fn character(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The code point of the escape that a text begins with, and the text after it. One that nobody knows stands for its
/// backslash, and one that the end cuts off for nothing.
fn unescaped(text: &str) -> Option<(u32, &str)> {
    let (backslash, after) = first(text)?;
    let (letter, rest) = first(after)?;
    let character = match letter {
        '"' | '\'' | '\\' | '/' => letter,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'x' | 'u' | 'U' => {
            let is_cut_off = || rest.bytes().all(|byte| byte.is_ascii_hexdigit());
            let unknown = || (!is_cut_off()).then_some((u32::from(backslash), after));
            return code_point(letter, rest).or_else(unknown);
        }
        _ => return Some((u32::from(backslash), after)),
    };
    Some((u32::from(character), rest))
}

fn first(text: &str) -> Option<(char, &str)> {
    let mut characters = text.chars();
    Some((characters.next()?, characters.as_str()))
}

/// The code point that digits spell after the letter of an escape: in UTF-16 it may take two escapes.
fn code_point(letter: char, text: &str) -> Option<(u32, &str)> {
    match letter {
        'x' => hexadecimal(text, 2),
        'U' => hexadecimal(text, 8),
        _ => {
            let (high, rest) = hexadecimal(text, 4)?;
            let pair = second_of_pair(high, rest);
            Some(pair.unwrap_or((high, rest)))
        }
    }
}

fn second_of_pair(high: u32, text: &str) -> Option<(u32, &str)> {
    let high = high.checked_sub(0xD800).filter(|high| *high < 0x400)?;
    let (low, rest) = hexadecimal(text.strip_prefix("\\u")?, 4)?;
    let low = low.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    Some((0x1_0000 + high * 0x400 + low, rest))
}

/// A number of so many digits.
fn hexadecimal(text: &str, digits: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    // A sign is no digit, though it parses.
    let is_number = number.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = if is_number { u32::from_str_radix(number, 16).ok() } else { None };
    Some((number?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        read(text).unwrap_or_else(|| panic!("no value: {text}")).0
    }

    #[test]
    fn one_value_has_many_spellings() {
        let error = json!({"error": {"code": 401, "message": "it's \"gone\"", "param": null, "fatal": true}});
        let cases = [
            r#"{"error":{"code":401,"message":"it's \"gone\"","param":null,"fatal":true}}"#,
            r#"{'error': {'code': 401, 'message': 'it\'s "gone"', 'param': None, 'fatal': True}}"#,
            r#"{'error': {'code': 401, 'message': "it's \"gone\"", 'param': None, 'fatal': True,},}"#,
            r#"{u'error': {u'code': 401, u'message': u'it\'s "gone"', u'param': None, u'fatal': True}}"#,
            r#"{'error': {'code': 401, 'message': b'it\'s "gone"', 'param': None, 'fatal': True}}"#,
            r#"{ error: { code: 401, message: "it's \x22gone\u0022", param: undefined, fatal: true } }"#,
            r#"{"error" {"code": 401} "error": {"code": 401 "message":"it's \"gone\"""param":null "fatal":true"#,
            "\t\r\n {\n  \"error\": {\n    \"code\": 401,\n    \"message\": \"it's \\\"gone\\\"\",\n    \
             \"param\": null,\n    \"fatal\": true\n  }\n}",
        ];
        for text in cases {
            assert_eq!(value(text), error, "{text}");
        }
    }

    #[test]
    fn elements() {
        let cases = [
            ("[]", json!([])),
            ("[ ]", json!([])),
            ("{}", json!({})),
            ("[()]", json!([[]])),
            ("[(1,), (1, 'a'), [2,]]", json!([[1], [1, "a"], [2]])),
            ("[0, -1, 18446744073709551615, -9223372036854775808]", json!([0, -1, u64::MAX, i64::MIN])),
            ("[1.5, -0.0, 1e5, 1e+16, 1e-07]", json!([1.5, -0.0, 1e5, 1e16, 1e-7])),
            ("[18446744073709551616]", json!([18_446_744_073_709_551_616.0])),
            (
                "[1e400, NaN, nan, inf, -inf, Infinity, -Infinity]",
                json!([null, null, null, null, null, null, null]),
            ),
            ("[01, 1., .5, +1, 0x7f, 1_000, 1j, -]", json!([null, null, null, null, null, null, null, null])),
            (
                "[true, True, false, False, null, None, TRUE]",
                json!([true, true, false, false, null, null, null]),
            ),
            (r"['\'\x41\u00e9\U0001F600\n\t\\']", json!(["'A\u{e9}\u{1F600}\n\t\\"])),
            (r#"["\"\/\b\f\n\r\t\u20AC\ud83d\ude00"]"#, json!(["\"/\u{8}\u{c}\n\r\t€😀"])),
            (r"[b'\xe2\x82\xac \'\n', b'\xff', '\xff']", json!(["€ '\n", "\u{FFFD}", "ÿ"])),
            ("{'a': 1, 'a': 2}", json!({"a": 2})),
            ("{429: 'a', None: 1, (1, 2): 3, b'b': 4}", json!({"429": "a", "None": 1, "(1, 2)": 3, "b": 4})),
            ("[{1, 2}, {'a', 'b'}, set()]", json!([{}, {}, null])),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Some((expected, "")), "{text}");
        }
    }

    #[test]
    fn unknown_words_are_null() {
        let words = [
            "foo",
            "...",
            "<Response [429]>",
            "<object at 0x7f>",
            "<__main__.Error: it's gone, 'a}b'>",
            "<bound method A.b of <A object at 0x7f, x=[1, 2]>>",
            "<lambda>(a > b, c)",
            "datetime.datetime(2026, 5, 26, tzinfo=datetime.timezone.utc)",
            "Decimal('1.5')",
            r#"Error(message='can\'t }', body=b'{"a": ")"}', hint="it's")"#,
            "bytearray(b')')",
            "OrderedDict([('a', 1), ('b', {'c': ()})])",
            "2026-05-26T10:27:00Z",
            "https://example.org/a?b=c",
            "don't",
            "é€😀",
            "\u{0}",
        ];
        for word in words {
            let text = format!("{{'a': {word}, 'b': [{word}, {word}], 'c': 1}}");
            assert_eq!(value(&text), json!({"a": null, "b": [null, null], "c": 1}), "{text}");
            let text = format!("{{'a':{word} 'c':1}}");
            assert_eq!(value(&text), json!({"a": null, "c": 1}), "{text}");
        }
    }

    #[test]
    fn odd_texts() {
        let cases = [
            ("[1 2\n3]", json!([1, 2, 3])),
            ("[,,1,,2,:,]", json!([1, 2])),
            (r#"["a""b"'c'["d"]{"e":1}]"#, json!(["a", "b", "c", ["d"], {"e": 1}])),
            (r#"{"a":1"b":2 "c":3}"#, json!({"a": 1, "b": 2, "c": 3})),
            (r#"{"a": , "b": }"#, json!({})),
            (r#"{"a" 1, "b": 2}"#, json!({"b": 2})),
            ("{::a::1}", json!({"a": null})),
            ("[a b]", json!([null, null])),
            ("[a < b, 1]", json!([null, null, null, 1])),
            ("[<3, 1]", json!([null, 1])),
            ("{'a': {'b': <foo, 'c': 1}, 'd': 2}", json!({"a": {"b": null}, "d": 2})),
            ("{'a': [1, 2}, 'b': 3}", json!({"a": [1, 2], "b": 3})),
            ("[\"a\nb\u{0}c\u{1b}\"]", json!(["a\nb\u{0}c\u{1b}"])),
            (
                r#"["\ud83d", "\ude00\ud83d", "\ud83d\u0041", '\U0000d83d\UFFFFFFFF']"#,
                json!(["\u{FFFD}", "\u{FFFD}\u{FFFD}", "\u{FFFD}A", "\u{FFFD}\u{FFFD}"]),
            ),
            (r#"["\ud83d\uffff", "\ue000\udc00"]"#, json!(["\u{FFFD}\u{FFFF}", "\u{E000}\u{FFFD}"])),
            (r"['\d\é\x4g\u+041\u12', '\x']", json!([r"\d\é\x4g\u+041", ""])),
            (r#"["\\", "\\\"", '\\\\']"#, json!(["\\", "\\\"", "\\\\"])),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Some((expected, "")), "{text}");
        }
    }

    #[test]
    fn cut_texts() {
        let cases = [
            ("{", json!({})),
            ("[", json!([])),
            ("[[(", json!([[[]]])),
            ("{'a", json!({})),
            ("{'a'", json!({})),
            ("{'a': ", json!({})),
            ("{a", json!({})),
            ("{'a': 1, 'a': ", json!({"a": 1})),
            ("{'a': {'b': [1, {'c': 'de", json!({"a": {"b": [1, {"c": "de"}]}})),
            ("{'a': b'de", json!({"a": "de"})),
            (r#"["a\"#, json!(["a"])),
            (r#"["a\""#, json!(["a\""])),
            (r#"["a\u00"#, json!(["a"])),
            (r#"["a\ud83d\u"#, json!(["a\u{FFFD}"])),
            (r"['a\U0001F60", json!(["a"])),
            ("[true", json!([true])),
            ("[tru", json!([null])),
            ("[<Response [42", json!([null])),
            ("[f('", json!([null])),
            // Nobody knows how many digits are lost.
            ("[429, 429", json!([429, null])),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Some((expected, "")), "{text}");
        }
    }

    #[test]
    fn prose_is_no_value() {
        for text in
            ["", " ", "null", "1", "'a'", "\"{}\"", "(see below)", "Error code: 401 - {'a': 1}", "é{", "<a>"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_text_after_a_value_is_left() {
        let cases = [
            ("{} request_id=1", " request_id=1"),
            ("[1]]", "]"),
            (" {'a': ']}'}\n{'b': 1}", "\n{'b': 1}"),
            ("{'a': <b>}é", "é"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).map(|(_, rest)| rest), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_too_deep_is_null() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(value(&nested(MOST_LEVELS)).to_string(), nested(MOST_LEVELS));
        assert_eq!(value(&nested(MOST_LEVELS + 1)).to_string(), nested(MOST_LEVELS).replace("[]", "[null]"));
        let text = format!("{{'a': {}, 'b': 1}}", nested(MOST_LEVELS - 1));
        assert_eq!(value(&text), serde_json::from_str::<Value>(&text.replace('\'', "\"")).unwrap());

        let deep = r#"{"x": [")}]\"", '\'}', [1, 2], null]}"#;
        let text = format!("{}{deep}, 1{}", "[".repeat(MOST_LEVELS), "]".repeat(MOST_LEVELS));
        let expected = format!("{}null,1{}", "[".repeat(MOST_LEVELS), "]".repeat(MOST_LEVELS));
        let (value, rest) = read(&text).unwrap();
        assert_eq!((value.to_string(), rest), (expected, ""));
    }

    #[test]
    fn of_a_long_string_the_beginning_is_kept() {
        for part in ["x", "é", "€", "😀", "\\\"", "\\\\", "\\u20ac"] {
            let text = format!(r#"{{"a": "{}", "error": 1}} "#, part.repeat(1_000_000));
            let (value, rest) = read(&text).unwrap();
            let kept = value["a"].as_str().unwrap();
            let whole: String = serde_json::from_str(&format!("\"{}\"", part.repeat(1_000_000))).unwrap();
            assert!(whole.starts_with(kept) && kept.len() > 10_000 && kept.len() <= 65_536, "{part}");
            assert_eq!((&value["error"], rest), (&json!(1), " "), "{part}");
        }
    }

    #[test]
    fn reading_ends_after_many_values() {
        for part in ["1,", "'',", "a,", "[],", "[[[", "f(", "{'a':1},", "{'a' 'b'},"] {
            let text = format!("[{}]", part.repeat(MOST_VALUES));
            let (value, rest) = read(&text).unwrap();
            let values = value.as_array().map_or(0, Vec::len);
            assert!(values > 0 && values <= MOST_VALUES, "{part}");
            assert_eq!(rest, "", "{part}");
        }
        let skipped = format!("[f{}{}] x", "(".repeat(MOST_VALUES), ")".repeat(MOST_VALUES));
        assert_eq!(read(&skipped), Some((json!([null]), "")));
        let many = format!("[{}]", vec!["1"; MOST_VALUES / 3].join(","));
        assert_eq!(value(&many).to_string(), many);
    }

    #[test]
    fn reading_ends_after_much_text() {
        for part in ["x", "\\n"] {
            let string = part.repeat(65_536 / part.len());
            assert_eq!(read_strings(&string, 10), (10, 1), "{part}");
            let (read, left) = read_strings(&string, 100);
            assert!(read < 100 && left == 0, "{part}");
        }
    }

    /// How many of so many strings are read, and how much of the one byte after them is left.
    fn read_strings(string: &str, count: usize) -> (usize, usize) {
        let text = format!("[{}] ", format!("'{string}',").repeat(count));
        let (value, rest) = read(&text).unwrap();
        (value.as_array().map_or(0, Vec::len), rest.len())
    }

    #[test]
    fn long_numbers() {
        let digits = |count: usize| format!("[{}]", "1".repeat(count));
        assert!(value(&digits(309))[0].is_f64());
        assert_eq!(value(&digits(310)), json!([null]));
        assert_eq!(value(&format!("[0.{}]", "0".repeat(MOST_DIGITS))), json!([null]));
    }

    /// Each of these would be slow if a run were read again from each place within it, or never end.
    #[test]
    fn long_texts_are_quick() {
        let runs = [
            ("", "["),
            ("", "{\"a\":"),
            ("", " "),
            ("[", "("),
            ("[", "\""),
            ("[", "'"),
            ("[", "1,"),
            ("[", "1"),
            ("[", "a'"),
            ("[", ","),
            ("[", "\\u"),
            ("[", "<a"),
            ("[", "f("),
            ("{", ":"),
            ("{", "a"),
            ("{", "\"a\""),
            ("[\"", "x"),
            ("[\"", "\\u"),
            ("[\"", "\\\""),
            ("[\"", "\\\\"),
            ("[b'", "\\xff"),
            ("[f(", ","),
            ("[f('", "\\'"),
        ];
        for (start, part) in runs {
            let text = format!("{start}{}", part.repeat(10_000_000 / part.len()));
            assert_eq!(read(&text).map_or("", |(_, rest)| rest), "", "{start}{part}");
        }
    }

    /// How Python prints a value, with what it may choose chosen by the value.
    fn python(value: &Value) -> String {
        let list = |values: &[Value]| values.iter().map(python).collect::<Vec<_>>().join(", ");
        match value {
            Value::Null => "None".to_owned(),
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => python_string(text),
            Value::Array(values) if values.len() == 1 => format!("({},)", list(values)),
            Value::Array(values) if values.len() % 2 == 1 => format!("({})", list(values)),
            Value::Array(values) => format!("[{}]", list(values)),
            Value::Object(members) => {
                let members =
                    members.iter().map(|(key, value)| format!("{}: {}", python_string(key), python(value)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn python_string(text: &str) -> String {
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        let inside: String = text
            .chars()
            .map(|character| match u32::from(character) {
                _ if character == quote || character == '\\' => format!("\\{character}"),
                0x0a => "\\n".to_owned(),
                code @ (0..0x20 | 0x7f..=0xff) => format!("\\x{code:02x}"),
                code @ 0x100..0x1_0000 if code % 2 == 0 => format!("\\u{code:04x}"),
                code @ 0x1_0000.. if code % 2 == 0 => format!("\\U{code:08x}"),
                _ => character.to_string(),
            })
            .collect();
        format!("{quote}{inside}{quote}")
    }

    /// A list at the top is one in Python too: a tuple there would be prose.
    fn spellings(value: &Value) -> [String; 3] {
        let printed = python(value);
        let printed = printed
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .map(|inside| format!("[{inside}]"));
        [value.to_string(), format!("{value:#}"), printed.unwrap_or_else(|| python(value))]
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[\\\\'\"a-c{}\\[\\]()<>,: \n\u{0}é€😀]{0,12}"]
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(text(), inner, 0..6)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    fn any_members() -> impl Strategy<Value = Vec<(String, Value)>> {
        prop::collection::btree_map(text(), any_value(), 1..5)
            .prop_map(|members| members.into_iter().collect())
    }

    fn levels(value: &Value) -> usize {
        match value {
            Value::Array(values) => 1 + values.iter().map(levels).max().unwrap_or(0),
            Value::Object(members) => 1 + members.values().map(levels).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// What holds of any text.
    fn check(text: &str) {
        let begins = text.trim_ascii_start().starts_with(['{', '[']);
        let found = read(text);
        assert_eq!(found.is_some(), begins);
        if let Some((value, rest)) = found {
            assert!(text.ends_with(rest) && levels(&value) <= MOST_LEVELS);
        }
    }

    fn cuts(text: &str) -> impl Iterator<Item = (&str, usize)> {
        (0..=text.len()).filter_map(|cut| Some((text.get(..cut)?, cut)))
    }

    const SOUP: &str = "[ \n]?[{\\[]([{}\\[\\]()<>]|[,:]|['\"]|\\\\|\\\\u[0-9a-fd]{0,5}|\\\\x|b'|don't|f\\(|<a |True|-?[0-9.e]{1,5}|é|😀|\u{0}| ){0,40}";

    proptest! {
        #[test]
        fn every_spelling_gives_the_value_back(value in any_value()) {
            let value = json!([value]);
            for text in spellings(&value).iter().chain(&spellings(&json!({"a": value.clone()}))) {
                let (found, rest) = read(text).unwrap();
                let found = found.get("a").unwrap_or(&found);
                prop_assert_eq!((found, rest), (&value, ""), "{}", text);
            }
        }

        #[test]
        fn numbers_are_those_of_json(number in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
            let expected: Value = serde_json::from_str(&number).unwrap_or_default();
            prop_assert_eq!(value(&format!("[{number}]")), json!([expected]));
        }

        #[test]
        fn nothing_panics(text in any::<String>()) {
            check(&text);
            check(&format!("[{text}"));
        }

        #[test]
        fn nothing_panics_on_what_is_nearly_a_value(text in SOUP) {
            for (text, _) in cuts(&text) {
                check(text);
            }
        }

        #[test]
        fn a_cut_costs_only_what_comes_after_it(members in any_members()) {
            let json: fn(&Value) -> String = Value::to_string;
            for print in [json, python] {
                let mut text = "{".to_owned();
                let mut ends = Vec::new();
                for (key, value) in &members {
                    text += &format!("{}: {}", print(&Value::from(key.as_str())), print(value));
                    ends.push(text.len());
                    text += ", ";
                }
                for (cut_text, cut) in cuts(&text).skip(1) {
                    let found = value(cut_text);
                    let found = found.as_object().unwrap();
                    let whole = ends.iter().filter(|end| **end < cut).count();
                    for (key, value) in members.iter().take(whole) {
                        prop_assert_eq!(found.get(key), Some(value), "{}", cut_text);
                    }
                    prop_assert!(found.len() <= whole + 1, "{}", cut_text);
                    let known = found.keys().all(|key| members.iter().any(|(known, _)| known == key));
                    prop_assert!(known, "{}", cut_text);
                }
            }
        }
    }
}
