//! The one module of this crate that writes files.
//!
//! A page is replaced whole: a sibling, synced, renamed over the old one, and the folder synced. The journal only grows, by one
//! write a line.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::{NamedTempFile, TempDir};

/// Opens a file to read it. Whatever is no file, such as a pipe, would keep its reader waiting: that is an error.
#[expect(clippy::disallowed_methods, reason = "it is only opened to be read")]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, nix::libc::O_NONBLOCK);
    let file = options.open(path)?;
    only_a_file(&file.metadata()?)?;
    Ok(file)
}

/// Makes a folder and those above it.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

fn only_a_file(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(io::Error::other("it is not a file")) }
}

/// Adds a line to a file, 0600 from birth, and syncs it. It begins on a new line also where the last writer was killed in the middle
/// of his. The caller holds a lock.
#[expect(clippy::disallowed_methods, reason = "this is the module that writes files")]
pub(crate) fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let is_new = !path.try_exists()?;
    let mut file = private().append(true).create(true).open(path)?;
    only_a_file(&file.metadata()?)?;
    let begin = if ends_torn(&mut file)? { "\n" } else { "" };
    file.write_all(format!("{begin}{line}\n").as_bytes())?;
    file.sync_all()?;
    // A file that its folder forgets in a crash was not written.
    if is_new { sync_folder(folder_of(path)) } else { Ok(()) }
}

fn ends_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// To read too, since opening a pipe only to write would wait for its reader.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A file as it was when it was read.
#[derive(Debug)]
pub(crate) struct Seen {
    /// What was in it.
    pub(crate) bytes: Vec<u8>,
    metadata: Metadata,
}

impl Seen {
    /// Reads a file; none where there is none.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut file = match open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        // Before the bytes: whoever writes meanwhile leaves another time or length behind.
        let metadata = file.metadata()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(Self { bytes, metadata }))
    }

    /// When it was written, where the system knows.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        self.metadata.modified().ok()
    }

    /// How long ago it was written; nothing where that is in the future.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.modified()?.elapsed().ok()
    }

    fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|now| version(&now) == version(&self.metadata))
    }
}

#[cfg(unix)]
fn version(metadata: &Metadata) -> impl PartialEq + use<> {
    use std::os::unix::fs::MetadataExt;

    let times = (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec());
    (metadata.dev(), metadata.ino(), metadata.len(), times)
}

#[cfg(not(unix))]
fn version(metadata: &Metadata) -> impl PartialEq + use<> {
    (metadata.len(), metadata.modified().ok())
}

/// What became of a replacement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Replaced {
    /// It was done.
    Done,
    /// Nothing was done: the file is no longer the one that was seen.
    Changed,
}

/// Replaces a file, if it is still as it was seen; makes it, 0600, if there was none and is none. It keeps its owner and mode, and gets
/// the time that is given.
///
/// Between the last look and the rename lies a moment in which another program may write, since none of them takes a lock.
pub(crate) fn replace(
    target: &Path,
    bytes: &[u8],
    seen: Option<&Seen>,
    modified: Option<SystemTime>,
) -> io::Result<Replaced> {
    clear_litter(target);
    let sibling = write_sibling(target, bytes, seen, modified)?;
    let Some(seen) = seen else {
        return match sibling.persist_noclobber(target) {
            Ok(_) => sync_folder(folder_of(target)).map(|()| Replaced::Done),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(Replaced::Changed),
            Err(error) => Err(error.error),
        };
    };
    if !seen.is_at(target) {
        return Ok(Replaced::Changed);
    }
    sibling.persist(target).map_err(|error| error.error)?;
    sync_folder(folder_of(target)).map(|()| Replaced::Done)
}

fn write_sibling(
    target: &Path,
    bytes: &[u8],
    seen: Option<&Seen>,
    modified: Option<SystemTime>,
) -> io::Result<NamedTempFile> {
    let mut sibling = tempfile::Builder::new()
        .prefix(&litter_prefix(target))
        .suffix(LITTER_SUFFIX)
        .tempfile_in(folder_of(target))?;
    sibling.write_all(bytes)?;
    let file = sibling.as_file();
    if let Some(seen) = seen {
        // A file that nobody may write is not ours to replace, although a rename would do it.
        if seen.metadata.permissions().readonly() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
        }
        keep_owner(file, &seen.metadata)?;
        file.set_permissions(seen.metadata.permissions())?;
    }
    if let Some(modified) = modified {
        file.set_modified(modified)?;
    }
    file.sync_all()?;
    Ok(sibling)
}

/// Its owner must be able to write it as before.
#[cfg(unix)]
fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    fchown(file, Some(old.uid()), Some(old.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// How our unfinished files begin: `.PROJECT_STATE.md.pool-watchdog-XXXXXX.tmp`.
fn litter_prefix(target: &Path) -> String {
    format!(".{}.pool-watchdog-", target.file_name().unwrap_or_default().to_string_lossy())
}

const LITTER_SUFFIX: &str = ".tmp";

/// No replacement takes so long: whoever began an older one was killed.
const LONGEST_REPLACEMENT: Duration = Duration::from_secs(600);

fn clear_litter(target: &Path) {
    let prefix = litter_prefix(target);
    for entry in fs::read_dir(folder_of(target)).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = name.starts_with(&prefix) && name.ends_with(LITTER_SUFFIX);
        let written = || entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = || written().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LONGEST_REPLACEMENT));
        if is_ours && is_old() {
            remove(&entry.path());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the module that writes and removes files")]
fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "cannot clear an unfinished file");
    }
}

