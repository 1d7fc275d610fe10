//! What was decided and done, kept for good in one file to which lines are only added, and the two pages that are made of it.

mod entries;
mod entry;
mod error;
mod html;
mod markdown;
mod section;
mod state;
mod text;
mod view;

use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_store::FileLock;

use crate::files::{self, Replaced, Seen};
use crate::line::mask_texts;

pub use entries::Entries;
pub use entry::{Card, Decided, Entry, Grid, Sheet, Told, What};
pub use error::JournalError;
pub use html::html;
pub use markdown::markdown;
pub use section::PageKind;
pub use state::{Attempt, Attempts, End, JournalState};

/// The journal of the boards that are watched: `watchdog.jsonl` in the folder of their state, and the pages beside it.
///
/// Several processes may use one at once. To open it makes nothing: the first entry and the first page do.
///
/// ```
/// use pool_watchdog::{Card, Entry, Journal, What};
///
/// let folder = tempfile::tempdir()?;
/// let mut journal = Journal::open(folder.path());
/// let at = pool_core::time::parse_text("2026-11-21T16:30:00Z").expect("RFC 3339");
/// journal.append_queue(at, "default", &[Card::new("t_52cac9ce", "Collect evidence", "blocked")])?;
/// journal.append(&Entry::new(at, "default", Some("t_52cac9ce"), What::Noted { says: "looked at".to_owned() }))?;
/// journal.publish()?;
///
/// assert_eq!(journal.entries()?.count(), 2);
/// let page = std::fs::read_to_string(folder.path().join("PROJECT_STATE.md"))?;
/// assert!(page.contains("Collect evidence"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    path: PathBuf,
    /// What was read so far, so that a round reads only what is new.
    state: JournalState,
    read: Bookmark,
}

/// How far a journal was read.
#[derive(Debug, Default)]
struct Bookmark {
    position: u64,
    skipped: u64,
    /// Which file it was, where the system tells files apart.
    file: Option<(u64, u64)>,
}

/// Whoever holds the lock writes a line, or makes a page.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// A text that others are in the middle of writing looks like one that ends early: what is younger is not touched.
const QUIET: Duration = Duration::from_secs(1);

/// An empty page is one that a command is about to fill, which may take it a while: `report > PROJECT_STATE.md`.
const QUIET_WHEN_EMPTY: Duration = Duration::from_secs(60);

/// So often a page that others write is tried.
const TRIES: u32 = 10;

impl Journal {
    /// The journal in this folder.
    #[must_use]
    pub fn open(state: &Path) -> Self {
        Self {
            folder: state.to_owned(),
            path: state.join("watchdog.jsonl"),
            state: JournalState::default(),
            read: Bookmark::default(),
        }
    }

    /// The file that the entries are in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The page of this kind.
    #[must_use]
    pub fn page(&self, kind: PageKind) -> PathBuf {
        self.folder.join(kind.file_name())
    }

