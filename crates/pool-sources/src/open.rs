//! A home as it is opened: its store, the root behind it, and the files around them that have logins of theirs.

use std::path::{Path, PathBuf};

use pool_store::{FileStore, LoginFile, ProfileStore};

use crate::error::NoHome;
use crate::home::{login_files, root_logins};
use crate::tool::Places;

/// Opens the home that the environment of this process names: for an agent this is all there is to it.
///
/// ```no_run
/// use pool_store::PoolHandle;
///
/// let store = pool_sources::open()?;
/// let pool = PoolHandle::new(store);
/// # drop(pool);
/// # Ok::<(), pool_sources::NoHome>(())
/// ```
///
/// # Errors
///
/// When neither `HERMES_HOME` nor a home folder of the user says where it is. [`Environment::open_at`] needs neither.
pub fn open() -> Result<ProfileStore, NoHome> {
    Environment::of_process().open()
}

/// What says where a home is, and where the files around it are. It is plain data: only [`Self::of_process`] reads variables.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Environment {
    /// The home folder of the user, where it is known.
    pub user: Option<PathBuf>,
    /// `HERMES_HOME`: the home of the store; `.hermes` in the home folder of the user by default.
    pub hermes_home: Option<PathBuf>,
    /// `CODEX_HOME`: the home of Codex CLI; `.codex` in the home folder of the user by default.
    pub codex_home: Option<PathBuf>,
    /// `HERMES_SHARED_AUTH_DIR`: what profiles share; `shared` in the root by default.
    pub shared_auth: Option<PathBuf>,
}

impl Environment {
    /// That of a user of whom nothing but the home folder is known.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use pool_sources::Environment;
    ///
    /// let environment = Environment::of_user("/home/agent");
    /// assert_eq!(environment.store().as_deref(), Some(Path::new("/home/agent/.hermes/auth.json")));
    /// ```
    #[must_use]
    pub fn of_user(folder: impl Into<PathBuf>) -> Self {
        Self { user: Some(folder.into()), ..Self::default() }
    }

    /// That of this process. An empty variable does not count, nor does white space around `HERMES_HOME`.
    #[must_use]
    pub fn of_process() -> Self {
        let folder = |name| std::env::var_os(name).map(PathBuf::from).and_then(unless_empty);
        // Only text can be trimmed; another path is taken as it is.
        let trimmed = |path: PathBuf| path.to_str().map(|text| PathBuf::from(text.trim())).unwrap_or(path);
        Self {
            user: etcetera::home_dir().ok(),
            hermes_home: folder("HERMES_HOME").map(trimmed).and_then(unless_empty),
            codex_home: folder("CODEX_HOME"),
            shared_auth: folder("HERMES_SHARED_AUTH_DIR"),
        }
    }

    /// The store of the home that is named, else of `~/.hermes`.
    #[must_use]
    pub fn store(&self) -> Option<PathBuf> {
        let home = self.hermes_home.clone().or_else(|| self.default_home())?;
        Some(home.join("auth.json"))
    }

    /// Opens that store, with the root where the other program would look for it: see [`ProfileStore::root_behind`].
    ///
    /// # Errors
    ///
    /// When it is not known where it is.
    pub fn open(&self) -> Result<ProfileStore, NoHome> {
        let store = self.store().ok_or(NoHome)?;
        let root = ProfileStore::root_behind(&store, self.default_home().as_deref());
        Ok(self.join(&store, root.as_deref()))
    }

    /// Opens the store at a path. It may be anything, such as a backup: it has a root behind it only if it is called like the
    /// store of a profile.
    #[must_use]
    pub fn open_at(&self, store: &Path) -> ProfileStore {
        self.join(store, ProfileStore::root_behind(store, None).as_deref())
    }

    fn join(&self, store: &Path, root: Option<&Path>) -> ProfileStore {
        let own = self.with_files(store, root);
        match root {
            Some(root) => ProfileStore::new(own, self.with_files(root, None)),
            None => own.into(),
        }
    }

    /// A store with the files that have logins of it, of which that of the root is one.
    fn with_files(&self, store: &Path, root: Option<&Path>) -> FileStore {
        let around = Places::of(self, store, root).as_ref().map(login_files);
        let files: Vec<LoginFile> = root.map(root_logins).into_iter().chain(around).flatten().collect();
        FileStore::new(store).login_files(files)
    }

    fn default_home(&self) -> Option<PathBuf> {
        Some(self.user.as_ref()?.join(".hermes"))
    }
}

fn unless_empty(path: PathBuf) -> Option<PathBuf> {
    (!path.as_os_str().is_empty()).then_some(path)
}
