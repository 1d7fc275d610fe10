//! What is wrong with a store, and what mends it. Nothing is written, and a store that nothing else can use is examined too.
//!
//! Looking at files and locks is here and in `files`; what that means is decided by pure functions, a group of them a file.

mod credentials;
mod files;
mod finding;
mod records;
mod refused;
mod text;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{Provider, Source};
use pool_format::Document;
use pool_migrate::{migrate, read_pools};

use crate::doctor::files::Surroundings;
use crate::environment::Environment;
use crate::error::StoreError;
use crate::file;
use crate::location::Location;
use crate::lock;
use crate::store::FileStore;

pub use finding::{Finding, Mend, Position, Problem, Remedy, Severity};

/// Whoever holds the lock longer than this holds it for long.
const PATIENCE: Duration = Duration::from_secs(2);

impl FileStore {
    /// Says what is wrong with the store, of all providers or of one, and what mends it. Writes nothing.
    ///
    /// ```
    /// use pool_store::{FileStore, Problem};
    ///
    /// let findings = FileStore::new("no-such-folder/auth.json").examine(None, chrono::DateTime::UNIX_EPOCH);
    /// assert_eq!(findings[0].problem, Problem::NoFolder);
    /// ```
    #[must_use]
    pub fn examine(&self, provider: Option<&Provider>, now: DateTime<Utc>) -> Vec<Finding> {
        let mut findings = match Location::of(&self.path) {
            Ok(location) => self.examine_at(&location, now),
            Err(error) => vec![refused::finding(&error, &self.path, None, now)],
        };
        findings.retain(|finding| {
            provider.is_none_or(|only| finding.provider.as_ref().is_none_or(|of| of == only))
        });
        findings
    }

    fn examine_at(&self, location: &Location, now: DateTime<Utc>) -> Vec<Finding> {
        let surroundings = Surroundings::of(location);
        let mut findings: Vec<Finding> = Vec::new();
        match document(location) {
            Ok(Some(document)) => {
                let environment = self.environment(&file::variables_folder(location));
                findings.extend(contents(&document, &environment, location, now));
            }
            Ok(None) => findings.push(refused::no_store(&location.given)),
            Err(error) => {
                let backup = surroundings.backups().find(|path| is_store(path));
                findings.push(refused::finding(&error, &location.given, backup, now));
            }
        }
        findings.extend(files::findings(&surroundings));
        let held = lock::probe(location, PATIENCE);
        findings.extend(held.err().map(|error| refused::of_lock(&error, &location.given, now)));
        findings
    }
}

/// The store; `None` where there is none yet.
fn document(location: &Location) -> Result<Option<Document>, StoreError> {
    if std::fs::symlink_metadata(&location.target)
        .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    {
        return Ok(None);
    }
    file::read(location, &[]).map(|reading| Some(reading.document))
}

/// Whether a file could take the place of the store.
fn is_store(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| Document::read(bytes).is_ok())
}

/// What is wrong in a text that can be read.
fn contents(
    document: &Document,
    environment: &Environment,
    location: &Location,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let path = &location.target;
    let mut migrated = document.clone();
    let (report, sight) = match migrate(&mut migrated, environment, now)
        .and_then(|report| Ok((report, read_pools(document, environment, now)?)))
    {
        Ok(both) => both,
        Err(error) => {
            return vec![refused::finding(&StoreError::format(path)(error), &location.given, None, now)];
        }
    };
    let unwritable = document.writable().err().map(StoreError::format(path));
    let unwritable = unwritable.map(|error| refused::finding(&error, &location.given, None, now));
    let mut findings: Vec<Finding> = unwritable.into_iter().collect();
    findings.extend(records::of_layout(&report, path));
    findings.extend(text::findings(document, &sight.pools, path));
    findings.extend(records::findings(&migrated, &sight.pools, path, now));
    for pool in sight.pools.iter() {
        let is_suppressed = |source: &Source| sight.pools.is_suppressed(pool.provider(), source);
        findings.extend(credentials::findings(pool, is_suppressed, location, now));
    }
    findings
}
