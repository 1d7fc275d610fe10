//! The engine: who asks, who sends, and what is written down when.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    Action, Change, ChangeError, Cooldowns, Credential, CredentialId, Failure, Fingerprint, Grant, Holding,
    Judgement, Kind, LastError, Outcome, Pool, Provider, Record, Renewal, Scope, Secret, Stage, Standing,
    Target, time,
};
use pool_format::Lent;
use pool_store::{Committed, GrantLock, LoginFile, OtherHome, Pruning, Store, StoreError};

use crate::error::{RefreshError, Trouble};
use crate::exchange::{Minted, NotMinted, exchange};
use crate::http::Http;
use crate::pace::next_attempt;
use crate::profile::Profile;
use crate::stores::{Holder, Stores};
use crate::transport::Transport;

/// A token that was renewed so recently is not renewed again: a refusal of it may be one of the token before.
const FRESH: TimeDelta = TimeDelta::minutes(2);

/// Whoever holds the grant has an exchange to make, and two writes.
const LONGER_THAN_THE_EXCHANGE: Duration = Duration::from_secs(30);

/// For so long it is tried to keep an answer, by default: less than others wait.
const INSISTENCE: Duration = Duration::from_secs(10);

/// Between two attempts to keep an answer.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// Nobody is kept from trying again for longer: a later time was written by a clock that was wrong.
const LONGEST_REST: TimeDelta = TimeDelta::hours(1);

/// Renews the logins of a store, or of a profile and its root. Clones share everything.
///
/// ```no_run
/// use pool_core::{CredentialId, Provider};
/// use pool_oauth::{Ask, Refresher, Settings};
/// use pool_store::FileStore;
///
/// let store = FileStore::new("/home/agent/.hermes/auth.json");
/// let provider = Provider::new("openai-codex")?;
/// let profile = Settings::beside(store.path())?.profile(&provider)?;
/// let ask = Ask { provider, id: CredentialId::new("9de82c")?, seen: None, force: false };
/// let login = Refresher::new(store).refresh(ask, profile)?;
/// println!("its token ends at {:?}", login.credential().token_ends_at());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Refresher(Arc<Inner>);

struct Inner {
    stores: Stores,
    transport: Box<dyn Transport>,
    clock: Box<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    insistence: Duration,
}

/// Which login to renew.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whose.
    pub provider: Provider,
    /// Which.
    pub id: CredentialId,
    /// The secret that is to be renewed, as whoever asks saw it: where another one is stored by now, that is the answer.
    pub seen: Option<Fingerprint>,
    /// Whether to renew what was renewed within two minutes, what failed a moment ago, and what is dead.
    pub force: bool,
}

/// A login that can be used.
#[derive(Clone, Debug)]
pub enum Refreshed {
    /// It was renewed by this call.
    Renewed(Arc<Credential>),
    /// Somebody else renewed it meanwhile.
    Adopted(Arc<Credential>),
    /// It was renewed within two minutes.
    Fresh(Arc<Credential>),
}

impl Refreshed {
    /// The login as it is now.
    #[must_use]
    pub fn credential(&self) -> &Arc<Credential> {
        match self {
            Self::Renewed(credential) | Self::Adopted(credential) | Self::Fresh(credential) => credential,
        }
    }
}

/// A renewal under way, in a thread of its own. Dropping it waits for the end: an answer that was paid for with a token is kept,
/// whoever has lost interest.
#[derive(Debug)]
#[must_use = "dropping it waits until the renewal is over"]
pub struct Running(Option<JoinHandle<Result<Refreshed, RefreshError>>>);

impl Running {
    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// When the login could not be renewed.
    pub fn wait(mut self) -> Result<Refreshed, RefreshError> {
        match self.0.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => unreachable!("it is taken here and in `drop` alone"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A panic of the thread was said there.
        drop(self.0.take().map(JoinHandle::join));
    }
}

impl Refresher {
    /// Renews the logins of this store over HTTP, by the system's clock.
    #[must_use]
    pub fn new(stores: impl Into<Stores>) -> Self {
        Self::with(stores, Http, || time::truncate(std::time::SystemTime::now().into()))
    }

