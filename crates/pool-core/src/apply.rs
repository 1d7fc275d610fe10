//! How a [`Change`] changes a pool. Pure: the same pool, change and `now` give the same pool and effects.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::change::{Action, Change, ChangeError, Outcome, Place, Target};
use crate::credential::{Credential, CredentialId, Holding, Tokens};
use crate::pool::Pool;
use crate::record::{Judgement, LastError, Mark, Record, State, Usage, saturating_add};
use crate::renewal::Renewal;
use crate::secret::{Fingerprint, Secret};
use crate::source::Source;
use crate::strikes::{SIDE_BY_SIDE, Strikes};
use crate::transition::{self, Grant, Revive, Suspect};

/// What a change did to a pool: the answer for the caller, and what a store has to write.
#[derive(Clone, PartialEq, Debug)]
pub struct Applied {
    /// The answer.
    pub outcome: Outcome,
    /// Whose record changed.
    pub records: BTreeSet<CredentialId>,
    /// Which definitions changed.
    pub definitions: Vec<DefinitionEdit>,
    /// Which source is suppressed now, or is so no longer.
    pub suppression: Option<SuppressionEdit>,
}

/// How the suppressed sources of a provider changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SuppressionEdit {
    /// What this source offers stays away from now on.
    Suppressed(Source),
    /// It may be taken in again.
    Lifted(Source),
}

/// How a definition changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DefinitionEdit {
    /// It is new: write it as it stands in the pool.
    Added(CredentialId),
    /// It is gone: drop the entries of this id that store this secret.
    Removed(CredentialId, Option<Fingerprint>),
    /// It has new secrets.
    Rotated {
        /// The secret that is replaced: its entries are those that store it.
        old: Option<Fingerprint>,
        /// What they become.
        renewed: Arc<Credential>,
    },
}

impl Applied {
    fn only(outcome: Outcome) -> Self {
        Self { outcome, records: BTreeSet::new(), definitions: Vec::new(), suppression: None }
    }

    /// Whether there is anything to write.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !self.records.is_empty() || !self.definitions.is_empty() || self.suppression.is_some()
    }
}

impl Pool {
    /// Applies one change.
    ///
    /// # Errors
    ///
    /// When it names somebody who is not there, or would make a duplicate; the pool is then as it was.
    pub fn apply(&mut self, change: &Change, now: DateTime<Utc>) -> Result<Applied, ChangeError> {
        if change.provider != self.provider {
            return Err(ChangeError::UnknownProvider { provider: change.provider.clone() });
        }
        match &change.action {
            Action::Fail { target, judgement } => self.fail(target, judgement, now),
            Action::Succeed { target, began_at, model } => {
                self.succeed(target, *began_at, model.as_deref(), now)
            }
            Action::Reset { id, revive } => self.reset(id.as_ref(), *revive, now),
            Action::Add { credential, place } => self.add(credential, *place),
            Action::Seed { credential } => self.add(credential, Place::Last),
            Action::Remove { target } => self.remove(target, now),
            Action::Lift { source } => {
                let suppression = Some(SuppressionEdit::Lifted(source.clone()));
                Ok(Applied { suppression, ..Applied::only(Outcome::Lifted) })
            }
            Action::Rotate { target, tokens, grant, expires_at } => {
                self.rotate(target, tokens, *grant, *expires_at, now)
            }
            Action::NoteRefresh { target, refresh } => self.note_refresh(target, *refresh),
            Action::NoteRenewed { target, spent } => self.note_renewed(target, *spent, now),
            Action::Count { uses } => Ok(self.count(uses)),
        }
    }

    /// In one walk down the line, however many they are.
    fn count(&mut self, uses: &BTreeMap<CredentialId, Usage>) -> Applied {
        let known: BTreeSet<CredentialId> = self
            .credentials
            .iter()
            .filter(|credential| uses.contains_key(&credential.id))
            .map(|credential| credential.id.clone())
            .collect();
        for (id, usage) in uses.iter().filter(|(id, _)| known.contains(*id)) {
            self.add_usage(id, *usage);
        }
        Applied { records: known, ..Applied::only(Outcome::Counted) }
    }

