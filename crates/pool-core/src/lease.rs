use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::change::Target;
use crate::credential::{Credential, CredentialId};
use crate::pool::InFlight;
use crate::provider::Provider;
use crate::secret::{Fingerprint, Secret};

/// Counts what is in flight per credential within this process. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Leases(Arc<Mutex<HashMap<(Provider, CredentialId), usize>>>);

impl Leases {
    /// Takes a lease on a credential that was picked at `now`. `None` where it has no secret to lend.
    #[must_use]
    pub fn take(&self, provider: &Provider, credential: &Credential, now: DateTime<Utc>) -> Option<Lease> {
        let secret = credential.secret()?.clone();
        let place = (provider.clone(), credential.id.clone());
        *self.lock().entry(place.clone()).or_default() += 1;
        Some(Lease {
            subject: secret.fingerprint(),
            label: credential.label.clone(),
            base_url: credential.base_url.clone(),
            picked_at: now,
            secret,
            place,
            leases: self.clone(),
        })
    }

    fn release(&self, place: &(Provider, CredentialId)) {
        let mut counts = self.lock();
        if let Some(count) = counts.get_mut(place) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(place);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(Provider, CredentialId), usize>> {
        // Every update is one step, so a thread that panicked elsewhere left the counts whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight for Leases {
    fn of(&self, provider: &Provider, id: &CredentialId) -> usize {
        self.lock().get(&(provider.clone(), id.clone())).copied().unwrap_or(0)
    }
}

/// The right to use one credential for one request; dropping it gives the place back.
///
/// It owns what it needs and remembers which secret it handed out, so that a late report cannot hit another one.
#[must_use = "a lease that is dropped at once counts nothing"]
pub struct Lease {
    place: (Provider, CredentialId),
    label: String,
    base_url: Option<String>,
    secret: Secret,
    subject: Fingerprint,
    picked_at: DateTime<Utc>,
    leases: Leases,
}

impl Lease {
    /// Whose credential it is.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.place.0
    }

    /// Which credential.
    #[must_use]
    pub fn id(&self) -> &CredentialId {
        &self.place.1
    }

    /// What people call it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The endpoint it is for, where that is not the provider's usual one.
    #[must_use]
    pub fn base_url(&self) -> Option<&str> {
        self.base_url.as_deref()
    }

    /// The secret to send.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// When it was picked: its request began after that.
    #[must_use]
    pub fn picked_at(&self) -> DateTime<Utc> {
        self.picked_at
    }

    /// Whom a report on this lease is about.
    #[must_use]
    pub fn target(&self) -> Target {
        Target::Held(self.id().clone(), self.subject)
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lease")
            .field("provider", self.provider())
            .field("id", self.id())
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.release(&self.place);
    }
}
