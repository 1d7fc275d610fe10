use std::fmt;

use crate::provider::Provider;

/// The login whose secret belongs to the store too although Hermes Agent seeds it from a file of its own.
const OWN_FILE: (&str, &str) = ("anthropic", "hermes_pkce");

/// Where a credential came from: `manual`, `manual:device_code`, `env:OPENROUTER_API_KEY`, `device_code`, ...
///
/// ```
/// use pool_core::Source;
///
/// assert!(Source::new("manual:device_code").is_manual());
/// assert_eq!(Source::new("env:HF_TOKEN").environment_variable(), Some("HF_TOKEN"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Source(Box<str>);

impl Source {
    /// The providers and sources of the logins that Hermes Agent keeps under `providers`, and seeds its entries from. Their secrets
    /// belong to the store (for xAI the source was `loopback_pkce` up to 0.17 and is `device_code` in 0.19).
    pub const SEEDED_LOGINS: [(&'static str, &'static str); 5] = [
        ("minimax-oauth", "oauth"),
        ("nous", "device_code"),
        ("openai-codex", "device_code"),
        ("xai-oauth", "device_code"),
        ("xai-oauth", "loopback_pkce"),
    ];

    /// Takes the source as the file spells it.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// What a person added by hand.
    #[must_use]
    pub fn manual() -> Self {
        Self::new("manual")
    }

    /// The source as the file spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether programs take both for one: letter case is set aside.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    /// Whether a person put it there, so that nothing will seed it again: `manual` and `manual:*`.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        self.0.eq_ignore_ascii_case("manual") || self.after_prefix("manual:").is_some()
    }

    /// Whether a program takes it in from another place, and would do so again once it is removed: all that is not
    /// `manual`.
    #[must_use]
    pub fn is_seeded(&self) -> bool {
        !(self.0.is_empty() || self.is_manual())
    }

    /// The variable that holds the secret, of an `env:*` source.
    #[must_use]
    pub fn environment_variable(&self) -> Option<&str> {
        self.after_prefix("env:").filter(|name| !name.is_empty())
    }

    /// Whether the secret lives elsewhere and is only lent: the file then holds its fingerprint, never its value.
    ///
    /// A source that nobody knows lends too, since another program of this file strips what it does not own.
    #[must_use]
    pub fn lends(&self, provider: &Provider) -> bool {
        self.is_seeded() && !self.is_owned_login(provider)
    }

    fn is_owned_login(&self, provider: &Provider) -> bool {
        Self::SEEDED_LOGINS
            .iter()
            .chain([&OWN_FILE])
            .any(|(owner, source)| provider.is_called(owner) && self.0.eq_ignore_ascii_case(source))
    }

    fn after_prefix(&self, prefix: &str) -> Option<&str> {
        let (head, tail) = self.0.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some(tail)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lends_and_who_owns() {
        let cases = [
            ("openrouter", "manual", false),
            ("openrouter", "", false),
            ("openrouter", "Manual:dashboard_pkce", false),
            ("openrouter", "env:OPENROUTER_API_KEY", true),
            ("openai-codex", "device_code", false),
            ("OpenAI-Codex", "DEVICE_CODE", false),
            ("xai-oauth", "device_code", false),
            ("openrouter", "device_code", true),
            ("anthropic", "claude_code", true),
            ("anthropic", "hermes_pkce", false),
            ("acme", "vault:prod", true),
        ];
        for (provider, source, lends) in cases {
            let provider = Provider::new(provider).unwrap();
            assert_eq!(Source::new(source).lends(&provider), lends, "{provider} {source}");
        }
    }

    #[test]
    fn a_short_or_odd_source_is_not_cut_in_a_character() {
        for text in ["é", "manua", "manual", "manuaé:", "env:", "ENV:X"] {
            let source = Source::new(text);
            let _: (bool, Option<&str>) = (source.is_manual(), source.environment_variable());
        }
        assert_eq!(Source::new("env:").environment_variable(), None);
        assert_eq!(Source::new("ENV:X").environment_variable(), Some("X"));
    }
}
