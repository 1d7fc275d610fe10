use std::error::Error;
use std::iter;

use chrono::{DateTime, Utc};
use pool_core::{CredentialId, Kind, LastError, Provider, time};
use pool_store::StoreError;

use crate::settings::SettingsError;

/// Why a login was not renewed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The store cannot be read or changed, or somebody held a lock for too long.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not known how, or where.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It has no refresh token of its own.
    #[error("`{id}` in `{provider}` has no refresh token here")]
    NotALogin {
        /// Whose.
        provider: Provider,
        /// Which.
        id: CredentialId,
    },
    /// An attempt failed a moment ago for a passing reason.
    #[error("`{id}` in `{provider}` could not be renewed a moment ago; the next attempt is due at {}", time::format(*until))]
    Resting {
        /// Whose.
        provider: Provider,
        /// Which.
        id: CredentialId,
        /// When to try again.
        until: DateTime<Utc>,
    },
    /// It failed for a reason that passes.
    #[error("`{id}` in `{provider}` could not be renewed{}", said(error))]
    Passing {
        /// Whose.
        provider: Provider,
        /// Which.
        id: CredentialId,
        /// What went wrong.
        error: LastError,
        /// How far it came.
        trouble: Trouble,
        /// When to try again.
        until: DateTime<Utc>,
    },
    /// The account may not do this.
    #[error("`{id}` in `{provider}` may not be renewed{}", said(error))]
    NotEntitled {
        /// Whose.
        provider: Provider,
        /// Which.
        id: CredentialId,
        /// What was said.
        error: LastError,
    },
    /// The login is gone: revoked, spent, or lost.
    #[error("`{id}` in `{provider}` is dead{}", said(error))]
    Dead {
        /// Whose.
        provider: Provider,
        /// Which.
        id: CredentialId,
        /// Why.
        error: LastError,
    },
    /// It cannot be renewed any more: its refresh token is spent, and nobody has what it was spent for.
    #[error(
        "`{id}` in `{provider}` cannot be renewed any more{}; its token is good until {}",
        said(error),
        time::format(*until)
    )]
    Lost {
        /// Whose.
        provider: Provider,
        /// Which.
        id: CredentialId,
        /// What happened.
        error: LastError,
        /// When its access token ends, which stays in use until then.
        until: DateTime<Utc>,
    },
    /// It was removed; another program brought it back.
    #[error("`{id}` in `{provider}` was removed, and another program brought it back")]
    Removed {
        /// Whose.
        provider: Provider,
        /// Which.
        id: CredentialId,
    },
    /// It was renewed, and its new tokens could not be written. They are lost with this error.
    #[error("`{id}` in `{provider}` was renewed, and its new tokens could not be kept")]
    NotKept {
        /// Whose.
        provider: Provider,
        /// Which.
        id: CredentialId,
        /// Why not.
        source: StoreError,
    },
    /// The endpoint gave tokens of another account. They were thrown away.
    #[error(
        "the token endpoint of `{provider}` answered `{id}` with the tokens of another account, which were not kept"
    )]
    OtherAccount {
        /// Whose.
        provider: Provider,
        /// Which.
        id: CredentialId,
    },
}

/// Why nobody is logged in.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The store cannot be read or changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not known where a device begins.
    #[error("it is not known where a device logs in to this provider")]
    NoDeviceUrl,
    /// The system has no random numbers, and without them anybody could fetch the login.
    #[error("the system gives no random numbers, and a login must not be guessed")]
    NoRandomness,
    /// There was no answer, or a refusal.
    #[error("the server gave no login{}", said(_0))]
    NotGiven(LastError),
    /// What came back is neither a code nor tokens.
    #[error("the server answered with something else than a login, which was not kept")]
    Unreadable,
    /// The person said no.
    #[error("the login was refused in the browser")]
    Denied,
    /// Nobody typed the code in.
    #[error("the code was not used in time")]
    Expired,
    /// It has no tokens that could be replaced.
    #[error("`{id}` is an API key, or lent by another place: a login cannot take its place")]
    NotReplaceable {
        /// Which.
        id: CredentialId,
    },
    /// Somebody else logged in than whose credential it is.
    #[error("that login is of another account than `{id}`, and was not kept")]
    OtherAccount {
        /// Which.
        id: CredentialId,
    },
}

/// How far an exchange came that gave no tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The token was not sent.
    NotSent,
    /// It may have been spent: nobody knows.
    Unanswered,
    /// The endpoint refused.
    Refused,
}

impl RefreshError {
    /// Whether the same may work in a moment.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Resting { .. } | Self::Passing { .. } => true,
            Self::Store(error) => error.is_locked(),
            _ => false,
        }
    }

    /// What a request is told of it: the words of the endpoint, where it said any, else our own.
    #[must_use]
    pub fn last_error(&self) -> LastError {
        match self {
            Self::Passing { error, .. }
            | Self::NotEntitled { error, .. }
            | Self::Dead { error, .. }
            | Self::Lost { error, .. } => error.clone(),
            _ => LastError { kind: Kind::Auth, code: None, reason: None, message: Some(in_one_line(self)) },
        }
    }
}

fn in_one_line(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |error| Error::source(*error));
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn said(error: &LastError) -> String {
    let words = [error.reason.as_deref(), error.message.as_deref()];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    let code = error.code.map(|code| format!("HTTP {code}"));
    let all: Vec<&str> = code.as_deref().into_iter().chain(words).collect();
    if all.is_empty() { String::new() } else { format!(": {}", all.join(", ")) }
}
