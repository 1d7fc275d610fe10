//! Files of other programs that have a login of ours too.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use pool_core::{Fingerprint, Provider, Secret, Source, Unresolved};
use pool_format::Lent;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::location::Location;
use crate::lock::{LockGuard, wait_for};
use crate::replace::{could_replace_login, replace_login};
use crate::store::FileStore;

/// Another home of the logins of one source: the file of another program, which lends them, or has a copy of them. It is read when
/// such an entry is, and again once it is another file.
#[derive(Clone)]
pub struct LoginFile {
    /// Whose entries it is about.
    pub provider: Provider,
    /// Their source.
    pub source: Source,
    /// Where it is.
    pub path: PathBuf,
    /// Who may write it, and how.
    pub access: Access,
    /// What stands where in it.
    pub format: Arc<dyn LoginFormat>,
}

/// Who may write a file that has a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Access {
    /// Its program alone: what it lends cannot be renewed here.
    ReadOnly,
    /// Whoever renews the login. Nobody locks it.
    Unlocked,
    /// Whoever renews the login, and locks it as Hermes locks a store: flock(2) on its path with the suffix swapped for `.lock`.
    Locked,
}

/// What stands where in a file that has a login.
pub trait LoginFormat: Send + Sync {
    /// The login in its text; `None` where there is none.
    fn read(&self, text: Vec<u8>) -> Option<Lent>;

    /// The text with new tokens in place of those that were there, all else as it was. A refresh token that is left out stays as it
    /// was. `None` where there is no login.
    fn renew(&self, text: Vec<u8>, renewed: &Lent, now: DateTime<Utc>) -> Option<Zeroizing<String>>;

    /// A longer one is another file; 1 MiB by default, for a login is some kilobytes.
    fn longest(&self) -> u64 {
        1024 * 1024
    }
}

/// A file that other processes of ours leave alone meanwhile. Released on drop.
#[derive(Debug)]
#[must_use = "the file is released when the guard is dropped"]
pub struct Reserved {
    _file: File,
}

/// What became of the other home of a login that was renewed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OtherHome {
    /// It has the new tokens.
    Renewed,
    /// It was left as it is: it has another login by now, or is not ours to write.
    Left,
}

/// Its program holds the lock of its file for a moment. Who waits here may hold the lock of the store.
const LOCK_WAIT: Duration = Duration::from_secs(5);

impl LoginFile {
    /// Whether who renews the login may write it.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.access != Access::ReadOnly
    }

    pub(crate) fn is_home_of(&self, provider: &Provider, source: &Source) -> bool {
        self.provider.is_same(provider) && self.source.is_same(source)
    }

    /// The login in it.
    pub(crate) fn lend(&self) -> Result<Lent, Unresolved> {
        if may_be_written_by_anybody(&self.path) {
            tracing::warn!(path = %self.path.display(), "anybody may write this file, so the login in it does not count");
            return Err(Unresolved::NoLogin);
        }
        let text = read_short(&self.path, self.format.longest()).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unresolved::FileMissing,
            _ => Unresolved::NoLogin,
        })?;
        self.format.read(text).ok_or(Unresolved::NoLogin)
    }
}

impl FileStore {
    /// The file that lends the logins of a source, or the first that has a copy of them.
    #[must_use]
    pub fn login_file(&self, provider: &Provider, source: &Source) -> Option<&LoginFile> {
        self.login_files.iter().find(|file| file.is_home_of(provider, source))
    }
}

impl LoginFile {
    /// Whether it could be written now: asked before a token is spent whose successor has no other place.
    ///
    /// # Errors
    ///
    /// When it could not, and why.
    pub fn could_be_renewed(&self) -> Result<(), StoreError> {
        could_replace_login(&Location::of(&self.path)?)
    }

    /// Keeps the other processes of ours that work on this file waiting until the guard is dropped, whatever store they come from. It is
    /// the file itself that is locked: its program takes no notice, and nothing is left beside it.
    ///
    /// # Errors
    ///
    /// When somebody holds it for too long, or it cannot be opened.
    pub fn reserve(&self, wait: Duration) -> Result<Reserved, StoreError> {
        let begun = Instant::now();
        loop {
            let path = Location::of(&self.path)?.target;
            let file = File::open(&path).map_err(StoreError::io("open", &path))?;
            let file = wait_for(file, &path, wait, begun)?;
            // Whoever held it has replaced it.
            if is_at(&file, &path) {
                return Ok(Reserved { _file: file });
            }
        }
    }

    /// Brings new tokens to it, if it still holds a refresh token that was spent for them or before. Its program may write it at the
    /// same moment where it takes no lock: what is there is looked at right before it is replaced.
    ///
    /// # Errors
    ///
    /// When it cannot be read, locked or written.
    pub fn renew(
        &self,
        is_spent: impl Fn(Fingerprint) -> bool,
        renewed: &Lent,
        now: DateTime<Utc>,
    ) -> Result<OtherHome, StoreError> {
        if !self.is_writable() {
            return Ok(OtherHome::Left);
        }
        let location = Location::of(&self.path)?;
        let _lock =
            (self.access == Access::Locked).then(|| LockGuard::acquire(&location, LOCK_WAIT)).transpose()?;
        let text = read_short(&location.target, self.format.longest())
            .map_err(StoreError::io("read", &self.path))?;
        let held = self.format.read(text.clone());
        let held = held.and_then(|held| held.tokens.refresh_token().map(Secret::fingerprint));
        if !held.is_some_and(is_spent) {
            return Ok(OtherHome::Left);
        }
        match self.format.renew(text, renewed, now) {
            Some(text) => replace_login(&location, &text).map(|()| OtherHome::Renewed),
            None => Ok(OtherHome::Left),
        }
    }
}

#[cfg(unix)]
fn may_be_written_by_anybody(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o002 != 0)
}

#[cfg(not(unix))]
fn may_be_written_by_anybody(_: &Path) -> bool {
    false
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let place = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let here = std::fs::metadata(path).map(place).ok();
    file.metadata().map(place).ok() == here
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

impl fmt::Debug for LoginFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, source, path, access, format: _ } = self;
        formatter
            .debug_struct("LoginFile")
            .field("provider", provider)
            .field("source", source)
            .field("path", path)
            .field("access", access)
            .finish_non_exhaustive()
    }
}

/// Reads a short file, through symlinks, and nothing else: a pipe would wait for its writer, and everyone for us.
///
/// # Errors
///
/// When it cannot be read, is no file, or is longer than that.
pub fn read_short(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    // Grown buffers would leave copies of tokens behind.
    let file = File::open(path)?;
    let length = file.metadata()?.len().min(longest);
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(2)));
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > longest) {
        return Err(io::Error::other(format!("it is longer than {} MiB", longest >> 20)));
    }
    Ok(std::mem::take(&mut *bytes))
}
