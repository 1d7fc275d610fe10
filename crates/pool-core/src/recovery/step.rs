use std::fmt;

use chrono::TimeDelta;

use crate::credential::CredentialId;
use crate::record::LastError;
use crate::standing::Standing;

/// What to do next about a request.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Send it with this credential.
    Use {
        /// Which one.
        id: CredentialId,
        /// Why it, and why now.
        why: Why,
    },
    /// Send it with the same credential again.
    Retry {
        /// Which one.
        id: CredentialId,
        /// After this time.
        after: TimeDelta,
        /// Why.
        why: Why,
    },
    /// Renew the token of this credential, and tell the machine what came of it.
    Refresh {
        /// Which one.
        id: CredentialId,
        /// Why.
        why: Why,
    },
    /// Nothing more to do.
    GiveUp(GaveUp),
}

/// Why a step is taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Why {
    /// It is the first try.
    First,
    /// The one before is out of this request.
    Rotated,
    /// A burst may be over in a moment.
    Throttled,
    /// The provider is busy or broken, or the way there is.
    BackingOff,
    /// Its token was not accepted, and can be renewed.
    TokenRefused,
    /// Its token was renewed meanwhile.
    TokenRenewed,
    /// The request would fail with any credential.
    NotTheirFault,
    /// The workspace demands a header that names its region.
    HeaderMissing,
    /// Waiting did not help, or would take too long.
    StillFailing,
    /// No credential is left that may be used.
    NobodyLeft,
    /// It worked.
    Answered,
}

impl Why {
    /// A few words for a log or a person.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first try",
            Self::Rotated => "the one before is out",
            Self::Throttled => "a burst may be over in a moment",
            Self::BackingOff => "the provider or the way to it is in trouble",
            Self::TokenRefused => "its token was refused and can be renewed",
            Self::TokenRenewed => "its token was renewed",
            Self::NotTheirFault => "it would fail with any credential",
            Self::HeaderMissing => {
                "the workspace demands its region in the header `x-openai-internal-codex-residency`"
            }
            Self::StillFailing => "waiting did not help, or would take too long",
            Self::NobodyLeft => "no credential is left to try",
            Self::Answered => "it was answered",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Why a request is given up: what upstream really said last, and how every credential stands.
#[derive(Clone, PartialEq, Debug)]
pub struct GaveUp {
    /// Why.
    pub why: Why,
    /// Who failed last, and what upstream said: in this request, else the last that is known of those who are out. Nobody where
    /// nothing ever failed.
    pub last_error: Option<(CredentialId, LastError)>,
    /// How every credential stands for this request, in line order: a rest for the model that it names counts, too.
    pub standings: Vec<(CredentialId, Standing)>,
}

impl fmt::Display for GaveUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.why)?;
        match &self.last_error {
            Some((id, error)) => {
                write!(formatter, "; {id} was last told: {}", error.kind)?;
                let said = error.message.as_deref().or(error.reason.as_deref());
                said.map_or(Ok(()), |said| write!(formatter, ": {said}"))
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for GaveUp {}

/// What upstream said last, and of whom. Of several at a time it is the first in line.
pub(super) fn last_error(standings: &[(CredentialId, Standing)]) -> Option<(CredentialId, LastError)> {
    let judged = standings.iter().map(|(id, standing)| (id, standing.judged()));
    let told = judged.filter_map(|(id, standing)| Some((id, standing.since(), standing.error()?)));
    // Of equals `max_by_key` takes the last.
    let (id, _, error) = told.rev().max_by_key(|(_, since, _)| *since)?;
    Some((id.clone(), error.clone()))
}
