//! Whose account a token belongs to, read from its claims. Nothing is verified: the token is ours, and only
//! compared with our own.

use std::collections::HashMap;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::provider::Provider;
use crate::secret::{Fingerprint, Secret};
use crate::time;

/// The claim under which OpenAI nests what it says of a ChatGPT account.
const OPENAI_CLAIM: &str = "https://api.openai.com/auth";

/// RFC 7515 leaves the padding out; some issuers leave it in.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The claims of a JWT (RFC 7519), as far as they are asked for.
pub(crate) struct Claims {
    expires_at: Option<DateTime<Utc>>,
    account_id: Option<String>,
    user: Option<String>,
}

/// One level of claims, of which only those that are asked for are parsed.
type Level<'a> = HashMap<String, &'a RawValue>;

impl Claims {
    /// Reads the middle part of a token, if it is a JWT.
    pub(crate) fn of(token: &Secret) -> Option<Self> {
        let payload = token.expose().split('.').nth(1)?;
        let bytes = zeroize::Zeroizing::new(BASE64.decode(payload).ok()?);
        let claims: Level<'_> = serde_json::from_slice(&bytes).ok()?;
        let openai = claims.get(OPENAI_CLAIM).and_then(|claim| serde_json::from_str(claim.get()).ok());
        let openai: Level<'_> = openai.unwrap_or_default();
        let nested = |name| text(&openai, name).or_else(|| text(&claims, name));
        Some(Self {
            expires_at: claims.get("exp").and_then(|exp| time::parse_number(exp.get())),
            account_id: nested("chatgpt_account_id").or_else(|| text(&claims, "account_id")),
            user: nested("chatgpt_user_id")
                .or_else(|| text(&claims, "sub"))
                .or_else(|| text(&claims, "email")),
        })
    }

    /// `exp`, in seconds since 1970.
    pub(crate) fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }
}

fn text(claims: &Level<'_>, name: &str) -> Option<String> {
    let text: Option<String> = serde_json::from_str(claims.get(name)?.get()).ok();
    text.filter(|text| !text.is_empty())
}

/// One name for provider, account and user together. A part that is not known is never the same, so then there is none.
pub(crate) fn fingerprint(provider: &Provider, claims: &Claims) -> Option<Fingerprint> {
    let key = format!("{provider}\n{}\n{}", claims.account_id.as_ref()?, claims.user.as_ref()?);
    Some(Fingerprint::of(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> Secret {
        Secret::new(format!("e30.{}.c2ln", BASE64.encode(claims)))
    }

    fn account(claims: &str) -> Option<Fingerprint> {
        fingerprint(&Provider::new("openai-codex").unwrap(), &Claims::of(&token(claims))?)
    }

    #[test]
    fn the_same_account_and_user_are_the_same() {
        let laptop = account(
            r#"{"exp":1,"https://api.openai.com/auth":{"chatgpt_account_id":"a","chatgpt_user_id":"u"}}"#,
        );
        let desktop = account(r#"{"exp":2,"chatgpt_account_id":"a","sub":"u"}"#);
        assert!(laptop.is_some());
        assert_eq!(laptop, desktop);
    }

    #[test]
    fn an_unknown_part_is_never_the_same() {
        assert_eq!(account(r#"{"sub":"u"}"#), None);
        assert_eq!(account(r#"{"account_id":"a"}"#), None);
        assert_eq!(account(r#"{"account_id":7,"sub":"u"}"#), None);
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        for text in ["", "sk-test", "a.b", "a.!!!.c", "a.W10.c", "..", "é.é.é"] {
            assert!(Claims::of(&Secret::new(text.to_owned())).is_none(), "{text}");
        }
    }

    #[test]
    fn expiry_is_read_from_the_token() {
        let claims = Claims::of(&token(r#"{"exp":1780691220}"#)).unwrap();
        assert_eq!(time::format(claims.expires_at().unwrap()), "2026-06-05T20:27:00Z");
    }
}
