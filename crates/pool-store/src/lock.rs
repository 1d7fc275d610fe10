use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::StoreError;
use crate::location::{Location, folder_of};
use crate::replace::keep_owner;

/// How long a waiter sleeps between two tries, at most; the jitter keeps waiters from marching in step.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Proof that this process may replace the store: flock(2) on its lock files, released on drop.
///
/// The lock files are never deleted: another program might hold the one that was unlinked.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub(crate) struct LockGuard {
    _files: Vec<File>,
}

impl LockGuard {
    /// Waits for the locks of a store, in their order, until the deadline.
    pub(crate) fn acquire(location: &Location, wait: Duration) -> Result<Self, StoreError> {
        let deadline = Instant::now() + wait;
        let files =
            location.locks().iter().map(|path| wait_for(path, wait, deadline)).collect::<Result<_, _>>()?;
        Ok(Self { _files: files })
    }
}

fn wait_for(path: &Path, wait: Duration, deadline: Instant) -> Result<File, StoreError> {
    let file = open(path)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(StoreError::Locked { path: path.to_owned(), waited: wait });
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(pause(deadline)),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error)),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a lock file is opened to be locked; nothing is ever written into it"
)]
fn open(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(StoreError::io("open the lock", path))?;
    // A lock that root makes must be one that the owner of the folder can take.
    if let Ok(folder) = fs::metadata(folder_of(path)) {
        keep_owner(&file, &folder).map_err(StoreError::io("open the lock", path))?;
    }
    Ok(file)
}

fn pause(deadline: Instant) -> Duration {
    let jittered = LONGEST_PAUSE.mul_f64(0.2 + 0.8 * fastrand::f64());
    jittered.min(deadline.saturating_duration_since(Instant::now())).max(Duration::from_millis(1))
}
