//! Text of a log, made fit to be shown: one line, bounded, without a secret and without anything that a terminal would obey.

use pool_core::mask_keys;

/// The most characters of what is shown.
pub(super) const MOST_SHOWN: usize = 300;

/// The most bytes of one line that are read: what is longer is data, and its beginning tells what it is.
const MOST_BYTES: usize = 8 * 1024;

/// A text in one line, without secrets, and cut where it is longer than anybody reads.
pub(super) fn shown(text: &str) -> String {
    let masked = one_line(&mask_keys(&one_line(beginning(text))));
    if masked.chars().nth(MOST_SHOWN).is_none() {
        return masked;
    }
    masked.chars().take(MOST_SHOWN - 1).chain(['…']).collect()
}

/// The text with each run of white space made one space.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !is_invisible(*c)));
    }
    line.truncate(line.trim_end().len());
    line
}

/// A line as a person would have seen it: without colours and other commands to a terminal.
pub(super) fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = beginning(line).chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => match rest.next() {
                // CSI: parameters, then one letter.
                Some('[') => while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                // OSC, such as a link or a title: up to BEL or ESC \.
                Some(']') => while rest.next().is_some_and(|c| !matches!(c, '\u{7}' | '\u{1b}')) {},
                _ => {}
            },
            '\t' => plain.push(' '),
            _ if is_invisible(character) => {}
            _ => plain.push(character),
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

fn beginning(text: &str) -> &str {
    text.split_at(text.floor_char_boundary(MOST_BYTES)).0
}

/// Control characters, and those that only change how others look: they reorder a line, or hide in it.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}')
}
