//! The one place of this workspace that writes files: a new sibling, synced, renamed over the old, and the folder synced.
//! After a crash at any point the file is the old one or the new one, whole.

use std::fs::{self, File, Metadata};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tempfile::{NamedTempFile, TempPath};
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::location::Location;
use crate::lock::LockGuard;

/// How our unfinished files begin: `.auth.json.pool-XXXXXX.tmp`.
pub(crate) fn litter_prefix(target: &Path) -> String {
    format!(".{}.pool-", target.file_name().unwrap_or_default().to_string_lossy())
}

const LITTER_SUFFIX: &str = ".tmp";

/// Replaces the store by a new text, given piece by piece, 0600, through a symlink to its target. Answers the new file.
pub(crate) fn replace(location: &Location, parts: &[&str], _proof: &LockGuard) -> Result<File, StoreError> {
    refuse_read_only(location)?;
    clear_litter(litter(location));
    put_in_place(location, parts, Owner::SameIfPossible)
}

/// Replaces the file of another program in the same way. Without a lock of our own somebody may be at a sibling of it right now:
/// only what was left behind long ago is cleared.
pub(crate) fn replace_login(location: &Location, text: &str) -> Result<(), StoreError> {
    refuse_read_only(location)?;
    clear_litter(litter(location).filter(|path| is_old(path)));
    put_in_place(location, &[text], Owner::Same).map(drop)
}

/// Whether the file of another program could be replaced now, and would stay its owner's.
pub(crate) fn could_replace_login(location: &Location) -> Result<(), StoreError> {
    refuse_read_only(location)?;
    write_sibling(location, &[], Owner::Same).map_err(StoreError::io("write", &location.target)).map(drop)
}

/// Whose a new file is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// That of the old one, where it can be given to him.
    SameIfPossible,
    /// That of the old one: he must be able to read it.
    Same,
}

fn put_in_place(location: &Location, parts: &[&str], owner: Owner) -> Result<File, StoreError> {
    let target = &location.target;
    let fresh = write_sibling(location, parts, owner).map_err(StoreError::io("write", target))?;
    let (file, fresh) = fresh.into_parts();
    match atomicwrites::replace_atomic(&fresh, target) {
        Ok(()) => {
            keep(fresh);
            Ok(file)
        }
        // The sibling is there, so nothing was done. Nor was it where somebody took the sibling away: no sync misses a file.
        Err(source) if source.kind() == io::ErrorKind::NotFound || fresh.try_exists().unwrap_or(true) => {
            Err(StoreError::io("replace", target)(source))
        }
        // The sibling is gone, so the rename was done, and only the sync of the folder failed.
        Err(source) => {
            keep(fresh);
            Err(StoreError::NotDurable { path: target.clone(), source: source.into() })
        }
    }
}

/// Copies the store, byte for byte, to a new file beside it, `auth.json.<UTC>.bak`; answers where.
pub(crate) fn back_up(
    location: &Location,
    now: DateTime<Utc>,
    _proof: &LockGuard,
) -> Result<PathBuf, StoreError> {
    refuse_read_only(location)?;
    let text = fs::read_to_string(&location.target).map(Zeroizing::new);
    let text = text.map_err(StoreError::io("read", &location.target))?;
    let fresh = write_sibling(location, &[&text], Owner::SameIfPossible)
        .map_err(StoreError::io("back up", &location.target))?;
    let path = place_backup(fresh.into_temp_path(), location, now)?;
    match sync_folder(location.folder()) {
        Ok(()) => Ok(path),
        // A backup is no change of the store.
        Err(source) => Err(StoreError::io("back up", &location.target)(source)),
    }
}