    /// The same with another way to send and another clock.
    #[must_use]
    pub fn with(
        stores: impl Into<Stores>,
        transport: impl Transport + 'static,
        clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
    ) -> Self {
        let (transport, clock) = (Box::new(transport), Box::new(clock));
        Self(Arc::new(Inner { stores: stores.into(), transport, clock, insistence: INSISTENCE }))
    }

    /// Sets for how long it is tried to keep an answer that cannot be written at first; 10 s by default.
    #[must_use]
    pub fn insist_for(mut self, insistence: Duration) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.insistence = insistence;
        }
        self
    }

    /// Renews a login, unless somebody else does.
    ///
    /// # Errors
    ///
    /// When it could not be renewed.
    pub fn refresh(&self, ask: Ask, profile: Profile) -> Result<Refreshed, RefreshError> {
        match Attempt::of(&self.0, &ask, &profile)?.moved()? {
            Some(adopted) => Ok(adopted),
            None => self.start(ask, profile)?.wait(),
        }
    }

    /// Begins to renew a login in a thread of its own.
    ///
    /// # Errors
    ///
    /// When there can be no thread.
    pub fn start(&self, ask: Ask, profile: Profile) -> Result<Running, RefreshError> {
        let inner = Arc::clone(&self.0);
        let run = move || Attempt::of(&inner, &ask, &profile)?.run();
        let thread = thread::Builder::new().name("pool-refresh".to_owned()).spawn(run);
        let path = self.0.stores.path().to_owned();
        let thread = thread.map_err(|source| StoreError::Io {
            operation: "start a thread for",
            path,
            source: Arc::new(source),
        })?;
        Ok(Running(Some(thread)))
    }
}

impl fmt::Debug for Refresher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Refresher").field("stores", &self.0.stores).finish_non_exhaustive()
    }
}

struct Attempt<'a> {
    inner: &'a Inner,
    holder: Holder,
    ask: &'a Ask,
    profile: &'a Profile,
}

/// A login as it was read.
struct Login {
    credential: Arc<Credential>,
    record: Record,
    standing: Standing,
    token: Secret,
}

impl Login {
    fn spent(&self) -> Fingerprint {
        self.token.fingerprint()
    }

    /// When its access token ends, where that is still to come.
    fn good_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.credential.token_ends_at().filter(|ends| *ends > now)
    }

    /// Whether its refresh token is one that we replaced: another program wrote it back from a stale memory.
    fn is_back(&self) -> bool {
        self.record.replaced == Some(self.spent())
    }
}

impl Begun {
    /// What became of the answer to the attempt before.
    fn how(&self) -> &'static str {
        match self.before {
            Some(Stage::Unanswered { .. }) => "lost without an answer at",
            _ => IN_A_CRASH,
        }
    }
}

/// A renewal that is written down.
#[derive(Clone, Copy)]
struct Begun {
    spent: Fingerprint,
    /// When the token was first sent.
    first_at: DateTime<Utc>,
    /// The attempt before this one, whose answer is not known.
    before: Option<Stage>,
}

impl<'a> Attempt<'a> {
    fn of(inner: &'a Inner, ask: &'a Ask, profile: &'a Profile) -> Result<Self, RefreshError> {
        let holder = inner.stores.holder(&ask.provider, (inner.clock)())?;
        Ok(Self { inner, holder, ask, profile })
    }

    /// The login, where another token is stored by now than the one that was seen: that needs no lock.
    fn moved(&self) -> Result<Option<Refreshed>, RefreshError> {
        let credential = self.credential()?;
        let is_moved = self.ask.seen.is_some_and(|seen| !credential.holds(seen));
        Ok(is_moved.then(|| Refreshed::Adopted(credential)))
    }

