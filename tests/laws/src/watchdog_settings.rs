use std::collections::HashSet;
use std::path::{Component, Path};

use chrono::{DateTime, TimeDelta};
use pool_sources::Environment;
use pool_watchdog::{Board, BoardError, Policy, Rule, Settings, SettingsError, TaskId, inspect, retry_at};

use crate::noon;

/// Whatever is in a `watchdog.toml`, it is refused where it stands, or means settings that can be used: boards that can be,
/// whole paths, waits that end, and rules that look for nothing outside of a workspace.
///
/// # Panics
///
/// Where that does not hold.
pub fn watchdog_settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Settings::parse(&text, Path::new("/srv/agent"), &Environment::of_user("/home/agent")) {
        Err(error) => is_told_where(&error, &text),
        Ok(settings) => can_be_used(&settings),
    }
}

fn is_told_where(error: &SettingsError, text: &str) {
    let told = error.to_string();
    assert!(!told.contains(char::is_control), "{told:?}");
    let SettingsError::Toml { line, column, problem, .. } = error else {
        panic!("{error:?} without a file");
    };
    let there = text.split('\n').nth(line - 1).expect("there is such a line");
    assert!((1..=there.chars().count() + 1).contains(column), "{told}");
    assert!(!problem.is_empty());
}

fn can_be_used(settings: &Settings) {
    for path in [&settings.state, &settings.home] {
        assert!(path.is_absolute(), "{}", path.display());
    }
    let boards: HashSet<&String> = settings.boards.iter().collect();
    assert!(!boards.is_empty() && boards.len() == settings.boards.len());
    for board in boards {
        let found = Board::at(Path::new("/nowhere"), &settings.hermes, board);
        assert!(matches!(found, Err(BoardError::NoBoard { .. })), "{found:?}");
    }
    waits_end(&settings.policy);
    let names: HashSet<&String> = settings.rules.iter().map(|rule| &rule.name).collect();
    assert_eq!(names.len(), settings.rules.len());
    settings.rules.iter().for_each(misses_all_in_an_empty_workspace);
}

fn waits_end(policy: &Policy) {
    let id = TaskId::new("t_1").expect("an id");
    for failures in [0, 1, 2, 30, u32::MAX] {
        let at = retry_at(&id, noon(), failures, policy);
        assert!(at >= noon() && at <= noon() + TimeDelta::days(2), "{at} after {failures} failures");
    }
}

fn misses_all_in_an_empty_workspace(rule: &Rule) {
    let files = || rule.deliverables.iter().chain(&rule.state);
    for path in rule.evidence.iter().chain(files().map(|file| &file.path)) {
        let is_inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        assert!(Path::new(path).components().all(is_inside), "{path:?}");
    }
    let asked = rule.evidence.len() + files().count();
    let found = inspect(rule, Path::new("/nowhere"), DateTime::UNIX_EPOCH).findings.len();
    assert_eq!(found, asked, "{rule:?}");
}
