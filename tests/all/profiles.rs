//! A profile beside others, by the commands: `~/.hermes/profiles/NAME` falls back on `~/.hermes`.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Home, Ran};
use crate::token_server::{Act, TokenServer};

const ROOT: &str = r#"{"version": 1, "providers": {}, "credential_pool": {
  "openrouter": [
    {"id": "r1", "label": "first", "auth_type": "api_key", "priority": 0, "source": "manual", "access_token": "canary-r1"},
    {"id": "r2", "label": "second", "auth_type": "api_key", "priority": 1, "source": "manual", "access_token": "canary-r2"}],
  "openai-codex": [
    {"id": "c1", "label": "login", "auth_type": "oauth", "priority": 0, "source": "device_code",
     "access_token": "canary-at", "refresh_token": "canary-rt"}]}}"#;

const OWN: &str = r#"{"version": 1, "providers": {}, "credential_pool": {
  "acme": [{"id": "o1", "label": "own", "auth_type": "api_key", "priority": 0, "source": "manual", "access_token": "canary-o1"}]}}"#;

const ROOT_STORE: &str = ".hermes/auth.json";
const OWN_STORE: &str = ".hermes/profiles/work/auth.json";

/// The home of a user, with a root and the profile `work`.
fn user() -> Home {
    let user = Home::empty();
    user.write_at(OWN_STORE, "");
    user.write_private(OWN_STORE, OWN);
    user.write_private(ROOT_STORE, ROOT);
    user
}

fn pool_in(user: &Home, folder: &str) -> Command {
    let mut command = user.pool_command();
    command.env("HERMES_HOME", user.path().join(folder)).args(["--now", "2026-05-26T12:00:00Z"]);
    command
}

/// `pool` in the profile, at noon.
fn work(user: &Home, words: &str) -> Ran {
    let mut command = pool_in(user, ".hermes/profiles/work");
    command.args(words.split_whitespace());
    Ran::of(command)
}

fn read(user: &Home, name: &str) -> String {
    std::fs::read_to_string(user.path().join(name)).unwrap()
}

fn json(user: &Home, name: &str) -> Value {
    serde_json::from_str(&read(user, name)).unwrap()
}

/// What commands print and how they end, one after another.
fn transcript(user: &Home, commands: &[&str]) -> String {
    let show = |words: &&str| {
        let ran = work(user, words);
        user.redact(&format!("$ pool {words}\n{}{}[exit {}]\n", ran.out, ran.err, ran.code))
    };
    commands.iter().map(show).collect()
}

#[test]
fn a_profile_uses_what_the_root_lends() {
    let user = user();
    let own = read(&user, OWN_STORE);
    insta::assert_snapshot!(transcript(
        &user,
        &[
            "list",
            "list openrouter --json",
            "list acme --json",
            "pick openrouter",
            "report openrouter r1 --status 401 --code token_revoked",
            "list openrouter",
            "pick openrouter --strategy round_robin",
            "success openrouter r2",
            "reset openrouter --dead",
            "remove openrouter r1",
            "doctor",
        ]
    ));
    assert_eq!(read(&user, OWN_STORE), own);
    let record = &json(&user, ROOT_STORE)["credential_pool_runtime"]["openrouter"]["r2"];
    assert_eq!(record["request_count"], 1);
}

#[test]
fn a_first_credential_of_its_own_hides_what_was_lent_and_that_is_said_once() {
    let user = user();
    user.write("key", "canary-new");
    let add = format!("add openrouter --label mine --secret-file {}", user.path().join("key").display());
    let first = work(&user, &add);
    insta::assert_snapshot!(user.redact(&first.err), @"with credentials of its own for `openrouter`, this profile sees none of those that HOME/.hermes/auth.json lends");
    assert!(first.succeeded().ends_with("(mine) to openrouter\n"));
    user.write("key", "canary-newer");
    assert_eq!(work(&user, &add).err, "");
    assert_eq!(json(&user, OWN_STORE)["credential_pool"]["openrouter"].as_array().unwrap().len(), 2);
    assert_eq!(read(&user, ROOT_STORE), ROOT);

    work(&user, "remove openrouter 2").succeeded();
    work(&user, "remove openrouter 1").succeeded();
    assert_eq!(work(&user, "pick openrouter").succeeded(), "r1 first\n");
}

#[test]
fn what_is_taken_in_is_the_profiles_and_that_is_said() {
    let user = user();
    let env = |words: &str| {
        let mut command = pool_in(&user, ".hermes/profiles/work");
        Ran::of({
            command.env("OPENROUTER_API_KEY", "canary-env-key").args(words.split_whitespace());
            command
        })
    };
    for words in ["import env --provider openrouter --dry-run", "sync openrouter"] {
        let ran = env(words);
        assert!(ran.err.contains("sees none of those that"), "{ran:?}");
        ran.succeeded();
    }
    assert_eq!(read(&user, ROOT_STORE), ROOT);
    let entry = &json(&user, OWN_STORE)["credential_pool"]["openrouter"][0];
    assert_eq!(entry["source"], "env:OPENROUTER_API_KEY");
}

