//! Where a store is: through links, from any folder, and which locks guard it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pool_store::{FileStore, PoolHandle, StoreError};

use crate::support::{Home, child, credential, mode, openrouter, passes, picked};

#[test]
fn a_relative_link_is_followed_and_stays() {
    link_is_followed_and_stays(|home| home.make_link("auth.json", "real/store.json"));
}

#[test]
fn an_absolute_link_is_followed_and_stays() {
    link_is_followed_and_stays(|home| home.make_link("auth.json", home.at("real/store.json")));
}

#[test]
fn a_chain_of_links_is_followed_and_stays() {
    link_is_followed_and_stays(|home| {
        home.make_link("real/second", "../real/./store.json");
        home.make_link("first", home.at("real/second"));
        home.make_link("auth.json", "first");
    });
}

#[test]
fn a_link_to_the_folder_is_followed_and_stays() {
    let home = Home::empty();
    home.make_folder("real");
    home.make_link("linked", "real");
    let store = FileStore::new(home.at("linked/auth.json"));
    PoolHandle::new(store).add(&openrouter(), credential("a")).unwrap();
    assert_eq!(files_in(&home.at("real")), ["auth.json", "auth.lock"]);
}

#[test]
fn a_link_to_nothing_yet_reads_as_empty_and_is_where_a_store_is_made() {
    let home = Home::empty();
    home.make_folder("real");
    home.make_link("auth.json", "real/store.json");
    assert_eq!(picked(&home.handle()), "no usable credential for `openrouter`");
    assert!(files_in(&home.at("real")).is_empty());

    home.handle().add(&openrouter(), credential("a")).unwrap();
    assert!(home.auth().is_symlink());
    assert_eq!(mode(&home.at("real/store.json")), 0o600);
    assert_eq!(home.ids(), ["a"]);
}

#[test]
fn a_link_into_a_missing_folder_names_where_it_leads() {
    let home = Home::empty();
    home.make_link("auth.json", "gone/store.json");
    let error = home.load().unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"the folder of [home]/gone/store.json does not exist");
    assert!(home.handle().add(&openrouter(), credential("a")).is_err());
    assert_eq!(home.names(), ["auth.json"]);
}

#[test]
fn links_that_lead_in_a_circle_are_refused() {
    let home = Home::empty();
    home.make_link("other", "auth.json");
    home.make_link("auth.json", "other");
    let error = home.handle().add(&openrouter(), credential("a")).unwrap_err();
    insta::assert_snapshot!(home.words(&error), @"[home]/auth.json is a symlink that leads in a circle, not a file");
    assert_eq!(home.names(), ["auth.json", "other"]);
}

#[test]
fn a_link_that_is_led_elsewhere_is_noticed() {
    let home = Home::empty();
    home.put("one.json", Home::text_of_keys(&["a"]));
    home.put("two.json", Home::text_of_keys(&["b"]));
    home.make_link("auth.json", "one.json");
    let handle = home.handle();
    assert_eq!(picked(&handle), "a");

    home.delete("auth.json");
    home.make_link("auth.json", "two.json");
    assert_eq!(picked(&handle), "b");
}

#[test]
fn a_link_that_is_led_elsewhere_while_a_change_waits_is_followed_anew() {
    let home = Home::empty();
    home.put("one.json", Home::text_of_keys(&["a"]));
    home.put("two.json", Home::text_of_keys(&["b"]));
    home.make_link("auth.json", "one.json");
    let held = home.hold("auth.lock");
    std::thread::scope(|threads| {
        let added = threads.spawn(|| home.handle().add(&openrouter(), credential("c")));
        home.delete("auth.json");
        home.make_link("auth.json", "two.json");
        drop(held);
        added.join().unwrap().unwrap();
    });
    assert_eq!(home.ids(), ["b", "c"]);
    assert_eq!(fs::read_to_string(home.at("one.json")).unwrap(), Home::text_of_keys(&["a"]));
}

#[test]
fn a_link_is_changed_under_the_locks_of_both_its_ends() {
    let home = Home::empty();
    home.make_folder("real");
    home.put("real/store.json", Home::text_of_keys(&["a"]));
    home.make_link("auth.json", "real/store.json");
    let before = home.text();
    for lock in ["auth.lock", "real/store.lock"] {
        let held = home.hold(lock);
        let error = home.impatient_handle().add(&openrouter(), credential("b")).unwrap_err();
        assert!(matches!(&error, StoreError::Locked { path, .. } if *path == home.at(lock)), "{error}");
        assert_eq!(home.text(), before);
        drop(held);
    }
    home.handle().add(&openrouter(), credential("b")).unwrap();
    assert_eq!(home.ids(), ["a", "b"]);
}

#[test]
fn who_links_the_lock_too_does_not_wait_for_himself() {
    let home = Home::empty();
    home.make_folder("real");
    home.put("real/auth.json", Home::text_of_keys(&["a"]));
    home.make_link("auth.json", "real/auth.json");
    home.make_link("auth.lock", "real/auth.lock");
    home.handle().add(&openrouter(), credential("b")).unwrap();
    assert_eq!(home.ids(), ["a", "b"]);
}

#[test]
fn litter_is_made_and_cleared_beside_the_real_file() {
    let home = Home::empty();
    home.make_folder("real");
    home.put("real/store.json", Home::text_of_keys(&["a"]));
    home.put("real/.store.json.pool-kiLLed.tmp", "{}");
    home.make_link("auth.json", "real/store.json");
    home.handle().add(&openrouter(), credential("b")).unwrap();
    assert_eq!(files_in(&home.at("real")), ["store.json", "store.lock"]);
    assert_eq!(home.names(), ["auth.json", "auth.lock", "real"]);
}

#[test]
fn a_path_without_a_folder_is_beside_the_process() {
    let home = Home::with_keys(&["a"]);
    passes(child("paths::adds_to_a_store_named_without_a_folder", home.path()));
    assert_eq!(home.ids(), ["a", "b"]);
    assert_eq!(home.names(), ["auth.json", "auth.lock"]);
}

#[test]
#[ignore = "run in a folder of its own by another test"]
fn adds_to_a_store_named_without_a_folder() {
    let handle = PoolHandle::new(FileStore::new("auth.json"));
    assert_eq!(picked(&handle), "a");
    handle.add(&openrouter(), credential("b")).unwrap();
}

#[test]
fn a_path_that_can_be_no_file_is_an_error_not_a_panic() {
    for path in ["", ".", "..", "/"] {
        let handle = PoolHandle::new(FileStore::new(path).lock_wait(Duration::ZERO));
        let added = handle.add(&openrouter(), credential("a"));
        assert!(matches!(added, Err(error) if !matches!(error, StoreError::Change(_))), "{path}");
    }
}

fn link_is_followed_and_stays(make: impl Fn(&Home)) {
    let home = Home::empty();
    home.make_folder("real");
    home.put("real/store.json", Home::text_of_keys(&["a"]));
    make(&home);
    let link = fs::read_link(home.auth()).unwrap();
    home.handle().add(&openrouter(), credential("b")).unwrap();
    assert_eq!(fs::read_link(home.auth()).unwrap(), link);
    assert!(!home.at("real/store.json").is_symlink());
    assert_eq!(home.ids(), ["a", "b"]);
}

fn files_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
