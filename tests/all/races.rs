//! Many processes change one store at once, some of them die, and another program writes from a stale memory: all that
//! was acknowledged is in the file.
//!
//! What happens is drawn from a seed, which a failure prints; `RACES_SEED=N` draws the same again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::processes::Process;
use crate::support::Home;

/// What nobody here knows, and nobody may lose, spelled as only its owner spells it.
const THEIRS: &str = r#""theirs": { "wide": 1e400, "exact": 0.10, "deep": [[["\u00e9"]]], "n": 123456789012345678901234567890 }"#;

/// Inside of any rest that is drawn here, and behind the clock of every process.
const LATER: &str = "2026-05-26T13:00:00Z";

/// Makes a store with API keys of `acme`, in this order, and with sections and entries of others.
fn home_with_keys<'a>(ids: impl IntoIterator<Item = &'a String>) -> Home {
    let entry = |(priority, id): (usize, &String)| {
        json!({"id": id, "label": id, "auth_type": "api_key", "priority": priority, "source": "manual",
            "access_token": format!("first-key-of-{id}"), "their_note": id})
        .to_string()
    };
    let entries: Vec<String> = ids.into_iter().enumerate().map(entry).collect();
    let home = Home::with_store(&format!(
        "{{\n  \"version\": 1,\n  {THEIRS},\n  \"credential_pool\": {{\n    \"acme\": [\n      {}\n    ],\n    \
         \"photon\": [ {{ \"endpoint\": \"x\" }}, 7 ]\n  }}\n}}\n",
        entries.join(",\n      ")
    ));
    assert!(home.pool("list").succeeded().starts_with("acme"));
    home
}

/// A seed of its own for each run, unless one is given.
fn seed() -> u64 {
    let given = std::env::var("RACES_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    print_for_a_failure(seed);
    seed
}

/// The choices of one process: a part of the seed that is its own.
fn rng_of(seed: u64, name: &str) -> Rng {
    Rng::with_seed(name.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte))))
}

#[expect(clippy::print_stdout, reason = "shown where the test fails")]
fn print_for_a_failure(seed: u64) {
    println!("RACES_SEED={seed}");
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number}")).collect()
}

// --- Reading what came out ---

/// The store as JSON, without what JSON numbers of this reader cannot hold.
fn sections(text: &str) -> BTreeMap<String, Value> {
    let all: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap();
    let readable = |(key, raw): (String, Box<RawValue>)| Some((key, serde_json::from_str(raw.get()).ok()?));
    all.into_iter().filter_map(readable).collect()
}

fn record(home: &Home, id: &str) -> Value {
    sections(&home.read_store())["credential_pool_runtime"]["acme"][id].clone()
}

fn entry(home: &Home, id: &str) -> Value {
    let pools = sections(&home.read_store()).remove("credential_pool").unwrap();
    let entries = pools["acme"].as_array().unwrap();
    entries.iter().find(|entry| entry["id"] == id).cloned().unwrap_or_default()
}

fn secret(home: &Home, id: &str) -> Option<String> {
    entry(home, id)["access_token"].as_str().map(str::to_owned)
}

/// How each credential stands for `pool list`.
fn statuses(home: &Home) -> BTreeMap<String, String> {
    let listed: Value =
        serde_json::from_str(&home.pool(&format!("list acme --json --now {LATER}")).succeeded()).unwrap();
    let credentials = listed["providers"][0]["credentials"].as_array().unwrap();
    let status = |listed: &Value| (text_of(&listed["id"]), text_of(&listed["status"]));
    credentials.iter().map(status).collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What must hold at every moment: a whole file, for nobody else to read, with each id once and all that is theirs.
fn check_file(home: &Home) {
    let mut file = std::fs::File::open(home.store()).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(text.contains(THEIRS));
    let pools = sections(&text).remove("credential_pool").unwrap();
    assert_eq!(pools["photon"], json!([{ "endpoint": "x" }, 7]));
    let entries = pools["acme"].as_array().unwrap();
    let ids: BTreeSet<&str> = entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), entries.len());
    let first = |entry: &&Value| entry["their_note"].is_string();
    assert!(entries.iter().filter(first).all(|entry| entry["their_note"] == entry["id"]));
}

/// Looks at the file all the time while something happens.
fn watched<T>(home: &Home, happens: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let watcher = threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                check_file(home);
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(happens));
        is_over.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Does the same with each, all of them at once.
