//! Picks without a walk down the line: [`Pool::pick`] says what is right, and [`Picker`] gives the same answer from an index.

mod bracket;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::credential::{Credential, CredentialId};
use crate::lease::{Desk, Lease, Leases, Place};
use crate::pick::PickRequest;
use crate::pool::Pool;
use crate::provider::Provider;
use crate::record::{Record, State, Usage};
use crate::standing;
use crate::strategy::{self, Strategy};

use bracket::{Bracket, Rank};

/// A pool made ready for picks: it gives the answers of [`Pool::pick`] without looking at every credential.
///
/// It knows the pool as it was when the picker was made, and keeps count of what it handed out since. Whoever changes the pool
/// makes a new one.
///
/// ```
/// use pool_core::{Credential, CredentialId, Leases, PickRequest, Picker, Pool, Provider, Secret};
///
/// let provider = Provider::new("openrouter")?;
/// let key = Credential::manual(CredentialId::new("0f0f0f")?, Secret::new("sk-or-v1-test".to_owned()));
/// let pool = Pool::new(provider.clone(), vec![key], Default::default());
///
/// let mut picker = Picker::new(&pool, &Leases::default());
/// let now = chrono::DateTime::UNIX_EPOCH;
/// let lease = picker.lease(&PickRequest::new(provider), now, 0).expect("a credential is ready");
/// assert_eq!(lease.secret().expose(), "sk-or-v1-test");
/// assert_eq!(picker.take_uses().len(), 1);
/// # Ok::<(), pool_core::NameError>(())
/// ```
#[derive(Debug)]
pub struct Picker {
    provider: Provider,
    desk: Arc<Desk>,
    /// All that could serve once rested, in line order.
    line: Vec<Player>,
    /// What is counted by id: entries that share one share it.
    tallies: Vec<Tally>,
    by_id: HashMap<CredentialId, usize>,
    /// The tallies of the places at the desk, by their numbers.
    by_place: Vec<Option<usize>>,
    /// Those of which something is known about a single model.
    by_model: HashMap<String, Vec<usize>>,
    /// Rests that are not over, the first to end on top.
    resting: BinaryHeap<Reverse<(DateTime<Utc>, usize)>>,
    /// Who is ready has been so since then, and will be until the next rest ends.
    since: DateTime<Utc>,
    /// By strategy and cap, made when they are first asked for.
    brackets: Vec<((Strategy, usize), Bracket)>,
    /// Tallies with uses that nobody took yet.
    used: Vec<usize>,
    /// Tells uses within one tick of the clock apart.
    uses: u64,
    returned: Vec<usize>,
}

/// One entry in line.
#[derive(Debug)]
struct Player {
    credential: Arc<Credential>,
    tally: usize,
    /// The next entry of the same id.
    twin: Option<usize>,
    until: Option<DateTime<Utc>>,
    is_ready: bool,
}

/// What is counted for one id.
#[derive(Debug)]
struct Tally {
    id: CredentialId,
    record: Option<Arc<Record>>,
    usage: Usage,
    order: u64,
    /// Uses that nobody took yet.
    fresh: u64,
    place: Option<Arc<Place>>,
    first: usize,
    last: usize,
}

/// So many brackets are kept at most: a caller has one or two ways to ask.
const MOST_BRACKETS: usize = 8;

impl Picker {
    /// Makes a pool ready for picks, with as much in flight as these leases say.
    #[must_use]
    pub fn new(pool: &Pool, leases: &Leases) -> Self {
        let mut picker = Self {
            provider: pool.provider().clone(),
            desk: leases.desk(pool.provider()),
            line: Vec::new(),
            tallies: Vec::new(),
            by_id: HashMap::new(),
            by_place: Vec::new(),
            by_model: HashMap::new(),
            resting: BinaryHeap::new(),
            since: DateTime::<Utc>::MIN_UTC,
            brackets: Vec::new(),
            used: Vec::new(),
            uses: 0,
            returned: Vec::new(),
        };
        for credential in pool.credentials().iter().filter(|credential| pool.could_serve(credential)) {
            picker.line_up(pool, credential);
        }
        picker.begin_at(DateTime::<Utc>::MIN_UTC);
        picker
    }

    /// Chooses a credential to look at; counts nothing. `None` where nothing can be handed out: [`Pool::pick`] says why.
    pub fn pick(&mut self, request: &PickRequest, now: DateTime<Utc>, seed: u64) -> Option<&Arc<Credential>> {
        let index = self.choose(request, now, seed)?;
        Some(&self.line[index].credential)
    }

