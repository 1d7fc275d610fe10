//! A process that renews a login is killed at any of its system calls, from where it has the lock of the grant until that is released.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::photo::Photo;
use crate::renewal::{Renewal, STORE, hold_grants, nothing_else_happened, record, refresh};
use crate::strace::{self, Attached};
use crate::support::{Home, KILLED};
use crate::token_server::{Act, TokenServer};

const AT_NOON: &str = "--now 2026-05-26T12:00:00Z";
const A_MINUTE_LATER: &str = "--now 2026-05-26T12:01:00Z";

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
        assert!(nth > 1, "{name} was not reached");
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["failed", "fresh", "renewed"], "each end was seen");
}

/// A renewal that nobody kills: what it writes, and the names of its calls. None where nobody may look on.
fn undisturbed() -> Option<(Texts, BTreeSet<String>)> {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([Act::Hold]));
    let (winner, attached) = watched(&home, &server, None)?;
    server.wait_for_posts(1);
    let begun = text(&home);
    server.release();
    assert!(winner.end().is_good());
    const OF_MEMORY: [&str; 5] = ["brk", "mmap", "munmap", "mprotect", "madvise"];
    let names = attached.calls().into_iter().map(|call| call.name);
    let names = names.filter(|name| !OF_MEMORY.contains(&name.as_str())).collect();
    Some((Texts { begun, renewed: text(&home) }, names))
}

/// A renewal that has the lock of the grant from now on, and whose calls are watched from there.
fn watched(home: &Home, server: &TokenServer, kill_at: Option<(&str, usize)>) -> Option<(Renewal, Attached)> {
    let grants = hold_grants(home);
    let winner = Renewal::start(home, &format!("{} {AT_NOON}", refresh(server)));
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
    let (winner, attached) = watched(&home, &server, Some((name, nth)))?;
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
