//! The logins that a worker may find, as they lie on disk: facts, without a secret.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

/// A place where a login is looked for, and what is there.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// What is there.
    pub state: LoginState,
}

/// What is in a place for logins. Nobody was asked: a good one may have been revoked.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LoginState {
    /// No file, or no entry in it.
    Absent,
    /// A symlink to a file that is not there.
    Dangling(PathBuf),
    /// A file that nobody can make sense of.
    Unreadable(String),
    /// An entry without an access token, or without a refresh token.
    Empty,
    /// Tokens whose own claim says that they ended.
    Expired(DateTime<Utc>),
    /// Tokens that have not ended, as far as they say, and when they do.
    Good(Option<DateTime<Utc>>),
    /// A key instead of a login.
    ApiKey,
}

impl LoginState {
    /// Whether a worker that finds it can go on.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Good(_) | Self::ApiKey)
    }
}

/// The logins of Codex that a worker of one profile may find.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Logins {
    /// What the Codex CLI of the worker reads: `auth.json` in its `CODEX_HOME`, else in `.codex` in its home folder.
    pub codex: Place,
    /// The store of the profile.
    pub profile: Place,
    /// The store of the root behind it.
    pub root: Place,
    /// Where the tokens demand a region, which one.
    pub residency: Option<Residency>,
}

/// The region that a workspace demands in the header `x-openai-internal-codex-residency`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Residency {
    /// The claim that says so: `chatgpt_data_residency`, else `chatgpt_compute_residency`.
    pub claim: &'static str,
    /// Its value, such as `eu`.
    pub value: String,
}

impl Residency {
    /// The header that carries it (NousResearch/hermes-agent#23935).
    pub const HEADER: &str = "x-openai-internal-codex-residency";
}