    fn run(&self) -> Result<Refreshed, RefreshError> {
        let mut lock: Option<(u64, GrantLock)> = None;
        loop {
            let pool = self.pool()?;
            let credential = self.find(&pool)?;
            if self.ask.seen.is_some_and(|seen| !credential.holds(seen)) {
                return Ok(Refreshed::Adopted(credential));
            }
            let login = self.login(&pool, credential)?;
            let slot = slot(&login.token);
            // What is stored once the lock is held is what counts, and that may be another token.
            if lock.as_ref().is_none_or(|(held, _)| *held != slot) {
                drop(lock.take());
                lock = Some((slot, self.lock(slot)?));
                continue;
            }
            if let Standing::Dead { error, .. } = &login.standing
                && !self.ask.force
            {
                return Err(self.dead(error.clone()));
            }
            if self.is_fresh(&login) {
                return Ok(Refreshed::Fresh(login.credential));
            }
            if let Some(change) = self.newer_in_the_root(&login)? {
                self.change(&[change])?;
                return Ok(Refreshed::Adopted(self.credential()?));
            }
            if let Some(begun) = self.begin(&login)? {
                return self.spend(&login, begun);
            }
            // Another program changed it between reading and writing.
        }
    }

    fn lock(&self, slot: u64) -> Result<GrantLock, RefreshError> {
        let wait = self.profile.timeout + LONGER_THAN_THE_EXCHANGE;
        // All profiles of a root share its locks, since they may share its logins.
        let store = self.holder.behind.as_ref().unwrap_or(&self.holder.store);
        Ok(store.lock_grant(slot, wait)?)
    }

    /// What the root has in place of a token that it has replaced, of which the profile has a copy.
    fn newer_in_the_root(&self, login: &Login) -> Result<Option<(DateTime<Utc>, Change)>, RefreshError> {
        let Some(pool) = self.pool_of_the_root()? else { return Ok(None) };
        let has_replaced = |one: &&Arc<Credential>| {
            pool.record(&one.id).is_some_and(|record| record.replaced == Some(login.spent()))
        };
        let newer = pool.credentials().iter().filter(|one| one.owns_its_secret()).find(has_replaced);
        Ok(newer.and_then(|newer| {
            let renewed = Lent { tokens: newer.tokens()?.clone(), expires_at: newer.expires_at };
            Some(self.rotate(&login.credential, &renewed))
        }))
    }

    /// Brings new tokens to the credentials of the root that are copies of this login. That they cannot be written keeps nobody from
    /// his own.
    fn renew_in_the_root(&self, begun: Begun, renewed: &Lent) -> Result<(), RefreshError> {
        let (Some(root), Some(pool)) = (&self.holder.behind, self.pool_of_the_root()?) else { return Ok(()) };
        let copies = pool.credentials().iter().filter(|one| one.owns_its_secret() && one.holds(begun.spent));
        let changes: Vec<_> = copies.map(|copy| self.rotate(copy, renewed)).collect();
        if !changes.is_empty() {
            root.apply(&changes, Pruning::Nothing, self.now())?;
        }
        Ok(())
    }

    fn pool_of_the_root(&self) -> Result<Option<Pool>, RefreshError> {
        let Some(root) = &self.holder.behind else { return Ok(None) };
        let loaded = match root.load(None, self.now()) {
            // There is none.
            Err(StoreError::NoFolder { .. }) => None,
            loaded => loaded?,
        };
        Ok(loaded.and_then(|loaded| loaded.pools.get(&self.ask.provider).cloned()))
    }

    fn login_file(&self, credential: &Credential) -> Option<&LoginFile> {
        self.holder.store.login_file(&self.ask.provider, &credential.source)
    }

    fn pool(&self) -> Result<Pool, RefreshError> {
        let provider = &self.ask.provider;
        let loaded = self.holder.store.load(None, self.now())?;
        let pool = loaded.as_ref().and_then(|loaded| loaded.pools.get(provider)).cloned();
        let unknown = || StoreError::from(ChangeError::UnknownProvider { provider: provider.clone() });
        Ok(pool.ok_or_else(unknown)?)
    }

    fn credential(&self) -> Result<Arc<Credential>, RefreshError> {
        self.find(&self.pool()?)
    }

    /// Entries that share an id share the record too, and the intent in it.
    fn find(&self, pool: &Pool) -> Result<Arc<Credential>, RefreshError> {
        let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
        let mut found = pool.credentials().iter().filter(|credential| credential.id == id);
        let error = match (found.next(), found.next()) {
            (Some(one), None) => return Ok(Arc::clone(one)),
            (None, _) => ChangeError::UnknownCredential { provider, id },
            (Some(_), Some(_)) => ChangeError::Ambiguous { provider, id },
        };
        Err(StoreError::from(error).into())
    }

