//! Text of boards and logs, made fit for a page.

use crate::line;

/// A longer text is cut: a page is for people. The journal has it whole.
const LONGEST_SHOWN: usize = 2_000;

/// A text in one line.
///
/// It is masked here although the journal was masked when it was written: its older lines may come from a version that knew fewer
/// keys, and a page is what people hand on.
pub(crate) fn shown(text: &str) -> String {
    line::shown(text, LONGEST_SHOWN)
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
