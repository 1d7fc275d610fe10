//! The facts in a body: codes, messages, and who is behind. Providers agree on few names, so all that are in use are read.

use serde_json::{Map, Value};

use crate::headers::Headers;
use crate::hint::beginning;
use crate::lenient;

/// What was found, the most telling of each kind first.
#[derive(Default)]
pub(super) struct Said {
    pub(super) codes: Vec<String>,
    pub(super) messages: Vec<String>,
    pub(super) upstream: Option<String>,
    pub(super) status: Option<u16>,
    /// The code of a refusal by a token endpoint (RFC 6749 section 5.2): a top-level `error`.
    pub(super) oauth_error: Option<String>,
    /// What was quoted: the error of a provider behind this one, or whatever stands within words. It may be the user's own text.
    pub(super) quoted: Quoted,
    pub(super) objects: Vec<Value>,
    /// The names of quotas that are spent: they tell whether one is that of a model, and little to people.
    quotas: Vec<String>,
}

/// Codes and words that somebody else said.
#[derive(Default)]
pub(super) struct Quoted {
    pub(super) codes: Vec<String>,
    pub(super) messages: Vec<String>,
}

/// Errors within errors are read so deep.
const DEEPEST: usize = 8;

/// Of a list of errors so many are read, and of a text so many objects.
const MOST: usize = 16;

/// Where an error says what kind it is, the most telling name first. `reason` is that of `google.rpc.ErrorInfo`.
const CODES: [&str; 11] = [
    "reason",
    "code",
    "error_code",
    "errorCode",
    "errorcode",
    "type",
    "__type",
    "error_type",
    "status",
    "Code",
    "status_code",
];

/// Where an error says it in words.
const MESSAGES: [&str; 12] = [
    "message",
    "error_description",
    "error_message",
    "errorMessage",
    "error_msg",
    "msg",
    "Message",
    "detail",
    "status_msg",
    "faultstring",
    "description",
    "title",
];

/// Where an error holds another one, which tells more.
const INNER: [&str; 12] = [
    "error",
    "details",
    "errors",
    "detail",
    "response",
    "innererror",
    "inner_error",
    "base_resp",
    "fault",
    "metadata",
    "body",
    "Error",
];

/// Where a status is repeated.
const STATUSES: [&str; 8] = [
    "status",
    "statusCode",
    "status_code",
    "http_status",
    "httpStatus",
    "http_code",
    "raw_status_code",
    "code",
];

/// Words that every error has, or none that means something.
const EMPTY_CODES: [&str; 5] = ["error", "none", "null", "unknown", "unknown_error"];

impl Said {
    /// Words alone.
    pub(super) fn words(messages: Vec<String>) -> Self {
        Self { messages, ..Self::default() }
    }

    fn done(mut self) -> Self {
        self.codes.append(&mut self.quotas);
        self
    }

    fn add_code(&mut self, code: &str) {
        if let Some(code) = clean_code(code)
            && !self.codes.contains(&code)
        {
            self.codes.push(code);
        }
    }

    /// Adds words for people. Some wrap another error in them.
    fn add_message(&mut self, message: &str, depth: usize) {
        let message = beginning(message.trim());
        if message.is_empty() {
            return;
        }
        let wrapped = if depth < DEEPEST { wrapped(message) } else { None };
        if let Some((before, value)) = wrapped {
            if before.trim().is_empty() {
                self.read(value, depth + 1);
                return;
            }
            self.quote(value, depth + 1);
        }
        if !self.messages.iter().any(|known| known == message) {
            self.messages.push(message.to_owned());
        }
    }

    fn read(&mut self, value: Value, depth: usize) {
        match value {
            Value::Object(object) if depth < DEEPEST => self.read_object(object, depth),
            Value::Array(list) if depth < DEEPEST => {
                for value in list.into_iter().take(MOST) {
                    self.read(value, depth + 1);
                }
            }
            Value::String(text) => self.add_text(&text, depth),
            _ => {}
        }
    }

    /// Reads what somebody else said.
    fn quote(&mut self, value: Value, depth: usize) {
        let mut said = Self::default();
        said.read(value, depth.max(1));
        self.quoted.codes.extend(said.codes.into_iter().chain(said.quoted.codes));
        self.quoted.messages.extend(said.messages.into_iter().chain(said.quoted.messages));
        self.quotas.extend(said.quotas);
        self.status = self.status.or(said.status);
        self.objects.extend(said.objects);
    }

    /// A text where an error was looked for: a code or words.
    fn add_text(&mut self, text: &str, depth: usize) {
        if is_code(text) {
            self.add_code(text);
        } else {
            self.add_message(text, depth);
        }
    }

