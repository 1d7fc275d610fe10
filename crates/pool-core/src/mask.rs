//! Messages come from upstream and may echo a key. What looks like one is replaced before it is stored or shown.

use std::cmp::Reverse;

use crate::secret::Secret;

pub(crate) const MASK: &str = "[redacted]";

/// The word in it.
const MASKED: &str = "redacted";

/// How keys and tokens of the known providers begin.
const PREFIXES: [&str; 28] = [
    "sk-",
    "sk_",
    "pk-",
    "pk_",
    "rt_",
    "rt-",
    "gsk_",
    "xai-",
    "aiza",
    "ya29.",
    "1//",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hf_",
    "akia",
    "nvapi-",
    "cc-",
    "eyj",
    "csk-",
    "pplx-",
    "tvly-",
    "fw_",
    "sess-",
    "aq.",
];

/// Headers, fields and parameters that hold a key or token, in lower case and without what stands between their words.
const HOLD_KEYS: [&str; 19] = [
    "accesstoken",
    "apikey",
    "auth",
    "authorization",
    "authtoken",
    "awssecretaccesskey",
    "clientsecret",
    "idtoken",
    "key",
    "passwd",
    "password",
    "proxyauthorization",
    "refreshtoken",
    "secret",
    "secretkey",
    "token",
    "xapikey",
    "xauthtoken",
    "xgoogapikey",
];

/// Names that begin as keys do.
const NO_KEYS: [&str; 1] = ["xai-oauth"];

/// What stands behind the name of a scheme in a sentence: "missing bearer or basic authentication in header".
const PROSE: [&str; 2] = ["authentication", "credentials"];

/// A known secret shorter than this would mask ordinary words.
const SHORTEST_SECRET: usize = 6;

/// A word with a telling beginning is a key only from this length on: `sk-` alone is prose.
const SHORTEST_KEY: usize = 8;

/// Replaces the secrets given, however they are spelled, and every word that looks like a key, with `[redacted]`.
pub(crate) fn mask<'a>(text: &str, secrets: impl Iterator<Item = &'a Secret>) -> String {
    let mut masked = text.to_owned();
    let mut secrets: Vec<_> =
        secrets.map(Secret::expose).filter(|secret| secret.len() >= SHORTEST_SECRET).collect();
    // A secret that begins like another is masked whole.
    secrets.sort_by_key(|secret| Reverse(secret.len()));
    for secret in secrets {
        masked = without(&masked, secret);
    }
    mask_keys(&masked)
}

/// The text with a secret masked wherever it stands.
fn without(text: &str, secret: &str) -> String {
    // No spelling is shorter, and without such a mark there is only one.
    if text.len() < secret.len() {
        return text.to_owned();
    }
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'\\' | b'+')) {
        return text.replace(secret, MASK);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let may_begin = secret.starts_with(first) || matches!(first, '%' | '\\' | '+');
        let length = if may_begin { length_of(rest, secret) } else { None };
        masked.push_str(if length.is_some() { MASK } else { &rest[..first.len_utf8()] });
        rest = &rest[length.unwrap_or(first.len_utf8())..];
    }
    masked
}

/// How much of a text is the secret that it begins with, each of whose characters may be spelled otherwise: an endpoint that cannot
/// read a request quotes its body.
fn length_of(text: &str, secret: &str) -> Option<usize> {
    let mut ends = vec![0];
    for character in secret.chars() {
        let next = ends.iter().flat_map(|end| {
            let lengths = spellings(text.get(*end..).unwrap_or_default(), character);
            lengths.into_iter().flatten().map(move |length| end + length)
        });
        let mut next: Vec<usize> = next.collect();
        next.sort_unstable();
        next.dedup();
        ends = next;
        if ends.is_empty() {
            return None;
        }
    }
    ends.last().copied()
}