    fn fail(
        &mut self,
        target: &Target,
        judgement: &Judgement,
        now: DateTime<Utc>,
    ) -> Result<Applied, ChangeError> {
        let Some(culprit) = self.suspects(target)?.first().cloned() else {
            return Ok(Applied::only(Outcome::Stale));
        };
        // What upstream said may echo the secret that failed, whoever else is marked by it.
        let error = LastError::of(&judgement.failure, judgement.verdict.kind, Some(&culprit));
        let changed = match judgement.mark() {
            Mark::Nobody => BTreeSet::new(),
            Mark::Model(model) => self.mark_model(target, &culprit, model, judgement, &error, now),
            Mark::Credential => {
                let suspects = self.accused(target, &culprit)?;
                self.mark(&suspects, target, &culprit, judgement, &error, now)
            }
            Mark::Account => {
                let suspects = self.with_siblings(self.accused(target, &culprit)?, &culprit);
                self.mark(&suspects, target, &culprit, judgement, &error, now)
            }
        };
        let marked = self.in_line(&changed);
        let outcome = Outcome::Judged { standing: self.standing(&culprit, now), marked };
        Ok(Applied { records: changed, ..Applied::only(outcome) })
    }

    /// Marks these; whose record changed.
    fn mark(
        &mut self,
        suspects: &[Arc<Credential>],
        target: &Target,
        culprit: &Credential,
        judgement: &Judgement,
        error: &LastError,
        now: DateTime<Utc>,
    ) -> BTreeSet<CredentialId> {
        let one_could_serve = self.only_one_could_serve();
        let mut changed = BTreeSet::new();
        for suspect in suspects {
            let accused = self.accusation(suspect, target, culprit);
            let sole = one_could_serve && suspect.secret().is_some();
            let struck = self.strike(&suspect.id, accused.subject, judgement, now);
            let judgement = struck.as_ref().unwrap_or(judgement);
            let error = LastError { kind: judgement.verdict.kind, ..error.clone() };
            let is_marked = self.transition(&suspect.id, now, |state| {
                transition::fail(state, judgement, accused, error, sole, now)
            });
            if is_marked || struck.is_some() {
                changed.insert(suspect.id.clone());
            }
        }
        changed
    }

    /// What a verdict on one suspect is bound to.
    fn accusation(&self, suspect: &Credential, target: &Target, culprit: &Credential) -> Suspect {
        let judged = judged_secret(target, culprit).filter(|judged| suspect.holds(*judged));
        let subject = judged.or_else(|| suspect.subject());
        // Of another entry that shares the id, the verdict stands as it is.
        let is_known = self.state(&suspect.id).is_about(suspect, &self.provider);
        let is_sent = is_known && subject == suspect.subject();
        Suspect { subject, is_sent, account: suspect.account(&self.provider) }
    }

    /// Counts a refusal of a key as wrong. What is then to be judged: a longer rest, or with evidence enough the end.
    fn strike(
        &mut self,
        id: &CredentialId,
        subject: Option<Fingerprint>,
        judgement: &Judgement,
        now: DateTime<Utc>,
    ) -> Option<Judgement> {
        let subject = subject.filter(|_| judgement.is_strike())?;
        let state = self.applying_state(id, now);
        let judged_at = state.judged_at(now);
        let is_open = match state {
            // News from before it was cleared counts as little as news of what is dead already.
            State::Ok { .. } => judged_at.is_none_or(|since| since <= now),
            State::Exhausted(_) => true,
            State::Dead(_) | State::Removed { .. } | State::Unknown { .. } => false,
        };
        let known = self.record(id).and_then(|record| record.strikes);
        let is_known = known.is_some_and(|strikes| strikes.subject == subject);
        let is_counted = is_known && judged_at.is_some_and(|last| (now - last).abs() < SIDE_BY_SIDE);
        if !is_open || is_counted {
            return None;
        }
        let strikes = Strikes::with_one_more(known, subject, now);
        self.record_mut(id).strikes = Some(strikes);
        Some(judgement.struck(strikes, now))
    }

