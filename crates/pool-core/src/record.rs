use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::classify;
use crate::classify::is_believable_reset;
use crate::cooldown::Cooldowns;
use crate::credential::Credential;
use crate::failure::{Failure, Origin};
use crate::mask::mask_keys;
use crate::provider::Provider;
use crate::renewal::{Renewal, Replaced, Stage};
use crate::secret::{Fingerprint, Secret};
use crate::strikes::Strikes;
use crate::time;
use crate::verdict::{Kind, Remark, Scope, Verdict};
use crate::words;

/// A time further ahead than this was written by a clock that is wrong.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// A renewal that failed for a passing reason is tried again after this.
const REFRESH_REST: TimeDelta = TimeDelta::seconds(60);

/// A stored message is cut at this many characters.
const LONGEST_MESSAGE: usize = 500;

/// So many characters of a message are looked at for secrets.
const MASKED: usize = 64 * 1024;

/// What happened to one credential: the runtime side of it. No record means never used and never judged.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Record {
    /// What was last judged of it.
    pub state: State,
    /// How often it was handed out, and when last.
    pub usage: Usage,
    /// What was judged of single models.
    pub models: BTreeMap<String, State>,
    /// How often its key was refused as wrong.
    pub strikes: Option<Strikes>,
    /// The secrets that were replaced.
    pub replaced: Replaced,
    /// A renewal that was begun and not finished, or that failed for a passing reason.
    pub refresh: Option<Renewal>,
    /// When we last renewed the login.
    pub renewed_at: Option<DateTime<Utc>>,
}

impl Record {
    /// Whether this credential was removed, and a stale writer brought it back: with the secret that it had, or one from before.
    #[must_use]
    pub fn is_of_removed(&self, credential: &Credential, provider: &Provider) -> bool {
        let was_its = || self.replaced.held_by(credential).is_some();
        matches!(self.state, State::Removed { .. })
            && (self.state.is_about(credential, provider) || was_its())
    }

    /// When the refresh token that a login still has was spent, where nobody has what it was spent for.
    #[must_use]
    pub fn lost_at(&self, login: &Credential) -> Option<DateTime<Utc>> {
        let renewal = self.refresh?;
        let is_stored = login.refresh_token().map(Secret::fingerprint) == Some(renewal.subject);
        (renewal.stage == Stage::Lost && is_stored).then_some(renewal.at)
    }
}

/// How often a credential was handed out, and when last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Times handed out.
    pub request_count: u64,
    /// When it was last handed out.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Usage {
    /// One after the other: both counts, and the later time.
    #[must_use]
    pub fn plus(self, later: Self) -> Self {
        Self {
            request_count: self.request_count.saturating_add(later.request_count),
            last_used_at: self.last_used_at.max(later.last_used_at),
        }
    }

    /// Both histories together: the higher count and the later time.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            request_count: self.request_count.max(other.request_count),
            last_used_at: self.last_used_at.max(other.last_used_at),
        }
    }
}

/// What was last judged of a credential. Data lives in the state that it belongs to.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum State {
    /// Nothing is against it.
    Ok {
        /// When something that was against it was cleared: older news cannot undo that.
        since: Option<DateTime<Utc>>,
    },
    /// It rests.
    Exhausted(Rest),
    /// It will never work again with the secret that was judged.
    Dead(Death),
    /// It was removed; a stale writer may bring it back.
    Removed {
        /// When.
        at: Option<DateTime<Utc>>,
        /// The secret that was removed.
        subject: Option<Fingerprint>,
    },
    /// A word of a newer program. Kept as it is, and never handed out.
    Unknown {
        /// The word.
        word: String,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Ok { since: None }
    }
}

/// Why a credential rests, and until when.
#[derive(Clone, PartialEq, Debug)]
pub struct Rest {
    /// When it was judged.
    pub at: Option<DateTime<Utc>>,
    /// When it returns.
    pub until: DateTime<Utc>,
    /// Who said so.
    pub from: ResetFrom,
    /// What was judged.
    pub judged: Judged,
    /// What upstream said.
    pub error: LastError,
}

words! {
    /// Who said when a rest ends.
    ResetFrom {
        /// The provider told us.
        Provider = "provider",
        /// Our table of cooldowns.
        Default = "default",
    }
}

/// How a credential died.
#[derive(Clone, PartialEq, Debug)]
pub struct Death {
    /// When.
    pub at: Option<DateTime<Utc>>,
    /// The secret that was judged. Without one the verdict holds for whatever secret is stored.
    pub subject: Option<Fingerprint>,
    /// What upstream said.
    pub error: LastError,
}

/// What a verdict is about, which decides when it stops to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judged {
    /// One secret: over once that secret is replaced.
    Secret(Fingerprint),
    /// An account's allowance: a new token of the same account changes nothing.
    Account(Fingerprint),
    /// Not known: it holds for whatever secret is stored.
    Unbound,
}

