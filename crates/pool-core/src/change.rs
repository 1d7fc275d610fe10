use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::credential::{Credential, CredentialId, Tokens};
use crate::provider::Provider;
use crate::record::{Judgement, Usage};
use crate::renewal::Renewal;
use crate::secret::Fingerprint;
use crate::source::Source;
use crate::standing::Standing;
use crate::transition::{Grant, Revive};

/// One edit of a pool as plain data. A store applies it to fresh data under its lock; nobody writes a snapshot back.
#[derive(Clone, Debug)]
pub struct Change {
    /// Whose pool.
    pub provider: Provider,
    /// What to do.
    pub action: Action,
}

/// What a [`Change`] does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Upstream failed with this credential.
    Fail {
        /// Who failed.
        target: Target,
        /// What it means.
        judgement: Judgement,
    },
    /// Upstream answered with this credential.
    Succeed {
        /// Who worked.
        target: Target,
        /// When the request began: what was judged after that still stands.
        began_at: DateTime<Utc>,
        /// The model that answered, where the caller named it: its own rest is over, too.
        model: Option<String>,
    },
    /// The operator clears one credential, or all of the provider.
    Reset {
        /// The one; all where there is none.
        id: Option<CredentialId>,
        /// Whether the dead come back too.
        revive: Revive,
    },
    /// A new credential. Its priority is set to come last, unless [`Place::AsGiven`]. Its source is suppressed no longer.
    Add {
        /// What it is.
        credential: Box<Credential>,
        /// Where it stands in line.
        place: Place,
    },
    /// The same for what another place offers, behind all others; refused where somebody removed it before.
    Seed {
        /// What it is.
        credential: Box<Credential>,
    },
    /// A credential goes. One that another place would only offer again stays away: its source is suppressed.
    Remove {
        /// Which one.
        target: Target,
    },
    /// What a source offers may be taken in again, whether or not it is there.
    Lift {
        /// Which source.
        source: Source,
    },
    /// The secret of a credential is replaced.
    Rotate {
        /// Which one, and the secret that is replaced: another one is refused as stale.
        target: Target,
        /// The new secrets; within one grant a refresh token that is left out keeps the old one (RFC 6749 section 6).
        tokens: Tokens,
        /// Whether it is our own refresh of the same grant.
        grant: Grant,
        /// When the new access token ends, where that is known.
        expires_at: Option<DateTime<Utc>>,
    },
    /// How far a renewal of a login came that has not succeeded: [`Action::Rotate`] ends it.
    NoteRefresh {
        /// Whose, and the refresh token that it is about: another one is refused as stale.
        target: Target,
        /// What to note; nothing where the token is as it was.
        refresh: Option<Renewal>,
    },
    /// We renewed a login where it is lent from, and wrote its new tokens there. Of one that is owned, [`Action::Rotate`] notes it.
    NoteRenewed {
        /// Whose, and a secret that it has now.
        target: Target,
        /// The refresh token that was spent for it.
        spent: Fingerprint,
    },
    /// These were handed out so often, and last then. Who is not there is left out.
    Count {
        /// Who, how often, and when last: added to what is there.
        uses: BTreeMap<CredentialId, Usage>,
    },
}

impl Action {
    /// Who it is about, where it is about one.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Fail { target, .. }
            | Self::Succeed { target, .. }
            | Self::Remove { target }
            | Self::Rotate { target, .. }
            | Self::NoteRefresh { target, .. }
            | Self::NoteRenewed { target, .. } => Some(target),
            Self::Reset { .. }
            | Self::Add { .. }
            | Self::Seed { .. }
            | Self::Lift { .. }
            | Self::Count { .. } => None,
        }
    }

    /// What it is called in a log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fail { .. } => "fail",
            Self::Succeed { .. } => "succeed",
            Self::Reset { .. } => "reset",
            Self::Add { .. } => "add",
            Self::Seed { .. } => "seed",
            Self::Remove { .. } => "remove",
            Self::Lift { .. } => "lift",
            Self::Rotate { .. } => "rotate",
            Self::NoteRefresh { .. } => "note_refresh",
            Self::NoteRenewed { .. } => "note_renewed",
            Self::Count { .. } => "count",
        }
    }
}

/// Where a new credential stands in line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Place {
    /// Behind all others.
    #[default]
    Last,
    /// Where its own priority puts it.
    AsGiven,
}

