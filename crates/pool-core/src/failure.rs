use std::fmt;

use chrono::{DateTime, Utc};

use crate::mask::mask_keys;

/// What upstream said, as parsed facts: nothing in it is judged yet.
///
/// ```
/// use pool_core::Failure;
///
/// let failure = Failure::http(429).code("rate_limit_exceeded").message("slow down");
/// assert_eq!(failure.status(), Some(429));
/// ```
#[derive(Clone, PartialEq)]
pub struct Failure {
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    reset_at: Option<DateTime<Utc>>,
}

impl Failure {
    /// An HTTP answer.
    #[must_use]
    pub fn http(status: u16) -> Self {
        Self { status: Some(status), ..Self::no_answer() }
    }

    /// No HTTP answer at all: a name that did not resolve, a refused connection, a timeout.
    #[must_use]
    pub fn no_answer() -> Self {
        Self { status: None, code: None, message: None, reset_at: None }
    }

    /// Sets the error code, type or reason of the body, such as `token_invalidated`.
    #[must_use]
    pub fn code(self, code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// Sets the words for people.
    #[must_use]
    pub fn message(self, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..self }
    }

    /// Sets when the limit resets, as the provider said.
    #[must_use]
    pub fn reset_at(self, time: DateTime<Utc>) -> Self {
        Self { reset_at: Some(time), ..self }
    }

    /// The HTTP status, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The error code, type or reason.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The words for people, empty where there were none.
    #[must_use]
    pub fn words(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// When the limit resets, as the provider said outside of the message.
    #[must_use]
    pub fn stated_reset(&self) -> Option<DateTime<Utc>> {
        self.reset_at
    }
}

/// Upstream may echo a key.
impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Failure")
            .field("status", &self.status)
            .field("code", &self.code.as_deref().map(mask_keys))
            .field("message", &self.message.as_deref().map(mask_keys))
            .field("reset_at", &self.reset_at)
            .finish()
    }
}