/// Copies a file with its mode, and syncs the copy.
#[expect(clippy::disallowed_methods, reason = "this is the module that writes files")]
pub(crate) fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

/// Makes a link to what another leads to.
#[cfg(unix)]
pub(crate) fn copy_link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(from)?, to)
}

/// Where a link cannot be made by anybody, what it leads to is copied.
#[cfg(not(unix))]
pub(crate) fn copy_link(from: &Path, to: &Path) -> io::Result<()> {
    copy_file(from, to)
}

/// Makes a folder, and those above it, for its owner alone. One that is there stays as it is.
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Puts a symlink where there is nothing, or a symlink that leads nowhere; never over anything else.
#[cfg(unix)]
pub(crate) fn link(link: &Path, target: &Path) -> io::Result<()> {
    use std::os::unix::fs::symlink;

    let Some(folder) = link.parent() else { return Err(io::Error::other("it has no folder")) };
    let made = tempfile::Builder::new().prefix(".link-").make_in(folder, |path| symlink(target, path))?;
    let placed = match fs::symlink_metadata(link) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => made.persist_noclobber(link),
        Err(error) => return Err(error),
        Ok(_) if crate::home::dangling(link).is_some() => made.persist(link),
        Ok(_) => return Err(io::Error::from(io::ErrorKind::AlreadyExists)),
    };
    placed.map(drop).map_err(|error| error.error)
}

/// Symlinks are not for everybody here.
#[cfg(not(unix))]
pub(crate) fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Removes a folder of our own with all that is in it.
pub(crate) fn remove_folder(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder) {
        tracing::warn!(path = %folder.display(), %error, "cannot remove a copy that is not needed");
    }
}

/// Gives a finished folder its name. Nobody has that name yet.
#[expect(clippy::disallowed_methods, reason = "this is the module that writes files")]
pub(crate) fn put_folder(unfinished: TempDir, name: &Path) -> io::Result<()> {
    fs::rename(unfinished.path(), name)?;
    // It has become the folder, so that there is nothing left to remove.
    drop(unfinished.keep());
    sync_folder(folder_of(name))
}

/// The longest chain of links that is followed, as on Linux.
const MOST_LINKS: usize = 40;

/// The file that a path leads to, also where a link leads to nothing yet.
pub(crate) fn target_of(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(next) = fs::read_link(&target) else { break };
        target = folder_of(&target).join(next);
    }
    target
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests write what others would have written")]
mod tests {
    use super::*;

    fn write_at(path: &Path, text: &str, modified: SystemTime) {
        fs::write(path, text).unwrap();
        File::options().append(true).open(path).unwrap().set_modified(modified).unwrap();
    }

    #[test]
    fn what_changed_since_it_was_seen_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000);
        let changes: [(&str, &dyn Fn()); 3] = [
            ("longer", &|| write_at(&path, "theirs, and more", then)),
            ("another time", &|| write_at(&path, "theirs", then + Duration::from_nanos(1_000))),
            ("gone", &|| fs::remove_file(&path).unwrap()),
        ];
        for (name, change) in changes {
            write_at(&path, "theirs", then);
            let seen = Seen::read(&path).unwrap();
            change();
            let left = fs::read(&path).ok();
            assert_eq!(replace(&path, b"ours", seen.as_ref(), None).unwrap(), Replaced::Changed, "{name}");
            assert_eq!(fs::read(&path).ok(), left, "{name}");
        }
        assert_eq!(Seen::read(&path).unwrap().map(|seen| seen.bytes), None);
        write_at(&path, "theirs", then);
        assert_eq!(replace(&path, b"ours", None, None).unwrap(), Replaced::Changed, "made meanwhile");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_still_as_it_was_seen_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        let then = SystemTime::UNIX_EPOCH + Duration::new(1_780_000_000, 123_456_789);
        assert_eq!(replace(&path, b"first", None, None).unwrap(), Replaced::Done);
        let seen = Seen::read(&path).unwrap();
        assert_eq!(replace(&path, b"second", seen.as_ref(), Some(then)).unwrap(), Replaced::Done);
        let seen = Seen::read(&path).unwrap().unwrap();
        assert_eq!((seen.bytes.as_slice(), seen.modified()), (b"second".as_slice(), Some(then)));
    }

    #[test]
    fn what_a_killed_process_left_behind_goes_with_a_later_replacement() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        let [old, young, foreign] = ["old.tmp", "young.tmp", "old.bak"]
            .map(|name| folder.path().join(format!("{}{name}", litter_prefix(&path))));
        let long_ago = SystemTime::now() - 2 * LONGEST_REPLACEMENT;
        for (path, at) in [(&old, long_ago), (&young, SystemTime::now()), (&foreign, long_ago)] {
            write_at(path, "half", at);
        }
        assert_eq!(replace(&path, b"ours", None, None).unwrap(), Replaced::Done);
        assert_eq!([&old, &young, &foreign].map(|path| path.exists()), [false, true, true]);
    }
}
