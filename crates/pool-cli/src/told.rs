//! What upstream said, in whatever form somebody has it at hand.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use pool_core::{Failure, Headers, Kind, Verdict};

use crate::error::CommandError;
use crate::output;

/// So much is read: no answer of a provider is that long, and what matters is at its beginning.
const MOST: u64 = 64 * 1024 * 1024;

/// How the names of header fields begin: a line of a log may look like one, too.
const FIELDS: [&str; 9] = [
    "anthropic-",
    "cf-",
    "content-",
    "openai-",
    "retry-after",
    "set-cookie",
    "strict-transport-security",
    "www-authenticate",
    "x-",
];

/// What was read, and from where.
#[derive(Debug)]
pub(crate) struct Told {
    text: Vec<u8>,
    place: String,
}

impl Told {
    /// Reads a file; `-` is standard input.
    pub(crate) fn read(path: &Path) -> Result<Self, CommandError> {
        let is_input = path == Path::new("-");
        let place = if is_input { "standard input".to_owned() } else { path.display().to_string() };
        let text = if is_input { read_all(io::stdin().lock()) } else { File::open(path).and_then(read_all) };
        let mut text = text.map_err(|source| CommandError::Told { place: place.clone(), source })?;
        if u64::try_from(text.len()).is_ok_and(|length| length > MOST) {
            text.pop();
            output::print_warning(&format!("only the first 64 MiB of {place} were read"));
        }
        Ok(Self { text: received(text), place })
    }

    /// All of it, as text.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }

    /// The failure that a raw HTTP response tells.
    pub(crate) fn response(&self) -> Result<Failure, CommandError> {
        Failure::response(&self.text).ok_or_else(|| CommandError::NoResponse { place: self.place.clone() })
    }

    /// The failure that is told in any form. Where the form has no place for it, the status is the one given.
    pub(crate) fn failure(&self, status: Option<u16>) -> Result<Failure, CommandError> {
        if status.is_none() && self.text.trim_ascii().is_empty() {
            return Err(CommandError::NothingTold { place: self.place.clone() });
        }
        if let Some(failure) = Failure::response(&self.text) {
            return match (status, failure.status()) {
                (Some(given), Some(stated)) if given != stated => {
                    Err(CommandError::OtherStatus { given, stated })
                }
                _ => Ok(failure),
            };
        }
        let answer = || status.map_or_else(Failure::unstated, Failure::http);
        if let Some((headers, body)) = header_fields(&self.text) {
            return Ok(answer().with_headers(headers).body(body));
        }
        let is_object = self.text.trim_ascii_start().starts_with(b"{");
        let text = if is_object { Cow::from(&self.text) } else { Cow::from(without_secrets(&self.text)) };
        let failure = Failure::read(&text);
        let is_told = status.is_none() || failure.status() == status;
        Ok(if is_told { failure } else { answer().body(&text) })
    }

    /// Whether what it means is a failure: that of an answer below 400 must be known.
    pub(crate) fn check(&self, failure: &Failure, verdict: &Verdict) -> Result<(), CommandError> {
        match failure.status() {
            Some(status @ ..400) if verdict.kind == Kind::Unknown => {
                Err(CommandError::NoFailure { place: self.place.clone(), status })
            }
            _ => Ok(()),
        }
    }
}

/// A failure of a request for this model, where one is named.
pub(crate) fn about(failure: Failure, model: Option<&str>) -> Failure {
    match model {
        Some(model) => failure.for_model(model),
        None => failure,
    }
}

/// One byte more than counts shows that there was more.
fn read_all(source: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    source.take(MOST + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Of what `curl --verbose` prints, the last response alone, as it was received: the request has secrets in it.
fn received(text: Vec<u8>) -> Vec<u8> {
    let lines = || text.split_inclusive(|byte| *byte == b'\n');
    if !text.starts_with(b"* ") && !lines().any(|line| line.starts_with(b"< HTTP/")) {
        return text;
    }
    let mut response = Vec::new();
    for line in lines() {
        if line.starts_with(b"< HTTP/") {
            response.clear();
        }
        match line {
            [b'<', b' ', field @ ..] => response.extend_from_slice(field),
            b"<\r\n" | b"<\n" => response.push(b'\n'),
            [b'>', b' ' | b'\r' | b'\n', ..] | [b'{' | b'}', b' ', b'[', ..] => {}
            // What it says of itself matters where there was no answer.
            [b'*', b' ', ..] if response.starts_with(b"HTTP/") => {}
            body => response.extend_from_slice(body),
        }
    }
    response
}

/// Lines of a log without those that are header fields with a secret.
fn without_secrets(text: &[u8]) -> Vec<u8> {
    let name = |line: &[u8]| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        String::from_utf8_lossy(name).trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
    };
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !Headers::holds_a_secret(&name(line))).flatten().copied().collect()
}

/// The header fields of a response whose status line is missing, and the body behind them.
fn header_fields(text: &[u8]) -> Option<(Headers, &[u8])> {
    let mut headers = Headers::new();
    let mut is_known = false;
    let mut rest = text.trim_ascii_start();
    for _ in 0..Headers::MOST {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let (line, after) = rest.split_at(end);
        rest = after;
        if line.trim_ascii().is_empty() {
            break;
        }
        let line = String::from_utf8_lossy(line);
        let (name, value) = line.split_once(':')?;
        if !is_token(name) {
            return None;
        }
        is_known |= FIELDS.iter().any(|field| name.to_ascii_lowercase().starts_with(field));
        headers.push(name, value.trim());
    }
    is_known.then_some((headers, rest))
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
