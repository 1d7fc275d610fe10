use std::fmt;

use serde_json::error::Category;

/// Why a text is not one JSON value, and where. It never repeats what stands there: that may be a secret.
///
/// ```
/// use pool_format::raw::{SyntaxErrorKind, decode};
///
/// let error = decode(b"{\n  \"a\": }".to_vec()).unwrap_err();
/// assert_eq!(error.to_string(), "not JSON: expected value at line 2 column 8");
/// assert_eq!((error.line, error.column), (2, 8));
///
/// let error = decode(Vec::new()).unwrap_err();
/// assert_eq!(error.kind, SyntaxErrorKind::Empty);
/// assert_eq!(error.to_string(), "file is empty");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
    /// What is wrong there.
    pub kind: SyntaxErrorKind,
}

/// What is wrong with a text.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SyntaxErrorKind {
    /// There is nothing, or only white space.
    Empty,
    /// It starts with a UTF-8 byte order mark, which Python's `json` refuses too.
    ByteOrderMark,
    /// It is not UTF-8.
    NotUtf8,
    /// It is all zeroes: what some file systems leave of a file that was being written when the machine went down.
    OnlyNulBytes,
    /// A zero byte stands in it.
    NulByte,
    /// It ends before the value does.
    CutShort,
    /// It breaks the grammar.
    NotJson {
        /// How, in the words of the parser, which quotes nothing.
        reason: String,
    },
}

impl SyntaxError {
    pub(super) fn not_utf8(bytes: &[u8], valid_up_to: usize) -> Self {
        Self::at(bytes, valid_up_to, SyntaxErrorKind::NotUtf8)
    }

    /// What `serde_json` found wrong with a text, or what a person would rather be told.
    pub(super) fn in_text(text: &str, error: &serde_json::Error) -> Self {
        let bytes = text.as_bytes();
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Self::at(bytes, 0, SyntaxErrorKind::Empty);
        }
        if text.starts_with('\u{feff}') {
            return Self::at(bytes, 0, SyntaxErrorKind::ByteOrderMark);
        }
        if bytes.iter().all(|byte| *byte == 0) {
            return Self::at(bytes, 0, SyntaxErrorKind::OnlyNulBytes);
        }
        if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
            return Self::at(bytes, offset, SyntaxErrorKind::NulByte);
        }
        // The parser says column 0 where it stopped right behind a line break.
        Self { line: error.line(), column: error.column().max(1), kind: SyntaxErrorKind::of(error) }
    }

    fn at(bytes: &[u8], offset: usize, kind: SyntaxErrorKind) -> Self {
        let before = &bytes[..offset];
        let line_start =
            before.iter().rposition(|byte| *byte == b'\n').map_or(0, |line_break| line_break + 1);
        let line_breaks = before.iter().filter(|byte| **byte == b'\n').count();
        Self { line: line_breaks + 1, column: offset - line_start + 1, kind }
    }
}

impl SyntaxErrorKind {
    fn of(error: &serde_json::Error) -> Self {
        match error.classify() {
            Category::Eof => Self::CutShort,
            Category::Syntax => Self::NotJson { reason: reason(error) },
            // Not to be had from skipping a value. These two may quote, so they are not repeated.
            Category::Data | Category::Io => Self::NotJson { reason: "unreadable value".to_owned() },
        }
    }
}

/// The parser's message without the position, which is told apart. Messages on syntax are fixed phrases.
fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&position).unwrap_or(&message).to_owned()
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, kind } = self;
        match kind {
            SyntaxErrorKind::Empty => formatter.write_str("file is empty"),
            SyntaxErrorKind::ByteOrderMark => formatter.write_str("starts with a UTF-8 byte order mark"),
            SyntaxErrorKind::OnlyNulBytes => formatter.write_str("holds NUL bytes only, as after a crash"),
            SyntaxErrorKind::NulByte => {
                write!(formatter, "holds NUL bytes from line {line} column {column} on")
            }
            SyntaxErrorKind::NotUtf8 => write!(formatter, "not UTF-8 at line {line} column {column}"),
            SyntaxErrorKind::CutShort => {
                write!(formatter, "not JSON: ends too early at line {line} column {column}")
            }
            SyntaxErrorKind::NotJson { reason } => {
                write!(formatter, "not JSON: {reason} at line {line} column {column}")
            }
        }
    }
}
