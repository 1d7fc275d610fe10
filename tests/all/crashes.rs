//! A process that dies at any moment of a change leaves the old store or the new one, byte for byte.
//!
//! The system calls of the change are recorded, and for each of them the change is made once more and killed there. What
//! a process did to the disk it did by such a call, so there is no moment beside these.

use crate::photo::Photo;
use crate::scenarios::{self, Scenario, from_the_lock, known_text};
use crate::strace::{self, Call, Fate};
use crate::support::KILLED;

#[test]
fn a_change_that_is_killed_where_it_changes_the_disk_is_made_or_not_made() {
    if strace::is_here() {
        scenarios::ALL.iter().for_each(|scenario| check(scenario, changes_the_disk));
    }
}

#[test]
#[ignore = "it takes long: .ci/run runs it"]
fn a_change_that_is_killed_at_any_call_is_made_or_not_made() {
    if strace::is_here() {
        scenarios::ALL.iter().for_each(|scenario| check(scenario, |_| true));
    }
}

/// No kill shows what a power loss does. It is the order of the calls that lets the new file survive one.
#[test]
fn a_new_file_is_synced_before_it_gets_its_name_and_its_folder_after() {
    if !strace::is_here() {
        return;
    }
    for scenario in &scenarios::ALL {
        let home = scenario.home();
        let (_, calls) = strace::trace(|by| scenario.run(&home, by));
        let prints = |call: &Call| ["write(1,", "write(2,"].iter().any(|begin| call.line.starts_with(begin));
        let steps = from_the_lock(calls).into_iter().filter(|call| !prints(call)).filter_map(step);
        let mut steps: Vec<&str> = steps.collect();
        steps.dedup();
        assert!(steps.ends_with(&["write", "sync", "rename", "sync"]), "{}: {steps:?}", scenario.name);
    }
}

fn step(call: Call) -> Option<&'static str> {
    ["write", "sync", "rename"].into_iter().find(|step| call.name.contains(step))
}

fn changes_the_disk(call: &Call) -> bool {
    const WORDS: [&str; 7] = ["write", "sync", "link", "rename", "chmod", "chown", "flock"];
    call.line.contains("O_CREAT") || WORDS.iter().any(|word| call.name.contains(word))
}

/// Kills a change at each of its calls that is wanted.
fn check(scenario: &Scenario, wanted: fn(&Call) -> bool) {
    let home = scenario.home();
    let old = Photo::of(home.path());
    let (ran, calls) = strace::trace(|by| scenario.run(&home, by));
    ran.succeeded();
    let new = Photo::of(home.path());
    assert!(known_text(&old) != known_text(&new), "{}", scenario.name);

    // A backup gets its name before the store is replaced.
    let mut is_replaced = false;
    let calls = from_the_lock(calls);
    let replaces = calls.iter().rposition(|call| call.name.starts_with("rename")).unwrap();
    for (index, call) in calls.iter().enumerate() {
        if wanted(call) {
            let expected = if is_replaced { &new } else { &old };
            check_killed_at(call, scenario, known_text(expected), old.store());
        }
        is_replaced |= index == replaces;
    }
}

fn check_killed_at(call: &Call, scenario: &Scenario, expected: Option<String>, old: Option<&[u8]>) {
    let what = format!("{} killed at {}", scenario.name, call.line);
    let home = scenario.home();
    let (ran, came_to) = strace::run_to_fates([(call, Fate::Killed)], |by| scenario.run(&home, by));
    assert_eq!(ran.code, KILLED, "{what}: {ran:?}");
    assert!(came_to.last().unwrap().is_as(call), "{what}: {came_to:?}");

    let left = Photo::of(home.path());
    assert!(known_text(&left) == expected, "{what}");
    assert!(left.litter() <= 1 && left.is_private(), "{what}: {left:?}");
    assert!(left.backups().all(|backup| Some(backup) == old), "{what}");
    Scenario::check_the_next_change(&home, &what);
}
