//! Moving a whole store from one layout to the other at once, with a backup.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use pool_format::{Document, FormatError, Placement};
use pool_migrate::{Report, migrate, rollback, start_projecting, stop_projecting};

use crate::environment::Environment;
use crate::error::StoreError;
use crate::file::{self, Reading};
use crate::location::Location;
use crate::replace::{back_up, replace};
use crate::store::FileStore;

/// How a whole store is rewritten: one of the functions of pool-migrate.
type Rewrite = fn(&mut Document, &Environment, DateTime<Utc>) -> Result<Report, FormatError>;

/// What a migration or a rollback did to a store.
#[derive(Debug)]
pub struct Rewritten {
    /// What moved.
    pub report: Report,
    /// The copy of the store as it was; none where nothing was written.
    pub backup: Option<PathBuf>,
}

impl FileStore {
    /// What [`FileStore::migrate`] would move. Writes nothing.
    ///
    /// # Errors
    ///
    /// When there is no store, or it cannot be read.
    pub fn plan_migration(&self, now: DateTime<Utc>) -> Result<Report, StoreError> {
        let location = Location::of(&self.path)?;
        let mut document = read_existing(&location)?.document;
        let environment = self.environment(&file::variables_folder(&location));
        migrate(&mut document, &environment, now).map_err(StoreError::format(&location.target))
    }

    /// Migrates the store at once, with a backup beside it: `auth.json.<UTC>.bak`, 0600, the bytes as they were.
    /// Where there is nothing to move, nothing is written.
    ///
    /// # Errors
    ///
    /// When there is no store, or it cannot be read, backed up or written; it is then as it was.
    pub fn migrate(&self, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        self.rewrite(migrate, now)
    }

    /// Brings the runtime state back into the entries, with a backup beside the store. One that is rolled back already
    /// is left alone.
    ///
    /// # Errors
    ///
    /// When there is no store, or it cannot be read, backed up or written; it is then as it was.
    pub fn rollback(&self, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        self.rewrite(rollback, now)
    }

    /// Migrates the store, and makes all writers show the runtime state in the entries too, for programs that look only
    /// there; with a backup beside it. Where that is so already, nothing is written.
    ///
    /// # Errors
    ///
    /// When there is no store, or it cannot be read, backed up or written; it is then as it was.
    pub fn start_projecting(&self, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        self.rewrite(start_projecting, now)
    }

    /// Migrates the store, and takes out of the entries what [`FileStore::start_projecting`] shows there; with a backup
    /// beside it. Where there is nothing to take out, nothing is written.
    ///
    /// # Errors
    ///
    /// When there is no store, or it cannot be read, backed up or written; it is then as it was.
    pub fn stop_projecting(&self, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        self.rewrite(stop_projecting, now)
    }

    fn rewrite(&self, rewrite: Rewrite, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        must_exist(&Location::of(&self.path)?)?;
        let (location, proof) = self.lock()?;
        let mut document = read_existing(&location)?.document;
        let environment = self.environment(&file::variables_folder(&location));
        let format = || StoreError::format(&location.target);
        let was = document.placement();
        let report = rewrite(&mut document, &environment, now).map_err(format())?;
        let becomes = document.placement();
        // One that is rolled back already says inline what it has to say.
        let is_needed = was != becomes || (becomes != Placement::Inline && report.is_needed());
        if !is_needed {
            return Ok(Rewritten { report, backup: None });
        }
        document.stamp(now).map_err(format())?;
        let backup = back_up(&location, now, &proof)?;
        replace(&location, &document.parts(), &proof)?;
        Ok(Rewritten { report, backup: Some(backup) })
    }
}

fn read_existing(location: &Location) -> Result<Reading, StoreError> {
    must_exist(location)?;
    file::read(location, &[])
}

/// Unlike a pool, a migration needs a store that is there: a mistyped path shall not look like success.
fn must_exist(location: &Location) -> Result<(), StoreError> {
    if location.target.exists() { Ok(()) } else { Err(StoreError::NoStore { path: location.given.clone() }) }
}
