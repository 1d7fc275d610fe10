//! Logins that another program has too: renewed in both places, by whoever renews them first. All tokens are fakes.

use pool_core::{PickRequest, Provider};
use pool_oauth::Renewer;
use pool_sources::Environment;
use pool_store::{PoolHandle, ProfileStore};
use serde_json::Value;

use crate::renewal::Renewal;
use crate::support::Home;
use crate::token_server::{Act, TokenServer};

const CLAUDE: &str = ".claude/.credentials.json";
const HERMES: &str = ".anthropic_oauth.json";

fn claude(access: &str, refresh: &str, ends: &str) -> String {
    format!(
        r#"{{"mcpOAuth":{{"theirs":1}},"claudeAiOauth":{{"accessToken":"{access}","refreshToken":"{refresh}","expiresAt":{ends},"scopes":["user:inference"],"subscriptionType":"max"}}}}"#
    )
}

/// Some day in 2033, and one in 2027.
const FAR: &str = "1999800400000";
const NEARER: &str = "1800000000000";

/// A store with the login of Claude Code, by reference.
fn borrowing() -> Home {
    let home = Home::empty();
    home.write_at(CLAUDE, &claude("old-access", "old-refresh", NEARER));
    assert_eq!(home.pool("import claude").code, 0);
    home
}

/// A store with the login that Hermes keeps in a file of its own, by value; its token has ended.
fn owning() -> Home {
    let home = Home::with_store(
        r#"{"version": 1, "providers": {}, "credential_pool": {"anthropic": [
            {"id": "9de82c", "label": "own", "auth_type": "oauth", "priority": 0, "source": "hermes_pkce",
             "access_token": "old-access", "refresh_token": "old-refresh", "expires_at_ms": 1700000000000}]}}"#,
    );
    home.write(
        HERMES,
        r#"{"accessToken":"old-access","refreshToken":"old-refresh","expiresAt":1700000000000}"#,
    );
    home
}

fn refresh(home: &Home, server: &TokenServer) -> String {
    let ran = home.pool(&format!("refresh anthropic --json --token-url {}", server.url()));
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    let login = &value["credentials"][0];
    let why = login["error"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{}{why}", login["outcome"].as_str().unwrap())
}

fn picked(home: &Home) -> String {
    home.pool("pick anthropic --print-secret").out.trim().to_owned()
}

fn file(home: &Home, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(home.path().join(name)).unwrap()).unwrap()
}

fn record(home: &Home) -> Value {
    let document: Value = serde_json::from_str(&home.read_store()).unwrap();
    let records = document["credential_pool_runtime"]["anthropic"].as_object().cloned().unwrap_or_default();
    records.into_iter().next().map(|(_, record)| record).unwrap_or_default()
}

#[test]
fn a_login_that_is_lent_is_renewed_where_it_is() {
    let (home, server) = (borrowing(), TokenServer::start([]));
    assert_eq!(refresh(&home, &server), "renewed");
    assert_eq!(server.spends_of("old-refresh"), 1);
    let login = &file(&home, CLAUDE)["claudeAiOauth"];
    assert_eq!(login["accessToken"], "minted-access-1");
    assert_eq!(login["refreshToken"], "minted-refresh-1");
    assert_eq!(login["subscriptionType"], "max");
    assert_eq!(file(&home, CLAUDE)["mcpOAuth"]["theirs"], 1);
    assert_eq!(picked(&home), "minted-access-1");
    let stored = home.read_store();
    assert!(!stored.contains("minted") && !stored.contains("old-"), "{stored}");
    assert_eq!(record(&home)["refresh"], Value::Null);
    assert_eq!(refresh(&home, &server), "fresh", "it is known who renewed it, and when");
    assert_eq!(server.posts(), 1);
}

#[test]
fn a_login_that_its_tool_renewed_meanwhile_is_adopted() {
    let home = borrowing();
    let server = TokenServer::start([Act::Hold]);
    std::thread::scope(|scope| {
        let ours = scope.spawn(|| refresh(&home, &server));
        server.wait_for_posts(1);
        home.write(CLAUDE, &claude("their-access", "their-refresh", FAR));
        server.release();
        assert_eq!(ours.join().unwrap(), "adopted");
    });
    assert_eq!(file(&home, CLAUDE)["claudeAiOauth"]["refreshToken"], "their-refresh");
    assert_eq!((picked(&home).as_str(), &record(&home)["refresh"]), ("their-access", &Value::Null));
}

