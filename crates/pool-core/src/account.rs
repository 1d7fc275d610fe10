//! Whose account a token belongs to, read from its claims. Nothing is verified: the token is ours, and only
//! compared with our own.

use std::fmt;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::provider::Provider;
use crate::secret::Fingerprint;
use crate::time;

/// The claim under which OpenAI nests what it says of a ChatGPT account.
const OPENAI_CLAIM: &str = "https://api.openai.com/auth";

/// Where a workspace keeps its data, and where it computes. The header that Codex CLI sends has the first of them.
const DATA_RESIDENCY: &str = "chatgpt_data_residency";
const COMPUTE_RESIDENCY: &str = "chatgpt_compute_residency";

/// RFC 7515 leaves the padding out; some issuers leave it in.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The claims of a JWT (RFC 7519), as far as they are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    expires_at: Option<DateTime<Utc>>,
    issued_at: Option<DateTime<Utc>>,
    /// The claims that name the account, the most telling first.
    accounts: [Option<Box<str>>; 2],
    /// The same of the user.
    users: [Option<Box<str>>; 3],
    label: Option<Box<str>>,
    /// The claim that demands a region, and which one.
    residency: Option<(&'static str, Box<str>)>,
}

impl Claims {
    /// Reads the middle part of a token, if it is a JWT.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let bytes = zeroize::Zeroizing::new(BASE64.decode(payload).ok()?);
        let claims: Level<'_> = serde_json::from_str(std::str::from_utf8(&bytes).ok()?).ok()?;
        let Level(
            [
                exp,
                iat,
                chatgpt_account,
                chatgpt_user,
                account,
                sub,
                openai,
                email,
                username,
                upn,
                data,
                compute,
            ],
        ) = claims;
        let openai = openai.and_then(|claim| serde_json::from_str(claim.get()).ok());
        let Level([_, _, openai_account, openai_user, .., openai_data, openai_compute]) =
            openai.unwrap_or_default();
        let first = |candidates: [Option<&RawValue>; 2]| candidates.into_iter().flatten().find_map(text);
        Some(Self {
            label: [email, username, upn].into_iter().flatten().find_map(name),
            expires_at: exp.and_then(|exp| time::parse_number(exp.get())),
            issued_at: iat.and_then(|iat| time::parse_number(iat.get())),
            accounts: [first([openai_account, chatgpt_account]), account.and_then(text)],
            users: [first([openai_user, chatgpt_user]), sub.and_then(text), email.and_then(text)],
            residency: [
                (DATA_RESIDENCY, [openai_data, data]),
                (COMPUTE_RESIDENCY, [openai_compute, compute]),
            ]
            .into_iter()
            .find_map(|(claim, values)| Some((claim, values.into_iter().flatten().find_map(region)?))),
        })
    }

    /// The account, by the most telling claim.
    fn account(&self) -> Option<&str> {
        self.accounts.iter().flatten().next().map(Box::as_ref)
    }

    /// The user, by the most telling claim.
    fn user(&self) -> Option<&str> {
        self.users.iter().flatten().next().map(Box::as_ref)
    }

    /// Whether both name the same account and user. A part that is not known is never the same.
    pub(crate) fn is_same_account(&self, other: &Self) -> bool {
        let known = self.account().is_some() && self.user().is_some();
        let same = (self.account(), self.user()) == (other.account(), other.user());
        known && same && !self.contradicts(other)
    }

    /// Whether a part that both name differs.
    pub(crate) fn contradicts(&self, other: &Self) -> bool {
        differ(&self.accounts, &other.accounts) || differ(&self.users, &other.users)
    }

    /// What people call the user: e-mail, `preferred_username` or `upn`.
    pub(crate) fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The claim that demands a region, and which one.
    pub(crate) fn residency(&self) -> Option<(&'static str, &str)> {
        self.residency.as_ref().map(|(claim, value)| (*claim, value.as_ref()))
    }

    /// `exp`, in seconds since 1970.
    pub(crate) fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// `iat`, in seconds since 1970.
    pub(crate) fn issued_at(&self) -> Option<DateTime<Utc>> {
        self.issued_at
    }
}

