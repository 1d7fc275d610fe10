//! How a handle keeps its view fresh, and how a change goes from there to the store.

use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use pool_core::{Action, Change, ChangeError, Outcome, Provider, State, time};

use crate::error::StoreError;
use crate::handle::{Inner, View};
use crate::store::Committed;

impl Inner {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        time::truncate((self.clock)())
    }

    /// The view, looked at again if it is due.
    pub(crate) fn fresh_view(&self) -> Result<MutexGuard<'_, View>, StoreError> {
        let mut view = self.view();
        let is_due = view.looked_at.is_none_or(|looked_at| looked_at.elapsed() >= self.look_every);
        if is_due {
            if let Some(loaded) = self.store.load(view.version.as_ref(), self.now())? {
                view.pools = loaded.pools;
                view.version = Some(loaded.version);
                view.loose_mode = loaded.loose_mode;
                view.add_what_is_not_written();
            }
            view.looked_at = Some(Instant::now());
        }
        Ok(view)
    }

    /// Makes one change: in this process at once if it is a verdict, and in the store before it returns.
    pub(crate) fn commit(&self, provider: &Provider, action: Action) -> Result<Outcome, StoreError> {
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let is_verdict = matches!(action, Action::Fail { .. });
        let change = Change { provider: provider.clone(), action };
        let batch = {
            let mut view = self.view();
            if is_verdict {
                // Errors come from the store, which knows the newest data.
                drop(view.pools.apply(&change, now));
            }
            view.batch(Some((now, change.clone())), now)
        };
        match self.write(&batch, now) {
            Ok(committed) => Ok(last(committed)?),
            Err(error) => {
                let is_kept = is_verdict && !matches!(error, StoreError::NotDurable { .. });
                if is_kept {
                    self.view().unsaved.push((now, change));
                }
                Err(error)
            }
        }
    }

    /// Writes what was not written yet.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let _turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let batch = self.view().batch(None, now);
        if batch.is_empty() { Ok(()) } else { self.write(&batch, now).map(drop) }
    }

    fn write(
        &self,
        batch: &[(DateTime<Utc>, Change)],
        now: DateTime<Utc>,
    ) -> Result<Vec<Answer>, StoreError> {
        let result = self.store.apply(batch, self.pruning, now);
        let mut view = self.view();
        match result {
            Ok(committed) => {
                log_deaths(batch, &committed);
                if committed.written {
                    view.forget_written(batch);
                }
                view.pools = committed.pools;
                view.version = committed.version;
                view.looked_at = view.version.as_ref().and(view.looked_at);
                view.add_what_is_not_written();
                Ok(committed.outcomes)
            }
            Err(error) => {
                if matches!(error, StoreError::NotDurable { .. }) {
                    view.forget_written(batch);
                    view.look_again();
                }
                Err(error)
            }
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        // A view is only ever replaced whole, so a thread that panicked left it whole.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a store answers to one change.
type Answer = Result<Outcome, ChangeError>;

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::warn!(%error, "counters of this process are lost");
        }
    }
}

impl View {
    /// What a write carries: verdicts that could not be written before, counters, and last the change that is its reason.
    fn batch(
        &self,
        reason: Option<(DateTime<Utc>, Change)>,
        now: DateTime<Utc>,
    ) -> Vec<(DateTime<Utc>, Change)> {
        let counts = self.uncounted.iter().map(|((provider, id), usage)| {
            let action = Action::Count { id: id.clone(), usage: *usage };
            (now, Change { provider: provider.clone(), action })
        });
        self.unsaved.iter().cloned().chain(counts).chain(reason).collect()
    }

    /// Takes written counters and verdicts off the list; what came in meanwhile stays on it.
    fn forget_written(&mut self, batch: &[(DateTime<Utc>, Change)]) {
        for (_, change) in batch {
            let Action::Count { id, usage } = &change.action else { continue };
            let place = (change.provider.clone(), id.clone());
            if let Some(kept) = self.uncounted.get_mut(&place) {
                kept.request_count = kept.request_count.saturating_sub(usage.request_count);
                if kept.request_count == 0 {
                    self.uncounted.remove(&place);
                }
            }
        }
        // Only the writer adds to this list, and only when a write failed.
        self.unsaved.clear();
    }

    fn add_what_is_not_written(&mut self) {
        for (at, change) in self.unsaved.clone() {
            // What it was about may be gone by now.
            drop(self.pools.apply(&change, at));
        }
        for ((provider, id), usage) in &self.uncounted {
            let change = Change {
                provider: provider.clone(),
                action: Action::Count { id: id.clone(), usage: *usage },
            };
            drop(self.pools.apply(&change, usage.last_used_at.unwrap_or_default()));
        }
    }

    fn look_again(&mut self) {
        self.version = None;
        self.looked_at = None;
    }
}

fn last(answers: Vec<Answer>) -> Result<Outcome, StoreError> {
    let answer = answers.into_iter().next_back().expect("a store answers every change, and there is one");
    Ok(answer?)
}

/// Each death is said once: when it is written.
fn log_deaths(batch: &[(DateTime<Utc>, Change)], committed: &Committed) {
    for ((_, change), answer) in batch.iter().zip(&committed.outcomes) {
        let Ok(Outcome::Judged { marked, .. }) = answer else { continue };
        let Some(pool) = committed.pools.get(&change.provider) else { continue };
        for credential in pool.credentials().iter().filter(|credential| marked.contains(&credential.id)) {
            if let Some(State::Dead(death)) = pool.record(&credential.id).map(|record| &record.state) {
                let reason = death.error.reason.as_deref().unwrap_or(death.error.kind.as_str());
                tracing::warn!(provider = %pool.provider(), id = %credential.id, label = credential.label, reason, "a credential died");
            }
        }
    }
}
