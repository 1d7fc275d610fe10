//! What the real Codex CLI says of a login, what a preflight says of it, and what it repairs. All tokens are fakes.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use pool_sources::Environment;
use pool_watchdog::{
    Check, CheckState, Checked, Codex, CodexStatus, Fix, Preflight, ProfileHome, Repaired, Settings,
    Surroundings, examine, repair,
};

use crate::skipped::skipped;
use crate::support::Home;

const MAIN: &str = ".codex/auth.json";
const OF_TOOLS: &str = ".hermes/profiles/writer/home/.codex/auth.json";

/// A user with a profile whose tools have a home folder of their own, and the real Codex CLI.
struct World {
    user: Home,
    settings: Settings,
    around: Surroundings,
}

impl World {
    /// None where Codex CLI is not installed; it is said then.
    fn new() -> Option<Self> {
        let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("codex-peer/node_modules/.bin");
        if !programs.join("codex").exists() {
            skipped("Codex CLI is not installed: `bash .ci/codex-peer` does it");
            return None;
        }
        let user = Home::empty();
        let folder = user.path();
        std::fs::create_dir_all(folder.join(".hermes/profiles/writer/home")).unwrap();
        let settings = Settings::parse("hermes = \"node\"", folder, &Environment::of_user(folder)).unwrap();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&others))).unwrap();
        // The real one tells the time by the clock of the machine, so this does too.
        let around = Surroundings::new(Environment::of_user(folder), now()).path(path);
        Some(Self { user, settings, around })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.user.path().join(name)
    }

    fn link(&self, name: &str, target: &Path) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, self.path(name)).unwrap();
    }

    /// What the real one says to the tools of the profile.
    fn status(&self) -> CodexStatus {
        Codex::new("codex", self.around.path.as_deref()).status(&self.homes().tools)
    }

    fn homes(&self) -> ProfileHome {
        ProfileHome::of(&self.settings, "writer", &self.around.environment).unwrap()
    }

    fn examine(&self) -> Preflight {
        examine(&self.settings, "writer", &self.around)
    }

    /// What is said of the login of the tools.
    fn check(&self) -> Check {
        let mut checks = self.examine().checks.into_iter();
        checks.find(|check| check.name == Checked::ToolsLogin).unwrap()
    }

    fn repair(&self) -> Vec<Repaired> {
        let is_link = |repaired: &Repaired| matches!(repaired.fix, Fix::Link { .. });
        repair(&self.examine(), &self.around).into_iter().filter(is_link).collect()
    }
}

fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// The file of a login that ends so many days from now.
fn login(days: i64) -> String {
    let ends = (now() + TimeDelta::days(days)).timestamp();
    let claims = format!(
        r#"{{"exp":{ends},"email":"agent@example.com","https://api.openai.com/auth":{{"chatgpt_account_id":"acc-1","chatgpt_plan_type":"pro"}}}}"#
    );
    let token = format!("e30.{}.canary-codex", URL_SAFE_NO_PAD.encode(claims));
    format!(
        r#"{{"tokens": {{"id_token": "{token}", "access_token": "{token}", "refresh_token": "canary-codex", "account_id": "acc-1"}},
            "last_refresh": "2026-11-01T00:00:00Z"}}"#
    )
}

/// One state: what the real one says, how the preflight sees it, and whether it is led to the main login.
#[track_caller]
fn assert_state(world: &World, status: &CodexStatus, state: CheckState, is_led: bool) {
    assert_eq!(world.status(), *status);
    let check = world.check();
    assert_eq!(check.state, state, "{check:?}");
    assert!(!format!("{check:?}").contains("canary"), "{check:?}");
    assert_eq!(check.fix.is_some(), is_led, "{check:?}");
    assert_eq!(check.instruction.is_some(), state != CheckState::Ok, "{check:?}");
    let before = std::fs::read(world.path(OF_TOOLS)).ok();
    let repaired = world.repair();
    assert_eq!(repaired.len(), usize::from(is_led), "{repaired:?}");
    assert!(repaired.iter().all(|repaired| repaired.done), "{repaired:?}");
    if is_led {
        assert_eq!(std::fs::read_link(world.path(OF_TOOLS)).unwrap(), world.path(MAIN));
        assert_eq!(world.status(), CodexStatus::ChatGpt, "the real one finds it");
        assert_eq!(world.check().state, CheckState::Ok);
    } else {
        assert_eq!(std::fs::read(world.path(OF_TOOLS)).ok(), before);
    }
    assert!(world.repair().is_empty(), "twice changes nothing the second time");
}

