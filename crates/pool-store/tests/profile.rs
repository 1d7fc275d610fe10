//! A profile: what it sees of its own store and of the root's, and which of them keeps what.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{
    Action, Change, Credential, Grant, Judgement, Outcome, PickRequest, Provider, Revive, Source, Tokens,
    Usage,
};
use pool_store::{
    Committed, FileStore, Loaded, MemoryStore, PickError, PoolHandle, Problem, ProfileStore, Pruning,
    Reported, Store, StoreError, Version,
};

use crate::support::{
    Home, Log, by_id, credential, id, key, noon, openrouter, picked, revoked, secret, status, throttled, uses,
};

/// A profile and the root behind it.
struct Family {
    own: Home,
    root: Home,
}

impl Family {
    fn new(own: Home, root: Home) -> Self {
        Self { own, root }
    }

    /// A root with keys of openrouter, and a profile with keys of acme.
    fn with_a_provider_each() -> Self {
        Self::new(Home::with(acme_keys(&["x", "y"])), Home::with_keys(&["a", "b"]))
    }

    fn store(&self) -> ProfileStore {
        ProfileStore::new(self.own.impatient_store(), self.root.impatient_store())
    }

    fn handle(&self) -> PoolHandle {
        handle(self.store())
    }
}

fn handle(store: impl Store + 'static) -> PoolHandle {
    PoolHandle::builder().clock(noon).look_every(Duration::ZERO).build(store)
}

fn acme() -> Provider {
    Provider::new("acme").unwrap()
}

fn acme_keys(ids: &[&str]) -> String {
    Home::text_of_keys(ids).replace("openrouter", "acme")
}

fn change(provider: Provider, action: Action) -> (DateTime<Utc>, Change) {
    (noon(), Change { provider, action })
}

fn fail(provider: Provider, name: &str) -> (DateTime<Utc>, Change) {
    let judgement = Judgement::of(revoked(), &provider, &Default::default(), noon());
    change(provider, Action::Fail { target: by_id(name), judgement })
}

fn count(provider: Provider, name: &str) -> (DateTime<Utc>, Change) {
    let usage = Usage { request_count: 1, last_used_at: Some(noon()) };
    change(provider, Action::Count { uses: [(id(name), usage)].into() })
}