    /// Adds an entry, and syncs it. Whatever looks like a key in it is masked.
    ///
    /// # Errors
    ///
    /// When it cannot be written. What was written of it is skipped by whoever reads, and the next entry is not harmed.
    pub fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        let line = self.line(entry)?;
        let _lock = self.lock()?;
        self.write(&line)
    }

    /// Adds a decision or a note, if it is another one than the last about its task or board; any other entry as it is. Answers
    /// whether it did.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read or written.
    pub fn append_if_new(&mut self, entry: &Entry) -> Result<bool, JournalError> {
        let entry = self.masked(entry)?;
        let line = self.line(&entry)?;
        let _lock = self.lock()?;
        if self.state()?.has(&entry) {
            return Ok(false);
        }
        self.write(&line).map(|()| true)
    }

    /// Writes down how a board stands, if anything on it is new: that alone. Answers whether anything was.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read or written.
    pub fn append_queue(
        &mut self,
        at: DateTime<Utc>,
        board: &str,
        tasks: &[Card],
    ) -> Result<bool, JournalError> {
        let whole = What::Queue { tasks: tasks.to_vec(), gone: Vec::new() };
        let Entry { what: What::Queue { tasks, .. }, board, .. } =
            self.masked(&Entry::new(at, board, None, whole))?
        else {
            return Ok(false);
        };
        let _lock = self.lock()?;
        let Some(news) = self.state()?.news(&board, &tasks) else { return Ok(false) };
        let line = self.line(&Entry::new(at, board, None, news))?;
        self.write(&line).map(|()| true)
    }

    /// All entries from the first on.
    ///
    /// # Errors
    ///
    /// When the journal is there and cannot be opened.
    pub fn entries(&self) -> Result<Entries, JournalError> {
        match files::open(&self.path) {
            Ok(file) => Ok(Entries::new(BufReader::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entries::new(io::empty())),
            Err(error) => Err(JournalError::io("read", &self.path)(error)),
        }
    }

    /// What all entries add up to. Only what was added since the last call is read.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub fn state(&mut self) -> Result<&JournalState, JournalError> {
        self.catch_up().map_err(JournalError::io("read", &self.path))?;
        Ok(&self.state)
    }

    /// Brings both pages up to date. A page that says so already is not written.
    ///
    /// What others wrote into a page stays as it is, byte for byte, and keeps its time. While they write it, it is waited for, some
    /// seconds at most. Who holds a page open for longer without writing is not seen, and what he writes then is lost with the page that
    /// was replaced: a page should be written at once.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read, or a page not be written; the other one is written all the same.
    pub fn publish(&mut self) -> Result<(), JournalError> {
        let published = PageKind::ALL.map(|kind| self.publish_page(kind));
        published.into_iter().collect()
    }

    fn publish_page(&mut self, kind: PageKind) -> Result<(), JournalError> {
        let path = self.page(kind);
        for _ in 0..TRIES {
            if self.try_to_publish(kind, &path)? == Replaced::Done {
                return Ok(());
            }
            thread::sleep(QUIET / 2);
        }
        Err(JournalError::Busy { path })
    }

    fn try_to_publish(&mut self, kind: PageKind, path: &Path) -> Result<Replaced, JournalError> {
        let _lock = self.lock()?;
        let target = files::target_of(path);
        if target != path && !self.is_of_the_project(&target) {
            return Err(JournalError::Elsewhere { path: path.to_owned(), target });
        }
        let seen = Seen::read(&target).map_err(JournalError::io("read", &target))?;
        let old = seen.as_ref().map_or(&[][..], |seen| &seen.bytes);
        let page = kind.page(old, self.state()?);
        if seen.is_some() && page.bytes == old {
            return Ok(Replaced::Done);
        }
        let quiet = match old {
            [] => QUIET_WHEN_EMPTY,
            _ if page.is_shared => QUIET,
            _ => Duration::ZERO,
        };
        if seen.as_ref().and_then(Seen::age).is_some_and(|age| age < quiet) {
            return Ok(Replaced::Changed);
        }
        let modified = seen.as_ref().filter(|_| page.is_shared).and_then(Seen::modified);
        files::replace(&target, &page.bytes, seen.as_ref(), modified)
            .map_err(JournalError::io("write", &target))
    }

    /// Whether a file lies in the folder that the folder of the state is in. Workers may write beside the pages, and a link of theirs
    /// must not lead to the files of whoever runs the watchdog.
    fn is_of_the_project(&self, file: &Path) -> bool {
        let whole = |path: Option<&Path>| path.and_then(|path| path.canonicalize().ok());
        let folder = whole(Some(&self.folder));
        let project = folder.as_deref().and_then(Path::parent);
        whole(file.parent()).zip(project).is_some_and(|(folder, project)| folder.starts_with(project))
    }

    fn catch_up(&mut self) -> io::Result<()> {
        let mut file = match files::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (self.state, self.read) = Default::default();
                return Ok(());
            }
            opened => opened?,
        };
        let metadata = file.metadata()?;
        if self.read.file != identity(&metadata) || metadata.len() < self.read.position {
            (self.state, self.read) = Default::default();
            self.read.file = identity(&metadata);
        }
        file.seek(SeekFrom::Start(self.read.position))?;
        let mut entries = Entries::new(BufReader::new(file));
        let result = entries.try_for_each(|entry| entry.map(|entry| self.state.push(entry)));
        self.read.position += entries.position();
        self.read.skipped += entries.skipped();
        self.state.skipped = self.read.skipped;
        result
    }

    fn lock(&self) -> Result<FileLock, JournalError> {
        let path = self.folder.join("journal.lock");
        files::make_folder(&self.folder).map_err(JournalError::io("make", &self.folder))?;
        FileLock::take(&path, LOCK_WAIT).map_err(|source| JournalError::Lock { source })
    }

    fn line(&self, entry: &Entry) -> Result<String, JournalError> {
        let entry = self.masked(entry)?;
        serde_json::to_string(&entry).map_err(|source| self.unwritable(source))
    }

    /// An entry as it is kept: whatever looks like a key in it is masked.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn masked(&self, entry: &Entry) -> Result<Entry, JournalError> {
        let mut value = serde_json::to_value(entry).map_err(|source| self.unwritable(source))?;
        mask_texts(&mut value);
        serde_json::from_value(value).map_err(|source| self.unwritable(source))
    }

    fn write(&self, line: &str) -> Result<(), JournalError> {
        files::append_line(&self.path, line).map_err(JournalError::io("write", &self.path))
    }

    fn unwritable(&self, source: serde_json::Error) -> JournalError {
        JournalError::Entry { path: self.path.clone(), source }
    }
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> Option<(u64, u64)> {
    None
}