#[test]
fn a_login_that_is_refused_where_it_is_lent_is_dead_until_its_tool_has_another() {
    let home = borrowing();
    let server = TokenServer::start([Act::Say(400, r#"{"error":"invalid_grant"}"#)]);
    assert!(refresh(&home, &server).contains("invalid_grant"));
    assert_eq!(picked(&home), "");
    home.write(CLAUDE, &claude("their-access", "their-refresh", FAR));
    assert_eq!(picked(&home), "their-access");
}

#[test]
fn a_login_with_a_copy_elsewhere_is_renewed_in_both_places() {
    let (home, server) = (owning(), TokenServer::start([]));
    assert_eq!(refresh(&home, &server), "renewed");
    assert_eq!(file(&home, HERMES)["refreshToken"], "minted-refresh-1");
    assert!(home.read_store().contains("minted-refresh-1"));
    // Whoever is first: what is newer there is what counts here.
    home.write(
        HERMES,
        &format!(r#"{{"accessToken":"their-access","refreshToken":"their-refresh","expiresAt":{FAR}}}"#),
    );
    assert_eq!(picked(&home), "their-access");
    assert_eq!(refresh(&home, &server), "renewed");
    assert_eq!((server.spends_of("their-refresh"), server.spends_of("minted-refresh-1")), (1, 0));
    assert_eq!(file(&home, HERMES)["refreshToken"], "minted-refresh-2");
}

#[test]
fn a_copy_that_cannot_be_written_keeps_nobody_from_renewing() {
    let (home, server) = (owning(), TokenServer::start([]));
    home.write(HERMES, "{");
    assert_eq!(refresh(&home, &server), "renewed");
    assert_eq!(picked(&home), "minted-access-1");
    assert_eq!(std::fs::read_to_string(home.path().join(HERMES)).unwrap(), "{");
}

/// As if the process had died after the other home was written, and before the store was.
#[test]
fn what_only_the_other_home_has_is_not_lost() {
    let (home, server) = (owning(), TokenServer::start([]));
    let before = home.read_store();
    assert_eq!(refresh(&home, &server), "renewed");
    home.write_store(&before);
    assert_eq!(picked(&home), "minted-access-1");
    assert_eq!(refresh(&home, &server), "renewed");
    assert_eq!((server.spends_of("old-refresh"), server.spends_of("minted-refresh-1")), (1, 1));
}

/// What an agent sends a request with that opened its home as the README says. Its token server is in `pool.toml`.
fn sent_by_an_agent(store: ProfileStore, provider: &str) -> String {
    let renewer = Renewer::of(store.clone()).unwrap();
    let pool = PoolHandle::new(store);
    let mut request = pool.request(PickRequest::new(Provider::new(provider).unwrap()));
    let (lease, _) = renewer.next(&mut request).unwrap();
    lease.secret().expose().to_owned()
}

#[test]
fn an_agent_that_opens_its_home_renews_a_lent_login_where_it_is() {
    let (home, server) = (Home::empty(), TokenServer::start([]));
    home.write_at(CLAUDE, &claude("old-access", "old-refresh", "1"));
    assert_eq!(home.pool("import claude").code, 0);
    home.write("pool.toml", &format!("[oauth.anthropic]\ntoken_url = \"{}\"\n", server.url()));
    let store = Environment::of_user(home.path()).open_at(&home.store());
    assert_eq!(sent_by_an_agent(store, "anthropic"), "minted-access-1");
    assert_eq!(file(&home, CLAUDE)["claudeAiOauth"]["refreshToken"], "minted-refresh-1");
}

#[test]
fn an_agent_that_opens_a_profile_renews_what_the_profiles_share() {
    const SHARED: &str = ".hermes/shared/nous_auth.json";
    let (home, server) = (Home::empty(), TokenServer::start([]));
    home.write_at(
        SHARED,
        r#"{"access_token":"old-access","refresh_token":"old-refresh","expires_at":"2026-01-01T00:00:00Z"}"#,
    );
    home.write_at(
        ".hermes/profiles/work/auth.json",
        r#"{"version": 1, "providers": {}, "credential_pool": {"nous": [
            {"id": "9de82c", "label": "own", "auth_type": "oauth", "priority": 0, "source": "device_code",
             "access_token": "old-access", "refresh_token": "old-refresh", "expires_at": "2026-01-01T00:00:00Z"}]}}"#,
    );
    home.write(".hermes/pool.toml", &format!("[oauth.nous]\ntoken_url = \"{}\"\n", server.url()));
    let mut environment = Environment::of_user(home.path());
    environment.hermes_home = Some(home.path().join(".hermes/profiles/work"));
    assert_eq!(sent_by_an_agent(environment.open().unwrap(), "nous"), "minted-access-1");
    assert_eq!(file(&home, SHARED)["refresh_token"], "minted-refresh-1");
}

#[cfg(unix)]
#[test]
fn a_login_whose_only_home_cannot_be_written_is_not_renewed() {
    use std::os::unix::fs::PermissionsExt;

    let (home, server) = (borrowing(), TokenServer::start([]));
    let file = home.path().join(CLAUDE);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
    assert!(refresh(&home, &server).contains("read-only"), "{}", refresh(&home, &server));
    assert_eq!(server.posts(), 0);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(refresh(&home, &server), "renewed");
}

#[test]
fn two_stores_that_borrow_one_login_spend_its_token_once() {
    let (one, server) = (borrowing(), TokenServer::start([Act::Hold]));
    let ours = one.path().join("another/auth.json");
    one.write_at("another/auth.json", "");
    one.write_private("another/auth.json", &one.read_store());
    let other = format!("--store {} refresh anthropic --token-url {}", ours.display(), server.url());
    std::thread::scope(|scope| {
        let first = scope.spawn(|| refresh(&one, &server));
        server.wait_for_posts(1);
        let second = Renewal::start(&one, &other);
        second.wait_until_it_waits();
        server.release();
        assert_eq!(first.join().unwrap(), "renewed");
        assert_eq!(second.end().outcome, "adopted");
    });
    assert_eq!((server.posts(), server.spends_of("old-refresh")), (1, 1));
}