#[test]
fn of_each_provider_the_own_pool_is_seen_or_else_the_roots() {
    let cases = [
        (Home::empty(), Home::with_keys(&["r"]), "r"),
        (Home::with(r#"{"credential_pool": {"openrouter": []}}"#), Home::with_keys(&["r"]), "r"),
        (
            Home::with(r#"{"credential_pool": {"openrouter": [{"label": "no id"}]}}"#),
            Home::with_keys(&["r"]),
            "r",
        ),
        (Home::with(acme_keys(&["x"])), Home::with_keys(&["r"]), "r"),
        (Home::with_keys(&["o"]), Home::with_keys(&["r"]), "o"),
        (Home::with_keys(&["o"]), Home::empty(), "o"),
        (Home::empty(), Home::empty(), "no usable credential for `openrouter`"),
    ];
    for (own, root, expected) in cases {
        let family = Family::new(own, root);
        let before = (family.own.photo(), family.root.photo());
        assert_eq!(picked(&family.handle()), expected);
        assert_eq!((family.own.photo(), family.root.photo()), before, "reading writes nothing");
    }
}

#[test]
fn an_own_key_hides_the_whole_pool_of_the_root_however_dead_it_is() {
    let family = Family::new(Home::with_keys(&["o"]), Home::with_keys(&["r"]));
    let handle = family.handle();
    handle.report(&openrouter(), by_id("o"), revoked()).unwrap();
    assert!(matches!(handle.pick(&PickRequest::new(openrouter())), Err(PickError::Unavailable(_))));
}

#[test]
fn what_happens_to_a_lent_key_is_written_to_the_root_alone() {
    let family = Family::with_a_provider_each();
    let own = family.own.photo();
    let handle = family.handle();
    handle.report(&openrouter(), by_id("a"), throttled()).unwrap();
    assert_eq!(family.root.record("a")["status"], "exhausted");
    assert_eq!(picked(&handle), "b");
    handle.succeed(&openrouter(), by_id("b"), noon(), None).unwrap();
    assert_eq!(handle.reset(&openrouter(), None, Revive::Nobody).unwrap(), [id("a")]);
    let tokens = Tokens::access(secret("sk-test-new"));
    handle.rotate(&openrouter(), by_id("a"), tokens, Grant::New, None).unwrap();
    assert!(family.root.text().contains("sk-test-new"));
    assert_eq!(family.own.photo(), own);
}

#[test]
fn what_happens_to_an_own_key_is_written_to_the_own_store_alone() {
    let family = Family::with_a_provider_each();
    let root = family.root.photo();
    family.handle().report(&acme(), by_id("x"), revoked()).unwrap();
    assert_eq!(family.own.json()["credential_pool_runtime"]["acme"]["x"]["status"], "dead");
    assert_eq!(family.root.photo(), root);
    assert!(!family.root.names().contains(&"auth.lock".to_owned()), "its lock is not taken");
}

#[test]
fn a_first_own_key_hides_what_was_lent_until_the_last_is_removed() {
    let family = Family::new(Home::empty(), Home::with_keys(&["a"]));
    let root = family.root.photo();
    let handle = family.handle();
    assert_eq!(picked(&handle), "a");
    handle.add(&openrouter(), credential("o")).unwrap();
    assert_eq!(picked(&handle), "o");
    assert_eq!(family.own.ids(), ["o"]);
    handle.remove(&openrouter(), by_id("o")).unwrap();
    assert_eq!(picked(&handle), "a");
    assert_eq!(family.root.photo(), root);
}

#[test]
fn a_removed_own_key_that_a_stale_program_brings_back_hides_nothing() {
    let family = Family::new(Home::with_keys(&["o"]), Home::with_keys(&["a"]));
    let (handle, stale) = (family.handle(), family.own.text());
    handle.remove(&openrouter(), by_id("o")).unwrap();
    let records = family.own.json()["credential_pool_runtime"].to_string();
    family.own.put(
        "auth.json",
        stale.replacen("\"theirs\"", &format!("\"credential_pool_runtime\": {records}, \"theirs\""), 1),
    );
    assert_eq!(picked(&handle), "a");
}

#[test]
fn a_lent_key_is_not_removed_from_a_profile() {
    let family = Family::new(Home::empty(), Home::with_keys(&["a"]));
    let before = (family.own.photo(), family.root.photo());
    let handle = family.handle();
    let error = handle.remove(&openrouter(), by_id("a")).unwrap_err();
    insta::assert_snapshot!(family.root.words(&error), @"`a` of `openrouter` is lent by the root store [home]/auth.json");
    let error = handle.remove(&openrouter(), by_id("nobody")).unwrap_err();
    insta::assert_snapshot!(error, @"no credential `nobody` in `openrouter`");
    assert_eq!((family.own.photo(), family.root.photo()), before);
}

#[test]
fn a_late_report_on_a_lent_key_reaches_the_root_although_the_profile_has_its_own_by_now() {
    let family = Family::new(Home::empty(), Home::with_keys(&["a"]));
    let handle = family.handle();
    let lease = handle.lease(&PickRequest::new(openrouter())).unwrap();
    handle.add(&openrouter(), credential("o")).unwrap();
    handle.report_lease(&lease, revoked()).unwrap();
    assert_eq!(family.root.record("a")["status"], "dead");
    assert_eq!(picked(&handle), "o");
}

#[test]
fn changes_of_either_file_are_seen_and_nothing_else_is_news() {
    let family = Family::new(Home::empty(), Home::with_keys(&["a"]));
    let store = family.store();
    let handle = handle(store.clone());
    assert_eq!(picked(&handle), "a");
    family.root.put("auth.json", Home::text_of_keys(&["b"]));
    assert_eq!(picked(&handle), "b");
    family.own.put("auth.json", Home::text_of_keys(&["o"]));
    assert_eq!(picked(&handle), "o");
    family.own.delete("auth.json");
    assert_eq!(picked(&handle), "b");

    for home in [&family.own, &family.root] {
        // What changed within the last tick of the clock is read once more.
        let version = loop {
            let version = store.load(None, noon()).unwrap().unwrap().version;
            if store.load(Some(&version), noon()).unwrap().is_none() {
                break version;
            }
        };
        home.put("auth.json", Home::text_of_keys(&["c"]));
        assert!(store.load(Some(&version), noon()).unwrap().is_some());
    }
}

#[test]
fn a_lent_variable_is_the_one_beside_the_root() {
    let entry = r#"{"credential_pool": {"openrouter": [{"id": "e", "source": "env:ACME_KEY"}]}}"#;
    let family = Family::new(Home::empty(), Home::with(entry));
    family.own.put(".env", "ACME_KEY=sk-test-of-the-profile");
    let handle = family.handle();
    for secret in ["sk-test-of-the-root", "sk-test-of-the-root-later"] {
        family.root.put(".env", format!("ACME_KEY={secret}"));
        assert_eq!(handle.lease(&PickRequest::new(openrouter())).unwrap().secret().expose(), secret);
    }
}

#[test]
fn a_root_that_is_missing_is_no_root() {
    let own = Home::with_keys(&["o"]);
    let warnings = Log::warnings_of(|| {
        let root = FileStore::new(own.at("gone/auth.json"));
        let handle = handle(ProfileStore::new(own.store(), root));
        assert_eq!(picked(&handle), "o");
        let error = handle.report(&acme(), by_id("x"), revoked()).unwrap_err();
        insta::assert_snapshot!(error, @"no credentials for `acme`");
    });
    assert_eq!(warnings, [""; 0]);
    assert!(!own.names().contains(&"gone".to_owned()));
}

#[test]
fn a_broken_root_takes_nothing_from_the_profile_and_is_said_once() {
    let family = Family::new(Home::with(acme_keys(&["x"])), Home::with("{"));
    let handle = family.handle();
    let warnings = Log::warnings_of(|| {
        for _ in 0..5 {
            assert_eq!(handle.pick(&PickRequest::new(acme())).unwrap().id, id("x"));
        }
        handle.report(&acme(), by_id("x"), throttled()).unwrap();
    });
    let warnings: Vec<_> = warnings
        .iter()
        .map(|line| line.replace(&family.root.path().display().to_string(), "[root]"))
        .collect();
    insta::assert_snapshot!(warnings.join("\n"), @r#"WARN the root store lends nothing problem="[root]/auth.json cannot be used as a store: not JSON: ends too early at line 1 column 1""#);

    let error = handle.report(&openrouter(), by_id("a"), revoked()).unwrap_err();
    insta::assert_snapshot!(family.root.words(&error), @"[home]/auth.json cannot be used as a store: not JSON: ends too early at line 1 column 1");
    let error = family.store().holder(&openrouter(), noon()).unwrap_err();
    assert!(matches!(error, StoreError::Format { .. }));
    assert_eq!(family.root.text(), "{", "nothing was written over it");

    family.root.put("auth.json", Home::text_of_keys(&["a"]));
    assert_eq!(picked(&handle), "a");
    family.root.put("auth.json", "{");
    assert_eq!(Log::warnings_of(|| drop(handle.pools())).len(), 1, "it is another time");
    assert_eq!(picked(&handle), "no usable credential for `openrouter`");
}

#[test]
fn a_late_report_on_a_lent_key_waits_for_a_root_that_broke_meanwhile() {
    let family = Family::new(Home::empty(), Home::with_keys(&["a"]));
    let handle = family.handle();
    let lease = handle.lease(&PickRequest::new(openrouter())).unwrap();
    handle.add(&openrouter(), credential("o")).unwrap();
    let whole = family.root.text();
    family.root.put("auth.json", "{");
    let error = handle.report_lease(&lease, revoked()).unwrap_err();
    assert!(matches!(error, StoreError::VerdictNotSaved { .. }), "{error:?}");
    handle.report(&openrouter(), by_id("o"), throttled()).unwrap();
    family.root.put("auth.json", whole);
    drop(handle);
    assert_eq!(family.root.record("a")["status"], "dead");
}

#[test]
fn a_broken_own_store_is_an_error_whatever_the_root_has() {
    let family = Family::new(Home::with("{"), Home::with_keys(&["a"]));
    assert!(matches!(family.handle().pick(&PickRequest::new(openrouter())), Err(PickError::Store(_))));
    let error = family.handle().add(&openrouter(), credential("o")).unwrap_err();
    assert!(matches!(error, StoreError::Format { .. }));
}

#[test]
fn answers_come_in_the_order_of_the_batch_and_each_change_goes_to_its_file() {
    let family = Family::with_a_provider_each();
    let batch = [
        count(openrouter(), "a"),
        fail(acme(), "x"),
        fail(openrouter(), "b"),
        change(openrouter(), Action::Remove { target: by_id("a") }),
        fail(acme(), "nobody"),
        count(acme(), "y"),
        change(
            openrouter(),
            Action::Add { credential: Box::new(credential("new")), place: Default::default() },
        ),
        fail(openrouter(), "new"),
    ];
    let committed = family.store().apply(&batch, Pruning::Nothing, noon()).unwrap();
    let outcomes: Vec<String> = committed
        .outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(outcome) => outcome.name().to_owned(),
            Err(error) => family.root.words(error),
        })
        .collect();
    insta::assert_snapshot!(outcomes.join("\n"), @r"
    counted
    dead
    dead
    `a` of `openrouter` is lent by the root store [home]/auth.json
    no credential `nobody` in `acme`
    counted
    added
    dead
    ");
    assert!(committed.refused.is_empty() && committed.written);
    assert_eq!(family.root.record("b")["status"], "dead");
    assert_eq!(family.own.record("new")["status"], "dead");
    assert_eq!(family.own.ids(), ["new"]);
}

#[test]
fn one_file_keeps_its_changes_although_the_other_cannot() {
    for root_is_read_only in [true, false] {
        let family = Family::with_a_provider_each();
        let stuck = if root_is_read_only { &family.root } else { &family.own };
        stuck.chmod("auth.json", 0o400);
        let batch = [fail(acme(), "x"), fail(openrouter(), "a"), count(acme(), "y")];
        let committed = family.store().apply(&batch, Pruning::Nothing, noon()).unwrap();
        let refused: Vec<_> = committed.refused.keys().copied().collect();
        assert_eq!(refused, if root_is_read_only { vec![1] } else { vec![0, 2] });
        assert!(committed.refused.values().all(|error| matches!(error, StoreError::ReadOnly { .. })));
        assert!(committed.refused.keys().all(|place| committed.outcomes[*place] == Ok(Outcome::Waiting)));
        assert!(committed.version.is_none(), "what is there is looked at again");
        assert_eq!(family.root.record("a")["status"] == "dead", !root_is_read_only);
    }
}

#[test]
fn where_no_change_is_kept_that_is_the_error() {
    let family = Family::with_a_provider_each();
    for home in [&family.own, &family.root] {
        home.chmod("auth.json", 0o400);
    }
    let batch = [fail(acme(), "x"), fail(openrouter(), "a")];
    let error = family.store().apply(&batch, Pruning::Nothing, noon()).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }));
}