#[test]
fn a_lent_login_is_renewed_where_it_is() {
    let (user, server) = (user(), TokenServer::start([]));
    let own = read(&user, OWN_STORE);
    let refresh = format!("refresh openai-codex --token-url {}", server.url());
    assert!(work(&user, &refresh).succeeded().starts_with("c1 (login) is renewed"));
    let entry = &json(&user, ROOT_STORE)["credential_pool"]["openai-codex"][0];
    assert_eq!(entry["refresh_token"], "minted-refresh-1");
    assert_eq!(read(&user, OWN_STORE), own);
    assert!(work(&user, &refresh).succeeded().contains("was renewed a moment ago"));
    assert_eq!(server.posts(), 1);
}

#[test]
fn a_new_login_is_the_profiles_and_one_in_place_of_a_lent_one_the_roots() {
    const CODE: &str = r#"{"device_code": "canary-device", "user_code": "WDJB-MJHT", "interval": 0, "expires_in": 600,
        "verification_uri": "https://acme.example/activate"}"#;
    const PAIR: &str =
        r#"{"access_token": "canary-new-at", "refresh_token": "canary-new-rt", "expires_in": 3600}"#;
    let user = user();
    user.write_private(
        ROOT_STORE,
        &ROOT.replace("openai-codex", "acme-login").replace("device_code", "manual:device_code"),
    );
    let log_in = |words: &str| {
        let server = TokenServer::start([Act::Say(200, CODE), Act::Say(200, PAIR)]);
        let urls = format!("--token-url {0} --device-url {0}", server.url());
        work(&user, &format!("login acme-login {words} {urls}"))
    };
    let own = read(&user, OWN_STORE);
    let again = log_in("--for c1");
    assert!(!again.err.contains("sees none"), "{again:?}");
    assert!(again.succeeded().starts_with("logged in again as c1"));
    assert_eq!(json(&user, ROOT_STORE)["credential_pool"]["acme-login"][0]["access_token"], "canary-new-at");
    assert_eq!(read(&user, OWN_STORE), own);

    let root = read(&user, ROOT_STORE);
    let new = log_in("--label mine");
    assert!(new.err.contains("sees none of those that"), "{new:?}");
    new.succeeded();
    assert_eq!(json(&user, OWN_STORE)["credential_pool"]["acme-login"][0]["label"], "mine");
    assert_eq!(read(&user, ROOT_STORE), root);
}

#[test]
fn a_broken_root_is_found_and_takes_nothing_away() {
    let user = user();
    user.write_private(ROOT_STORE, "{");
    insta::assert_snapshot!(transcript(
        &user,
        &["list", "pick acme", "pick openrouter", "refresh openai-codex", "doctor", "doctor --json"]
    ));
    assert_eq!(read(&user, ROOT_STORE), "{");
}

#[test]
fn only_the_store_of_a_home_falls_back() {
    let user = user();
    user.write_at(".hermes/backups/auth.json", OWN);
    user.write_at("elsewhere/auth.json", OWN);
    let sees = |folder: &str, words: &str| {
        let mut command = pool_in(&user, folder);
        command.args(words.split_whitespace());
        Ran::of(command).code == 0
    };
    let pick = |store: &str| format!("pick openrouter --store {}", user.path().join(store).display());
    assert!(sees(".hermes/profiles/work", "pick openrouter"));
    assert!(sees("elsewhere", &pick(OWN_STORE)), "it is called like the store of a profile");
    assert!(sees(".hermes/backups", "pick openrouter"), "as Hermes does in a home that lies there");
    assert!(!sees(".hermes", &pick(".hermes/backups/auth.json")), "a file that is named is no home");
    assert!(!sees("elsewhere", "pick openrouter"));
    assert!(sees(".hermes", "pick openrouter") && !sees(".hermes", "pick acme"), "the root sees no profile");
}

#[test]
fn the_own_store_alone_is_migrated() {
    let user = user();
    user.write_private(ROOT_STORE, crate::support::LEGACY_STORE);
    let mut migrate = user.command(&[], Home::program("pool-migrate"));
    migrate.env("HERMES_HOME", user.path().join(".hermes/profiles/work"));
    Ran::of(migrate).succeeded();
    assert_eq!(read(&user, ROOT_STORE), crate::support::LEGACY_STORE);
}

