//! What upstream said, as it can be read from whatever it sent: a raw HTTP response, a JSON body, a line of a log.

mod log;
mod page;
mod response;
mod said;

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::headers::Headers;
use crate::mask::mask_keys;

/// What upstream said, as parsed facts: nothing in it is judged yet.
///
/// ```
/// use pool_core::Failure;
///
/// let failure = Failure::http(429).code("rate_limit_exceeded").message("slow down");
/// assert_eq!(failure.status(), Some(429));
///
/// let body = br#"{"error": {"code": "token_revoked", "message": "Sign in again."}}"#;
/// assert_eq!(Failure::http(401).body(body).error_code(), Some("token_revoked"));
/// ```
#[derive(Clone, PartialEq)]
pub struct Failure {
    answer: Answer,
    origin: Origin,
    /// Codes, types and reasons, the most telling first.
    codes: Vec<String>,
    message: Option<String>,
    /// What else it said in words, such as the message of a provider behind this one.
    asides: Vec<String>,
    /// What somebody else said, as far as this answer quotes it: a provider behind this one, or the user.
    quoted_codes: Vec<String>,
    quoted_words: Vec<String>,
    /// The code of a refusal by a token endpoint, where the body has that form.
    oauth_error: Option<String>,
    /// Whether the body tells the status of an answer that was none of an error.
    is_status_told: bool,
    /// The provider behind this one, where it is named.
    upstream: Option<String>,
    is_page: bool,
    reset_at: Option<DateTime<Utc>>,
    model: Option<String>,
    headers: Headers,
    /// The objects of the body, the innermost first: they may tell when a limit resets.
    objects: Vec<Value>,
}

/// Whether there was an answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// One with this HTTP status.
    Http(u16),
    /// One whose status is not known: a bare body, or a line of a log.
    Unstated,
    /// None in time.
    TimedOut,
    /// No connection: a name that did not resolve, a refused connection, one that broke.
    Disconnected,
}

/// Who said it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Origin {
    /// The endpoint that serves models, as far as is known.
    #[default]
    Inference,
    /// The endpoint that renews tokens: what it refuses is the grant (RFC 6749 section 5.2).
    TokenEndpoint,
}

impl Failure {
    fn new(answer: Answer) -> Self {
        Self {
            answer,
            origin: Origin::Inference,
            codes: Vec::new(),
            message: None,
            asides: Vec::new(),
            quoted_codes: Vec::new(),
            quoted_words: Vec::new(),
            oauth_error: None,
            is_status_told: false,
            upstream: None,
            is_page: false,
            reset_at: None,
            model: None,
            headers: Headers::new(),
            objects: Vec::new(),
        }
    }

    /// An HTTP answer.
    #[must_use]
    pub fn http(status: u16) -> Self {
        Self::new(Answer::Http(status))
    }

    /// No HTTP answer at all: a name that did not resolve, a refused connection, one that broke.
    #[must_use]
    pub fn no_answer() -> Self {
        Self::new(Answer::Disconnected)
    }

    /// No HTTP answer in time.
    #[must_use]
    pub fn timed_out() -> Self {
        Self::new(Answer::TimedOut)
    }

    /// An answer whose status is not known.
    #[must_use]
    pub fn unstated() -> Self {
        Self::new(Answer::Unstated)
    }

    /// Sets the error code, type or reason of the body, such as `token_invalidated`. It comes before those of a body.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        let code = code.into();
        if !code.is_empty() {
            self.codes.insert(0, code);
        }
        self
    }

    /// Sets the words for people.
    #[must_use]
    pub fn message(self, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..self }
    }

    /// Sets when the limit resets, as the provider said. No header, field or phrase comes before it, and no cap applies to it.
    #[must_use]
    pub fn reset_at(self, time: DateTime<Utc>) -> Self {
        Self { reset_at: Some(time), ..self }
    }

    /// Names the model that the request was for: a limit of one model is then marked for that model only.
    #[must_use]
    pub fn for_model(self, model: impl Into<String>) -> Self {
        Self { model: Some(model.into()), ..self }
    }

    /// Sets who said it.
    #[must_use]
    pub fn origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// Whether there was an answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        self.answer
    }

    /// The HTTP status, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.answer {
            Answer::Http(status) => Some(status),
            Answer::Unstated | Answer::TimedOut | Answer::Disconnected => None,
        }
    }

    /// The most telling error code, type or reason.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        self.codes().next()
    }

    /// The words for people, empty where there were none.
    #[must_use]
    pub fn words(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// When the limit resets, as who reports it was told.
    #[must_use]
    pub fn stated_reset(&self) -> Option<DateTime<Utc>> {
        self.reset_at
    }

    /// The model that the request was for, where the caller named it.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The provider behind this one, where the answer names it.
    #[must_use]
    pub fn upstream(&self) -> Option<&str> {
        self.upstream.as_deref()
    }

    /// Whether it is an HTML page: an edge or a proxy spoke, not an API.
    #[must_use]
    pub fn is_page(&self) -> bool {
        self.is_page
    }

    /// Whether the endpoint that renews tokens is known to have said it.
    pub(crate) fn is_of_token_endpoint(&self) -> bool {
        self.origin == Origin::TokenEndpoint
    }

    /// The code of a refusal by a token endpoint (RFC 6749 section 5.2), where the body has that form.
    pub(crate) fn oauth_error(&self) -> Option<&str> {
        self.oauth_error.as_deref()
    }

    /// Whether only the body says so, of an answer whose own status is none of an error.
    pub(crate) fn is_status_told(&self) -> bool {
        self.is_status_told
    }

    /// The codes that this answer gives itself.
    pub(crate) fn own_codes(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(String::as_str)
    }

    /// All codes, those it quotes last.
    pub(crate) fn codes(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().chain(&self.quoted_codes).map(String::as_str)
    }

    /// What this answer says itself in words, the message first.
    pub(crate) fn own_words(&self) -> impl Iterator<Item = &str> {
        self.message.iter().chain(&self.asides).map(String::as_str)
    }

    /// All words, those it quotes last.
    pub(crate) fn all_words(&self) -> impl Iterator<Item = &str> {
        self.own_words().chain(self.quoted_words.iter().map(String::as_str))
    }

    pub(crate) fn headers(&self) -> &Headers {
        &self.headers
    }

    pub(crate) fn objects(&self) -> &[Value] {
        &self.objects
    }

    fn says_something(&self) -> bool {
        self.answer != Answer::Unstated || self.codes().next().is_some() || self.message.is_some()
    }

    /// What is worth keeping once it was judged: who said what. Headers and bodies go.
    pub(crate) fn essence(self) -> Self {
        let (asides, quoted_words) = (Vec::new(), Vec::new());
        Self { headers: Headers::new(), objects: Vec::new(), asides, quoted_words, ..self }
    }
}

/// Upstream may echo a key.
impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<String> = self.codes().map(mask_keys).collect();
        formatter
            .debug_struct("Failure")
            .field("answer", &self.answer)
            .field("codes", &codes)
            .field("message", &self.message.as_deref().map(mask_keys))
            .field("reset_at", &self.reset_at)
            .finish_non_exhaustive()
    }
}
