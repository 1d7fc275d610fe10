use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::credential::{Credential, CredentialId};
use crate::pick::{Out, PickRequest, Unavailable, WhyOut};
use crate::provider::Provider;
use crate::record::{Record, State, Usage};
use crate::standing::{self, Standing};
use crate::strategy::{self, Candidate};

/// The credentials of one provider, and what happened to them.
#[derive(Clone, Debug)]
pub struct Pool {
    pub(crate) provider: Provider,
    pub(crate) credentials: Vec<Arc<Credential>>,
    pub(crate) records: HashMap<CredentialId, Arc<Record>>,
    /// Tells uses within one tick of the clock apart; lives and dies with this view.
    pub(crate) sequence: HashMap<CredentialId, u64>,
    uses: u64,
}

/// How many leases each credential carries.
pub trait InFlight {
    /// Leases of this credential that were not dropped.
    fn of(&self, provider: &Provider, id: &CredentialId) -> usize;
}

/// Nobody holds a lease.
impl InFlight for () {
    fn of(&self, _: &Provider, _: &CredentialId) -> usize {
        0
    }
}

impl Pool {
    /// A pool of these credentials, in the order of the file.
    #[must_use]
    pub fn new(
        provider: Provider,
        credentials: Vec<Credential>,
        records: HashMap<CredentialId, Record>,
    ) -> Self {
        let credentials = credentials.into_iter().map(Arc::new).collect();
        let records = records.into_iter().map(|(id, record)| (id, Arc::new(record))).collect();
        let mut pool = Self { provider, credentials, records, sequence: HashMap::new(), uses: 0 };
        pool.line_up();
        pool
    }

    /// Whose pool it is.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The credentials in line: by priority, then in the order of the file.
    #[must_use]
    pub fn credentials(&self) -> &[Arc<Credential>] {
        &self.credentials
    }

    /// What happened to a credential; `None` where nothing did.
    #[must_use]
    pub fn record(&self, id: &CredentialId) -> Option<&Record> {
        self.records.get(id).map(AsRef::as_ref)
    }

    /// How a credential stands at `now`.
    #[must_use]
    pub fn standing(&self, credential: &Credential, now: DateTime<Utc>) -> Standing {
        self.standing_of(credential, self.only_one_could_serve(), now)
    }

    /// How every credential stands at `now`, in line order.
    pub fn standings(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&Credential, Standing)> {
        let sole = self.only_one_could_serve();
        let credentials = self.credentials.iter().map(AsRef::as_ref);
        credentials.map(move |credential| (credential, self.standing_of(credential, sole, now)))
    }