/// Whether the most telling claim that both have differs. One user has another value under each claim, so claims are compared with
/// themselves only: an issuer may leave one out.
fn differ(mine: &[Option<Box<str>>], theirs: &[Option<Box<str>>]) -> bool {
    let mut both = mine.iter().zip(theirs).filter_map(|(mine, theirs)| mine.as_ref().zip(theirs.as_ref()));
    both.next().is_some_and(|(mine, theirs)| mine != theirs)
}

/// The claims that are asked for, in this order.
const NAMES: [&str; 12] = [
    "exp",
    "iat",
    "chatgpt_account_id",
    "chatgpt_user_id",
    "account_id",
    "sub",
    OPENAI_CLAIM,
    "email",
    "preferred_username",
    "upn",
    DATA_RESIDENCY,
    COMPUTE_RESIDENCY,
];

/// One level of claims: those that are asked for, as they are spelled. Of several with a name the last counts.
#[derive(Default)]
struct Level<'a>([Option<&'a RawValue>; 12]);

impl<'de> Deserialize<'de> for Level<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LevelVisitor)
    }
}

struct LevelVisitor;

impl<'de> Visitor<'de> for LevelVisitor {
    type Value = Level<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut level = Level::default();
        while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            if let Some(index) = NAMES.iter().position(|known| says(name, known)) {
                level.0[index] = Some(value);
            }
        }
        Ok(level)
    }
}

/// Whether a key is this name, however it is escaped.
fn says(key: &RawValue, name: &str) -> bool {
    let key = key.get();
    let plain = key.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
    plain == Some(name)
        || (key.contains('\\') && serde_json::from_str(key).is_ok_and(|key: String| key == name))
}

fn text(claim: &RawValue) -> Option<Box<str>> {
    let text: Box<str> = serde_json::from_str(claim.get()).ok()?;
    (!text.is_empty()).then_some(text)
}

/// One name for provider, account and user together. A part that is not known is never the same, so then there is none.
pub(crate) fn fingerprint(provider: &Provider, claims: &Claims) -> Option<Fingerprint> {
    let key = format!("{provider}\n{}\n{}", claims.account()?, claims.user()?);
    Some(Fingerprint::of(&key))
}

/// A claim that may be shown to people.
fn name(claim: &RawValue) -> Option<Box<str>> {
    let name = text(claim)?;
    let name = name.trim();
    let is_shown = !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains(char::is_control);
    is_shown.then(|| name.into())
}

/// A region as a header can carry it. `no_constraint` demands none.
fn region(claim: &RawValue) -> Option<Box<str>> {
    let region = text(claim)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_region = region.len() <= LONGEST_REGION && region.bytes().all(is_plain);
    (is_region && !region.eq_ignore_ascii_case("no_constraint")).then_some(region)
}

/// Regions are `us`, `eu` and the like.
const LONGEST_REGION: usize = 64;

