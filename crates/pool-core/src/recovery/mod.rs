//! What to do when a request fails: one machine a request, the same for every provider. It sends nothing and waits for nothing: the
//! caller asks what to do, does it, and tells what happened.

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

pub use step::{GaveUp, Step, Why};
pub use treatment::Treatment;

/// A token is renewed at most so often for one request and credential.
const MOST_REFRESHES: u32 = 2;

/// A token refused so soon after it was renewed is not renewed again: the refusal may be one of the token before.
const FRESH: TimeDelta = TimeDelta::minutes(2);

/// How long to wait for what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// The longest single wait; 30 s by default. A limit that lasts longer is not waited for.
    pub longest_wait: TimeDelta,
    /// The longest wait for one credential while another is ready; 2 s by default.
    pub longest_wait_with_others: TimeDelta,
    /// The first wait where nobody said how long; 1 s by default. Each one after it is twice as long.
    pub first_wait: TimeDelta,
    /// How often the provider or the way to it may be in trouble; 2 by default.
    pub back_offs: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            longest_wait: TimeDelta::seconds(30),
            longest_wait_with_others: TimeDelta::seconds(2),
            first_wait: TimeDelta::seconds(1),
            back_offs: 2,
        }
    }
}

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
    /// Use this one after a wait: at least that, or as long as a back-off takes.
    Again {
        id: CredentialId,
        wait: Wait,
        why: Why,
    },
    Refresh(CredentialId),
    End(Why),
}

/// How long to wait.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Wait {
    Not,
    /// As the provider said.
    Told(TimeDelta),
    /// So many back-offs were before; with jitter.
    BackOff(u32),
}