    /// The models for which something is against a credential at `now`, and what.
    pub fn models_out(
        &self,
        credential: &Credential,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (&str, Standing)> {
        let record = self.record(&credential.id);
        let models = record.into_iter().flat_map(|record| record.models.keys());
        models.filter_map(move |model| {
            let standing = standing::for_model(credential, record, &self.provider, model, now)?;
            // That there is no secret at all is against every model.
            let judged = standing.judged().clone();
            (judged != Standing::Ready).then_some((model.as_str(), judged))
        })
    }

    /// How every credential stands at `now` for requests to a model, where one is named.
    pub(crate) fn standings_for(
        &self,
        model: Option<&str>,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (&Credential, Standing)> {
        self.standings(now).map(move |(credential, standing)| match (standing, model) {
            (Standing::Ready, Some(model)) => {
                let record = self.record(&credential.id);
                let rest = standing::for_model(credential, record, &self.provider, model, now);
                (credential, rest.unwrap_or(Standing::Ready))
            }
            (standing, _) => (credential, standing),
        })
    }

    /// Chooses the credential to use now: a function of the pool, the request, who is in flight, `now` and the seed.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] says why every credential is out; it names none where the request is for another provider.
    pub fn pick(
        &self,
        request: &PickRequest,
        in_flight: &impl InFlight,
        now: DateTime<Utc>,
        seed: u64,
    ) -> Result<&Arc<Credential>, Unavailable> {
        if *request.provider() != self.provider {
            return Err(Unavailable { provider: request.provider().clone(), out: Vec::new() });
        }
        let sole = self.only_one_could_serve();
        let mut ready = Vec::new();
        let mut out = Vec::new();
        for (index, credential) in self.credentials.iter().enumerate() {
            match self.why_out(credential, request, sole, now) {
                None => ready.push(index),
                Some(why) => {
                    out.push(Out { id: credential.id.clone(), label: credential.label.clone(), why });
                }
            }
        }
        let ready = self.least_loaded(ready, request, in_flight);
        let candidates: Vec<Candidate> = ready.into_iter().map(|index| self.candidate(index)).collect();
        let chosen = strategy::choose(request.chosen_strategy(), &candidates, seed);
        chosen
            .and_then(|index| self.credentials.get(index))
            .ok_or_else(|| Unavailable { provider: self.provider.clone(), out })
    }

    /// Counts that a credential was handed out at `now`.
    pub fn count_use(&mut self, id: &CredentialId, now: DateTime<Utc>) {
        self.count_uses(id, Usage { request_count: 1, last_used_at: Some(now) });
    }

    /// Counts that a credential was handed out so often, and last then.
    pub fn count_uses(&mut self, id: &CredentialId, usage: Usage) {
        self.uses += 1;
        self.sequence.insert(id.clone(), self.uses);
        self.add_usage(id, usage);
    }

    pub(crate) fn add_usage(&mut self, id: &CredentialId, usage: Usage) {
        let kept = &mut self.record_mut(id).usage;
        *kept = kept.plus(usage);
    }

    /// Which use within this view was the last one of a credential.
    pub(crate) fn order_of(&self, id: &CredentialId) -> u64 {
        self.sequence.get(id).copied().unwrap_or(0)
    }

    /// The record of a credential, to be changed; other views of this pool keep theirs.
    pub(crate) fn record_mut(&mut self, id: &CredentialId) -> &mut Record {
        Arc::make_mut(self.records.entry(id.clone()).or_default())
    }

    pub(crate) fn line_up(&mut self) {
        self.credentials.sort_by_key(|credential| credential.priority);
    }

    pub(crate) fn standing_of(&self, credential: &Credential, sole: bool, now: DateTime<Utc>) -> Standing {
        standing::standing(credential, self.record(&credential.id), &self.provider, sole, now)
    }

    /// Whether all that could serve once rested are one credential: then there is nothing to rotate to.
    pub(crate) fn only_one_could_serve(&self) -> bool {
        self.credentials.iter().filter(|credential| self.could_serve(credential)).take(2).count() == 1
    }

    /// Whether it could be handed out once rested.
    pub(crate) fn could_serve(&self, credential: &Credential) -> bool {
        standing::could_serve(credential, self.record(&credential.id), &self.provider)
    }

    fn why_out(
        &self,
        credential: &Credential,
        request: &PickRequest,
        sole: bool,
        now: DateTime<Utc>,
    ) -> Option<WhyOut> {
        if request.leaves_out(&credential.id) {
            return Some(WhyOut::LeftOut);
        }
        match self.standing_of(credential, sole, now) {
            Standing::Ready => self.why_out_for_model(credential, request.named_model()?, now),
            standing => Some(WhyOut::Standing(standing)),
        }
    }

    fn why_out_for_model(&self, credential: &Credential, model: &str, now: DateTime<Utc>) -> Option<WhyOut> {
        let record = self.record(&credential.id);
        standing::for_model(credential, record, &self.provider, model, now).map(WhyOut::Model)
    }

    /// Those below the cap; where there is none, those with the fewest leases.
    fn least_loaded(
        &self,
        ready: Vec<usize>,
        request: &PickRequest,
        in_flight: &impl InFlight,
    ) -> Vec<usize> {
        let load = |index: &usize| {
            self.credentials.get(*index).map_or(0, |credential| in_flight.of(&self.provider, &credential.id))
        };
        let loads: Vec<usize> = ready.iter().map(load).collect();
        let limit = loads.iter().copied().min().unwrap_or(0).max(request.cap().saturating_sub(1));
        ready.into_iter().zip(loads).filter(|(_, load)| *load <= limit).map(|(index, _)| index).collect()
    }

    fn candidate(&self, index: usize) -> Candidate {
        let id = self.credentials.get(index).map(|credential| &credential.id);
        let usage = id.and_then(|id| self.record(id)).map(|record| record.usage).unwrap_or_default();
        let order = id.map_or(0, |id| self.order_of(id));
        Candidate { index, request_count: usage.request_count, recency: (usage.last_used_at, order) }
    }

    /// How long a removed credential is remembered, so that a stale writer cannot bring it back.
    pub(crate) const REMEMBERED: TimeDelta = TimeDelta::days(30);

    pub(crate) fn state(&self, id: &CredentialId) -> State {
        self.record(id).map(|record| record.state.clone()).unwrap_or_default()
    }
}
