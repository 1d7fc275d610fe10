//! The real transport.

use std::io::{self, Read};
use std::time::Duration;

use ureq::{Agent, Error, SendBody};
use zeroize::Zeroizing;

use crate::transport::{Request, Response, SendError, Transport};

/// HTTP over rustls, with the roots that Mozilla trusts. A proxy is taken from the environment (`HTTPS_PROXY`), except for this
/// machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Http;

/// So much of an answer is read: tokens are some kilobytes.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// A connection is there by then, or will not be.
const CONNECT: Duration = Duration::from_secs(10);

impl Transport for Http {
    fn post(&self, request: &Request<'_>) -> Result<Response, SendError> {
        let agent = agent(request);
        let mut body = Watched { rest: request.body.as_bytes(), is_read: false };
        let mut post = agent.post(request.url.as_str());
        for (name, value) in &request.headers {
            post = post.header(*name, *value);
        }
        if let Some((name, token)) = request.token_header {
            post = post.header(name, token.expose());
        }
        post = post.header("Content-Length", request.body.len());
        let answer = post.send(SendBody::from_reader(&mut body));
        // The body is asked for once there is a connection, TLS and all, and the whole head is written. Before that a token cannot have
        // arrived, be it in the body or in the head: of a head that breaks off a server makes nothing. For an empty body nobody asks.
        let may_have_arrived = body.is_read || request.body.is_empty();
        let answer = answer.map_err(|error| kind_of(&error, may_have_arrived))?;
        let (head, body) = answer.into_parts();
        let mut bytes = Zeroizing::new(Vec::new());
        let read = body.into_with_config().limit(LONGEST_ANSWER).reader().read_to_end(&mut bytes);
        read.map_err(|error| kind_of(&Error::from(error), true))?;
        let headers =
            head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        Ok(Response { status: head.status.as_u16(), headers: headers.collect(), body: bytes })
    }
}

fn agent(request: &Request<'_>) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .timeout_connect(Some(CONNECT.min(request.timeout)))
        .timeout_global(Some(request.timeout))
        .user_agent(concat!("credential-pool/", env!("CARGO_PKG_VERSION")));
    let config = if request.url.is_loopback() { config.proxy(None) } else { config };
    config.build().into()
}

/// A body that knows whether any of it was taken.
struct Watched<'a> {
    rest: &'a [u8],
    is_read: bool,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_read = true;
        self.rest.read(buffer)
    }
}

fn kind_of(error: &Error, may_have_arrived: bool) -> SendError {
    match error {
        error if !may_have_arrived => SendError::NotSent(words(error)),
        Error::Timeout(_) => SendError::TimedOut,
        Error::Io(source) if matches!(source.kind(), io::ErrorKind::TimedOut) => SendError::TimedOut,
        error => SendError::Unclear(words(error)),
    }
}

/// What the library says is about hosts, certificates and sockets, and of nothing that was sent.
fn words(error: &Error) -> String {
    error.to_string()
}
