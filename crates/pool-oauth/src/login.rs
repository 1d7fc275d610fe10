//! Where the tokens of a new login go: into the credential of the same account, or into one of its own.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pool_core::{
    Action, AuthType, Change, ChangeError, Credential, CredentialId, Grant, Holding, Outcome, Place, Pool,
    Provider, Secret, Source, Standing, Target,
};
use pool_store::{Committed, Pruning, Store, StoreError};

use crate::device::NewLogin;
use crate::error::LoginError;

/// What cannot be written at first is tried again so often: it is the only copy of the login.
const MOST_FAILURES: u32 = 2;

/// Where a login is to go.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    /// The credential whose tokens are replaced; without it, that of the same account, if there is one, else the only one
    /// that is dead, where the accounts cannot be told.
    pub instead_of: Option<CredentialId>,
    /// What to call it where it is a new credential; without it, what the tokens say.
    pub label: Option<String>,
}

/// A login that is stored.
#[derive(Clone, Debug)]
pub enum Kept {
    /// As a new credential, behind all others.
    Added(Arc<Credential>),
    /// In place of the tokens that this credential had. It is alive again; its id, priority and label are the same.
    Replaced(Arc<Credential>),
}

impl Kept {
    /// The credential as it is now.
    #[must_use]
    pub fn credential(&self) -> &Arc<Credential> {
        match self {
            Self::Added(credential) | Self::Replaced(credential) => credential,
        }
    }
}

/// Whether a new login can take the place of this one's tokens: it is a login, and stored here.
///
/// # Errors
///
/// When it is an API key, or another place lends it.
pub fn replaceable(credential: &Credential) -> Result<(), LoginError> {
    if credential.auth_type == AuthType::OAuth && credential.owns_its_secret() {
        return Ok(());
    }
    Err(LoginError::NotReplaceable { id: credential.id.clone() })
}

impl NewLogin {
    /// Stores it.
    ///
    /// # Errors
    ///
    /// When the credential that was named is gone, or of another account, or nothing can be written.
    pub fn keep(
        &self,
        store: &impl Store,
        provider: &Provider,
        keep: &Keep,
        now: DateTime<Utc>,
    ) -> Result<Kept, LoginError> {
        let mut failures = 0;
        loop {
            let loaded = store.load(None, now)?;
            let pool = loaded.as_ref().and_then(|loaded| loaded.pools.get(provider));
            let action = self.action(provider, pool, keep, now)?;
            let change = Change { provider: provider.clone(), action };
            match store.apply(&[(now, change)], Pruning::Nothing, now).and_then(only) {
                Ok((Outcome::Added(id), after)) => return Ok(Kept::Added(find(&after, provider, &id)?)),
                Ok((Outcome::Rotated(id), after)) => return Ok(Kept::Replaced(find(&after, provider, &id)?)),
                // Another program changed it between reading and writing.
                Ok(_) => {}
                Err(StoreError::Change(
                    ChangeError::IdTaken { .. } | ChangeError::UnknownCredential { .. },
                )) => {}
                Err(error @ StoreError::Change(_)) => return Err(error.into()),
                Err(_) if failures < MOST_FAILURES => failures += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn action(
        &self,
        provider: &Provider,
        pool: Option<&Pool>,
        keep: &Keep,
        now: DateTime<Utc>,
    ) -> Result<Action, LoginError> {
        let new = self.credential(pool, keep);
        let Some(old) = self.old(provider, pool, keep, &new, now)? else {
            return Ok(Action::Add { credential: Box::new(new), place: Place::Last });
        };
        Ok(Action::Rotate {
            target: Target::of(&old),
            tokens: self.tokens.clone(),
            grant: Grant::New,
            expires_at: self.expires_at,
        })
    }

    /// Whose tokens it replaces.
    fn old(
        &self,
        provider: &Provider,
        pool: Option<&Pool>,
        keep: &Keep,
        new: &Credential,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Credential>>, LoginError> {
        let all = pool.map_or(&[][..], Pool::credentials);
        if let Some(id) = &keep.instead_of {
            let unknown = || {
                StoreError::from(ChangeError::UnknownCredential {
                    provider: provider.clone(),
                    id: id.clone(),
                })
            };
            let old = all.iter().find(|old| old.id == *id).ok_or_else(unknown)?;
            replaceable(old)?;
            if new.contradicts_account_of(old) {
                return Err(LoginError::OtherAccount { id: id.clone() });
            }
            return Ok(Some(Arc::clone(old)));
        }
        let is_dead = |old: &Credential| {
            pool.is_some_and(|pool| matches!(pool.standing(old, now), Standing::Dead { .. }))
        };
        let logins = || all.iter().filter(|old| replaceable(old).is_ok());
        let account = new.account(provider);
        let same = logins().filter(|old| account.is_some() && old.account(provider) == account);
        if let Some(old) = same.min_by_key(|old| !is_dead(old)) {
            return Ok(Some(Arc::clone(old)));
        }
        // Of accounts that cannot be told, a dead login that is alone is most likely the one that is meant.
        let mut dead = logins().filter(|old| is_dead(old));
        let lone = dead.next().filter(|_| dead.next().is_none());
        let cannot_be_told = |old: &&Arc<Credential>| {
            (account.is_none() || old.account(provider).is_none()) && !new.contradicts_account_of(old)
        };
        Ok(lone.filter(cannot_be_told).cloned())
    }

    fn credential(&self, pool: Option<&Pool>, keep: &Keep) -> Credential {
        let label = keep.label.clone().or_else(|| self.owner.clone());
        let id = CredentialId::from_seed(fastrand::u64(..));
        Credential {
            label: label.unwrap_or_else(|| default_label(pool)),
            auth_type: AuthType::OAuth,
            source: Source::new("manual:device_code"),
            expires_at: self.expires_at,
            holding: Holding::Owned(self.tokens.clone()),
            ..Credential::manual(id, Secret::new(String::new()))
        }
    }
}

/// A label that is not taken: by number in the list, or the next that is free.
fn default_label(pool: Option<&Pool>) -> String {
    let credentials = pool.map_or(&[][..], Pool::credentials);
    let mut number = credentials.len() + 1;
    loop {
        let label = format!("login-{number}");
        if credentials.iter().all(|credential| credential.label != label) {
            return label;
        }
        number += 1;
    }
}

/// What became of the one change.
fn only(mut committed: Committed) -> Result<(Outcome, Committed), StoreError> {
    let outcome = committed.outcomes.pop().unwrap_or(Ok(Outcome::Stale))?;
    Ok((outcome, committed))
}

fn find(
    committed: &Committed,
    provider: &Provider,
    id: &CredentialId,
) -> Result<Arc<Credential>, StoreError> {
    let credentials = committed.pools.get(provider).map_or(&[][..], Pool::credentials);
    let unknown =
        || StoreError::from(ChangeError::UnknownCredential { provider: provider.clone(), id: id.clone() });
    credentials.iter().find(|credential| credential.id == *id).cloned().ok_or_else(unknown)
}
