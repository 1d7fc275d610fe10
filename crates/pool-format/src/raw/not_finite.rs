//! The numbers that Python's `json` writes and that are not JSON.

use super::decode::Warning;

const TOKENS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// One such number in a text.
pub(super) struct Found {
    token: &'static str,
    offset: usize,
    line: usize,
    line_start: usize,
}

impl Found {
    pub(super) fn warning(&self) -> Warning {
        Warning::NotFinite { line: self.line, column: self.offset - self.line_start + 1, token: self.token }
    }
}

/// All such numbers that stand outside of strings.
///
/// What stands right before and behind is not looked at: `null` in place of a piece of a longer word makes no JSON.
pub(super) fn find(text: &str) -> Vec<Found> {
    let bytes = text.as_bytes();
    let (mut found, mut offset, mut line, mut line_start) = (Vec::new(), 0, 1, 0);
    while let Some(byte) = bytes.get(offset) {
        offset += match byte {
            b'"' => string_length(&bytes[offset..]),
            b'\n' => {
                (line, line_start) = (line + 1, offset + 1);
                1
            }
            b'N' | b'I' | b'-' => match token_at(&bytes[offset..]) {
                Some(token) => {
                    found.push(Found { token, offset, line, line_start });
                    token.len()
                }
                None => 1,
            },
            _ => 1,
        };
    }
    found
}

/// The text with `null` in place of each number found.
pub(super) fn replace(text: &str, found: &[Found]) -> String {
    let mut parts = Vec::with_capacity(2 * found.len() + 1);
    let mut copied = 0;
    for Found { token, offset, .. } in found {
        parts.extend([&text[copied..*offset], "null"]);
        copied = offset + token.len();
    }
    parts.push(&text[copied..]);
    // One allocation of the right size: a buffer that grew would leave unwiped copies behind.
    parts.concat()
}

fn token_at(rest: &[u8]) -> Option<&'static str> {
    TOKENS.into_iter().find(|token| rest.starts_with(token.as_bytes()))
}

/// How far a string that begins here reaches: behind its closing quote, or to the end if there is none.
fn string_length(rest: &[u8]) -> usize {
    let mut escaped = false;
    let closing = rest.iter().skip(1).position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    });
    closing.map_or(rest.len(), |index| index + 2)
}
