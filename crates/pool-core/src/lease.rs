use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::change::Target;
use crate::credential::{Credential, CredentialId};
use crate::pool::InFlight;
use crate::provider::Provider;
use crate::secret::Secret;

/// Counts what is in flight per credential within this process. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Leases(Arc<Mutex<HashMap<Provider, Arc<Desk>>>>);

/// The leases of one provider.
#[derive(Debug)]
pub(crate) struct Desk {
    provider: Provider,
    places: Mutex<HashMap<CredentialId, Arc<Place>>>,
    returns: Arc<Returns>,
}

/// The leases of one credential.
#[derive(Debug)]
pub(crate) struct Place {
    provider: Provider,
    /// Its number at the desk, in the order of their first leases.
    number: usize,
    load: AtomicUsize,
    /// Whether it is among the returns, so that these never grow beyond the places there are.
    is_returned: AtomicBool,
    returns: Arc<Returns>,
}

/// Whose leases were given back since somebody asked, so that a pick need not look at all of them.
#[derive(Debug, Default)]
pub(crate) struct Returns {
    any: AtomicBool,
    numbers: Mutex<Vec<usize>>,
}

impl Leases {
    /// Takes a lease on a credential that was picked at `now`. `None` where it has no secret to lend.
    #[must_use]
    pub fn take(
        &self,
        provider: &Provider,
        credential: &Arc<Credential>,
        now: DateTime<Utc>,
    ) -> Option<Lease> {
        Lease::on(self.desk(provider).place(&credential.id), credential, now)
    }

    /// The leases of one provider.
    pub(crate) fn desk(&self, provider: &Provider) -> Arc<Desk> {
        let mut desks = lock(&self.0);
        let open = || Desk { provider: provider.clone(), places: Mutex::default(), returns: Arc::default() };
        Arc::clone(desks.entry(provider.clone()).or_insert_with(|| Arc::new(open())))
    }
}

impl InFlight for Leases {
    fn of(&self, provider: &Provider, id: &CredentialId) -> usize {
        let desk = lock(&self.0).get(provider).map(Arc::clone);
        desk.and_then(|desk| desk.known(id)).map_or(0, |place| place.load())
    }
}

impl Desk {
    /// The leases of a credential.
    pub(crate) fn place(&self, id: &CredentialId) -> Arc<Place> {
        let mut places = lock(&self.places);
        let number = places.len();
        let new = || Place {
            provider: self.provider.clone(),
            number,
            load: AtomicUsize::new(0),
            is_returned: AtomicBool::new(false),
            returns: Arc::clone(&self.returns),
        };
        Arc::clone(places.entry(id.clone()).or_insert_with(|| Arc::new(new())))
    }

    /// The leases of a credential, if there ever was one.
    pub(crate) fn known(&self, id: &CredentialId) -> Option<Arc<Place>> {
        lock(&self.places).get(id).map(Arc::clone)
    }

    /// As [`Place::take_note`], of a place that only its number tells.
    pub(crate) fn take_note(&self, number: usize) {
        if let Some(place) = lock(&self.places).values().find(|place| place.number == number) {
            place.take_note();
        }
    }

    pub(crate) fn returns(&self) -> &Returns {
        &self.returns
    }
}

impl Place {
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Acquire)
    }

    fn give_back(&self) {
        self.load.fetch_sub(1, Ordering::AcqRel);
        if !self.is_returned.swap(true, Ordering::AcqRel) {
            lock(&self.returns.numbers).push(self.number);
            self.returns.any.store(true, Ordering::Release);
        }
    }

    /// From now on the next one that is given back is among the returns again.
    pub(crate) fn take_note(&self) {
        self.is_returned.store(false, Ordering::Release);
    }
}

impl Returns {
    /// Moves the numbers of those that were given back since the last call into an empty list.
    pub(crate) fn take(&self, into: &mut Vec<usize>) {
        self.any.store(false, Ordering::Release);
        std::mem::swap(&mut *lock(&self.numbers), into);
    }

    pub(crate) fn are_there(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every update is one step, so a thread that panicked elsewhere left the counts whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to use one credential for one request; dropping it gives the place back.
///
/// It owns what it needs and remembers which secret it handed out, so that a late report cannot hit another one.
#[must_use = "a lease that is dropped at once counts nothing"]
pub struct Lease {
    place: Arc<Place>,
    credential: Arc<Credential>,
    model: Option<Box<str>>,
    picked_at: DateTime<Utc>,
}

impl Lease {
    /// A lease on a credential with a secret.
    pub(crate) fn on(place: Arc<Place>, credential: &Arc<Credential>, now: DateTime<Utc>) -> Option<Self> {
        credential.secret()?;
        place.load.fetch_add(1, Ordering::AcqRel);
        Some(Self { place, credential: Arc::clone(credential), model: None, picked_at: now })
    }

    /// Names the model that the request is for.
    pub fn for_model(self, model: Option<&str>) -> Self {
        let mut lease = self;
        lease.model = model.map(Into::into);
        lease
    }

    /// The model that the request is for, where it was named.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whose credential it is.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.place.provider
    }

    /// The credential as it was picked.
    #[must_use]
    pub fn credential(&self) -> &Arc<Credential> {
        &self.credential
    }

    /// Which credential.
    #[must_use]
    pub fn id(&self) -> &CredentialId {
        &self.credential.id
    }

    /// What people call it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.credential.label
    }

    /// The endpoint it is for, where that is not the provider's usual one.
    #[must_use]
    pub fn base_url(&self) -> Option<&str> {
        self.credential.base_url.as_deref()
    }

    /// The secret to send.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        self.credential.secret().expect("a lease is only made of a credential with a secret")
    }

    /// When it was picked: its request began after that.
    #[must_use]
    pub fn picked_at(&self) -> DateTime<Utc> {
        self.picked_at
    }

    /// Whom a report on this lease is about.
    #[must_use]
    pub fn target(&self) -> Target {
        Target::Held(self.id().clone(), self.secret().fingerprint())
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lease")
            .field("provider", self.provider())
            .field("id", self.id())
            .field("subject", &self.secret().fingerprint())
            .finish_non_exhaustive()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.place.give_back();
    }
}
