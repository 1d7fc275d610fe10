use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Every file of a folder and of those in it, with its mode.
#[derive(Clone, PartialEq)]
pub(crate) struct Photo {
    files: BTreeMap<PathBuf, (u32, Vec<u8>)>,
    store: Option<PathBuf>,
}

impl Photo {
    /// All that is in a home now.
    pub(crate) fn of(home: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![home.to_owned()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                let metadata = fs::symlink_metadata(&path).unwrap();
                if metadata.is_dir() {
                    folders.push(path);
                } else if metadata.is_file() {
                    let mode = metadata.permissions().mode() & 0o7777;
                    files.insert(path.clone(), (mode, fs::read(path).unwrap()));
                }
            }
        }
        Self { files, store: fs::canonicalize(home.join("auth.json")).ok() }
    }

    /// The bytes of the store, wherever its path leads.
    pub(crate) fn store(&self) -> Option<&[u8]> {
        Some(&self.files.get(self.store.as_ref()?)?.1)
    }

    /// How many unfinished files of ours there are.
    pub(crate) fn litter(&self) -> usize {
        self.names().filter(|name| name.contains(".pool-") && name.ends_with(".tmp")).count()
    }

    pub(crate) fn backups(&self) -> impl Iterator<Item = &[u8]> {
        let is_backup = |path: &Path| path.extension().is_some_and(|ending| ending == "bak");
        self.files.iter().filter(move |(path, _)| is_backup(path)).map(|(_, (_, bytes))| bytes.as_slice())
    }

    /// Whether nobody but its owner may read any of it.
    pub(crate) fn is_private(&self) -> bool {
        self.files.values().all(|(mode, _)| *mode == 0o600)
    }

    /// The same without the lock files, which stay once they are there.
    pub(crate) fn without_locks(mut self) -> Self {
        self.files.retain(|path, _| path.extension().is_none_or(|ending| ending != "lock"));
        self
    }

    /// The same without what SQLite keeps beside a database while it is open.
    pub(crate) fn without_sidecars(mut self) -> Self {
        self.files
            .retain(|path, _| !["-shm", "-wal"].iter().any(|end| path.to_string_lossy().ends_with(end)));
        self
    }

    fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.files.keys().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy())
    }
}

/// Without the content of any file.
impl fmt::Debug for Photo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            self.files.iter().map(|(path, (mode, bytes))| (path, format!("{mode:o}, {} bytes", bytes.len())));
        formatter.debug_map().entries(shown).finish()
    }
}