fn at_once<A: Sync, T: Send>(all: &[A], work: impl Fn(&A) -> T + Sync) -> Vec<T> {
    std::thread::scope(|threads| {
        let works: Vec<_> = all.iter().map(|each| threads.spawn(|| work(each))).collect();
        works.into_iter().map(|work| work.join().unwrap()).collect()
    })
}

/// A last change by the command: the lock is free, and nothing unfinished is left beside the store.
fn check_nothing_is_left_behind(home: &Home) {
    home.pool_with("add acme --secret-env KEY --now 2026-05-26T12:00:00Z", &[("KEY", "the-last-key")]);
    let names = std::fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = names.collect();
    assert_eq!(names, ["auth.json", "auth.lock"].map(str::to_owned).into());
    check_file(home);
}

// --- Marks ---

#[test]
fn sixteen_processes_mark_64_credentials_and_64_marks_are_kept() {
    let ids = names("key", 64);
    let home = home_with_keys(&ids);
    // All of them have read the store before the first one writes.
    let mut agents: Vec<Process> = (0..16).map(|_| Process::agent(&home)).collect();
    watched(&home, || {
        for (agent, ids) in agents.iter_mut().zip(ids.chunks(4)) {
            ids.iter().for_each(|id| agent.order(&format!("kill {id} by-{id}")));
        }
        for agent in &mut agents {
            (0..4).for_each(|_| assert_eq!(agent.answer().as_deref(), Some("done")));
        }
    });
    assert_eq!(dead(&home), ids.iter().cloned().collect());
    for id in &ids {
        assert_eq!(record(&home, id)["last_error"]["message"], format!("by-{id}"));
    }
}

#[test]
fn sixteen_commands_at_a_time_mark_64_credentials_and_64_marks_are_kept() {
    let ids = names("key", 64);
    let home = home_with_keys(&ids);
    let report =
        |id: &String| home.pool(&format!("report acme {id} --status 401 --code token_revoked")).succeeded();
    let chunks: Vec<&[String]> = ids.chunks(4).collect();
    watched(&home, || at_once(&chunks, |ids| ids.iter().for_each(|id| drop(report(id)))));
    assert_eq!(dead(&home), ids.iter().cloned().collect());
    check_nothing_is_left_behind(&home);
}

fn dead(home: &Home) -> BTreeSet<String> {
    statuses(home).into_iter().filter(|(_, status)| status == "dead").map(|(id, _)| id).collect()
}

// --- All changes at once ---

/// What a process knows of a credential that only it changes.
#[derive(Clone, PartialEq, Debug)]
struct Known {
    secret: String,
    status: &'static str,
}

/// The credentials that one process changes, and nobody else.
type Owned = BTreeMap<String, Option<Known>>;

fn owned(ids: &[String]) -> Owned {
    let first =
        |id: &String| (id.clone(), Some(Known { secret: format!("first-key-of-{id}"), status: "ok" }));
    ids.iter().map(first).collect()
}

/// Draws an order about a credential of one's own. The number makes its secrets differ from all before.
fn draw(rng: &mut Rng, ids: &[String], number: usize) -> String {
    let id = &ids[rng.usize(..ids.len())];
    match rng.u8(..8) {
        0 => format!("kill {id} in-round-{number}"),
        1 => format!("rest {id} {}", rng.u32(120..600)),
        2 => format!("succeed {id}"),
        3 => format!("reset {id}"),
        4 => format!("remove {id}"),
        5 => format!("rotate {id} key-{number}-of-{id}"),
        _ => format!("add {id} key-{number}-of-{id}"),
    }
}

/// What an order does to a credential that nobody else changes, and what is answered to it.
fn expected(owned: &mut Owned, order: &str) -> String {
    let words: Vec<&str> = order.split(' ').collect();
    let known = owned.get_mut(words[1]).unwrap();
    let Some(there) = known else {
        if let ["add", _, secret] = words[..] {
            *known = Some(Known { secret: secret.to_owned(), status: "ok" });
            return "done".to_owned();
        }
        return format!("error: no credential `{}` in `acme`", words[1]);
    };
    match (words[0], there.status) {
        ("add", _) => return format!("error: the id `{}` is already taken in `acme`", words[1]),
        ("remove", _) => *known = None,
        ("rotate", _) => *there = Known { secret: words[2].to_owned(), status: "ok" },
        ("kill", _) => there.status = "dead",
        ("rest", "ok") => there.status = "exhausted",
        ("reset", _) | ("succeed", "exhausted") => there.status = "ok",
        _ => {}
    }
    "done".to_owned()
}

