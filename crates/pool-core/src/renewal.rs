use chrono::{DateTime, Utc};

use crate::credential::Credential;
use crate::secret::Fingerprint;

/// What is on record of a renewal of a login that has not succeeded: the refresh token stays where it is meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Renewal {
    /// The refresh token that it is about: it says nothing of another one.
    pub subject: Fingerprint,
    /// When the token was first sent, or when the attempt failed.
    pub at: DateTime<Utc>,
    /// How far it came.
    pub stage: Stage,
}

/// How far a renewal came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The token is about to be sent, or was: until an answer is kept, nobody knows whether it is spent.
    Begun {
        /// The process that sends it.
        pid: u32,
        /// Whether this is the one more attempt after one whose answer never came.
        is_retry: bool,
    },
    /// The token was sent, and no answer came, or none that can be read: it may be spent.
    Unanswered {
        /// The one more attempt is not made before this.
        until: DateTime<Utc>,
    },
    /// The token was spent, or may be, and nobody has what it was spent for: it is not sent again.
    Lost,
    /// It failed for a passing reason, and the token is as good as before.
    Resting {
        /// Nobody tries again before this.
        until: DateTime<Utc>,
    },
}

/// The secrets of a credential that were replaced, the last one first. Where one of them is stored again, somebody wrote it back from a
/// stale memory; the last few are remembered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replaced(Vec<Fingerprint>);

impl Replaced {
    /// So many are remembered.
    pub const MOST: usize = 8;

    /// These, the last one first.
    #[must_use]
    pub fn new(fingerprints: impl IntoIterator<Item = Fingerprint>) -> Self {
        let mut all = Vec::new();
        for fingerprint in fingerprints {
            if all.len() < Self::MOST && !all.contains(&fingerprint) {
                all.push(fingerprint);
            }
        }
        Self(all)
    }

    /// The last one first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Fingerprint> {
        self.0.iter().copied()
    }

    /// Whether this one was replaced.
    #[must_use]
    pub fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.0.contains(&fingerprint)
    }

    /// One that a credential has all the same.
    #[must_use]
    pub fn held_by(&self, credential: &Credential) -> Option<Fingerprint> {
        self.iter().find(|fingerprint| credential.holds(*fingerprint))
    }

    /// With one more, and without those that the credential has again on purpose.
    pub(crate) fn after(&self, last: Option<Fingerprint>, new: &Credential) -> Self {
        Self::new(last.into_iter().chain(self.iter().filter(|known| !new.holds(*known))))
    }
}
