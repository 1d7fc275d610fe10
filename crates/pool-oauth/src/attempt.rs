//! One renewal, from the first look to the answer: who may send a refresh token, and what is written down before that.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    Action, Change, ChangeError, Credential, Fingerprint, Grant, Holding, LastError, Outcome, Pool, Record,
    Renewal, Replaced, Secret, Stage, Standing, State, Target,
};
use pool_format::Lent;
use pool_store::{Committed, GrantLock, LoginFile, Pruning, Reserved, Store, StoreError};

use crate::error::{RefreshError, Trouble};
use crate::exchange::{NotMinted, exchange};
use crate::judge::IN_A_CRASH;
use crate::profile::Profile;
use crate::refresher::{Ask, Inner, Refreshed};
use crate::stores::Holder;

/// A token that was renewed so recently is not renewed again: a refusal of it may be one of the token before.
const FRESH: TimeDelta = TimeDelta::minutes(2);

/// Not even one that seems to have ended: a clock that goes wrong would renew it for ever.
const JUST_MADE: TimeDelta = TimeDelta::seconds(30);

/// Whoever holds the grant has an exchange to make, and two writes.
const LONGER_THAN_THE_EXCHANGE: Duration = Duration::from_secs(30);

/// Nobody is kept from trying again for longer: a later time was written by a clock that was wrong.
pub(crate) const LONGEST_REST: TimeDelta = TimeDelta::hours(1);

pub(crate) struct Attempt<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) holder: Holder,
    pub(crate) ask: &'a Ask,
    pub(crate) profile: &'a Profile,
    /// For so long it is tried to keep an answer.
    pub(crate) insistence: Duration,
}

/// A login as it was read.
pub(crate) struct Login {
    pub(crate) credential: Arc<Credential>,
    pub(crate) record: Record,
    standing: Standing,
    pub(crate) token: Secret,
}

/// A renewal that is written down.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    pub(crate) spent: Fingerprint,
    /// When the token was first sent.
    pub(crate) first_at: DateTime<Utc>,
    /// The attempt before this one, whose answer is not known.
    pub(crate) before: Option<Stage>,
}

/// Whether a token may be sent.
enum Start {
    /// It is written down that it is.
    Begun(Begun),
    /// Another login is stored by now.
    Moved,
    /// It must not be, and there is another answer.
    Over(Refreshed),
}

/// What keeps everybody else from sending the token.
struct Locks {
    slot: u64,
    _own: GrantLock,
    _root: Option<GrantLock>,
    _file: Option<Reserved>,
}

impl Login {
    pub(crate) fn spent(&self) -> Fingerprint {
        self.token.fingerprint()
    }

    /// When its access token ends, where that is still to come.
    pub(crate) fn good_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.credential.token_ends_at().filter(|ends| *ends > now)
    }

    /// Whether its refresh token was replaced: another program wrote it back from a stale memory.
    fn is_back(&self) -> bool {
        self.record.replaced.contains(self.spent())
    }
}

impl<'a> Attempt<'a> {
    pub(crate) fn of(
        inner: &'a Inner,
        ask: &'a Ask,
        profile: &'a Profile,
        insistence: Duration,
    ) -> Result<Self, RefreshError> {
        let holder = inner.stores.holder(&ask.provider, (inner.clock)())?;
        Ok(Self { inner, holder, ask, profile, insistence })
    }

    /// The login, where another token is stored by now than the one that was seen: that needs no lock.
    pub(crate) fn moved(&self) -> Result<Option<Refreshed>, RefreshError> {
        let credential = self.credential()?;
        let is_moved = self.ask.seen.is_some_and(|seen| !credential.holds(seen));
        Ok(is_moved.then(|| Refreshed::Adopted(credential)))
    }

    pub(crate) fn run(&self) -> Result<Refreshed, RefreshError> {
        let mut locks: Option<Locks> = None;
        loop {
            let pool = self.pool()?;
            let credential = self.find(&pool)?;
            if self.ask.seen.is_some_and(|seen| !credential.holds(seen)) {
                return Ok(Refreshed::Adopted(credential));
            }
            let login = self.login(&pool, credential)?;
            let slot = slot(&login.token);
            // What is stored once the locks are held is what counts, and that may be another token.
            if locks.as_ref().is_none_or(|held| held.slot != slot) {
                drop(locks.take());
                locks = Some(self.lock(&login, slot)?);
                continue;
            }
            let root = self.pool_of_the_root();
            let known: Vec<&Pool> = iter::once(&pool).chain(&root).collect();
            let intent = intent(&known, &login);
            if let Some(newer) = self.newer(&known, &login, intent)? {
                self.change(&[self.rotate(&login.credential, &newer)])?;
                return Ok(Refreshed::Adopted(self.credential()?));
            }
            if let Standing::Dead { error, .. } = &login.standing
                && !self.ask.force
            {
                return Err(self.dead(error.clone()));
            }
            if let Some(refusal) = refusal(&known, &login).filter(|_| !self.ask.force) {
                return self.bury_too(&login, refusal);
            }
            if self.is_fresh(&login) {
                return Ok(Refreshed::Fresh(login.credential));
            }
            match self.begin(&login, intent)? {
                Start::Begun(begun) => return self.spend(&login, begun),
                Start::Over(refreshed) => return Ok(refreshed),
                Start::Moved => {}
            }
        }
    }

