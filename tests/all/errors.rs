//! What a user reads when something is wrong: what, where, and what to do next. The store is as it was.

use std::os::unix::fs::PermissionsExt;

use crate::support::Home;

/// A transcript of one command on one store.
fn transcript(home: &Home, words: &str) -> String {
    let ran = home.pool(words);
    let text = format!("$ pool {words}\n{}{}[exit {}]\n", ran.out, ran.err, ran.code);
    home.redact(&text)
}

/// The same of `pool-migrate`.
fn migration(home: &Home, words: &str) -> String {
    let ran = home.pool_migrate(words);
    home.redact(&format!("$ pool-migrate {words}\n{}{}[exit {}]\n", ran.out, ran.err, ran.code))
}

#[test]
fn what_is_wrong_is_said_once() {
    let entries = r#"[{"id": "a1", "access_token": "key-1"}]"#;
    let home = Home::with_store(&format!(
        "{{\"version\": 1, \"x\": NaN, \"credential_pool\": {{\"acme\": {entries}}}}}"
    ));
    let mut text = transcript(&home, "report acme a1 --status 429");
    home.write_store(&format!(
        "{{\"version\": 1, \"x\": NaN, \"credential_pool\": {{\"acme\": {entries}}}}}"
    ));
    text += &migration(&home, "--dry-run auth.json");
    home.write_store(&format!("{{\"version\": 1, \"credential_pool\": {{\"acme\": {entries}}}}}"));
    std::fs::set_permissions(home.store(), PermissionsExt::from_mode(0o400)).unwrap();
    text += &transcript(&home, "pick acme --strategy round_robin");
    text += &transcript(&home, "report acme a1 --status 429");
    insta::assert_snapshot!(text);
}

#[test]
fn a_log_filter_that_makes_no_sense_is_said() {
    let ran = Home::legacy().pool_with("pick openai-codex", &[("POOL_LOG", "debug=loud=very")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.starts_with("warning: POOL_LOG cannot be read, so warnings only: "), "{ran:?}");
}

#[test]
fn broken_stores() {
    let cases = [
        ("empty", ""),
        ("zeroes after a crash", "\0\0\0\0"),
        ("cut short", "{\n  \"credential_pool\": {\n    \"acme\": [{\"id\": \"a1\""),
        ("trailing comma", "{\n  \"version\": 1,\n}"),
        ("a list", "[]"),
        ("pool is no object", "{\"credential_pool\": []}"),
        ("records are no object", "{\"credential_pool_runtime\": {\"acme\": 7}}"),
        (
            "newer version",
            "{\"version\": 2, \"credential_pool\": {\"acme\": [{\"id\": \"a1\", \"access_token\": \"key-1\"}]}}",
        ),
    ];
    let mut text = String::new();
    for (name, store) in cases {
        let home = Home::with_store(store);
        text += &format!("--- {name}\n{}", transcript(&home, "report acme a1 --status 429"));
        assert_eq!(home.read_store(), store, "{name}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn names_that_select_nobody() {
    let home = Home::with_store(
        r#"{"credential_pool": {"acme": [
            {"id": "a1", "label": "work", "access_token": "key-1"},
            {"id": "a2", "label": "Work", "access_token": "key-2"},
            {"id": "a2", "label": "twin", "access_token": "key-3"}]}}"#,
    );
    home.write("secret", "key-1");
    let commands = [
        "list nowhere",
        "pick nowhere",
        "pick acme --exclude a9",
        "pick acme --exclude work",
        "report acme a9 --status 429",
        "report acme work --status 429",
        "report acme sha256:0000000000000000 --status 401",
        "remove acme 7",
        "remove acme a2",
        "add acme --secret-file secret",
        "add acme --secret-file nothing-there",
        "add acme --secret-env NOT_SET",
        "report acme a1",
        "report acme a1 --status 42",
        "report acme a1 --status 200",
        "report acme a1 --status 304",
        "report acme a1 --status 429 --now 9999-12-31T23:30:00Z",
        "pick acme --strategy fastest",
        "list --now yesterday",
    ];
    let text: String = commands.iter().map(|command| transcript(&home, command)).collect();
    insta::assert_snapshot!(text);
}

#[test]
fn secrets_that_nobody_could_send() {
    let home = Home::with_store(r#"{"credential_pool": {}}"#);
    let before = home.read_store();
    let mut text = String::new();
    for (name, secret) in [
        ("two-lines", "key-1\nkey-2\n"),
        ("dos", "key-1\r\nkey-2\r\n"),
        ("zero", "key\0-1"),
        ("mark", "\u{feff}key-1\n"),
        ("bell", "key\u{7}1"),
        ("blank", " \n"),
    ] {
        home.write(name, secret);
        text += &transcript(&home, &format!("add acme --secret-file {name}"));
    }
    assert!(!text.contains("key-1"), "{text}");
    assert_eq!(home.read_store(), before);
    insta::assert_snapshot!(text);
}

#[test]
fn places_that_are_no_store() {
    let home = Home::empty();
    let mut text = transcript(&home, "list");
    text += &transcript(&home, "list --store nowhere/auth.json");
    text += &transcript(&home, "list --store .");
    home.write_at("folder/.keep", "");
    for words in [".", "--check .", "--rollback folder", "folder"] {
        text += &migration(&home, words);
    }
    assert!(!home.path().join("folder.lock").exists());
    insta::assert_snapshot!(text);
}