/// What was done with one credential for this request.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Tried {
    refreshes: u32,
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
            tried: BTreeMap::new(),
            has_retried_throttle: false,
            back_offs: 0,
            last_error: None,
        }
    }

    /// What to do now, with the pool as it is now. The seed spreads waits, and chooses where the strategy does so by chance.
    pub fn next(&mut self, pool: &Pool, in_flight: &impl InFlight, now: DateTime<Utc>, seed: u64) -> Step {
        match self.plan.clone() {
            Plan::Again { id, wait, why } if self.may_use(pool, &id, now) => {
                Step::Retry { id, after: self.wait(wait, seed), why }
            }
            Plan::Refresh(id) => Step::Refresh { id, why: Why::TokenRefused },
            Plan::End(why) => self.give_up(pool, why, now),
            // Whom it was to use again rests by now, or is gone.
            Plan::Again { .. } => self.use_another(pool, Why::Rotated, in_flight, now, seed),
            Plan::UseAnother(why) => self.use_another(pool, why, in_flight, now, seed),
        }
    }

    /// Takes in that it worked. The change is to be applied.
    pub fn succeeded(&mut self, id: &CredentialId, sent: Fingerprint, began_at: DateTime<Utc>) -> Change {
        self.plan = Plan::End(Why::Answered);
        let target = Target::Held(id.clone(), sent);
        let model = self.request.named_model().map(str::to_owned);
        self.change(Action::Succeed { target, began_at, model })
    }

    /// Takes in that it failed with this credential and the secret of this fingerprint. The change, where somebody is to be marked, is to
    /// be applied before the machine is asked again.
    pub fn failed(
        &mut self,
        pool: &Pool,
        id: &CredentialId,
        sent: Fingerprint,
        failure: Failure,
        now: DateTime<Utc>,
    ) -> Option<Change> {
        let credential = self.credential(pool, id);
        let failure = match self.request.named_model() {
            Some(model) => failure.for_model(model),
            None => failure,
        };
        let judgement = Judgement::of(failure, self.request.provider(), &self.cooldowns, now);
        self.last_error =
            Some((id.clone(), LastError::of(&judgement.failure, judgement.verdict.kind, credential)));
        self.tried.entry(id.clone()).or_default();
        let is_marked = match Treatment::of(&judgement.verdict) {
            Treatment::HandBack => self.end(Why::NotTheirFault),
            Treatment::BackOff => self.back_off(id, &judgement, now),
            Treatment::RetryOnce => self.retry_once(pool, id, &judgement, now),
            Treatment::Rotate | Treatment::Bury => self.rotate(),
            Treatment::Refresh => self.refresh(credential, id, sent, now),
            Treatment::RefreshIfExpired => {
                let may_have_expired = credential
                    .is_some_and(|credential| credential.token_ends_at().is_none_or(|ends| ends <= now));
                if may_have_expired && self.refreshes(id) == 0 {
                    self.refresh(credential, id, sent, now)
                } else {
                    self.rotate()
                }
            }
        };
        let target = Target::Held(id.clone(), sent);
        is_marked.then(|| self.change(Action::Fail { target, judgement }))
    }

    /// Takes in that the token of a credential was renewed, by the caller or by somebody else.
    pub fn renewed(&mut self, id: &CredentialId, now: DateTime<Utc>) {
        let tried = self.tried.entry(id.clone()).or_default();
        tried.refreshes += 1;
        tried.renewed_at = Some(now);
        self.plan = Plan::Again { id: id.clone(), wait: Wait::Not, why: Why::TokenRenewed };
    }

    /// Takes in that the token of a credential could not be renewed with the refresh token of this fingerprint. The change is to be applied.
    ///
    /// A refusal of the grant counts as its death: tell it only once the store was read again and still holds the token that was spent.
    pub fn not_renewed(
        &mut self,
        pool: &Pool,
        id: &CredentialId,
        spent: Fingerprint,
        failure: Failure,
        now: DateTime<Utc>,
    ) -> Change {
        let judgement = Judgement::of_refresh(failure, self.request.provider(), &self.cooldowns, now);
        let error = LastError::of(&judgement.failure, judgement.verdict.kind, self.credential(pool, id));
        self.last_error = Some((id.clone(), error));
        self.tried.entry(id.clone()).or_default().refreshes = MOST_REFRESHES;
        self.plan = Plan::UseAnother(Why::Rotated);
        self.change(Action::Fail { target: Target::Held(id.clone(), spent), judgement })
    }

    fn end(&mut self, why: Why) -> bool {
        self.plan = Plan::End(why);
        false
    }

    fn rotate(&mut self) -> bool {
        self.plan = Plan::UseAnother(Why::Rotated);
        true
    }

    fn back_off(&mut self, id: &CredentialId, judgement: &Judgement, now: DateTime<Utc>) -> bool {
        let told = judgement.verdict.until.map(|until| until - now);
        if self.back_offs >= self.patience.back_offs
            || told.is_some_and(|told| told > self.patience.longest_wait)
        {
            return self.end(Why::StillFailing);
        }
        let wait = told.map_or(Wait::BackOff(self.back_offs), Wait::Told);
        self.back_offs += 1;
        self.plan = Plan::Again { id: id.clone(), wait, why: Why::BackingOff };
        false
    }

    /// Once a request, and only where that is quicker than another credential, or there is none.
    fn retry_once(
        &mut self,
        pool: &Pool,
        id: &CredentialId,
        judgement: &Judgement,
        now: DateTime<Utc>,
    ) -> bool {
        let told = judgement.verdict.until.map(|until| until - now);
        let wait = told.unwrap_or(self.patience.first_wait);
        let horizon = if self.has_another(pool, id, now) {
            self.patience.longest_wait_with_others
        } else {
            self.patience.longest_wait
        };
        if self.has_retried_throttle || wait > horizon {
            return self.rotate();
        }
        self.has_retried_throttle = true;
        let wait = told.map_or(Wait::BackOff(0), Wait::Told);
        self.plan = Plan::Again { id: id.clone(), wait, why: Why::Throttled };
        false
    }

    /// Renews the token where that may help; else the credential is marked.
    fn refresh(
        &mut self,
        credential: Option<&Credential>,
        id: &CredentialId,
        sent: Fingerprint,
        now: DateTime<Utc>,
    ) -> bool {
        let Some(credential) = credential else { return self.rotate() };
        let tried = self.tried.get(id).copied().unwrap_or_default();
        let is_fresh = tried.renewed_at.is_some_and(|at| now - at < FRESH);
        if is_fresh || tried.refreshes >= MOST_REFRESHES || !credential.can_be_renewed() {
            return self.rotate();
        }
        let is_renewed = credential.secret().is_some_and(|secret| secret.fingerprint() != sent);
        if is_renewed {
            // Somebody else was quicker: the one that was refused is not stored any more.
            self.renewed(id, now);
        } else {
            self.plan = Plan::Refresh(id.clone());
        }
        false
    }

    fn use_another(
        &mut self,
        pool: &Pool,
        why: Why,
        in_flight: &impl InFlight,
        now: DateTime<Utc>,
        seed: u64,
    ) -> Step {
        let request = self.untried();
        match pool.pick(&request, in_flight, now, seed) {
            Ok(credential) => {
                let id = credential.id.clone();
                self.tried.entry(id.clone()).or_default();
                self.plan = Plan::Again { id: id.clone(), wait: Wait::Not, why };
                Step::Use { id, why }
            }
            Err(_) => self.give_up(pool, Why::NobodyLeft, now),
        }
    }

    fn give_up(&mut self, pool: &Pool, why: Why, now: DateTime<Utc>) -> Step {
        self.plan = Plan::End(why);
        let known = || {
            let unavailable = pool.pick(&self.untried(), &(), now, 0).err()?;
            unavailable.last_error().map(|(out, error)| (out.id.clone(), error.clone()))
        };
        let standings = if pool.provider() == self.request.provider() {
            pool.standings(now).map(|(credential, standing)| (credential.id.clone(), standing)).collect()
        } else {
            Vec::new()
        };
        Step::GiveUp(GaveUp { why, last_error: self.last_error.clone().or_else(known), standings })
    }

    /// The request for one that was not tried.
    fn untried(&self) -> PickRequest {
        self.tried.keys().fold(self.request.clone(), |request, id| request.leave_out(id.clone()))
    }

    fn has_another(&self, pool: &Pool, id: &CredentialId, now: DateTime<Utc>) -> bool {
        pool.pick(&self.untried().leave_out(id.clone()), &(), now, 0).is_ok()
    }

    /// Whether one that was used may be used again: nobody marked it meanwhile.
    fn may_use(&self, pool: &Pool, id: &CredentialId, now: DateTime<Utc>) -> bool {
        let others = pool.credentials().iter().map(|credential| &credential.id).filter(|other| *other != id);
        let only = others.fold(self.request.clone(), |request, other| request.leave_out(other.clone()));
        pool.pick(&only, &(), now, 0).is_ok()
    }

    fn refreshes(&self, id: &CredentialId) -> u32 {
        self.tried.get(id).map_or(0, |tried| tried.refreshes)
    }

    fn credential<'a>(&self, pool: &'a Pool, id: &CredentialId) -> Option<&'a Credential> {
        let credentials = pool.credentials().iter().map(AsRef::as_ref);
        let is_ours = pool.provider() == self.request.provider();
        credentials.into_iter().find(|credential: &&Credential| is_ours && credential.id == *id)
    }

    fn wait(&self, wait: Wait, seed: u64) -> TimeDelta {
        let time = match wait {
            Wait::Not => TimeDelta::zero(),
            Wait::Told(time) => time,
            Wait::BackOff(before) => {
                // Up to half as much again, so that a fleet does not come back in step.
                let jitter = fastrand::Rng::with_seed(seed).i32(..=500);
                let times = 2_i32.pow(before.min(16)).saturating_mul(1000 + jitter);
                self.patience
                    .first_wait
                    .checked_mul(times)
                    .map_or(self.patience.longest_wait, |time| time / 1000)
            }
        };
        time.clamp(TimeDelta::zero(), self.patience.longest_wait)
    }

    fn change(&self, action: Action) -> Change {
        Change { provider: self.request.provider().clone(), action }
    }
}