/// How much of a text is this character, for each spelling that it may begin with: plain, of a form or a URL, or of JSON.
fn spellings(text: &str, character: char) -> [Option<usize>; 5] {
    let mut bytes = [0; 4];
    let mut units = [0; 2];
    let bytes = character.encode_utf8(&mut bytes).bytes();
    let units = character.encode_utf16(&mut units).iter();
    let marked = |mark: char| text.strip_prefix(mark).is_some_and(|after| after.starts_with(character));
    [
        text.starts_with(character).then_some(character.len_utf8()),
        (character == ' ' && text.starts_with('+')).then_some(1),
        (matches!(character, '"' | '\\' | '/') && marked('\\')).then_some(2),
        length_of_digits(text, "%", bytes.map(|byte| (u32::from(byte), 2))),
        length_of_digits(text, "\\u", units.map(|unit| (u32::from(*unit), 4))),
    ]
}

/// How much of a text is these numbers, each of so many hexadecimal digits, in upper or lower case, behind a mark.
fn length_of_digits(text: &str, mark: &str, numbers: impl Iterator<Item = (u32, usize)>) -> Option<usize> {
    let mut rest = text;
    for (number, digits) in numbers {
        let (spelled, after) = rest.strip_prefix(mark)?.split_at_checked(digits)?;
        let is_it = u32::from_str_radix(spelled, 16).is_ok_and(|spelled| spelled == number);
        if !is_it || spelled.starts_with('+') {
            return None;
        }
        rest = after;
    }
    Some(text.len() - rest.len())
}

/// Replaces every word that begins as the keys and tokens of the known providers do with `[redacted]`, and whatever is given as the
/// value of a header, field or parameter that holds one.
///
/// ```
/// use pool_core::mask_keys;
///
/// assert_eq!(mask_keys("no file sk-or-v1-test here"), "no file [redacted] here");
/// assert_eq!(mask_keys("{'x-api-key': 'plain-text-key'}"), "{'x-api-key': '[redacted]'}");
/// assert_eq!(mask_keys("GET /v1?key=plain-text-key"), "GET /v1?key=[redacted]");
/// ```
#[must_use]
pub fn mask_keys(text: &str) -> String {
    let (text, sealed) = match text.find("-----BEGIN ") {
        Some(at) if text.contains("PRIVATE KEY-----") => (&text[..at], MASK),
        _ => (text, ""),
    };
    let mut masked = String::with_capacity(text.len());
    let mut before = Before::Nothing;
    for part in text.split_inclusive(|c: char| !is_key_character(c)) {
        let word = part.trim_end_matches(|c: char| !is_key_character(c));
        let mark = &part[word.len()..];
        // What is masked already stays as it is.
        let is_secret = word.len() >= SHORTEST_KEY && word != MASKED && !PROSE.contains(&word);
        let is_given = before.gives(mark) && is_secret;
        masked.push_str(if is_given || looks_like_key(word) { MASK } else { word });
        masked.push_str(mark);
        before = before.then(word, mark);
    }
    masked + sealed
}

/// What stood before a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// The name of what holds a key: `x-api-key`. Whether it stands in quotes.
    Name {
        is_quoted: bool,
    },
    /// Such a name, and what gives it a value: `x-api-key:`, or `Bearer` and the like.
    Value,
    /// A header that holds several: all that follows in the line.
    Line,
    /// `https://name`, where `:password@` may follow.
    Host,
    /// `https://name:`
    Password,
}

impl Before {
    /// Whether a word that this mark ends is given as a value.
    fn gives(self, mark: &str) -> bool {
        matches!(self, Self::Value | Self::Line) || (self == Self::Password && mark == "@")
    }

