//! What was typed may be a key in the wrong place, so that no complaint repeats it.

use std::ffi::OsString;

use pool_core::mask_keys;

/// A word this long, of letters and digits, is rather a key than a name.
const SHORTEST_KEY: usize = 16;

/// The words of a command line that may be keys.
#[derive(Debug)]
pub(crate) struct Typed(Vec<String>);

impl Typed {
    pub(crate) fn of(arguments: &[OsString]) -> Self {
        let words = arguments.iter().filter_map(|argument| argument.to_str());
        // `--flag=value` is two words.
        let words = words.flat_map(|argument| argument.split('='));
        let words = words.map(|word| word.trim_start_matches('-'));
        Self(words.filter(|word| may_be_key(word)).map(str::to_owned).collect())
    }

    /// A text for people with none of them, and nothing else that looks like a key.
    pub(crate) fn hide(&self, text: &str) -> String {
        let hidden = self.0.iter().fold(text.to_owned(), |text, word| text.replace(word, "[redacted]"));
        mask_keys(&hidden)
    }
}

fn may_be_key(word: &str) -> bool {
    let looks_random = word.len() >= SHORTEST_KEY
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic());
    looks_random || mask_keys(word) != word
}
