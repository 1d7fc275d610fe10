//! How a handle keeps its view fresh, and how changes go from there to the store.
//!
//! A change is queued first, so that a verdict holds in this process at once, and then waits for its turn to write. Whoever
//! has the turn takes along all that is queued: changes of many threads share one write, and each caller returns when
//! its own is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use pool_core::{Action, Change, Credential, CredentialId, Outcome, Provider, State, Target, Usage, time};

use crate::error::StoreError;
use crate::handle::{Inner, LastWrite, Queued, View};
use crate::store::Committed;
use crate::transaction::apply;

/// Who has the turn waits for others at most so long.
const LONGEST_GATHERING: Duration = Duration::from_millis(5);

/// What became of one change: the answer of the store, or why it could not be kept.
type Kept = Result<Outcome, StoreError>;

/// Changes as a store takes them, each with its own time.
type Batch = Vec<(DateTime<Utc>, Change)>;

impl Inner {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.time_at(&mut self.view(), Instant::now())
    }

    fn time_at(&self, view: &mut View, instant: Instant) -> DateTime<Utc> {
        match &self.clock {
            Some(clock) => time::truncate(clock()),
            None => view.wall.at(instant),
        }
    }

    /// The view, looked at again if it is due, and what time it is.
    pub(crate) fn fresh_view(&self) -> Result<(MutexGuard<'_, View>, DateTime<Utc>), StoreError> {
        let mut view = self.view();
        let instant = Instant::now();
        let now = self.time_at(&mut view, instant);
        let is_due = view
            .looked_at
            .is_none_or(|looked_at| instant.saturating_duration_since(looked_at) >= self.look_every);
        if is_due {
            if let Some(loaded) = self.store.load(view.version.as_ref(), now)? {
                view.put_pickers_away();
                view.pools = loaded.pools;
                view.version = Some(loaded.version);
                view.loose_mode = loaded.loose_mode;
                view.add_what_is_not_written(now);
            }
            view.looked_at = Some(instant);
        }
        Ok((view, now))
    }

    /// Makes one change: in this process at once if it is a verdict, and in the store before it returns.
    pub(crate) fn commit(&self, provider: &Provider, action: Action) -> Result<Outcome, StoreError> {
        let change = Change { provider: provider.clone(), action };
        let _span = tracing::debug_span!("change", %provider, action = change.action.name()).entered();
        let outcome = self.make(change);
        match &outcome {
            Ok(outcome) => tracing::debug!(outcome = outcome.name(), "changed"),
            Err(error) => tracing::debug!(%error, "not changed"),
        }
        outcome
    }

    fn make(&self, change: Change) -> Result<Outcome, StoreError> {
        let ticket = self.queue(change);
        let mut view = self.view();
        loop {
            if let Some(answer) = view.answers.remove(&ticket) {
                return answer;
            }
            if view.is_writing {
                view = self.written.wait(view).unwrap_or_else(PoisonError::into_inner);
            } else {
                self.take_turn(view).write();
                view = self.view();
            }
        }
    }

    fn queue(&self, change: Change) -> u64 {
        match self.fresh_view() {
            Ok((mut view, now)) => self.queue_in(&mut view, now, change),
            // A store that cannot be read now says so when it is written.
            Err(_) => {
                let now = self.now();
                self.queue_in(&mut self.view(), now, change)
            }
        }
    }

    fn queue_in(&self, view: &mut View, now: DateTime<Utc>, change: Change) -> u64 {
        let ticket = view.queue(now, change);
        self.queued.notify_one();
        ticket
    }

    /// Writes what was not written yet.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let view = self.written.wait_while(self.view(), |view| view.is_writing);
        let turn = self.take_turn(view.unwrap_or_else(PoisonError::into_inner));
        let verdicts = self.view().unsaved.clone();
        turn.write_batch(&verdicts)?;
        let now = self.now();
        let counters = {
            let mut view = self.view();
            view.put_pickers_away();
            view.counters(now)
        };
        turn.write_batch(&counters)
    }

    fn take_turn<'a>(&'a self, mut view: MutexGuard<'a, View>) -> Turn<'a> {
        view.is_writing = true;
        Turn(self)
    }

    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        // A view is only ever replaced whole, so a thread that panicked left it whole.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to write: one at a time.
struct Turn<'a>(&'a Inner);

