//! Where credentials come from, through the real commands. All tokens are fakes.

use std::path::Path;

use crate::support::Home;

const CLAUDE: &str = ".claude/.credentials.json";
const CODEX: &str = ".codex/auth.json";

/// A token of account `acc-1`, of `agent@example.com`, that ends in September 2026.
const TOKEN: &str = "e30.eyJleHAiOjE3OTAwMDAwMDAsImVtYWlsIjoiYWdlbnRAZXhhbXBsZS5jb20iLCJodHRwczovL2FwaS5vcGVuYWkuY29tL2F1dGgiOnsiY2hhdGdwdF9hY2NvdW50X2lkIjoiYWNjLTEiLCJjaGF0Z3B0X3VzZXJfaWQiOiJ1c2VyLTEifX0";

fn claude(token: &str) -> String {
    format!(
        r#"{{"claudeAiOauth": {{"accessToken": "{token}", "refreshToken": "canary-refresh", "expiresAt": 1999800400000}}}}"#
    )
}

fn codex(signature: &str) -> String {
    format!(
        r#"{{"tokens": {{"access_token": "{TOKEN}.{signature}", "refresh_token": "canary-{signature}"}}}}"#
    )
}

fn picked(home: &Home, provider: &str) -> Option<String> {
    let ran = home.pool(&format!("pick {provider} --print-secret"));
    (ran.code == 0).then(|| ran.out.trim().to_owned())
}

fn says(home: &Home, words: &str) -> String {
    let ran = home.pool(words);
    assert_eq!(ran.code, 0, "{words}: {}", ran.err);
    ran.out
}

#[test]
fn a_borrowed_login_is_fetched_when_it_is_used_and_never_stored() {
    let home = Home::empty();
    home.write_at(CLAUDE, &claude("canary-1"));
    assert!(says(&home, "import claude").contains("from claude_code"));
    assert_eq!(picked(&home, "anthropic").as_deref(), Some("canary-1"));
    home.write(CLAUDE, &claude("canary-2"));
    assert_eq!(picked(&home, "anthropic").as_deref(), Some("canary-2"));
    assert!(!home.read_store().contains("canary"), "{}", home.read_store());

    home.write(CLAUDE, "{}");
    let none = home.pool("pick anthropic");
    assert_eq!((none.code, picked(&home, "anthropic")), (3, None), "{}", none.out);
    assert!(home.pool("doctor").out.contains("no login can be read where claude_code keeps it"));
}

#[test]
fn a_dead_login_is_back_with_what_its_tool_got_meanwhile() {
    let home = Home::empty();
    home.write_at(CODEX, &codex("one"));
    says(&home, "import codex");
    says(&home, "report openai-codex 1 --status 401 --code token_revoked");
    assert_eq!(picked(&home, "openai-codex"), None);
    assert!(says(&home, "sync").contains("nothing new"), "the same login is as dead there");
    home.write(CODEX, &codex("two"));
    assert_eq!(picked(&home, "openai-codex"), Some(format!("{TOKEN}.two")));
    assert!(!home.read_store().contains("canary-two"), "reading writes nothing");
    assert!(says(&home, "sync openai-codex").starts_with("nothing new"));
    says(&home, "report openai-codex 1 --status 429");
    assert!(home.read_store().contains("canary-two"), "the next change does");
    assert!(home.read_store().contains("\"label\": \"agent@example.com\""));
}

