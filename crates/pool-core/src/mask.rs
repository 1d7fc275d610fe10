//! Messages come from upstream and may echo a key. What looks like one is replaced before it is stored or shown.

use std::cmp::Reverse;

use crate::secret::Secret;

pub(crate) const MASK: &str = "[redacted]";

/// How keys and tokens of the known providers begin.
const PREFIXES: [&str; 22] = [
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
];

/// Headers and fields that hold a key or token.
const HOLD_KEYS: [&str; 9] = [
    "x-api-key",
    "api-key",
    "api_key",
    "apikey",
    "x-goog-api-key",
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
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

/// Replaces every word that begins as the keys and tokens of the known providers do with `[redacted]`, what follows `Bearer`, and
/// what is given as the value of a header or field that holds a key.
///
/// ```
/// use pool_core::mask_keys;
///
/// assert_eq!(mask_keys("no file sk-or-v1-test here"), "no file [redacted] here");
/// assert_eq!(mask_keys("{'x-api-key': 'plain-text-key'}"), "{'x-api-key': '[redacted]'}");
/// ```
#[must_use]
pub fn mask_keys(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut before = Before::Nothing;
    for part in text.split_inclusive(|c: char| !is_key_character(c)) {
        let word = part.trim_end_matches(|c: char| !is_key_character(c));
        let is_given = matches!(before, Before::Bearer | Before::Value) && word.len() >= SHORTEST_KEY;
        masked.push_str(if looks_like_key(word) || is_given { MASK } else { word });
        masked.push_str(&part[word.len()..]);
        before = before.then(word, &part[word.len()..]);
    }
    masked
}

/// What stood before a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// `Bearer`
    Bearer,
    /// The name of what holds a key: `x-api-key`.
    Name,
    /// Such a name, and what gives it a value: `x-api-key:`.
    Value,
}

impl Before {
    fn then(self, word: &str, mark: &str) -> Self {
        let is_one_of = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        let now = match self {
            now if word.is_empty() => now,
            _ if is_one_of(&["bearer"]) => Self::Bearer,
            _ if is_one_of(&HOLD_KEYS) => Self::Name,
            _ => Self::Nothing,
        };
        if now == Self::Name && matches!(mark, ":" | "=") { Self::Value } else { now }
    }
}

fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '*' | '~')
}

fn looks_like_key(word: &str) -> bool {
    word.len() >= SHORTEST_KEY
        && !NO_KEYS.contains(&word)
        && PREFIXES
            .iter()
            .any(|prefix| word.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix)))
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
