//! What others said, as it may be shown and kept: without secrets, and without what a terminal would obey or nobody would see.

use std::error::Error;

use pool_core::mask_keys;
use serde_json::Value;

/// One line of it.
pub(crate) fn one_line(text: &str) -> String {
    let flat: String = text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect();
    let words: Vec<&str> =
        flat.split(' ').map(|word| if hides_a_key(word) { "[redacted]" } else { word }).collect();
    mask_keys(visible(&words.join(" ")).trim())
}

/// Whether there is a key in a word together with what nobody sees: that may stand within a key, or right before it.
fn hides_a_key(word: &str) -> bool {
    let seen = visible(word);
    let apart: String = word.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect();
    seen != word && (mask_keys(&seen) != seen || mask_keys(&apart) != apart)
}

/// One line of it, cut where it is longer than so many characters.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let line = one_line(text);
    if line.chars().nth(most).is_none() {
        return line;
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Masks every text in a value, and leaves the names of fields.
pub(crate) fn mask_texts(value: &mut Value) {
    match value {
        Value::String(text) => *text = mask_keys(text),
        Value::Array(values) => values.iter_mut().for_each(mask_texts),
        Value::Object(fields) => fields.values_mut().for_each(mask_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// An error and what caused it, in one line.
pub(crate) fn in_words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words += &format!(": {error}");
        cause = error.source();
    }
    one_line(&words)
}

/// A text as a person would have seen it, with each run of white space made one space. Its secrets are in it.
pub(crate) fn joined(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as a person would have seen it, in one line: without colours and other commands to a terminal. Its secrets are in it.
pub(crate) fn visible(text: &str) -> String {
    let seen = anstream::adapter::strip_str(text).flat_map(str::chars);
    seen.filter_map(|c| if breaks(c) { Some(' ') } else { (!is_unseen(c)).then_some(c) }).collect()
}

fn breaks(c: char) -> bool {
    matches!(c, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Control characters, and those that only change how others look: they reorder a line, or hide in it.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_plain_and_without_secrets() {
        let cases = [
            ("\u{1b}[31msk-or-v1-test\u{1b}[0m is refused\r\n", "[redacted] is refused"),
            ("two\nlines", "two lines"),
            ("a\u{7}b\u{202e}c", "abc"),
            ("key sk-\u{7}proj-0123456789 shown", "key [redacted] shown"),
            ("key sk-pro\u{200b}j-0123456789 shown", "key [redacted] shown"),
            ("a\u{200b}sk-proj-0123456789 shown", "[redacted] shown"),
            ("key sk-proj-\u{200b}0123456789 shown", "key [redacted] shown"),
            ("key \u{1b}[1;31msk-proj-0123456789\u{1b}[0m shown", "key [redacted] shown"),
            ("key sk-pro\u{1b}[1mj-0123456789 shown", "key [redacted] shown"),
            ("\u{1b}]8;;https://example.org\u{7}link\u{1b}]8;;\u{7}", "link"),
            ("\u{1b}]0;title\u{1b}\\text", "text"),
            ("cut \u{1b}[1;3", "cut"),
        ];
        for (text, expected) in cases {
            assert_eq!(one_line(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_one_is_cut() {
        let long = "ä".repeat(1_000);
        assert_eq!(shown(&long, 300).chars().count(), 300);
        assert!(shown(&long, 300).ends_with('…'));
        assert_eq!(shown("short", 5), "short");
    }
}
