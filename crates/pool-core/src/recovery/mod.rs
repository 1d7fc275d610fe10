//! What to do when a request fails: one machine a request, the same for every provider. It sends nothing and waits for nothing: the
//! caller asks what to do, does it, and tells what happened.

mod patience;
mod step;
mod treatment;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::change::{Action, Change, Target};
use crate::cooldown::Cooldowns;
use crate::credential::{Credential, CredentialId};
use crate::failure::Failure;
use crate::pick::PickRequest;
use crate::pool::{InFlight, Pool};
use crate::record::{Judgement, LastError};
use crate::secret::Fingerprint;
use crate::verdict::{Remark, Scope};

pub use patience::Patience;
pub use step::{GaveUp, Step, Why};
pub use treatment::Treatment;

/// One credential gets a new token at most so often for one request, from the caller or from somebody else.
const MOST_RENEWALS: u32 = 2;

/// A token that is refused so soon after it was made is not renewed again: another one would fare no better.
const FRESH: TimeDelta = TimeDelta::minutes(2);

/// The recovery of one request.
///
/// ```
/// use chrono::TimeDelta;
/// use pool_core::{Cooldowns, Credential, CredentialId, Failure, Patience, PickRequest, Pool, Provider};
/// use pool_core::{Recovery, Secret, Step};
///
/// let provider = Provider::new("openrouter")?;
/// let key = |id: &str| Credential::manual(CredentialId::new(id).unwrap(), Secret::new(format!("sk-or-{id}")));
/// let mut pool = Pool::new(provider.clone(), vec![key("first"), key("second")], Default::default());
/// let mut recovery = Recovery::new(PickRequest::new(provider), Cooldowns::default(), Patience::default());
/// let now = chrono::DateTime::UNIX_EPOCH;
///
/// let Step::Use { id, .. } = recovery.next(&pool, &(), now, 0) else { panic!("both are ready") };
/// assert_eq!(id.as_str(), "first");
/// // No money: whoever sent it is marked, and the next one is used.
/// let sent = pool.credentials()[0].subject().unwrap();
/// let change = recovery.failed(&pool, &id, sent, Failure::http(402), now).expect("it is marked");
/// pool.apply(&change, now)?;
/// let Step::Use { id, .. } = recovery.next(&pool, &(), now, 0) else { panic!("one is ready") };
/// assert_eq!(id.as_str(), "second");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recovery {
    request: PickRequest,
    cooldowns: Cooldowns,
    patience: Patience,
    plan: Plan,
    /// Whether the caller was told the plan: only then there is something to tell of it.
    is_under_way: bool,
    tried: BTreeMap<CredentialId, Tried>,
    has_retried_throttle: bool,
    back_offs: u32,
    last_error: Option<(CredentialId, LastError)>,
}

/// What is to be done, as far as the last failure decided it.
#[derive(Clone, PartialEq, Debug)]
enum Plan {
    /// Use one that was not tried yet.
    UseAnother(Why),
    /// Send it with this one.
    Send {
        id: CredentialId,
        again: Option<Wait>,
        why: Why,
    },
    /// Renew the token of this one, unless it is another by now than the one that was refused.
    Refresh {
        id: CredentialId,
        refused: Fingerprint,
        /// What the refusal earns, should nobody renew it.
        judgement: Box<Judgement>,
    },
    End(Why),
}

/// How long to wait before the same credential is used again.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Wait {
    Not,
    /// As the provider said.
    Until(DateTime<Utc>),
    /// So many back-offs were before.
    BackOff(u32),
}

/// What was done with one credential for this request.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Tried {
    renewals: u32,
    renewed_at: Option<DateTime<Utc>>,
}

impl Recovery {
    /// The recovery of a request that was not sent yet.
    #[must_use]
    pub fn new(request: PickRequest, cooldowns: Cooldowns, patience: Patience) -> Self {
        Self {
            request,
            cooldowns,
            patience,
            plan: Plan::UseAnother(Why::First),
            is_under_way: false,
            tried: BTreeMap::new(),
            has_retried_throttle: false,
            back_offs: 0,
            last_error: None,
        }
    }

    /// What is asked for.
    #[must_use]
    pub fn request(&self) -> &PickRequest {
        &self.request
    }

    /// What to do now, with the pool as it is now. Asked again before it is told what happened, it says the same, unless the pool has
    /// changed. The seed spreads waits, and chooses where the strategy does so by chance.
    pub fn next(&mut self, pool: &Pool, in_flight: &impl InFlight, now: DateTime<Utc>, seed: u64) -> Step {
        self.reconsider(pool, now);
        self.is_under_way = true;
        match self.plan.clone() {
            Plan::UseAnother(why) => self.use_another(pool, why, in_flight, now, seed),
            Plan::Send { id, again: None, why } => Step::Use { id, why },
            Plan::Send { id, again: Some(wait), why } => {
                Step::Retry { id, after: self.wait(wait, now, seed), why }
            }
            Plan::Refresh { id, .. } => Step::Refresh { id, why: Why::TokenRefused },
            Plan::End(why) => self.give_up(pool, why, now),
        }
    }