    fn read_object(&mut self, mut object: Map<String, Value>, depth: usize) {
        if depth == 0 && self.oauth_error.is_none() {
            self.oauth_error = object.get("error").and_then(Value::as_str).and_then(clean_code);
        }
        for name in INNER {
            match object.get(name) {
                Some(Value::Object(_) | Value::Array(_)) => {
                    let inner = object.remove(name).unwrap_or_default();
                    self.read(inner, depth + 1);
                }
                Some(Value::String(text)) if matches!(name, "error" | "Error" | "errors") => {
                    self.add_text(text, depth);
                }
                _ => {}
            }
        }
        self.status = self.status.or_else(|| STATUSES.iter().find_map(|name| status(object.get(*name)?)));
        let mut prose = Vec::new();
        for name in CODES {
            match object.get(name) {
                Some(Value::String(code)) if is_code(code) => self.add_code(code),
                Some(Value::String(words)) => prose.push(words),
                Some(value @ Value::Number(code)) if status(value).is_none() => {
                    self.add_code(&code.to_string());
                }
                _ => {}
            }
        }
        for name in MESSAGES {
            if let Some(Value::String(message)) = object.get(name) {
                self.add_message(message, depth);
            }
        }
        // Some write words where others write a code.
        for words in prose {
            self.add_message(words, depth);
        }
        self.read_upstream(&object, depth);
        self.read_quotas(&object);
        object.retain(|_, value| !is_bulk(value));
        self.objects.push(Value::Object(object));
    }

    /// What an aggregator tells of the provider behind it: OpenRouter's `metadata`.
    fn read_upstream(&mut self, object: &Map<String, Value>, depth: usize) {
        if let Some(name) = object.get("provider_name").and_then(Value::as_str) {
            self.upstream = self.upstream.take().or_else(|| Some(name.to_owned()));
        }
        if let Some(raw) = object.get("raw").and_then(Value::as_str) {
            self.upstream = self.upstream.take().or_else(|| Some(String::new()));
            self.quote(Value::String(raw.to_owned()), depth);
        }
    }

    /// Which quota of `google.rpc.QuotaFailure` is spent: its name says whether it is that of one model.
    fn read_quotas(&mut self, object: &Map<String, Value>) {
        let violations = object.get("violations").and_then(Value::as_array);
        for violation in violations.into_iter().flatten().take(MOST) {
            let id = violation.get("quotaId").and_then(Value::as_str);
            self.quotas.extend(id.and_then(clean_code));
        }
    }
}

/// The facts in the value that a body is.
pub(super) fn in_value(value: Value) -> Said {
    let mut said = Said::default();
    said.read(value, 0);
    said.done()
}

/// The facts in words, and in the objects that stand between them.
pub(super) fn in_text(text: &str) -> Said {
    let mut said = Said::default();
    let mut rest = text;
    for _ in 0..MOST {
        let Some(at) = rest.find('{') else { break };
        match lenient::read(&rest[at..]) {
            Some((value, after)) => {
                said.quote(value, 1);
                rest = after;
            }
            None => rest = &rest[at + 1..],
        }
    }
    let words = match text.find('{') {
        Some(at) if !said.quoted.messages.is_empty() && !text[..at].trim().is_empty() => text[..at].trim(),
        _ => text,
    };
    if !words.is_empty() {
        said.messages.push(beginning(words).to_owned());
    }
    said.done()
}

/// The facts in the header fields: RFC 6750 section 3 (`WWW-Authenticate`), AWS and Azure.
pub(super) fn in_headers(headers: &Headers) -> Said {
    let mut said = Said::default();
    for name in ["x-amzn-errortype", "x-ms-error-code"] {
        if let Some(code) = headers.get(name) {
            said.add_code(code);
        }
    }
    if let Some(challenge) = headers.get("www-authenticate") {
        if let Some(code) = parameter(challenge, "error") {
            said.add_code(code);
        }
        if let Some(words) = parameter(challenge, "error_description") {
            said.add_message(words, DEEPEST);
        }
    }
    said
}

/// A parameter of a challenge: `error="invalid_token"`.
fn parameter<'a>(challenge: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = challenge;
    while let Some(at) = rest.find(name) {
        let (before, after) = rest.split_at(at);
        rest = after.split_at(name.len()).1;
        let is_name = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if let (true, Some(value)) = (is_name, rest.trim_start().strip_prefix('=')) {
            let value = value.trim_start();
            return match value.strip_prefix('"') {
                Some(quoted) => Some(quoted.split('"').next().unwrap_or(quoted)),
                None => value.split([',', ' ']).next(),
            };
        }
    }
    None
}

/// The error that a message wraps, and what stands before it: `litellm.AuthenticationError: OpenAIException - {"error": ...}`.
fn wrapped(message: &str) -> Option<(&str, Value)> {
    let at = message.find('{')?;
    let (before, rest) = message.split_at(at);
    let (value, _) = lenient::read(rest)?;
    let is_error = |object: &Map<String, Value>| {
        ["error", "message", "code", "detail", "errors"].iter().any(|name| object.contains_key(*name))
    };
    value.as_object().is_some_and(is_error).then_some((before, value))
}

/// Whether a text is a code rather than words: `rate_limit_exceeded`, `ThrottlingException`, `1302`.
fn is_code(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A code without what AWS puts around it: `com.amazon.coral#UnrecognizedClientException:http://internal`.
fn clean_code(code: &str) -> Option<String> {
    let code = code.trim();
    let code = code.split_once(":http").map_or(code, |(code, _)| code);
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    let is_empty = EMPTY_CODES.iter().any(|empty| empty.eq_ignore_ascii_case(code));
    (is_code(code) && !is_empty).then(|| code.to_owned())
}

fn status(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    u16::try_from(number).ok().filter(|status| (400..600).contains(status))
}

/// What tells nothing of when a limit resets, and may be large.
fn is_bulk(value: &Value) -> bool {
    matches!(value, Value::String(text) if text.len() > 1024)
}
