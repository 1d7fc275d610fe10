//! What `docs/recovery.md` and `docs/rules.md` show is what the code says.
//!
//! `UPDATE_DOCS=1 cargo test -p pool-core --test recovery` writes it down; read the difference before you commit it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use pool_core::{Cooldowns, Kind, Remark, Rule, Scope, Treatment, Verdict, Why};

use crate::walk::{Place, all_ways};

#[test]
fn the_page_of_recovery_shows_what_happens() {
    let parts =
        [("kinds", kinds()), ("treatments", treatments()), ("remarks", remarks()), ("machine", machine())];
    show("recovery.md", &parts);
}

#[test]
fn the_page_of_rules_shows_them_all() {
    show("rules.md", &[("rules", rules())]);
}

/// Compares the parts of a page that stand between their marks, or writes them.
#[expect(clippy::disallowed_methods, reason = "the docs are read, and rewritten when asked for")]
fn show(name: &str, parts: &[(&str, String)]) {
    let path = page(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut shown = text.clone();
    for (part, written) in parts {
        let (begin, end) = (format!("<!-- {part} -->\n"), format!("<!-- end of {part} -->\n"));
        let (before, rest) = shown.split_once(&begin).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        shown = format!("{before}{begin}\n{written}\n{end}{after}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return std::fs::write(&path, shown).unwrap();
    }
    let differs = text.lines().zip(shown.lines()).find(|(written, shown)| written != shown);
    assert!(
        text == shown,
        "docs/{name} says something else, first (written, so): {differs:?}; run with UPDATE_DOCS=1"
    );
}

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// A row for each kind.
fn kinds() -> String {
    let mut table = table_of(&["kind", "what it means", "a request", "and marks", "rest by default"]);
    for kind in Kind::ALL {
        let treatment = Treatment::of_kind(*kind);
        let scopes: BTreeSet<Scope> =
            Rule::all().filter(|rule| rule.kind() == *kind).map(Rule::scope).collect();
        let marked: Vec<&str> =
            scopes.iter().filter(|scope| **scope != Scope::Request).map(|scope| scope.as_str()).collect();
        let marks = if marks_nobody(treatment) { "nobody".to_owned() } else { marked.join(", ") };
        let rest = match kind {
            _ if scopes.iter().all(|scope| *scope == Scope::Request) && *kind != Kind::Unknown => {
                "never".to_owned()
            }
            _ if kind.is_terminal() => "for good".to_owned(),
            _ => words(Cooldowns::default().of(*kind)),
        };
        row(&mut table, &[&code(kind), kind.meaning(), &code(treatment), &marks, &rest]);
    }
    table
}

fn marks_nobody(treatment: Treatment) -> bool {
    matches!(treatment, Treatment::BackOff | Treatment::HandBack)
}

fn treatments() -> String {
    let mut table = table_of(&["treatment", "what the request does"]);
    for treatment in Treatment::ALL {
        row(&mut table, &[&code(treatment), treatment.meaning()]);
    }
    table
}

/// A row for each remark, and what it changes.
fn remarks() -> String {
    let mut table = table_of(&["remark", "what it means", "of", "treatment"]);
    for remark in Remark::ALL {
        let noting: BTreeMap<Kind, Treatment> = Rule::all()
            .filter(|rule| rule.remark() == Some(*remark))
            .map(|rule| (rule.kind(), treatment_of(rule)))
            .collect();
        for (kind, treatment) in noting {
            row(&mut table, &[&code(remark), remark.meaning(), &code(kind), &code(treatment)]);
        }
    }
    table
}

fn treatment_of(rule: &Rule) -> Treatment {
    let (kind, scope, remark) = (rule.kind(), rule.scope(), rule.remark());
    Treatment::of(&Verdict { kind, scope, until: None, rule: rule.name(), remark })
}

/// The ways that the walk has seen, as a diagram.
fn machine() -> String {
    let mut ways: BTreeMap<(String, String), BTreeSet<Why>> = BTreeMap::new();
    for (from, to, why) in all_ways() {
        let to = if *why == Why::Answered { "Answered".to_owned() } else { name(*to) };
        ways.entry((name(*from), to)).or_default().insert(*why);
    }
    let mut diagram = "```mermaid\nstateDiagram-v2\n".to_owned();
    for ((from, to), whys) in ways {
        let whys: Vec<&str> = whys.into_iter().map(Why::as_str).collect();
        diagram += &format!("    {from} --> {to} : {}\n", whys.join("<br/>").replace('`', ""));
    }
    diagram + "    Answered --> [*]\n    GiveUp --> [*]\n```\n"
}

fn name(place: Place) -> String {
    match place {
        Place::Begin => "[*]".to_owned(),
        place => format!("{place:?}"),
    }
}

/// A row for each rule, in the order in which they are asked.
fn rules() -> String {
    let head =
        ["rule", "providers", "answers", "says one of", "kind", "scope", "remark", "treatment", "known from"];
    let mut table = table_of(&head);
    for rule in Rule::all() {
        let said: Vec<String> = rule.said().map(code).collect();
        row(
            &mut table,
            &[
                &code(rule.name()),
                &rule.providers().collect::<Vec<_>>().join(", "),
                &rule.answers().collect::<Vec<_>>().join(", "),
                &said.join(", "),
                &code(rule.kind()),
                rule.scope().as_str(),
                rule.remark().map_or("", Remark::as_str),
                &code(treatment_of(rule)),
                rule.source(),
            ],
        );
    }
    table
}

#[test]
fn a_rule_that_marks_nobody_leads_to_no_other_credential() {
    for rule in Rule::all() {
        let treatment = treatment_of(rule);
        let is_nobodys = matches!(rule.scope(), Scope::Request | Scope::Provider | Scope::Egress);
        assert!(!is_nobodys || marks_nobody(treatment), "{}: {treatment}", rule.name());
    }
}

fn table_of(head: &[&str]) -> String {
    let mut table = String::new();
    row(&mut table, head);
    table + &"| --- ".repeat(head.len()) + "|\n"
}

fn row(table: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    *table += &format!("| {} |\n", cells.join(" | "));
}

fn code(word: impl ToString) -> String {
    format!("`{}`", word.to_string())
}

/// A duration in the largest unit that it is whole in.
fn words(time: TimeDelta) -> String {
    match time.num_seconds() {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 && seconds > 60 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}
