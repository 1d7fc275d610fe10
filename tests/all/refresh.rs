//! Renewing logins: once, however many ask.

use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::Home;
use crate::token_server::{Act, TokenServer};

/// A login whose token has ended, seeded by another program that keeps it too.
const STORE: &str = r#"{
  "version": 1,
  "active_provider": "anthropic",
  "providers": {
    "openai-codex": {
      "tokens": { "access_token": "old-access", "refresh_token": "old-refresh", "id_token": "theirs" },
      "last_refresh": "2026-01-01T00:00:00Z",
      "auth_mode": "chatgpt"
    }
  },
  "credential_pool": {
    "openai-codex": [
      {
        "id": "9de82c",
        "label": "work",
        "auth_type": "oauth",
        "priority": 0,
        "source": "device_code",
        "access_token": "old-access",
        "refresh_token": "old-refresh",
        "expires_at": "2026-01-01T01:00:00Z"
      }
    ]
  }
}
"#;

fn document(home: &Home) -> Value {
    serde_json::from_str(&home.read_store()).unwrap()
}

fn entry(home: &Home) -> Value {
    document(home)["credential_pool"]["openai-codex"][0].clone()
}

fn record(home: &Home) -> Value {
    document(home)["credential_pool_runtime"]["openai-codex"]["9de82c"].clone()
}

fn refresh(server: &TokenServer) -> String {
    format!("refresh openai-codex --json --token-url {}", server.url())
}

/// What became of the only login.
fn outcome(home: &Home, command: &str) -> String {
    let ran = home.pool(command);
    let value: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    value["credentials"][0]["outcome"].as_str().unwrap().to_owned()
}

#[test]
fn a_login_is_renewed_and_so_is_its_other_home() {
    let (home, server) = (Home::with_store(STORE), TokenServer::start([]));
    assert_eq!(outcome(&home, &refresh(&server)), "renewed");
    assert_eq!(
        server.last_body(),
        "grant_type=refresh_token&refresh_token=old-refresh&client_id=app_EMoamEEZ73f0CkXaXp7hrann"
    );
    assert_eq!(entry(&home)["access_token"], "minted-access-1");
    assert_eq!(entry(&home)["refresh_token"], "minted-refresh-1");
    assert_eq!(record(&home)["refresh"], Value::Null, "the intent is over");
    let document = document(&home);
    let login = &document["providers"]["openai-codex"];
    assert_eq!(login["tokens"]["refresh_token"], "minted-refresh-1");
    assert_eq!(login["tokens"]["access_token"], "minted-access-1");
    assert_eq!(login["tokens"]["id_token"], "theirs");
    assert_ne!(login["last_refresh"], "2026-01-01T00:00:00Z");
    assert_eq!(document["active_provider"], "anthropic");
    assert_eq!(outcome(&home, &refresh(&server)), "fresh");
    assert_eq!(outcome(&home, &format!("{} --force", refresh(&server))), "renewed");
    assert_eq!(server.posts(), 2);
}
