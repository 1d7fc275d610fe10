use std::fmt;
use std::time::Duration;

use pool_core::{Headers, Secret};
use zeroize::Zeroizing;

use crate::token_url::TokenUrl;

/// Sends one request, once: it follows no redirect and repeats nothing, since what it carries may be spent by one use.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Posts a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    ///
    /// When there is no whole answer; the error tells whether the token can have arrived.
    fn post(&self, request: &Request<'_>) -> Result<Response, SendError>;
}

/// What is posted to a token endpoint.
pub struct Request<'a> {
    /// Where to.
    pub url: &'a TokenUrl,
    /// Header fields without a secret.
    pub headers: Vec<(&'a str, &'a str)>,
    /// A header field that carries the token, for a provider that wants it there.
    pub token_header: Option<(&'a str, &'a Secret)>,
    /// The body.
    pub body: Zeroizing<String>,
    /// How long the whole exchange may take.
    pub timeout: Duration,
}

/// What came back.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body, as far as it is read.
    pub body: Zeroizing<Vec<u8>>,
}

/// Why there is no answer. The words name no secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// Nothing was sent: no address, no connection, no trust, or a token that no header can hold.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It may have arrived, and the answer did not.
    #[error("no whole answer: {0}")]
    Unclear(String),
    /// It may have arrived, and no answer came in time.
    #[error("no answer in time")]
    TimedOut,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Request").field("url", &self.url).finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
