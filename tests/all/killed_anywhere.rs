//! A process that renews a login is killed at any of its system calls, from where it has the lock of the grant until that is released.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::photo::Photo;
use crate::renewal::{Renewal, STORE, hold_grants, nothing_else_happened, record, refresh};
use crate::strace::{self, Attached};
use crate::support::{Home, KILLED};
use crate::token_server::{Act, TokenServer};

const AT_NOON: &str = "--now 2026-05-26T12:00:00Z";
const A_MINUTE_LATER: &str = "--now 2026-05-26T12:01:00Z";

/// Who waits for a moment makes these, and who finds a store that was written a moment ago reads it once more.
const BY_CHANCE: [&str; 4] = ["futex", "lseek", "read", "restart_syscall"];

/// The store while a renewal goes on, with the id of its process taken out.
#[derive(PartialEq, Eq, Debug)]
struct Texts {
    begun: String,
    renewed: String,
}

#[test]
#[ignore = "it takes long: .ci/run runs it"]
fn the_store_is_whole_and_the_next_renewal_comes_to_an_end() {
    if !strace::is_here() {
        return;
    }
    let Some((texts, names)) = undisturbed() else { return };
    let mut ends = BTreeSet::new();
    for name in names {
        let mut nth = 1;
        while let Some(end) = killed_at(&name, nth, &texts) {
            ends.insert(end);
            nth += 1;
        }
        assert!(nth > 1 || BY_CHANCE.contains(&name.as_str()), "{name} was not reached");
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["failed", "fresh", "renewed"], "each end was seen");
}

/// A renewal that nobody kills: what it writes, and the names of its calls. None where nobody may look on.
fn undisturbed() -> Option<(Texts, BTreeSet<String>)> {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([Act::Hold]));
    let (winner, attached) = watched(&home, &refresh(&server), None)?;
    server.wait_for_posts(1);
    let begun = text(&home);
    server.release();
    assert!(winner.end().is_good());
    Some((Texts { begun, renewed: text(&home) }, names(attached)))
}

/// The names of the calls that may leave something behind.
fn names(attached: Attached) -> BTreeSet<String> {
    const OF_MEMORY: [&str; 5] = ["brk", "mmap", "munmap", "mprotect", "madvise"];
    let names = attached.calls().into_iter().map(|call| call.name);
    names.filter(|name| !OF_MEMORY.contains(&name.as_str())).collect()
}

/// A renewal that has the lock of the grant from now on, and whose calls are watched from there.
fn watched(home: &Home, words: &str, kill_at: Option<(&str, usize)>) -> Option<(Renewal, Attached)> {
    let grants = hold_grants(home);
    let winner = Renewal::start(home, &format!("{words} {AT_NOON}"));
    winner.wait_until_it_waits();
    let attached = Attached::to_thread(winner.id(), "pool-refresh", kill_at)?;
    drop(grants);
    Some((winner, attached))
}

fn text(home: &Home) -> String {
    let pid = record(home)["refresh"]["pid"].to_string();
    home.read_store().replace(&pid, "by-chance")
}

/// Kills a renewal, and renews once more; answers what came of that. None where it did not come to that call.
fn killed_at(name: &str, nth: usize, texts: &Texts) -> Option<String> {
    let what = format!("killed at {name} {nth}");
    let (home, server) = (Home::with_store(STORE), TokenServer::start([]));
    let (winner, attached) = watched(&home, &refresh(&server), Some((name, nth)))?;
    let end = winner.end();
    drop(attached);
    server.wait_until_idle();
    if end.code == 0 {
        return None;
    }
    assert_eq!(end.code, KILLED, "{what}: {end:?}");

    let left = Photo::of(home.path());
    assert!(left.litter() <= 1, "{what}: {left:?}");
    let text = text(&home);
    let spends = server.spends_of("old-refresh");
    let (outcome, code, sent) = match () {
        () if text == STORE => ("renewed", 0, 1),
        () if text == texts.begun && spends == 0 => ("renewed", 0, 1),
        () if text == texts.begun => ("failed", 1, 2),
        () => ("fresh", 0, 1),
    };
    assert!(text == STORE || text == texts.begun || text == texts.renewed, "{what}: {text}");
    let is_possible = if text == STORE { spends == 0 } else { spends == 1 || text == texts.begun };
    assert!(is_possible, "{what}: sent {spends} times, and the store says {text}");

    let next = Renewal::start(&home, &format!("{} {A_MINUTE_LATER}", refresh(&server))).end();
    assert_eq!((next.outcome.as_str(), next.code), (outcome, code), "{what}: {next:?}");
    assert_eq!((server.posts(), server.spends_of("old-refresh")), (sent, sent), "{what}");
    let record = record(&home);
    assert_eq!(record["refresh"], Value::Null, "{what}: the intent is over");
    if outcome == "failed" {
        assert_eq!(record["last_error"]["reason"], "lost in a crash at 2026-05-26T12:00:00Z", "{what}");
    }
    assert!(!next.said.contains("invalid_grant") && !next.said.contains("revoked"), "{what}: {next:?}");
    nothing_else_happened(&home);
    assert_eq!(Photo::of(home.path()).litter() > 0, outcome == "fresh" && left.litter() > 0, "{what}");
    Some(next.outcome)
}