#[test]
fn a_verdict_that_the_root_cannot_keep_holds_and_goes_with_a_later_write() {
    let family = Family::with_a_provider_each();
    let handle = family.handle();
    family.root.chmod("auth.json", 0o400);
    let lease = handle.lease(&PickRequest::new(openrouter())).unwrap();
    let error = handle.report_lease(&lease, revoked()).unwrap_err();
    assert!(matches!(error, StoreError::VerdictNotSaved { .. }));

    // It rides with a change of the own store, which is kept, and answered, without it.
    let lease = handle.lease(&PickRequest::new(acme())).unwrap();
    handle.report_lease(&lease, revoked()).unwrap();
    assert_eq!(family.own.json()["credential_pool_runtime"]["acme"]["x"]["status"], "dead");
    assert_eq!(family.own.json()["credential_pool_runtime"]["acme"]["x"]["request_count"], 1);
    assert_eq!((picked(&handle).as_str(), status(&handle, "a").as_str()), ("b", "dead"), "it holds here");
    assert!(handle.flush().is_err());

    family.root.chmod("auth.json", 0o600);
    handle.report(&acme(), by_id("y"), throttled()).unwrap();
    assert_eq!(family.root.record("a")["status"], "dead");
    assert_eq!(family.root.record("a")["request_count"], 1);
    assert_eq!(family.own.json()["credential_pool_runtime"]["acme"]["x"]["request_count"], 1, "counted once");
    let before = (family.own.photo(), family.root.photo());
    handle.flush().unwrap();
    assert_eq!((family.own.photo(), family.root.photo()), before, "nothing is left to write");
}