    /// Marks one model of a credential; whether its record changed.
    fn mark_model(
        &mut self,
        target: &Target,
        culprit: &Credential,
        model: &str,
        judgement: &Judgement,
        error: &LastError,
        now: DateTime<Utc>,
    ) -> BTreeSet<CredentialId> {
        let accused = self.accusation(culprit, target, culprit);
        let record = self.record(&culprit.id);
        let known = record.and_then(|record| record.models.get(model).cloned()).unwrap_or_default();
        let applying = if known.is_about(culprit, &self.provider) {
            known.clone()
        } else {
            State::Ok { since: known.judged_at(now) }
        };
        let next = transition::fail(&applying, judgement, accused, error.clone(), false, now);
        if next == known {
            return BTreeSet::new();
        }
        let models = &mut self.record_mut(&culprit.id).models;
        models.retain(|_, state| !is_long_over(state, now));
        models.insert(model.to_owned(), next);
        [culprit.id.clone()].into()
    }

    fn succeed(
        &mut self,
        target: &Target,
        began_at: DateTime<Utc>,
        model: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Applied, ChangeError> {
        let Some(credential) = self.suspects(target)?.first().cloned() else {
            return Ok(Applied::only(Outcome::Stale));
        };
        // A verdict on another entry of this id stands.
        let changed = self.state(&credential.id).is_about(&credential, &self.provider)
            && self.clear_by_success(&credential.id, began_at, model, now);
        let outcome = Outcome::Succeeded { standing: self.standing(&credential, now) };
        Ok(Applied {
            records: changed.then(|| credential.id.clone()).into_iter().collect(),
            ..Applied::only(outcome)
        })
    }

    /// Clears what a success speaks against: a rest, strikes, and the rest of the model that answered.
    fn clear_by_success(
        &mut self,
        id: &CredentialId,
        began_at: DateTime<Utc>,
        model: Option<&str>,
        now: DateTime<Utc>,
    ) -> bool {
        let Some(record) = self.record(id) else { return false };
        let is_struck =
            record.strikes.is_some() && record.state.judged_at(now).is_none_or(|at| began_at > at);
        let of_model = model.and_then(|model| Some((model, record.models.get(model)?)));
        let answered = of_model
            .map(|(model, state)| (model, state.clone(), transition::succeed(state, began_at, now)))
            .filter(|(_, known, next)| known != next);
        let is_cleared = self.transition(id, now, |state| transition::succeed(state, began_at, now));
        if is_struck {
            self.record_mut(id).strikes = None;
        }
        let is_model_cleared = answered.is_some();
        if let Some((model, _, next)) = answered {
            self.record_mut(id).models.insert(model.to_owned(), next);
        }
        is_cleared || is_struck || is_model_cleared
    }

    fn reset(
        &mut self,
        id: Option<&CredentialId>,
        revive: Revive,
        now: DateTime<Utc>,
    ) -> Result<Applied, ChangeError> {
        if let Some(id) = id {
            self.known(id)?;
        }
        let wanted = |credential: &&Arc<Credential>| id.is_none_or(|id| *id == credential.id);
        let ids: BTreeSet<_> =
            self.credentials.iter().filter(wanted).map(|credential| credential.id.clone()).collect();
        let changed: BTreeSet<_> = ids.into_iter().filter(|id| self.clear(id, revive, now)).collect();
        let outcome = Outcome::Reset { cleared: self.in_line(&changed) };
        Ok(Applied { records: changed, ..Applied::only(outcome) })
    }

    /// Clears a record whatever it says, also a rest that is over: the operator asked for a clean slate.
    fn clear(&mut self, id: &CredentialId, revive: Revive, now: DateTime<Utc>) -> bool {
        let mut changed = self.transition(id, now, |state| transition::reset(state, revive, now));
        let is_more = |record: &Record| {
            !record.models.is_empty() || record.strikes.is_some() || record.refresh.is_some()
        };
        if !self.record(id).is_some_and(is_more) {
            return changed;
        }
        let record = self.record_mut(id);
        if !matches!(record.state, State::Dead(_)) {
            changed |= record.strikes.take().is_some() | record.refresh.take().is_some();
        }
        for state in record.models.values_mut() {
            let next = transition::reset(state, revive, now);
            changed |= next != *state;
            *state = next;
        }
        changed
    }

    fn add(&mut self, credential: &Credential, place: Place) -> Result<Applied, ChangeError> {
        let subject = credential.subject();
        let there = || self.credentials.iter().filter(|other| !self.was_removed(other));
        if let Some(twin) = there().find(|other| subject.is_some_and(|subject| other.holds(subject))) {
            return Err(ChangeError::Duplicate {
                provider: self.provider.clone(),
                existing: twin.id.clone(),
            });
        }
        if there().any(|other| other.id == credential.id) {
            return Err(ChangeError::IdTaken { provider: self.provider.clone(), id: credential.id.clone() });
        }
        let mut credential = credential.clone();
        if place == Place::Last {
            let last = self.credentials.iter().map(|other| other.priority).max();
            credential.priority = last.map_or(0, |last| last.saturating_add(1));
        }
        let (id, source) = (credential.id.clone(), credential.source.clone());
        // What a stale writer brought back under this id makes room.
        let back = self.credentials.extract_if(.., |other| other.id == id);
        let mut definitions: Vec<_> =
            back.map(|other| DefinitionEdit::Removed(id.clone(), other.subject())).collect();
        definitions.push(DefinitionEdit::Added(id.clone()));
        self.credentials.push(Arc::new(credential));
        self.line_up();
        // What is remembered of an earlier holder of this id is about that one.
        let forgotten = self.records.remove(&id).is_some();
        self.sequence.remove(&id);
        Ok(Applied {
            outcome: Outcome::Added(id.clone()),
            records: forgotten.then_some(id).into_iter().collect(),
            definitions,
            suppression: Some(SuppressionEdit::Lifted(source)),
        })
    }

    fn remove(&mut self, target: &Target, now: DateTime<Utc>) -> Result<Applied, ChangeError> {
        let suspects = self.suspects(target)?;
        let Some(gone) = suspects.first() else { return Ok(Applied::only(Outcome::Stale)) };
        if matches!(target, Target::Id(_)) && suspects.len() > 1 {
            return Err(ChangeError::Ambiguous { provider: self.provider.clone(), id: gone.id.clone() });
        }
        let (id, subject) = (gone.id.clone(), gone.subject());
        let source = Some(&gone.source).filter(|source| source.is_seeded()).cloned();
        self.forget([(id.clone(), subject)].into(), now);
        Ok(Applied {
            suppression: source.map(SuppressionEdit::Suppressed),
            outcome: Outcome::Removed(id.clone()),
            records: [id.clone()].into(),
            definitions: vec![DefinitionEdit::Removed(id, subject)],
        })
    }

    /// Takes credentials out of the line and remembers that they were there.
    pub(crate) fn forget(&mut self, gone: HashSet<(CredentialId, Option<Fingerprint>)>, now: DateTime<Utc>) {
        let is_gone = |credential: &Credential| gone.contains(&(credential.id.clone(), credential.subject()));
        self.credentials.retain(|credential| !is_gone(credential));
        // Of who is still there, the record is the verdict on another entry that shares the id.
        let there: HashSet<&CredentialId> =
            self.credentials.iter().map(|credential| &credential.id).collect();
        for (id, subject) in gone.iter().filter(|(id, _)| !there.contains(id)) {
            let state = State::Removed { at: Some(now), subject: *subject };
            // A stale writer may bring it back with an older secret too.
            let replaced = self.record(id).map(|record| record.replaced.clone()).unwrap_or_default();
            self.records.insert(id.clone(), Arc::new(Record { state, replaced, ..Record::default() }));
        }
    }

    fn rotate(
        &mut self,
        target: &Target,
        tokens: &Tokens,
        grant: Grant,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Applied, ChangeError> {
        let suspects = self.suspects(target)?;
        let Some(old) = suspects.first() else { return Ok(Applied::only(Outcome::Stale)) };
        if matches!(target, Target::Id(_)) && suspects.len() > 1 {
            return Err(ChangeError::Ambiguous { provider: self.provider.clone(), id: old.id.clone() });
        }
        let Holding::Owned(stored) = &old.holding else {
            return Err(ChangeError::Borrowed { provider: self.provider.clone(), id: old.id.clone() });
        };
        let (id, subject) = (old.id.clone(), old.subject());
        let state = self.state(&id);
        let new = Credential {
            holding: Holding::Owned(stored.renewed(tokens, grant)),
            expires_at,
            ..(**old).clone()
        };
        let replaced = replaced(stored, &new);
        let new = Arc::new(new);
        let account = new.account(&self.provider);
        let suspect = Suspect { subject: new.subject(), is_sent: true, account };
        // A verdict on another entry of this id stands, and so does one on a secret that is replaced by itself.
        let is_over = state.is_about(old, &self.provider) && suspect.subject != subject;
        for credential in &mut self.credentials {
            if credential.id == id && credential.subject() == subject && credential.owns_its_secret() {
                // What else differs between entries that share the id and the secret stays.
                let (holding, expires_at) = (new.holding.clone(), new.expires_at);
                *credential = Arc::new(Credential { holding, expires_at, ..(**credential).clone() });
            }
        }
        let is_cleared = is_over && self.set_state(&id, transition::rotate(&state, grant, suspect, now));
        let is_noted = self.note_replaced(&id, replaced, &new)
            | self.forget_strikes(&id, &new)
            | self.end_refresh(&id, grant, now);
        Ok(Applied {
            outcome: Outcome::Rotated(id.clone()),
            records: (is_cleared || is_noted).then(|| id.clone()).into_iter().collect(),
            definitions: vec![DefinitionEdit::Rotated { old: subject, renewed: new }],
            suppression: None,
        })
    }

    /// Forgets the strikes against a key that is replaced.
    fn forget_strikes(&mut self, id: &CredentialId, new: &Credential) -> bool {
        let strikes = self.record(id).and_then(|record| record.strikes);
        let are_over = strikes.is_some_and(|strikes| !new.holds(strikes.subject));
        if are_over {
            self.record_mut(id).strikes = None;
        }
        are_over
    }

    fn note_refresh(&mut self, target: &Target, refresh: Option<Renewal>) -> Result<Applied, ChangeError> {
        let suspects = self.suspects(target)?;
        let Some(id) = suspects.first().map(|credential| credential.id.clone()) else {
            return Ok(Applied::only(Outcome::Stale));
        };
        let is_changed = self.record(&id).and_then(|record| record.refresh) != refresh;
        if is_changed {
            self.record_mut(&id).refresh = refresh;
        }
        let records = is_changed.then(|| id.clone()).into_iter().collect();
        Ok(Applied { records, ..Applied::only(Outcome::Noted(id)) })
    }

    fn note_renewed(
        &mut self,
        target: &Target,
        spent: Fingerprint,
        now: DateTime<Utc>,
    ) -> Result<Applied, ChangeError> {
        let Some(login) = self.suspects(target)?.first().cloned() else {
            return Ok(Applied::only(Outcome::Stale));
        };
        // A server that does not rotate leaves the refresh token as it is.
        let replaced = Some(spent).filter(|spent| !login.holds(*spent));
        let is_noted =
            self.note_replaced(&login.id, replaced, &login) | self.end_refresh(&login.id, Grant::Same, now);
        let records = is_noted.then(|| login.id.clone()).into_iter().collect();
        Ok(Applied { records, ..Applied::only(Outcome::Noted(login.id.clone())) })
    }

    /// With new secrets a renewal is over, and so is what was known of an earlier one.
    fn end_refresh(&mut self, id: &CredentialId, grant: Grant, now: DateTime<Utc>) -> bool {
        let renewed_at = (grant == Grant::Same).then_some(now);
        let known = self.record(id).map(|record| (record.refresh, record.renewed_at)).unwrap_or_default();
        if known == (None, renewed_at) {
            return false;
        }
        let record = self.record_mut(id);
        (record.refresh, record.renewed_at) = (None, renewed_at);
        true
    }

    /// Notes which secret was replaced; a note goes where that secret is stored again on purpose.
    fn note_replaced(&mut self, id: &CredentialId, replaced: Option<Fingerprint>, new: &Credential) -> bool {
        let noted = self.record(id).map(|record| record.replaced.clone()).unwrap_or_default();
        let next = noted.after(replaced, new);
        let is_changed = next != noted;
        if is_changed {
            self.record_mut(id).replaced = next;
        }
        is_changed
    }

    /// Whom a target names: nobody where the secret that it names is no longer stored.
    fn suspects(&self, target: &Target) -> Result<Vec<Arc<Credential>>, ChangeError> {
        if let Target::Id(id) = target {
            self.known(id)?;
        }
        Ok(self.credentials.iter().filter(|credential| target.means(credential)).cloned().collect())
    }

    fn known(&self, id: &CredentialId) -> Result<(), ChangeError> {
        let unknown = || ChangeError::UnknownCredential { provider: self.provider.clone(), id: id.clone() };
        self.credentials.iter().any(|credential| credential.id == *id).then_some(()).ok_or_else(unknown)
    }

    /// Whom a failure is about: one that is named by its secret is about all who store it.
    fn accused(
        &self,
        target: &Target,
        culprit: &Arc<Credential>,
    ) -> Result<Vec<Arc<Credential>>, ChangeError> {
        match target {
            Target::Secret(_) => self.suspects(target),
            Target::Id(_) | Target::Held(..) => Ok(vec![Arc::clone(culprit)]),
        }
    }

    /// These, and all that are known to be of the same account.
    fn with_siblings(
        &self,
        mut suspects: Vec<Arc<Credential>>,
        culprit: &Credential,
    ) -> Vec<Arc<Credential>> {
        let sibling = |other: &&Arc<Credential>| {
            other.shares_account_with(culprit) && !suspects.iter().any(|known| known.id == other.id)
        };
        let siblings: Vec<_> = self.credentials.iter().filter(sibling).cloned().collect();
        suspects.extend(siblings);
        suspects
    }

    /// Moves the state that applies; whether the record changed.
    fn transition(
        &mut self,
        id: &CredentialId,
        now: DateTime<Utc>,
        event: impl FnOnce(&State) -> State,
    ) -> bool {
        let applying = self.applying_state(id, now);
        let next = event(&applying);
        next != applying && self.set_state(id, next)
    }

    /// The state, if it is about any entry of this id: several that share an id share the worst.
    fn applying_state(&self, id: &CredentialId, now: DateTime<Utc>) -> State {
        let state = self.state(id);
        let mut entries = self.credentials.iter().filter(|credential| credential.id == *id);
        if entries.any(|credential| state.is_about(credential, &self.provider)) {
            return state;
        }
        State::Ok { since: state.judged_at(now) }
    }

    fn set_state(&mut self, id: &CredentialId, state: State) -> bool {
        if self.state(id) == state {
            return false;
        }
        self.record_mut(id).state = state;
        true
    }

    fn in_line(&self, ids: &BTreeSet<CredentialId>) -> Vec<CredentialId> {
        let mut left = ids.clone();
        self.credentials.iter().filter_map(|credential| left.take(&credential.id)).collect()
    }
}

/// Of the secrets that are stored no longer, the one that tells most: a refresh token is spent once it is renewed.
fn replaced(old: &Tokens, new: &Credential) -> Option<Fingerprint> {
    let secrets = [old.refresh_token(), old.access_token(), old.agent_key()];
    secrets.into_iter().flatten().map(Secret::fingerprint).find(|fingerprint| !new.holds(*fingerprint))
}

/// What was judged of a model is forgotten so long after it was over: a caller may name any number of models.
const REMEMBERED_MODELS: TimeDelta = TimeDelta::days(1);

fn is_long_over(state: &State, now: DateTime<Utc>) -> bool {
    let over = match state {
        State::Exhausted(rest) => Some(rest.until),
        State::Ok { since } => *since,
        _ => return false,
    };
    over.is_none_or(|over| saturating_add(over, REMEMBERED_MODELS) <= now)
}

/// The secret that a verdict is bound to: the one the report names, else the one stored now.
fn judged_secret(target: &Target, culprit: &Credential) -> Option<Fingerprint> {
    match target {
        Target::Id(_) => culprit.subject(),
        Target::Held(_, subject) | Target::Secret(subject) => Some(*subject),
    }
}