/// Who a change is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// The credential of this id, with the secret that is stored now.
    Id(CredentialId),
    /// The credential of this id, if this secret is still stored: what a lease knows.
    Held(CredentialId, Fingerprint),
    /// Whoever stores this secret.
    Secret(Fingerprint),
}

impl Target {
    /// A credential with the secret that it has now, so that a change does not hit its successor.
    #[must_use]
    pub fn of(credential: &Credential) -> Self {
        let id = credential.id.clone();
        match credential.subject() {
            Some(subject) => Self::Held(id, subject),
            None => Self::Id(id),
        }
    }

    /// Whether a credential is meant.
    #[must_use]
    pub fn means(&self, credential: &Credential) -> bool {
        match self {
            Self::Id(id) => credential.id == *id,
            Self::Held(id, subject) => credential.id == *id && credential.holds(*subject),
            Self::Secret(subject) => credential.holds(*subject),
        }
    }
}

/// What a change did.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// A failure was judged. Who was marked comes first to last in line; nobody where the request was at fault.
    Judged {
        /// How the credential that failed stands now.
        standing: Standing,
        /// All whose record the verdict changed.
        marked: Vec<CredentialId>,
    },
    /// The secret that was judged, or was to be replaced, is no longer stored: nothing changed.
    Stale,
    /// A success was taken in.
    Succeeded {
        /// How the credential stands now.
        standing: Standing,
    },
    /// So many records were cleared.
    Reset {
        /// Those that were not ok.
        cleared: Vec<CredentialId>,
    },
    /// The credential is in the pool.
    Added(CredentialId),
    /// The credential is gone.
    Removed(CredentialId),
    /// The secret was replaced.
    Rotated(CredentialId),
    /// What there is to say of a renewal is noted.
    Noted(CredentialId),
    /// A source is suppressed no longer.
    Lifted,
    /// Counters were added.
    Counted,
    /// Nothing is kept of it yet: counters wait for a write that has another reason.
    Waiting,
}

impl Outcome {
    /// What it is called in a log: the status that came of it, where it is about one credential.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Judged { standing, .. } | Self::Succeeded { standing } => standing.status(),
            Self::Stale => "stale",
            Self::Reset { .. } => "reset",
            Self::Added(_) => "added",
            Self::Removed(_) => "removed",
            Self::Rotated(_) => "rotated",
            Self::Noted(_) => "noted",
            Self::Lifted => "lifted",
            Self::Counted => "counted",
            Self::Waiting => "waiting",
        }
    }
}

/// Why a change cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Nobody has that id.
    #[error("no credential `{id}` in `{provider}`")]
    UnknownCredential {
        /// Where it was looked for.
        provider: Provider,
        /// What was looked for.
        id: CredentialId,
    },
    /// The provider has no pool.
    #[error("no credentials for `{provider}`")]
    UnknownProvider {
        /// What was looked for.
        provider: Provider,
    },
    /// What the store keeps under that name is no list of credentials.
    #[error("`{provider}` holds something else than credentials")]
    NotOurs {
        /// Whose.
        provider: Provider,
    },
    /// The same secret is there already.
    #[error("the same secret is already in `{provider}` as `{existing}`")]
    Duplicate {
        /// Where.
        provider: Provider,
        /// Who has it.
        existing: CredentialId,
    },
    /// The id is taken.
    #[error("the id `{id}` is already taken in `{provider}`")]
    IdTaken {
        /// Where.
        provider: Provider,
        /// The id.
        id: CredentialId,
    },
    /// Several entries share the id, so it names none of them.
    #[error("several credentials of `{provider}` share the id `{id}`")]
    Ambiguous {
        /// Where.
        provider: Provider,
        /// The id.
        id: CredentialId,
    },
    /// Somebody removed what this source offers, so that it stays away until it is added on purpose.
    #[error("`{source_word}` of `{provider}` was removed, and is suppressed since")]
    Suppressed {
        /// Where.
        provider: Provider,
        /// Which source, in the words of the file.
        source_word: Source,
    },
    /// The secret is lent by another place, so it cannot be replaced here.
    #[error("the secret of `{id}` in `{provider}` is lent by its source")]
    Borrowed {
        /// Where.
        provider: Provider,
        /// Who.
        id: CredentialId,
    },
    /// Other profiles use it too, so that it is not removed from here.
    #[error("`{id}` of `{provider}` is lent by the root store {}", root.display())]
    Lent {
        /// Where.
        provider: Provider,
        /// Who.
        id: CredentialId,
        /// The store that it can be removed from.
        root: PathBuf,
    },
}
