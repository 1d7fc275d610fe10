//! The logins in the files of other tools, read from their text.

use chrono::{DateTime, Utc};
use pool_core::Secret;
use pool_format::raw::{Object, Raw, decode};
use pool_format::{read_secret, read_time};

use crate::error::Flaw;

/// A login as its file holds it.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) access: Secret,
    pub(crate) refresh: Option<Secret>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// What its owner is called, where a token says so.
    pub(crate) owner: Option<String>,
}

/// Codex CLI: `tokens`, of which both are needed. Who logged in stands in the id token.
pub(crate) fn codex(text: Vec<u8>) -> Result<Login, Flaw> {
    let tokens = Level::top(text)?.level("tokens")?;
    let access = tokens.secret("access_token")?;
    let refresh = tokens.secret("refresh_token")?;
    let id = tokens.optional_secret("id_token")?;
    let owner = [Some(&access), id.as_ref()].into_iter().flatten().find_map(Secret::owner).map(str::to_owned);
    Ok(Login { expires_at: access.ends_at(), refresh: Some(refresh), owner, access })
}

/// Claude Code: `claudeAiOauth`, beside whatever else it keeps there.
pub(crate) fn claude(text: Vec<u8>) -> Result<Login, Flaw> {
    anthropic(&Level::top(text)?.level("claudeAiOauth")?)
}

/// Hermes Agent's own Anthropic login: the same fields, without the level around them.
pub(crate) fn hermes(text: Vec<u8>) -> Result<Login, Flaw> {
    anthropic(&Level::top(text)?)
}

fn anthropic(login: &Level) -> Result<Login, Flaw> {
    let access = login.secret("accessToken")?;
    let refresh = login.optional_secret("refreshToken")?;
    Ok(Login {
        expires_at: login.time("expiresAt"),
        owner: access.owner().map(str::to_owned),
        refresh,
        access,
    })
}

/// Qwen CLI.
pub(crate) fn qwen(text: Vec<u8>) -> Result<Login, Flaw> {
    let login = Level::top(text)?;
    let access = login.secret("access_token")?;
    let refresh = login.optional_secret("refresh_token")?;
    Ok(Login {
        expires_at: login.time("expiry_date"),
        owner: access.owner().map(str::to_owned),
        refresh,
        access,
    })
}

/// One object of a file, and its path in it.
struct Level {
    object: Object,
    path: String,
}

impl Level {
    fn top(text: Vec<u8>) -> Result<Self, Flaw> {
        Self::of(&decode(text)?.raw, String::new())
    }

    fn of(raw: &Raw, path: String) -> Result<Self, Flaw> {
        let object = Object::read(raw).ok_or_else(|| wrong(raw, &path, "an object"))?;
        Ok(Self { object, path })
    }

    fn level(&self, name: &str) -> Result<Self, Flaw> {
        let raw = self.told(name).ok_or_else(|| Flaw::Absent { field: self.field(name) })?;
        Self::of(raw, self.field(name))
    }

    fn secret(&self, name: &str) -> Result<Secret, Flaw> {
        self.optional_secret(name)?.ok_or_else(|| Flaw::Absent { field: self.field(name) })
    }

    /// A blank one counts as absent.
    fn optional_secret(&self, name: &str) -> Result<Option<Secret>, Flaw> {
        let Some(raw) = self.told(name) else { return Ok(None) };
        let secret = read_secret(raw.slice()).ok_or_else(|| wrong(raw, &self.field(name), "a string"))?;
        Ok(Some(secret).filter(|secret| !secret.is_blank()))
    }

    /// Zero stands for a time that is not known, and so does what is no time.
    fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        read_time(self.told(name)?.slice())
    }

    /// Null says nothing.
    fn told(&self, name: &str) -> Option<&Raw> {
        self.object.get(name).filter(|raw| !raw.is_null())
    }

    fn field(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

fn wrong(raw: &Raw, path: &str, wanted: &'static str) -> Flaw {
    let (line, column) = raw.place();
    let field = if path.is_empty() { "the file" } else { path }.to_owned();
    Flaw::WrongType { field, wanted, line, column }
}
