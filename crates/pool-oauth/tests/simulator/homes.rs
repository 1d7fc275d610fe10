//! Where the logins of a simulation are: stores, and the files of another program.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{Secret, Source, Tokens};
use pool_format::Lent;
use pool_oauth::Stores;
use pool_store::{FileStore, LoginFile, LoginFormat, ProfileStore};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::simulator::provider::Pair;
use crate::simulator::world::World;

/// Which homes there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scene {
    /// A store.
    Alone,
    /// Two credentials that share a grant.
    Twins,
    /// Two other programs have a copy of the login in files of theirs.
    Copied,
    /// The files of another program are the only place of the login.
    Lent,
    /// `providers.<id>` of the store has a copy.
    Beside,
    /// A profile has a copy of what its root has.
    Profile,
}

impl Scene {
    pub(crate) const ALL: [Self; 6] =
        [Self::Alone, Self::Twins, Self::Copied, Self::Lent, Self::Beside, Self::Profile];

    pub(crate) fn provider(self) -> pool_core::Provider {
        // `providers.<id>` is read for the logins that another program is known to seed.
        let name = if self == Self::Beside { "openai-codex" } else { "acme" };
        pool_core::Provider::new(name).unwrap()
    }

    fn source(self) -> &'static str {
        match self {
            Self::Alone | Self::Twins | Self::Profile => "manual:device_code",
            Self::Copied => "manual:tool",
            Self::Lent => "tool",
            Self::Beside => "device_code",
        }
    }

    /// Which credentials there are: `a` is in all the homes, `b` shares its grant, and `c` is by itself.
    pub(crate) fn ids(self) -> &'static [&'static str] {
        if self == Self::Twins { &["a", "b", "c"] } else { &["a", "c"] }
    }
}

/// All homes of one simulation.
#[derive(Clone, Debug)]
pub(crate) struct Homes {
    pub(crate) scene: Scene,
    /// The store; of a profile its own, and that of its root.
    pub(crate) stores: Vec<PathBuf>,
    /// The files of other programs.
    pub(crate) files: Vec<PathBuf>,
}

impl Homes {
    pub(crate) fn new(scene: Scene, folder: &Path) -> Self {
        let stores: &[&str] =
            if scene == Scene::Profile { &["own/auth.json", "root/auth.json"] } else { &["own/auth.json"] };
        let files: &[&str] = match scene {
            Scene::Copied => &["tool.json", "other-tool.json"],
            Scene::Lent => &["tool.json"],
            _ => &[],
        };
        let at = |names: &[&str]| names.iter().map(|name| folder.join(name)).collect();
        Self { scene, stores: at(stores), files: at(files) }
    }

    /// Writes all of them anew.
    pub(crate) fn furnish(&self, a: &Pair, c: &Pair, now: DateTime<Utc>) {
        let entries: Vec<Value> = self
            .scene
            .ids()
            .iter()
            .map(|id| match *id {
                "c" => entry(id, "manual:device_code", Some((c, now))),
                _ => entry(id, self.scene.source(), (self.scene != Scene::Lent).then_some((a, now))),
            })
            .collect();
        let mut document = json!({
            "version": 1,
            "providers": {"another": {"tokens": {"access_token": "theirs"}, "n": 2.50}},
            "credential_pool": {"another": [{"id": "x", "source": "manual", "access_token": "a-key"}]},
            "of another program": [1, 2.50],
        });
        let provider = self.scene.provider();
        document["credential_pool"][provider.as_str()] = entries.into();
        if self.scene == Scene::Beside {
            let tokens = json!({"access_token": a.access, "refresh_token": a.refresh, "id_token": "theirs"});
            document["providers"][provider.as_str()] = json!({"tokens": tokens, "auth_mode": "chatgpt"});
        }
        for store in &self.stores {
            fs::create_dir_all(store.parent().unwrap()).unwrap();
            write(store, &document);
        }
        for file in &self.files {
            let mut login = json!({"theirs": theirs()});
            put_login(&mut login, a, now);
            write(file, &login);
        }
    }

    /// The stores as an agent has them: of a profile, every second one works in the root. The reading of another program's file is
    /// a step where a process may die, unless nobody is told of it.
    pub(crate) fn open(&self, agent: usize, world: Option<&World>) -> Stores {
        let open = |path: &PathBuf| FileStore::new(path).login_files(self.login_files(world));
        match self.stores.as_slice() {
            [own, root] if agent.is_multiple_of(2) => ProfileStore::new(open(own), open(root)).into(),
            [.., store] => open(store).into(),
            [] => unreachable!("there is a store"),
        }
    }

    fn login_files(&self, world: Option<&World>) -> Vec<LoginFile> {
        let file = |path: &PathBuf| LoginFile {
            provider: self.scene.provider(),
            source: Source::new(self.scene.source()),
            path: path.clone(),
            access: pool_store::Access::Unlocked,
            format: Arc::new(Format(world.cloned())),
        };
        self.files.iter().map(file).collect()
    }

    /// The stores as nobody in the simulation sees them.
    pub(crate) fn observed(&self) -> Vec<FileStore> {
        let open = |path: &PathBuf| FileStore::new(path).login_files(self.login_files(None));
        self.stores.iter().map(open).collect()
    }