#[test]
fn a_verdict_that_the_own_store_cannot_keep_keeps_the_roots_from_nothing() {
    let family = Family::with_a_provider_each();
    let handle = family.handle();
    family.own.chmod("auth.json", 0o400);
    let lease = handle.lease(&PickRequest::new(acme())).unwrap();
    handle.report_lease(&lease, revoked()).unwrap_err();
    handle.report(&openrouter(), by_id("a"), revoked()).unwrap();
    assert_eq!(family.root.record("a")["status"], "dead");
    assert_eq!(handle.pick(&PickRequest::new(acme())).unwrap().id, id("y"), "it holds here");
    family.own.chmod("auth.json", 0o600);
    drop(handle);
    assert_eq!(family.own.json()["credential_pool_runtime"]["acme"]["x"]["status"], "dead");
}

#[test]
fn counters_wait_for_a_reason_in_their_own_file_or_for_a_flush() {
    let family = Family::with_a_provider_each();
    let handle = family.handle();
    let root = family.root.photo();
    for provider in [openrouter(), openrouter(), acme()] {
        drop(handle.lease(&PickRequest::new(provider)).unwrap());
    }
    handle.report(&acme(), by_id("y"), throttled()).unwrap();
    assert_eq!(family.root.photo(), root, "the own store had a reason, the root had none");
    assert_eq!(uses(&handle, "a") + uses(&handle, "b"), 2);
    handle.flush().unwrap();
    let written = |name: &str| family.root.record(name)["request_count"].as_u64().unwrap_or(0);
    assert_eq!(written("a") + written("b"), 2);
    handle.flush().unwrap();
    assert_eq!(written("a") + written("b"), 2);
}

