//! Text of a log, made fit to be shown: one line, bounded, without a secret and without anything that a terminal would obey.

use std::str::Chars;

use pool_core::mask_keys;

/// The most characters of what is shown.
pub(super) const MOST_SHOWN: usize = 300;

/// The most bytes of one line that are read: what is longer is data, and its beginning tells what it is.
const MOST_BYTES: usize = 8 * 1024;

/// A text in one line, without secrets, and cut where it is longer than anybody reads.
pub(super) fn shown(text: &str) -> String {
    // First, since what is taken out of a line may have stood before a key, or within it.
    let masked = mask_keys(&one_line(beginning(text)));
    if masked.chars().nth(MOST_SHOWN).is_none() {
        return masked;
    }
    masked.chars().take(MOST_SHOWN - 1).chain(['…']).collect()
}

/// The text with each run of white space made one space, and without commands to a terminal.
pub(super) fn one_line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line as a person would have seen it: without colours and other commands to a terminal.
pub(super) fn plain(line: &str) -> String {
    let mut plain = visible(beginning(line));
    plain.truncate(plain.trim_end().len());
    plain
}

fn visible(text: &str) -> String {
    let mut visible = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => skip_command(&mut rest),
            _ if character.is_control() && character.is_whitespace() => visible.push(' '),
            _ if is_invisible(character) => {}
            _ => visible.push(character),
        }
    }
    visible
}

/// Skips what ESC begins.
fn skip_command(rest: &mut Chars<'_>) {
    let is_end = |c: &char| matches!(c, '\u{7}' | '\u{1b}');
    match rest.next() {
        // CSI: parameters, then one letter.
        Some('[') => drop(rest.find(|c| ('@'..='~').contains(c))),
        // OSC, such as a link or a title: up to BEL, or to ESC and a backslash.
        Some(']') => drop(rest.find(is_end).filter(|end| *end == '\u{1b}').and_then(|_| rest.next())),
        _ => {}
    }
}

fn beginning(text: &str) -> &str {
    text.split_at(text.floor_char_boundary(MOST_BYTES)).0
}

/// Control characters, and those that only change how others look: they reorder a line, or hide in it.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_in_one_line_without_what_a_terminal_obeys() {
        let cases = [
            ("two\r\n   lines", "two lines"),
            ("a\u{7}b\u{202e}c \u{200b} d", "abc d"),
            ("key sk-proj-0123456789 shown", "key [redacted] shown"),
            ("key sk-\u{7}proj-0123456789 shown", "key [redacted] shown"),
            ("key sk-pro\u{200b}j-0123456789 shown", "key [redacted] shown"),
            ("key \u{1b}[1;31msk-proj-0123456789\u{1b}[0m shown", "key [redacted] shown"),
            ("key sk-pro\u{1b}[1mj-0123456789 shown", "key [redacted] shown"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text:?}");
        }
        let long = "ä".repeat(1000);
        assert_eq!(shown(&long).chars().count(), MOST_SHOWN);
        assert!(shown(&long).ends_with('…'));
    }

    #[test]
    fn a_line_is_read_as_a_terminal_shows_it() {
        let cases = [
            ("\u{1b}[1;34mQuery:\u{1b}[0m work", "Query: work"),
            ("\u{1b}]8;;https://example.org\u{7}link\u{1b}]8;;\u{7}", "link"),
            ("\u{1b}]0;title\u{1b}\\text", "text"),
            ("  \u{1b}[2K  indented\t\u{0}  ", "    indented"),
            ("cut \u{1b}[1;3", "cut"),
        ];
        for (line, expected) in cases {
            assert_eq!(plain(line), expected, "{line:?}");
        }
    }
}
