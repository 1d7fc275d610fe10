//! Other programs, which take no lock of ours.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use pool_core::Fingerprint;
use serde_json::Value;

use crate::simulator::homes::{Scene, an_hour_after, pair_in, put_login, read, write};
use crate::simulator::provider::Pair;
use crate::simulator::world::Inner;

/// What is remembered of them.
#[derive(Default, Debug)]
pub(crate) struct Strangers {
    /// How often they did something.
    pub(crate) acts: u32,
    /// The entries of a store, as one of them remembers these.
    memory: Option<(usize, Value)>,
    /// Whom they took away.
    pub(crate) removed: BTreeSet<String>,
}

impl Inner {
    pub(crate) fn stranger_acts(&mut self) {
        self.strangers.acts += 1;
        self.now += TimeDelta::seconds(1);
        let store = self.chance.usize(0..self.homes.stores.len());
        match self.chance.u32(0..16) {
            0..=3 => self.stranger_remembers(store),
            4..=6 => self.stranger_writes_back(),
            7 => self.stranger_removes(store),
            8 => self.stranger_logs_in(store),
            9..=11 => self.stranger_renews_at_home(),
            _ => self.stranger_renews(store),
        }
    }

    /// It keeps the pair in the store, as a good neighbour, or to itself, as a thief.
    fn stranger_renews(&mut self, store: usize) {
        let is_thief = self.chance.bool();
        self.change_an_entry(store, |inner, entry| {
            let Some(held) = pair_in(entry) else { return };
            let pair = inner.provider.spend(&held.refresh, inner.real_time());
            inner.story.push(format!("a stranger renews {}: {pair:?}, thief: {is_thief}", held.refresh));
            if let Some(pair) = pair.filter(|_| !is_thief) {
                put_login(entry, &pair, an_hour_after(inner.now));
            }
        });
    }

    /// It renews the login in its own home, and keeps it there.
    fn stranger_renews_at_home(&mut self) {
        if self.homes.scene == Scene::Beside {
            let path = self.homes.stores[0].clone();
            let mut document = read(&path);
            let provider = self.homes.scene.provider();
            self.renew_at(&mut document["providers"][provider.as_str()]["tokens"]);
            return write(&path, &document);
        }
        let Some(path) = self.chance.choice(&self.homes.files).cloned() else { return };
        let mut login = read(&path);
        self.renew_at(&mut login);
        write(&path, &login);
    }

    fn renew_at(&mut self, place: &mut Value) {
        let held = pair_in(place).unwrap();
        let pair = self.provider.spend(&held.refresh, self.real_time());
        self.story.push(format!("its other program renews {}: {pair:?}", held.refresh));
        if let Some(pair) = pair {
            let is_dated = place.get("expires_at").is_some();
            put_login(place, &pair, an_hour_after(self.now));
            if !is_dated {
                place.as_object_mut().unwrap().remove("expires_at");
            }
        }
    }

    fn stranger_logs_in(&mut self, store: usize) {
        self.change_an_entry(store, |inner, entry| {
            let Some(held) = pair_in(entry) else { return };
            // Where another home brings the old login back, what was on record of it is gone.
            inner.fate(&held.refresh).forgiven += 1;
            let account = entry["id"].as_str().unwrap().replace('b', "a");
            let pair = inner.provider.grant(&account, inner.real_time());
            inner.story.push(format!("somebody logs in anew as {}: {}", entry["id"], pair.refresh));
            put_login(entry, &pair, an_hour_after(inner.now));
        });
    }

    fn stranger_removes(&mut self, store: usize) {
        let entries = self.entries(store);
        let Some(id) = self.chance.choice(&entries).map(|entry| entry["id"].as_str().unwrap().to_owned())
        else {
            return;
        };
        self.story.push(format!("a stranger removes {id}"));
        let left = entries.into_iter().filter(|entry| entry["id"] != *id).collect();
        // With it goes what another store with the login could have learned.
        for pair in self.homes.pairs_of(&id) {
            self.fate(&pair.refresh).forgiven += 1;
        }
        self.strangers.removed.insert(id);
        self.set_entries(store, left);
    }

    fn stranger_remembers(&mut self, store: usize) {
        self.strangers.memory = Some((store, self.entries(store).into()));
    }

    /// Another program writes the entries back that it read some time ago, and leaves all else as it is.
    fn stranger_writes_back(&mut self) {
        let Some((store, Value::Array(entries))) = self.strangers.memory.clone() else { return };
        let tokens: Vec<String> =
            entries.iter().filter_map(pair_in).map(|Pair { refresh, .. }| refresh).collect();
        self.story.push(format!("a stranger writes {tokens:?} back"));
        let provider = self.homes.scene.provider();
        let records = read(&self.homes.stores[store])["credential_pool_runtime"][provider.as_str()].clone();
        for entry in &entries {
            let Some(Pair { refresh, .. }) = pair_in(entry) else { continue };
            let id = entry["id"].as_str().unwrap();
            let known = &records[id]["replaced"];
            let known: Vec<&Value> = known.as_array().map_or(vec![known], |all| all.iter().collect());
            let is_known = known.into_iter().any(|one| *one == Fingerprint::of(&refresh).to_string());
            self.strangers.removed.remove(id);
            // Of what was replaced long before, nothing is on record.
            if !is_known && !self.homes.pairs_of(id).iter().any(|pair| pair.refresh == refresh) {
                self.fate(&refresh).forgiven += 1;
            }
        }
        self.set_entries(store, entries);
    }

    fn change_an_entry(&mut self, store: usize, change: impl FnOnce(&mut Self, &mut Value)) {
        let mut entries = self.entries(store);
        if entries.is_empty() {
            return;
        }
        let index = self.chance.usize(0..entries.len());
        change(self, &mut entries[index]);
        self.set_entries(store, entries);
    }

    fn entries(&self, store: usize) -> Vec<Value> {
        let document = read(&self.homes.stores[store]);
        let provider = self.homes.scene.provider();
        document["credential_pool"][provider.as_str()].as_array().cloned().unwrap_or_default()
    }

    fn set_entries(&self, store: usize, entries: Vec<Value>) {
        let path = &self.homes.stores[store];
        let mut document = read(path);
        document["credential_pool"][self.homes.scene.provider().as_str()] = entries.into();
        write(path, &document);
    }
}
