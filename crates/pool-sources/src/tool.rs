use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use pool_core::{AuthType, Provider, Source, Tokens};
use pool_store::{LoginFormat as _, read_short};

use crate::error::{Flaw, SourceError};
use crate::home::OfTool;
use crate::login::{self, Login};
use crate::offer::{Given, Offer};
use crate::open::Environment;

/// A tool that keeps a login in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tool {
    /// Codex CLI: `auth.json` in `$CODEX_HOME`, or `~/.codex`.
    Codex,
    /// Claude Code: `~/.claude/.credentials.json`.
    Claude,
    /// Qwen CLI: `~/.qwen/oauth_creds.json`.
    Qwen,
    /// Hermes Agent: `.anthropic_oauth.json` beside the store.
    Hermes,
}

/// Where the tools keep their files.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Places {
    /// The file of Codex CLI.
    pub codex: PathBuf,
    /// The file of Claude Code.
    pub claude: PathBuf,
    /// The file of Qwen CLI.
    pub qwen: PathBuf,
    /// The file of Hermes Agent.
    pub hermes: PathBuf,
    /// The file in which Hermes Agent shares a login to Nous Portal between its profiles.
    pub nous: PathBuf,
}

impl Places {
    /// The usual places: in the home folder of the user or where a variable says, and beside the store; what profiles share, beside
    /// the root behind it. Nowhere where no home folder is known.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use pool_sources::{Environment, Places};
    ///
    /// let store = Path::new("/home/agent/.hermes/auth.json");
    /// let places = Places::of(&Environment::of_user("/home/agent"), store, None).expect("a home folder is known");
    /// assert_eq!(places.codex, Path::new("/home/agent/.codex/auth.json"));
    /// assert_eq!(places.hermes, Path::new("/home/agent/.hermes/.anthropic_oauth.json"));
    /// ```
    #[must_use]
    pub fn of(environment: &Environment, store: &Path, root: Option<&Path>) -> Option<Self> {
        let home = environment.user.as_ref()?;
        let or = |named: &Option<PathBuf>, usual: PathBuf| named.clone().unwrap_or(usual);
        let codex = or(&environment.codex_home, home.join(".codex"));
        let shared = or(&environment.shared_auth, root.unwrap_or(store).with_file_name("shared"));
        Some(Self {
            codex: codex.join("auth.json"),
            claude: home.join(".claude/.credentials.json"),
            qwen: home.join(".qwen/oauth_creds.json"),
            hermes: store.with_file_name(".anthropic_oauth.json"),
            nous: shared.join("nous_auth.json"),
        })
    }
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Codex, Self::Claude, Self::Qwen, Self::Hermes];

    /// Whose pool its login is for.
    #[must_use]
    pub fn provider(self) -> Provider {
        named(match self {
            Self::Codex => "openai-codex",
            Self::Claude | Self::Hermes => "anthropic",
            Self::Qwen => "qwen-oauth",
        })
    }

    /// The source of its entries. That of Codex CLI is none that Hermes seeds: Hermes would put its own login in its place.
    #[must_use]
    pub fn source(self) -> Source {
        Source::new(match self {
            Self::Codex => "manual:codex_cli",
            Self::Claude => "claude_code",
            Self::Qwen => "qwen-cli",
            Self::Hermes => "hermes_pkce",
        })
    }

    /// Whether its login belongs to the home of the store, so that nobody need be asked before it is taken in.
    #[must_use]
    pub fn is_of_the_home(self) -> bool {
        self == Self::Hermes
    }

    /// Its file.
    #[must_use]
    pub fn path(self, places: &Places) -> &Path {
        match self {
            Self::Codex => &places.codex,
            Self::Claude => &places.claude,
            Self::Qwen => &places.qwen,
            Self::Hermes => &places.hermes,
        }
    }

    /// What the text of its file offers.
    ///
    /// # Errors
    ///
    /// When there is no login in it, or one to be taken in by value has ended.
    pub fn offer(self, text: Vec<u8>, now: DateTime<Utc>) -> Result<Offer, Flaw> {
        let (provider, source) = (self.provider(), self.source());
        let login = self.login(text)?;
        let label = login.owner.unwrap_or_else(|| source.as_str().trim_start_matches("manual:").to_owned());
        let given = if source.lends(&provider) {
            Given::ByReference(login.access)
        } else {
            // One that is renewed elsewhere may have been renewed since, and its refresh token is spent then.
            if let Some(at) = login.expires_at.filter(|at| *at <= now) {
                return Err(Flaw::Ended { at });
            }
            Given::ByValue(Tokens::access(login.access).with_refresh(login.refresh))
        };
        let (auth_type, expires_at) = (AuthType::OAuth, login.expires_at);
        Ok(Offer { provider, source, label, auth_type, base_url: None, expires_at, given })
    }

    /// What its file offers.
    ///
    /// # Errors
    ///
    /// When it is not there, cannot be read, or has no login in it.
    pub fn read(self, places: &Places, now: DateTime<Utc>) -> Result<Offer, SourceError> {
        let path = self.path(places);
        let text = read_short(path, OfTool(self).longest()).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SourceError::Missing { path: path.to_owned() },
            _ => SourceError::Unreadable { path: path.to_owned(), source },
        })?;
        self.offer(text, now).map_err(|source| SourceError::Flawed { path: path.to_owned(), source })
    }

    pub(crate) fn login(self, text: Vec<u8>) -> Result<Login, Flaw> {
        match self {
            Self::Codex => login::codex(text),
            Self::Claude => login::claude(text),
            Self::Qwen => login::qwen(text),
            Self::Hermes => login::hermes(text),
        }
    }
}

/// A name that is not empty.
pub(crate) fn named(name: &'static str) -> Provider {
    Provider::new(name).unwrap_or_else(|_| unreachable!("a provider of ours has no name"))
}