impl Turn<'_> {
    /// Writes all that is queued, and with it what could not be written before.
    fn write(&self) {
        self.gather();
        let inner = self.0;
        let now = inner.now();
        let (queued, batch) = {
            let mut view = inner.view();
            view.put_pickers_away();
            let queued = view.queued.clone();
            let reasons = queued.iter().map(|queued| (queued.at, queued.change.clone()));
            let riders = view.unsaved.iter().cloned().chain(view.counters(now));
            let batch: Batch = riders.chain(reasons).collect();
            (queued, batch)
        };
        let begun = Instant::now();
        let result = inner.store.apply(&batch, inner.pruning, now);
        let mut view = inner.view();
        view.last_write = LastWrite { changes: queued.len(), took: begun.elapsed() };
        let answers = view.take_in(&batch, &queued, result, now);
        view.answer(&queued, answers);
    }

    /// Those who shared the last write come back with their next change a moment after it. Waiting for them costs them
    /// less than a write of their own, and whoever writes alone never waits.
    fn gather(&self) {
        let view = self.0.view();
        let last = view.last_write;
        if last.changes > 1 {
            let few = |view: &mut View| view.queued.len() < last.changes;
            let patience = (last.took / 2).min(LONGEST_GATHERING);
            drop(self.0.queued.wait_timeout_while(view, patience, few));
        }
    }

    fn write_batch(&self, batch: &Batch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let now = self.0.now();
        let result = self.0.store.apply(batch, self.0.pruning, now);
        let answers = self.0.view().take_in(batch, &[], result, now)?;
        let mut errors = answers.into_iter().filter_map(Result::err);
        // What cannot be made is no failure of the write.
        errors.find(|error| !matches!(error, StoreError::Change(_))).map_or(Ok(()), Err)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.view().is_writing = false;
        self.0.written.notify_all();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.view().put_pickers_away();
        let had_counters = !self.view().uncounted.is_empty();
        match self.flush() {
            Err(error) if had_counters => tracing::warn!(%error, "counters of this process are lost"),
            // Who reported a verdict that could not be saved was told so.
            Err(error) => tracing::debug!(%error, "verdicts of this process are lost"),
            Ok(()) => {}
        }
    }
}

impl View {
    /// Queues a change for the next write; a verdict holds here at once.
    fn queue(&mut self, at: DateTime<Utc>, change: Change) -> u64 {
        let change = self.about_the_secret(change);
        if is_verdict(&change) {
            self.put_pickers_away();
            // Errors come from the store, which knows the newest data.
            drop(self.pools.apply(&change, at));
        }
        self.tickets += 1;
        self.queued.push(Queued { ticket: self.tickets, at, change });
        self.tickets
    }

    /// A verdict on an id is about the secret that is stored now, however late it is written.
    fn about_the_secret(&self, mut change: Change) -> Change {
        if let Action::Fail { target, .. } = &mut change.action
            && let Target::Id(id) = target
            && let Some(pool) = self.pools.get(&change.provider)
            && let Some(culprit) = pool.credentials().iter().find(|credential| credential.id == *id)
            && let Some(subject) = culprit.subject()
        {
            *target = Target::Held(id.clone(), subject);
        }
        change
    }

    fn counters(&self, now: DateTime<Utc>) -> Batch {
        let mut uses: BTreeMap<&Provider, BTreeMap<CredentialId, Usage>> = BTreeMap::new();
        for ((provider, id), usage) in &self.uncounted {
            uses.entry(provider).or_default().insert(id.clone(), *usage);
        }
        let count = |(provider, uses): (&Provider, _)| {
            (now, Change { provider: provider.clone(), action: Action::Count { uses } })
        };
        uses.into_iter().map(count).collect()
    }