#[test]
fn what_is_removed_is_suppressed_in_the_same_write() {
    let home = Home::empty();
    home.write_private(".env", "OPENROUTER_API_KEY=canary-env\n");
    says(&home, "sync");
    let removed = says(&home, "remove openrouter 1");
    assert!(
        removed.ends_with("env:OPENROUTER_API_KEY is suppressed: it is not taken in again by itself\n"),
        "{removed}"
    );
    assert!(home.read_store().contains(r#""suppressed_sources""#));
    assert!(says(&home, "sync").starts_with("left out env:OPENROUTER_API_KEY"));
    home.write("secret", "sk-another");
    says(&home, "add openrouter --secret-file secret");
    assert!(says(&home, "import env").starts_with("left out"), "a key lifts nothing but its own source");
    says(&home, "import env --again");
    assert!(!home.read_store().contains("suppressed_sources"), "nothing is left of it");
}

#[test]
fn letter_case_brings_nothing_back() {
    let store = |suppressed: &str| {
        let home = Home::with_store(&format!(
            r#"{{"version": 1, "providers": {{}}, "suppressed_sources": {suppressed}, "credential_pool": {{"gemini": [
                {{"id": "a1", "label": "x", "auth_type": "api_key", "priority": 0, "source": "ENV:GEMINI_API_KEY"}}]}}}}"#
        ));
        home.write_private(".env", "GEMINI_API_KEY=canary-env\n");
        home
    };
    let home = store("{}");
    says(&home, "remove gemini a1");
    assert_eq!(
        says(&home, "sync"),
        "left out env:GEMINI_API_KEY of gemini: somebody removed it; \
         `pool import env --provider gemini --again` takes it in\n"
    );
    for suppressed in [
        r#"{"Gemini": ["Env:GEMINI_API_KEY"]}"#,
        r#"{"gemini": "env:GEMINI_API_KEY"}"#,
        r#"{"gemini": [1, "env:GEMINI_API_KEY"]}"#,
    ] {
        assert!(says(&store(suppressed), "sync").starts_with("left out"), "{suppressed}");
    }
    for suppressed in ["\"x\"", r#"{"gemini": {"env:GEMINI_API_KEY": 1}}"#, r#"{"gemini": [1]}"#] {
        let home = store(suppressed);
        assert!(home.pool("sync").err.contains("has an unknown shape"), "{suppressed}");
        assert!(home.pool("doctor").out.contains("warning: `suppressed_sources"), "{suppressed}");
    }
}

#[test]
fn what_is_there_is_suppressed_no_longer_once_it_is_imported_again() {
    let home = Home::empty();
    home.write_at(CLAUDE, &claude("canary-1"));
    says(&home, "import claude");
    let suppressed = "\"suppressed_sources\": {\"anthropic\": [\"claude_code\"]}, \"version\"";
    home.write_store(&home.read_store().replace("\"version\"", suppressed));
    assert_eq!(
        says(&home, "import claude"),
        "left out claude_code of anthropic: somebody removed it; `pool import claude --again` takes it in\n"
    );
    assert!(says(&home, "import claude --again --dry-run").starts_with("nothing new"));
    assert!(home.read_store().contains("suppressed_sources"));
    assert!(says(&home, "import claude --again").starts_with("nothing new"));
    assert!(!home.read_store().contains("suppressed_sources"), "{}", home.read_store());
}

#[test]
fn a_source_and_a_provider_that_do_not_fit_are_a_mistake() {
    let home = Home::empty();
    home.write_at(CODEX, &codex("one"));
    for (words, expected) in [
        (
            "import codex --provider anthropic",
            "`import codex` takes in a login of `openai-codex`, and none of `anthropic`",
        ),
        ("import env --provider nosuch", "no variable is known to hold a secret of `nosuch`"),
    ] {
        let ran = home.pool(words);
        assert!(ran.code == 2 && ran.err.contains(expected), "{ran:?}");
    }
    assert_eq!(says(&home, "import env --provider gemini"), "nothing is offered\n");
}

