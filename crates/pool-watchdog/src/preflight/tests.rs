use insta::assert_snapshot;

use super::*;
use crate::testing::{CANARY, World, codex_file, entry, store, token, token_for_days};

const FILE: &str = ".codex/auth.json";
const OF_TOOLS: &str = ".hermes/profiles/writer/home/.codex/auth.json";
const PROFILE: &str = ".hermes/profiles/writer/auth.json";
const ROOT: &str = ".hermes/auth.json";

/// What the real one does, as far as it matters here.
const CODEX: &str = r#"file="${CODEX_HOME:-$HOME/.codex}/auth.json"
if [ -e "$file" ]; then
    echo 'WARNING: proceeding, even though we could not create PATH aliases' >&2
    echo 'Logged in using ChatGPT' >&2
else
    echo 'Not logged in' >&2
    exit 1
fi"#;

/// A user whose Codex CLI alone is logged in.
fn logged_in_to_codex() -> World {
    let world = World::new();
    world.program("codex", CODEX);
    world.write(FILE, &codex_file(&token_for_days(3)));
    world
}

/// One whose Hermes is, too.
fn logged_in() -> World {
    let world = logged_in_to_codex();
    world.write(ROOT, &store(&entry("aaa111", &token_for_days(5))));
    world
}

fn providers(tokens: &str) -> String {
    format!(
        r#"{{"version": 1, "providers": {{"openai-codex": {{"tokens": {tokens}}}}}, "credential_pool": {{}}}}"#
    )
}

#[test]
fn a_profile_that_is_as_it_should_be() {
    let mut world = logged_in();
    world.write(OF_TOOLS, &codex_file(&token_for_days(2)));
    world.write("work/.keep", "");
    world.write(".hermes/profiles/writer/skills/research/web/SKILL.md", "---\nname: web-search\n---\n");
    world.program("jq", "exit 0");
    let workspace = world.path("work");
    world.profile(|profile| {
        profile.skills = vec!["web-search".to_owned()];
        profile.binaries = vec!["jq".to_owned()];
        profile.workspace = Some(workspace.clone());
    });
    assert!(world.examine().is_ok());
    assert_snapshot!(world.report());
    let left: Vec<_> =
        std::fs::read_dir(workspace).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".keep"], "nothing is left in it");
}

#[test]
fn a_profile_of_which_nothing_is_there() {
    let mut world = World::new();
    std::fs::remove_dir_all(world.path(".hermes")).unwrap();
    let workspace = world.path("work");
    world.profile(|profile| {
        profile.skills = vec!["web-search".to_owned()];
        profile.binaries = vec!["jq".to_owned()];
        profile.workspace = Some(workspace);
    });
    assert_snapshot!(world.report());
    assert!(!world.examine().is_ok());
}

#[test]
fn a_profile_that_has_no_name() {
    let world = World::new();
    for name in ["", "../writer", "Writer", "-p", &"w".repeat(65)] {
        let preflight = examine(&world.settings, name, &world.around());
        let [check] = preflight.checks.as_slice() else { panic!("{name}: {preflight:?}") };
        assert_eq!((check.state, check.name), (CheckState::Broken, Checked::ProfileFolder), "{name}");
        assert!(repair(&preflight, &world.around()).is_empty());
    }
}

#[test]
fn the_root_is_a_profile_too() {
    let world = logged_in();
    let preflight = examine(&world.settings, "default", &world.around());
    assert!(preflight.is_ok(), "{preflight:?}");
    assert!(preflight.checks.iter().all(|check| check.name != Checked::ProfileStore), "it has one store");
}

#[test]
fn a_login_that_is_missing_is_made_once_for_all() {
    let world = World::new();
    world.program("codex", CODEX);
    std::fs::create_dir_all(world.path(".hermes/profiles/writer/home")).unwrap();
    let next = |name| world.shown(&world.check(name).instruction.unwrap());
    let once = "log in to Codex again: `codex login`";
    assert_eq!(next(Checked::WorkerLogin), once);
    let leads = "; then `pool-watchdog preflight writer --fix` leads it there";
    assert_eq!(next(Checked::ToolsLogin), format!("{once}{leads}"));
    world.link(FILE, "/nowhere/auth.json");
    let away = "take the symlink away, and log in to Codex again: `rm ~/.codex/auth.json && codex login`";
    assert_eq!(next(Checked::WorkerLogin), away);
    world.write(OF_TOOLS, "{\"tok");
    let aside = "put the file aside, and log in to Codex again: `mv ~/.hermes/profiles/writer/home/.codex/auth.json \
                 ~/.hermes/profiles/writer/home/.codex/auth.json.broken && HOME=~/.hermes/profiles/writer/home codex login`";
    assert_eq!(next(Checked::ToolsLogin), aside);
}

