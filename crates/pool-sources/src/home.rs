//! The files that are other homes of logins: what a store has to know to lend from them, and to keep them up to date.

use std::path::{Path, PathBuf};
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
    let of = |tool: Tool, format| home(tool.provider(), tool.source(), tool.path(places), format);
    vec![
        of(Tool::Claude, Home::Claude),
        of(Tool::Qwen, Home::Qwen),
        of(Tool::Hermes, Home::Hermes),
        // Nobody but Codex CLI writes its file.
        LoginFile { access: Access::ReadOnly, ..of(Tool::Codex, Home::Codex) },
        // Hermes takes over what is newer there before it renews, and locks it as it locks a store.
        LoginFile {
            access: Access::Locked,
            ..home(named("nous"), Source::new("device_code"), &places.nous, Home::Nous)
        },
    ]
}

/// The logins that a root store keeps under `providers`: a program that works with a profile seeds its entries from there, and a
/// login that the profile renews is renewed there too.
#[must_use]
pub fn root_logins(root: &Path) -> Vec<LoginFile> {
    let of = |provider, source| {
        let format = Arc::new(Root(named(provider)));
        let (provider, source, path) = (named(provider), Source::new(source), root.to_owned());
        LoginFile { provider, source, path, access: Access::Locked, format }
    };
    Source::SEEDED_LOGINS.iter().map(|(provider, source)| of(provider, *source)).collect()
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
        document.renew_provider_login(&self.0, &spent, renewed, now);
        document.stamp(now).ok()?;
        Some(Zeroizing::new(document.render().as_str().to_owned()))
    }

    /// Thousands of credentials have some megabytes.
    fn longest(&self) -> u64 {
        64 * 1024 * 1024
    }
}

fn home(provider: Provider, source: Source, path: &Path, format: Home) -> LoginFile {
    LoginFile {
        provider,
        source,
        path: PathBuf::from(path),
        access: Access::Unlocked,
        format: Arc::new(format),
    }
}

/// What stands where.
#[derive(Clone, Copy)]
enum Home {
    Codex,
    Claude,
    Qwen,
    Hermes,
    Nous,
}

impl LoginFormat for Home {
    fn read(&self, text: Vec<u8>) -> Option<Lent> {
        let login = match self {
            Self::Codex => login::codex(text),
            Self::Claude => login::claude(text),
            Self::Qwen => login::qwen(text),
            Self::Hermes => login::hermes(text),
            Self::Nous => login::nous(text),
        };
        let Login { access, refresh, expires_at, .. } = login.ok()?;
        Some(Lent { tokens: Tokens::access(access).with_refresh(refresh), expires_at })
    }

    fn renew(&self, text: Vec<u8>, renewed: &Lent, now: DateTime<Utc>) -> Option<Zeroizing<String>> {
        let text = match self {
            Self::Codex => return None,
            Self::Claude => login::renew_claude(text, renewed),
            Self::Qwen => login::renew_qwen(text, renewed),
            Self::Hermes => login::renew_hermes(text, renewed),
            Self::Nous => login::renew_nous(text, renewed, now),
        };
        text.ok()
    }
}