/// A login that is in two places.
#[derive(Clone, Copy, Debug)]
struct Shared {
    provider: &'static str,
    /// The store that is renewed, and what is in it.
    store: (&'static str, &'static str),
    /// The other place.
    other: (&'static str, &'static str),
    /// Where the refresh token stands in each; nowhere where there is none to look at.
    tokens: [&'static str; 2],
}

const COPIED: Shared = Shared {
    provider: "anthropic",
    store: (
        "auth.json",
        r#"{"version": 1, "providers": {}, "credential_pool": {"anthropic": [
            {"id": "9de82c", "label": "own", "auth_type": "oauth", "priority": 0, "source": "hermes_pkce",
             "access_token": "old-access", "refresh_token": "old-refresh", "expires_at_ms": 1700000000000}]}}"#,
    ),
    other: (
        ".anthropic_oauth.json",
        r#"{"accessToken":"old-access","refreshToken":"old-refresh","expiresAt":1700000000000}"#,
    ),
    tokens: ["/credential_pool/anthropic/0/refresh_token", "/refreshToken"],
};

const LENT: Shared = Shared {
    store: (
        "auth.json",
        r#"{"version": 1, "providers": {}, "credential_pool": {"anthropic": [
            {"id": "9de82c", "label": "lent", "auth_type": "oauth", "priority": 0, "source": "claude_code"}]}}"#,
    ),
    other: (
        ".claude/.credentials.json",
        r#"{"mcpOAuth":{"theirs":1},"claudeAiOauth":{"accessToken":"old-access","refreshToken":"old-refresh","expiresAt":1700000000000,"scopes":["user:inference"]}}"#,
    ),
    tokens: ["", "/claudeAiOauth/refreshToken"],
    ..COPIED
};

/// The root is written first: what it has is taken over by the next who would spend the token.
const OF_A_PROFILE: Shared = Shared {
    provider: "openai-codex",
    store: ("profiles/work/auth.json", STORE),
    other: ("auth.json", STORE),
    tokens: ["/credential_pool/openai-codex/0/refresh_token"; 2],
};

#[test]
#[ignore = "it takes long: .ci/run runs it"]
fn a_login_with_a_copy_in_another_home_comes_to_an_end() {
    COPIED.is_killed_anywhere();
}

#[test]
#[ignore = "it takes long: .ci/run runs it"]
fn a_login_that_is_lent_comes_to_an_end() {
    LENT.is_killed_anywhere();
}

#[test]
#[ignore = "it takes long: .ci/run runs it"]
fn a_login_of_a_profile_with_a_copy_in_its_root_comes_to_an_end() {
    OF_A_PROFILE.is_killed_anywhere();
}

impl Shared {
    fn is_killed_anywhere(self) {
        if !strace::is_here() {
            return;
        }
        let (home, server) = (self.home(), TokenServer::start([]));
        let Some((winner, attached)) = watched(&home, &self.refresh(&home, &server), None) else { return };
        assert!(winner.end().is_good());
        self.has_new_tokens(&home, "undisturbed");
        let mut ends = BTreeSet::new();
        for name in names(attached) {
            let mut nth = 1;
            while let Some(end) = self.killed_at(&name, nth) {
                ends.insert(end);
                nth += 1;
            }
            assert!(nth > 1 || BY_CHANCE.contains(&name.as_str()), "{name} was not reached");
        }
        assert!(ends.is_superset(&["failed", "renewed"].map(str::to_owned).into()), "{ends:?}");
    }