    fn then(self, word: &str, mark: &str) -> Self {
        if word.is_empty() {
            return self.then_mark(mark);
        }
        let is_one_of = |names: &[&str]| names.iter().any(|name| is_named(word, name));
        let is_given = matches!(self, Self::Value | Self::Name { .. });
        let now = match self {
            Self::Line => Self::Line,
            _ if is_one_of(&["cookie", "setcookie"]) => Self::Line,
            // A scheme stands between the header and its value; Python puts a `b` before bytes.
            _ if is_one_of(&["bearer", "basic"]) => Self::Value,
            // "API key provided: " is how OpenAI quotes a wrong one.
            _ if is_given && is_one_of(&["token", "digest", "b", "provided"]) => self,
            _ if is_one_of(&HOLD_KEYS) => Self::Name { is_quoted: matches!(mark, "'" | "\"") },
            _ if word.starts_with("//") && mark == ":" => Self::Password,
            _ if word.starts_with("//") => Self::Host,
            _ => Self::Nothing,
        };
        now.then_mark(mark)
    }

    fn then_mark(self, mark: &str) -> Self {
        match (self, mark) {
            (Self::Name { .. }, ":" | "=") | (Self::Name { is_quoted: true }, ",") => Self::Value,
            (Self::Host, ":") => Self::Password,
            (Self::Line, "\n") => Self::Nothing,
            // Of `?key=a&b=c` each parameter has its own value, and so has each member of an object.
            (Self::Value | Self::Password, "&" | "," | ";" | "}" | "\n") => Self::Nothing,
            (before, _) => before,
        }
    }
}

/// Whether a word is this name, whatever its case and what stands between its letters: `X-Api-Key` is `xapikey`.
fn is_named(word: &str, name: &str) -> bool {
    let letters = word.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    letters.eq(name.bytes())
}

fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '*' | '~')
}