#[test]
fn processes_of_two_profiles_and_the_root_lose_no_mark() {
    const EACH: usize = 6;
    let user = Home::empty();
    let folders = [".hermes/profiles/work", ".hermes/profiles/play", ".hermes"];
    let entry =
        |number| format!(r#"{{"id": "k{number}", "priority": {number}, "access_token": "canary-{number}"}}"#);
    let keys: Vec<String> = (0..folders.len() * EACH).map(entry).collect();
    for folder in &folders[..2] {
        user.write_at(&format!("{folder}/auth.json"), OWN);
    }
    user.write(ROOT_STORE, &format!(r#"{{"credential_pool": {{"openrouter": [{}]}}}}"#, keys.join(", ")));
    let report = |index: usize| {
        let (folder, name) = (folders[index / EACH], format!("k{index}"));
        let mut command = pool_in(&user, folder);
        command.args(["report", "openrouter", &name, "--status", "401", "--code", "token_revoked"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let reports: Vec<Child> = (0..keys.len()).map(report).collect();
    for child in reports {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let records = &json(&user, ROOT_STORE)["credential_pool_runtime"]["openrouter"];
    for index in 0..keys.len() {
        assert_eq!(records[format!("k{index}")]["status"], "dead", "k{index}");
    }
    for folder in &folders[..2] {
        assert_eq!(read(&user, &format!("{folder}/auth.json")), OWN);
    }
}

/// A login that the other program copied from the root into a profile: in its list, and under `providers`.
fn with_copies(profiles: &[&str]) -> Home {
    let entry = r#"{"id": "c1", "label": "login", "auth_type": "oauth", "priority": 0, "source": "device_code",
        "access_token": "canary-at", "refresh_token": "canary-rt", "expires_at": "2026-05-26T11:00:00Z"}"#;
    let login = r#"{"tokens": {"access_token": "canary-at", "refresh_token": "canary-rt"}}"#;
    let store = |login: &str, entry: &str| {
        format!(
            r#"{{"version": 1, "active_provider": "nous", "providers": {{"openai-codex": {login}}}, "credential_pool": {{"openai-codex": [{entry}]}}}}"#
        )
    };
    let user = Home::empty();
    user.write_at(ROOT_STORE, "");
    user.write_private(ROOT_STORE, &store(login, entry));
    for profile in profiles {
        let path = format!(".hermes/profiles/{profile}/auth.json");
        user.write_at(&path, "");
        user.write_private(&path, &store("null", entry));
    }
    user
}

fn refresh_in(user: &Home, folder: &str, server: &TokenServer) -> String {
    let mut command = pool_in(user, folder);
    command.args(["refresh", "openai-codex", "--json", "--token-url", &server.url()]);
    let ran = Ran::of(command);
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    value["credentials"][0]["outcome"].as_str().unwrap().to_owned()
}

fn refresh_token(user: &Home, store: &str) -> String {
    json(user, store)["credential_pool"]["openai-codex"][0]["refresh_token"].as_str().unwrap().to_owned()
}

#[test]
fn a_login_that_profile_and_root_both_have_is_renewed_in_both() {
    let (user, server) = (with_copies(&["work"]), TokenServer::start([]));
    assert_eq!(refresh_in(&user, ".hermes/profiles/work", &server), "renewed");
    for store in [ROOT_STORE, OWN_STORE] {
        assert_eq!(refresh_token(&user, store), "minted-refresh-1", "{store}");
    }
    let root = json(&user, ROOT_STORE);
    assert_eq!(root["providers"]["openai-codex"]["tokens"]["refresh_token"], "minted-refresh-1");
    assert_eq!(root["active_provider"], "nous");
    let locks = |home: &str| std::fs::read_dir(user.path().join(home).join("auth.refresh")).unwrap().count();
    assert_eq!((locks(".hermes"), locks(".hermes/profiles/work")), (1, 1), "both homes lock the token");
}

#[test]
fn what_the_root_renewed_is_adopted_by_the_profile() {
    let (user, server) = (with_copies(&["work"]), TokenServer::start([]));
    assert_eq!(refresh_in(&user, ".hermes", &server), "renewed");
    assert_eq!(refresh_token(&user, OWN_STORE), "canary-rt");
    assert_eq!(refresh_in(&user, ".hermes/profiles/work", &server), "adopted");
    assert_eq!((refresh_token(&user, OWN_STORE).as_str(), server.posts()), ("minted-refresh-1", 1));
}

#[test]
fn of_several_profiles_and_the_root_one_spends_the_token() {
    let names = ["a", "b", "c", "d"];
    let (user, server) = (with_copies(&names), TokenServer::start([Act::Hold]));
    let folders: Vec<String> = names.iter().map(|name| format!(".hermes/profiles/{name}")).collect();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| refresh_in(&user, &folders[0], &server));
        server.wait_for_posts(1);
        let all = folders.iter().skip(1).map(String::as_str).chain([".hermes"]);
        let (user, server) = (&user, &server);
        let others: Vec<_> =
            all.map(|folder| scope.spawn(move || refresh_in(user, folder, server))).collect();
        server.release();
        assert_eq!(first.join().unwrap(), "renewed");
        for other in others {
            let how = other.join().unwrap();
            assert!(["adopted", "fresh"].contains(&how.as_str()), "{how}");
        }
    });
    assert_eq!((server.posts(), server.spends_of("canary-rt")), (1, 1));
    for folder in &folders {
        assert_eq!(refresh_token(&user, &format!("{folder}/auth.json")), "minted-refresh-1");
    }
}
