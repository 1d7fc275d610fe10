//! What holds after each step, whatever happened.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use pool_core::{Fingerprint, Secret, Standing};
use pool_oauth::RefreshError;
use pool_store::{FileStore, Store};

use crate::simulator::homes::Scene;
use crate::simulator::provider::Pair;
use crate::simulator::world::{Fate, lock};
use crate::simulator::{AGENTS, End, Simulation};

/// A credential, as whoever reads a store has it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Of a profile, 0 is its own and 1 that of its root.
    pub(crate) store: usize,
    pub(crate) id: String,
    pub(crate) access: Option<Fingerprint>,
    ends: Option<DateTime<Utc>>,
    pub(crate) refresh: Option<String>,
    /// Whether it may be handed out.
    is_usable: bool,
    /// Why it is dead.
    death: Option<String>,
}

impl Simulation {
    /// All credentials, wherever they are stored.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.observed.iter().enumerate().flat_map(|(index, store)| self.seen_in(index, store)).collect()
    }

    /// A credential in the store that an agent works in.
    pub(crate) fn seen_by(&self, agent: usize, id: &str) -> Option<Seen> {
        let store = agent % self.observed.len();
        self.seen().into_iter().find(|seen| seen.id == id && seen.store == store)
    }

    fn seen_in(&self, index: usize, store: &FileStore) -> Vec<Seen> {
        let now = lock(&self.world.0).now;
        let pools = store.load(None, now).unwrap().unwrap().pools;
        let Some(pool) = pools.get(&self.homes.scene.provider()) else { return Vec::new() };
        let seen = |login: &std::sync::Arc<pool_core::Credential>| {
            let standing = pool.standing(login, now);
            Seen {
                store: index,
                id: login.id.to_string(),
                access: login.secret().map(Secret::fingerprint),
                ends: login.token_ends_at(),
                refresh: login.refresh_token().map(|token| token.expose().to_owned()),
                is_usable: standing == Standing::Ready,
                death: match standing {
                    Standing::Dead { error, .. } => Some(error.reason.unwrap_or_default()),
                    _ => None,
                },
            }
        };
        pool.credentials().iter().map(seen).collect()
    }

    pub(crate) fn obeys_the_laws(&self) {
        self.no_token_is_spent_twice();
        self.nobody_healthy_is_dead();
        self.nobody_invents_tokens();
        self.holds(self.homes.of_others() == self.of_others, "what others have is not as it was");
    }

    /// But for one more attempt where nobody heard, and where the provider asked for it.
    fn no_token_is_spent_twice(&self) {
        let fates = lock(&self.world.0).fates.clone();
        for (token, fate) in &fates {
            let Fate { spends, put_off, unheard, forgiven, .. } = fate;
            let most = 1 + unheard.min(&1) + put_off + forgiven;
            self.holds(*spends <= most, format_args!("{token} was spent {spends} times: {fate:?}"));
        }
    }

    fn nobody_healthy_is_dead(&self) {
        for Seen { id, refresh, death, .. } in self.seen() {
            let Some((reason, token)) = death.zip(refresh) else { continue };
            let (fate, would_take, is_head) = {
                let mut inner = lock(&self.world.0);
                let would_take = inner.provider.would_take(&token, inner.real_time());
                (*inner.fate(&token), would_take, inner.provider.is_head(&token))
            };
            let is_just = match reason.as_str() {
                _ if fate.misdirected > 0 => true,
                reason if reason.starts_with("lost ") => {
                    // Who dies before he sends leaves an intent, as if he had.
                    let may_have_died = lock(&self.world.0).odds.crashes > 0;
                    fate.silences >= 2 || (fate.silences >= 1 && (!would_take || may_have_died))
                }
                reason if reason.starts_with("written back ") => !is_head,
                _ => !would_take,
            };
            self.holds(is_just, format_args!("{id} is dead of {reason}, with {token}: {fate:?}"));
        }
    }

    fn nobody_invents_tokens(&self) {
        for id in self.homes.scene.ids() {
            for pair in self.homes.pairs_of(id) {
                let is_known = lock(&self.world.0).provider.knows(&pair.access, &pair.refresh);
                self.holds(is_known, format_args!("{id} has a pair that was never handed out: {pair:?}"));
            }
        }
    }

    /// An access token that is good stays in use, unless its login was refused.
    pub(crate) fn keeps_what_is_good(&self, before: &[Seen]) {
        let now = lock(&self.world.0).now;
        // What had ended is good again where the clock is set back, and stays as it was judged.
        if lock(&self.world.0).odds.sets_clock {
            return;
        }
        for after in self.seen() {
            let was = before.iter().find(|was| (was.store, &was.id) == (after.store, &after.id));
            let Some(was) = was.filter(|was| was.is_usable && was.access == after.access) else { continue };
            let is_good = was.ends.is_some_and(|ends| ends > now);
            let refused =
                after.refresh.as_ref().is_some_and(|token| lock(&self.world.0).fate(token).is_refused);
            let is_kept = after.is_usable || !is_good || refused;
            self.holds(is_kept, format_args!("{} had a good token, and cannot be used: {after:?}", after.id));
        }
    }

    /// But for what another program may have done since.
    pub(crate) fn is_told_the_truth(&self, agent: usize, id: &str, end: Option<&End>, is_undisturbed: bool) {
        let now = lock(&self.world.0).now;
        let seen = self.seen_by(agent, id);
        match (end, seen) {
            (Some(Ok(refreshed)), Some(seen)) if is_undisturbed => {
                let is_stored = seen.access == refreshed.credential().secret().map(Secret::fingerprint);
                self.holds(is_stored, "it is given a token that is not stored");
            }
            (Some(Err(RefreshError::Dead { .. })), Some(seen)) => {
                let is_dead = seen.death.is_some() || self.homes.record(seen.store, id)["status"] == "dead";
                self.holds(is_dead, "it is told to be dead, and is not");
            }
            // What rested because it had ended rests on where the clock is set back.
            (Some(Err(RefreshError::Lost { until, .. })), Some(seen))
                if is_undisturbed && !lock(&self.world.0).odds.sets_clock =>
            {
                let is_good = seen.is_usable && *until > now && seen.ends == Some(*until);
                self.holds(is_good, "its token is told to be good, and cannot be used");
            }
            _ => {}
        }
    }

    /// At the end all have the same token, which can be renewed, or all are told the same.
    pub(crate) fn all_have_the_same(&self, id: &'static str, ends: &[End]) {
        // A root that renews its login tells no profile: that takes it over when it would send its own.
        if self.homes.scene == Scene::Profile {
            return;
        }
        // Which of two homes is ahead is told by the clock.
        if id == "a" && !self.homes.is_one() && lock(&self.world.0).odds.sets_clock {
            return;
        }
        for store in 0..self.observed.len() {
            let agents = || (store..AGENTS).step_by(self.observed.len());
            let Some(seen) = self.seen_by(store, id) else {
                let is_told = agents().all(|agent| matches!(ends[agent], Err(RefreshError::Store(_))));
                self.holds(is_told, format_args!("{id} is gone, and somebody was not told"));
                continue;
            };
            if seen.death.is_some() {
                let all_know = agents().all(|agent| matches!(ends[agent], Err(RefreshError::Dead { .. })));
                self.holds(all_know, format_args!("{id} is dead, and somebody was not told"));
                self.no_home_has_it(id, seen.refresh.as_deref());
                continue;
            }
            self.holds(
                agents().all(|agent| ends[agent].is_ok()),
                format_args!("{id} is alive, and somebody got nothing"),
            );
            let is_same = agents().all(|agent| Some(self.agents[agent].believes[id]) == seen.access);
            self.holds(is_same, format_args!("not all have the same token of {id}"));
            let would_take = |token: &String| {
                let inner = lock(&self.world.0);
                inner.provider.would_take(token, inner.real_time())
            };
            self.holds(seen.refresh.as_ref().is_some_and(would_take), "what they have cannot be renewed");
            if self.homes.scene != Scene::Profile && lock(&self.world.0).strangers.acts == 0 {
                let is_stored = |pair: &Pair| Some(&pair.refresh) == seen.refresh.as_ref();
                self.holds(
                    self.homes.pairs_of(id).iter().all(is_stored),
                    format_args!("a home of {id} is behind"),
                );
            }
        }
    }

    /// A login is not given up while one of its homes has a token that was never sent. A profile and its root may have
    /// logins of their own by now, and a home may have another login.
    fn no_home_has_it(&self, id: &str, dead: Option<&str>) {
        if self.homes.scene == Scene::Profile {
            return;
        }
        let grant = |token: &str| token.rsplit_once('-').map(|(grant, _)| grant.to_owned());
        let is_same = |token: &str| dead.and_then(grant) == grant(token);
        for pair in self.homes.pairs_of(id).into_iter().filter(|pair| is_same(&pair.refresh)) {
            let mut inner = lock(&self.world.0);
            let is_good = inner.provider.is_head(&pair.refresh);
            let fate = *inner.fate(&pair.refresh);
            drop(inner);
            let is_lost = fate.silences > 0 || fate.misdirected > 0;
            self.holds(!is_good || is_lost, format_args!("{id} is dead, and {} could be used", pair.refresh));
        }
    }

    #[track_caller]
    pub(crate) fn holds(&self, is_so: bool, otherwise: impl Display) {
        if !is_so {
            let (seed, story) = (self.seed, self.story());
            panic!("{story}\n{otherwise}\nagain: SIMULATOR_SEED={seed} cargo test -p pool-oauth simulator");
        }
    }
}