/// Keeps all, but cannot promise that what is about openrouter outlives a power loss.
#[derive(Debug)]
struct NotDurable {
    memory: MemoryStore,
    writes: Arc<AtomicUsize>,
}

impl Store for NotDurable {
    fn load(&self, known: Option<&Version>, now: DateTime<Utc>) -> Result<Option<Loaded>, StoreError> {
        self.memory.load(known, now)
    }

    fn apply(
        &self,
        changes: &[(DateTime<Utc>, Change)],
        pruning: Pruning,
        now: DateTime<Utc>,
    ) -> Result<Committed, StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let mut committed = self.memory.apply(changes, pruning, now)?;
        let source = Arc::new(io::Error::other("the folder cannot be synced"));
        let error = StoreError::NotDurable { path: "auth.json".into(), source };
        let refused = changes.iter().enumerate().filter(|(_, (_, change))| change.provider == openrouter());
        committed.refused = refused.map(|(place, _)| (place, error.clone())).collect();
        Ok(Committed { version: None, ..committed })
    }
}

#[test]
fn what_is_kept_but_may_not_last_is_said_and_not_written_again() {
    let home = Home::with_keys(&["a", "b"]);
    let (memory, writes) = (MemoryStore::new(home.load().unwrap().pools), Arc::new(AtomicUsize::new(0)));
    let handle = handle(NotDurable { memory, writes: Arc::clone(&writes) });
    let lease = handle.lease(&PickRequest::new(openrouter())).unwrap();
    let error = handle.report_lease(&lease, revoked()).unwrap_err();
    assert!(matches!(error, StoreError::NotDurable { .. }));
    assert_eq!((status(&handle, "a").as_str(), uses(&handle, "a")), ("dead", 1));
    handle.flush().unwrap();
    assert_eq!(writes.load(Ordering::SeqCst), 1);
}

#[test]
fn what_is_suppressed_is_said_by_the_own_store_alone() {
    let suppressed = r#"{"providers": {}, "suppressed_sources": {"openrouter": ["env:OPENROUTER_API_KEY"]}}"#;
    let offered = || Credential { source: Source::new("env:OPENROUTER_API_KEY"), ..credential("e") };
    let family = Family::new(Home::empty(), Home::with(suppressed));
    family.handle().seed(&openrouter(), offered()).unwrap();
    assert_eq!(family.own.ids(), ["e"]);
    let family = Family::new(Home::with(suppressed), Home::empty());
    let error = family.handle().seed(&openrouter(), offered()).unwrap_err();
    insta::assert_snapshot!(error, @"`env:OPENROUTER_API_KEY` of `openrouter` was removed, and is suppressed since");
}

