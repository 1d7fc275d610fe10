//! A scratch workspace goes away when its task is completed: before that, all that is in it is copied.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::files;

/// Why a workspace was not copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// There is more in it than the policy allows.
    #[error("{} has more than {most} bytes in it: raise `longest_copy` in watchdog.toml, or copy it yourself", path.display())]
    TooLong {
        /// The workspace.
        path: PathBuf,
        /// What the policy allows.
        most: u64,
    },
    /// There is something in it that is neither a file, a folder nor a link.
    #[error("{} is no file, so that it cannot be copied: take it away", path.display())]
    Special {
        /// What.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot copy {}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Copies a folder with all that is in it, to this name or, where that is taken, to one with a number; links stay links. It is there
/// whole or not at all, and no copy of before is touched: something may have been added since it was made. Answers where it is.
pub(crate) fn copy_folder(from: &Path, to: &Path, most: u64) -> Result<PathBuf, CopyError> {
    let failed = |source| CopyError::Io { path: to.to_owned(), source };
    let above = to.parent().unwrap_or(Path::new("."));
    files::make_folder(above).map_err(failed)?;
    let unfinished = tempfile::Builder::new().prefix(".copy-").tempdir_in(above).map_err(failed)?;
    let mut left = Left { bytes: most, most, root: from.to_owned() };
    copy_into(from, unfinished.path(), &mut left)?;
    let free = free_name(to);
    files::put_folder(unfinished, &free).map_err(failed)?;
    Ok(free)
}

fn free_name(name: &Path) -> PathBuf {
    let numbered = (2_u64..).map(|number| {
        let mut name = name.as_os_str().to_owned();
        name.push(format!("-{number}"));
        PathBuf::from(name)
    });
    let mut names = [name.to_owned()].into_iter().chain(numbered);
    names.find(|name| name.symlink_metadata().is_err()).unwrap_or_else(|| name.to_owned())
}

/// How much may still be copied.
#[derive(Debug)]
struct Left {
    bytes: u64,
    most: u64,
    root: PathBuf,
}

impl Left {
    fn take(&mut self, bytes: u64) -> Result<(), CopyError> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| CopyError::TooLong { path: self.root.clone(), most: self.most })?;
        Ok(())
    }
}

fn copy_into(from: &Path, to: &Path, left: &mut Left) -> Result<(), CopyError> {
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        let failed = |source| CopyError::Io { path: from.clone(), source };
        for entry in fs::read_dir(&from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (path, copy) = (entry.path(), to.join(entry.file_name()));
            let failed = |source| CopyError::Io { path: path.clone(), source };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                files::make_folder(&copy).map_err(failed)?;
                folders.push((path, copy));
            } else if kind.is_file() {
                left.take(entry.metadata().map_err(failed)?.len())?;
                files::copy_file(&path, &copy).map_err(failed)?;
            } else if kind.is_symlink() {
                files::copy_link(&path, &copy).map_err(failed)?;
            } else {
                return Err(CopyError::Special { path });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempfile::TempDir;

    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        files::make_folder(path.parent().unwrap()).unwrap();
        files::append_line(&path, text).unwrap();
    }

    fn all(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(folder).unwrap().to_owned();
                if path.is_symlink() {
                    found.insert(name, fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes());
                } else if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    fn workspace() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "report.md", "# Tools");
        write(folder.path(), "raw/deep/prices.json", "{}");
        #[cfg(unix)]
        std::os::unix::fs::symlink("/nowhere", folder.path().join("raw/link")).unwrap();
        folder
    }

    #[test]
    fn everything_is_copied_and_links_stay_links() {
        let (from, to) = (workspace(), tempfile::tempdir().unwrap());
        let copy = to.path().join("saved/t_1");
        copy_folder(from.path(), &copy, 1_000).unwrap();
        assert_eq!(all(&copy), all(from.path()));
        assert_eq!(fs::read_dir(to.path().join("saved")).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn what_was_added_since_a_copy_is_in_the_next() {
        let (from, to) = (workspace(), tempfile::tempdir().unwrap());
        let copy = || copy_folder(from.path(), &to.path().join("t_1"), 1_000).unwrap();
        let first = copy();
        write(from.path(), "later.md", "more");
        let second = copy();
        assert_eq!([first.join("later.md").exists(), second.join("later.md").exists()], [false, true]);
        assert_eq!([first, second], ["t_1", "t_1-2"].map(|name| to.path().join(name)));
    }

    #[test]
    fn too_much_is_not_copied_in_part() {
        let (from, to) = (workspace(), tempfile::tempdir().unwrap());
        let error = copy_folder(from.path(), &to.path().join("t_1"), 9).unwrap_err();
        assert!(error.to_string().contains("longest_copy"), "{error}");
        assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_named() {
        let (from, to) = (workspace(), tempfile::tempdir().unwrap());
        let _socket = std::os::unix::net::UnixListener::bind(from.path().join("socket")).unwrap();
        let error = copy_folder(from.path(), &to.path().join("t_1"), 1_000).unwrap_err();
        assert!(error.to_string().contains("socket"), "{error}");
        assert!(!to.path().join("t_1").exists());
    }
}