    fn login(&self, pool: &Pool, credential: Arc<Credential>) -> Result<Login, RefreshError> {
        let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
        let standing = pool.standing(&credential, self.now());
        if standing == Standing::Removed {
            return Err(RefreshError::Removed { provider, id });
        }
        let is_writable =
            credential.owns_its_secret() || self.login_file(&credential).is_some_and(LoginFile::is_writable);
        let token = credential.refresh_token().filter(|_| is_writable).cloned();
        let token = token.ok_or(RefreshError::NotALogin { provider, id })?;
        let record = pool.record(&self.ask.id).cloned().unwrap_or_default();
        Ok(Login { credential, record, standing, token })
    }

    /// Whether we renewed it a moment ago, and it can still be used.
    fn is_fresh(&self, login: &Login) -> bool {
        let now = self.now();
        let is_recent = |at: DateTime<Utc>| (TimeDelta::zero()..FRESH).contains(&(now - at));
        let is_over = login.credential.token_ends_at().is_some_and(|ends| ends <= now);
        let is_usable = !is_over && !login.is_back();
        !self.ask.force && is_usable && login.record.renewed_at.is_some_and(is_recent)
    }

    /// Writes down what is about to happen; `None` where another login is stored by now.
    fn begin(&self, login: &Login) -> Result<Option<Begun>, RefreshError> {
        let (now, spent) = (self.now(), login.spent());
        if login.is_back() && !self.ask.force {
            let at = login.record.renewed_at.unwrap_or(now);
            return self
                .lost(login, at, "written back by another program, after it was spent at")
                .map(|_| None);
        }
        let known = login.record.refresh.filter(|known| known.subject == spent);
        let (first_at, before) = match known {
            None => (now, None),
            Some(Renewal { stage: Stage::Resting { until } | Stage::Unanswered { until }, .. })
                if until > now && until - now <= LONGEST_REST && !self.ask.force =>
            {
                let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
                return Err(RefreshError::Resting { provider, id, until });
            }
            Some(Renewal { stage: Stage::Resting { .. }, .. }) => (now, None),
            Some(Renewal { at, stage: Stage::Begun { is_retry: true, .. }, .. }) => {
                return self.lost(login, at, IN_A_CRASH).map(|_| None);
            }
            // Its owner died, or never heard back: one more attempt, and no other after it.
            Some(Renewal { at, stage, .. }) => (at, Some(stage)),
        };
        let renewal = Renewal { subject: spent, at: first_at, stage: begun(before.is_some()) };
        let noted = self.change(&[self.note(spent, Some(renewal))])?;
        let is_noted = matches!(noted.outcomes.first(), Some(Ok(Outcome::Noted(_))));
        Ok(is_noted.then_some(Begun { spent, first_at, before }))
    }

    fn spend(&self, login: &Login, begun: Begun) -> Result<Refreshed, RefreshError> {
        let transport = self.inner.transport.as_ref();
        match exchange(self.profile, transport, &login.token, || self.now()) {
            Ok(minted) => self.keep(login, begun, minted),
            Err(NotMinted { trouble: Trouble::Unanswered, .. }) if begun.before.is_some() => {
                self.lost(login, begun.first_at, begun.how())
            }
            Err(not_minted) => self.judge(login, begun, not_minted),
        }
    }

    /// Keeps new tokens, wherever this grant is stored.
    fn keep(&self, login: &Login, begun: Begun, minted: Minted) -> Result<Refreshed, RefreshError> {
        let Minted { tokens, expires_at, .. } = minted;
        let new = Credential { holding: Holding::Owned(tokens.clone()), ..(*login.credential).clone() };
        let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
        if new.contradicts_account_of(&login.credential) {
            // Whoever comes next must not spend it once more.
            let lost = self.lost(login, begun.first_at, "spent for the tokens of another account at");
            return match lost {
                Err(RefreshError::Dead { .. } | RefreshError::Lost { .. }) => {
                    Err(RefreshError::OtherAccount { provider, id })
                }
                other => other,
            };
        }
        let renewed = Lent { tokens, expires_at };
        let kept = self.insist(|| {
            if login.credential.owns_its_secret() {
                self.keep_owned(begun, &renewed)
            } else {
                self.keep_lent(login, begun, &renewed)
            }
        });
        if let Err(error) = self.renew_in_the_root(begun, &renewed) {
            tracing::warn!(provider = %self.ask.provider, id = %self.ask.id, %error, "cannot renew a login in the root too");
        }
        kept
    }