    /// Takes in that it worked. The change is to be applied; there is none where that credential was not to be sent with.
    pub fn succeeded(
        &mut self,
        id: &CredentialId,
        sent: Fingerprint,
        began_at: DateTime<Utc>,
    ) -> Option<Change> {
        self.was_to_send(id).then(|| {
            self.plan = Plan::End(Why::Answered);
            let target = Target::Held(id.clone(), sent);
            let model = self.request.named_model().map(str::to_owned);
            self.change(Action::Succeed { target, began_at, model })
        })
    }

    /// Takes in that it failed with this credential and the secret of this fingerprint, with the pool as it is now. The change, where
    /// somebody is to be marked, is to be applied before the machine is asked again.
    ///
    /// Of a credential that was not to be sent with, nothing is taken in.
    pub fn failed(
        &mut self,
        pool: &Pool,
        id: &CredentialId,
        sent: Fingerprint,
        failure: Failure,
        now: DateTime<Utc>,
    ) -> Option<Change> {
        if !self.was_to_send(id) {
            return None;
        }
        self.is_under_way = false;
        let failure = match self.request.named_model() {
            Some(model) => failure.for_model(model),
            None => failure,
        };
        let judgement = self.judge(failure, self.entry(pool, id, sent), now);
        self.last_error = Some((id.clone(), judgement.1));
        let judgement = judgement.0;
        let is_marked = match Treatment::of(&judgement.verdict) {
            Treatment::HandBack if judgement.verdict.remark == Some(Remark::Residency) => {
                self.end(Why::HeaderMissing)
            }
            Treatment::HandBack => self.end(Why::NotTheirFault),
            Treatment::BackOff => self.back_off(id, &judgement, now),
            Treatment::RetryOnce => self.retry_once(pool, id, &judgement, now),
            Treatment::Rotate => self.rotate(),
            treatment => self.refused(pool, id, sent, treatment, &judgement, now),
        };
        let target = Target::Held(id.clone(), sent);
        is_marked.then(|| self.change(Action::Fail { target, judgement }))
    }

    /// Takes in that the caller renewed the token of this credential, as it was asked to, and stored it.
    pub fn renewed(&mut self, id: &CredentialId, now: DateTime<Utc>) {
        if self.was_to_refresh(id) {
            self.take_renewed(id, now);
        }
    }

    /// Takes in that the caller could not renew the token of this credential, as it was asked to, with the refresh token of this
    /// fingerprint. The change, if any, is to be applied.
    ///
    /// The pool must have been read again since: a refresh token that is not stored any more was renewed by somebody else, and its
    /// refusal means nothing.
    pub fn not_renewed(
        &mut self,
        pool: &Pool,
        id: &CredentialId,
        spent: Fingerprint,
        failure: Failure,
        now: DateTime<Utc>,
    ) -> Option<Change> {
        if !self.was_to_refresh(id) {
            return None;
        }
        self.is_under_way = false;
        let judgement = Judgement::of_refresh(failure, self.request.provider(), &self.cooldowns, now);
        let error = LastError::of(&judgement.failure, judgement.verdict.kind, self.entry(pool, id, spent));
        self.last_error = Some((id.clone(), error));
        if self.was_replaced(pool, id, spent) {
            self.take_renewed(id, now);
            return None;
        }
        self.rotate();
        Some(self.change(Action::Fail { target: Target::Held(id.clone(), spent), judgement }))
    }

    /// Takes in that somebody else, who stores by himself what comes of it, has seen to the token of this credential, as it was asked
    /// for. The pool must have been read again since: it says whether there is another token. The error is what kept it from one.
    ///
    /// The change, if any, is to be applied: whose token is still the one that was refused, and who is marked by nobody, rests for a
    /// minute at most. Else every request would begin with that token.
    pub fn seen_to(
        &mut self,
        pool: &Pool,
        id: &CredentialId,
        error: Option<LastError>,
        now: DateTime<Utc>,
    ) -> Option<Change> {
        if !self.was_to_refresh(id) {
            return None;
        }
        let Plan::Refresh { refused, judgement, .. } = self.plan.clone() else { return None };
        self.is_under_way = false;
        if let Some(error) = error {
            self.last_error = Some((id.clone(), error));
        }
        if self.was_replaced(pool, id, refused) {
            self.take_renewed(id, now);
            return None;
        }
        self.rotate();
        let target = Target::Held(id.clone(), refused);
        let rest = || self.change(Action::Fail { target, judgement: judgement.not_renewed(now) });
        self.may_use(pool, id, now).then(rest)
    }

