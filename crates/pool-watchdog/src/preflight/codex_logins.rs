//! The logins that the Codex CLI of a worker and of its tools finds: what it says itself, and what its file says.

use std::path::Path;

use pool_core::{quoted, quoted_path, time};

use super::Examination;
use super::check::{Check, Checked, Fix};
use crate::codex::{Codex, CodexStatus};
use crate::home::CodexHome;
use crate::login::{LoginState, in_codex_file};

/// One for each login that applies.
pub(super) fn checks(of: &Examination<'_>) -> Vec<Check> {
    let (worker, tools) = (&of.home.worker, &of.home.tools);
    let codex = Codex::new(&of.settings.codex, of.around.path.as_deref());
    let mut checks = vec![check(of, &codex, Checked::WorkerLogin, worker)];
    if tools.login() != worker.login() {
        checks.push(check(of, &codex, Checked::ToolsLogin, tools));
    }
    checks
}

fn check(of: &Examination<'_>, codex: &Codex, name: Checked, home: &CodexHome) -> Check {
    let state = in_codex_file(&home.login(), of.around.now).state;
    let status = codex.status(home);
    let (is, shown) = (words(&state), home.login().display().to_string());
    let found = format!("{shown}: {is}; {}", says(&status));
    match (&state, &status) {
        (LoginState::Good(_), CodexStatus::ChatGpt) => Check::ok(name, found),
        (LoginState::Good(_), CodexStatus::NoBinary | CodexStatus::TimedOut) => Check::note(name, found)
            .next(format!("once it answers, ask it yourself: `{}`", command(of, home, "status"))),
        (LoginState::ApiKey, CodexStatus::ApiKey | CodexStatus::NoBinary | CodexStatus::TimedOut) => {
            Check::note(name, format!("{found}; its owner pays for each request"))
                .next(format!("to use ChatGPT instead, log in: `{}`", command(of, home, "")))
        }
        _ => {
            // A worker's calls go by the login of Hermes: where that has one, only the Codex CLI among its tools misses this one.
            let check =
                if of.hermes_has_a_login() { Check::note(name, found) } else { Check::broken(name, found) };
            let fix = link(of, home, &state);
            check.next(instruction(of, home, &state, fix.as_ref())).fix(fix)
        }
    }
}

/// The symlink that would help: to the main login, if that is a file of its own that has not ended, from where there is nothing to lose.
fn link(of: &Examination<'_>, home: &CodexHome, state: &LoginState) -> Option<Fix> {
    let (link, target) = (home.login(), of.home.main.login());
    let is_free = matches!(state, LoginState::Absent | LoginState::Dangling(_));
    (is_free && link != target && is_login(&target, of.around.now)).then_some(Fix::Link { link, target })
}

/// Whether a file is a login that others can be led to: itself no link, and not ended.
pub(super) fn is_login(path: &Path, now: chrono::DateTime<chrono::Utc>) -> bool {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file && matches!(in_codex_file(path, now).state, LoginState::Good(_))
}

fn instruction(of: &Examination<'_>, home: &CodexHome, state: &LoginState, fix: Option<&Fix>) -> String {
    let (login, path) = (command(of, home, ""), quoted_path(&home.login()));
    match (fix, state) {
        (Some(Fix::Link { target, .. }), _) => format!(
            "lead it to the main login at {}: `pool-watchdog preflight {} --fix`",
            target.display(),
            quoted(&of.home.name)
        ),
        (_, LoginState::Unreadable(_)) => {
            format!("put the file aside, and log in to Codex again: `mv {path} {path}.broken && {login}`")
        }
        // One login for all: the main one, which it is led to then.
        (_, LoginState::Absent | LoginState::Dangling(_)) if home.login() != of.home.main.login() => format!(
            "log in to Codex again: `{}`; then `pool-watchdog preflight {} --fix` leads it there",
            command(of, &of.home.main, ""),
            quoted(&of.home.name)
        ),
        (_, LoginState::Dangling(_)) => {
            format!("take the symlink away, and log in to Codex again: `rm {path} && {login}`")
        }
        _ => format!("log in to Codex again: `{login}`"),
    }
}

/// `codex login`, as whoever has this home folder.
fn command(of: &Examination<'_>, home: &CodexHome, word: &str) -> String {
    let mut line = String::new();
    let folder = home.folder();
    // It makes `.codex` itself, and no other folder.
    if home.codex_home.is_some() && !folder.is_dir() {
        line += &format!("mkdir -p {} && ", quoted_path(&folder));
    }
    if of.around.environment.user.as_ref() != Some(&home.home) {
        line += &format!("HOME={} ", quoted_path(&home.home));
    }
    if let Some(folder) = home.codex_home.as_ref() {
        line += &format!("CODEX_HOME={} ", quoted_path(folder));
    }
    line += &format!("{} login {word}", quoted_path(&of.settings.codex));
    line.trim_end().to_owned()
}

/// What is in the file.
pub(super) fn words(state: &LoginState) -> String {
    match state {
        LoginState::Absent => "no login".to_owned(),
        LoginState::Dangling(target) => format!("a symlink to {}, which is not there", target.display()),
        LoginState::Unreadable(why) => format!("unreadable, {why}"),
        LoginState::Empty => "a login that lacks a token".to_owned(),
        LoginState::Expired(at) => format!("an access token that ended at {}", time::format(*at)),
        LoginState::Good(Some(until)) => format!("a login, good until {}", time::format(*until)),
        LoginState::Good(None) => "a login that names no end".to_owned(),
        LoginState::ApiKey => "a key".to_owned(),
        LoginState::Dead => "a login that is revoked".to_owned(),
    }
}

fn says(status: &CodexStatus) -> String {
    match status {
        CodexStatus::ChatGpt => "codex says `Logged in using ChatGPT`".to_owned(),
        CodexStatus::ApiKey => "codex says `API key configured`".to_owned(),
        CodexStatus::NotLoggedIn => "codex says `Not logged in`".to_owned(),
        CodexStatus::Broken { says } => format!("codex says `{says}`"),
        CodexStatus::NoBinary => "codex is not on the PATH".to_owned(),
        CodexStatus::TimedOut => "codex did not answer in time".to_owned(),
    }
}
