//! Objects and lists as programs print them: JSON, and what Python writes of the same (`{'code': None}`), whole or cut off.
//!
//! Upstream may send anything. So nothing is an error here, nothing is read twice, and work and depth are bounded.

use serde_json::{Map, Number, Value};

/// Values below this depth are skipped: an error is never so deep.
const DEEPEST: usize = 32;

/// After so many values the text counts as cut off: an error never has so many.
const MOST_VALUES: usize = 4_000;

/// Of a string so many bytes are kept.
const LONGEST: usize = 64 * 1024;

/// Reads the object or list at the beginning of a text, as far as it goes, and gives the text after it. `None` where it begins with
/// neither.
pub(crate) fn read(text: &str) -> Option<(Value, &str)> {
    let mut reader = Reader { rest: text.trim_start(), values: 0 };
    if !reader.rest.starts_with(['{', '[']) {
        return None;
    }
    let value = reader.value(0)?;
    Some((value, reader.rest))
}

struct Reader<'a> {
    rest: &'a str,
    values: usize,
}

impl<'a> Reader<'a> {
    /// The next value; `None` where the text ends, or something else than a value comes.
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_space();
        self.values += 1;
        if self.values > MOST_VALUES {
            self.rest = "";
        }
        let first = self.rest.chars().next()?;
        match first {
            '{' | '[' | '(' if depth >= DEEPEST => {
                self.skip_nested();
                Some(Value::Null)
            }
            '{' => Some(Value::Object(self.object(depth))),
            '[' => Some(Value::Array(self.list(']', depth))),
            '(' => Some(Value::Array(self.list(')', depth))),
            '"' | '\'' => Some(Value::String(self.string(first).0)),
            '}' | ']' | ')' | ',' | ':' => None,
            _ => Some(self.word()),
        }
    }

    /// What is in braces. Of members with a name the last counts.
    fn object(&mut self, depth: usize) -> Map<String, Value> {
        self.skip(1);
        let mut object = Map::new();
        while self.goes_on('}') {
            let name = match self.rest.chars().next() {
                Some(quote @ ('"' | '\'')) => match self.string(quote) {
                    (name, true) => name,
                    // Cut off within a name.
                    (_, false) => break,
                },
                _ => self.bare().to_owned(),
            };
            self.skip_space();
            if self.take(':') {
                // A value that is missing is none.
                if let Some(value) = self.value(depth + 1) {
                    object.insert(name, value);
                }
            }
        }
        object
    }

    fn list(&mut self, end: char, depth: usize) -> Vec<Value> {
        self.skip(1);
        let mut list = Vec::new();
        while self.goes_on(end) {
            list.extend(self.value(depth + 1));
        }
        list
    }

    /// Whether another member comes: passes over what stands between them, and over the end.
    fn goes_on(&mut self, end: char) -> bool {
        self.skip_space();
        loop {
            let Some(next) = self.rest.chars().next() else { return false };
            if next == end {
                self.skip(1);
                return false;
            }
            if !matches!(next, ',' | ':' | '}' | ']' | ')') {
                return true;
            }
            // What is out of place is passed over.
            self.skip(1);
            self.skip_space();
        }
    }

    /// A string, and whether its end is there.
    fn string(&mut self, quote: char) -> (String, bool) {
        self.skip(1);
        let mut text = String::new();
        loop {
            let end = memchr::memchr2(quote as u8, b'\\', self.rest.as_bytes());
            let (plain, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            keep(&mut text, plain);
            self.rest = rest;
            match self.rest.chars().next() {
                Some('\\') => self.escape(&mut text),
                Some(_) => {
                    self.skip(1);
                    return (text, true);
                }
                None => return (text, false),
            }
        }
    }

    /// What a backslash and the characters after it stand for.
    fn escape(&mut self, text: &mut String) {
        self.skip(1);
        let Some(kind) = self.rest.chars().next() else { return };
        self.skip(kind.len_utf8());
        let character = match kind {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            '0' => '\0',
            'x' => self.code_point(2),
            'u' => self.utf16(),
            'U' => self.code_point(8),
            other => other,
        };
        keep(text, character.encode_utf8(&mut [0; 4]));
    }

    /// A code unit of UTF-16, or the pair that it begins.
    fn utf16(&mut self) -> char {
        let Some(high) = self.hex(4) else { return char::REPLACEMENT_CHARACTER };
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        let after = self.rest;
        let low = after.strip_prefix("\\u").and_then(|rest| {
            self.rest = rest;
            self.hex(4).filter(|low| (0xdc00..0xe000).contains(low))
        });
        match low {
            Some(low) => char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                .unwrap_or(char::REPLACEMENT_CHARACTER),
            None => {
                self.rest = after;
                char::REPLACEMENT_CHARACTER
            }
        }
    }

    fn code_point(&mut self, digits: usize) -> char {
        self.hex(digits).and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let (head, rest) = self.rest.split_at_checked(digits)?;
        let is_hex = head.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(head, 16).ok().filter(|_| is_hex)?;
        self.rest = rest;
        Some(number)
    }

    /// A number or a name. Of what is neither, such as a call or `<object at 0x7f>`, nothing is kept.
    fn word(&mut self) -> Value {
        let word = self.bare();
        match word {
            "true" | "True" => Value::Bool(true),
            "false" | "False" => Value::Bool(false),
            "b" | "r" | "u" | "f" if self.rest.starts_with(['"', '\'']) => {
                let quote = if self.rest.starts_with('"') { '"' } else { '\'' };
                Value::String(self.string(quote).0)
            }
            _ => {
                if self.rest.starts_with('(') {
                    self.skip_nested();
                }
                number(word)
            }
        }
    }

    /// The characters up to one that means something; one at least.
    fn bare(&mut self) -> &'a str {
        let ends = |c: char| matches!(c, ',' | ':' | '}' | ']' | ')' | '(' | '{' | '[' | '"' | '\'' | '\n');
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        let end = self.rest[first..].find(ends).map_or(self.rest.len(), |end| first + end);
        let (bare, rest) = self.rest.split_at(end);
        self.rest = rest;
        bare.trim()
    }

    /// Passes over something in brackets, with all that is in them.
    fn skip_nested(&mut self) {
        let mut open = 0_usize;
        while let Some(at) = self.rest.find(['{', '[', '(', '}', ']', ')', '"', '\'']) {
            self.skip(at);
            match self.rest.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    self.string(quote);
                    continue;
                }
                Some('{' | '[' | '(') => open += 1,
                _ => open = open.saturating_sub(1),
            }
            self.skip(1);
            if open == 0 {
                return;
            }
        }
        self.rest = "";
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