/// What is wrong where Hermes has a login of its own keeps no worker from starting.
#[test]
fn a_login_of_codex_is_needed_where_hermes_has_none() {
    let world = logged_in();
    world.write(FILE, &codex_file(&token_for_days(-1)));
    assert_eq!(world.check(Checked::WorkerLogin).state, CheckState::Note);
    world.write(ROOT, &store(""));
    let check = world.check(Checked::WorkerLogin);
    assert_eq!(check.state, CheckState::Broken);
    assert!(check.found.contains("Logged in using ChatGPT"), "so says the real one, too: {}", check.found);
    assert_eq!(
        (check.instruction.as_deref(), check.fix),
        (Some("log in to Codex again: `codex login`"), None)
    );
}

#[test]
fn what_codex_says_and_what_its_file_says_must_agree() {
    let cases = [
        ("echo 'Logged in using ChatGPT' >&2", 3, CheckState::Ok),
        ("echo 'Logged in using ChatGPT' >&2", -3, CheckState::Broken),
        ("echo 'Not logged in' >&2; exit 1", 3, CheckState::Broken),
        ("echo 'Logged in using ChatGPT' >&2; exit 1", 3, CheckState::Broken),
        ("echo 'Error loading configuration: no' >&2; exit 1", 3, CheckState::Broken),
        ("exit 0", 3, CheckState::Broken),
    ];
    for (line, days, expected) in cases {
        let world = World::new();
        world.program("codex", line);
        world.write(FILE, &codex_file(&token_for_days(days)));
        assert_eq!(world.check(Checked::WorkerLogin).state, expected, "{line} {days}");
    }
    let without = World::new();
    without.write(FILE, &codex_file(&token_for_days(3)));
    let check = without.check(Checked::WorkerLogin);
    assert_eq!(check.state, CheckState::Note);
    assert!(check.found.ends_with("codex is not on the PATH"), "{}", check.found);
}

#[test]
fn codex_home_overrides_the_home_folder() {
    let mut world = logged_in();
    let elsewhere = world.path("elsewhere");
    world.profile(|profile| profile.codex_home = Some(elsewhere));
    let check = world.check(Checked::WorkerLogin);
    assert!(world.shown(&check.found).starts_with("~/elsewhere/auth.json: no login"), "{}", check.found);
    assert!(world.repair()[0].done);
    assert_eq!(world.check(Checked::WorkerLogin).state, CheckState::Ok);
    std::fs::create_dir_all(world.path(".hermes/profiles/writer/home")).unwrap();
    assert!(
        world.examine().checks.iter().all(|check| check.name != Checked::ToolsLogin),
        "tools have it too"
    );
}

#[test]
fn a_symlink_is_made_where_there_is_nothing_to_lose() {
    let world = logged_in();
    std::fs::create_dir_all(world.path(".hermes/profiles/writer/home")).unwrap();
    let check = world.check(Checked::ToolsLogin);
    assert_eq!(check.fix, Some(Fix::Link { link: world.path(OF_TOOLS), target: world.path(FILE) }));
    let [repaired] = world.repair().try_into().unwrap();
    assert!(repaired.done, "{repaired:?}");
    assert_eq!(std::fs::read_link(world.path(OF_TOOLS)).unwrap(), world.path(FILE));
    assert_eq!(world.check(Checked::ToolsLogin).state, CheckState::Ok);
    assert!(world.repair().is_empty(), "there is nothing left to do");
    let folder = world.path(OF_TOOLS).parent().unwrap().to_owned();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&folder.metadata().unwrap().permissions()) & 0o777,
        0o700
    );
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[test]
fn a_dangling_symlink_is_led_to_the_main_login() {
    let world = logged_in();
    world.link(OF_TOOLS, "/nowhere/auth.json");
    assert!(
        world
            .check(Checked::ToolsLogin)
            .found
            .contains("a symlink to /nowhere/auth.json, which is not there")
    );
    assert!(world.repair()[0].done);
    assert_eq!(std::fs::read_link(world.path(OF_TOOLS)).unwrap(), world.path(FILE));
    assert!(world.repair().is_empty());
}

#[test]
fn no_file_is_ever_replaced() {
    for text in ["", "{}", "{\"tok", &codex_file(&token_for_days(-1)), &codex_file(&token_for_days(1))] {
        let world = logged_in();
        world.write(OF_TOOLS, text);
        assert!(world.repair().is_empty(), "{text}");
        // Not even by who examined before it was there.
        let fix = Fix::Link { link: world.path(OF_TOOLS), target: world.path(FILE) };
        let check = Check::broken(Checked::ToolsLogin, "").fix(Some(fix));
        let late = Preflight { profile: "writer".to_owned(), checks: vec![check] };
        let [repaired] = repair(&late, &world.around()).try_into().unwrap();
        assert!(!repaired.done && repaired.says.contains("was left as it is"), "{repaired:?}");
        assert_eq!(world.read(OF_TOOLS), text);
    }
}

