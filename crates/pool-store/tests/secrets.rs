//! Secrets: who may read the files, where lent ones come from, and that none is told.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pool_core::{
    AuthType, Credential, Grant, Holding, NoSecret, PickRequest, Provider, Source, Standing, Tokens,
    Unresolved,
};
use pool_store::{FileStore, PoolHandle};

use crate::support::{
    Home, Log, by_id, child, child_after, child_of_lone_root, credential, fingerprint, id, key, minutes,
    mode, noon, openrouter, passes, picked, request, revoked, secret, throttled,
};

/// A store with one credential whose key is in a variable.
fn lent(variable: &str) -> Home {
    Home::with(format!(
        r#"{{"version": 1, "credential_pool": {{"openrouter": [{{"id": "a", "source": "env:{variable}"}}]}}}}"#
    ))
}

/// The key that is handed out now.
fn handed_out(handle: &PoolHandle) -> Option<String> {
    handle.lease(&request()).ok().map(|lease| lease.secret().expose().to_owned())
}

/// Why none is.
fn why_not(handle: &PoolHandle) -> Unresolved {
    let pools = handle.pools().unwrap();
    let standing = pools.get(&openrouter()).unwrap().standings(noon()).next().unwrap().1;
    match standing {
        Standing::NoSecret { why: NoSecret::NotLent(why), .. } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_are_private_whatever_the_umask() {
    let home = Home::empty();
    passes(child_after("umask 0", "secrets::makes_and_migrates_the_store_of_this_folder", home.path()));
    let names = home.names();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        assert_eq!(mode(&home.at(&name)), 0o600, "{name}");
    }
}

#[test]
#[ignore = "run with a umask of its own by another test"]
fn makes_and_migrates_the_store_of_this_folder() {
    let store = FileStore::new("auth.json");
    PoolHandle::new(store.clone()).add(&openrouter(), credential("a")).unwrap();
    assert_eq!(mode(Path::new("auth.json")), 0o600);
    store.rollback(noon()).unwrap();
}

#[test]
fn a_loose_mode_is_told_and_mended_by_the_next_write() {
    let home = Home::with_keys(&["a"]);
    let handle = home.handle();
    assert_eq!(handle.loose_mode().unwrap(), None);
    for loose in [0o640, 0o604, 0o666, 0o610] {
        home.chmod("auth.json", loose);
        assert_eq!(handle.loose_mode().unwrap(), Some(loose));
        handle.succeed(&openrouter(), by_id("a"), noon(), None).unwrap();
        assert_eq!(mode(&home.auth()), loose, "nothing was written");

        handle.report(&openrouter(), by_id("a"), throttled()).unwrap();
        handle.reset(&openrouter(), None, pool_core::Revive::Nobody).unwrap();
        assert_eq!(mode(&home.auth()), 0o600);
        assert_eq!(handle.loose_mode().unwrap(), None);
    }
}

#[test]
fn the_variables_beside_the_store_come_before_those_of_the_process() {
    let home = lent("HOME");
    let of_the_process = std::env::var("HOME").unwrap();
    assert_eq!(handed_out(&home.handle()), Some(of_the_process.clone()));
    home.put(".env", "# mine\nexport HOME='sk-test-home' # not that one\n");
    assert_eq!(handed_out(&home.handle()).as_deref(), Some("sk-test-home"));
    home.put(".env", "HOME=\n");
    assert_eq!(handed_out(&home.handle()), Some(of_the_process));
}

#[test]
fn a_variable_of_the_process_lends_its_secret() {
    let home = lent("POOL_STORE_TEST_KEY");
    assert_eq!(why_not(&home.handle()), Unresolved::VariableNotSet);
    let mut child = child("secrets::picks_from_the_store_of_this_folder", home.path());
    child.env("POOL_STORE_TEST_KEY", "sk-test-lent");
    passes(child);
}

#[test]
#[ignore = "run with a variable of its own by another test"]
fn picks_from_the_store_of_this_folder() {
    let handle = PoolHandle::new(FileStore::new("auth.json"));
    assert_eq!(handed_out(&handle).as_deref(), Some("sk-test-lent"));
    handle.report(&openrouter(), by_id("a"), revoked()).unwrap();
    assert!(!fs::read_to_string("auth.json").unwrap().contains("sk-test-lent"));
}

#[test]
fn what_is_lent_is_beside_the_link_not_beside_what_it_leads_to() {
    let home = Home::empty();
    home.make_folder("real");
    home.make_folder("home");
    home.put("real/auth.json", lent("POOL_STORE_TEST_KEY").text());
    home.put("home/.env", "POOL_STORE_TEST_KEY=sk-test-lent");
    home.make_link("home/auth.json", home.at("real/auth.json"));
    let handle = PoolHandle::new(FileStore::new(home.at("home/auth.json")));
    assert_eq!(handed_out(&handle).as_deref(), Some("sk-test-lent"));
}

#[test]
fn a_changed_variable_is_noticed() {
    let home = lent("POOL_STORE_TEST_KEY");
    let handle = home.handle();
    assert_eq!(handed_out(&handle), None);
    for key in ["sk-test-one", "sk-test-two", "sk-test-six"] {
        home.put(".env", format!("POOL_STORE_TEST_KEY={key}"));
        assert_eq!(handed_out(&handle).as_deref(), Some(key));
    }
    home.delete(".env");
    assert_eq!(handed_out(&handle), None);
}

#[test]
fn a_verdict_on_a_lent_secret_ends_with_that_secret() {
    let home = lent("POOL_STORE_TEST_KEY");
    home.put(".env", "POOL_STORE_TEST_KEY=sk-test-one");
    let handle = home.handle();
    let lease = handle.lease(&request()).unwrap();
    handle.report_lease(&lease, revoked()).unwrap();
    assert_eq!(handed_out(&handle), None);
    home.put(".env", "POOL_STORE_TEST_KEY=sk-test-two");
    assert_eq!(handed_out(&handle).as_deref(), Some("sk-test-two"));
    assert_eq!(handle.report_lease(&lease, revoked()).unwrap(), pool_store::Reported::Stale);
}

#[test]
fn stand_ins_and_what_is_not_set_are_never_picked() {
    let home = lent("POOL_STORE_TEST_KEY");
    let cases = [
        ("", Unresolved::VariableNotSet),
        ("POOL_STORE_TEST_KEY=   ", Unresolved::VariableNotSet),
        ("POOL_STORE_TEST_KEY_2=sk-test-other", Unresolved::VariableNotSet),
        ("POOL_STORE_TEST_KEY=changeme", Unresolved::Placeholder),
        ("POOL_STORE_TEST_KEY='***'", Unresolved::Placeholder),
        ("POOL_STORE_TEST_KEY=abc", Unresolved::Placeholder),
    ];
    for (variables, why) in cases {
        home.put(".env", variables);
        assert_eq!(handed_out(&home.handle()), None, "{variables}");
        assert_eq!(why_not(&home.handle()), why, "{variables}");
    }
    for source in ["env:", "claude_code", "vault:prod", "device_code"] {
        let home = Home::with(home.text().replace("env:POOL_STORE_TEST_KEY", source));
        assert_eq!(why_not(&home.handle()), Unresolved::SourceNotReadable, "{source}");
        assert_eq!(picked(&home.handle()), "no usable credential for `openrouter`", "{source}");
    }
}

#[test]
fn variables_that_cannot_be_read_are_told_and_do_not_hang() {
    let home = lent("POOL_STORE_TEST_KEY");
    for make in [|home: &Home| home.make_pipe(".env"), |home: &Home| home.make_folder(".env")] {
        make(&home);
        let events = Log::warnings_of(|| assert_eq!(handed_out(&home.handle()), None));
        assert!(events[0].starts_with("WARN cannot read the variables beside the store"), "{events:?}");
        let moved = std::process::Command::new("rm").arg("-r").arg(home.at(".env")).status();
        assert!(moved.unwrap().success());
    }
}

#[test]
fn a_lent_secret_is_never_written() {
    let home = Home::empty();
    home.put(".env", "POOL_STORE_TEST_KEY=sk-test-lent");
    let lent = Credential {
        source: Source::new("env:POOL_STORE_TEST_KEY"),
        auth_type: AuthType::ApiKey,
        holding: Holding::Borrowed { fingerprint: None, resolved: Ok(secret("sk-test-lent").into()) },
        ..credential("a")
    };
    let handle = home.handle();
    handle.add(&openrouter(), lent).unwrap();
    insta::assert_snapshot!(home.json()["credential_pool"]["openrouter"][0], @r#"{"auth_type":"api_key","id":"a","label":"manual","priority":0,"secret_fingerprint":"sha256:d19e85b4f3cc3f25","source":"env:POOL_STORE_TEST_KEY"}"#);
    assert_eq!(handed_out(&handle).as_deref(), Some("sk-test-lent"));

    let tokens = Tokens::access(secret("sk-test-new"));
    let error = handle.rotate(&openrouter(), by_id("a"), tokens, Grant::New, None).unwrap_err();
    assert_eq!(error.to_string(), "the secret of `a` in `openrouter` is lent by its source");
    handle.report(&openrouter(), by_id("a"), throttled().message("bad key sk-test-lent")).unwrap();
    handle.remove(&openrouter(), by_id("a")).unwrap();
    assert!(!home.text().contains("sk-test"));
}

#[test]
fn no_secret_is_told_in_an_event_an_error_or_a_debug_print() {
    let home = Home::with_keys(&["a", "b"]);
    home.put(".env", "POOL_STORE_TEST_KEY=sk-test-key-of-env");
    let mut told = Vec::new();
    let events = Log::of(|| {
        let handle = home.handle();
        let lease = handle.lease(&request()).unwrap();
        let echo = revoked().message(format!("the key {} is wrong", key("a")));
        told.push(format!("{:?}", handle.report_lease(&lease, echo).unwrap()));
        told.push(format!("{:?}", handle.add(&openrouter(), credential("b")).unwrap_err()));
        told.push(format!("{handle:?} {lease:?} {:?} {:?}", handle.pools().unwrap(), home.load().unwrap()));
        home.store().rollback(noon()).unwrap();
        home.store().migrate(noon() + minutes(1)).unwrap();
        told.push(format!("{:?}", home.store().plan_migration(noon()).unwrap()));
        for broken in
            ["{\"sk-test-key-of-x", "{\"credential_pool\": [\"sk-test-key-of-x\"]}", "sk-test-key-of-x"]
        {
            home.put("auth.json", broken);
            let error = handle.pools().unwrap_err();
            told.push(format!("{error:?} {}", home.words(&error)));
        }
    });
    told.extend(events);
    let told = told.join("\n");
    assert!(told.contains(&fingerprint("a").to_string()) && told.contains("a credential died"));
    assert!(!told.contains("sk-test"), "{told}");
    assert!(!home.text().is_empty());
}

#[test]
fn what_root_makes_in_somebodys_home_is_theirs() {
    let home = Home::with_keys(&["a"]);
    let Some(owner) = give_away(&home) else { return };
    home.handle().add(&openrouter(), credential("b")).unwrap();
    home.store().rollback(noon()).unwrap();
    for name in home.names() {
        assert_eq!(owner_of(&home.at(&name)), owner, "{name}");
    }
    assert_eq!(home.names().len(), 3, "the store, its lock and a backup");
}

#[test]
fn a_lock_that_leads_elsewhere_does_not_make_root_give_that_away() {
    let home = Home::with_keys(&["a"]);
    let precious = Home::empty();
    precious.put("precious", "");
    home.make_link("auth.lock", precious.at("precious"));
    if give_away(&home).is_none() {
        return;
    }
    home.handle().add(&openrouter(), credential("b")).unwrap();
    assert_eq!(owner_of(&precious.at("precious")), owner_of(precious.path()));
}

#[test]
fn a_home_whose_owner_is_not_known_here_can_be_written() {
    let home = Home::with_keys(&["a"]);
    let child = child_of_lone_root("transaction::adds_to_the_store_of_this_folder", home.path());
    let (Some(child), Some(_)) = (child, give_away(&home)) else { return };
    home.chmod(".", 0o777);
    home.chmod("auth.json", 0o666);
    passes(child);
    assert_eq!(home.ids(), ["a", "x"]);
}

/// Gives a home to a user and group that nobody is; none where the tests do not run as root, who alone can.
fn give_away(home: &Home) -> Option<(u32, u32)> {
    let nobody = 12_345;
    for path in [home.path(), &home.auth()] {
        std::os::unix::fs::chown(path, Some(nobody), Some(nobody)).ok()?;
    }
    Some((nobody, nobody))
}

fn owner_of(path: &Path) -> (u32, u32) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.uid(), metadata.gid())
}

#[test]
fn the_provider_of_a_lent_secret_does_not_matter() {
    let home = Home::with(
        r#"{"credential_pool": {"acme": [{"id": "a", "source": "ENV:POOL_STORE_TEST_KEY", "access_token": "sk-test-stale"}]}}"#,
    );
    home.put(".env", "POOL_STORE_TEST_KEY=sk-test-lent");
    let lease = home.handle().lease(&PickRequest::new(Provider::new("acme").unwrap())).unwrap();
    assert_eq!(lease.secret().expose(), "sk-test-lent");
    assert_eq!(lease.id(), &id("a"));
}