#[test]
fn a_secret_that_no_header_could_carry_is_not_taken_in() {
    let home = Home::empty();
    home.write_at(CLAUDE, &claude("sk-ant-oat01-a"));
    says(&home, "import claude");
    let evil = claude("sk-ant-oat01-a\\r\\nX-Evil: 1");
    home.write_at(CLAUDE, &evil);
    assert_eq!(picked(&home, "anthropic"), None);
    home.write_at(CODEX, r#"{"tokens": {"access_token": "x\ny", "refresh_token": "canary-r"}}"#);
    home.write_private(".env", "GEMINI_API_KEY=canary\u{1}env\n");
    for (words, expected) in [
        ("import claude", "`claudeAiOauth.accessToken` has a line break in it"),
        ("import codex", "`tokens.access_token` has a line break in it"),
    ] {
        let ran = home.pool(words);
        assert!(ran.code == 1 && ran.err.contains(expected), "{ran:?}");
    }
    assert_eq!(
        says(&home, "import env"),
        "refused env:GEMINI_API_KEY of gemini: it has a control character in it\n"
    );
}

#[cfg(unix)]
#[test]
fn what_is_not_the_file_of_a_tool_is_said_with_what_mends_it() {
    let imported = |make: fn(&Home, &Path)| {
        let home = Home::empty();
        let file = home.path().join(CLAUDE);
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        make(&home, &file);
        home.pool("import claude")
    };
    for ran in [
        imported(|home, _| home.write(CLAUDE, &" ".repeat(1024 * 1024 + 1))),
        imported(|_, file| std::os::unix::fs::symlink(file, file).unwrap()),
        imported(|_, file| std::fs::create_dir(file).unwrap()),
    ] {
        assert!(ran.code == 1 && ran.err.contains("is not the file of that tool"), "{ran:?}");
    }
}

#[test]
fn a_removed_key_of_a_person_suppresses_nothing() {
    let home = Home::empty();
    home.write("secret", "sk-mine");
    says(&home, "add acme --secret-file secret");
    assert!(!says(&home, "remove acme 1").contains("suppressed"));
    assert!(!home.read_store().contains("suppressed_sources"));
}

#[test]
fn a_sync_takes_in_what_the_home_offers_and_asks_before_it_takes_another_tool() {
    let home = Home::empty();
    home.write_at(CLAUDE, &claude("canary-1"));
    home.write_at(CODEX, "{broken");
    home.write_private(
        ".anthropic_oauth.json",
        r#"{"accessToken": "canary-own", "refreshToken": "canary-rt"}"#,
    );
    let out = says(&home, "sync");
    assert!(
        out.contains("from hermes_pkce") && !out.contains("claude_code") && !out.contains("codex"),
        "{out}"
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let home = Home::empty();
    home.write_at(CODEX, &codex("one"));
    assert!(says(&home, "import codex --dry-run").contains("would add agent@example.com to openai-codex"));
    assert!(!home.store().exists());
}

#[test]
fn what_cannot_be_read_is_said_with_its_place_and_without_its_text() {
    let home = Home::empty();
    for (text, expected) in [
        ("{\"claudeAiOauth\": {\"accessToken\": \"canary", "not JSON: ends too early at line 1 column 41"),
        (
            "{\"claudeAiOauth\": {\"accessToken\": 7}}",
            "`claudeAiOauth.accessToken` at line 1 column 35 is not a string",
        ),
    ] {
        home.write_at(CLAUDE, text);
        for words in ["import claude", "import claude --json"] {
            let ran = home.pool_with(words, &[("POOL_LOG", "trace")]);
            assert_eq!(ran.code, 1);
            assert!(ran.err.contains(expected), "{}", ran.err);
            assert!(!format!("{}{}", ran.out, ran.err).contains("canary"), "{}", ran.err);
        }
    }
    assert!(!home.store().exists());
}

#[test]
fn no_secret_is_printed_or_logged() {
    let home = Home::empty();
    home.write_at(CLAUDE, &claude("canary-1"));
    home.write_at(CODEX, &codex("one"));
    home.write_private(".env", "GEMINI_API_KEY=canary-env\n");
    for words in [
        "import claude",
        "import codex --json",
        "import env",
        "sync",
        "sync --json",
        "list --json",
        "doctor",
        "remove gemini 1",
    ] {
        let words = format!("{words} --now 2026-05-26T12:00:00Z");
        let ran = home.pool_with(&words, &[("POOL_LOG", "trace")]);
        let all = format!("{}{}", ran.out, ran.err);
        assert!(!all.contains("canary") && !all.contains(TOKEN), "{words}: {all}");
    }
}

#[test]
fn a_login_that_the_other_program_keeps_is_taken_in() {
    let login =
        format!(r#"{{"tokens": {{"access_token": "{TOKEN}.kept", "refresh_token": "canary-kept"}}}}"#);
    let home = Home::with_store(&format!(
        r#"{{"version": 1, "active_provider": "openai-codex", "providers": {{"openai-codex": {login}, "nous": {{"portal": "x"}}, "gone": null}}, "credential_pool": {{}}}}"#
    ));
    let said = says(&home, "sync");
    assert!(
        said.starts_with("added ")
            && said.ends_with("(agent@example.com) to openai-codex, from device_code\n"),
        "{said}"
    );
    assert_eq!(picked(&home, "openai-codex"), Some(format!("{TOKEN}.kept")));
    assert!(says(&home, "sync").starts_with("nothing new"));
    says(&home, "remove openai-codex 1");
    assert!(says(&home, "sync").starts_with("left out device_code of openai-codex"));
    assert!(home.read_store().contains(r#""active_provider": "openai-codex""#));
}