    /// Those of the store and of its root, in this order, and the file that lends the login: whoever has a copy of it takes one of them.
    fn lock(&self, login: &Login, slot: u64) -> Result<Locks, RefreshError> {
        let wait = self.profile.timeout + LONGER_THAN_THE_EXCHANGE;
        let own = self.holder.store.lock_grant(slot, wait)?;
        let root = match self.holder.behind.as_ref().map(|root| root.lock_grant(slot, wait)) {
            Some(Err(error)) if error.is_locked() => return Err(error.into()),
            Some(Err(error)) => {
                // Who cannot write there has his own logins all the same.
                tracing::debug!(%error, "the locks of the root cannot be had");
                None
            }
            root => root.transpose().ok().flatten(),
        };
        let lender = self.login_file(&login.credential).filter(|_| !login.credential.owns_its_secret());
        let file = lender.map(|file| file.reserve(wait)).transpose()?;
        Ok(Locks { slot, _own: own, _root: root, _file: file })
    }

    pub(crate) fn login_file(&self, credential: &Credential) -> Option<&LoginFile> {
        self.holder.store.login_file(&self.ask.provider, &credential.source)
    }

    pub(crate) fn pool(&self) -> Result<Pool, RefreshError> {
        let provider = &self.ask.provider;
        let loaded = self.holder.store.load(None, self.now())?;
        let pool = loaded.as_ref().and_then(|loaded| loaded.pools.get(provider)).cloned();
        let unknown = || StoreError::from(ChangeError::UnknownProvider { provider: provider.clone() });
        Ok(pool.ok_or_else(unknown)?)
    }

    pub(crate) fn credential(&self) -> Result<Arc<Credential>, RefreshError> {
        self.find(&self.pool()?)
    }