/// Gives a backup its name. Whoever sets the clock can make two at one moment: the second has a number.
fn place_backup(mut fresh: TempPath, location: &Location, now: DateTime<Utc>) -> Result<PathBuf, StoreError> {
    let name = location.target.file_name().unwrap_or_default().to_string_lossy();
    let stamp = now.format("%Y%m%dT%H%M%S%.6fZ");
    let mut number = 1_u64;
    loop {
        let again = if number == 1 { String::new() } else { format!("-{number}") };
        let path = location.target.with_file_name(format!("{name}.{stamp}{again}.bak"));
        match fresh.persist_noclobber(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => fresh = error.path,
            Err(error) => return Err(StoreError::io("write", &path)(error.error)),
        }
        number += 1;
    }
}

/// A file or folder that nobody may write is not ours to replace, although a rename would do it, and root may.
fn refuse_read_only(location: &Location) -> Result<(), StoreError> {
    for path in [location.target.as_path(), location.folder()] {
        if is_read_only(path) {
            return Err(StoreError::ReadOnly { path: path.to_owned() });
        }
    }
    Ok(())
}

/// Whether nobody may write there.
pub(crate) fn is_read_only(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly())
}

/// What a killed process of ours left behind: only with our own prefix, and only where the caller knows that nobody is at it.
fn clear_litter(litter: impl Iterator<Item = PathBuf>) {
    for path in litter {
        if let Err(error) = remove(&path) {
            tracing::warn!(path = %path.display(), %error, "cannot clear an unfinished file");
        }
    }
}

fn litter(location: &Location) -> impl Iterator<Item = PathBuf> + use<> {
    let prefix = litter_prefix(&location.target);
    let is_ours = move |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&prefix) && name.ends_with(LITTER_SUFFIX)
    };
    let folder = fs::read_dir(location.folder()).into_iter().flatten();
    folder.filter_map(|entry| Some(entry.ok()?.path())).filter(is_ours)
}

/// No replacement takes so long.
const LONGEST_REPLACEMENT: Duration = Duration::from_secs(600);

fn is_old(path: &Path) -> bool {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified());
    written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LONGEST_REPLACEMENT))
}

fn write_sibling(location: &Location, parts: &[&str], owner: Owner) -> io::Result<NamedTempFile> {
    let prefix = litter_prefix(&location.target);
    let mut builder = tempfile::Builder::new();
    // 0600 from birth is what tempfile does; saying so keeps it so.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let mut sibling = builder.prefix(&prefix).suffix(LITTER_SUFFIX).tempfile_in(location.folder())?;
    // Where there is no file yet, its folder says whose it is going to be.
    if let Ok(old) = fs::metadata(&location.target).or_else(|_| fs::metadata(location.folder())) {
        keep_owner(sibling.as_file(), &old)?;
        if owner == Owner::Same && !has_owner_of(&sibling.as_file().metadata()?, &old) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "its owner could read it no more"));
        }
    }
    write_all(sibling.as_file_mut(), parts)?;
    sibling.as_file().sync_all()?;
    Ok(sibling)
}

/// Writes all pieces from where they are: a buffer would be one more copy of secrets.
fn write_all(file: &mut File, parts: &[&str]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> =
        parts.iter().filter(|part| !part.is_empty()).map(|part| IoSlice::new(part.as_bytes())).collect();
    let mut left = slices.as_mut_slice();
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Root may write somebody else's store; it stays theirs.
#[cfg(unix)]
pub(crate) fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    match fchown(file, Some(old.uid()), Some(old.gid())) {
        // Who may not give the file away keeps it: it is still only readable by its owner. In a user namespace that does
        // not know the owner it is an invalid argument.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput) =>
        {
            Ok(())
        }
        result => result,
    }
}

#[cfg(unix)]
fn has_owner_of(new: &Metadata, old: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    new.uid() == old.uid()
}

#[cfg(not(unix))]
fn has_owner_of(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(not(unix))]
pub(crate) fn keep_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The sibling has become the file, so that there is nothing left to remove.
fn keep(fresh: TempPath) {
    if let Err(error) = fresh.keep() {
        tracing::debug!(error = %error.error, "the renamed file had no sibling left to keep");
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the module that writes and removes files")]
fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}
