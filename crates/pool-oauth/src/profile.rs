//! What is known of each provider's token endpoint: a row a profile.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{Credential, Provider};

use crate::token_url::TokenUrl;

/// How a provider's logins are renewed.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The token endpoint. There is one: a token that may have been spent at one host is sent to no other.
    pub token_url: TokenUrl,
    /// The public client that the login was made for, where the endpoint wants to know.
    pub client_id: Option<String>,
    /// Where a device begins to log in, where that is known.
    pub device_url: Option<TokenUrl>,
    /// What a login asks for, separated by blanks, where the endpoint wants to know.
    pub scope: Option<String>,
    /// How the request is written.
    pub encoding: Encoding,
    /// So long before its end a token is due, if that is less than half of its life; 2 minutes by default.
    pub skew: TimeDelta,
    /// How long an exchange may take; 20 s by default.
    pub timeout: Duration,
    pub(crate) dialect: Dialect,
}

/// How a request is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`, as RFC 6749 section 6 has it.
    Form,
    /// A JSON object of the same fields.
    Json,
}

/// What a provider does otherwise than RFC 6749.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Header fields that it expects.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The header field that carries the refresh token, where that is not in the body.
    pub(crate) token_header: Option<&'static str>,
    /// How long a token is good where the answer does not say, in seconds.
    pub(crate) lifetime: Option<u32>,
    /// Phrases in an error that tell that the grant is gone, beside the codes of RFC 6749 and their kin.
    pub(crate) gone: &'static [&'static str],
    /// Whether an answer has a `status`, which is `success`, or what went wrong.
    pub(crate) has_status: bool,
    /// How a device logs in.
    pub(crate) flow: Flow,
}

/// How a device logs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// RFC 8628.
    Standard,
    /// The same, and who asks for the tokens proves that it asked for the code (RFC 7636).
    Proven,
    /// Codex: the device is told an authorization code, which it then exchanges.
    Codex,
    /// MiniMax: there is no code but that which people type; the proof is all that is secret.
    UserCode,
}

impl Flow {
    pub(crate) fn is_proven(self) -> bool {
        matches!(self, Self::Proven | Self::UserCode)
    }
}

const PLAIN: Dialect = Dialect {
    headers: &[],
    token_header: None,
    lifetime: None,
    gone: &[],
    has_status: false,
    flow: Flow::Standard,
};

/// A row: everything that is known.
struct Row {
    provider: &'static str,
    token_url: &'static str,
    client_id: &'static str,
    /// None where the way to log in is another, or not known.
    device_url: Option<&'static str>,
    /// What a new login asks for.
    scope: Option<&'static str>,
    encoding: Encoding,
    /// Seconds.
    skew: u32,
    /// Seconds.
    timeout: u8,
    dialect: Dialect,
}

const SKEW: u32 = 120;
const TIMEOUT: u8 = 20;

