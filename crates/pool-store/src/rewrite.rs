//! Moving a whole store from one layout to the other at once, with a backup.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use pool_format::Placement;
use pool_migrate::{Report, migrate, rollback};

use crate::environment::Environment;
use crate::error::StoreError;
use crate::file::{self, Reading};
use crate::location::Location;
use crate::replace::{back_up, replace};
use crate::store::FileStore;

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
        let environment = Environment::of(&file::variables_folder(&location));
        migrate(&mut document, &environment, now).map_err(StoreError::format(&location.target))
    }

    /// Migrates the store at once, with a backup beside it: `auth.json.<UTC>.bak`, 0600, the bytes as they were.
    /// Where there is nothing to move, nothing is written.
    ///
    /// # Errors
    ///
    /// When there is no store, or it cannot be read, backed up or written; it is then as it was.
    pub fn migrate(&self, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        self.rewrite(Placement::Split, now)
    }

    /// Brings the runtime state back into the entries, with a backup beside the store. One that is rolled back already
    /// is left alone.
    ///
    /// # Errors
    ///
    /// When there is no store, or it cannot be read, backed up or written; it is then as it was.
    pub fn rollback(&self, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        self.rewrite(Placement::Inline, now)
    }

    fn rewrite(&self, wanted: Placement, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        must_exist(&Location::of(&self.path)?)?;
        let (location, proof) = self.lock()?;
        let mut document = read_existing(&location)?.document;
        let environment = Environment::of(&file::variables_folder(&location));
        let format = || StoreError::format(&location.target);
        let was = document.placement();
        let report = match wanted {
            Placement::Split => migrate(&mut document, &environment, now),
            Placement::Inline => rollback(&mut document, &environment, now),
        }
        .map_err(format())?;
        let is_needed = was != wanted || (wanted == Placement::Split && report.is_needed());
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
    file::read(location)
}

/// Unlike a pool, a migration needs a store that is there: a mistyped path shall not look like success.
fn must_exist(location: &Location) -> Result<(), StoreError> {
    if location.target.exists() { Ok(()) } else { Err(StoreError::NoStore { path: location.given.clone() }) }
}
