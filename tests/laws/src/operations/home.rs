use std::path::{Path, PathBuf};

use pool_format::raw::{Object, Raw};
use pool_format::{Document, entry_id};
use pool_store::FileStore;
use tempfile::TempDir;

use super::history::{LENT_VARIABLE, Memory};
use crate::plain;

/// What the variable lends.
pub(crate) const LENT_SECRET: &str = "lent-secret-of-the-variable";

/// A folder with a store in it, in memory where the system has such a place: nothing here asks what a disk keeps.
pub(crate) struct Home {
    folder: TempDir,
    theirs: Vec<(String, String)>,
}

impl Home {
    pub(crate) fn with(text: &str) -> Self {
        let place =
            Some(PathBuf::from("/dev/shm")).filter(|place| place.is_dir()).unwrap_or_else(std::env::temp_dir);
        let folder = tempfile::tempdir_in(place).expect("a folder can be made");
        write(&folder.path().join(".env"), &format!("{LENT_VARIABLE}={LENT_SECRET}\n"));
        write(&folder.path().join("auth.json"), text);
        Self { folder, theirs: theirs(text) }
    }

    pub(crate) fn store(&self) -> FileStore {
        FileStore::new(self.path())
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.path()).expect("the store is there")
    }

    /// Another program writes what it remembers into the entries of a credential, and leaves all else.
    pub(crate) fn remember(&self, memory: &Memory) {
        let provider = memory.whom().pool.provider();
        let mut document = Document::read(self.text().into()).expect("it was written by us");
        let mut entries = document.entries(&provider);
        for index in 0..entries.len() {
            let Some(mut entry) = entries.items().nth(index).and_then(Object::read) else { continue };
            if entry_id(&entry) == Some(memory.whom().name.id()) {
                for (name, value) in memory.fields() {
                    entry.set(&name, Raw::parse(value.to_string()).expect("JSON"));
                }
                entries.replace(index, entry.render());
            }
        }
        document.set_entries(&provider, &entries);
        write(&self.path(), document.render().as_str());
    }

    /// What is on disk is JSON, and what is not ours is there as it was.
    pub(crate) fn is_whole(&self) {
        let text = self.text();
        assert!(plain::is_json(&text), "what is written is JSON");
        assert_eq!(theirs(&text), self.theirs);
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("auth.json")
    }
}

/// The members of the store that are not ours, as they are spelled.
fn theirs(text: &str) -> Vec<(String, String)> {
    let top = plain::members(text).expect("a store is an object");
    let theirs = top.into_iter().filter(|(key, _)| *key == r#""theirs""#);
    theirs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Puts a file there by a rename, as all do that share a store.
#[expect(clippy::disallowed_methods, reason = "it stands for another program")]
fn write(path: &Path, text: &str) {
    let unfinished = path.with_extension("theirs");
    std::fs::write(&unfinished, text).expect("the folder is ours");
    std::fs::rename(unfinished, path).expect("the folder is ours");
}
