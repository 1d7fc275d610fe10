//! What shells and manuals are given, made from the definitions that read the arguments.

use std::process::Command;

use crate::support::Home;

/// The commands that the help of a program names.
fn commands(home: &Home, program: &str) -> Vec<String> {
    let help = home.run(Home::program(program), "--help", &[]).succeeded();
    let list = help.split("Commands:\n").nth(1).unwrap().lines().take_while(|line| !line.is_empty());
    let names = list.filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names.filter(|name| *name != "help").map(str::to_owned).collect();
    assert!(names.len() >= 5, "{help}");
    names
}

/// What bash offers for the last of these words, once it has read the script of a program.
fn offered(home: &Home, program: &str, words: &[&str]) -> Vec<String> {
    let script = home.pool_with(&format!("completions bash --program {program}"), &[]).succeeded();
    home.write("completions.bash", &script);
    let line = r#"
        source ./completions.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        [[ $(complete -p "$1") =~ -F\ ([^ ]+) ]]
        "${BASH_REMATCH[1]}" "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}" || true
        printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Command::new("bash")
        .args(["--norc", "-c", line, "bash"])
        .args(words)
        .current_dir(home.path())
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    let home = Home::empty();
    assert_eq!(offered(&home, "pool", &["pool", "re"]), ["report", "reset", "remove", "refresh", "replay"]);
    assert_eq!(offered(&home, "pool", &["pool", "exec", "--en"]), ["--env"]);
    assert_eq!(offered(&home, "pool", &["pool", "pick", "--strategy", "r"]), ["round_robin", "random"]);
    assert_eq!(offered(&home, "pool-migrate", &["pool-migrate", "--ro"]), ["--rollback"]);
    assert_eq!(offered(&home, "pool-watchdog", &["pool-watchdog", "run", "--dr"]), ["--dry-run"]);
}

#[test]
fn every_shell_has_a_script_that_knows_every_command() {
    let home = Home::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        for program in ["pool", "pool-watchdog"] {
            let words = format!("completions {shell} --program {program}");
            let script = home.pool_with(&words, &[]).succeeded();
            for command in commands(&home, program) {
                assert!(script.contains(&command), "{shell} {program} {command}");
            }
        }
    }
}

#[test]
fn every_command_has_a_page() {
    let home = Home::empty();
    home.write_at("man/.keep", "");
    assert_eq!(home.pool_with("man man", &[]).succeeded(), "");
    let mut names = vec!["pool".to_owned(), "pool-migrate".to_owned(), "pool-watchdog".to_owned()];
    for program in ["pool", "pool-watchdog"] {
        names.extend(commands(&home, program).iter().map(|name| format!("{program}-{name}")));
    }
    for name in &names {
        let page = std::fs::read_to_string(home.path().join(format!("man/{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        assert!(page.contains(".SH NAME\n") && page.contains(".SH OPTIONS\n"), "{page}");
    }
    let pages = std::fs::read_dir(home.path().join("man")).unwrap().count() - 1;
    assert_eq!(pages, names.len());
}

#[test]
fn a_folder_that_is_not_there_is_said() {
    let ran = Home::empty().pool_with("man nowhere", &[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("cannot write the manual pages to nowhere"), "{}", ran.err);
}

#[test]
fn flags_that_would_say_nothing_are_refused() {
    for words in ["completions bash --json", "man . --store auth.json", "completions bash --now 1779791220"] {
        assert_eq!(Home::empty().pool_with(words, &[]).code, 2, "{words}");
    }
}