/// What upstream said, as it is kept: secrets masked, cut at 500 characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastError {
    /// What went wrong.
    pub kind: Kind,
    /// The HTTP status.
    pub code: Option<u16>,
    /// The error code, type or reason of the body.
    pub reason: Option<String>,
    /// The words for people.
    pub message: Option<String>,
}

impl LastError {
    /// Keeps of a failure what may be kept; the secrets of this credential are masked wherever they stand.
    #[must_use]
    pub fn of(failure: &Failure, kind: Kind, credential: Option<&Credential>) -> Self {
        let clean = |text: &str| {
            // Cut before masking too: a message may be megabytes. So far behind what is kept, no piece of a secret
            // across the cut is kept, however much of the text before it was secrets.
            let head = beginning(text, MASKED);
            let masked = credential.map_or_else(|| mask_keys(head), |credential| credential.mask(head));
            Some(beginning(&masked, LONGEST_MESSAGE).to_owned()).filter(|text| !text.is_empty())
        };
        Self {
            kind,
            code: failure.status(),
            reason: failure.error_code().and_then(clean),
            message: clean(failure.words()),
        }
    }
}

/// So many characters of a text at most.
fn beginning(text: &str, characters: usize) -> &str {
    match text.char_indices().nth(characters) {
        Some((end, _)) if text.len() > characters => &text[..end],
        _ => text,
    }
}

/// A failure as it was judged: plain data, ready to be applied.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// What it means.
    pub verdict: Verdict,
    /// When the rest that it earns is over.
    pub until: DateTime<Utc>,
    /// What upstream said.
    pub failure: Failure,
}

impl Judgement {
    /// Classifies a failure; the table tells how long to rest where the provider did not.
    ///
    /// ```
    /// use pool_core::{Cooldowns, Failure, Judgement, Provider};
    ///
    /// let now = chrono::DateTime::UNIX_EPOCH;
    /// let provider = Provider::new("openrouter")?;
    /// let judgement = Judgement::of(Failure::http(401), &provider, &Cooldowns::default(), now);
    /// assert_eq!(judgement.until - now, chrono::TimeDelta::minutes(5));
    /// # Ok::<(), pool_core::NameError>(())
    /// ```
    #[must_use]
    pub fn of(failure: Failure, provider: &Provider, cooldowns: &Cooldowns, now: DateTime<Utc>) -> Self {
        let verdict = classify(&failure, provider, now);
        let hint = verdict.until.map(|until| match failure.stated_reset() {
            // Whoever states a reset asked for it.
            Some(stated) if stated == until => until,
            _ => until.min(saturating_add(now, cooldowns.longest_hint())),
        });
        let until = hint.unwrap_or_else(|| saturating_add(now, cooldowns.of(verdict.kind)));
        // As it will be read back.
        let until = time::truncate(until).max(now);
        Self { verdict, until, failure: failure.essence() }
    }

    /// What a failure to renew a login means. A passing trouble of the token endpoint costs a minute at most and no sibling,
    /// whatever it would cost a request.
    #[must_use]
    pub fn of_refresh(
        failure: Failure,
        provider: &Provider,
        cooldowns: &Cooldowns,
        now: DateTime<Utc>,
    ) -> Self {
        let judgement = Self::of(failure.origin(Origin::TokenEndpoint), provider, cooldowns, now);
        match judgement.verdict.kind {
            _ if judgement.verdict.is_terminal() => judgement,
            Kind::Entitlement => judgement.of_one(),
            _ => judgement.for_a_moment(now).of_one(),
        }
    }

    /// What the refusal of a token means that could be renewed, and was not: another attempt is due soon.
    pub(crate) fn not_renewed(mut self, now: DateTime<Utc>) -> Self {
        // The token may be gone; the login is not.
        self.verdict.kind = Kind::Auth;
        self.for_a_moment(now).of_one()
    }

    fn for_a_moment(self, now: DateTime<Utc>) -> Self {
        Self { until: self.until.min(saturating_add(now, REFRESH_REST)), ..self }
    }

    /// Whatever it would cost a request, it costs no sibling and no strike.
    fn of_one(mut self) -> Self {
        self.verdict.scope = Scope::Credential;
        self.verdict.remark = None;
        self
    }

