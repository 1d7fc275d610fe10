//! How an answer is kept: in the store, in its root, and in the file that lends the login. It is the only copy.

use std::thread;
use std::time::{Duration, Instant};

use pool_core::{Action, Credential, Fingerprint, Grant, Holding, Outcome, Target};
use pool_format::Lent;
use pool_store::{OtherHome, Pruning, Store, StoreError};

use crate::attempt::{Attempt, Begun, Login};
use crate::error::RefreshError;
use crate::exchange::Minted;
use crate::refresher::Refreshed;

/// Between two attempts to keep an answer.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// The root is somebody else's too: whoever has it locked is not waited for as long as for the own store.
const WAIT_FOR_THE_ROOT: Duration = Duration::from_secs(5);

impl Attempt<'_> {
    /// Keeps new tokens, wherever this grant is stored.
    pub(crate) fn keep(
        &self,
        login: &Login,
        begun: Begun,
        minted: Minted,
    ) -> Result<Refreshed, RefreshError> {
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
        // First: were the process to end in between, the store would take over what its root has.
        let Lent { tokens, expires_at } = renewed.clone();
        self.tell_the_root(begun.spent, |target| Action::Rotate {
            target,
            tokens: tokens.clone(),
            grant: Grant::Same,
            expires_at,
        });
        self.insist(|| {
            if login.credential.owns_its_secret() {
                self.keep_owned(begun, &renewed)
            } else {
                self.keep_lent(login, begun, &renewed)
            }
        })
    }

    /// Makes a change to the credentials of the root that are copies of this login: whoever works with the root must know of it. That it
    /// cannot be made keeps nobody from his own.
    pub(crate) fn tell_the_root(&self, spent: Fingerprint, action: impl Fn(Target) -> Action) {
        let (Some(root), Some(pool)) = (&self.holder.behind, self.pool_of_the_root()) else { return };
        let copies = pool.credentials().iter().filter(|one| one.owns_its_secret() && one.holds(spent));
        let told = copies.map(|copy| self.action(action(Target::Held(copy.id.clone(), spent))));
        let told: Vec<_> = told.collect();
        if told.is_empty() {
            return;
        }
        let root = root.clone().lock_wait(WAIT_FOR_THE_ROOT);
        if let Err(error) = root.apply(&told, Pruning::Nothing, self.now()) {
            let (provider, id) = (&self.ask.provider, &self.ask.id);
            tracing::warn!(%provider, %id, %error, "the root cannot be told of a login that it has too");
        }
    }

    /// The store brings them to the other home of the login too.
    fn keep_owned(&self, begun: Begun, renewed: &Lent) -> Result<Refreshed, RefreshError> {
        loop {
            let pool = self.pool()?;
            let now_stored = self.find(&pool)?;
            let record = pool.record(&self.ask.id);
            let replaced = record.map(|record| record.replaced.clone()).unwrap_or_default();
            // A token from before the last one was written back meanwhile, and is as spent as that.
            let is_back = |one: &Credential| one.id == self.ask.id && replaced.held_by(one).is_some();
            let is_behind = |one: &Credential| one.holds(begun.spent) || is_back(one);
            let owners = pool.credentials().iter().filter(|one| one.owns_its_secret() && is_behind(one));
            let changes: Vec<_> = owners.map(|owner| self.rotate(owner, renewed)).collect();
            if changes.is_empty() {
                // Another program stored another login meanwhile, and that is the one that counts.
                return Ok(Refreshed::Adopted(now_stored));
            }
            let committed = self.change(&changes)?;
            let is_ours = |outcome: &_| matches!(outcome, Ok(Outcome::Rotated(kept)) if *kept == self.ask.id);
            if committed.outcomes.iter().any(is_ours)
                && let Some(pool) = committed.pools.get(&self.ask.provider)
            {
                return Ok(Refreshed::Renewed(self.find(pool)?));
            }
        }
    }

    /// The home that lends it is the only one.
    fn keep_lent(&self, login: &Login, begun: Begun, renewed: &Lent) -> Result<Refreshed, RefreshError> {
        let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
        let file = self.login_file(&login.credential).ok_or(RefreshError::NotALogin { provider, id })?;
        let kept = file.renew(|token| token == begun.spent, renewed, self.now())?;
        let now_stored = self.credential()?;
        let target = Target::of(&now_stored);
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

    /// Tries again, for a while, to write what must not be lost: it is the only copy of the login.
    fn insist(&self, keep: impl Fn() -> Result<Refreshed, RefreshError>) -> Result<Refreshed, RefreshError> {
        let begun = Instant::now();
        loop {
            let error = match keep() {
                // Who is gone by now needs no tokens.
                Err(RefreshError::Store(error)) if !matches!(error, StoreError::Change(_)) => error,
                result => return result,
            };
            if begun.elapsed() >= self.insistence {
                let (provider, id) = (self.ask.provider.clone(), self.ask.id.clone());
                return Err(RefreshError::NotKept { provider, id, source: error });
            }
            thread::sleep(BETWEEN_ATTEMPTS);
        }
    }
}
