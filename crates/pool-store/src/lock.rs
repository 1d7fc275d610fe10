use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::StoreError;
use crate::holder::holder_of;
use crate::location::{Location, folder_of};
use crate::replace::{is_read_only, keep_owner};

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
        // A folder would get a lock file beside it, or have none that can be opened.
        if location.target.is_dir() {
            return Err(StoreError::NotAFile { path: location.given.clone(), what: "a folder" });
        }
        let begun = Instant::now();
        let [given, real] = location.locks();
        let file = open(&given)?;
        let mut files = vec![wait_for(file, &given, wait, begun)?];
        // Two paths may lead to one lock, and who holds it must not wait for himself.
        if real != given {
            let file = open(&real)?;
            if where_it_is(&real)? != where_it_is(&given)? {
                files.push(wait_for(file, &real, wait, begun)?);
            }
        }
        Ok(Self { _files: files })
    }
}

/// Whether the locks of a store can be had within a time: each that is there is taken, and given back at once.
pub(crate) fn probe(location: &Location, wait: Duration) -> Result<(), StoreError> {
    for path in location.locks().into_iter().filter(|path| path.exists()) {
        let file = open_file(&path, |options, _| options).map_err(StoreError::io("open the lock", &path))?;
        drop(wait_for(file, &path, wait, Instant::now())?);
    }
    Ok(())
}

pub(crate) fn wait_for(file: File, path: &Path, wait: Duration, begun: Instant) -> Result<File, StoreError> {
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", path)(error)),
    }
    let mine = stand_in_line(file).map_err(StoreError::io("wait for", path))?;
    match mine.recv_timeout(wait.saturating_sub(begun.elapsed())) {
        Ok(locked) => locked.map_err(StoreError::io("lock", path)),
        Err(_) => Err(StoreError::Locked { path: path.to_owned(), waited: wait, holder: holder_of(path) }),
    }
}

/// Waits for a lock in a thread of its own, since the system call that waits knows no deadline.
///
/// The system serves those who wait in the order in which they came. Whoever only looks from time to time may look for
/// minutes, while a process that locks again at once is always there first. Where nobody waits for the thread any more, the
/// lock is given back with the channel.
fn stand_in_line(file: File) -> io::Result<Receiver<io::Result<File>>> {
    let (give, take) = mpsc::channel();
    let wait = move || drop(give.send(lock(&file).map(|()| file)));
    thread::Builder::new().name("pool-lock".to_owned()).spawn(wait)?;
    Ok(take)
}

/// Waits, also when a signal comes in between.
fn lock(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn only_if_there(options: &mut OpenOptions, _: bool) -> &mut OpenOptions {
    options
}

/// Opens a lock file. Mostly it is there already.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    let opened = match open_file(path, only_if_there) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_or_open(path)?,
        opened => opened,
    };
    opened.map_err(StoreError::io("open the lock", path))
}

fn make_or_open(path: &Path) -> Result<io::Result<File>, StoreError> {
    let folder = folder_of(path);
    if is_read_only(folder) {
        return Err(StoreError::ReadOnly { path: folder.to_owned() });
    }
    Ok(make(path, folder).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => open_file(path, OpenOptions::create),
        _ => Err(error),
    }))
}

fn where_it_is(path: &Path) -> Result<PathBuf, StoreError> {
    fs::canonicalize(path).map_err(StoreError::io("open the lock", path))
}

/// Makes a lock file. One that root makes must be one that the owner of the folder can take; one that is there already
/// may be a link to anything, and is not given away.
fn make(path: &Path, folder: &Path) -> io::Result<File> {
    let file = open_file(path, OpenOptions::create_new)?;
    keep_owner(&file, &fs::metadata(folder)?)?;
    Ok(file)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a lock file is opened to be locked; nothing is ever written into it"
)]
fn open_file(path: &Path, create: fn(&mut OpenOptions, bool) -> &mut OpenOptions) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // To read too, since opening a pipe only to write would wait for its reader.
    options.read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    create(&mut options, true).open(path)
}
