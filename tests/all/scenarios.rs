//! Changes of a store by a command, for tests that kill it or let its disk fail.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::photo::Photo;
use crate::strace::Call;
use crate::support::{Home, Ran};

/// One change, at noon, so that what it writes is known.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    home: fn() -> Home,
    words: &'static str,
}

/// What may only be seen by the owner, in the variable `KEY` of each command here.
pub(crate) const KEY: &str = "a-key-of-the-scenarios";

/// The label of a credential that a scenario adds: its id is by chance.
const ADDED: &str = "added-by-a-test";

pub(crate) const ADD: Scenario = Scenario {
    name: "add",
    home: Home::legacy,
    words: "pool add openrouter --secret-env KEY --label added-by-a-test",
};

pub(crate) const MIGRATE: Scenario =
    Scenario { name: "migrate", home: Home::legacy, words: "pool-migrate auth.json" };

pub(crate) const ALL: [Scenario; 8] = [
    ADD,
    MIGRATE,
    Scenario { name: "first write", home: Home::empty, ..ADD },
    Scenario {
        name: "report",
        home: Home::legacy,
        words: "pool report openai-codex 7db7c3 --status 401 --code token_revoked",
    },
    Scenario { name: "remove", home: Home::legacy, words: "pool remove openrouter backup-key" },
    Scenario { name: "count", home: Home::legacy, words: "pool pick openai-codex --strategy round_robin" },
    Scenario { name: "roll back", home: migrated, words: "pool-migrate --rollback auth.json" },
    Scenario {
        name: "report behind a link",
        home: linked,
        words: "pool report openai-codex 7db7c3 --status 401 --code token_revoked",
    },
];

fn migrated() -> Home {
    let home = Home::legacy();
    home.pool_migrate("auth.json --now 2026-05-26T11:00:00Z").succeeded();
    Home::with_store(&home.read_store())
}

/// A store elsewhere, with a link to it.
#[expect(clippy::disallowed_methods, reason = "the test plays a user")]
fn linked() -> Home {
    let home = Home::legacy();
    let real = home.path().join("real");
    fs::create_dir(&real).unwrap();
    fs::rename(home.store(), real.join("store.json")).unwrap();
    symlink("real/store.json", home.store()).unwrap();
    home
}

impl Scenario {
    /// A home that has been lying there for a while: of a store that was changed just now, a command reads more than
    /// once, and its calls would be others each time.
    pub(crate) fn home(&self) -> Home {
        let home = (self.home)();
        let changed = fs::metadata(home.store()).and_then(|store| store.modified()).ok();
        let is_settled = |at: SystemTime| at.elapsed().is_ok_and(|age| age > Duration::from_millis(25));
        while !changed.is_none_or(is_settled) {
            std::thread::sleep(Duration::from_millis(5));
        }
        home
    }

    /// Whether it is a verdict or a counter: what could not be saved of these is tried once more when the process ends.
    pub(crate) fn is_tried_again(&self) -> bool {
        ["pool report ", "pool pick "].iter().any(|begin| self.words.starts_with(begin))
    }

    /// Makes the change, by others in front of the command.
    pub(crate) fn run(&self, home: &Home, by: &[&str]) -> Ran {
        Ran::of(self.command(home, by))
    }

    pub(crate) fn command(&self, home: &Home, by: &[&str]) -> Command {
        let (program, words) = self.words.split_once(' ').unwrap();
        let mut command = home.command(by, Home::program(program));
        command.args(words.split(' ')).args(["--now", "2026-05-26T12:00:00Z"]).env("KEY", KEY);
        command
    }

    /// Another change, which must work at once and leave nothing unfinished behind.
    #[track_caller]
    pub(crate) fn check_the_next_change(home: &Home, what: &str) {
        let words = "add openrouter --secret-env KEY --now 2026-05-26T12:01:00Z";
        let ran = home.pool_with(words, &[("KEY", "another-key")]);
        assert_eq!(ran.code, 0, "{what}: {ran:?}");
        assert_eq!(Photo::of(home.path()).litter(), 0, "{what}");
    }
}

/// What a user reads, without the path of the home and the name by chance of an unfinished file.
pub(crate) fn known_words(home: &Home, text: &str) -> String {
    let text = home.redact(text);
    match text.split_once(".pool-") {
        Some((before, after)) => format!("{before}.pool-XXXXXX{}", &after[6..]),
        None => text,
    }
}

/// The store with the id by chance taken out; none where there is no file.
pub(crate) fn known_text(photo: &Photo) -> Option<String> {
    let text = String::from_utf8(photo.store()?.to_vec()).unwrap();
    let store: Value = serde_json::from_str(&text).unwrap();
    let pools = store["credential_pool"].as_object().into_iter().flat_map(|pools| pools.values());
    let mut entries = pools.filter_map(Value::as_array).flatten();
    let added = entries.find(|entry| entry["label"] == ADDED);
    Some(match added.and_then(|entry| entry["id"].as_str()) {
        Some(id) => text.replace(id, "by-chance"),
        None => text,
    })
}

/// The calls of a change from where it opens the lock, but for those that only get memory.
pub(crate) fn from_the_lock(calls: Vec<Call>) -> Vec<Call> {
    const OF_MEMORY: [&str; 5] = ["brk", "mmap", "munmap", "mprotect", "madvise"];
    let is_of_memory = |call: &Call| OF_MEMORY.contains(&call.name.as_str());
    let opens_lock = |call: &Call| call.name == "openat" && call.line.contains(".lock\"");
    calls.into_iter().skip_while(|call| !opens_lock(call)).filter(|call| !is_of_memory(call)).collect()
}
