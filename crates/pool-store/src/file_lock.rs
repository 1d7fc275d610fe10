use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::StoreError;
use crate::lock;

/// A lock file that is there for others than a store, such as the one that dispatchers of a board take: flock(2), released on drop.
///
/// The file is made where it is missing, and never deleted: another program might hold the one that was unlinked.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the lock.
    ///
    /// # Errors
    ///
    /// When somebody holds it for too long, who is named where the system tells, or when its file cannot be made.
    pub fn take(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let file = lock::open(path)?;
        Ok(Self { _file: lock::wait_for(file, path, wait, Instant::now())? })
    }
}
