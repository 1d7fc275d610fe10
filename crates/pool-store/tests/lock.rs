//! The lock that all programs share: it is waited for in line, up to a deadline, and the error names who holds it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pool_core::Revive;
use pool_store::{FileStore, Holder, PoolHandle, StoreError};

use crate::support::{Home, child, credential, openrouter, until};

const PROCESSES: usize = 16;
const ROUNDS: usize = 20;

#[test]
#[cfg(target_os = "linux")]
fn the_error_names_who_holds_the_lock() {
    let home = Home::with_keys(&["a"]);
    let mut program = Command::new("flock")
        .args(["--no-fork", "auth.lock", "sleep", "60"])
        .current_dir(home.path())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    until(|| holder(&home).is_some_and(|holder| holder.name.as_deref() == Some("sleep")), "it is held");
    let error = home.impatient_handle().add(&openrouter(), credential("b")).unwrap_err();
    let words = home.words(&error).replace(&program.id().to_string(), "[pid]");
    insta::assert_snapshot!(words, @"[home]/auth.lock is locked by sleep (pid [pid]): waited 0.25 s");
    program.kill().unwrap();
    program.wait().unwrap();

    home.handle().add(&openrouter(), credential("b")).unwrap();
    assert_eq!(home.ids(), ["a", "b"]);
}

#[cfg(target_os = "linux")]
/// Who holds the lock, as a change says that does not wait for it.
fn holder(home: &Home) -> Option<Holder> {
    let store = home.store().lock_wait(Duration::ZERO);
    match PoolHandle::new(store).reset(&openrouter(), None, Revive::Nobody) {
        Err(StoreError::Locked { holder, .. }) => holder,
        _ => None,
    }
}

#[test]
fn who_gave_up_does_not_get_in_the_way() {
    let home = Home::with_keys(&["a"]);
    let held = home.hold("auth.lock");
    for _ in 0..3 {
        let error = home.impatient_handle().add(&openrouter(), credential("b")).unwrap_err();
        assert!(error.is_locked());
    }
    drop(held);
    home.handle().add(&openrouter(), credential("c")).unwrap();
    assert_eq!(home.ids(), ["a", "c"]);
}

#[test]
fn of_many_processes_that_lock_again_at_once_nobody_starves() {
    let home = Home::with_keys(&["a"]);
    let children: Vec<_> = (0..PROCESSES)
        .map(|process| {
            let mut child = child("lock::adds_keys_to_the_store_of_this_folder", home.path());
            child.arg("--nocapture").env("PROCESS", process.to_string()).stdout(Stdio::piped());
            child.spawn().unwrap()
        })
        .collect();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
    let printed: Vec<String> = outputs.map(|output| String::from_utf8(output.stdout).unwrap()).collect();
    let waits = printed.iter().map(|printed| {
        assert!(printed.contains("1 passed"), "{printed}");
        let wait = printed.lines().find_map(|line| line.strip_prefix("longest wait: ")?.strip_suffix(" ms"));
        wait.unwrap().parse::<u64>().unwrap()
    });
    println!("longest wait of {PROCESSES} processes: {} ms", waits.max().unwrap());

    let mut kept = home.ids();
    let mut added: Vec<String> = (0..PROCESSES).flat_map(names).chain(["a".to_owned()]).collect();
    kept.sort();
    added.sort();
    assert_eq!(kept, added);
}

#[test]
#[ignore = "run many times at once by another test"]
fn adds_keys_to_the_store_of_this_folder() {
    let process = std::env::var("PROCESS").unwrap().parse().unwrap();
    let handle = PoolHandle::new(FileStore::new("auth.json"));
    let mut longest = Duration::ZERO;
    for name in names(process) {
        let begun = Instant::now();
        handle.add(&openrouter(), credential(&name)).unwrap();
        longest = longest.max(begun.elapsed());
    }
    println!("\nlongest wait: {} ms", longest.as_millis());
}

fn names(process: usize) -> impl Iterator<Item = String> {
    (0..ROUNDS).map(move |round| format!("key-{process}-{round}"))
}