    /// Chooses a credential to use, counts it, and holds its place until the lease is dropped. `None` where nothing can
    /// be handed out: [`Pool::pick`] says why.
    pub fn lease(&mut self, request: &PickRequest, now: DateTime<Utc>, seed: u64) -> Option<Lease> {
        let index = self.choose(request, now, seed)?;
        let tally = self.line[index].tally;
        self.count(tally, now);
        let place = self.place(tally);
        let lease = Lease::on(place, &self.line[index].credential, now);
        self.rerank(tally);
        lease.map(|lease| lease.for_model(request.named_model()))
    }

    /// The uses since the last call, by id, the latest last.
    pub fn take_uses(&mut self) -> Vec<(CredentialId, Usage)> {
        let mut used = std::mem::take(&mut self.used);
        used.sort_by_key(|tally| self.tallies[*tally].order);
        let take = |tally: usize| {
            let tally = &mut self.tallies[tally];
            let request_count = std::mem::take(&mut tally.fresh);
            (tally.id.clone(), Usage { request_count, last_used_at: tally.usage.last_used_at })
        };
        used.into_iter().map(take).collect()
    }

    // Making the line.

    fn line_up(&mut self, pool: &Pool, credential: &Arc<Credential>) {
        let index = self.line.len();
        let tally = match self.by_id.get(&credential.id) {
            Some(tally) => *tally,
            None => self.open_tally(pool, &credential.id, index),
        };
        let last = std::mem::replace(&mut self.tallies[tally].last, index);
        let record = self.tallies[tally].record.as_deref();
        for model in record.iter().flat_map(|record| record.models.keys()) {
            self.by_model.entry(model.clone()).or_default().push(index);
        }
        let until = match record.map(|record| &record.state) {
            Some(state @ State::Exhausted(rest)) if state.is_about(credential, &self.provider) => {
                Some(rest.until)
            }
            _ => None,
        };
        let credential = Arc::clone(credential);
        self.line.push(Player { credential, tally, twin: None, until, is_ready: false });
        if last != index {
            self.line[last].twin = Some(index);
        }
    }

    fn open_tally(&mut self, pool: &Pool, id: &CredentialId, index: usize) -> usize {
        let tally = self.tallies.len();
        let record = pool.records.get(id).cloned();
        let usage = record.as_ref().map(|record| record.usage).unwrap_or_default();
        let place = self.desk.known(id);
        if let Some(place) = &place {
            self.attach(place, tally);
        }
        let order = pool.order_of(id);
        self.uses = self.uses.max(order);
        self.by_id.insert(id.clone(), tally);
        let id = id.clone();
        self.tallies.push(Tally { id, record, usage, order, fresh: 0, place, first: index, last: index });
        tally
    }

    fn attach(&mut self, place: &Place, tally: usize) {
        let length = self.by_place.len().max(place.number() + 1);
        self.by_place.resize(length, None);
        self.by_place[place.number()] = Some(tally);
    }

    // The passing of time.

    /// Who is ready at a time, from nothing.
    fn begin_at(&mut self, now: DateTime<Utc>) {
        self.resting.clear();
        self.brackets.clear();
        self.since = DateTime::<Utc>::MIN_UTC;
        for (index, player) in self.line.iter_mut().enumerate() {
            player.is_ready = player.until.is_none_or(|until| until <= now);
            match player.until {
                Some(until) if !player.is_ready => self.resting.push(Reverse((until, index))),
                Some(until) => self.since = self.since.max(until),
                None => {}
            }
        }
    }

    fn move_to(&mut self, now: DateTime<Utc>) {
        if now < self.since {
            // Somebody set the clock back.
            self.begin_at(now);
        }
        while let Some(Reverse((until, index))) = self.resting.peek().copied().filter(|next| next.0.0 <= now)
        {
            self.resting.pop();
            self.since = until;
            self.line[index].is_ready = true;
            self.rerank(self.line[index].tally);
        }
    }

    // The choice.

    fn choose(&mut self, request: &PickRequest, now: DateTime<Utc>, seed: u64) -> Option<usize> {
        if *request.provider() != self.provider {
            return None;
        }
        self.move_to(now);
        self.take_back();
        let out = self.left_out(request, now);
        if self.line.len() == 1 {
            return self.sole_is_ready(now).then_some(0).filter(|only| !out.contains(only));
        }
        let way = (request.chosen_strategy(), request.cap());
        let bracket = self.bracket(way);
        for player in &out {
            self.brackets[bracket].1.set(*player, None);
        }
        let chosen = self.brackets[bracket].1.first(|equals| match way.0 {
            Strategy::Random => strategy::any_of(equals, seed),
            _ => 0,
        });
        for player in out {
            let rank = self.rank(player, way);
            self.brackets[bracket].1.set(player, rank);
        }
        chosen
    }

