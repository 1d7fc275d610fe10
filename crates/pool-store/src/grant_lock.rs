use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::StoreError;
use crate::location::{Location, folder_of};
use crate::lock;
use crate::replace::{is_read_only, keep_owner};
use crate::store::FileStore;

/// Leave to renew the logins of one slot, across threads and processes: flock(2) on one of 64 files in `auth.refresh/` beside the
/// store, which are never deleted. Released on drop.
///
/// It is taken before the store is locked, and never while it is.
#[derive(Debug)]
#[must_use = "the lock is released when the guard is dropped"]
pub struct GrantLock {
    _file: File,
}

/// A slot has its own lock file: `00.lock` to `3f.lock`.
const SLOTS: u64 = 64;

impl FileStore {
    /// Waits for leave to renew the logins of a slot. Any number is a slot, modulo 64.
    ///
    /// # Errors
    ///
    /// When somebody holds it for too long, or its file cannot be made.
    pub fn lock_grant(&self, slot: u64, wait: Duration) -> Result<GrantLock, StoreError> {
        // Wherever paths lead to one store they lead to one lock.
        let folder = Location::of(&self.path)?.target.with_extension("refresh");
        make_folder(&folder)?;
        let path = folder.join(format!("{:02x}.lock", slot % SLOTS));
        let file = lock::open(&path)?;
        Ok(GrantLock { _file: lock::wait_for(file, &path, wait, Instant::now())? })
    }
}

/// Makes the folder, 0700, for whoever owns the folder of the store.
fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder_of(folder);
    if is_read_only(parent) {
        return Err(StoreError::ReadOnly { path: parent.to_owned() });
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.and_then(|()| keep_owner(&File::open(folder)?, &fs::metadata(parent)?)),
    };
    made.map_err(StoreError::io("make", folder))
}
