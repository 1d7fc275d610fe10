use std::fmt;

use zeroize::Zeroizing;

use super::error::SyntaxError;
use super::not_finite;
use super::text::Text;
use super::value::Raw;

/// What the bytes of a file hold.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The one value, without the white space around it. With warnings, it is a slice of the text as it was mended.
    pub raw: Raw,
    /// What had to be put up with.
    pub warnings: Vec<Warning>,
}

/// Something in a file that is not JSON and was read all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Warning {
    /// A number that only Python's `json` writes. It reads as `null`.
    NotFinite {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
        /// `NaN`, `Infinity` or `-Infinity`.
        token: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite { line, column, token } => {
                write!(formatter, "`{token}` at line {line} column {column} is not JSON and reads as null")
            }
        }
    }
}

/// Reads the bytes of a file as one JSON value. The bytes are moved, not copied, and wiped whatever comes of them.
///
/// Python writes bare `NaN`, `Infinity` and `-Infinity`. One bad number must not lock everyone out of their keys, so
/// where nothing else is wrong these read as `null`, each with a warning.
///
/// # Errors
///
/// When that is not one JSON value in UTF-8; the error says where, and nothing of what stands there.
///
/// ```
/// use pool_format::raw::decode;
///
/// let decoded = decode(br#"{"reset_at": NaN}"#.to_vec())?;
/// assert_eq!(decoded.raw.as_str(), r#"{"reset_at": null}"#);
/// assert_eq!(decoded.warnings[0].to_string(), "`NaN` at line 1 column 14 is not JSON and reads as null");
///
/// let error = decode(vec![0; 4096]).unwrap_err();
/// assert_eq!(error.to_string(), "holds NUL bytes only, as after a crash");
/// # Ok::<(), pool_format::raw::SyntaxError>(())
/// ```
pub fn decode(bytes: Vec<u8>) -> Result<Decoded, SyntaxError> {
    let text = utf8(bytes)?;
    match Raw::within(&text) {
        Ok(raw) => Ok(Decoded { raw, warnings: Vec::new() }),
        Err(error) => without_not_finite(&text).ok_or(error),
    }
}

fn utf8(bytes: Vec<u8>) -> Result<Text, SyntaxError> {
    String::from_utf8(bytes).map(Text::from).map_err(|error| {
        let valid_up_to = error.utf8_error().valid_up_to();
        let bytes = Zeroizing::new(error.into_bytes());
        SyntaxError::not_utf8(&bytes, valid_up_to)
    })
}

/// The value that a text holds once Python's numbers are `null`; `None` if there are none or that is not all.
fn without_not_finite(text: &Text) -> Option<Decoded> {
    let tokens = not_finite::find(text.as_str());
    if tokens.is_empty() {
        return None;
    }
    let mended = Text::from(not_finite::replace(text.as_str(), &tokens));
    let raw = Raw::within(&mended).ok()?;
    Some(Decoded { raw, warnings: tokens.iter().map(not_finite::Found::warning).collect() })
}

#[cfg(test)]
mod tests {
    use super::super::error::SyntaxErrorKind;
    use super::*;

    #[test]
    fn a_file_is_one_value_with_white_space_around_it() {
        for (bytes, value) in [
            ("{}", "{}"),
            ("\r\n\t [1, 2] \n", "[1, 2]"),
            ("1e400\n", "1e400"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            (r#"{"\ud800": "\udfff", "a": 1, "a": 2}"#, r#"{"\ud800": "\udfff", "a": 1, "a": 2}"#),
        ] {
            let decoded = decode(bytes.into()).unwrap();
            assert_eq!(decoded.raw.as_str(), value);
            assert_eq!(decoded.warnings, []);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let table: [(&[u8], &str); 17] = [
            (b"", "file is empty"),
            (b" \n\t", "file is empty"),
            (b"\xef\xbb\xbf{}", "starts with a UTF-8 byte order mark"),
            (b"\xef\xbb\xbf", "starts with a UTF-8 byte order mark"),
            (b"\0\0\0", "holds NUL bytes only, as after a crash"),
            (b"{}\n\0\0", "holds NUL bytes from line 2 column 1 on"),
            (b"{\"a\": \"sk\0\"}", "holds NUL bytes from line 1 column 10 on"),
            (b"{\n\"a\xff\": 1}", "not UTF-8 at line 2 column 3"),
            (b"\xff\xfe[\0]\0", "not UTF-8 at line 1 column 1"),
            (b"{\"a\": [1,\n", "not JSON: ends too early at line 2 column 1"),
            (b"{\"a\": \"sk-li", "not JSON: ends too early at line 1 column 12"),
            (b"{} {}", "not JSON: trailing characters at line 1 column 4"),
            (b"[1 2]", "not JSON: expected `,` or `]` at line 1 column 4"),
            (b"{a: 1}", "not JSON: key must be a string at line 1 column 2"),
            (b"[01]", "not JSON: invalid number at line 1 column 3"),
            (b"['a']", "not JSON: expected value at line 1 column 2"),
            (
                b"[\"\n\"]",
                "not JSON: control character (\\u0000-\\u001F) found while parsing a string at line 1 column 2",
            ),
        ];
        for (bytes, message) in table {
            assert_eq!(decode(bytes.to_vec()).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn numbers_that_only_python_writes_read_as_null() {
        let decoded =
            decode(b"{\"NaN\": NaN,\n \"b\": [-Infinity,Infinity, \"\\\" NaN\"]} ".to_vec()).unwrap();
        assert_eq!(decoded.raw.as_str(), "{\"NaN\": null,\n \"b\": [null,null, \"\\\" NaN\"]}");
        assert_eq!(
            decoded.warnings,
            [
                Warning::NotFinite { line: 1, column: 9, token: "NaN" },
                Warning::NotFinite { line: 2, column: 8, token: "-Infinity" },
                Warning::NotFinite { line: 2, column: 18, token: "Infinity" },
            ]
        );
        assert_eq!(decode(b"NaN".to_vec()).unwrap().raw.as_str(), "null");
    }

    #[test]
    fn where_more_is_wrong_the_first_error_stays() {
        for (bytes, column) in [
            ("{\"a\": NaN, }", 7),
            ("[-NaN]", 3),
            ("[+Infinity]", 2),
            ("[NaNs]", 2),
            ("[1NaN]", 3),
            ("[NaN1]", 2),
            ("[--Infinity]", 3),
            ("[Infinity-Infinity]", 2),
            ("{NaN: 1}", 2),
            ("[nan]", 3),
            ("[NaN, \"open]", 2),
        ] {
            let error = decode(bytes.into()).unwrap_err();
            assert_eq!((error.line, error.column), (1, column), "{bytes}");
            assert!(matches!(error.kind, SyntaxErrorKind::NotJson { .. }), "{bytes}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        for depth in [1_000, 1_000_000] {
            let nested = "[".repeat(depth) + &"]".repeat(depth);
            assert_eq!(decode(nested.clone().into()).unwrap().raw.as_str(), nested);
            assert_eq!(decode("[".repeat(depth).into()).unwrap_err().kind, SyntaxErrorKind::CutShort);
            assert!(decode("{\"a\":[".repeat(depth).into()).is_err());
        }
    }
}
