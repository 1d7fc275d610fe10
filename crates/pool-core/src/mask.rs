//! Messages come from upstream and may echo a key. What looks like one is replaced before it is stored or shown.

use std::cmp::Reverse;

use crate::secret::Secret;

pub(crate) const MASK: &str = "[redacted]";

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

/// A known secret shorter than this would mask ordinary words.
const SHORTEST_SECRET: usize = 6;

/// A word with a telling beginning is a key only from this length on: `sk-` alone is prose.
const SHORTEST_KEY: usize = 8;

/// Replaces the secrets given, and every word that looks like a key, with `[redacted]`.
pub(crate) fn mask<'a>(text: &str, secrets: impl Iterator<Item = &'a Secret>) -> String {
    let mut masked = text.to_owned();
    let mut secrets: Vec<_> =
        secrets.map(Secret::expose).filter(|secret| secret.len() >= SHORTEST_SECRET).collect();
    // A secret that begins like another is masked whole.
    secrets.sort_by_key(|secret| Reverse(secret.len()));
    for secret in secrets {
        if masked.contains(secret) {
            masked = masked.replace(secret, MASK);
        }
    }
    mask_keys(&masked)
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
        let is_given = before.gives(mark) && word.len() >= SHORTEST_KEY;
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
        assert_eq!(mask("x=plain-canary-value&y", [&secret].into_iter()), "x=[redacted]&y");
    }
}
