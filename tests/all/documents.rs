//! The examples of the docs run: every `console` block is a transcript, and what it shows is what is printed.
//!
//! `UPDATE_DOCS=1 cargo test -p pool-tests` writes down what is printed now; read the difference before you commit it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Home;
use crate::token_server::{Act, TokenServer};

#[test]
fn the_readme_shows_what_happens() {
    show_example("README.md");
    replay("README.md");
}

#[test]
fn the_guide_to_the_commands_shows_what_happens() {
    replay("docs/cli.md");
}

#[test]
fn the_page_of_the_watchdog_shows_what_happens() {
    replay("docs/watchdog.md");
}

#[test]
fn every_link_between_the_docs_leads_somewhere() {
    for name in [
        "README.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "docs/architecture.md",
        "docs/cli.md",
        "docs/design.md",
        "docs/format.md",
        "docs/glossary.md",
        "docs/recovery.md",
        "docs/rules.md",
        "docs/testing.md",
        "docs/watchdog.md",
    ] {
        let path = root().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.is_empty() && !link.contains("://")) {
            assert!(path.parent().unwrap().join(link).exists(), "{name} links to {link}");
        }
    }
}

/// The example of the library is the file that `request` runs.
fn show_example(name: &str) {
    let path = root().join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("```rust\n").unwrap();
    let (_, after) = rest.split_once("```\n").unwrap();
    let shown = format!("{before}```rust\n{}```\n{after}", include_str!("example.rs"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return update(&path, &shown);
    }
    assert!(text == shown, "{name} has another example; run with UPDATE_DOCS=1 and read the difference");
}

/// Runs the commands of a document one after another in one home, and compares.
fn replay(name: &str) {
    let path = root().join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let home = home();
    let gone = Act::Say(400, r#"{"error": "invalid_grant", "error_description": "Refresh token revoked"}"#);
    let code = r#"{"device_code": "a", "user_code": "WDJB-MJHT", "verification_uri": "https://auth.acme.example/device",
        "expires_in": 600, "interval": 0}"#;
    let pair = r#"{"access_token": "a-fake", "refresh_token": "another-fake", "expires_in": 3600}"#;
    let login = [Act::Say(200, code), Act::Say(200, pair)];
    let server = TokenServer::start(
        [Act::Rotate, Act::Rotate, gone, Act::Say(503, "")].into_iter().chain(login.clone()).chain(login),
    );
    let (mut shown, mut added) = (String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        writeln!(shown, "{line}").unwrap();
        if line == "```console" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            for command in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
                let printed = mask_chance(&run(&home, &server.url(), command), &mut added);
                write!(shown, "$ {command}\n{printed}").unwrap();
            }
            writeln!(shown, "```").unwrap();
        }
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return update(&path, &shown);
    }
    let differs = text.lines().zip(shown.lines()).find(|(written, shown)| written != shown);
    let advice = "run with UPDATE_DOCS=1 and read the difference";
    assert!(text == shown, "{name} shows something else, first (written, shown): {differs:?}; {advice}");
}

/// A home like a fresh clone, with the three commands at hand.
fn home() -> Home {
    let home = Home::legacy();
    home.write_at("tests/data/hermes-auth-legacy.json", crate::support::LEGACY_STORE);
    for (name, program) in [
        ("pool", env!("CARGO_BIN_EXE_pool-under-test")),
        ("pool-migrate", env!("CARGO_BIN_EXE_pool-migrate-under-test")),
        ("pool-watchdog", env!("CARGO_BIN_EXE_pool-watchdog-under-test")),
    ] {
        std::os::unix::fs::symlink(program, home.path().join(name)).unwrap();
    }
    watch(&home);
    home
}

/// What docs/watchdog.md is about: a board with a task whose worker timed out, its log, its workspace, and the logins of its worker.
fn watch(home: &Home) {
    const LOG: &str = include_str!("../../crates/pool-watchdog/tests/logs/timeout.log");
    let region = include_str!("../../crates/pool-watchdog/tests/logs/region.log");
    home.write_at("crates/pool-watchdog/tests/logs/region.log", region);
    home.write("worker.log", LOG);
    home.write_private("watchdog.toml", include_str!("../data/watchdog/watchdog.toml"));
    home.write_at("root/kanban/logs/t_52cac9ce.log", LOG);
    let board =
        include_str!("../data/watchdog/board.sql").replace("@HERE@", &home.path().display().to_string());
    rusqlite::Connection::open(home.path().join("root/kanban.db")).unwrap().execute_batch(&board).unwrap();
    home.write_at("work/raw/prices.json", r#"{"Codex": 20, "Claude": 17}"#);
    home.write_at("work/report.md", "# Tools\n\n| | Price | Limits |\n| --- | --- | --- |\n| Codex | 20 USD | 5 h |\n| Claude | 17 USD | |\n");
    home.write_at("work/state/PROJECT_STATE.md", "The prices are collected.\n");
    home.write_at("work/state/PROJECT_STATE.html", "<p>The prices are collected.</p>\n");
    home.write_at("root/profiles/worker1/SOUL.md", "");
    std::fs::create_dir(home.path().join("home-of-worker1")).unwrap();
    home.write_at(
        ".codex/auth.json",
        r#"{"tokens": {"access_token": "a-fake", "refresh_token": "another-fake"}}"#,
    );
    // What the real ones say of that.
    let codex = "[ -e \"$HOME/.codex/auth.json\" ] && { echo 'Logged in using ChatGPT' >&2; exit 0; }\necho 'Not logged in' >&2; exit 1\n";
    for (name, script) in [("codex", codex), ("hermes", "exit 0\n")] {
        home.write(name, &format!("#!/bin/sh\n{script}"));
        let runnable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(home.path().join(name), runnable).unwrap();
    }
}

/// What a command prints, standard error behind standard output, and how it ended if not well.
fn run(home: &Home, token_url: &str, command: &str) -> String {
    let command = command.replace("cargo run --quiet --bin pool-migrate --", "pool-migrate");
    let command = command.replace("cargo run --quiet --bin pool-watchdog --", "pool-watchdog");
    let command = command.replace("cargo run --quiet --bin pool --", "pool");
    let output = Command::new("sh")
        .args(["-c", &command])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", home.path().display()))
        .env("HERMES_HOME", home.path())
        .env("TOKEN_URL", token_url)
        .env("HOME", home.path())
        .current_dir(home.path())
        .output()
        .unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    if let Some(code) = output.status.code().filter(|code| *code != 0) {
        writeln!(text, "[exit {code}]").unwrap();
    }
    home.redact(&text).replace("HOME/", "")
}

/// A new credential has an id by chance: whoever was added so far is called alike.
fn mask_chance(text: &str, added: &mut Vec<String>) -> String {
    let ids = text.lines().filter_map(|line| {
        let words =
            ["added ", "logged in again as ", "repaired: openai-codex has the login of Codex CLI as "];
        words.iter().find_map(|words| line.strip_prefix(words))?.get(..6)
    });
    added.extend(ids.map(str::to_owned));
    added.iter().fold(text.to_owned(), |text, id| text.replace(id, "1a2b3c"))
}

#[expect(clippy::disallowed_methods, reason = "the docs are rewritten when asked for")]
fn update(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
