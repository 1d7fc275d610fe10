use std::path::Path;

use pool_sources::Environment;

use super::*;
use crate::task::Status;

fn parse(text: &str) -> Result<Settings, SettingsError> {
    Settings::parse(text, Path::new("/srv/agent"), &Environment::of_user("/home/agent"))
}

fn refusal(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn nothing_need_be_said() {
    insta::assert_debug_snapshot!(parse("").expect("an empty file"));
}

#[test]
fn the_example_is_read_as_it_says() {
    insta::assert_debug_snapshot!(parse(include_str!("../../examples/watchdog.toml")).expect("the example"));
}

/// What the example says of the usual values is so.
#[test]
fn the_example_shows_the_defaults() {
    let example = parse(include_str!("../../examples/watchdog.toml")).expect("the example");
    let empty = parse("").expect("an empty file");
    assert_eq!(Settings { profiles: BTreeMap::new(), rules: Vec::new(), ..example }, empty);
}

#[test]
fn what_cannot_be_meant_is_refused_where_it_stands() {
    let task = |keys: &str| format!("[[task]]\nname = \"reports\"\n{keys}\n");
    let report = |keys: &str| format!("[[task]]\nname = \"reports\"\n[[task.deliverable]]\n{keys}\n");
    let texts = [
        "boards = [".to_owned(),
        "bords = [\"default\"]".to_owned(),
        "boards = []".to_owned(),
        "boards = [\"a\", \"a\"]".to_owned(),
        "boards = [\"Default\"]".to_owned(),
        "boards = [\"-a\"]".to_owned(),
        "hermes = \"\"".to_owned(),
        "state = \"a\\u001bb\"".to_owned(),
        "[profile.\"../x\"]".to_owned(),
        "[profile.x]\nproviders = [\"\"]".to_owned(),
        "[profile.x]\nhome = \"~\"".to_owned(),
        "[policy]\nretries = 11".to_owned(),
        "[policy]\nretries = -1".to_owned(),
        "[policy]\nbackoff = \"soon\"".to_owned(),
        "[policy]\nbackoff = \"0s\"".to_owned(),
        "[policy]\nbackoff = \"25h\"".to_owned(),
        "[policy]\nbackoff = \"10m\"\nlongest_backoff = \"5m\"".to_owned(),
        "[policy]\nends_blocks_of = [\"human\"]".to_owned(),
        "[policy]\nlongest_copy = \"1GB\"".to_owned(),
        "[policy]\nlongest_copy = -1".to_owned(),
        "[policy]\nlongest_copy = 1.5".to_owned(),
        "policy = 2".to_owned(),
        "[profile]\nworker1 = 3".to_owned(),
        "task = [\"weekly\"]".to_owned(),
        "[[task]]\nevidence = [\"raw\"]".to_owned(),
        task("state = []"),
        format!("{}{}", task(""), task("")),
        task("ids = [\"../t_1\"]"),
        task("ids = [\"t\\u001b[31m\"]"),
        task("title = \"[\""),
        task("title = \" \""),
        task("evidence = [\"/etc\"]"),
        task("evidence = [\"raw/../..\"]"),
        task("evidence = [\"raw/***\"]"),
        task("evidence = [\".\"]"),
        task("state = [\"../PROJECT_STATE.md\"]"),
        task("make = []"),
        task("make = [\"\"]"),
        report("subjects = [\"Codex\"]"),
        report("path = \"/report.md\""),
        report("path = \"../report.md\""),
        report("path = \"report.md\"\nmake = []"),
        report("path = \"report.md\"\nmakes = [\"true\"]"),
        report("path = \"report.md\"\nsubjects = [\" \"]"),
        report("path = \"report.md\"\nsubjects = [\"?!\"]"),
        report("path = \"report.md\"\ndimensions = [\"Price\"]"),
        report("path = \"report.csv\"\nsubjects = [\"Codex\"]"),
        report("path = \"report.md\"\n[[task.deliverable]]\npath = \"report.md\""),
    ];
    let told: Vec<String> = texts.iter().map(|text| format!("{text}\n=> {}\n", refusal(text))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn paths_begin_at_the_home_or_at_the_folder_of_the_file() {
    let home_of = |value: &str| parse(&format!("home = {value:?}")).expect(value).home;
    for (value, path) in [
        ("~", "/home/agent"),
        ("~/.hermes", "/home/agent/.hermes"),
        ("hermes", "/srv/agent/hermes"),
        ("/opt/hermes", "/opt/hermes"),
        ("~other", "/srv/agent/~other"),
    ] {
        assert_eq!(home_of(value), Path::new(path), "{value}");
    }
    let command = |value: &str| parse(&format!("hermes = {value:?}")).expect(value).hermes;
    for (value, path) in [
        ("hermes", "hermes"),
        ("./hermes", "/srv/agent/hermes"),
        ("bin/hermes", "/srv/agent/bin/hermes"),
        ("~/bin/hermes", "/home/agent/bin/hermes"),
        ("/opt/bin/hermes", "/opt/bin/hermes"),
    ] {
        assert_eq!(command(value), Path::new(path), "{value}");
    }
}

#[test]
fn a_home_that_nobody_knows_is_asked_for_where_it_is_needed() {
    let homeless = |text: &str| Settings::parse(text, Path::new("/srv/agent"), &Environment::default());
    insta::assert_snapshot!(
        homeless("").expect_err("the usual home is in that of the user").to_string(),
        @"`~/.hermes` is in your home folder, and it is not known where that is; set HOME, or name `home` by a whole path"
    );
    assert!(homeless("home = \"/opt/hermes\"").is_ok());
}

#[test]
fn spans_and_sizes_have_units() {
    let backoff = |value: &str| parse(&format!("[policy]\nbackoff = {value:?}")).expect(value).policy.backoff;
    for (value, seconds) in
        [("1s", 1), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("24h", 86400), (" 1m 5s ", 65)]
    {
        assert_eq!(backoff(value), Duration::from_secs(seconds), "{value}");
    }
    let copy =
        |value: &str| parse(&format!("[policy]\nlongest_copy = {value}")).expect(value).policy.longest_copy;
    for (value, bytes) in [("0", 0), ("7", 7), ("\"7B\"", 7), ("\"2KiB\"", 2048), ("\"3 MiB\"", 3 << 20)] {
        assert_eq!(copy(value), bytes, "{value}");
    }
}

fn task(id: &str, title: &str, tenant: Option<&str>, assignee: Option<&str>) -> Task {
    Task {
        title: title.to_owned(),
        assignee: assignee.map(str::to_owned),
        tenant: tenant.map(str::to_owned),
        ..Task::sample(id, Status::Ready)
    }
}

#[test]
fn the_first_rule_of_which_all_holds_is_that_of_a_task() {
    let settings = parse(
        "[[task]]\nname = \"both\"\ntitle = \"Report *\"\nassignee = \"a\"\n\
         [[task]]\nname = \"ids\"\nids = [\"t_1\", \"t_2\"]\n\
         [[task]]\nname = \"tenant\"\ntenant = \"acme\"\n\
         [[task]]\nname = \"title\"\ntitle = \"*report*\"\n",
    )
    .expect("four rules");
    for (task, rule) in [
        (task("t_1", "Report of May", None, Some("a")), Some("both")),
        (task("t_1", "Report of May", None, Some("b")), Some("ids")),
        (task("t_3", "Report of May", None, None), None),
        (task("t_3", "Report of May", Some("acme"), None), Some("tenant")),
        (task("t_3", "A report", Some("other"), None), Some("title")),
    ] {
        assert_eq!(settings.rule_for(&task).map(|rule| rule.name.as_str()), rule, "{task:?}");
    }
}

#[test]
fn a_file_that_is_not_there_or_no_text_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("watchdog.toml");
    assert!(matches!(Settings::read(&path, &Environment::default()), Err(SettingsError::Io { .. })));
    write(&path, b"\xff");
    assert!(matches!(Settings::read(&path, &Environment::default()), Err(SettingsError::Io { .. })));
    write(&path, b"home = \"/opt/hermes\"\n[policy]\nretries = 99\n");
    let says = Settings::read(&path, &Environment::default()).expect_err("too many").to_string();
    assert_eq!(says, format!("{}:3:11: 99 is not between 0 and 10", path.display()));
    write(&path, b"home = \"/opt/hermes\"\n");
    assert_eq!(
        Settings::read(&path, &Environment::default()).expect("a file").state,
        folder.path().join("state")
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_write_is_not_trusted() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("watchdog.toml");
    write(&path, b"home = \"/opt/hermes\"\n");
    for mode in [0o620, 0o602, 0o666] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("rights");
        let says =
            Settings::read(&path, &Environment::default()).expect_err("others may write it").to_string();
        let path = path.display();
        assert_eq!(
            says,
            format!(
                "{path} cannot be trusted: others may write it (mode {mode:03o}; `chmod 600 {path}`), and it says which \
                 commands are run"
            )
        );
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("rights");
    assert!(Settings::read(&path, &Environment::default()).is_ok());
}

#[test]
fn what_is_nested_deeper_than_a_stack_is_refused() {
    for open in ["[", "{a=", "a."] {
        assert!(parse(&format!("task = {}", open.repeat(10_000))).is_err(), "{open}");
    }
}

proptest::proptest! {
    /// The example with a piece of it cut out, or put elsewhere, is read or refused.
    #[test]
    fn no_text_makes_it_panic(from in 0..3000_usize, length in 0..400_usize, to in 0..3000_usize, text: String) {
        let example: Vec<char> = include_str!("../../examples/watchdog.toml").chars().collect();
        let from = from.min(example.len());
        let (before, rest) = example.split_at(from);
        let (piece, after) = rest.split_at(length.min(rest.len()));
        let mut left: Vec<char> = before.iter().chain(after).copied().collect();
        let to = to.min(left.len());
        left.splice(to..to, piece.iter().copied().chain(text.chars()));
        let outcome = parse(&left.iter().collect::<String>());
        if let Err(refused) = outcome {
            proptest::prop_assert!(!refused.to_string().contains(char::is_control));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test makes its file")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("a file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("rights");
    }
}

#[test]
fn the_board_is_where_hermes_itself_would_look() {
    let mut environment = Environment::of_user("/home/agent");
    environment.hermes_home = Some("/srv/hermes".into());
    let home = |text: &str| Settings::parse(text, Path::new("/srv/agent"), &environment).expect(text).home;
    assert_eq!(home(""), Path::new("/srv/hermes"));
    assert_eq!(home("home = \"there\""), Path::new("/srv/agent/there"));
}