    // What a failure leads to: each sets the plan, and answers whether somebody is marked.

    fn end(&mut self, why: Why) -> bool {
        self.plan = Plan::End(why);
        false
    }

    fn rotate(&mut self) -> bool {
        self.plan = Plan::UseAnother(Why::Rotated);
        true
    }

    fn again(&mut self, id: &CredentialId, wait: Wait, why: Why) -> bool {
        self.plan = Plan::Send { id: id.clone(), again: Some(wait), why };
        false
    }

    fn back_off(&mut self, id: &CredentialId, judgement: &Judgement, now: DateTime<Utc>) -> bool {
        let told = judgement.verdict.until;
        let is_too_long = told.is_some_and(|until| until - now > self.patience.longest_wait);
        if self.back_offs >= self.patience.back_offs || is_too_long {
            return self.end(Why::StillFailing);
        }
        let wait = told.map_or(Wait::BackOff(self.back_offs), Wait::Until);
        self.back_offs += 1;
        self.again(id, wait, Why::BackingOff)
    }

    /// Once a request, and only where that is quicker than another credential, or there is none.
    fn retry_once(
        &mut self,
        pool: &Pool,
        id: &CredentialId,
        judgement: &Judgement,
        now: DateTime<Utc>,
    ) -> bool {
        let told = judgement.verdict.until;
        let wait = told.map_or(self.patience.first_wait, |until| until - now);
        let horizon = if self.has_another(pool, id, judgement.verdict.scope, now) {
            self.patience.longest_wait_with_others
        } else {
            self.patience.longest_wait
        };
        if self.has_retried_throttle || wait > horizon {
            return self.rotate();
        }
        self.has_retried_throttle = true;
        self.again(id, told.map_or(Wait::BackOff(0), Wait::Until), Why::Throttled)
    }

    /// A secret was refused: that of another one by now means nothing, and a token that can be renewed is renewed.
    fn refused(
        &mut self,
        pool: &Pool,
        id: &CredentialId,
        sent: Fingerprint,
        treatment: Treatment,
        judgement: &Judgement,
        now: DateTime<Utc>,
    ) -> bool {
        let tried = self.tried(id);
        if self.was_replaced(pool, id, sent) && tried.renewals < MOST_RENEWALS {
            self.take_renewed(id, now);
            return false;
        }
        let is_fresh = |credential: &Credential| {
            let made_at = tried.renewed_at.max(credential.token_made_at());
            made_at.is_some_and(|at| (now - at).abs() < FRESH)
        };
        let may_have_expired =
            |credential: &Credential| credential.token_ends_at().is_none_or(|ends| ends <= now);
        let may_refresh = |credential: &Credential| match treatment {
            Treatment::Refresh => tried.renewals < MOST_RENEWALS,
            Treatment::RefreshIfExpired => tried.renewals == 0 && may_have_expired(credential),
            _ => false,
        };
        let renews = self.patience.renews
            && self.entry(pool, id, sent).is_some_and(|credential| {
                may_refresh(credential) && credential.can_be_renewed() && !is_fresh(credential)
            });
        if !renews {
            return self.rotate();
        }
        let judgement = Box::new(judgement.clone());
        self.plan = Plan::Refresh { id: id.clone(), refused: sent, judgement };
        false
    }

    /// It has another token now, whoever made it.
    fn take_renewed(&mut self, id: &CredentialId, now: DateTime<Utc>) {
        self.is_under_way = false;
        let tried = self.tried.entry(id.clone()).or_default();
        tried.renewals += 1;
        tried.renewed_at = Some(now);
        self.again(id, Wait::Not, Why::TokenRenewed);
    }

    // What the plan leads to.

    /// What others did to the pool meanwhile may have made the plan moot.
    fn reconsider(&mut self, pool: &Pool, now: DateTime<Utc>) {
        if let Plan::Refresh { id, refused, .. } = self.plan.clone()
            && self.was_replaced(pool, &id, refused)
        {
            self.take_renewed(&id, now);
        }
        let holds = match &self.plan {
            Plan::Send { id, .. } => self.may_use(pool, id, now),
            Plan::Refresh { id, refused, .. } => {
                self.may_use(pool, id, now)
                    && self.entry(pool, id, *refused).is_some_and(Credential::can_be_renewed)
            }
            Plan::UseAnother(_) | Plan::End(_) => true,
        };
        if !holds {
            self.rotate();
        }
    }

