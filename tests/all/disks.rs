//! A disk that is full, broken or closed: the user is told, and the store is as it was, byte for byte.
//!
//! Faults come from strace, which lets one system call fail, and from real mounts and another user where the machine allows
//! it.

use crate::photo::Photo;
use crate::scenarios::{self, ADD, KEY, MIGRATE, Scenario, from_the_lock, known_text, known_words};
use crate::strace::{self, Call, Fate};
use crate::support::{Home, Ran};

/// How the error says that the store is the new one all the same.
const CHANGED: &str = "auth.json is changed";

/// The store before a change, and after it.
struct Sides {
    old: Option<String>,
    new: Option<String>,
}

impl Sides {
    fn of(scenario: &Scenario) -> Self {
        let home = scenario.home();
        let old = known_text(&Photo::of(home.path()));
        scenario.run(&home, &[]).succeeded();
        Self { old, new: known_text(&Photo::of(home.path())) }
    }
}

// --- One call fails ---

#[test]
fn what_a_user_is_told_when_the_disk_fails() {
    if !strace::is_here() {
        return;
    }
    let is_sync = |call: &&Call| call.name == "fsync";
    let makes_file = |call: &&Call| call.line.contains(".tmp\"") && call.line.contains("O_CREAT");
    let calls = calls_of(&ADD);
    let find = |wanted: &dyn Fn(&&Call) -> bool| calls.iter().find(wanted).unwrap();
    let faults: [(&str, &Call, &'static str); 13] = [
        ("the lock cannot be made", find(&|call| call.line.contains(".lock\"")), "EACCES"),
        ("the folder is on a read-only disk", find(&|call| call.line.contains(".lock\"")), "EROFS"),
        ("the disk knows no locks", find(&|call| call.name == "flock"), "ENOLCK"),
        ("no inode is left", find(&makes_file), "ENOSPC"),
        ("the disk became read-only", find(&makes_file), "EROFS"),
        ("the folder is closed", find(&makes_file), "EACCES"),
        ("the disk is full", find(&|call| call.name.starts_with("write")), "ENOSPC"),
        ("the quota is used up", find(&|call| call.name.starts_with("write")), "EDQUOT"),
        ("the disk is broken", find(&|call| call.name.starts_with("write")), "EIO"),
        ("what was written does not last", find(&is_sync), "EIO"),
        ("the file is a mount of its own", find(&|call| call.name.starts_with("rename")), "EBUSY"),
        ("the disk breaks at the last moment", find(&|call| call.name.starts_with("rename")), "EIO"),
        ("the folder cannot be synced", calls.iter().filter(is_sync).nth(1).unwrap(), "EIO"),
    ];
    let told = faults.map(|(what, call, error)| format!("--- {what}\n{}", told_of(&ADD, call, error)));
    insta::assert_snapshot!(told.concat());
}

#[test]
fn what_a_user_is_told_when_the_disk_fails_at_a_backup() {
    if !strace::is_here() {
        return;
    }
    let calls = calls_of(&MIGRATE);
    let find = |name: &str| calls.iter().find(|call| call.name.starts_with(name)).unwrap();
    let faults = [
        ("the disk is full", find("write"), "ENOSPC"),
        ("the backup gets no name", find("rename"), "EIO"),
        (
            "the folder cannot be synced",
            calls.iter().filter(|call| call.name == "fsync").nth(1).unwrap(),
            "EIO",
        ),
    ];
    let told = faults.map(|(what, call, error)| format!("--- {what}\n{}", told_of(&MIGRATE, call, error)));
    insta::assert_snapshot!(told.concat());
}

/// What a user reads of one fault. The store is checked too.
fn told_of(scenario: &Scenario, call: &Call, error: &'static str) -> String {
    let (home, ran) = check_fault(scenario, &Sides::of(scenario), call, error);
    format!("{}{}[exit {}]\n", ran.out, known_words(&home, &ran.err), ran.code)
}

#[test]
#[ignore = "it takes long: .ci/run runs it"]
fn any_call_of_a_change_may_fail() {
    if !strace::is_here() {
        return;
    }
    for scenario in &scenarios::ALL {
        let sides = Sides::of(scenario);
        for call in calls_of(scenario) {
            check_fault(scenario, &sides, &call, "EIO");
        }
    }
}

#[test]
fn a_new_file_that_somebody_takes_away_is_not_taken_for_a_change() {
    if !strace::is_here() {
        return;
    }
    let calls = calls_of(&ADD);
    let renames = calls.iter().position(|call| call.name.starts_with("rename")).unwrap();
    let home = ADD.home();
    let old = Photo::of(home.path());
    let ran =
        strace::run_with_a_stop(&calls[renames - 1], |by| ADD.command(&home, by), || remove_litter(&home));
    insta::assert_snapshot!(home.redact(&ran.err), @r"
    error: cannot replace HOME/auth.json
      caused by: No such file or directory (os error 2)
    ");
    assert_eq!(ran.code, 1);
    assert!(Photo::of(home.path()).store() == old.store());
}

#[test]
fn a_new_file_that_cannot_be_removed_is_cleared_by_the_next_change() {
    if !strace::is_here() {
        return;
    }
    let run_to = |fates: &[(&Call, Fate)]| {
        let home = ADD.home();
        let (ran, calls) = strace::run_to_fates(fates.iter().copied(), |by| ADD.run(&home, by));
        assert_eq!(ran.code, 1, "{ran:?}");
        (home, calls)
    };
    let calls = calls_of(&ADD);
    let write = calls.iter().find(|call| call.name.starts_with("write")).unwrap();
    let full = (write, Fate::Fails("ENOSPC"));
    let (_, calls) = run_to(&[full]);
    let removes = calls.iter().find(|call| call.name.starts_with("unlink")).unwrap();
    let (home, _) = run_to(&[full, (removes, Fate::Fails("EIO"))]);
    let left = Photo::of(home.path());
    assert!(left.litter() == 1 && left.is_private(), "{left:?}");
    assert!(left.store() == Photo::of(ADD.home().path()).store());
    Scenario::check_the_next_change(&home, "nothing could be removed");
}

/// Plays a program that tidies up.
#[expect(clippy::disallowed_methods, reason = "the test plays another program")]
fn remove_litter(home: &Home) {
    let files = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut litter = files.filter(|path| path.extension().is_some_and(|ending| ending == "tmp"));
    std::fs::remove_file(litter.next().unwrap()).unwrap();
}

/// The calls of a change from the lock on that can fail: not what it prints, and not `close`, which nobody can repeat.
fn calls_of(scenario: &Scenario) -> Vec<Call> {
    let home = scenario.home();
    let (ran, calls) = strace::trace(|by| scenario.run(&home, by));
    ran.succeeded();
    let is_left_out = |call: &Call| {
        call.name == "close" || ["write(1,", "write(2,"].iter().any(|begin| call.line.starts_with(begin))
    };
    from_the_lock(calls).into_iter().filter(|call| !is_left_out(call)).collect()
}

/// Lets one call fail: the change is made, or it is not and the user is told; nothing unfinished is left.
fn check_fault(scenario: &Scenario, sides: &Sides, call: &Call, error: &'static str) -> (Home, Ran) {
    let what = format!("{} with {error} from {}", scenario.name, call.line);
    let home = scenario.home();
    let (ran, _) = strace::run_to_fates([(call, Fate::Fails(error))], |by| scenario.run(&home, by));
    let left = Photo::of(home.path());
    let is_changed = ran.code == 0 || ran.err.contains(CHANGED);
    let expected = if is_changed { &sides.new } else { &sides.old };
    let is_kept_at_the_end = scenario.is_tried_again() && known_text(&left) == sides.new;
    assert!(is_kept_at_the_end || known_text(&left) == *expected, "{what}: {ran:?}");
    assert!(matches!(ran.code, 0 | 1), "{what}: {ran:?}");
    assert!(ran.code == 0 || ran.err.contains("error: "), "{what}: {ran:?}");
    assert!(!ran.err.contains(KEY) && !ran.out.contains(KEY), "{what}");
    assert!(left.litter() == 0 && left.is_private(), "{what}: {left:?}");
    Scenario::check_the_next_change(&home, &what);
    (home, ran)
}
