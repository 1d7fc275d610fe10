//! What goes by itself: the long dead, what a stale writer brought back, and what was remembered long enough.

use std::collections::HashSet;

use chrono::{DateTime, Datelike, TimeDelta, Utc};

use crate::apply::DefinitionEdit;
use crate::credential::{Credential, CredentialId};
use crate::pool::Pool;
use crate::record::{Record, State};
use crate::secret::Fingerprint;

/// A dead credential that was added by hand is kept this long, so that a re-authentication finds it in place.
const KEPT_DEAD: TimeDelta = TimeDelta::hours(24);

/// A clock that says a year before this one was never set.
const FIRST_YEAR: i32 = 2020;

/// One credential that went by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pruned {
    /// Its id.
    pub id: CredentialId,
    /// What people called it.
    pub label: String,
    /// Why it was dead, or that it had been removed before.
    pub reason: String,
    subject: Option<Fingerprint>,
}

impl Pruned {
    /// What a store has to write.
    #[must_use]
    pub fn edit(&self) -> DefinitionEdit {
        DefinitionEdit::Removed(self.id.clone(), self.subject)
    }

    fn of(credential: &Credential, reason: &str) -> Self {
        Self {
            id: credential.id.clone(),
            label: credential.label.clone(),
            reason: reason.to_owned(),
            subject: credential.subject(),
        }
    }
}

impl Pool {
    /// Takes out what is due: credentials added by hand that have been dead for 24 hours, and removed ones that a stale
    /// writer brought back.
    pub fn prune(&mut self, now: DateTime<Utc>) -> Vec<Pruned> {
        let due: Vec<Pruned> =
            self.credentials.iter().filter_map(|credential| self.due(credential, now)).collect();
        self.forget(due.iter().map(|pruned| (pruned.id.clone(), pruned.subject)).collect(), now);
        due
    }

    /// Whether [`Pool::prune`] would take somebody out.
    pub(crate) fn is_prunable(&self, now: DateTime<Utc>) -> bool {
        self.credentials.iter().any(|credential| self.due(credential, now).is_some())
    }

    /// Drops what was remembered of removed credentials for 30 days; answers whose.
    pub fn forget_removed(&mut self, now: DateTime<Utc>) -> Vec<CredentialId> {
        let due = self.forgettable(now);
        for id in &due {
            self.records.remove(id);
        }
        due
    }

    /// Removed credentials that were remembered long enough.
    pub(crate) fn forgettable(&self, now: DateTime<Utc>) -> Vec<CredentialId> {
        let known: HashSet<&CredentialId> =
            self.credentials.iter().map(|credential| &credential.id).collect();
        let over = |record: &Record| match record.state {
            State::Removed { .. } => record.state.judged_at(now).is_none_or(|at| now - at > Self::REMEMBERED),
            _ => false,
        };
        let records = self.records.iter().filter(|(id, record)| over(record) && !known.contains(id));
        records.map(|(id, _)| id.clone()).collect()
    }

    /// Whether it was removed, and a stale writer brought it back.
    pub(crate) fn was_removed(&self, credential: &Credential) -> bool {
        self.record(&credential.id).is_some_and(|record| record.is_of_removed(credential, &self.provider))
    }

    fn due(&self, credential: &Credential, now: DateTime<Utc>) -> Option<Pruned> {
        let state = &self.record(&credential.id)?.state;
        if !state.holds(credential, &self.provider, now) {
            return None;
        }
        match state {
            State::Removed { .. } => Some(Pruned::of(credential, "removed before")),
            State::Dead(death) if credential.source.is_manual() && long_ago(death.at?, now) => Some(
                Pruned::of(credential, death.error.reason.as_deref().unwrap_or(death.error.kind.as_str())),
            ),
            _ => None,
        }
    }
}

fn long_ago(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at.year() >= FIRST_YEAR && now - at >= KEPT_DEAD
}