    /// Entries that share an id share the record too, and the intent in it.
    pub(crate) fn find(&self, pool: &Pool) -> Result<Arc<Credential>, RefreshError> {
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

    /// What somebody has in place of a token that he knows to be replaced: another credential of the pool, or the root, has a copy of the
    /// login. Of a token that may be spent, what another home has is the answer.
    fn newer(
        &self,
        known: &[&Pool],
        login: &Login,
        intent: Option<Renewal>,
    ) -> Result<Option<Lent>, RefreshError> {
        if !login.credential.owns_its_secret() {
            return Ok(None);
        }
        if let Some(newer) = known.iter().find_map(|pool| successor(pool, login)) {
            return Ok(Some(newer));
        }
        let may_be_spent = intent.is_some_and(|intent| !matches!(intent.stage, Stage::Resting { .. }));
        if !may_be_spent {
            return Ok(None);
        }
        let source = &login.credential.source;
        let homes = self.holder.store.other_homes(&self.ask.provider, source, self.now())?;
        let is_older = |home: &Lent| {
            let ends = login.credential.token_ends_at().zip(with_tokens(login, home).token_ends_at());
            ends.is_some_and(|(ours, theirs)| theirs < ours)
        };
        Ok(homes.into_iter().find(|home| is_successor(home, login) && !is_older(home)))
    }

    /// That of the root behind the store. One that cannot be read keeps nobody from his own.
    pub(crate) fn pool_of_the_root(&self) -> Option<Pool> {
        let loaded = self.holder.behind.as_ref()?.load(None, self.now()).ok()??;
        loaded.pools.get(&self.ask.provider).cloned()
    }

    /// Whether we renewed it a moment ago, and it can still be used.
    fn is_fresh(&self, login: &Login) -> bool {
        let now = self.now();
        let made_within =
            |span| login.record.renewed_at.is_some_and(|at| (TimeDelta::zero()..span).contains(&(now - at)));
        let is_over = login.credential.token_ends_at().is_some_and(|ends| ends <= now);
        !self.ask.force && !login.is_back() && made_within(if is_over { JUST_MADE } else { FRESH })
    }

    /// Writes down what is about to happen.
    fn begin(&self, login: &Login, intent: Option<Renewal>) -> Result<Start, RefreshError> {
        let (now, spent) = (self.now(), login.spent());
        let lost = |at, how| self.lost(login, at, how).map(Start::Over);
        if login.is_back() && !self.ask.force {
            let at = login.record.renewed_at.unwrap_or(now);
            return lost(at, "written back by another program, after it was spent at");
        }
        let (first_at, before) = match intent {
            None => (now, None),
            Some(Renewal { stage: Stage::Resting { until } | Stage::Unanswered { until }, .. })
                if until > now && until - now <= LONGEST_REST && !self.ask.force =>
            {
                let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
                return Err(RefreshError::Resting { provider, id, until });
            }
            Some(Renewal { stage: Stage::Resting { .. }, .. }) => (now, None),
            Some(Renewal { at, stage: Stage::Lost, .. }) => return lost(at, "lost at"),
            Some(Renewal { at, stage: Stage::Begun { is_retry: true, .. }, .. }) => {
                return lost(at, IN_A_CRASH);
            }
            // Its owner died, or never heard back: one more attempt, and no other after it.
            Some(Renewal { at, stage, .. }) => (at, Some(stage)),
        };
        // What a file lends has no other place: it must be possible to write there.
        if !login.credential.owns_its_secret()
            && let Some(file) = self.login_file(&login.credential)
        {
            file.could_be_renewed()?;
        }
        let stage = Stage::Begun { pid: std::process::id(), is_retry: before.is_some() };
        let renewal = Renewal { subject: spent, at: first_at, stage };
        let noted = self.note_everywhere(spent, Some(renewal))?;
        let is_noted = matches!(noted.outcomes.first(), Some(Ok(Outcome::Noted(_))));
        Ok(if is_noted { Start::Begun(Begun { spent, first_at, before }) } else { Start::Moved })
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

    /// Puts new tokens into an entry, in place of those that it has.
    pub(crate) fn rotate(&self, owner: &Credential, renewed: &Lent) -> (DateTime<Utc>, Change) {
        let Lent { tokens, expires_at } = renewed.clone();
        let target = match owner.refresh_token() {
            Some(token) => Target::Held(owner.id.clone(), token.fingerprint()),
            None => Target::of(owner),
        };
        self.action(Action::Rotate { target, tokens, grant: Grant::Same, expires_at })
    }

    pub(crate) fn note(&self, spent: Fingerprint, refresh: Option<Renewal>) -> (DateTime<Utc>, Change) {
        let target = Target::Held(self.ask.id.clone(), spent);
        self.action(Action::NoteRefresh { target, refresh })
    }

    /// In the store and in its root.
    pub(crate) fn note_everywhere(
        &self,
        spent: Fingerprint,
        refresh: Option<Renewal>,
    ) -> Result<Committed, RefreshError> {
        self.tell_the_root(spent, |target| Action::NoteRefresh { target, refresh });
        self.change(&[self.note(spent, refresh)])
    }

    pub(crate) fn action(&self, action: Action) -> (DateTime<Utc>, Change) {
        (self.now(), Change { provider: self.ask.provider.clone(), action })
    }

    pub(crate) fn change(&self, changes: &[(DateTime<Utc>, Change)]) -> Result<Committed, RefreshError> {
        Ok(self.holder.store.apply(changes, Pruning::Nothing, self.now())?)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.inner.clock)()
    }
}

/// Which of the locks a refresh token has: whoever spends it holds that, wherever in a store the token stands.
fn slot(token: &Secret) -> u64 {
    token.fingerprint().into()
}

/// The records of all who may have a token.
fn records<'a>(known: &'a [&'a Pool]) -> impl Iterator<Item = &'a Record> {
    let of = |pool: &'a Pool| pool.credentials().iter().filter_map(|one| pool.record(&one.id));
    known.iter().flat_map(move |pool| of(pool))
}

/// What is on record of an earlier renewal with this token, by whoever has it too: what came furthest.
fn intent(known: &[&Pool], login: &Login) -> Option<Renewal> {
    let noted =
        records(known).filter_map(|record| record.refresh.filter(|known| known.subject == login.spent()));
    noted.max_by_key(|renewal| match renewal.stage {
        Stage::Resting { .. } => 0,
        Stage::Unanswered { .. } | Stage::Begun { is_retry: false, .. } => 1,
        Stage::Begun { is_retry: true, .. } => 2,
        Stage::Lost => 3,
    })
}

/// Why somebody else who has this very token is dead of it.
fn refusal(known: &[&Pool], login: &Login) -> Option<LastError> {
    records(known).find_map(|record| match &record.state {
        State::Dead(death) if death.subject == Some(login.spent()) => Some(death.error.clone()),
        _ => None,
    })
}

/// What another credential of a pool has in place of the token of a login, which it knows to be replaced.
fn successor(pool: &Pool, login: &Login) -> Option<Lent> {
    let has_replaced = |one: &&Arc<Credential>| {
        let replaced = pool.record(&one.id).map(|record| &record.replaced);
        one.owns_its_secret() && replaced.is_some_and(|replaced| replaced.contains(login.spent()))
    };
    let owners = pool.credentials().iter().filter(has_replaced);
    let theirs =
        owners.filter_map(|one| Some(Lent { tokens: one.tokens()?.clone(), expires_at: one.expires_at }));
    theirs.into_iter().find(|theirs| is_successor(theirs, login))
}

/// Whether this can be what the token of a login was spent for.
fn is_successor(theirs: &Lent, login: &Login) -> bool {
    let replaced: &Replaced = &login.record.replaced;
    let token = theirs.tokens.refresh_token().map(Secret::fingerprint);
    token.is_some_and(|token| token != login.spent() && !replaced.contains(token))
        && !with_tokens(login, theirs).contradicts_account_of(&login.credential)
}

/// The login as it would be with these tokens.
fn with_tokens(login: &Login, lent: &Lent) -> Credential {
    let holding = Holding::Owned(lent.tokens.clone());
    Credential { holding, expires_at: lent.expires_at, ..(*login.credential).clone() }
}