    /// The store brings them to the other home of the login too.
    fn keep_owned(&self, begun: Begun, renewed: &Lent) -> Result<Refreshed, RefreshError> {
        loop {
            let pool = self.pool()?;
            let now_stored = self.find(&pool)?;
            let replaced = pool.record(&self.ask.id).and_then(|record| record.replaced);
            // A token from before the last one was written back meanwhile, and is as spent as that.
            let is_back =
                |one: &Credential| one.id == self.ask.id && replaced.is_some_and(|old| one.holds(old));
            let is_behind = |one: &Credential| one.holds(begun.spent) || is_back(one);
            if !is_behind(&now_stored) {
                // Another program stored another login meanwhile, and that is the one that counts.
                return Ok(Refreshed::Adopted(now_stored));
            }
            let owners = pool.credentials().iter().filter(|one| one.owns_its_secret() && is_behind(one));
            let changes: Vec<_> = owners.map(|owner| self.rotate(owner, renewed)).collect();
            let committed = self.change(&changes)?;
            let is_ours = |outcome: &_| matches!(outcome, Ok(Outcome::Rotated(kept)) if *kept == self.ask.id);
            if committed.outcomes.iter().any(is_ours)
                && let Some(pool) = committed.pools.get(&self.ask.provider)
            {
                return Ok(Refreshed::Renewed(self.find(pool)?));
            }
        }
    }

    fn rotate(&self, owner: &Credential, renewed: &Lent) -> (DateTime<Utc>, Change) {
        let Lent { tokens, expires_at } = renewed.clone();
        let target = match owner.refresh_token() {
            Some(token) => Target::Held(owner.id.clone(), token.fingerprint()),
            None => Target::Id(owner.id.clone()),
        };
        self.action(Action::Rotate { target, tokens, grant: Grant::Same, expires_at })
    }

    /// The home that lends it is the only one.
    fn keep_lent(&self, login: &Login, begun: Begun, renewed: &Lent) -> Result<Refreshed, RefreshError> {
        let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
        let file = self.login_file(&login.credential).ok_or(RefreshError::NotALogin { provider, id })?;
        let kept = file.renew(&login.token, renewed, self.now())?;
        let now_stored = self.credential()?;
        let target = now_stored.subject().map_or_else(
            || Target::Id(self.ask.id.clone()),
            |subject| Target::Held(self.ask.id.clone(), subject),
        );
        Ok(match kept {
            OtherHome::Renewed => {
                self.change(&[self.action(Action::NoteRenewed { target, spent: begun.spent })])?;
                Refreshed::Renewed(now_stored)
            }
            OtherHome::Left => {
                self.change(&[self.action(Action::NoteRefresh { target, refresh: None })])?;
                Refreshed::Adopted(now_stored)
            }
        })
    }