    /// Takes in what became of a batch, and takes what was queued of it off the list.
    fn take_in(
        &mut self,
        batch: &[(DateTime<Utc>, Change)],
        queued: &[Queued],
        result: Result<Committed, StoreError>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Kept>, StoreError> {
        self.queued.retain(|waiting| !queued.iter().any(|taken| taken.ticket == waiting.ticket));
        let riders = batch.len().saturating_sub(queued.len());
        match result {
            Ok(committed) => {
                log_deaths(batch, &committed);
                self.settle(batch, riders, |index| is_settled(&committed, index));
                self.put_pickers_away();
                self.pools = committed.pools;
                self.looked_at = committed.version.as_ref().and(self.looked_at);
                self.version = committed.version;
                self.loose_mode = self.loose_mode.filter(|_| !committed.written);
                self.add_what_is_not_written(now);
                let mut refused = committed.refused;
                let answers = committed.outcomes.into_iter().enumerate();
                Ok(answers
                    .map(|(index, answer)| match refused.remove(&index) {
                        Some(error) => Err(error),
                        None => answer.map_err(StoreError::from),
                    })
                    .collect())
            }
            Err(error) => {
                if matches!(error, StoreError::NotDurable { .. }) {
                    self.settle(batch, riders, |_| true);
                    (self.version, self.looked_at) = (None, None);
                }
                Err(error)
            }
        }
    }

    /// Hands out the answers to queued changes, and keeps the verdicts that could not be written.
    fn answer(&mut self, queued: &[Queued], answers: Result<Vec<Kept>, StoreError>) {
        let answers = answers.unwrap_or_else(|error| vec![Err(error); queued.len()]);
        // The riders come first in a batch, so that its last answers are those of what was queued.
        let riders = answers.len().saturating_sub(queued.len());
        for (taken, answer) in queued.iter().zip(answers.into_iter().skip(riders)) {
            let answer = answer.map_err(|error| self.not_saved(taken, error));
            self.answers.insert(taken.ticket, answer);
        }
    }

    /// Keeps a verdict that could not be written, and says so.
    fn not_saved(&mut self, taken: &Queued, error: StoreError) -> StoreError {
        // Of an id that is not known here, nothing can be held, nor told from another credential of that id later.
        let is_held =
            matches!(&taken.change.action, Action::Fail { target, .. } if !matches!(target, Target::Id(_)));
        if !is_held || matches!(error, StoreError::NotDurable { .. } | StoreError::Change(_)) {
            return error;
        }
        self.unsaved.push((taken.at, taken.change.clone()));
        StoreError::VerdictNotSaved { source: Box::new(error) }
    }

    /// Takes what is settled of a batch off the lists of what is not written; uses that came in meanwhile stay there. The
    /// verdicts among the riders are the unsaved ones, in their order.
    fn settle(
        &mut self,
        batch: &[(DateTime<Utc>, Change)],
        riders: usize,
        is_settled: impl Fn(usize) -> bool,
    ) {
        let verdicts = batch.iter().take(riders).enumerate().filter(|(_, (_, change))| is_verdict(change));
        let mut verdicts = verdicts.map(|(index, _)| is_settled(index));
        self.unsaved.retain(|_| !verdicts.next().unwrap_or(false));
        for (_, (_, change)) in batch.iter().enumerate().filter(|(index, _)| is_settled(*index)) {
            let Action::Count { uses } = &change.action else { continue };
            for (id, usage) in uses {
                let place = (change.provider.clone(), id.clone());
                if let Some(kept) = self.uncounted.get_mut(&place) {
                    kept.request_count = kept.request_count.saturating_sub(usage.request_count);
                    if kept.request_count == 0 {
                        self.uncounted.remove(&place);
                    }
                }
            }
        }
    }

    /// What this process knows, and the store does not yet, holds here all the same.
    fn add_what_is_not_written(&mut self, now: DateTime<Utc>) {
        let waiting = self.queued.iter().map(|queued| (queued.at, queued.change.clone()));
        let verdicts: Batch =
            self.unsaved.iter().cloned().chain(waiting).filter(|(_, change)| is_verdict(change)).collect();
        let counters =
            self.uncounted.values().filter_map(|usage| usage.last_used_at).max().unwrap_or_default();
        for (at, change) in verdicts.into_iter().chain(self.counters(counters)) {
            // What it was about may be gone by now.
            drop(apply(&mut self.pools, &change, at, now));
        }
    }
}

/// Whether nothing is left to be done for a change: it is kept, or was refused for good. What a store had nothing to
/// write for, it knows.
fn is_settled(committed: &Committed, index: usize) -> bool {
    match (committed.refused.get(&index), committed.outcomes.get(index)) {
        (Some(error), _) => matches!(error, StoreError::NotDurable { .. }),
        (None, answer) => !matches!(answer, Some(Ok(Outcome::Waiting))),
    }
}

fn is_verdict(change: &Change) -> bool {
    matches!(change.action, Action::Fail { .. })
}

/// Each death is said once: when it is written.
fn log_deaths(batch: &[(DateTime<Utc>, Change)], committed: &Committed) {
    for ((at, change), answer) in batch.iter().zip(&committed.outcomes) {
        let Ok(Outcome::Judged { marked, .. }) = answer else { continue };
        let Action::Fail { judgement, .. } = &change.action else { continue };
        let is_terminal = judgement.verdict.is_terminal();
        let pool = committed.pools.get(&change.provider).filter(|_| judgement.may_kill());
        let Some(pool) = pool else { continue };
        for id in marked {
            let Some(State::Dead(death)) = pool.record(id).map(|record| &record.state) else { continue };
            // An earlier strike of the same batch did not do it.
            if !is_terminal && death.at != Some(*at) {
                continue;
            }
            // Of those that share the id, it is who stores the secret that was judged.
            let is_dead = |credential: &&Arc<Credential>| {
                credential.id == *id && death.subject.is_none_or(|subject| credential.holds(subject))
            };
            if let Some(credential) = pool.credentials().iter().find(is_dead) {
                let reason = death.error.reason.as_deref().unwrap_or(death.error.kind.as_str());
                tracing::warn!(provider = %pool.provider(), id = %credential.id, label = credential.label, reason, "a credential died");
            }
        }
    }
}