/// Adds to a string what still fits.
fn keep(text: &mut String, more: &str) {
    let room = LONGEST.saturating_sub(text.len());
    text.push_str(more.split_at(more.floor_char_boundary(room)).0);
}

/// A number that JSON can hold; anything else is null.
fn number(word: &str) -> Value {
    let whole = word.parse::<i64>().map(Number::from).or_else(|_| word.parse::<u64>().map(Number::from)).ok();
    let fraction = || Number::from_f64(word.parse().ok()?);
    whole.or_else(fraction).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Value {
        read(text).expect("it begins with a bracket").0
    }

    #[test]
    fn both_languages_are_read() {
        let cases = [
            (
                r#"{"a": [1, -2.5, true, null, "x"], "b": {}}"#,
                json!({"a": [1, -2.5, true, null, "x"], "b": {}}),
            ),
            ("{'a': [1, -2.5, True, None, 'x'], 'b': {}}", json!({"a": [1, -2.5, true, null, "x"], "b": {}})),
            (r#"{"it's": 'a "word"'}"#, json!({"it's": "a \"word\""})),
            (r"{'it\'s': '\x41\u00e9\U0001f600\n'}", json!({"it's": "Aé😀\n"})),
            (
                r#"{"pair": "\ud83d\ude00", "lone": "\ud83d!", "low": "\ude00"}"#,
                json!({"pair": "😀", "lone": "\u{fffd}!", "low": "\u{fffd}"}),
            ),
            (
                "{'t': (1, 2), 'b': b'x', 'n': nan, 'i': inf,}",
                json!({"t": [1, 2], "b": "x", "n": null, "i": null}),
            ),
            (
                "{'o': <Thing object at 0x7f>, 'd': datetime.datetime(2026, 5, 26), 'e': 1}",
                json!({"o": null, "d": null, "e": 1}),
            ),
            (r#"{"a": 1, "a": 2}"#, json!({"a": 2})),
            ("{code: 'x', status: 429}", json!({"code": "x", "status": 429})),
            ("{\"a\": 1 \"b\": 2}", json!({"a": 1, "b": 2})),
            ("{\"a\": 1e400, \"b\": 18446744073709551615}", json!({"a": null, "b": u64::MAX})),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_is_read_as_far_as_it_goes() {
        let cases = [
            ("{", json!({})),
            ("{'error': {'code': 'token_rev", json!({"error": {"code": "token_rev"}})),
            ("{'error': {'code': 'x', 'mess", json!({"error": {"code": "x"}})),
            ("{'error': {'code': 'x', 'message':", json!({"error": {"code": "x"}})),
            ("[1, [2", json!([1, [2]])),
            ("{'a': 'b\\", json!({"a": "b"})),
            ("{'a': '\\u00", json!({"a": "\u{fffd}00"})),
            ("{]}", json!({})),
            ("[}]", json!([])),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), expected, "{text}");
        }
        assert_eq!(read("no {'a': 1}"), None);
        assert_eq!(read(""), None);
        assert_eq!(read("{'a': 1} and more").map(|(_, rest)| rest), Some(" and more"));
    }

    /// Each of these would be slow if something were read again from each place within it, or kept however long it is.
    #[test]
    fn nothing_is_slow() {
        let runs = [
            "[",
            "{",
            "{\"a\":",
            "[\"a\",",
            "1,",
            "\"",
            "\\u",
            "{'a':(",
            "é",
            "'a' ",
            "x(",
            "}",
            ",",
            "[[[[[[[[[]",
            "\\",
        ];
        for run in runs {
            for begin in ["[", "{", "[\"", "{'a': "] {
                let _: Option<(Value, &str)> = read(&format!("{begin}{}", run.repeat(1_000_000 / run.len())));
            }
        }
        let text = format!("{{\"pad\": \"{}\", \"error\": {{\"code\": \"x\"}}}}", "y".repeat(10_000_000));
        assert_eq!(value(&text)["error"]["code"], "x");
        assert_eq!(value(&text)["pad"].as_str().map(str::len), Some(LONGEST));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// As Python's `repr` writes it.
    fn python(value: &Value) -> String {
        match value {
            Value::Null => "None".to_owned(),
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => python_string(text),
            Value::Array(list) => format!("[{}]", list.iter().map(python).collect::<Vec<_>>().join(", ")),
            Value::Object(object) => {
                let member =
                    |(name, value): (&String, &Value)| format!("{}: {}", python_string(name), python(value));
                format!("{{{}}}", object.iter().map(member).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn python_string(text: &str) -> String {
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        let mut out = String::from(quote);
        for character in text.chars() {
            match character {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                _ if character == quote => out.extend(['\\', character]),
                _ if character.is_control() => out.push_str(&format!("\\U{:08x}", u32::from(character))),
                _ => out.push(character),
            }
        }
        out.push(quote);
        out
    }

    proptest! {
        #[test]
        fn a_value_is_read_however_it_is_spelled(value in values()) {
            let value = Value::Array(vec![value]);
            let json: Value = serde_json::from_str(&value.to_string()).unwrap();
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            for text in [value.to_string(), pretty, python(&json)] {
                let (found, rest) = read(&text).expect("it is a list");
                prop_assert_eq!(&found, &json, "{}", text);
                prop_assert_eq!(rest, "");
            }
        }

        #[test]
        fn any_text_is_read_to_some_place(text in "[\\[{]?.*") {
            if let Some((_, rest)) = read(&text) {
                prop_assert!(text.ends_with(rest));
            }
        }

        #[test]
        fn of_what_is_cut_off_the_members_before_stand(value in values(), part in 0.0..1.0_f64) {
            let text = serde_json::json!({"first": value, "last": 1}).to_string();
            let cut = text.floor_char_boundary((text.len() as f64 * part) as usize);
            let (cut, is_whole) = (&text[..cut], text[..cut].contains(",\"last\""));
            if let (Some((found, _)), true) = (read(cut), is_whole) {
                let whole: Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&found["first"], &whole["first"]);
            }
        }
    }
}
