//! What stands in an answer. It may be the only copy of the tokens: whatever else is odd in it, they are read.

use pool_core::Secret;
use pool_format::raw::{Kind, Object, Raw, decode};

/// The object that a body is, of which each name counts as it stands last.
pub(crate) struct Answer(Object);

/// Where an answer that is no error says so all the same.
const NO_ERRORS: [&str; 5] = ["none", "null", "false", "ok", "success"];

/// Where others than RFC 6749 have a code, and what stands beside it where it is that of an error.
const CODES: [&str; 4] = ["code", "errcode", "error_code", "errorCode"];
const WORDS: [&str; 6] = ["message", "msg", "errmsg", "error_msg", "error_message", "error_description"];

impl Answer {
    /// Reads a body; `None` where it is no object.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let text = String::from_utf8_lossy(body).into_owned();
        Object::read(&decode(text.into_bytes()).ok()?.raw).map(Self)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Raw> {
        self.0.get(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.to_text()
    }

    /// The text of the first of these names that has one.
    pub(crate) fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().filter_map(|name| self.text(name)).find(|text| !text.trim().is_empty())
    }

    /// A token, where it is one: none has a control character, which no header could hold.
    pub(crate) fn token(&self, name: &str) -> Option<Secret> {
        let token = Secret::new(self.text(name)?);
        let is_whole = |c: char| !c.is_control() && c != char::REPLACEMENT_CHARACTER;
        (!token.is_blank() && token.expose().chars().all(is_whole)).then_some(token)
    }

    /// A number, or a string that may be one.
    pub(crate) fn value(&self, name: &str) -> Option<serde_json::Value> {
        serde_json::from_str(self.get(name)?.as_str()).ok()
    }

    /// Whether it has an error in the form of RFC 6749 section 5.2, or within an object of that name.
    pub(crate) fn has_error(&self) -> bool {
        self.get("error").is_some_and(says_something)
    }

    /// The code of that error, empty where it has none.
    pub(crate) fn error(&self) -> Option<String> {
        let inner = || self.within("error")?.text("code");
        self.has_error().then(|| self.text("error").or_else(inner).unwrap_or_default())
    }

    /// Whether it says that something went wrong, in whatever form.
    pub(crate) fn is_refusal(&self) -> bool {
        let has_one_of = |names: &[&str]| names.iter().any(|name| self.get(name).is_some_and(says_something));
        self.has_error()
            || self.get("success").is_some_and(|success| success.as_bool() == Some(false))
            || self
                .within("base_resp")
                .is_some_and(|inner| inner.get("status_code").is_some_and(says_something))
            || (has_one_of(&CODES) && has_one_of(&WORDS))
    }

    /// The codes and words of what went wrong.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = String> {
        let own = ["error", "code", "error_description", "message"].map(|name| self.text(name));
        let inner =
            self.within("error").map(|error| ["code", "type", "message"].map(|name| error.text(name)));
        let minimax = self.within("base_resp").and_then(|inner| inner.text("status_msg"));
        own.into_iter().chain(inner.into_iter().flatten()).chain([minimax]).flatten()
    }

    fn within(&self, name: &str) -> Option<Self> {
        Object::read(self.get(name)?).map(Self)
    }
}

/// Whether an error or a code is one: some send an empty one with every success.
fn says_something(value: &Raw) -> bool {
    match value.kind() {
        Kind::String => value.to_text().is_none_or(|text| {
            let text = text.trim();
            !text.is_empty() && text != "0" && !NO_ERRORS.iter().any(|none| text.eq_ignore_ascii_case(none))
        }),
        Kind::Number => !matches!(value.as_str(), "0" | "200"),
        Kind::Object => Object::read(value).is_some_and(|object| !object.is_empty()),
        _ => !matches!(value.as_str(), "null" | "false" | "[]"),
    }
}

/// Whether a text has a phrase, word by word, whatever stands between the words: `invalid_grant` is `invalid grant`.
pub(crate) fn has_phrase(text: &str, phrase: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    format!(" {words} ").contains(&format!(" {phrase} "))
}
