use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chrono::DateTime;
use pool_sources::Environment;
use pool_watchdog::{Acceptance, Fault, Rule, Settings, inspect};

/// What is handed in, as Markdown and as HTML, and the same as evidence.
const RULES: &str = r#"
[[task]]
name = "markdown"
evidence = ["raw/*.json"]
state = ["state.md"]
deliverable = [{ path = "report.md", subjects = ["Codex", "Claude Code"], dimensions = ["Price", "Limits"] }]

[[task]]
name = "html"
evidence = ["raw"]
state = ["state.html"]
deliverable = [{ path = "report.html", subjects = ["Codex", "Claude Code"], dimensions = ["Price", "Limits"] }]
"#;

static RULES_READ: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    Settings::parse(RULES, Path::new("/srv"), &Environment::of_user("/home"))
        .expect("it is well formed")
        .rules
});

/// Whatever a worker hands in, it is looked at, each cell of its matrix is covered or is a finding, and nothing but headings,
/// or the journal's own section, is never a delivery.
///
/// # Panics
///
/// Where that does not hold.
pub fn artifact(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    for path in ["report.md", "report.html", "state.md", "state.html", "raw/a.json"] {
        write(folder.path(), path, bytes);
    }
    for rule in RULES_READ.iter() {
        let acceptance = inspect(rule, folder.path(), DateTime::UNIX_EPOCH);
        each_cell_is_covered_or_found(&acceptance);
        let again = inspect(rule, folder.path(), DateTime::UNIX_EPOCH);
        assert_eq!(acceptance, again, "acceptance is a function of what is there");
    }
    let text = String::from_utf8_lossy(bytes);
    delivers_nothing(&only_headings_of_markdown(&text), "report.md");
    delivers_nothing(&only_headings_of_html(&text), "report.html");
    if !text.contains("pool-watchdog:") {
        let section = format!("<!-- pool-watchdog:begin -->\n{text}\n<!-- pool-watchdog:end -->\n");
        delivers_nothing(&section, "report.md");
        delivers_nothing(&section, "report.html");
    }
}

#[expect(clippy::disallowed_methods, reason = "the law plays a worker")]
fn write(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

fn each_cell_is_covered_or_found(acceptance: &Acceptance) {
    let matrix = acceptance.matrices.first().expect("the rule has one");
    assert!(matrix.covered.len() == 2 && matrix.covered.iter().all(|row| row.len() == 2), "{matrix:?}");
    let of_report = || acceptance.findings.iter().filter(|finding| finding.path == matrix.path);
    let left = matrix.covered.iter().flatten().filter(|covered| !**covered).count();
    let cells = of_report().filter(|finding| finding.fault == Fault::NotCovered).count();
    // A file that says nothing is one finding, and not one for each cell.
    let is_read = of_report().all(|finding| finding.fault == Fault::NotCovered);
    assert_eq!(if is_read { cells } else { 4 }, left, "{acceptance:?}");
    for finding in &acceptance.findings {
        assert!(!finding.to_string().contains(char::is_control), "{finding}");
    }
}

fn delivers_nothing(text: &str, path: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), path, text.as_bytes());
    for rule in RULES_READ.iter() {
        let acceptance = inspect(rule, folder.path(), DateTime::UNIX_EPOCH);
        assert_eq!(acceptance.delivered, Vec::<PathBuf>::new(), "{text:?}");
        assert!(!acceptance.is_accepted());
        assert!(
            acceptance.matrices.iter().all(|matrix| !matrix.covered.concat().contains(&true)),
            "{text:?}"
        );
    }
}

fn only_headings_of_markdown(text: &str) -> String {
    text.split(['\n', '\r']).map(|line| format!("# {line}\n")).collect()
}

fn only_headings_of_html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!("<title>{text}</title><h1>{text}</h1><!-- --><h2>{text}</h2>")
}
