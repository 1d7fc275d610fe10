use std::fmt;

use crate::mask::{MASK, mask_keys};

/// Headers whose value is a secret as a whole.
const SECRET: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
];

/// The header fields of an HTTP answer, in the order received. Their names are case-insensitive, and kept in lower case.
///
/// `Debug` prints no secrets: what looks like a key is masked, and so is the whole value of headers such as `set-cookie`.
///
/// ```
/// use pool_core::Headers;
///
/// let mut headers = Headers::from_iter([("Retry-After", "20"), ("Set-Cookie", "session=canary")]);
/// headers.push("retry-after", "60");
/// assert_eq!(headers.get("RETRY-AFTER"), Some("20"));
/// assert_eq!(headers.iter().count(), 3);
/// assert!(!format!("{headers:?}").contains("canary"));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers {
    fields: Vec<(String, String)>,
}

impl Headers {
    /// A response has fewer header fields than this; what comes after them counts as its body.
    pub const MOST: usize = 200;

    /// No headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field after those that are there, even to one of the same name.
    pub fn push(&mut self, name: impl AsRef<str>, value: impl Into<String>) {
        self.fields.push((name.as_ref().to_ascii_lowercase(), value.into()));
    }

    /// The value of the first field of that name, whatever the case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Whether the value of a header of this name is a secret as a whole.
    #[must_use]
    pub fn holds_a_secret(name: &str) -> bool {
        SECRET.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Names and values, in the order received.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut headers = Self::new();
        for (name, value) in fields {
            headers.push(name, value);
        }
        headers
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = |(name, value)| {
            let value = if Self::holds_a_secret(name) { MASK.to_owned() } else { mask_keys(value) };
            (mask_keys(name), value)
        };
        formatter.debug_map().entries(self.iter().map(masked)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_the_first_wins() {
        let headers = Headers::from_iter([("X-RateLimit-Reset", "1"), ("x-ratelimit-reset", "2")]);
        assert_eq!(headers.get("x-RATELIMIT-reset"), Some("1"));
        assert_eq!(headers.get("x-ratelimit"), None);
        assert_eq!(headers, Headers::from_iter([("x-ratelimit-reset", "1"), ("X-RateLimit-Reset", "2")]));
        assert!(headers.iter().eq([("x-ratelimit-reset", "1"), ("x-ratelimit-reset", "2")]));
    }

    #[test]
    fn debug_prints_no_secret() {
        let secrets = [
            ("Authorization", "Basic plain-canary"),
            ("Proxy-Authorization", "plain-canary"),
            ("Cookie", "plain-canary"),
            ("Set-Cookie", "plain-canary=1; Path=/"),
            ("X-Api-Key", "plain-canary"),
            ("Api-Key", "plain-canary"),
            ("X-Goog-Api-Key", "plain-canary"),
            ("X-Echo", "Incorrect key: sk-canary-canary"),
            ("WWW-Authenticate", "Bearer canary-canary"),
            ("sk-canary-canary", ""),
        ];
        for secret in secrets {
            let headers = Headers::from_iter([secret, ("retry-after", "20")]);
            let shown = format!("{headers:?}");
            assert!(!shown.contains("canary") && shown.contains(r#""retry-after": "20""#), "{shown}");
        }
    }
}
