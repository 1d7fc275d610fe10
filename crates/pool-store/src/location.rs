use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// Where a store is: the path as it was given, and the file that it leads to through symlinks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Location {
    pub(crate) given: PathBuf,
    pub(crate) target: PathBuf,
}

/// More links than this lead in a circle (the limit of Linux).
const MOST_LINKS: usize = 40;

impl Location {
    /// Follows the path. The file need not exist, but its folder must.
    pub(crate) fn of(given: &Path) -> Result<Self, StoreError> {
        let target = follow(given)?;
        match fs::metadata(folder_of(&target)) {
            Ok(folder) if folder.is_dir() => Ok(Self { given: given.to_owned(), target }),
            Ok(_) => Err(StoreError::NoFolder { path: target }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::NoFolder { path: target })
            }
            Err(error) => Err(StoreError::io("reach", &target)(error)),
        }
    }

    /// The folder that the store really lies in.
    pub(crate) fn folder(&self) -> &Path {
        folder_of(&self.target)
    }

    /// The lock files, in the order in which all programs take them: beside the path given, as the other program
    /// takes it, then beside the file itself. Both may be the same.
    pub(crate) fn locks(&self) -> [PathBuf; 2] {
        [&self.given, &self.target].map(|path| path.with_extension("lock"))
    }
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn follow(path: &Path) -> Result<PathBuf, StoreError> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = folder_of(&target).join(next),
            // Not a link, or not there: this is where the file is, or will be.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => {
                return Ok(target);
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(StoreError::NoFolder { path: target });
            }
            Err(error) => return Err(StoreError::io("reach", &target)(error)),
        }
    }
    Err(StoreError::NotAFile { path: path.to_owned(), what: "a symlink that leads in a circle" })
}
