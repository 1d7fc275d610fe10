use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::account::Claims;

/// Words that people leave where a key should go (the list that Hermes Agent refuses).
const PLACEHOLDERS: [&str; 13] = [
    "*",
    "**",
    "***",
    "changeme",
    "your_api_key",
    "your-api-key",
    "placeholder",
    "example",
    "dummy",
    "null",
    "none",
    "your_api_key_here",
    "undefined",
];

/// A key or token: prints `[redacted]`, is wiped when the last copy is dropped, and is read only by [`Secret::expose`].
///
/// ```
/// use pool_core::Secret;
///
/// let secret = Secret::new("sk-live".to_owned());
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// assert_eq!(secret.expose(), "sk-live");
/// ```
#[derive(Clone)]
pub struct Secret {
    /// Shared, so that the secrets of a file need not be copied out of its text.
    text: Arc<Zeroizing<String>>,
    range: Range<usize>,
    known: Known,
}

/// What was worked out about a secret, once: a hash over a kilobyte costs more than a pick, and claims more than that.
#[derive(Clone, Default)]
struct Known {
    fingerprint: OnceLock<Fingerprint>,
    claims: OnceLock<Option<Box<Claims>>>,
}

impl Secret {
    /// Takes a secret in; the text is moved, not copied.
    #[must_use]
    pub fn new(text: String) -> Self {
        let range = 0..text.len();
        Self { text: Arc::new(Zeroizing::new(text)), range, known: Known::default() }
    }

    /// A secret that lies in a longer text, which stays in memory as long as the secret does. `None` where the range is
    /// none of that text.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use pool_core::Secret;
    /// use zeroize::Zeroizing;
    ///
    /// let file = Arc::new(Zeroizing::new("key = sk-live".to_owned()));
    /// let secret = Secret::within(&file, 6..13).expect("it is there");
    /// assert_eq!(secret.expose(), "sk-live");
    /// assert!(Secret::within(&file, 6..99).is_none());
    /// ```
    #[must_use]
    pub fn within(text: &Arc<Zeroizing<String>>, range: Range<usize>) -> Option<Self> {
        text.get(range.clone())?;
        Some(Self { text: Arc::clone(text), range, known: Known::default() })
    }

    /// The secret itself. Name it where it is used, and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.get(self.range.clone()).unwrap_or_default()
    }

    /// The name of this secret that may be written and shown.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        *self.known.fingerprint.get_or_init(|| Fingerprint::of(self.expose()))
    }

    /// What it says of its owner, where it is a JWT.
    pub(crate) fn claims(&self) -> Option<&Claims> {
        self.known.claims.get_or_init(|| Claims::of(self.expose()).map(Box::new)).as_deref()
    }

    /// What its owner is called, where it is a JWT that says so: e-mail, user name or principal.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.claims()?.label()
    }

    /// The claim that demands a region for requests with it, and the region, where it is a JWT that says so:
    /// `chatgpt_data_residency`, else `chatgpt_compute_residency`. Nothing is verified.
    #[must_use]
    pub fn residency(&self) -> Option<(&'static str, &str)> {
        self.claims()?.residency()
    }

    /// When it was made, where it is a JWT that says so.
    #[must_use]
    pub fn made_at(&self) -> Option<DateTime<Utc>> {
        self.claims()?.issued_at()
    }

    /// When it ends, where it is a JWT that says so.
    #[must_use]
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.claims()?.expires_at()
    }

    /// Whether there is nothing in it but white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.expose().trim().is_empty()
    }

    /// What is in it that no key has, and no header could carry: `a line break`, ...
    #[must_use]
    pub fn oddity(&self) -> Option<&'static str> {
        self.expose().chars().find_map(|c| match c {
            '\n' | '\r' => Some("a line break"),
            '\0' => Some("a NUL"),
            '\u{feff}' => Some("a byte order mark"),
            c if c.is_control() => Some("a control character"),
            _ => None,
        })
    }

    /// Whether a variable holds a stand-in rather than a key: shorter than four characters, `changeme`, `none`, ...
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        let text = self.expose().trim();
        text.chars().count() < 4 || PLACEHOLDERS.iter().any(|word| text.eq_ignore_ascii_case(word))
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// What a secret is called in the file: `sha256:` and the first 16 hex digits of its SHA-256.
///
/// ```
/// use pool_core::Fingerprint;
///
/// assert_eq!(Fingerprint::of("test").to_string(), "sha256:9f86d081884c7d65");
/// assert_eq!("sha256:9f86d081884c7d65".parse(), Ok(Fingerprint::of("test")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        Self(digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

impl From<Fingerprint> for u64 {
    /// Its 64 bits.
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A text that is no fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a fingerprint: `sha256:` and 16 hex digits are needed")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("sha256:").ok_or(FingerprintError)?;
        if digits.len() != 16 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(FingerprintError);
        }
        u64::from_str_radix(digits, 16).map(Self).map_err(|_| FingerprintError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_strictly() {
        for text in
            ["", "sha256:", "sha256:+f86d081884c7d65", "md5:9f86d081884c7d65", "sha256:9f86d081884c7d650"]
        {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError), "{text}");
        }
        let fingerprint = Fingerprint::of("");
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
    }

    #[test]
    fn stand_ins_are_told_from_keys() {
        for text in ["", "abc", "***", "CHANGEME", " none ", "your-api-key"] {
            assert!(Secret::new(text.to_owned()).is_placeholder(), "{text}");
        }
        assert!(!Secret::new("sk-or-v1-fake".to_owned()).is_placeholder());
    }
}
