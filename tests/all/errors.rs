//! What a user reads when something is wrong: what, where, and what to do next. The store is as it was.

use crate::support::Home;

/// A transcript of one command on one store.
fn transcript(home: &Home, words: &str) -> String {
    let ran = home.pool(words);
    let text = format!("$ pool {words}\n{}{}[exit {}]\n", ran.out, ran.err, ran.code);
    home.redact(&text)
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
    insta::assert_snapshot!(text);
}