    /// Who is marked.
    #[must_use]
    pub fn mark(&self) -> Mark<'_> {
        match (self.verdict.scope, self.failure.model()) {
            (Scope::Request, _) => Mark::Nobody,
            (Scope::Model, Some(model)) => Mark::Model(model),
            // That a model is not there says nothing of the others.
            (Scope::Model, None) if self.verdict.kind == Kind::ModelNotFound => Mark::Nobody,
            (Scope::Account, _) => Mark::Account,
            _ => Mark::Credential,
        }
    }

    /// The same with strikes against the key: the rest grows with them, and with evidence enough the key is dead.
    pub(crate) fn struck(&self, strikes: Strikes, now: DateTime<Utc>) -> Self {
        if strikes.are_deadly(now) {
            let verdict = Verdict { kind: Kind::AuthPermanent, until: None, ..self.verdict.clone() };
            return Self { verdict, ..self.clone() };
        }
        let rest = strikes.rest(self.until.signed_duration_since(now));
        let until = if self.verdict.until.is_some() { self.until } else { saturating_add(now, rest) };
        Self { until, ..self.clone() }
    }

    /// Whether somebody may be dead of it: a secret that is gone, or a key with enough strikes.
    #[must_use]
    pub fn may_kill(&self) -> bool {
        self.verdict.is_terminal() || self.is_strike()
    }

    /// Whether it is a strike against the key.
    pub(crate) fn is_strike(&self) -> bool {
        self.verdict.remark == Some(Remark::InvalidKey)
    }

    pub(crate) fn reset_from(&self) -> ResetFrom {
        if self.verdict.until.is_some() { ResetFrom::Provider } else { ResetFrom::Default }
    }
}

/// Who is marked by a judgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark<'a> {
    /// Nobody: the request was at fault, or a model that nobody named.
    Nobody,
    /// One model of the credential.
    Model(&'a str),
    /// The credential.
    Credential,
    /// All that are known to be of the same account.
    Account,
}

impl State {
    /// The word of the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ok { .. } => "ok",
            Self::Exhausted(_) => "exhausted",
            Self::Dead(_) => "dead",
            Self::Removed { .. } => "removed",
            Self::Unknown { word } => word,
        }
    }

    /// `status_at`: when it was judged or cleared. One more than 5 minutes ahead of `now` counts as `now`.
    #[must_use]
    pub fn judged_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let at = match self {
            Self::Ok { since } => *since,
            Self::Exhausted(rest) => rest.at,
            Self::Dead(death) => death.at,
            Self::Removed { at, .. } => *at,
            Self::Unknown { .. } => None,
        };
        at.map(|at| not_ahead(at, now))
    }

    /// What upstream said, where that is why it is out.
    #[must_use]
    pub fn error(&self) -> Option<&LastError> {
        match self {
            Self::Exhausted(rest) => Some(&rest.error),
            Self::Dead(death) => Some(&death.error),
            _ => None,
        }
    }

    /// Whether the state says something about this credential now: a verdict on a secret that has since been
    /// replaced does not, nor does a rest that is over.
    #[must_use]
    pub fn holds(&self, credential: &Credential, provider: &Provider, now: DateTime<Utc>) -> bool {
        let over = matches!(self, Self::Exhausted(rest) if rest.until <= now);
        !over && self.is_about(credential, provider)
    }

    /// Whether what was judged is what this credential stores now, however long ago that was.
    #[must_use]
    pub fn is_about(&self, credential: &Credential, provider: &Provider) -> bool {
        match self {
            Self::Ok { .. } | Self::Unknown { .. } => true,
            Self::Exhausted(rest) => rest.judged.holds(credential, provider),
            Self::Dead(Death { subject, .. }) | Self::Removed { subject, .. } => {
                subject.is_none_or(|subject| credential.holds(subject))
            }
        }
    }
}

impl Judged {
    /// What a verdict of this kind is about.
    #[must_use]
    pub fn by(kind: Kind, subject: Option<Fingerprint>, account: Option<Fingerprint>) -> Self {
        let account = account.filter(|_| kind.is_quota()).map(Self::Account);
        account.or(subject.map(Self::Secret)).unwrap_or(Self::Unbound)
    }

    fn holds(self, credential: &Credential, provider: &Provider) -> bool {
        match self {
            Self::Secret(subject) => credential.holds(subject),
            Self::Account(account) => credential.account(provider) == Some(account),
            Self::Unbound => true,
        }
    }
}

impl Rest {
    /// A rest as it is read back: a reset that cannot be believed gives way to the table, and without
    /// any time it is over.
    ///
    /// `None` means over, so there is no rest.
    #[must_use]
    pub fn read(
        at: Option<DateTime<Utc>>,
        reset: Option<(DateTime<Utc>, ResetFrom)>,
        judged: Judged,
        error: LastError,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let since = at.map_or(now, |at| not_ahead(at, now));
        // A reset before the judgement is an elapsed one (a relative "60" read as an epoch), not a mistake to correct.
        let stated = reset.filter(|(until, _)| *until <= since || is_believable_reset(*until, since));
        let default =
            || at.map(|_| (saturating_add(since, Cooldowns::new().of(error.kind)), ResetFrom::Default));
        let (until, from) = stated.or_else(default)?;
        Some(Self { at, until, from, judged, error })
    }
}

/// A time that somebody wrote down: one more than 5 minutes ahead of `now` counts as `now`.
#[must_use]
pub fn not_ahead(time: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    if time > saturating_add(now, CLOCK_TOLERANCE) { now } else { time }
}

pub(crate) fn saturating_add(time: DateTime<Utc>, delta: TimeDelta) -> DateTime<Utc> {
    time.checked_add_signed(delta).unwrap_or(if delta < TimeDelta::zero() {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}
