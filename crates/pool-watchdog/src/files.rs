//! The one module of this crate that writes files.

use std::io;
use std::path::Path;

/// Makes a folder, and those above it, for its owner alone. One that is there stays as it is.
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
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
    let placed = match std::fs::symlink_metadata(link) {
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