/// What the store says of the credentials of one process.
fn kept(home: &Home, ids: &[String]) -> BTreeMap<String, Option<(String, String)>> {
    let statuses = statuses(home);
    let kept = |id: &String| (id.clone(), secret(home, id).map(|secret| (secret, statuses[id].clone())));
    ids.iter().map(kept).collect()
}

fn as_kept(owned: &Owned) -> BTreeMap<String, Option<(String, String)>> {
    let kept = |known: &Known| (known.secret.clone(), known.status.to_owned());
    owned.iter().map(|(id, known)| (id.clone(), known.as_ref().map(kept))).collect()
}

/// One process that changes what is its own and what is everybody's, and what it was told.
struct Worker {
    agent: Process,
    rng: Rng,
    name: String,
    ids: Vec<String>,
    lines: u32,
    told: Told,
}

/// What a process was told is done.
#[derive(Default, Debug)]
struct Told {
    owned: Owned,
    /// The latest end of a rest of `rested`, in seconds after noon.
    rested_until: u32,
    /// The reasons for which `killed` died.
    killed_for: BTreeSet<String>,
    counted: u64,
    /// How often `contested` was added, less how often it was removed.
    contested: i32,
    /// Which secret of `refreshed` was replaced by which.
    refreshed: Vec<(String, String)>,
}

const SHARED: [&str; 4] = ["rested", "killed", "counted", "refreshed"];

impl Worker {
    fn new(home: &Home, seed: u64, name: &str, ids: &[String]) -> Self {
        let told = Told { owned: owned(ids), ..Told::default() };
        Self {
            agent: Process::agent(home),
            rng: rng_of(seed, name),
            name: name.to_owned(),
            ids: ids.to_owned(),
            lines: 0,
            told,
        }
    }

    fn run(mut self, rounds: usize) -> Told {
        for round in 0..rounds {
            if self.rng.bool() { self.change_its_own(round) } else { self.change_what_is_shared(round) }
        }
        self.agent.finish();
        self.told
    }

    fn tell(&mut self, order: &str) -> String {
        self.lines += 1;
        self.agent.tell(order)
    }

    fn change_its_own(&mut self, round: usize) {
        let order = draw(&mut self.rng, &self.ids, round);
        let answer = self.tell(&order);
        assert_eq!(answer, expected(&mut self.told.owned, &order), "{order}");
    }

    fn change_what_is_shared(&mut self, round: usize) {
        let unique = format!("{}-{round}", self.name);
        match self.rng.u8(..7) {
            0 => {
                let minutes = self.rng.u32(120..600);
                assert_eq!(self.tell(&format!("rest rested {minutes}")), "done");
                self.told.rested_until = self.told.rested_until.max(self.lines + 60 * minutes);
            }
            1 => {
                assert_eq!(self.tell(&format!("kill killed {unique}")), "done");
                self.told.killed_for.insert(unique);
            }
            2 => assert_eq!(self.tell("succeed killed"), "done"),
            3 => {
                assert_eq!(self.tell("count counted"), "done");
                self.told.counted += 1;
            }
            4 => {
                let answer = self.tell(&format!("add contested key-{unique}"));
                self.told.contested += i32::from(answer == "done");
            }
            5 => self.told.contested -= i32::from(self.tell("remove contested") == "done"),
            _ => {
                let answer = self.tell(&format!("refresh refreshed key-{unique}"));
                if let Some(old) = answer.strip_prefix("done ") {
                    let new = fingerprint(&format!("key-{unique}"));
                    self.told.refreshed.push((old.to_owned(), new));
                } else {
                    assert_eq!(answer, "stale");
                }
            }
        }
    }
}

fn fingerprint(secret: &str) -> String {
    pool_core::Fingerprint::of(secret).to_string()
}

