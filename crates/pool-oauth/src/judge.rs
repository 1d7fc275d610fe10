//! What is made of a refusal, and of a token whose answer nobody has.

use chrono::{DateTime, Utc};
use pool_core::{
    Action, Cooldowns, Credential, Failure, Judgement, Kind, LastError, Outcome, Renewal, Scope, Stage,
    Target, time,
};
use pool_store::Committed;

use crate::attempt::{Attempt, Begun, LONGEST_REST, Login};
use crate::error::{RefreshError, Trouble};
use crate::exchange::NotMinted;
use crate::pace::next_attempt;
use crate::refresher::Refreshed;

pub(crate) const IN_A_CRASH: &str = "lost in a crash at";

impl Begun {
    /// What became of the answer to the attempt before.
    pub(crate) fn how(&self) -> &'static str {
        match self.before {
            Some(Stage::Unanswered { .. }) => "lost without an answer at",
            _ => IN_A_CRASH,
        }
    }
}

impl Attempt<'_> {
    /// Judges a refusal, or an exchange that gave nothing.
    pub(crate) fn judge(
        &self,
        login: &Login,
        begun: Begun,
        not_minted: NotMinted,
    ) -> Result<Refreshed, RefreshError> {
        let NotMinted { trouble, failure } = not_minted;
        let now = self.now();
        let judgement = Judgement::of_refresh(*failure, &self.ask.provider, &Cooldowns::default(), now);
        let kind = judgement.verdict.kind;
        let error = LastError::of(&judgement.failure, kind, Some(&login.credential));
        let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
        if judgement.verdict.is_terminal() {
            let (judgement, error) = match begun.before {
                Some(_) => self.as_dead(login, nobody_has(begun.first_at, begun.how())),
                None => (judgement, error),
            };
            return self.bury(login, judgement, error);
        }
        let is_unentitled = kind == Kind::Entitlement;
        let until = if is_unentitled {
            judgement.until.min(now + LONGEST_REST)
        } else {
            next_attempt(&judgement, now)
        };
        let stage = if trouble == Trouble::Unanswered || begun.before.is_some() {
            Stage::Unanswered { until }
        } else {
            Stage::Resting { until }
        };
        let at = if begun.before.is_some() { begun.first_at } else { now };
        let renewal = Renewal { subject: begun.spent, at, stage };
        self.tell_the_root(begun.spent, |target| Action::NoteRefresh { target, refresh: Some(renewal) });
        let mut changes = vec![self.note(begun.spent, Some(renewal))];
        // A token that is still good stays in use.
        if login.good_until(now).is_none() {
            let judgement = Judgement { until, ..judgement };
            changes.push(
                self.action(Action::Fail {
                    target: Target::Held(self.ask.id.clone(), begun.spent),
                    judgement,
                }),
            );
        }
        let noted = self.change(&changes)?;
        self.unless_moved(&noted, login, || {
            if is_unentitled {
                RefreshError::NotEntitled { provider, id, error }
            } else {
                RefreshError::Passing { provider, id, error, trouble, until }
            }
        })
    }

    /// The token was spent, or may be, and nobody has what it was spent for. An access token that is still good stays in use; what is
    /// on record keeps everybody from sending the refresh token again.
    pub(crate) fn lost(
        &self,
        login: &Login,
        at: DateTime<Utc>,
        how: &str,
    ) -> Result<Refreshed, RefreshError> {
        let failure = nobody_has(at, how);
        let spent = login.spent();
        let renewal = Some(Renewal { subject: spent, at, stage: Stage::Lost });
        let Some(until) = login.good_until(self.now()) else {
            self.tell_the_root(spent, |target| Action::NoteRefresh { target, refresh: renewal });
            let (judgement, error) = self.as_dead(login, failure);
            let mark =
                self.action(Action::Fail { target: Target::Held(self.ask.id.clone(), spent), judgement });
            let marked = self.change(&[mark, self.note(spent, renewal)])?;
            return self.unless_moved(&marked, login, || self.died(login, error));
        };
        let error = LastError::of(&failure, Kind::AuthPermanent, Some(&login.credential));
        let noted = self.note_everywhere(spent, renewal)?;
        let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
        self.unless_moved(&noted, login, || RefreshError::Lost { provider, id, error, until })
    }

    fn as_dead(&self, login: &Login, failure: Failure) -> (Judgement, LastError) {
        let mut judgement =
            Judgement::of_refresh(failure, &self.ask.provider, &Cooldowns::default(), self.now());
        judgement.verdict.kind = Kind::AuthPermanent;
        judgement.verdict.scope = Scope::Credential;
        judgement.verdict.until = None;
        let error = LastError::of(&judgement.failure, Kind::AuthPermanent, Some(&login.credential));
        (judgement, error)
    }

    /// The token was refused when somebody else sent it.
    pub(crate) fn bury_too(&self, login: &Login, refusal: LastError) -> Result<Refreshed, RefreshError> {
        let mut failure =
            Failure::unstated().code(refusal.reason.unwrap_or_else(|| refusal.kind.as_str().to_owned()));
        if let Some(message) = refusal.message {
            failure = failure.message(message);
        }
        let (judgement, error) = self.as_dead(login, failure);
        self.bury(login, judgement, error)
    }

    /// The token was refused for good: whoever has it has it in vain.
    fn bury(&self, login: &Login, judgement: Judgement, error: LastError) -> Result<Refreshed, RefreshError> {
        let spent = login.spent();
        self.tell_the_root(spent, |target| Action::Fail { target, judgement: judgement.clone() });
        let mark = self.action(Action::Fail { target: Target::Secret(spent), judgement });
        let marked = self.change(&[mark, self.note(spent, None)])?;
        self.unless_moved(&marked, login, || self.died(login, error))
    }

    /// A verdict on a token that is stored no longer is none: what is stored instead is the answer. So is what another home has,
    /// once ours is out.
    fn unless_moved(
        &self,
        committed: &Committed,
        login: &Login,
        error: impl FnOnce() -> RefreshError,
    ) -> Result<Refreshed, RefreshError> {
        let now_stored = self.credential()?;
        let is_stale = matches!(committed.outcomes.first(), Some(Ok(Outcome::Stale)));
        let is_back = login.record.replaced.held_by(&now_stored).is_some();
        if (is_stale || !now_stored.holds(login.spent())) && !is_back {
            return Ok(Refreshed::Adopted(now_stored));
        }
        Err(error())
    }

    /// Each death is said once: when it is written.
    fn died(&self, login: &Login, error: LastError) -> RefreshError {
        let reason = error.reason.as_deref().unwrap_or(error.kind.as_str());
        let Credential { id, label, .. } = login.credential.as_ref();
        tracing::warn!(provider = %self.ask.provider, %id, label, reason, "a credential died");
        self.dead(error)
    }

    pub(crate) fn dead(&self, error: LastError) -> RefreshError {
        RefreshError::Dead { provider: self.ask.provider.clone(), id: self.ask.id.clone(), error }
    }
}

/// What is said of a login whose token is spent, or may be, and whose successor nobody has.
fn nobody_has(at: DateTime<Utc>, how: &str) -> Failure {
    Failure::unstated()
        .code(format!("{how} {}", time::format(at)))
        .message("the refresh token was sent, and the answer was not kept")
}