/// An address is 254 bytes long at most (RFC 5321).
const LONGEST_NAME: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64.encode(claims))
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
    fn only_the_same_claim_contradicts() {
        let nested = r#""https://api.openai.com/auth":{"chatgpt_account_id":"a","chatgpt_user_id":"u"}"#;
        let cases = [
            // A claim that moved, or is left out.
            (format!(r#"{{"sub":"s",{nested}}}"#), r#"{"sub":"s","chatgpt_account_id":"a"}"#, false, false),
            (format!("{{{nested}}}"), r#"{"sub":"s","account_id":"other"}"#, false, false),
            (format!("{{{nested}}}"), r#"{"chatgpt_account_id":"a","chatgpt_user_id":"u"}"#, false, true),
            // Of several that both have the most telling one: an address changes, and one user has several ways to sign in.
            (format!(r#"{{"sub":"s",{nested}}}"#), r#"{"sub":"t","chatgpt_user_id":"u"}"#, false, false),
            (
                r#"{"account_id":"a","sub":"s","email":"x"}"#.to_owned(),
                r#"{"account_id":"a","sub":"s","email":"y"}"#,
                false,
                true,
            ),
            // The same claim, another value.
            (format!(r#"{{"sub":"s",{nested}}}"#), r#"{"sub":"t"}"#, true, false),
            (format!("{{{nested}}}"), r#"{"chatgpt_account_id":"b","chatgpt_user_id":"u"}"#, true, false),
            // The same value under another claim, while one that both have differs.
            (
                r#"{"account_id":"a","chatgpt_user_id":"s","sub":"t"}"#.to_owned(),
                r#"{"account_id":"a","sub":"s"}"#,
                true,
                false,
            ),
        ];
        for (mine, theirs, contradicts, is_same) in cases {
            let (one, other) = (Claims::of(&token(&mine)).unwrap(), Claims::of(&token(theirs)).unwrap());
            for (one, other) in [(&one, &other), (&other, &one)] {
                let found = (one.contradicts(other), one.is_same_account(other));
                assert_eq!(found, (contradicts, is_same), "{mine} {theirs}");
            }
        }
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
            assert!(Claims::of(text).is_none(), "{text}");
        }
    }

    #[test]
    fn of_claims_the_last_of_a_name_counts_however_it_is_escaped() {
        let plain = account(r#"{"account_id":"a","sub":"u"}"#);
        assert!(plain.is_some());
        assert_eq!(account(r#"{"sub":"v","account_id":"a","s\u0075b":"u"}"#), plain);
    }

    #[test]
    fn an_owner_is_called_by_the_first_name_that_is_one() {
        let cases = [
            (r#"{"upn":"c","preferred_username":"b","email":"a@example.com"}"#, Some("a@example.com")),
            (r#"{"upn":"c","preferred_username":" b "}"#, Some("b")),
            (r#"{"upn":"c","email":"","preferred_username":7}"#, Some("c")),
            (r#"{"email":"a\u001b[2J"}"#, None),
            (r#"{"sub":"u"}"#, None),
        ];
        for (claims, name) in cases {
            let known = Claims::of(&token(claims));
            assert_eq!(known.as_ref().and_then(Claims::label), name, "{claims}");
        }
    }

    #[test]
    fn a_region_is_demanded_by_the_first_claim_that_names_one() {
        let cases = [
            (r#"{"chatgpt_compute_residency":"us"}"#, Some(("chatgpt_compute_residency", "us"))),
            (
                r#"{"chatgpt_compute_residency":"us","chatgpt_data_residency":"eu"}"#,
                Some(("chatgpt_data_residency", "eu")),
            ),
            (
                r#"{"https://api.openai.com/auth":{"chatgpt_data_residency":"eu"},"chatgpt_data_residency":"us"}"#,
                Some(("chatgpt_data_residency", "eu")),
            ),
            (
                r#"{"https://api.openai.com/auth":{"chatgpt_compute_residency":"eu"},"chatgpt_data_residency":"us"}"#,
                Some(("chatgpt_data_residency", "us")),
            ),
            (
                r#"{"chatgpt_data_residency":"no_constraint","chatgpt_compute_residency":"us"}"#,
                Some(("chatgpt_compute_residency", "us")),
            ),
            (
                r#"{"chatgpt_data_residency":"no_constraint","chatgpt_compute_residency":"NO_CONSTRAINT"}"#,
                None,
            ),
            (r#"{"chatgpt_data_residency":"","chatgpt_compute_residency":7}"#, None),
            (r#"{"chatgpt_data_residency":"us\r\nx: y"}"#, None),
            (r#"{"sub":"u"}"#, None),
        ];
        for (claims, expected) in cases {
            let known = Claims::of(&token(claims));
            assert_eq!(known.as_ref().and_then(Claims::residency), expected, "{claims}");
        }
    }

    #[test]
    fn expiry_is_read_from_the_token() {
        let claims = Claims::of(&token(r#"{"exp":1780691220}"#)).unwrap();
        assert_eq!(time::format(claims.expires_at().unwrap()), "2026-06-05T20:27:00Z");
    }
}
