//! `pool doctor`: each thing that can be wrong is found, and each command that it names mends it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::{Home, Ran};

/// A home in which something is wrong: what, how it comes about, and which word says so.
type Case = (&'static str, fn() -> Home, &'static str);

const COMMANDS: &str = include_str!("../../docs/cli.md");

const KEYS: &str = r#"{"version": 1, "providers": {}, "credential_pool": {"acme": [
  {"id": "a1", "access_token": "key-one"}, {"id": "a2", "access_token": "key-two"}]}}"#;

fn cases() -> Vec<Case> {
    vec![
        ("no store", Home::empty, "no-store"),
        ("an empty file", || Home::with_store(""), "corrupt"),
        ("zeroes after a crash", || Home::with_store("\0\0\0\0"), "corrupt"),
        ("cut short, with a backup", cut_short_with_a_backup, "corrupt"),
        ("cut short, without one", cut_short, "corrupt"),
        ("cut short, with a backup that is as bad", cut_short_twice, "corrupt"),
        ("a list", || Home::with_store("[]"), "corrupt"),
        (
            "records that are a number",
            || Home::with_store(r#"{"credential_pool_runtime": {"acme": 7}}"#),
            "corrupt",
        ),
        ("a folder", a_folder, "not-a-file"),
        ("a pipe", a_pipe, "not-a-file"),
        ("a device behind a link", || linked("/dev/null"), "not-a-file"),
        ("links in a circle", || linked("auth.json"), "not-a-file"),
        ("a link to nowhere", || linked("gone/auth.json"), "no-folder"),
        (
            "a newer version",
            || Home::with_store(&KEYS.replace("\"version\": 1", "\"version\": 2")),
            "newer-version",
        ),
        ("no write permission", || permitted("auth.json", 0o400), "read-only"),
        ("others may read the store", || permitted("auth.json", 0o644), "others-may-read"),
        ("others may read the variables", loose_variables, "others-may-read"),
        ("others may write into the folder", || permitted(".", 0o777), "others-may-write"),
        ("a folder in place of the lock", lock_is_a_folder, "lock-unusable"),
        ("our unfinished file", || left_behind(".auth.json.pool-x4Kd9a.tmp"), "leftover-file"),
        ("another program's unfinished file", || left_behind("auth.json.tmp.4242.9f86d0"), "leftover-file"),
        ("what another program could not read", corrupt_copy, "corrupt-copy"),
        ("numbers of Python", || Home::with_store(&KEYS.replace("{}", "NaN")), "not-finite"),
        (
            "a key twice in the store",
            || Home::with_store(&KEYS.replace("{}", "{}, \"version\": 1")),
            "duplicate-key",
        ),
        (
            "a key twice in an entry",
            || of_acme(r#"{"id": "a1", "access_token": "key-one", "id": "a2"}"#, ""),
            "duplicate-key",
        ),
        ("things that are no credentials", || of_acme(r#"7, {"label": "no id"}"#, ""), "not-a-credential"),
        (
            "a provider that is no list",
            || Home::with_store(r#"{"credential_pool": {"acme": {"token": 1}}}"#),
            "not-a-credential",
        ),
        ("inline fields", inline, "inline-fields"),
        ("a store that was rolled back", rolled_back, "rolled-back"),
        ("a record that is no object", || of_acme(KEY, r#""a1": 7"#), "unreadable-record"),
        (
            "a status of a newer program",
            || of_acme(KEY, r#""a1": {"status": "quarantined"}"#),
            "unknown-status",
        ),
        (
            "values that could not be read",
            || of_acme(KEY, r#""a1": {"legacy": {"last_status_at": "soon"}}"#),
            "legacy-values",
        ),
        ("a record without an entry", || of_acme(KEY, r#""a9": {"request_count": 3}"#), "orphan-record"),
        (
            "an id twice",
            || of_acme(&format!("{KEY}, {}", r#"{"id": "a1", "access_token": "key-two"}"#), ""),
            "duplicate-id",
        ),
        ("an entry twice", || of_acme(&format!("{KEY}, {KEY}"), ""), "duplicate-id"),
        (
            "a secret twice",
            || of_acme(&format!("{KEY}, {}", KEY.replace("a1", "a2")), ""),
            "duplicate-secret",
        ),
        ("a lent secret by value", lent_by_value, "lent-secret-stored"),
        ("a removed one that came back", came_back, "came-back"),
        ("a token that was rolled back", token_rolled_back, "secret-rolled-back"),
        ("a dead key", || of_acme(KEY, DEAD), "dead"),
        ("a dead login", || of_acme(LOGIN, DEAD), "dead"),
        ("a login that ended", || of_acme(&LOGIN.replace("refresh_token", "theirs"), ""), "expired"),
        ("a login that can be renewed", || of_acme(LOGIN, ""), "refresh-due"),
        ("a login whose refresh token is lost", login_lost, "login-lost"),
        ("no secret", || of_acme(r#"{"id": "a1", "auth_type": "oauth"}"#, ""), "no-secret"),
        ("a stand-in that is stored", || of_acme(&KEY.replace("key-one", "changeme"), ""), "placeholder"),
        ("a stand-in in a variable", placeholder_in_a_variable, "placeholder"),
        ("a variable that is not set", || of_acme(LENT, ""), "variable-not-set"),
        (
            "a source of other programs",
            || of_acme(&LENT.replace("env:ACME_KEY", "gh_cli"), ""),
            "source-not-readable",
        ),
    ]
}

const KEY: &str = r#"{"id": "a1", "access_token": "key-one"}"#;
const LENT: &str = r#"{"id": "a1", "source": "env:ACME_KEY"}"#;
const LOGIN: &str = r#"{"id": "a1", "auth_type": "oauth", "source": "manual:device_code", "access_token": "at-one",
   "refresh_token": "rt-one", "expires_at": "2026-05-26T11:00:00Z"}"#;
const DEAD: &str = r#""a1": {"status": "dead", "status_at": "2026-05-26T10:27:00Z",
   "last_error": {"code": 401, "reason": "token_revoked"}}"#;

/// A store of one provider, with these entries and records.
fn of_acme(entries: &str, records: &str) -> Home {
    Home::with_store(&format!(
        "{{\"version\": 1, \"credential_pool\": {{\"acme\": [\n  {entries}\n]}},\n\"credential_pool_runtime\": {{\"acme\": {{{records}}}}}}}\n"
    ))
}

fn cut_short() -> Home {
    Home::with_store(&KEYS[..100])
}

fn cut_short_with_a_backup() -> Home {
    let home = cut_short();
    home.write_private("auth.json.20260525T120000.000000Z.bak", KEYS);
    home
}

fn cut_short_twice() -> Home {
    let home = cut_short();
    home.write_private("auth.json.corrupt", &KEYS[..90]);
    home
}

fn a_folder() -> Home {
    let home = Home::empty();
    fs::create_dir(home.store()).unwrap();
    home
}

fn a_pipe() -> Home {
    let home = Home::empty();
    assert!(Command::new("mkfifo").arg(home.store()).status().unwrap().success());
    home
}

fn linked(target: &str) -> Home {
    let home = Home::empty();
    std::os::unix::fs::symlink(target, home.store()).unwrap();
    home
}

fn permitted(name: &str, mode: u32) -> Home {
    let home = Home::with_store(KEYS);
    fs::set_permissions(home.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    home
}

fn loose_variables() -> Home {
    let home = Home::with_store(KEYS);
    home.write(".env", "ACME_KEY=key-lent");
    fs::set_permissions(home.path().join(".env"), fs::Permissions::from_mode(0o644)).unwrap();
    home
}

fn lock_is_a_folder() -> Home {
    let home = Home::with_store(KEYS);
    fs::create_dir(home.path().join("auth.lock")).unwrap();
    home
}

fn left_behind(name: &str) -> Home {
    let home = Home::with_store(KEYS);
    home.write_private(name, KEYS);
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::open(home.path().join(name)).unwrap().set_modified(hour_ago).unwrap();
    home
}

fn corrupt_copy() -> Home {
    let home = Home::with_store(KEYS);
    home.write_private("auth.json.corrupt", &KEYS[..100]);
    home
}

fn inline() -> Home {
    of_acme(&KEY.replace("\"id\"", "\"last_status\": \"ok\", \"last_status_at\": 1779791220.0, \"id\""), "")
}

fn rolled_back() -> Home {
    let home = of_acme(KEY, DEAD);
    home.pool_migrate("--rollback auth.json").succeeded();
    home
}

fn lent_by_value() -> Home {
    let home = of_acme(&LENT.replace("\"id\"", "\"access_token\": \"key-lent\", \"id\""), "");
    home.write_private(".env", "ACME_KEY=key-lent");
    home
}

fn placeholder_in_a_variable() -> Home {
    let home = of_acme(LENT, "");
    home.write_private(".env", "ACME_KEY=your-api-key");
    home
}

fn came_back() -> Home {
    let home = Home::with_store(KEYS);
    home.pool("remove acme a1").succeeded();
    let removed = home.read_store();
    home.write_store(
        &removed
            .replace("{\"id\": \"a2\"", "{\"id\": \"a1\", \"access_token\": \"key-one\"}, {\"id\": \"a2\""),
    );
    home
}

fn login_lost() -> Home {
    let entry = r#"{"id": "a1", "auth_type": "oauth", "access_token": "at-one", "refresh_token": "rt-one", "expires_at": "2099-01-01T00:00:00Z"}"#;
    let subject = pool_core::Fingerprint::of("rt-one");
    let intent = format!(r#"{{"subject": "{subject}", "at": "2026-05-26T11:00:00Z", "lost": true}}"#);
    of_acme(entry, &format!(r#""a1": {{"refresh": {intent}}}"#))
}

fn token_rolled_back() -> Home {
    use pool_core::{CredentialId, Grant, Provider, Secret, Target, Tokens};

    let home = of_acme(&LOGIN.replace("2026-05-26T11", "2026-05-27T11"), "");
    let handle = pool_store::PoolHandle::new(pool_store::FileStore::new(home.store()));
    let secret = |text: &str| Secret::new(text.to_owned());
    let tokens = Tokens::access(secret("at-two")).with_refresh(Some(secret("rt-two")));
    let target = Target::Id(CredentialId::new("a1").unwrap());
    handle.rotate(&Provider::new("acme").unwrap(), target, tokens, Grant::Same, None).unwrap();
    let renewed = home.read_store();
    home.write_store(&renewed.replace("at-two", "at-one").replace("rt-two", "rt-one"));
    home
}

#[test]
fn what_is_wrong_is_found_and_each_command_mends_it() {
    let mut text = String::new();
    for (what, make, problem) in cases() {
        let home = make();
        let before = photo(&home);
        let answer = examined(&home);
        let ran = home.pool("doctor");
        assert_eq!(photo(&home), before, "{what}: it only looks");
        assert_eq!(
            (ran.code, ran.err.as_str()),
            (i32::from(!is_healthy(&answer)), warning(problem, &ran)),
            "{what}"
        );
        text += &format!("--- {what}\n{}", home.redact(&ran.out));
        let finding = found(&answer, problem).unwrap_or_else(|| panic!("{what}: {answer}"));
        let row = format!("| {}: ", finding["severity"].as_str().unwrap());
        let row = COMMANDS.lines().find(|line| line.starts_with(&row)).unwrap();
        assert!(row.contains(&format!("`{problem}`")), "docs/cli.md names {problem}");
        for index in 0..finding["mends"].as_array().unwrap().len() {
            mends(what, make, problem, index);
        }
    }
    insta::assert_snapshot!(text);
}

/// Runs the command of a finding in a home like it, and looks again.
fn mends(what: &str, make: fn() -> Home, problem: &str, index: usize) {
    let home = make();
    let finding = found(&examined(&home), problem).unwrap();
    let Some(command) = finding["mends"][index]["command"].as_str() else { return };
    home.shell(command);
    let after = examined(&home);
    assert_eq!(found(&after, problem), None, "{what}: after `{command}`");
}

/// A text with numbers of Python is warned of whenever it is read.
fn warning<'a>(problem: &str, ran: &'a Ran) -> &'a str {
    if problem == "not-finite" { &ran.err } else { "" }
}

fn examined(home: &Home) -> Value {
    let ran = home.pool("doctor --json");
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn is_healthy(answer: &Value) -> bool {
    answer["healthy"].as_bool().unwrap()
}

fn found(answer: &Value, problem: &str) -> Option<Value> {
    answer["findings"].as_array().unwrap().iter().find(|finding| finding["problem"] == problem).cloned()
}

/// Every file of a home, with its mode and its bytes.
fn photo(home: &Home) -> Vec<(String, u32, Option<Vec<u8>>)> {
    let mut files: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let bytes = metadata.is_file().then(|| fs::read(&path).unwrap());
            (path.display().to_string(), metadata.permissions().mode(), bytes)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_store_that_its_owner_may_not_read_is_found_too() {
    let home = permitted("auth.json", 0o000);
    // Root reads everything.
    let problem = if fs::File::open(home.store()).is_ok() { "read-only" } else { "unreadable" };
    let finding = found(&examined(&home), problem).unwrap();
    home.shell(finding["mends"][0]["command"].as_str().unwrap());
    assert_eq!(home.pool("doctor").code, 0);
}

#[test]
fn nothing_is_wrong_with_a_good_store() {
    let home = Home::with_store(KEYS);
    let out = home.pool("doctor").succeeded();
    assert_eq!(home.redact(&out), "nothing is wrong with HOME/auth.json\n");
    assert_eq!(examined(&home)["findings"], json!([]));
}

#[test]
fn findings_in_json_say_where() {
    let home = of_acme(&format!("7,\n  {LENT}"), DEAD);
    let ran = home.pool("doctor --json");
    let answer: Value = serde_json::from_str(&ran.out).unwrap();
    insta::assert_snapshot!(home.redact(&serde_json::to_string_pretty(&answer).unwrap()));
}

#[test]
fn one_provider_can_be_asked_for() {
    let home = Home::with_store(
        r#"{"credential_pool": {"acme": [{"id": "a1"}], "other": [{"id": "o1"}], "fine": [{"id": "f1", "access_token": "key-one"}]}}"#,
    );
    let out = home.pool("doctor acme").out;
    assert!(out.contains("a1 stores no secret") && !out.contains("o1"), "{out}");
    assert_eq!(home.pool("doctor fine").code, 0);
    let ran = home.pool("doctor nobody");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("no credentials for `nobody`"), "{ran:?}");
    let broken = cut_short();
    assert!(broken.pool("doctor acme").out.contains("not JSON"));
}

#[test]
fn commands_name_a_store_that_is_not_the_default() {
    let home = Home::empty();
    home.write_private("other store.json", &of_acme(KEY, DEAD).read_store());
    let doctor = |more: &[&str]| {
        let mut command = home.pool_command();
        command.args(["doctor", "--store", "other store.json"]).args(more).output().unwrap()
    };
    let answer: Value = serde_json::from_slice(&doctor(&["--json"]).stdout).unwrap();
    let finding = found(&answer, "dead").unwrap();
    let command = finding["mends"][1]["command"].as_str().unwrap();
    assert_eq!(command, "pool remove --store 'other store.json' acme a1");
    home.shell(command);
    assert!(doctor(&[]).status.success());
}

#[test]
fn a_folder_that_is_missing_is_made_by_its_command() {
    let home = Home::empty();
    let answer = home.pool("doctor --json --store deep/down/auth.json");
    let answer: Value = serde_json::from_str(&answer.out).unwrap();
    let finding = found(&answer, "no-folder").unwrap();
    let command = finding["mends"][0]["command"].as_str().unwrap();
    assert_eq!(command, "mkdir -p deep/down");
    home.shell(command);
    assert_eq!(home.pool("doctor --store deep/down/auth.json").code, 0);
}

/// Whoever locked the store, ended also where the test fails.
struct Holding(Child);

impl Drop for Holding {
    fn drop(&mut self) {
        // It may have been ended already.
        drop(self.0.kill());
        self.0.wait().unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_lock_that_is_held_for_long_is_found_with_its_holder() {
    let home = Home::with_store(KEYS);
    let mut program = Command::new("flock");
    program.args(["--no-fork", "auth.lock", "sh", "-c", "echo held; exec sleep 60"]);
    program.current_dir(home.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut holding = Holding(program.spawn().unwrap());
    let mut line = String::new();
    let out = holding.0.stdout.as_mut().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
    assert_eq!(line, "held\n");

    let finding = found(&examined(&home), "locked").unwrap();
    let pid = holding.0.id();
    let what = home.redact(finding["what"].as_str().unwrap());
    assert_eq!(what, format!("HOME/auth.lock is locked by sleep (pid {pid}): waited 2 s"));
    assert_eq!(finding["mends"][0]["command"], format!("kill {pid}"));
    home.shell(finding["mends"][0]["command"].as_str().unwrap());
    assert_eq!(found(&examined(&home), "locked"), None);
}