    fn home(self) -> Home {
        let home = Home::empty();
        for (name, text) in [self.store, self.other] {
            home.write_at(name, "");
            home.write_private(name, text);
        }
        home
    }

    fn refresh(self, home: &Home, server: &TokenServer) -> String {
        let store = home.path().join(self.store.0);
        format!("refresh {} --store {} --token-url {}", self.provider, store.display(), server.url())
    }

    /// Kills a renewal, and renews once more; answers what came of that. None where it did not come to that call.
    fn killed_at(self, name: &str, nth: usize) -> Option<String> {
        let what = format!("killed at {name} {nth}");
        let (home, server) = (self.home(), TokenServer::start([]));
        let words = self.refresh(&home, &server);
        let (winner, attached) = watched(&home, &words, Some((name, nth)))?;
        let end = winner.end();
        drop(attached);
        server.wait_until_idle();
        if end.code == 0 {
            return None;
        }
        assert_eq!(end.code, KILLED, "{what}: {end:?}");
        self.is_whole_and_private(&home, &what);
        assert!(server.spends_of("old-refresh") <= 1, "{what}");

        let next = Renewal::start(&home, &format!("{words} {A_MINUTE_LATER}")).end();
        if !next.is_good() {
            let reason = "lost in a crash at 2026-05-26T12:00:00Z";
            assert!(next.outcome == "failed" && next.said.contains(reason), "{what}: {next:?}");
            assert_eq!(server.spends_of("old-refresh"), 2, "{what}");
            // Somebody logs in anew.
            for (name, text) in [self.store, self.other] {
                home.write_private(name, &text.replace("old-", "anew-"));
            }
        } else {
            assert_eq!(server.spends_of("old-refresh"), 1, "{what}: {next:?}");
            self.has_new_tokens(&home, &what);
        }
        self.is_whole_and_private(&home, &what);
        self.leaves_no_litter(&home, &words, &what);
        assert!(
            ["anew-refresh", "minted-refresh-1"].iter().all(|token| server.spends_of(token) <= 1),
            "{what}"
        );
        Some(next.outcome)
    }

    fn places(self, home: &Home) -> [PathBuf; 2] {
        [self.store.0, self.other.0].map(|name| home.path().join(name))
    }

    /// Both places have the same new refresh token, where they have one.
    fn has_new_tokens(self, home: &Home, what: &str) {
        let places =
            self.places(home).into_iter().zip(self.tokens).filter(|(_, pointer)| !pointer.is_empty());
        let token = |(place, pointer): (PathBuf, &str)| {
            let document: Value = serde_json::from_str(&fs::read_to_string(place).unwrap()).unwrap();
            document.pointer(pointer).unwrap().as_str().unwrap().to_owned()
        };
        let tokens: BTreeSet<String> = places.map(token).collect();
        let is_new = tokens.len() == 1 && tokens.iter().all(|token| token.starts_with("minted-refresh-"));
        assert!(is_new, "{what}: {tokens:?}");
    }

    fn is_whole_and_private(self, home: &Home, what: &str) {
        for place in self.places(home).into_iter().chain(litter(home)) {
            let mode = fs::metadata(&place).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{what}: {}", place.display());
        }
        for place in self.places(home) {
            serde_json::from_str::<Value>(&fs::read_to_string(&place).unwrap()).unwrap();
        }
    }

    /// What was left behind goes with the next renewal; beside the file of another program only once it is old.
    fn leaves_no_litter(self, home: &Home, words: &str, what: &str) {
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        for path in litter(home) {
            File::open(path).unwrap().set_modified(long_ago).unwrap();
        }
        let last = Renewal::start(home, &format!("{words} --force --now 2026-05-26T12:10:00Z")).end();
        assert_eq!(last.outcome, "renewed", "{what}: {last:?}");
        assert_eq!(litter(home), Vec::<PathBuf>::new(), "{what}");
    }
}

/// The unfinished files of ours beside both places.
fn litter(home: &Home) -> Vec<PathBuf> {
    let folders = ["", ".claude", "profiles/work"].map(|name| home.path().join(name));
    let files = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.to_string_lossy().contains(".pool-") && path.to_string_lossy().ends_with(".tmp"))
        .collect()
}