    fn use_another(
        &mut self,
        pool: &Pool,
        why: Why,
        in_flight: &impl InFlight,
        now: DateTime<Utc>,
        seed: u64,
    ) -> Step {
        match pool.pick(&self.untried(), in_flight, now, seed) {
            Ok(credential) => {
                let id = credential.id.clone();
                self.tried.entry(id.clone()).or_default();
                self.plan = Plan::Send { id: id.clone(), again: None, why };
                Step::Use { id, why }
            }
            Err(_) => self.give_up(pool, Why::NobodyLeft, now),
        }
    }

    fn give_up(&mut self, pool: &Pool, why: Why, now: DateTime<Utc>) -> Step {
        self.plan = Plan::End(why);
        let standings: Vec<_> = if pool.provider() == self.request.provider() {
            pool.standings_for(self.request.named_model(), now)
                .map(|(credential, standing)| (credential.id.clone(), standing))
                .collect()
        } else {
            Vec::new()
        };
        let last_error = self.last_error.clone().or_else(|| step::last_error(&standings));
        Step::GiveUp(GaveUp { why, last_error, standings })
    }

    fn wait(&self, wait: Wait, now: DateTime<Utc>, seed: u64) -> TimeDelta {
        match wait {
            Wait::Not => TimeDelta::zero(),
            Wait::Until(until) => self.patience.at_most(until - now),
            Wait::BackOff(before) => self.patience.back_off(before, seed),
        }
    }

    // What is known of credentials.

    fn was_to_send(&self, id: &CredentialId) -> bool {
        self.is_under_way && matches!(&self.plan, Plan::Send { id: planned, .. } if planned == id)
    }

    fn was_to_refresh(&self, id: &CredentialId) -> bool {
        self.is_under_way && matches!(&self.plan, Plan::Refresh { id: planned, .. } if planned == id)
    }

    fn tried(&self, id: &CredentialId) -> Tried {
        self.tried.get(id).copied().unwrap_or_default()
    }

    /// The request for one that was not tried.
    fn untried(&self) -> PickRequest {
        self.tried.keys().fold(self.request.clone(), |request, id| request.leave_out(id.clone()))
    }

    /// Whether a failure of this scope leaves somebody to rotate to.
    fn has_another(&self, pool: &Pool, id: &CredentialId, scope: Scope, now: DateTime<Utc>) -> bool {
        let culprits: Vec<_> = self.entries(pool, id).collect();
        let is_hit = |other: &Credential| {
            scope == Scope::Account && culprits.iter().any(|culprit| other.shares_account_with(culprit))
        };
        let hit = pool.credentials().iter().filter(|other| is_hit(other));
        let request = hit.fold(self.untried(), |request, other| request.leave_out(other.id.clone()));
        pool.pick(&request, &(), now, 0).is_ok()
    }

    /// Whether one that was used may be used again: nobody marked it meanwhile.
    fn may_use(&self, pool: &Pool, id: &CredentialId, now: DateTime<Utc>) -> bool {
        let others = pool.credentials().iter().map(|credential| &credential.id).filter(|other| *other != id);
        let only = others.fold(self.request.clone(), |request, other| request.leave_out(other.clone()));
        pool.pick(&only, &(), now, 0).is_ok()
    }

    /// Whether this credential is there, and stores another secret now.
    fn was_replaced(&self, pool: &Pool, id: &CredentialId, secret: Fingerprint) -> bool {
        let mut entries = self.entries(pool, id).peekable();
        entries.peek().is_some() && !entries.any(|entry| entry.holds(secret))
    }

    /// The credential that stores this secret.
    fn entry<'a>(&self, pool: &'a Pool, id: &CredentialId, secret: Fingerprint) -> Option<&'a Credential> {
        self.entries(pool, id).find(|entry| entry.holds(secret))
    }

    /// Those of this id; several may share one.
    fn entries<'a>(&self, pool: &'a Pool, id: &CredentialId) -> impl Iterator<Item = &'a Credential> {
        let is_ours = pool.provider() == self.request.provider();
        let credentials = pool.credentials().iter().map(AsRef::as_ref);
        credentials.filter(move |credential: &&Credential| is_ours && credential.id == *id)
    }

    /// What a failure means, and what may be kept of it.
    fn judge(
        &self,
        failure: Failure,
        credential: Option<&Credential>,
        now: DateTime<Utc>,
    ) -> (Judgement, LastError) {
        let judgement = Judgement::of(failure, self.request.provider(), &self.cooldowns, now);
        let error = LastError::of(&judgement.failure, judgement.verdict.kind, credential);
        (judgement, error)
    }

    fn change(&self, action: Action) -> Change {
        Change { provider: self.request.provider().clone(), action }
    }
}
