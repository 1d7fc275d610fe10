//! What others said, as it may be shown and kept.

use pool_core::mask_keys;

/// One line, without secrets, and without what a terminal would obey.
pub(crate) fn one_line(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    let line: String = plain.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    mask_keys(line.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_plain_and_without_secrets() {
        let cases = [
            ("\u{1b}[31msk-or-v1-test\u{1b}[0m is refused\r\n", "[redacted] is refused"),
            ("two\nlines", "two lines"),
            ("a\u{7}bell\u{9b}2J", "abell 2J"),
        ];
        for (text, expected) in cases {
            assert_eq!(one_line(text), expected, "{text:?}");
        }
    }
}
