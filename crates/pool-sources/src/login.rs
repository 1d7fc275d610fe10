//! The logins in the files of other tools: read from their text, and renewed in it.

use chrono::{DateTime, Utc};
use pool_core::{Secret, time};
use pool_format::raw::{Object, Raw, decode};
use pool_format::{Lent, read_secret, read_time};
use zeroize::Zeroizing;

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

/// Nous Portal, as Hermes Agent shares it between its profiles.
pub(crate) fn nous(text: Vec<u8>) -> Result<Login, Flaw> {
    let login = Level::top(text)?;
    let access = login.secret("access_token")?;
    let refresh = login.secret("refresh_token")?;
    let (expires_at, owner) = (login.time("expires_at"), access.owner().map(str::to_owned));
    Ok(Login { expires_at, refresh: Some(refresh), owner, access })
}

/// The text of a file with new tokens where it has old ones; all else stays as it was, byte for byte.
pub(crate) fn renew_claude(text: Vec<u8>, renewed: &Lent) -> Result<Text, Flaw> {
    let mut top = Level::top(text)?;
    let mut login = top.level("claudeAiOauth")?;
    login.put_anthropic(renewed);
    top.object.set("claudeAiOauth", login.object.render());
    Ok(top.text())
}

pub(crate) fn renew_hermes(text: Vec<u8>, renewed: &Lent) -> Result<Text, Flaw> {
    let mut login = Level::top(text)?;
    login.put_anthropic(renewed);
    Ok(login.text())
}

pub(crate) fn renew_qwen(text: Vec<u8>, renewed: &Lent) -> Result<Text, Flaw> {
    let mut login = Level::top(text)?;
    login.put_secret("access_token", renewed.tokens.access_token());
    login.put_secret("refresh_token", renewed.tokens.refresh_token());
    login.put("expiry_date", in_milliseconds(renewed));
    Ok(login.text())
}

pub(crate) fn renew_nous(text: Vec<u8>, renewed: &Lent, now: DateTime<Utc>) -> Result<Text, Flaw> {
    let mut login = Level::top(text)?;
    login.put_secret("access_token", renewed.tokens.access_token());
    login.put_secret("refresh_token", renewed.tokens.refresh_token());
    login.put("expires_at", renewed.expires_at.map(|ends| Raw::string(&time::format(ends))));
    for name in ["obtained_at", "updated_at"] {
        login.put(name, Some(Raw::string(&time::format(now))));
    }
    Ok(login.text())
}

fn in_milliseconds(renewed: &Lent) -> Option<Raw> {
    renewed.expires_at.map(|ends| Raw::signed(ends.timestamp_millis()))
}

/// The text of a file. It is wiped.
type Text = Zeroizing<String>;

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
        match secret.oddity() {
            _ if secret.is_blank() => Ok(None),
            Some(what) => Err(Flaw::Odd { field: self.field(name), what }),
            None => Ok(Some(secret)),
        }
    }

    /// Zero stands for a time that is not known, and so does what is no time.
    fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        read_time(self.told(name)?.slice())
    }

    /// Null says nothing.
    fn told(&self, name: &str) -> Option<&Raw> {
        self.object.get(name).filter(|raw| !raw.is_null())
    }

    /// A refresh token that is left out stays as it was.
    fn put_secret(&mut self, name: &str, secret: Option<&Secret>) {
        if let Some(secret) = secret {
            self.object.set(name, Raw::string(secret.expose()));
        }
    }

    /// What is not known goes: an old end never outlives its token.
    fn put(&mut self, name: &str, value: Option<Raw>) {
        match value {
            Some(value) => self.object.set(name, value),
            None => {
                self.object.remove(name);
            }
        }
    }

    fn put_anthropic(&mut self, renewed: &Lent) {
        self.put_secret("accessToken", renewed.tokens.access_token());
        self.put_secret("refreshToken", renewed.tokens.refresh_token());
        self.put("expiresAt", in_milliseconds(renewed));
    }

    fn text(&self) -> Text {
        Zeroizing::new(self.object.render().as_str().to_owned())
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