    /// Every pair that is stored for a credential, wherever that is.
    pub(crate) fn pairs_of(&self, id: &str) -> Vec<Pair> {
        let provider = self.scene.provider();
        let of_store = |path: &PathBuf| {
            let document = read(path);
            let entries = document["credential_pool"][provider.as_str()].as_array().cloned();
            let entry = entries.unwrap_or_default().into_iter().find(|entry| entry["id"] == id);
            [entry, Some(document["providers"][provider.as_str()]["tokens"].clone()).filter(|_| id == "a")]
        };
        let in_stores = self.stores.iter().flat_map(of_store).flatten();
        let in_files = self.files.iter().filter(|_| id == "a").map(|path| read(path));
        in_stores.chain(in_files).filter_map(|place| pair_in(&place)).collect()
    }

    /// Whether each login is in one place alone.
    pub(crate) fn is_one(&self) -> bool {
        matches!(self.scene, Scene::Alone | Scene::Lent)
    }

    /// What is on record of a credential.
    pub(crate) fn record(&self, store: usize, id: &str) -> Value {
        read(&self.stores[store])["credential_pool_runtime"][self.scene.provider().as_str()][id].clone()
    }

    /// What the logins are not: it is as it was whatever happens to them.
    pub(crate) fn of_others(&self) -> Vec<Value> {
        let provider = self.scene.provider();
        let of_store = |path: &PathBuf| {
            let mut document = read(path);
            let ours = ["version", "updated_at", "credential_pool_runtime"];
            document.as_object_mut().unwrap().retain(|name, _| !ours.contains(&name.as_str()));
            if let Some(entries) = document["credential_pool"][provider.as_str()].as_array_mut() {
                // Somebody may be removed; all others have what they had.
                entries.retain(|entry| entry["theirs"] != theirs());
            }
            if let Some(login) = document["providers"].get_mut(provider.as_str()) {
                login.as_object_mut().unwrap().remove("last_refresh");
                without_tokens(&mut login["tokens"]);
            }
            document
        };
        let of_file = |path: &PathBuf| {
            let mut login = read(path);
            without_tokens(&mut login);
            login
        };
        self.stores.iter().map(of_store).chain(self.files.iter().map(of_file)).collect()
    }
}

/// What another program keeps with a login.
fn theirs() -> Value {
    json!([1, 2.50])
}

fn entry(id: &str, source: &str, login: Option<(&Pair, DateTime<Utc>)>) -> Value {
    let mut entry = json!({"id": id, "label": id, "auth_type": "oauth", "priority": 0, "source": source, "theirs": theirs()});
    if let Some((pair, ends)) = login {
        put_login(&mut entry, pair, ends);
    }
    entry
}

const FIELDS: [&str; 3] = ["access_token", "refresh_token", "expires_at"];

/// Puts a pair where another was.
pub(crate) fn put_login(place: &mut Value, pair: &Pair, ends: DateTime<Utc>) {
    let ends = ends.to_rfc3339();
    for (name, text) in FIELDS.into_iter().zip([&pair.access, &pair.refresh, &ends]) {
        place[name] = text.as_str().into();
    }
}

fn without_tokens(place: &mut Value) {
    place.as_object_mut().unwrap().retain(|name, _| !FIELDS.contains(&name.as_str()));
}

pub(crate) fn pair_in(place: &Value) -> Option<Pair> {
    let text = |name: &str| place[name].as_str().map(str::to_owned);
    Some(Pair { access: text("access_token")?, refresh: text("refresh_token")? })
}

pub(crate) fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "another program writes")]
pub(crate) fn write(path: &Path, document: &Value) {
    fs::write(path, document.to_string()).unwrap();
}

/// The end of a token that is minted now.
pub(crate) fn an_hour_after(now: DateTime<Utc>) -> DateTime<Utc> {
    now + TimeDelta::hours(1)
}

/// The names of an entry, without one around them.
struct Format(Option<World>);

impl LoginFormat for Format {
    fn read(&self, text: Vec<u8>) -> Option<Lent> {
        if let Some(world) = &self.0 {
            world.step("at the file of another program");
        }
        let place: Value = serde_json::from_slice(&text).ok()?;
        let pair = pair_in(&place)?;
        let ends = place["expires_at"].as_str().and_then(|ends| DateTime::parse_from_rfc3339(ends).ok());
        let tokens = Tokens::access(Secret::new(pair.access)).with_refresh(Some(Secret::new(pair.refresh)));
        Some(Lent { tokens, expires_at: ends.map(|ends| ends.to_utc()) })
    }

    fn renew(&self, text: Vec<u8>, renewed: &Lent, _: DateTime<Utc>) -> Option<Zeroizing<String>> {
        let mut place: Value = serde_json::from_slice(&text).ok()?;
        let before = pair_in(&place)?;
        let refresh = renewed.tokens.refresh_token().map(|token| token.expose().to_owned());
        let pair = Pair {
            access: renewed.tokens.access_token()?.expose().to_owned(),
            refresh: refresh.unwrap_or(before.refresh),
        };
        put_login(&mut place, &pair, renewed.expires_at?);
        Some(Zeroizing::new(place.to_string()))
    }
}
