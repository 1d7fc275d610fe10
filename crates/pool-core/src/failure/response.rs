//! Raw HTTP responses and bodies. Nothing of them is required to be well formed.

use std::borrow::Cow;

use serde_json::Value;

use super::{Answer, Failure, log, page, said};
use crate::headers::Headers;
use crate::hint::beginning;
use crate::lenient;

impl Failure {
    /// Reads a failure in whatever form it is at hand: a raw HTTP response, a JSON body, or a line of a log.
    ///
    /// ```
    /// use pool_core::Failure;
    ///
    /// let raw = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\n\r\n";
    /// assert_eq!(Failure::read(raw).status(), Some(429));
    ///
    /// let line = b"Error code: 401 - {'error': {'code': 'token_invalidated', 'message': 'Sign in again.'}}";
    /// assert_eq!(Failure::read(line).error_code(), Some("token_invalidated"));
    /// ```
    #[must_use]
    pub fn read(text: &[u8]) -> Self {
        if let Some(failure) = Self::response(text) {
            return failure;
        }
        let text = text_of(text);
        let body = match text.trim_start().chars().next() {
            Some('{' | '[' | '"' | '<') => Self::unstated().body(text.as_bytes()),
            _ => Self::unstated(),
        };
        // A line of a log may begin like a body: `[models] Error: ...`.
        if body.says_something() { body } else { log::read(&text) }
    }

    /// Reads a raw HTTP response: a status line, header fields, an empty line, a body. `None` where it does not begin with a status line.
    ///
    /// Of several heads in a row, as `curl --include` prints them behind a proxy, the last counts.
    #[must_use]
    pub fn response(raw: &[u8]) -> Option<Self> {
        let mut rest = raw.trim_ascii_start();
        let mut head = None;
        while let Some((status, after)) = status_line(rest) {
            let (headers, body) = header_fields(after);
            rest = body;
            head = Some((status, headers));
        }
        let (status, headers) = head?;
        Some(Self::http(status).with_headers(headers).body(rest))
    }

    /// Adds the header fields of the response.
    ///
    /// ```
    /// use pool_core::{Failure, Headers, Provider, classify};
    ///
    /// let headers = Headers::from_iter([("retry-after-ms", "2500")]);
    /// let failure = Failure::http(429).with_headers(headers);
    /// let now = chrono::DateTime::UNIX_EPOCH;
    /// let verdict = classify(&failure, &Provider::new("openai")?, now);
    /// assert_eq!(verdict.until, Some(now + chrono::TimeDelta::milliseconds(2500)));
    /// # Ok::<(), pool_core::NameError>(())
    /// ```
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.take(said::in_headers(&headers));
        self.headers = headers;
        self
    }

    /// Reads the body of the response: JSON of whatever shape, a page of HTML, or plain words. A status in the body counts where
    /// none is known.
    ///
    /// A body may be large: the first 64 KiB of its words are read, and of its values as many as an error has.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        let text = text_of(body);
        let text = text.trim();
        if page::is_page(text) {
            self.is_page = true;
            self.take(said::Said::words(page::words(beginning(text))));
        } else if let Some(form) = form(text) {
            self.take(said::in_value(form));
        } else if let Some(value) = value(text) {
            self.take(said::in_value(value));
        } else if !text.is_empty() {
            self.take(said::in_text(beginning(text)));
        }
        self
    }

    /// Takes in what was found; what is known already counts more.
    pub(super) fn take(&mut self, found: said::Said) {
        let said::Said { codes, messages, upstream, status, oauth_error, objects, quoted, .. } = found;
        for code in codes {
            if !self.codes.contains(&code) {
                self.codes.push(code);
            }
        }
        self.quoted_codes.extend(quoted.codes);
        for message in messages {
            if self.message.is_none() {
                self.message = Some(message);
            } else if !self.all_words().any(|words| words == message) {
                self.asides.push(message);
            }
        }
        self.quoted_words.extend(quoted.messages);
        // Some answer 200 and tell the true status in the body: OpenRouter once its model began, z.ai.
        if let (Answer::Unstated | Answer::Http(200..=299), Some(status)) = (self.answer, status) {
            self.is_status_told = self.answer != Answer::Unstated;
            self.answer = Answer::Http(status);
        }
        self.oauth_error = self.oauth_error.take().or(oauth_error);
        self.upstream = self.upstream.take().or(upstream);
        self.objects.extend(objects);
        // The status itself is no reason.
        let status = self.status().map(|status| status.to_string());
        self.codes.retain(|code| Some(code) != status.as_ref());
        self.quoted_codes.retain(|code| Some(code) != status.as_ref());
    }
}

/// The body of a token endpoint that answers as it is asked, in a form: `error=invalid_grant&error_description=...`.
fn form(text: &str) -> Option<Value> {
    let is_form = text.starts_with("error=") && !text.contains(char::is_whitespace);
    let member = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((name.to_owned(), Value::String(value.replace('+', " ").replace("%20", " "))))
    };
    is_form.then(|| beginning(text).split('&').filter_map(member).collect())
}

/// The object or list that a body is, also within a string; or the string.
fn value(text: &str) -> Option<Value> {
    match text.chars().next()? {
        '{' | '[' => lenient::read(text).map(|(value, _)| value),
        // A longer one is no error that was quoted: its beginning is read as words.
        '"' if beginning(text).len() == text.len() => {
            let inner: String = serde_json::from_str(text).ok()?;
            Some(value(inner.trim()).unwrap_or(Value::String(inner)))
        }
        _ => None,
    }
}

/// The text of these bytes. Almost all are text as they are, which is quick to see.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Splits off a status line such as `HTTP/1.1 429 Too Many Requests`.
fn status_line(raw: &[u8]) -> Option<(u16, &[u8])> {
    let after_name = raw.strip_prefix(b"HTTP/")?;
    let (line, rest) = line(after_name);
    let line = String::from_utf8_lossy(line);
    let status = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    (100..1000).contains(&status).then_some((status, rest))
}

/// The header fields up to the empty line, and the body after it.
fn header_fields(raw: &[u8]) -> (Headers, &[u8]) {
    let mut headers = Headers::new();
    let mut rest = raw;
    for _ in 0..Headers::MOST {
        let (field, after) = line(rest);
        rest = after;
        if field.is_empty() {
            break;
        }
        let field = String::from_utf8_lossy(field);
        if let Some((name, value)) = field.split_once(':') {
            headers.push(name.trim(), value.trim());
        }
    }
    (headers, rest)
}

/// The first line without its end, and what comes after it.
fn line(raw: &[u8]) -> (&[u8], &[u8]) {
    match raw.iter().position(|byte| *byte == b'\n') {
        Some(end) => (raw[..end].trim_ascii_end(), &raw[end + 1..]),
        None => (raw.trim_ascii_end(), &[]),
    }
}
