//! The engine in the loop of an agent: logins are renewed as its requests go on, shortly before a token ends and when one is refused.

use std::sync::Arc;
use std::time::Duration;

use pool_core::{Credential, CredentialId, Lease, Provider};
use pool_store::{Next, Request, RequestError};

use crate::error::RefreshError;
use crate::refresher::{Ask, Refreshed, Refresher};
use crate::settings::{Settings, SettingsError};
use crate::stores::Stores;

/// Renews the logins that requests go on with. Clones share the engine.
///
/// ```no_run
/// use pool_core::{PickRequest, Provider};
/// use pool_oauth::Renewer;
/// use pool_store::PoolHandle;
///
/// let store = pool_sources::open()?;
/// let renewer = Renewer::of(store.clone())?;
/// let pool = PoolHandle::new(store);
/// let mut request = pool.request(PickRequest::new(Provider::new("openai-codex")?));
/// let (lease, after) = renewer.next(&mut request)?;
/// println!("to be sent with {} after {after:?}", lease.label());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Renewer {
    refresher: Refresher,
    settings: Arc<Settings>,
}

impl Renewer {
    /// Renews the logins of this store, as `pool.toml` beside it says, which is read here and not again.
    ///
    /// # Errors
    ///
    /// When `pool.toml` is there and cannot be used.
    pub fn of(stores: impl Into<Stores>) -> Result<Self, SettingsError> {
        let stores = stores.into();
        let settings = stores.settings()?;
        Ok(Self::with(Refresher::new(stores), settings))
    }

    /// The same with an engine and settings of the caller's. Both must be about the store that the requests are made on.
    #[must_use]
    pub fn with(refresher: Refresher, settings: Settings) -> Self {
        Self { refresher, settings: Arc::new(settings) }
    }

    /// What to send a request with, and how long to wait before. Waits while a login is renewed.
    ///
    /// A token that ends soon is renewed before it is sent; where that fails, it stays in use as long as it is good. A token that was
    /// refused is renewed too; where that fails, the next credential is used.
    ///
    /// # Errors
    ///
    /// When the request is given up, or the store cannot be read.
    pub fn next(&self, request: &mut Request) -> Result<(Lease, Duration), RequestError> {
        // Each login once: the token that it gets may seem to have ended too, by a clock that is wrong.
        let mut tried: Vec<CredentialId> = Vec::new();
        loop {
            let login = match request.next()? {
                Next::Refresh { login, .. } => login,
                Next::Send { lease, after, .. } => {
                    if tried.contains(lease.id()) || !self.is_due(&lease) {
                        return Ok((lease, after));
                    }
                    tried.push(lease.id().clone());
                    Arc::clone(lease.credential())
                }
            };
            self.renew(request, &login);
        }
    }

    /// Renews a login that a request asks to have renewed ([`Next::Refresh`]), and tells the request what came of it. Waits until that
    /// is known.
    pub fn renew(&self, request: &mut Request, login: &Credential) {
        let error = self.refresh(request.provider(), login).err();
        if let Some(error) = &error {
            tracing::debug!(id = %login.id, label = login.label, %error, "not renewed");
        }
        request.seen_to(login, error.as_ref().map(RefreshError::last_error));
    }

    fn refresh(&self, provider: &Provider, login: &Credential) -> Result<Refreshed, RefreshError> {
        let profile = self.settings.profile(provider)?;
        let (provider, id) = (provider.clone(), login.id.clone());
        self.refresher.refresh(Ask { provider, id, seen: login.subject(), force: false }, profile)
    }

    /// Whether to renew it before it is sent. Of a token that does not say when it ends a refusal tells soon enough.
    fn is_due(&self, lease: &Lease) -> bool {
        let login = lease.credential();
        let is_due = || {
            self.settings
                .profile(lease.provider())
                .is_ok_and(|profile| profile.is_due(login, lease.picked_at()))
        };
        login.can_be_renewed() && login.token_ends_at().is_some() && is_due()
    }
}