#[test]
fn nothing_is_led_to_a_main_login_that_is_none() {
    let not_logins = ["{\"tok", "{}", r#"{"OPENAI_API_KEY": "sk-fake"}"#, &codex_file(&token_for_days(-1))];
    for text in not_logins {
        let world = logged_in();
        world.write(FILE, text);
        std::fs::create_dir_all(world.path(".hermes/profiles/writer/home")).unwrap();
        assert_eq!(world.check(Checked::ToolsLogin).fix, None, "{text}");
    }
    let world = World::new();
    world.write("real.json", &codex_file(&token_for_days(3)));
    world.link(FILE, world.path("real.json"));
    std::fs::create_dir_all(world.path(".hermes/profiles/writer/home")).unwrap();
    assert_eq!(world.check(Checked::ToolsLogin).fix, None, "a link is not led on");
}

#[test]
fn of_many_that_repair_at_once_each_finds_it_repaired() {
    let world = logged_in();
    world.link(OF_TOOLS, "/nowhere/auth.json");
    world.write(ROOT, &providers("{}"));
    let preflight = world.examine();
    assert_eq!(preflight.fixes().count(), 2, "{preflight:?}");
    let around = world.around();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| repair(&preflight, &around))).collect();
        for repaired in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
            assert!(repaired.done, "{repaired:?}");
        }
    });
    assert!(world.examine().is_ok() && world.repair().is_empty());
    let stored: serde_json::Value = serde_json::from_str(&world.read(ROOT)).unwrap();
    assert_eq!(stored["credential_pool"]["openai-codex"].as_array().unwrap().len(), 1);
}

#[test]
fn a_login_of_codex_is_taken_into_an_empty_root() {
    for (place, text) in [(ROOT, providers("{}")), (PROFILE, providers("{}")), (ROOT, store(""))] {
        let world = logged_in_to_codex();
        world.write(place, &text);
        let check = world.check(Checked::Pool);
        assert_eq!(check.state, CheckState::Broken);
        assert_eq!(check.fix, Some(Fix::Import { from: world.path(FILE), into: world.path(ROOT) }));
        assert!(world.repair()[0].done);
        assert_eq!(world.check(Checked::Pool).state, CheckState::Ok, "{place} {text}");
        assert!(world.read(ROOT).contains("manual:codex_cli"));
        assert!(world.repair().is_empty());
    }
}

#[test]
fn a_dead_login_of_the_profile_gets_the_tokens_of_codex() {
    let world = logged_in();
    let dead = r#"{"last_status": "dead", "last_status_at": 1790000000, "last_error_code": 401, "#;
    let dead_for_days = |days| store(&entry("bbb222", &token_for_days(days)).replacen('{', dead, 1));
    world.write(PROFILE, &dead_for_days(4));
    assert_eq!(world.check(Checked::Pool).fix, None, "what Codex CLI has is older");
    world.write(PROFILE, &dead_for_days(2));
    let check = world.check(Checked::Pool);
    assert!(check.found.contains("none of 1 usable: bbb222 (login bbb222) is dead"), "{}", check.found);
    assert_eq!(check.fix, Some(Fix::Import { from: world.path(FILE), into: world.path(PROFILE) }));
    let [repaired] = world.repair().try_into().unwrap();
    assert!(repaired.done && repaired.says.contains("bbb222 in"), "{repaired:?}");
    assert_eq!(world.check(Checked::Pool).state, CheckState::Ok);
}

