//! The files that are other homes of logins: what a store has to know to lend from them, and to keep them up to date.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use pool_core::{Provider, Source, Tokens};
use pool_format::{Document, Lent};
use pool_store::{Access, LoginFile, LoginFormat};
use zeroize::Zeroizing;

use crate::login::{self, Login};
use crate::tool::{Places, Tool, named};

/// The files that lend to the entries of their tools, and those that have a copy of the login of an entry.
/// [`open`](crate::open()) opens a store with them.
///
/// ```
/// use std::path::Path;
///
/// use pool_sources::{Environment, Places, login_files};
///
/// let store = Path::new("/home/agent/.hermes/auth.json");
/// let places = Places::of(&Environment::of_user("/home/agent"), store, None).expect("a home folder is known");
/// assert!(login_files(&places).iter().any(|file| file.path == places.claude));
/// ```
#[must_use]
pub fn login_files(places: &Places) -> Vec<LoginFile> {
    let of_tool = |tool: Tool| LoginFile {
        provider: tool.provider(),
        source: tool.source(),
        path: tool.path(places).to_owned(),
        // Nobody but Codex CLI writes its file.
        access: if tool == Tool::Codex { Access::ReadOnly } else { Access::Unlocked },
        format: Arc::new(OfTool(tool)),
    };
    let nous = LoginFile {
        provider: named("nous"),
        source: Source::new("device_code"),
        path: places.nous.clone(),
        // Hermes takes over what is newer there before it renews, and locks it as it locks a store.
        access: Access::Locked,
        format: Arc::new(Nous),
    };
    Tool::ALL.into_iter().map(of_tool).chain([nous]).collect()
}

/// The logins that a root store keeps under `providers`: a program that works with a profile seeds its entries from there, and a
/// login that the profile renews is renewed there too.
#[must_use]
pub fn root_logins(root: &Path) -> Vec<LoginFile> {
    let mut files: Vec<LoginFile> = Vec::new();
    for (provider, source) in Source::SEEDED_LOGINS {
        let (provider, source, path) = (named(provider), Source::new(source), root.to_owned());
        // Two sources of one provider are one login, which is read once.
        let known = files.iter().find(|file| file.provider == provider).map(|file| Arc::clone(&file.format));
        let format = known.unwrap_or_else(|| Arc::new(Root(provider.clone())));
        files.push(LoginFile { provider, source, path, access: Access::Locked, format });
    }
    files
}

/// What a store keeps under `providers` of this one.
struct Root(Provider);

impl LoginFormat for Root {
    fn read(&self, text: Vec<u8>) -> Option<Lent> {
        Document::read(text).ok()?.provider_login(&self.0)
    }

    fn renew(&self, text: Vec<u8>, renewed: &Lent, now: DateTime<Utc>) -> Option<Zeroizing<String>> {
        let mut document = Document::read(text).ok()?;
        document.writable().ok()?;
        let spent = document.provider_login(&self.0)?.tokens.refresh_token().cloned()?;
        document.renew_provider_login(&self.0, |token| token == spent.fingerprint(), renewed, now);
        document.stamp(now).ok()?;
        Some(Zeroizing::new(document.render().as_str().to_owned()))
    }

    /// Thousands of credentials have some megabytes.
    fn longest(&self) -> u64 {
        64 * 1024 * 1024
    }
}

/// The file in which Hermes Agent shares a login to Nous Portal between its profiles.
struct Nous;

impl LoginFormat for Nous {
    fn read(&self, text: Vec<u8>) -> Option<Lent> {
        login::nous(text).ok().map(Lent::from)
    }

    fn renew(&self, text: Vec<u8>, renewed: &Lent, now: DateTime<Utc>) -> Option<Zeroizing<String>> {
        login::renew_nous(text, renewed, now).ok()
    }
}

/// The file of a tool.
pub(crate) struct OfTool(pub(crate) Tool);

impl LoginFormat for OfTool {
    fn read(&self, text: Vec<u8>) -> Option<Lent> {
        self.0.login(text).ok().map(Lent::from)
    }

    fn renew(&self, text: Vec<u8>, renewed: &Lent, _: DateTime<Utc>) -> Option<Zeroizing<String>> {
        let text = match self.0 {
            Tool::Codex => return None,
            Tool::Claude => login::renew_claude(text, renewed),
            Tool::Qwen => login::renew_qwen(text, renewed),
            Tool::Hermes => login::renew_hermes(text, renewed),
        };
        text.ok()
    }
}

impl From<Login> for Lent {
    fn from(Login { access, refresh, expires_at, owner: _ }: Login) -> Self {
        Self { tokens: Tokens::access(access).with_refresh(refresh), expires_at }
    }
}
