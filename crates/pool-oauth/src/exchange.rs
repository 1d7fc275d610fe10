//! One exchange with a token endpoint: the request as its dialect wants it, and what the answer means.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{Failure, Secret, Tokens, time};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::answer::{Answer, has_phrase};
use crate::error::Trouble;
use crate::profile::{Encoding, Profile};
use crate::token_url::TokenUrl;
use crate::transport::{Request, Response, SendError, Transport};

/// New tokens.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) tokens: Tokens,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// What it says of its owner (OpenID Connect), where that came too.
    pub(crate) id_token: Option<Secret>,
}

/// No tokens: how far it came, and what was said.
#[derive(Debug)]
pub(crate) struct NotMinted {
    pub(crate) trouble: Trouble,
    pub(crate) failure: Box<Failure>,
}

/// Spends a refresh token.
pub(crate) fn exchange(
    profile: &Profile,
    transport: &dyn Transport,
    token: &Secret,
    now: impl Fn() -> DateTime<Utc>,
) -> Result<Minted, NotMinted> {
    let answer = transport.post(&request(profile, token)).map_err(not_answered)?;
    read(profile, &answer, now())
}

pub(crate) fn not_answered(error: SendError) -> NotMinted {
    let words = error.to_string();
    let (trouble, failure) = match error {
        SendError::NotSent(_) => (Trouble::NotSent, Failure::no_answer()),
        SendError::Unclear(_) => (Trouble::Unanswered, Failure::no_answer()),
        SendError::TimedOut => (Trouble::Unanswered, Failure::timed_out()),
    };
    NotMinted { trouble, failure: Box::new(failure.message(words)) }
}

fn request<'a>(profile: &'a Profile, token: &'a Secret) -> Request<'a> {
    let token_header = profile.dialect.token_header.map(|name| (name, token));
    let fields = [
        ("grant_type", Some("refresh_token")),
        ("refresh_token", token_header.is_none().then(|| token.expose())),
        ("client_id", profile.client_id.as_deref()),
    ];
    Request { token_header, ..post(profile, &profile.token_url, profile.encoding, &fields) }
}

/// A field of a request, where there is one.
type Field<'a> = (&'a str, Option<&'a str>);

const JSON: &str = "application/json";

/// A request with these fields, and with what every one of this profile has.
pub(crate) fn post<'a>(
    profile: &Profile,
    url: &'a TokenUrl,
    encoding: Encoding,
    fields: &[Field<'_>],
) -> Request<'a> {
    let (kind, body) = match encoding {
        Encoding::Form => ("application/x-www-form-urlencoded", form(fields)),
        // Texts under texts can always be written.
        Encoding::Json => (JSON, serde_json::to_string(&Object(fields)).unwrap_or_default()),
    };
    let own = [("Content-Type", kind), ("Accept", JSON)];
    Request {
        url,
        headers: own.into_iter().chain(profile.dialect.headers.iter().copied()).collect(),
        token_header: None,
        body: Zeroizing::new(body),
        timeout: profile.timeout,
    }
}

/// Those fields that there are, as a JSON object.
struct Object<'a>(&'a [Field<'a>]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter_map(|(name, value)| Some((name, (*value)?))))
    }
}

/// Those fields that there are, as a form.
fn form(fields: &[Field<'_>]) -> String {
    // Of the right size at once, so that no outgrown copy of the token is left behind.
    let longest = fields.iter().map(|(name, value)| name.len() + 2 + 3 * value.unwrap_or("").len()).sum();
    let mut text = String::with_capacity(longest);
    for &(name, value) in fields {
        let Some(value) = value else { continue };
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                    text.push(char::from(byte));
                }
                b' ' => text.push('+'),
                // Writing to a string cannot fail.
                byte => drop(write!(text, "%{byte:02X}")),
            }
        }
    }
    text
}

/// The tokens in an answer.
pub(crate) fn read(profile: &Profile, answer: &Response, now: DateTime<Utc>) -> Result<Minted, NotMinted> {
    let fields = Answer::of(&answer.body);
    if !(200..300).contains(&answer.status) {
        return Err(refused(profile, answer, answer.status, fields.as_ref()));
    }
    let unreadable = |why: &str| NotMinted {
        trouble: Trouble::Unanswered,
        failure: Box::new(Failure::http(answer.status).message(why)),
    };
    let Some(fields) = fields else {
        return Err(unreadable("the token endpoint answered with something else than tokens"));
    };
    // Whoever gives tokens has not refused, whatever else it says.
    let Some(access) = fields.token("access_token") else {
        return Err(if is_refusal(profile, &fields) {
            refused(profile, answer, 400, Some(&fields))
        } else {
            unreadable("the token endpoint answered without an access token")
        });
    };
    let lifetime = || profile.dialect.lifetime.map(|seconds| now + TimeDelta::seconds(seconds.into()));
    Ok(Minted {
        tokens: Tokens::access(access).with_refresh(fields.token("refresh_token")),
        expires_at: end_told(&fields, now).or_else(lifetime).map(time::truncate),
        id_token: fields.token("id_token"),
    })
}

/// Whether what has no tokens says why.
fn is_refusal(profile: &Profile, fields: &Answer) -> bool {
    let failed = |status: String| !status.eq_ignore_ascii_case("success");
    fields.is_refusal() || (profile.dialect.has_status && fields.text("status").is_some_and(failed))
}

/// What is not a success. Some refuse with a 200.
fn refused(profile: &Profile, answer: &Response, status: u16, fields: Option<&Answer>) -> NotMinted {
    let failure = Failure::http(status).with_headers(answer.headers.clone()).body(&answer.body);
    // A page, or another word of whoever stands in between, is no word about a grant.
    let error = fields.filter(|fields| is_refusal(profile, fields));
    let says_gone = |reason: String| profile.dialect.gone.iter().any(|phrase| has_phrase(&reason, phrase));
    let is_gone = matches!(status, 400 | 401) && error.is_some_and(|error| error.reasons().any(says_gone));
    let failure = if is_gone { failure.code("invalid_grant") } else { failure };
    // A gateway that waited in vain does not know what became of the token.
    let is_of_gateway = matches!(status, 502 | 504 | 524) && !fields.is_some_and(Answer::has_error);
    let trouble = if is_of_gateway { Trouble::Unanswered } else { Trouble::Refused };
    NotMinted { trouble, failure: Box::new(failure) }
}

/// What is good for longer than this has no end that is known.
const LONGEST_LIFETIME: TimeDelta = TimeDelta::days(3652);

/// When something ends, as an answer says. `expired_in` is of MiniMax.
pub(crate) fn end_told(fields: &Answer, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let told = ["expires_in", "expired_in"].into_iter().filter_map(|name| fields.value(name));
    told.into_iter().find_map(|told| ends_at(&told, now))
}

/// A lifetime in seconds, or a moment in milliseconds where it is nearer to that.
fn ends_at(told: &serde_json::Value, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let number = told.as_f64().or_else(|| told.as_str()?.trim().parse().ok())?;
    if !number.is_finite() || number <= 0.0 {
        return None;
    }
    let ends = if number > now.timestamp_millis() as f64 / 2.0 {
        DateTime::from_timestamp_millis(number as i64)
    } else {
        now.checked_add_signed(TimeDelta::try_seconds(number as i64)?)
    };
    ends.filter(|ends| *ends - now <= LONGEST_LIFETIME)
}
