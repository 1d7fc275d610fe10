use chrono::{DateTime, Utc};

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
    /// It failed for a passing reason, and the token is as good as before.
    Resting {
        /// Nobody tries again before this.
        until: DateTime<Utc>,
    },
}