#[test]
fn all_that_was_acknowledged_of_all_changes_at_once_is_kept() {
    let seed = seed();
    let owners: Vec<(String, Vec<String>)> =
        names("process", 6).into_iter().map(|name| (name.clone(), names(&format!("{name}-"), 3))).collect();
    let shared = SHARED.map(str::to_owned);
    let of_commands = names("command", 3);
    let home = home_with_keys(owners.iter().flat_map(|(_, ids)| ids).chain(&of_commands).chain(&shared));
    let told = watched(&home, || {
        std::thread::scope(|threads| {
            threads.spawn(|| commands_in_between(&home));
            at_once(&owners, |(name, ids)| Worker::new(&home, seed, name, ids).run(40))
        })
    });
    for ((_, ids), told) in owners.iter().zip(&told) {
        assert_eq!(kept(&home, ids), as_kept(&told.owned));
    }
    check_shared(&home, &told);
    let of_commands = kept(&home, &of_commands).into_values().map(|kept| kept.map(|(_, status)| status));
    assert!(of_commands.eq([Some("dead"), None, Some("ok")].map(|status| status.map(str::to_owned))));
    check_nothing_is_left_behind(&home);
}

/// What people do meanwhile, on credentials of their own.
fn commands_in_between(home: &Home) {
    for words in [
        "report acme command0 --status 429",
        "report acme command2 --status 402",
        "remove acme command1",
        "success acme command0",
        "report acme command0 --status 401 --code token_revoked",
        "reset acme command2",
        "pick acme --strategy round_robin",
    ] {
        home.pool(words).succeeded();
    }
}

fn check_shared(home: &Home, told: &[Told]) {
    let rested_until = told.iter().map(|told| told.rested_until).max().unwrap();
    if rested_until > 0 {
        let until = chrono::DateTime::from_timestamp_secs(1_779_796_800 + i64::from(rested_until)).unwrap();
        assert_eq!(record(home, "rested")["reset_at"], pool_core::time::format(until), "the later end wins");
    }

    let killed_for: BTreeSet<&String> = told.iter().flat_map(|told| &told.killed_for).collect();
    if !killed_for.is_empty() {
        let killed = record(home, "killed");
        assert_eq!(killed["status"], "dead");
        assert!(killed_for.contains(&text_of(&killed["last_error"]["message"])));
    }

    let counted: u64 = told.iter().map(|told| told.counted).sum();
    assert_eq!(record(home, "counted")["request_count"].as_u64().unwrap_or(0), counted);

    let contested: i32 = told.iter().map(|told| told.contested).sum();
    assert_eq!(contested, i32::from(secret(home, "contested").is_some()), "it is added and removed by turns");

    check_refreshed(home, told);
}

/// Each secret was replaced by one process only, and the one that nobody replaced is in the store.
fn check_refreshed(home: &Home, told: &[Told]) {
    let replaced: BTreeMap<&String, &String> =
        told.iter().flat_map(|told| &told.refreshed).map(|(old, new)| (old, new)).collect();
    assert_eq!(replaced.len(), told.iter().map(|told| told.refreshed.len()).sum::<usize>());
    let mut last = &fingerprint("first-key-of-refreshed");
    for _ in 0..replaced.len() {
        last = replaced[last];
    }
    assert_eq!(*last, fingerprint(&secret(home, "refreshed").unwrap()));
}

// --- Processes that die ---

#[test]
fn what_processes_were_told_before_they_were_killed_is_kept() {
    let seed = seed();
    let owners: Vec<Vec<String>> =
        names("process", 8).iter().map(|name| names(&format!("{name}-"), 2)).collect();
    let home = home_with_keys(owners.iter().flatten());
    let possible = watched(&home, || at_once(&owners, |ids| killed_at_work(&home, seed, ids)));
    for (ids, possible) in owners.iter().zip(&possible) {
        let kept = kept(&home, ids);
        assert!(possible.iter().any(|owned| as_kept(owned) == kept), "{kept:?} is none of {possible:?}");
    }
    check_nothing_is_left_behind(&home);
}

/// Kills a process in the midst of its orders; answers what it was told, without and with the order that it was at.
fn killed_at_work(home: &Home, seed: u64, ids: &[String]) -> [Owned; 2] {
    let mut rng = rng_of(seed, &ids[0]);
    let orders: Vec<String> = (0..30).map(|number| draw(&mut rng, ids, number)).collect();
    let mut agent = Process::agent(home);
    orders.iter().for_each(|order| agent.order(order));
    let mut answers: Vec<String> = (0..rng.usize(0..20)).map(|_| agent.answer().unwrap()).collect();
    agent.kill();
    answers.extend(std::iter::from_fn(|| agent.answer()));

    let mut told = owned(ids);
    for (order, answer) in orders.iter().zip(&answers) {
        assert_eq!(*answer, expected(&mut told, order), "{order}");
    }
    let mut with_the_next = told.clone();
    orders.iter().skip(answers.len()).take(1).for_each(|order| drop(expected(&mut with_the_next, order)));
    [told, with_the_next]
}

