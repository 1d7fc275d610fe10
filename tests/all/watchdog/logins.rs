//! Workers that could not log in, and what their pool is told.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{CLOSES, Watched, said};
use crate::support::Home;

const NO_LOGIN: &str = include_str!("../../../crates/pool-watchdog/tests/logs/no-login.log");
const REVOKED: &str = include_str!("../../../crates/pool-watchdog/tests/logs/invalid.log");
const THROTTLED: &str = include_str!("../../../crates/pool-watchdog/tests/logs/usage.log");
const REGION: &str = include_str!("../../../crates/pool-watchdog/tests/logs/region.log");

const OF_PROFILE: &str = ".hermes/profiles/worker1/auth.json";

/// A token that ends in 2100, with these claims besides.
fn token(claims: &str) -> String {
    token_made(1_700_000_000, claims)
}

fn token_made(at: i64, claims: &str) -> String {
    let account = r#"{"chatgpt_account_id":"acc-1","chatgpt_user_id":"user-1""#;
    let claims =
        format!(r#"{{"iat":{at},"exp":4102444800,"https://api.openai.com/auth":{account}{claims}}}}}"#);
    format!("e30.{}.canary", URL_SAFE_NO_PAD.encode(claims))
}

impl Watched {
    /// The user logs in with the Codex CLI.
    fn log_in_to_codex(&self, token: &str) {
        let text = format!(
            r#"{{"tokens": {{"id_token": "{token}", "access_token": "{token}", "refresh_token": "canary-r", "account_id": "acc-1"}}}}"#
        );
        self.private(".codex/auth.json", &text);
    }

    /// The profile has one login, made then, and nobody else has any.
    fn profile_has(&self, entry: &str, made: i64) {
        let text = format!(
            r#"{{"version": 1, "providers": {{}}, "credential_pool": {{"openai-codex": [{{"id": "{entry}", "label": "{entry}", "auth_type": "oauth",
                "priority": 0, "source": "manual:device_code", "access_token": "{}", "refresh_token": "canary-{entry}"}}]}}}}"#,
            token_made(made, "")
        );
        self.private(OF_PROFILE, &text);
    }

    fn private(&self, name: &str, text: &str) {
        self.board.write(name, text);
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(self.path(name), private).unwrap();
    }

    /// How the pool of the profile has a credential, as `pool list` tells.
    fn standing(&self, entry: &str) -> String {
        let mut pool = self.board.command(Home::program("pool"));
        let output = pool.args(["list", "--json", "--store"]).arg(self.path(OF_PROFILE)).output().unwrap();
        let listed: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        let found = listed["providers"][0]["credentials"]
            .as_array()
            .unwrap()
            .iter()
            .find(|found| found["id"] == entry);
        found.unwrap()["status"].as_str().unwrap().to_owned()
    }
}

/// The log of a call to Codex.
fn of_codex(log: &str) -> String {
    log.replace("Provider: custom", "Provider: openai-codex")
}

/// A worker that goes on as soon as the root has a login.
fn needs_login(watched: &Watched) -> String {
    let fails = watched.ends_with(NO_LOGIN);
    format!("if grep -q openai-codex \"$HOME/.hermes/auth.json\"; then {CLOSES}; else {fails}; fi")
}

#[test]
fn a_login_that_lies_beside_is_taken_in_and_the_worker_completes_its_task() {
    let Some(watched) = Watched::start() else { return };
    watched.log_in_to_codex(&token(""));
    let (task, _) = watched.failed("Note behind a login", &needs_login(&watched));
    let said = watched.round();
    assert_eq!(watched.actions(&task), ["repair_login", "retry"], "{said}");
    let dispatcher = watched.board.dispatcher();
    watched.board.wait_until_status(&task, "done");
    drop(dispatcher);
    assert_eq!((watched.count(&task, "spawned"), watched.comments(&task).as_str()), (2, "1"));
    watched.round();
    assert_eq!(watched.actions(&task), ["repair_login", "retry"]);
}

#[test]
fn where_there_is_no_login_it_is_blocked_once_and_goes_on_when_one_comes() {
    let Some(watched) = Watched::start() else { return };
    let (task, _) = watched.failed("Note without a login", &needs_login(&watched));
    for _ in 0..3 {
        watched.round();
    }
    assert_eq!(watched.actions(&task), ["block"]);
    let reason = watched.block_reason(&task);
    assert_eq!(reason.matches("Next: ").count(), 1, "{reason}");
    assert!(reason.contains("codex login") || reason.contains("hermes auth add"), "{reason}");
    let kind = watched.board.query(&format!("SELECT block_kind FROM tasks WHERE id = '{task}'"));
    assert_eq!(kind, "needs_input");
    watched.log_in_to_codex(&token(""));
    watched.round();
    assert_eq!(watched.actions(&task), ["block", "repair_login", "retry"]);
    let dispatcher = watched.board.dispatcher();
    watched.board.wait_until_status(&task, "done");
    drop(dispatcher);
    watched.nothing_is_in_triage();
}

#[test]
fn the_pool_is_told_once_that_a_login_was_revoked() {
    let Some(watched) = Watched::start() else { return };
    watched.profile_has("c1", 1_700_000_000);
    let script = watched.ends_with(&of_codex(REVOKED));
    let (task, _) = watched.failed("Note with a revoked login", &script);
    for _ in 0..3 {
        watched.round();
    }
    assert_eq!(watched.actions(&task), ["report_to_pool", "block"]);
    assert_eq!(watched.standing("c1"), "dead");
    // The same login is written once more, which makes its file new.
    watched.profile_has("c1", 1_700_000_000);
    watched.round();
    assert_eq!(watched.actions(&task), ["report_to_pool", "block"]);
    // The board counts in seconds, of which none may have passed.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    watched.profile_has("c2", i64::try_from(now + 60).unwrap());
    watched.round();
    assert_eq!(watched.actions(&task), ["report_to_pool", "block", "retry"]);
}

#[test]
fn the_pool_is_told_until_when_a_login_is_throttled() {
    let Some(watched) = Watched::start() else { return };
    watched.profile_has("c1", 1_700_000_000);
    let script = watched.ends_with(&of_codex(THROTTLED));
    let (task, _) = watched.failed("Note with a throttled login", &script);
    for _ in 0..2 {
        watched.round();
    }
    assert_eq!(
        (watched.actions(&task), watched.rows(&task)),
        (vec!["report_to_pool".to_owned()], vec!["backs_off".to_owned()])
    );
    assert_eq!(watched.standing("c1"), "exhausted");
    assert!(watched.decision(&task)["until"].is_string());
}

#[test]
fn a_region_is_told_with_its_header_and_value() {
    let Some(watched) = Watched::start() else { return };
    watched.log_in_to_codex(&token(r#","chatgpt_data_residency":"eu""#));
    let script = watched.ends_with(&of_codex(REGION));
    let (task, _) = watched.failed("Note of a region", &script);
    for _ in 0..2 {
        watched.round();
    }
    assert_eq!(watched.actions(&task), ["block"]);
    let reason = watched.block_reason(&task);
    assert!(reason.contains("x-openai-internal-codex-residency with `eu`"), "{reason}");
    let kind = watched.board.query(&format!("SELECT block_kind FROM tasks WHERE id = '{task}'"));
    assert_eq!(kind, "capability");
}