/// Endpoints, client ids, skews and timeouts are those of Hermes Agent 0.19, whose logins these are, and so is how a
/// device logs in, if nothing else is said; what else is known, and from where, stands at its row.
const ROWS: [Row; 6] = [
    Row {
        provider: "openai-codex",
        token_url: "https://auth.openai.com/oauth/token",
        client_id: "app_EMoamEEZ73f0CkXaXp7hrann",
        device_url: Some("https://auth.openai.com/api/accounts/deviceauth/usercode"),
        scope: None,
        encoding: Encoding::Form,
        skew: SKEW,
        timeout: TIMEOUT,
        dialect: Dialect { flow: Flow::Codex, ..PLAIN },
    },
    // One host: console.anthropic.com takes the same tokens, and must not be asked after it.
    Row {
        provider: "anthropic",
        token_url: "https://platform.claude.com/v1/oauth/token",
        client_id: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
        // It logs in with a browser: the page shows what is then pasted.
        device_url: None,
        scope: None,
        // As Claude Code sends it.
        encoding: Encoding::Json,
        skew: SKEW,
        timeout: TIMEOUT,
        // Answers without `expires_in` are good for an hour.
        dialect: Dialect {
            headers: &[("User-Agent", "claude-cli/2.0.0 (external, cli)")],
            lifetime: Some(3600),
            ..PLAIN
        },
    },
    // The endpoint that https://auth.x.ai/.well-known/openid-configuration names.
    Row {
        provider: "xai-oauth",
        token_url: "https://auth.x.ai/oauth2/token",
        client_id: "b1a00492-073a-47ea-816f-4c329264a828",
        device_url: Some("https://auth.x.ai/oauth2/device/code"),
        scope: Some("openid profile email offline_access grok-cli:access api:access"),
        encoding: Encoding::Form,
        skew: 3600,
        timeout: TIMEOUT,
        dialect: PLAIN,
    },
    Row {
        provider: "nous",
        token_url: "https://portal.nousresearch.com/api/oauth/token",
        client_id: "hermes-cli",
        device_url: Some("https://portal.nousresearch.com/api/oauth/device/code"),
        scope: Some("inference:invoke"),
        encoding: Encoding::Form,
        skew: SKEW,
        timeout: 15,
        // Reuse is told in the description alone.
        dialect: Dialect {
            token_header: Some("x-nous-refresh-token"),
            gone: &[
                "token reuse",
                "token reused",
                "token was reused",
                "token has been reused",
                "reuse of refresh token",
            ],
            ..PLAIN
        },
    },
    // Says `status` and `expired_in`; its refusals may come at 200, under names of their own.
    Row {
        provider: "minimax-oauth",
        token_url: "https://api.minimax.io/oauth/token",
        client_id: "78257093-7e40-4613-99e0-527b14b39113",
        device_url: Some("https://api.minimax.io/oauth/code"),
        scope: Some("group_id profile model.completion"),
        encoding: Encoding::Form,
        skew: 60,
        timeout: 15,
        dialect: Dialect {
            gone: &["invalid grant", "refresh token reused", "invalid refresh token"],
            has_status: true,
            flow: Flow::UserCode,
            ..PLAIN
        },
    },
    // Answers without `expires_in` are good for six hours. Hermes borrows the login of Qwen Code; how that logs in is known from its
    // own source, packages/core/src/qwen/qwenOAuth2.ts.
    Row {
        provider: "qwen-oauth",
        token_url: "https://chat.qwen.ai/api/v1/oauth2/token",
        client_id: "f0304373b74a44d2b584a3fb70ca9e56",
        device_url: Some("https://chat.qwen.ai/api/v1/oauth2/device/code"),
        scope: Some("openid profile email model.completion"),
        encoding: Encoding::Form,
        skew: SKEW,
        timeout: TIMEOUT,
        dialect: Dialect { lifetime: Some(21_600), flow: Flow::Proven, ..PLAIN },
    },
];

impl Profile {
    /// What is known of a provider; `None` where nothing is.
    ///
    /// ```
    /// use pool_core::Provider;
    /// use pool_oauth::Profile;
    ///
    /// let codex = Profile::known(&Provider::new("openai-codex")?).expect("it is in the table");
    /// assert_eq!(codex.token_url.as_str(), "https://auth.openai.com/oauth/token");
    /// assert!(Profile::known(&Provider::new("acme")?).is_none());
    /// # Ok::<(), pool_core::NameError>(())
    /// ```
    #[must_use]
    pub fn known(provider: &Provider) -> Option<Self> {
        let row = ROWS.iter().find(|row| row.provider == provider.as_str())?;
        Some(Self {
            token_url: row.token_url.parse().ok()?,
            client_id: Some(row.client_id.to_owned()),
            device_url: row.device_url.and_then(|url| url.parse().ok()),
            scope: row.scope.map(str::to_owned),
            encoding: row.encoding,
            skew: TimeDelta::seconds(row.skew.into()),
            timeout: Duration::from_secs(row.timeout.into()),
            dialect: row.dialect,
        })
    }

    /// A server that keeps to RFC 6749, at this address.
    #[must_use]
    pub fn standard(token_url: TokenUrl) -> Self {
        Self {
            token_url,
            client_id: None,
            device_url: None,
            scope: None,
            encoding: Encoding::Form,
            skew: TimeDelta::seconds(SKEW.into()),
            timeout: Duration::from_secs(TIMEOUT.into()),
            dialect: PLAIN,
        }
    }

    /// Whether a login should be renewed now: its token ends soon, has ended, or does not say when it ends. The end of a token that
    /// is not good for long is not soon before half of its life is over.
    #[must_use]
    pub fn is_due(&self, login: &Credential, now: DateTime<Utc>) -> bool {
        let Some(ends) = login.token_ends_at() else { return true };
        let half = login.token_made_at().filter(|made| *made < ends).map(|made| (ends - made) / 2);
        let skew = half.map_or(self.skew, |half| half.min(self.skew));
        now.checked_add_signed(skew).is_none_or(|soon| ends <= soon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_a_profile() {
        for row in &ROWS {
            let profile = Profile::known(&Provider::new(row.provider).unwrap());
            let profile = profile.unwrap_or_else(|| panic!("{} has no good address", row.provider));
            assert!(profile.token_url.as_str().starts_with("https://"), "{}", row.provider);
            assert_eq!(profile.device_url.is_some(), row.device_url.is_some(), "{}", row.provider);
            assert!(profile.timeout >= Duration::from_secs(5), "{}", row.provider);
        }
    }
}