/// Also behind a slash, or behind an equals sign that a URL spells `%3D`.
fn looks_like_key(word: &str) -> bool {
    word.split('/').flat_map(|part| part.split("3D")).any(|part| {
        part.len() >= SHORTEST_KEY
            && !NO_KEYS.contains(&part)
            && PREFIXES
                .iter()
                .any(|prefix| part.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_key_is_masked() {
        let cases = [
            (
                "Incorrect API key provided: sk-ab12****wxyz. See docs",
                "Incorrect API key provided: [redacted] See docs",
            ),
            ("Authorization: Bearer abcdef123456", "Authorization: Bearer [redacted]"),
            ("token 'eyJhbGciOi.eyJ.x' rejected", "token '[redacted]' rejected"),
            ("The usage limit has been reached", "The usage limit has been reached"),
            ("rate_limit_exceeded: sk- is short", "rate_limit_exceeded: sk- is short"),
            ("bearer token é expired", "bearer token é expired"),
            (
                "Missing bearer or basic authentication in header",
                "Missing bearer or basic authentication in header",
            ),
            ("no credential for `xai-oauth`", "no credential for `xai-oauth`"),
            ("headers={'x-api-key': 'plain-value'}", "headers={'x-api-key': '[redacted]'}"),
            (r#"{"refresh_token":"plain-value","x":1}"#, r#"{"refresh_token":"[redacted]","x":1}"#),
            ("api_key=plain-value&x", "api_key=[redacted]&x"),
            ("invalid x-api-key provided", "invalid x-api-key provided"),
            ("https://h/v1?key=plain-value&x=long-enough", "https://h/v1?key=[redacted]&x=long-enough"),
            ("https://user:plain-value@host/path", "https://user:[redacted]@host/path"),
            ("http://127.0.0.1:8080/long/path", "http://127.0.0.1:8080/long/path"),
            ("Authorization: Basic cGxhaW4tdmFsdWU=", "Authorization: Basic [redacted]="),
            ("Authorization: token plain-value", "Authorization: token [redacted]"),
            ("{'Authorization': 'plain-value'}", "{'Authorization': '[redacted]'}"),
            (
                "Cookie: session=plain-value; other=plain-other\nnext long-enough",
                "Cookie: session=[redacted]; other=[redacted]\nnext long-enough",
            ),
            ("aws_secret_access_key=plain-value", "aws_secret_access_key=[redacted]"),
            (r#""refreshToken": "plain-value""#, r#""refreshToken": "[redacted]""#),
            ("api_key: plain-value", "api_key: [redacted]"),
            ("Incorrect API key provided: plain-value.", "Incorrect API key provided: [redacted]"),
            ("[('x-api-key', 'plain-value')]", "[('x-api-key', '[redacted]')]"),
            ("[(b'x-api-key', b'plain-value')]", "[(b'x-api-key', b'[redacted]')]"),
            ("at https://h/sk-plain-value", "at https:[redacted]"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE\n", "[redacted]"),
            ("token expired: please refresh", "token expired: please refresh"),
            ("the key was revoked", "the key was revoked"),
            ("no model provided: gpt-something", "no model provided: gpt-something"),
            ("'code': 'token_invalidated'", "'code': 'token_invalidated'"),
        ];
        for (text, expected) in cases {
            assert_eq!(mask(text, std::iter::empty()), expected);
        }
    }

    #[test]
    fn a_known_secret_is_masked_wherever_it_stands() {
        let secret = Secret::new("plain-canary-value".to_owned());
        for name in ["x", "refresh_token"] {
            let masked = mask(&format!("{name}=plain-canary-value&y"), [&secret].into_iter());
            assert_eq!(masked, format!("{name}=[redacted]&y"));
            assert_eq!(mask(&masked, [&secret].into_iter()), masked);
        }
    }

    #[test]
    fn a_known_secret_is_masked_however_it_is_spelled() {
        let cases = [
            ("1//0gCANARY", "refresh_token=1%2F%2F0gCANARY&client_id=x"),
            ("1//0gCANARY", "refresh_token=1%2f%2F0gCANARY&client_id=x"),
            ("1//0gCANARY", r#"{"refresh_token":"1\/\/0gCANARY","x":1}"#),
            ("v1.Mj|CANARY~x", "got v1.Mj%7CCANARY%7Ex"),
            ("Zm9v+CANARY/w==", "got Zm9v%2BCANARY%2Fw%3D%3D"),
            ("Zm9v+CANARY/w==", r"got Zm9v\u002bCANARY\u002Fw\u003d\u003D"),
            ("two CANARY words", "got two+CANARY%20words"),
            ("\"CANARY\\é", r#"got \"CANARY\\\u00e9"#),
            ("\"CANARY\\é", "got %22CANARY%5C%C3%A9"),
            ("%2FCANARY", "got %2FCANARY"),
            ("%2FCANARY", "got %252FCANARY"),
        ];
        for (secret, text) in cases {
            let masked = mask(text, [&Secret::new(secret.to_owned())].into_iter());
            assert!(!masked.contains("CANARY") && masked.contains(MASK), "{text}: {masked}");
        }
    }

    /// One character in one of its spellings.
    fn spelled(character: char, how: u8) -> String {
        let mut buffer = [0; 4];
        let bytes = character.encode_utf8(&mut buffer).bytes();
        match how {
            0 => character.to_string(),
            1 => bytes.map(|byte| format!("%{byte:02x}")).collect(),
            2 => bytes.map(|byte| format!("%{byte:02X}")).collect(),
            _ => character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        }
    }

    proptest::proptest! {
        #[test]
        fn no_spelling_of_a_secret_is_left(
            spelling in proptest::collection::vec((proptest::char::range('\u{1}', '\u{20000}'), 0..4_u8), 6..40),
            before in ".{0,20}",
            after in ".{0,20}",
        ) {
            let secret: String = spelling.iter().map(|(character, _)| *character).collect();
            let text: String = spelling.iter().map(|(character, how)| spelled(*character, *how)).collect();
            let masked = without(&format!("{before}{text}{after}"), &secret);
            // What stands around it may complete it earlier.
            proptest::prop_assert!(masked.contains(MASK) && !masked.contains(&text), "{masked}");
        }
    }
}