    /// Where there is nothing to rotate to, some rests end earlier.
    fn sole_is_ready(&self, now: DateTime<Utc>) -> bool {
        let Some(player) = self.line.first().filter(|player| !player.is_ready) else { return true };
        match self.tallies[player.tally].record.as_ref().map(|record| &record.state) {
            Some(State::Exhausted(rest)) => standing::end(rest, true, now) <= now,
            _ => false,
        }
    }

    /// Whom the request leaves out, or who rests for the model that it names.
    fn left_out(&self, request: &PickRequest, now: DateTime<Utc>) -> Vec<usize> {
        let named = request.left_out().filter_map(|id| self.by_id.get(id));
        let mut out: Vec<usize> = named.flat_map(|tally| self.entries(*tally)).collect();
        if let Some(model) = request.named_model() {
            let known = self.by_model.get(model).into_iter().flatten();
            out.extend(known.filter(|player| self.rests_for(**player, model, now)));
        }
        out
    }

    fn rests_for(&self, player: usize, model: &str, now: DateTime<Utc>) -> bool {
        let player = &self.line[player];
        let record = self.tallies[player.tally].record.as_deref();
        standing::for_model(&player.credential, record, &self.provider, model, now).is_some()
    }

    /// The number of the bracket for this way to ask.
    fn bracket(&mut self, way: (Strategy, usize)) -> usize {
        if let Some(index) = self.brackets.iter().position(|(known, _)| *known == way) {
            return index;
        }
        if self.brackets.len() == MOST_BRACKETS {
            self.brackets.clear();
        }
        let bracket = Bracket::of((0..self.line.len()).map(|player| self.rank(player, way)));
        self.brackets.push((way, bracket));
        self.brackets.len() - 1
    }

    fn rank(&self, player: usize, (strategy, cap): (Strategy, usize)) -> Option<Rank> {
        let player = &self.line[player];
        if !player.is_ready {
            return None;
        }
        let tally = &self.tallies[player.tally];
        let load = tally.place.as_ref().map_or(0, |place| place.load());
        let overload = load.saturating_sub(cap.saturating_sub(1));
        let key = match strategy {
            Strategy::FillFirst | Strategy::Random => (0, 0),
            Strategy::RoundRobin => (moment(tally.usage.last_used_at), tally.order),
            Strategy::LeastUsed => (tally.usage.request_count, 0),
        };
        Some(Rank { overload: u32::try_from(overload).unwrap_or(u32::MAX - 1), key })
    }

    // What happens to those that were chosen.

    fn count(&mut self, tally: usize, now: DateTime<Utc>) {
        self.uses += 1;
        let tally_of = &mut self.tallies[tally];
        if tally_of.fresh == 0 {
            self.used.push(tally);
        }
        tally_of.fresh += 1;
        tally_of.order = self.uses;
        tally_of.usage = tally_of.usage.plus(Usage { request_count: 1, last_used_at: Some(now) });
    }

    fn place(&mut self, tally: usize) -> Arc<Place> {
        if let Some(place) = &self.tallies[tally].place {
            return Arc::clone(place);
        }
        let place = self.desk.place(&self.tallies[tally].id);
        self.attach(&place, tally);
        self.tallies[tally].place = Some(Arc::clone(&place));
        place
    }

    /// Leases that were dropped make room.
    fn take_back(&mut self) {
        if !self.desk.returns().are_there() {
            return;
        }
        let mut returned = std::mem::take(&mut self.returned);
        self.desk.returns().take(&mut returned);
        for number in returned.drain(..) {
            let Some(tally) = self.by_place.get(number).copied().flatten() else {
                // Of a credential that has left the pool.
                self.desk.take_note(number);
                continue;
            };
            if let Some(place) = &self.tallies[tally].place {
                // Before its load is read, so that no later return goes unseen.
                place.take_note();
            }
            self.rerank(tally);
        }
        self.returned = returned;
    }

    fn rerank(&mut self, tally: usize) {
        let mut next = Some(self.tallies[tally].first);
        while let Some(player) = next {
            for bracket in 0..self.brackets.len() {
                let rank = self.rank(player, self.brackets[bracket].0);
                self.brackets[bracket].1.set(player, rank);
            }
            next = self.line[player].twin;
        }
    }

    fn entries(&self, tally: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(self.tallies[tally].first), |player| self.line[*player].twin)
    }
}

/// A time as a number that grows with it; none comes first.
fn moment(time: Option<DateTime<Utc>>) -> u64 {
    time.map_or(0, |time| time.timestamp_micros().cast_unsigned() ^ (1 << 63))
}
