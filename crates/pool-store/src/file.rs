use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::iter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use pool_format::Document;

use crate::error::StoreError;
use crate::location::Location;
use crate::login_file::LoginFile;

/// Which file was read, and in what condition: as long as this stays the same, so does its content.
///
/// The file is kept open, so that its inode cannot be given to another one.
#[derive(Debug)]
pub(crate) struct Identity {
    store: Option<(Stamp, File)>,
    lenders: Vec<Watched>,
    /// When it was read, if that was within one tick of its last change.
    hasty: Option<Instant>,
}

/// File systems tell the time by a coarse clock: another change within one tick of it, in place and of the same size,
/// would not show. What was read so early is read once more.
const TICK: Duration = Duration::from_millis(20);

/// What changes whenever a file is replaced or written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A file that lends secrets to the store, whether or not it is there.
#[derive(Clone, Debug)]
struct Watched {
    path: PathBuf,
    stamp: Option<Stamp>,
}

impl Watched {
    fn of(path: PathBuf) -> Self {
        Self { stamp: Self::look(&path), path }
    }

    fn is_current(&self) -> bool {
        Self::look(&self.path) == self.stamp
    }

    fn look(path: &Path) -> Option<Stamp> {
        fs::metadata(path).ok().as_ref().map(Stamp::of)
    }
}

/// A store as it was read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) document: Document,
    pub(crate) identity: Identity,
    /// The permission bits beyond the owner's, where there are any: somebody else may read the keys.
    pub(crate) loose_mode: Option<u32>,
}

impl Identity {
    /// Whether the files are still the ones that were read.
    pub(crate) fn is_current(&self, location: &Location) -> bool {
        let store = fs::metadata(&location.target).ok().as_ref().map(Stamp::of);
        let is_same = store == self.store.as_ref().map(|(stamp, _)| *stamp)
            && self.lenders.iter().all(Watched::is_current);
        is_same && self.hasty.is_none_or(|read_at| read_at.elapsed() < TICK)
    }

    /// Whether they are, beyond doubt: what was read early may have been changed once more within the same tick.
    pub(crate) fn is_certain(&self, location: &Location) -> bool {
        self.hasty.is_none() && self.is_current(location)
    }

    /// What it becomes when the store was replaced by this file, under the lock. `None` if that cannot be looked at.
    pub(crate) fn replaced_by(&self, store: File) -> Option<Self> {
        let stamp = Stamp::of(&store.metadata().ok()?);
        Some(Self { store: Some((stamp, store)), lenders: self.lenders.clone(), hasty: None })
    }

    fn of(store: Option<(Stamp, File)>, lenders: Vec<Watched>) -> Self {
        let lent = lenders.iter().filter_map(|lender| lender.stamp.as_ref());
        let is_hasty = store.iter().map(|(stamp, _)| stamp).chain(lent).any(Stamp::is_fresh);
        Self { store, lenders, hasty: is_hasty.then(Instant::now) }
    }
}

/// Reads the store. A missing file is an empty one; its folder must be there.
pub(crate) fn read(location: &Location, files: &[LoginFile]) -> Result<Reading, StoreError> {
    let paths = files.iter().map(|file| file.path.clone());
    // One file may have the logins of several providers.
    let paths: BTreeSet<PathBuf> = iter::once(variables_path(location)).chain(paths).collect();
    let lenders = paths.into_iter().map(Watched::of).collect();
    let Some((mut file, metadata)) = open(&location.target)? else {
        let identity = Identity::of(None, lenders);
        return Ok(Reading { document: Document::empty(), identity, loose_mode: None });
    };
    // With the size at hand it is read into one allocation, so that no outgrown copy of the keys is left behind.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0).saturating_add(1));
    file.read_to_end(&mut bytes).map_err(StoreError::io("read", &location.target))?;
    let document = Document::read(bytes).map_err(StoreError::format(&location.target))?;
    for warning in document.warnings() {
        tracing::warn!(path = %location.target.display(), "{warning}");
    }
    for place in document.unknown_suppressions() {
        tracing::warn!(path = %location.target.display(), "`{place}` has an unknown shape, so it may suppress nothing");
    }
    let identity = Identity::of(Some((Stamp::of(&metadata), file)), lenders);
    Ok(Reading { document, identity, loose_mode: loose_mode(&metadata) })
}

/// Opens the store, if it is there. Its kind is looked at first, since opening a pipe would wait for a writer.
fn open(path: &Path) -> Result<Option<(File, Metadata)>, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(metadata) => return Err(StoreError::NotAFile { path: path.to_owned(), what: kind(&metadata) }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    let metadata = file.metadata().map_err(StoreError::io("read", path))?;
    Ok(Some((file, metadata)))
}

fn kind(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() { "a folder" } else { "a device, pipe or socket" }
}

/// The variables that lend secrets to the store.
pub(crate) fn variables_folder(location: &Location) -> PathBuf {
    crate::location::folder_of(&location.given).to_owned()
}

fn variables_path(location: &Location) -> PathBuf {
    variables_folder(location).join(".env")
}

impl Stamp {
    /// Whether it changed within one tick of now.
    fn is_fresh(&self) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let changed = Duration::new(seconds.try_into().unwrap_or(0), nanoseconds.try_into().unwrap_or(0));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        now.abs_diff(changed) < TICK
    }

    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        let since = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let modified =
            since.map_or((0, 0), |since| (since.as_secs() as i64, i64::from(since.subsec_nanos())));
        Self { device: 0, inode: 0, size: metadata.len(), modified, changed: modified }
    }
}

#[cfg(unix)]
fn loose_mode(metadata: &Metadata) -> Option<u32> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn loose_mode(_: &Metadata) -> Option<u32> {
    None
}
