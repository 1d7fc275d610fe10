//! How an offer gets into a pool: as a new credential, or as new tokens of one that is there.

use chrono::{DateTime, Utc};
use pool_core::{
    ChangeError, Credential, CredentialId, Grant, Kinship, Pool, Provider, Secret, Standing, Target,
};
use pool_store::{PoolHandle, Reported, StoreError};

use crate::offer::{Given, Offer};

/// What somebody wants of an offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consent {
    /// Only that it keeps up to date what was taken in before.
    UpToDate,
    /// That it is taken in, unless it was removed.
    TakeIn,
    /// That it is taken in even if it was removed; it may be offered again then.
    Again,
}

/// What became of an offer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It is a new credential.
    Added(CredentialId),
    /// This credential has its tokens now; its id, priority and label stay.
    Renewed(CredentialId),
    /// It is there already: nothing is new in it, or what is there is newer.
    There(CredentialId),
    /// Somebody removed it before.
    Suppressed,
    /// It was not taken in before, and nobody asked for that.
    NotHere,
}

/// Brings an offer into the pool of its provider.
///
/// A credential with the same secret, of the same source or of the same account is not added once more. It gets the
/// tokens that are offered where its own are dead or gone, or where it comes from the same place and they are newer; tokens
/// that were replaced here never come back.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn take_in(
    handle: &PoolHandle,
    offer: &Offer,
    consent: Consent,
    now: DateTime<Utc>,
) -> Result<Taken, StoreError> {
    // Whoever changes the store meanwhile makes us look again.
    loop {
        let pools = handle.pools()?;
        if consent != Consent::Again && pools.is_suppressed(&offer.provider, &offer.source) {
            return Ok(Taken::Suppressed);
        }
        let pool = pools.get(&offer.provider);
        let known = pool.and_then(|pool| Known::find(pool, offer, now));
        let taken = match known {
            Some(known) => known.renew(handle, offer)?,
            None if consent == Consent::UpToDate => Some(Taken::NotHere),
            None => add(handle, offer, free_id(pool), consent)?,
        };
        let Some(taken) = taken else { continue };
        // Where it is there already, nothing else lifts it.
        if consent == Consent::Again && pools.is_suppressed(&offer.provider, &offer.source) {
            handle.lift(&offer.provider, offer.source.clone())?;
        }
        return Ok(taken);
    }
}

/// Adds it; `None` where somebody was faster.
fn add(
    handle: &PoolHandle,
    offer: &Offer,
    id: CredentialId,
    consent: Consent,
) -> Result<Option<Taken>, StoreError> {
    let credential = offer.credential(id.clone());
    let added = match consent {
        Consent::Again => handle.add(&offer.provider, credential),
        Consent::UpToDate | Consent::TakeIn => handle.seed(&offer.provider, credential),
    };
    match added {
        Ok(()) => Ok(Some(Taken::Added(id))),
        Err(StoreError::Change(ChangeError::Suppressed { .. })) => Ok(Some(Taken::Suppressed)),
        Err(StoreError::Change(ChangeError::Duplicate { existing, .. })) => Ok(Some(Taken::There(existing))),
        Err(StoreError::Change(ChangeError::IdTaken { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

fn free_id(pool: Option<&Pool>) -> CredentialId {
    loop {
        let id = CredentialId::from_seed(fastrand::u64(..));
        let is_taken = |pool: &Pool| pool.credentials().iter().any(|credential| credential.id == id);
        if !pool.is_some_and(is_taken) {
            return id;
        }
    }
}

/// A credential that an offer is about, as it stands.
struct Known<'a> {
    pool: &'a Pool,
    credential: &'a Credential,
    now: DateTime<Utc>,
}

impl<'a> Known<'a> {
    /// Who has the same secret, else who is of the same source, else who is of the same account.
    fn find(pool: &'a Pool, offer: &Offer, now: DateTime<Utc>) -> Option<Self> {
        let tests: [fn(&Credential, &Offer) -> bool; 3] = [shares_secret, shares_source, shares_account];
        tests.into_iter().find_map(|is_meant| {
            let mut standings = pool.standings(now);
            let (credential, _) = standings.find(|(credential, standing)| {
                *standing != Standing::Removed && is_meant(credential, offer)
            })?;
            Some(Self { pool, credential, now })
        })
    }

    /// Gives it the tokens that are offered, if they are worth it; `None` where somebody was faster.
    fn renew(&self, handle: &PoolHandle, offer: &Offer) -> Result<Option<Taken>, StoreError> {
        let id = self.credential.id.clone();
        let Given::ByValue(tokens) = &offer.given else { return Ok(Some(Taken::There(id))) };
        if !self.wants(offer) {
            return Ok(Some(Taken::There(id)));
        }
        let target = Target::of(self.credential);
        let renewed = handle.rotate(&offer.provider, target, tokens.clone(), Grant::New, offer.expires_at)?;
        Ok((renewed != Reported::Stale).then_some(Taken::Renewed(id)))
    }

    fn wants(&self, offer: &Offer) -> bool {
        let is_same = shares_source(self.credential, offer) || shares_secret(self.credential, offer);
        let kinship = if is_same { Kinship::SameLogin } else { Kinship::SameAccount };
        let theirs = offer.credential(self.credential.id.clone());
        self.pool.takes_over(self.credential, &theirs, kinship, self.now)
    }
}

fn shares_secret(credential: &Credential, offer: &Offer) -> bool {
    offer.secrets().map(Secret::fingerprint).any(|fingerprint| credential.holds(fingerprint))
}

/// A source has one login, unless both say whose they are and that differs.
fn shares_source(credential: &Credential, offer: &Offer) -> bool {
    let is_same = credential.source.is_same(&offer.source);
    let accounts = accounts(credential, offer);
    is_same && accounts.is_none_or(|(ours, theirs)| ours == theirs)
}

fn shares_account(credential: &Credential, offer: &Offer) -> bool {
    let accounts = accounts(credential, offer);
    credential.owns_its_secret() && accounts.is_some_and(|(ours, theirs)| ours == theirs)
}

/// Whose they are, where both say so.
fn accounts(
    credential: &Credential,
    offer: &Offer,
) -> Option<(pool_core::Fingerprint, pool_core::Fingerprint)> {
    let provider: &Provider = &offer.provider;
    let offered = offer.credential(credential.id.clone());
    credential.account(provider).zip(offered.account(provider))
}
