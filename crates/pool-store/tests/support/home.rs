use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::Change;
use pool_store::{Committed, FileStore, Loaded, PoolHandle, Pruning, Store, StoreError};
use tempfile::TempDir;

use super::words::{key, noon};

/// A folder with a store in it.
#[derive(Debug)]
pub(crate) struct Home {
    folder: TempDir,
}

/// All that stands in a home but its lock, so that nothing can be written without notice.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Photo(Vec<(String, u64, u32, Option<Vec<u8>>)>);

impl Home {
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn with(text: impl AsRef<[u8]>) -> Self {
        let home = Self::empty();
        home.put("auth.json", text);
        home
    }

    /// A store of API keys for one provider, with something in it that is not ours.
    pub(crate) fn with_keys(ids: &[&str]) -> Self {
        Self::with(Self::text_of_keys(ids))
    }

    pub(crate) fn text_of_keys(ids: &[&str]) -> String {
        let entry = |id: &&str| {
            let key = key(id);
            format!(
                r#"      {{"id": "{id}", "label": "key {id}", "auth_type": "api_key", "priority": 0, "source": "manual", "access_token": "{key}"}}"#
            )
        };
        let entries = ids.iter().map(entry).collect::<Vec<_>>().join(",\n");
        format!(
            "{{\n  \"version\": 1,\n  \"providers\": {{}},\n  \"theirs\": 1e400,\n  \"credential_pool\": {{\n    \"openrouter\": [\n{entries}\n    ]\n  }}\n}}\n"
        )
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn auth(&self) -> PathBuf {
        self.at("auth.json")
    }

    pub(crate) fn store(&self) -> FileStore {
        FileStore::new(self.auth())
    }

    /// A store that does not wait long for its lock. A moment it must, since a process that another test starts has all
    /// open locks until it runs its program.
    pub(crate) fn impatient_store(&self) -> FileStore {
        self.store().lock_wait(Duration::from_millis(250))
    }

    /// A handle at noon that looks at the store whenever it is asked.
    pub(crate) fn handle(&self) -> PoolHandle {
        self.handle_at(noon())
    }

    pub(crate) fn handle_at(&self, now: DateTime<Utc>) -> PoolHandle {
        PoolHandle::builder().clock(move || now).look_every(Duration::ZERO).build(self.store())
    }

    pub(crate) fn impatient_handle(&self) -> PoolHandle {
        PoolHandle::new(self.impatient_store())
    }

    pub(crate) fn load(&self) -> Result<Loaded, StoreError> {
        self.store().load(None, noon()).map(|loaded| loaded.expect("no version was known"))
    }

    pub(crate) fn apply(&self, change: Change) -> Result<Committed, StoreError> {
        self.store().apply(&[(noon(), change)], Pruning::Nothing, noon())
    }

    /// Writes a file as other programs do: beside it, and renamed over it.
    #[expect(clippy::disallowed_methods, reason = "the test plays another program")]
    pub(crate) fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        let beside = self.at("written-by-another-program");
        fs::write(&beside, text).unwrap();
        set_mode(&beside, 0o600);
        fs::rename(&beside, self.at(name)).unwrap();
    }

    /// Writes over a file in place.
    #[expect(clippy::disallowed_methods, reason = "the test plays an editor")]
    pub(crate) fn overwrite(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.at(name), text).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "the test plays a person")]
    pub(crate) fn delete(&self, name: &str) {
        fs::remove_file(self.at(name)).unwrap();
    }

    pub(crate) fn make_folder(&self, name: &str) {
        fs::create_dir(self.at(name)).unwrap();
    }

    pub(crate) fn make_link(&self, name: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.at(name)).unwrap();
    }

    pub(crate) fn make_pipe(&self, name: &str) {
        let made = std::process::Command::new("mkfifo").arg(self.at(name)).status().unwrap();
        assert!(made.success());
    }

    pub(crate) fn chmod(&self, name: &str, mode: u32) {
        set_mode(&self.at(name), mode);
    }

    /// Takes a lock as the other program does; dropping the file gives it back.
    #[expect(clippy::disallowed_methods, reason = "the test plays another program")]
    pub(crate) fn hold(&self, lock: &str) -> File {
        let file = File::options().create(true).append(true).open(self.at(lock)).unwrap();
        file.lock().unwrap();
        file
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.auth()).unwrap()
    }

    /// The store, which must be JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        // Numbers that only a text can hold are not looked at.
        serde_json::from_str(&self.text().replace("1e400", "null")).unwrap()
    }

    /// What the store says happened to a credential.
    pub(crate) fn record(&self, id: &str) -> serde_json::Value {
        self.json()["credential_pool_runtime"]["openrouter"][id].clone()
    }

    /// The ids in the store, in the order of the file.
    pub(crate) fn ids(&self) -> Vec<String> {
        let json = self.json();
        let entries = json["credential_pool"]["openrouter"].as_array().unwrap();
        entries.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn photo(&self) -> Photo {
        let photo = |name: String| {
            let metadata = fs::symlink_metadata(self.at(&name)).unwrap();
            let bytes = metadata.is_file().then(|| fs::read(self.at(&name)).ok()).flatten();
            (name, metadata.ino(), metadata.mode(), bytes)
        };
        Photo(self.names().into_iter().filter(|name| name != "auth.lock").map(photo).collect())
    }

    /// An error and its causes, without the name of this folder.
    pub(crate) fn words(&self, error: &dyn Error) -> String {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        words.replace(self.path().to_str().unwrap(), "[home]")
    }
}

impl Drop for Home {
    /// A folder that was made read-only could not be cleared away.
    fn drop(&mut self) {
        set_mode(self.path(), 0o700);
    }
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