    /// Judges a refusal, or an exchange that gave nothing.
    fn judge(&self, login: &Login, begun: Begun, not_minted: NotMinted) -> Result<Refreshed, RefreshError> {
        let NotMinted { trouble, failure } = not_minted;
        let now = self.now();
        let judgement = Judgement::of_refresh(*failure, &self.ask.provider, &Cooldowns::default(), now);
        let kind = judgement.verdict.kind;
        let error = LastError::of(&judgement.failure, kind, Some(&login.credential));
        let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
        if judgement.verdict.is_terminal() {
            if begun.before.is_some() {
                return self.bury(login, lost(begun.first_at, begun.how()));
            }
            return self.bury_as(login, judgement, error);
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
        let mut changes = vec![self.note(begun.spent, Some(renewal))];
        // A token that is still good stays in use.
        if login.good_until(now).is_none() {
            let judgement = Judgement { until, ..judgement };
            changes.push(self.action(Action::Fail { target: self.target(begun.spent), judgement }));
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
    fn lost(&self, login: &Login, at: DateTime<Utc>, how: &str) -> Result<Refreshed, RefreshError> {
        let failure = lost(at, how);
        let Some(until) = login.good_until(self.now()) else { return self.bury(login, failure) };
        let error = LastError::of(&failure, Kind::AuthPermanent, Some(&login.credential));
        let renewal = Renewal { subject: login.spent(), at, stage: begun(true) };
        let noted = self.change(&[self.note(login.spent(), Some(renewal))])?;
        let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
        self.unless_moved(&noted, login, || RefreshError::Lost { provider, id, error, until })
    }

    fn bury(&self, login: &Login, failure: Failure) -> Result<Refreshed, RefreshError> {
        let mut judgement =
            Judgement::of_refresh(failure, &self.ask.provider, &Cooldowns::default(), self.now());
        judgement.verdict.kind = Kind::AuthPermanent;
        judgement.verdict.scope = Scope::Credential;
        judgement.verdict.until = None;
        let error = LastError::of(&judgement.failure, Kind::AuthPermanent, Some(&login.credential));
        self.bury_as(login, judgement, error)
    }

    fn bury_as(
        &self,
        login: &Login,
        judgement: Judgement,
        error: LastError,
    ) -> Result<Refreshed, RefreshError> {
        let mark = self.action(Action::Fail { target: self.target(login.spent()), judgement });
        let marked = self.change(&[mark, self.note(login.spent(), None)])?;
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
        let is_back = login.record.replaced.is_some_and(|replaced| now_stored.holds(replaced));
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

    fn dead(&self, error: LastError) -> RefreshError {
        RefreshError::Dead { provider: self.ask.provider.clone(), id: self.ask.id.clone(), error }
    }

    fn target(&self, spent: Fingerprint) -> Target {
        Target::Held(self.ask.id.clone(), spent)
    }

    fn note(&self, spent: Fingerprint, refresh: Option<Renewal>) -> (DateTime<Utc>, Change) {
        self.action(Action::NoteRefresh { target: self.target(spent), refresh })
    }

    fn action(&self, action: Action) -> (DateTime<Utc>, Change) {
        (self.now(), Change { provider: self.ask.provider.clone(), action })
    }

    fn change(&self, changes: &[(DateTime<Utc>, Change)]) -> Result<Committed, RefreshError> {
        Ok(self.holder.store.apply(changes, Pruning::Nothing, self.now())?)
    }

    /// Tries again, for a while, to write what must not be lost: it is the only copy of the login.
    fn insist(&self, keep: impl Fn() -> Result<Refreshed, RefreshError>) -> Result<Refreshed, RefreshError> {
        let begun = Instant::now();
        loop {
            let error = match keep() {
                // Who is gone by now needs no tokens.
                Err(RefreshError::Store(error)) if !matches!(error, StoreError::Change(_)) => error,
                result => return result,
            };
            if begun.elapsed() >= self.inner.insistence {
                let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
                return Err(RefreshError::NotKept { provider, id, source: error });
            }
            thread::sleep(BETWEEN_ATTEMPTS);
        }
    }

    fn now(&self) -> DateTime<Utc> {
        (self.inner.clock)()
    }
}

/// Which of the locks a refresh token has: whoever spends it holds that, wherever in a store the token stands.
fn slot(token: &Secret) -> u64 {
    let digits = token.fingerprint().to_string();
    let digits = digits.get(digits.len().saturating_sub(2)..).unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

fn begun(is_retry: bool) -> Stage {
    Stage::Begun { pid: std::process::id(), is_retry }
}

const IN_A_CRASH: &str = "lost in a crash at";

/// What is said of a login whose token is spent, or may be, and whose successor nobody has.
fn lost(at: DateTime<Utc>, how: &str) -> Failure {
    Failure::unstated()
        .code(format!("{how} {}", time::format(at)))
        .message("the refresh token was sent, and the answer was not kept")
}
