//! The engine, as its users see it. What it does for one of them is an [`Attempt`].

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{Credential, CredentialId, Fingerprint, Provider, time};
use pool_store::StoreError;

use crate::attempt::Attempt;
use crate::error::RefreshError;
use crate::http::Http;
use crate::profile::Profile;
use crate::stores::Stores;
use crate::transport::Transport;

/// For so long it is tried to keep an answer, by default: less than others wait.
const INSISTENCE: Duration = Duration::from_secs(10);

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
pub struct Refresher {
    inner: Arc<Inner>,
    insistence: Duration,
}

pub(crate) struct Inner {
    pub(crate) stores: Stores,
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) clock: Box<dyn Fn() -> DateTime<Utc> + Send + Sync>,
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
        let inner = Arc::new(Inner { stores: stores.into(), transport, clock });
        Self { inner, insistence: INSISTENCE }
    }

    /// Sets for how long it is tried to keep an answer that cannot be written at first; 10 s by default.
    #[must_use]
    pub fn insist_for(self, insistence: Duration) -> Self {
        Self { insistence, ..self }
    }

    /// Renews a login, unless somebody else does.
    ///
    /// # Errors
    ///
    /// When it could not be renewed.
    pub fn refresh(&self, ask: Ask, profile: Profile) -> Result<Refreshed, RefreshError> {
        match Attempt::of(&self.inner, &ask, &profile, self.insistence)?.moved()? {
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
        let (inner, insistence) = (Arc::clone(&self.inner), self.insistence);
        let run = move || Attempt::of(&inner, &ask, &profile, insistence)?.run();
        let thread = thread::Builder::new().name("pool-refresh".to_owned()).spawn(run);
        let path = self.inner.stores.path().to_owned();
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
        formatter.debug_struct("Refresher").field("stores", &self.inner.stores).finish_non_exhaustive()
    }
}
