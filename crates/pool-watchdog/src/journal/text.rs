//! Text of boards and logs, made fit for a page.

use pool_core::mask_keys;

/// A longer text is cut: a page is for people. The journal has it whole.
const LONGEST_SHOWN: usize = 2_000;

/// A text in one line, without a secret and without what controls a terminal or cannot be seen.
///
/// It is masked here although the journal was masked when it was written: its older lines may come from a version that knew fewer
/// keys, and a page is what people hand on.
pub(crate) fn shown(text: &str) -> String {
    // First, so that nothing unseen splits a key, or stands right before it.
    let plain = anstream::adapter::strip_str(text).to_string();
    let line: String = plain.chars().filter_map(visible).collect();
    cut(mask_keys(line.trim()))
}

/// A character, a space for whatever breaks a line, and nothing for what cannot be seen.
fn visible(c: char) -> Option<char> {
    let breaks = matches!(c, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let is_unseen = c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    if breaks { Some(' ') } else { (!is_unseen).then_some(c) }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// A part of what a person is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Words(String),
    /// A command, which stood between backticks.
    Command(String),
}

/// The words and the commands of a text.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let text = shown(text);
    let mut parts = Vec::new();
    let mut rest = text.as_str();
    while let Some((words, (command, after))) =
        rest.split_once('`').and_then(|(words, after)| Some((words, after.split_once('`')?)))
    {
        parts.extend(words_of(words));
        if !command.trim().is_empty() {
            parts.push(Part::Command(command.trim().to_owned()));
        }
        rest = after;
    }
    parts.extend(words_of(rest));
    parts
}

/// None where there are only the marks that stood around a command.
fn words_of(text: &str) -> Option<Part> {
    let text = text.trim().trim_start_matches([';', ',', '.']).trim_start();
    (!text.is_empty()).then(|| Part::Words(text.to_owned()))
}