#[test]
fn logged_out() {
    let Some(world) = World::new() else { return };
    assert_state(&world, &CodexStatus::NotLoggedIn, CheckState::Broken, false);
    world.user.write_at(MAIN, &login(3));
    assert_state(&world, &CodexStatus::NotLoggedIn, CheckState::Broken, true);
}

#[test]
fn logged_in() {
    let Some(world) = World::new() else { return };
    world.user.write_at(MAIN, &login(3));
    world.user.write_at(OF_TOOLS, &login(2));
    assert_state(&world, &CodexStatus::ChatGpt, CheckState::Ok, false);
}

/// To the real one that is a login.
#[test]
fn expired() {
    let Some(world) = World::new() else { return };
    world.user.write_at(MAIN, &login(3));
    world.user.write_at(OF_TOOLS, &login(-3));
    assert_state(&world, &CodexStatus::ChatGpt, CheckState::Broken, false);
}

/// And so is that.
#[test]
fn an_empty_file() {
    let Some(world) = World::new() else { return };
    world.user.write_at(MAIN, &login(3));
    world.user.write_at(OF_TOOLS, "{}");
    assert_state(&world, &CodexStatus::ChatGpt, CheckState::Broken, false);
}

#[test]
fn an_ended_main_login_is_led_to_nobody() {
    let Some(world) = World::new() else { return };
    world.user.write_at(MAIN, &login(-3));
    assert_state(&world, &CodexStatus::NotLoggedIn, CheckState::Broken, false);
}

#[test]
fn a_dangling_symlink() {
    let Some(world) = World::new() else { return };
    world.link(OF_TOOLS, Path::new("/nowhere/auth.json"));
    assert_state(&world, &CodexStatus::NotLoggedIn, CheckState::Broken, false);
    world.user.write_at(MAIN, &login(3));
    assert_state(&world, &CodexStatus::NotLoggedIn, CheckState::Broken, true);
}

#[test]
fn a_symlink() {
    let Some(world) = World::new() else { return };
    world.user.write_at(MAIN, &login(3));
    world.link(OF_TOOLS, &world.path(MAIN));
    assert_state(&world, &CodexStatus::ChatGpt, CheckState::Ok, false);
}

#[test]
fn codex_home_set() {
    let Some(mut world) = World::new() else { return };
    world.user.write_at(MAIN, &login(3));
    world.user.write_at(OF_TOOLS, &login(3));
    let folder = world.path("elsewhere");
    world.settings.profiles.entry("writer".to_owned()).or_default().codex_home = Some(folder.clone());
    // It is what counts, for workers and tools alike, and it is not there.
    assert_eq!(world.homes().worker.login(), world.homes().tools.login());
    let CodexStatus::Broken { says } = world.status() else { panic!("{:?}", world.status()) };
    assert!(says.starts_with("Error loading configuration: CODEX_HOME points to"), "{says}");
    let checks = world.examine().checks;
    let check = checks.iter().find(|check| check.name == Checked::WorkerLogin).unwrap();
    assert_eq!(check.state, CheckState::Broken, "{check:?}");
    assert!(world.repair()[0].done);
    assert_eq!(world.status(), CodexStatus::ChatGpt);
    assert_eq!(std::fs::read_link(folder.join("auth.json")).unwrap(), world.path(MAIN));
    assert!(world.repair().is_empty());
}

#[test]
fn a_truncated_file() {
    let Some(world) = World::new() else { return };
    world.user.write_at(MAIN, &login(3));
    world.user.write_at(OF_TOOLS, &login(3)[..80]);
    let CodexStatus::Broken { says } = world.status() else { panic!("{:?}", world.status()) };
    assert!(says.starts_with("Error checking login status: failed to deserialize"), "{says}");
    assert_state(&world, &CodexStatus::Broken { says }, CheckState::Broken, false);
    let instruction = world.check().instruction.unwrap();
    assert!(instruction.contains("auth.json.broken && HOME="), "{instruction}");
}

#[test]
fn a_key() {
    let Some(world) = World::new() else { return };
    world.user.write_at(OF_TOOLS, r#"{"OPENAI_API_KEY": "sk-fake-123456789abcdef"}"#);
    assert_state(&world, &CodexStatus::ApiKey, CheckState::Note, false);
}

/// What the environment of the watchdog says is not what a worker has.
#[test]
fn the_home_folder_counts_where_no_codex_home_is_named() {
    let Some(world) = World::new() else { return };
    world.user.write_at(MAIN, &login(3));
    let codex = Codex::new("codex", world.around.path.as_deref());
    let homes = world.homes();
    assert_eq!(codex.status(&homes.main), CodexStatus::ChatGpt);
    assert_eq!(codex.status(&homes.tools), CodexStatus::NotLoggedIn);
}