// --- Another program with a stale memory ---

#[test]
fn what_a_stale_program_marks_is_merged_while_deaths_and_rests_stay() {
    let seed = seed();
    let ids = names("ours", 12);
    let theirs = names("theirs", 6);
    let home = home_of_two_programs(ids.iter().chain(&theirs));
    let mut stale = Process::stale_writer(&home);
    let chunks: Vec<&[String]> = ids.chunks(3).collect();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for id in theirs.iter().cycle().take(24) {
                stale.tell(&format!("mark {id}"));
                stale.tell("write");
            }
        });
        at_once(&chunks, |ids| mark_and_kill(Process::agent(&home), rng_of(seed, &ids[0]), ids));
    });
    assert_eq!(dead(&home), ids.iter().cloned().collect());
    let statuses = statuses(&home);
    theirs.iter().for_each(|id| assert_eq!(statuses[id], "exhausted", "{id}"));
    let counted: u64 = ids.iter().map(|id| record(&home, id)["request_count"].as_u64().unwrap_or(0)).sum();
    assert_eq!(counted, 40);
}

/// Without the number that the other program of these tests cannot read.
fn home_of_two_programs<'a>(ids: impl IntoIterator<Item = &'a String>) -> Home {
    let home = home_with_keys(ids);
    home.write_store(&home.read_store().replace("1e400", "1"));
    home
}

fn mark_and_kill(mut agent: Process, mut rng: Rng, ids: &[String]) {
    for _ in 0..10 {
        let id = &ids[rng.usize(..ids.len())];
        assert_eq!(agent.tell(&format!("rest {id} {}", rng.u32(120..600))), "done");
        assert_eq!(agent.tell(&format!("count {id}")), "done");
    }
    ids.iter().for_each(|id| assert_eq!(agent.tell(&format!("kill {id} x")), "done"));
    agent.finish();
}

#[test]
fn what_a_stale_program_brings_back_is_neither_handed_out_nor_judged_anew() {
    let home = home_of_two_programs(&["removed", "killed", "rotated", "marked", "fine"].map(str::to_owned));
    let mut stale = Process::stale_writer(&home);
    let mut agent = Process::agent(&home);
    for order in ["remove removed", "kill killed x", "rotate rotated the-new-key", "kill rotated x"] {
        assert_eq!(agent.tell(order), "done");
    }
    let records = sections(&home.read_store())["credential_pool_runtime"].clone();
    stale.tell("mark marked");
    stale.tell("write");

    assert_eq!(
        sections(&home.read_store())["credential_pool_runtime"],
        records,
        "it keeps what it does not know"
    );
    assert_eq!(secret(&home, "removed").as_deref(), Some("first-key-of-removed"), "it brought it back");
    assert_eq!(secret(&home, "rotated").as_deref(), Some("first-key-of-rotated"), "it rolled it back");
    let stand = [
        ("fine", "ok"),
        ("killed", "dead"),
        ("marked", "exhausted"),
        ("removed", "removed"),
        ("rotated", "ok"),
    ];
    assert_eq!(statuses(&home), stand.map(|(id, status)| (id.to_owned(), status.to_owned())).into());
    assert_eq!(agent.tell("pick 1000"), "rotated", "the verdict was on the newer key");

    assert_eq!(agent.tell("rest fine 600"), "done");
    assert_eq!(record(&home, "marked")["status"], "exhausted");
    assert_eq!(entry(&home, "marked").get("last_status"), None, "its news is where news belong");

    let newer_again = home.read_store().replace("first-key-of-rotated", "the-new-key");
    home.write_store(&newer_again);
    assert_eq!(statuses(&home)["rotated"], "dead", "and it holds again with that");

    // By the real clock, since a change at a given time takes nothing out.
    home.pool_with("reset acme fine", &[]).succeeded();
    assert_eq!(secret(&home, "removed"), None, "what was removed goes again");
}