#[test]
fn whoever_works_on_one_file_is_told_which() {
    let family = Family::with_a_provider_each();
    let store = family.store();
    for (provider, home) in
        [(openrouter(), &family.root), (acme(), &family.own), (Provider::new("nobody").unwrap(), &family.own)]
    {
        assert_eq!(store.holder(&provider, noon()).unwrap().path(), home.auth());
    }
}

#[test]
fn a_root_that_cannot_be_used_is_found() {
    let problems = |root: Home| {
        let findings = Family::new(Home::with_keys(&["o"]), root).store().examine(None, noon());
        findings.into_iter().map(|finding| finding.problem).collect::<Vec<_>>()
    };
    assert_eq!(problems(Home::with("{")), [Problem::RootUnusable]);
    assert_eq!(problems(Home::with_keys(&["a"])), []);
    assert_eq!(problems(Home::empty()), []);
}

#[test]
fn the_root_of_a_home_is_found_by_where_it_lies() {
    let home = Home::empty();
    for folder in
        [".hermes", ".hermes/profiles", ".hermes/profiles/work", ".hermes/backups", "opt", "opt/profiles"]
    {
        home.make_folder(folder);
    }
    for folder in ["opt/profiles/one", "elsewhere", ".hermes/profiles/work/deep", "lone", "lone/work"] {
        home.make_folder(folder);
    }
    home.make_link(".hermes/profiles/linked", home.at("elsewhere"));
    home.make_link("same", home.at(".hermes"));
    let cases = [
        // The home, its root by the default home, and by its name alone.
        (".hermes", None, None),
        ("same", None, None),
        (".hermes/profiles/work", Some(".hermes"), Some(".hermes")),
        ("same/profiles/work", Some(".hermes"), Some("same")),
        (".hermes/profiles/linked", Some(".hermes"), Some(".hermes")),
        (".hermes/profiles/work/deep", Some(".hermes"), None),
        (".hermes/backups", Some(".hermes"), None),
        ("opt/profiles/one", Some("opt"), Some("opt")),
        ("lone/work", None, None),
        ("elsewhere", None, None),
        (".hermes/profiles/gone", None, None),
    ];
    for (folder, by_home, by_name) in cases {
        let root = |default: Option<&str>| {
            let default = default.map(|name| home.at(name));
            ProfileStore::root_behind(&home.at(folder).join("auth.json"), default.as_deref())
        };
        let expected = |name: Option<&str>| name.map(|name| home.at(name).join("auth.json"));
        assert_eq!(root(Some(".hermes")), expected(by_home), "{folder}");
        assert_eq!(root(None), expected(by_name), "{folder}, by its name");
    }
    let other = home.at(".hermes/profiles/work/auth.json.bak");
    assert_eq!(
        ProfileStore::root_behind(&other, Some(&home.at(".hermes"))),
        None,
        "it is no store of a home"
    );
}

#[test]
fn two_profiles_and_the_root_mark_at_once_and_no_mark_is_lost() {
    const EACH: usize = 8;
    let names: Vec<String> = (0..3 * EACH).map(|number| format!("k{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let root = Home::with_keys(&names);
    let profiles = [Home::with(acme_keys(&names)), Home::with(acme_keys(&names))];
    let handles = [
        handle(ProfileStore::new(profiles[0].store(), root.store())),
        handle(ProfileStore::new(profiles[1].store(), root.store())),
        handle(root.store()),
    ];
    let start = Barrier::new(names.len());
    thread::scope(|scope| {
        for (index, name) in names.iter().enumerate() {
            let (handle, start) = (&handles[index / EACH], &start);
            scope.spawn(move || {
                start.wait();
                let reported = handle.report(&openrouter(), by_id(name), revoked()).unwrap();
                assert!(matches!(reported, Reported::Taken { .. }));
                if index / EACH < 2 {
                    handle.report(&acme(), by_id(name), revoked()).unwrap();
                }
            });
        }
    });
    assert!(names.iter().all(|name| root.record(name)["status"] == "dead"));
    for (profile, names) in profiles.iter().zip(names.chunks(EACH)) {
        let json = profile.json();
        assert!(names.iter().all(|name| json["credential_pool_runtime"]["acme"][*name]["status"] == "dead"));
    }
    assert_eq!(fs::read_to_string(profiles[0].auth()).unwrap().matches(&key("k0")).count(), 1);
}
