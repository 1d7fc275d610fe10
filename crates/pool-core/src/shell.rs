//! Commands that a person can run as they stand.

use std::path::Path;

/// A command with its arguments for a shell, each word quoted where it needs it.
#[must_use]
pub fn quoted_command(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// A path for a shell, which is no flag even if it begins like one.
#[must_use]
pub fn quoted_path(path: &Path) -> String {
    let text = path.display().to_string();
    if text.starts_with('-') { quoted(&format!("./{text}")) } else { quoted(&text) }
}

/// A word for a shell, in quotes where it needs them.
///
/// ```
/// assert_eq!(pool_core::quoted("it's"), r"'it'\''s'");
/// ```
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_the_shell_would_read_more_into_them() {
        let cases = [
            ("a1", "a1"),
            ("custom:together.ai", "custom:together.ai"),
            ("", "''"),
            ("two words", "'two words'"),
            ("#2", "'#2'"),
            ("it's", "'it'\\''s'"),
            ("$(rm -r ~)", "'$(rm -r ~)'"),
            ("~/auth.json", "'~/auth.json'"),
            ("über", "über"),
        ];
        for (word, expected) in cases {
            assert_eq!(quoted(word), expected);
        }
    }
}
