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

/// Replaces every word that begins as the keys and tokens of the known providers do with `[redacted]`, and what follows `Bearer`.
///
/// ```
/// use pool_core::mask_keys;
///
/// assert_eq!(mask_keys("no file sk-or-v1-test here"), "no file [redacted] here");
/// ```
#[must_use]
pub fn mask_keys(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut after_bearer = false;
    for part in text.split_inclusive(|c: char| !is_key_character(c)) {
        let word = part.trim_end_matches(|c: char| !is_key_character(c));
        let shown =
            if looks_like_key(word) || (after_bearer && word.len() >= SHORTEST_KEY) { MASK } else { word };
        masked.push_str(shown);
        masked.push_str(&part[word.len()..]);
        if !word.is_empty() {
            after_bearer = word.eq_ignore_ascii_case("bearer");
        }
    }
    masked
}

fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '*' | '~')
}

fn looks_like_key(word: &str) -> bool {
    word.len() >= SHORTEST_KEY
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