#[test]
fn nothing_is_imported_where_it_would_not_be_wanted() {
    let resting = entry("ccc333", &token_for_days(4)).replacen(
        '{',
        r#"{"last_status": "exhausted", "last_status_at": 1795261800, "last_error_code": 429, "last_error_reset_at": 1795265400, "#,
        1,
    );
    let suppressed =
        r#"{"version": 1, "providers": {}, "suppressed_sources": {"openai-codex": ["manual:codex_cli"]}}"#;
    // One that will be back, one that is there already, and one that Hermes itself takes in.
    for text in [
        store(&resting),
        store(&entry("a", &token_for_days(1))),
        providers(r#"{"access_token": "a", "refresh_token": "b"}"#),
    ] {
        let world = logged_in();
        world.write(ROOT, &text);
        assert_eq!(world.check(Checked::Pool).fix, None, "{text}");
    }
    let world = logged_in();
    world.write(ROOT, suppressed);
    let check = world.check(Checked::Pool);
    assert!(check.fix.is_none() && check.instruction.unwrap().contains("codex --again"));
    // Nor by who examined before it was removed.
    let fix = Fix::Import { from: world.path(FILE), into: world.path(ROOT) };
    let check = Check::broken(Checked::Pool, "").fix(Some(fix));
    let late = Preflight { profile: "writer".to_owned(), checks: vec![check] };
    let [repaired] = repair(&late, &world.around()).try_into().unwrap();
    assert!(!repaired.done && repaired.says.contains("--again"), "{repaired:?}");
    assert_eq!(world.read(ROOT), suppressed);
}

#[test]
fn an_empty_entry_of_a_profile_hides_the_login_of_the_root() {
    let world = logged_in();
    world.write(ROOT, &providers(r#"{"access_token": "a", "refresh_token": "b"}"#));
    assert_eq!(world.check(Checked::Pool).state, CheckState::Ok);
    world.write(PROFILE, &providers("{}"));
    let check = world.check(Checked::Pool);
    assert_eq!(check.state, CheckState::Broken);
    assert!(check.instruction.unwrap().contains("hermes -p writer auth logout openai-codex"));
}

#[test]
fn a_pool_says_who_returns_first() {
    let world = logged_in();
    let resting = |id: &str, until: i64| {
        let rest = format!(
            r#"{{"last_status": "exhausted", "last_status_at": 1795261800, "last_error_code": 429, "last_error_reset_at": {until}, "#
        );
        entry(id, &token_for_days(4)).replacen('{', &rest, 1).replace("user-1", id)
    };
    world.write(
        ROOT,
        &store(&format!("{}, {}", resting("ccc333", 1_795_269_000), resting("ddd444", 1_795_265_400))),
    );
    let check = world.check(Checked::Pool);
    assert_snapshot!(world.shown(&format!("{}; {}", check.found, check.instruction.unwrap())));
}

#[test]
fn other_providers_are_looked_at_too() {
    let mut world = logged_in();
    world.write(ROOT, r#"{"version": 1, "providers": {}, "credential_pool": {}}"#);
    world.write(".hermes/profiles/writer/.env", &format!("OPENROUTER_API_KEY=sk-or-{CANARY}\n"));
    let provider = |name: &str| Provider::new(name).unwrap();
    world.profile(|profile| profile.providers = vec![provider("openrouter"), provider("deepseek")]);
    let preflight = world.examine();
    let pools: Vec<&Check> = preflight.checks.iter().filter(|check| check.name == Checked::Pool).collect();
    let [openrouter, deepseek] = pools.as_slice() else { panic!("{preflight:?}") };
    assert_eq!(openrouter.found, "openrouter: its pool is empty, and env:OPENROUTER_API_KEY has a key");
    assert_eq!((openrouter.state, deepseek.state), (CheckState::Ok, CheckState::Broken));
    let is_of_codex = |name| matches!(name, Checked::WorkerLogin | Checked::ToolsLogin | Checked::Residency);
    assert!(preflight.checks.iter().all(|check| !is_of_codex(check.name)), "nobody asked for Codex");
}

#[test]
fn a_store_that_cannot_be_read_is_left_to_the_doctor() {
    let world = logged_in();
    world.write(PROFILE, &format!("{{\"providers\": {{\"{CANARY}"));
    let check = world.check(Checked::ProfileStore);
    assert_eq!(check.state, CheckState::Broken);
    assert!(check.instruction.unwrap().contains("pool doctor --store"));
    assert!(world.repair().is_empty());
}

#[test]
fn a_region_is_named_with_its_header() {
    let world = logged_in();
    assert_eq!(world.check(Checked::Residency).state, CheckState::Ok);
    let claims = r#"{"exp":4000000000,"https://api.openai.com/auth":{"chatgpt_compute_residency":"eu"}}"#;
    world.write(FILE, &codex_file(&token(claims)));
    let check = world.check(Checked::Residency);
    assert_eq!(check.state, CheckState::Note);
    assert!(check.found.contains("`chatgpt_compute_residency` demands `eu`"), "{}", check.found);
    assert!(check.found.contains("x-openai-internal-codex-residency: eu"), "{}", check.found);
}

#[test]
fn a_missing_folder_is_made_for_its_owner() {
    let world = logged_in();
    std::fs::remove_dir(world.path(".hermes/profiles/writer")).unwrap();
    assert_eq!(world.check(Checked::ProfileFolder).state, CheckState::Broken);
    assert!(world.repair()[0].done);
    let folder = world.path(".hermes/profiles/writer").metadata().unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&folder.permissions()) & 0o777, 0o700);
    assert!(world.examine().is_ok() && world.repair().is_empty());
}
