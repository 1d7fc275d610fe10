use std::fs;
use std::time::{Duration, SystemTime};

use super::*;
use crate::settings::{Deliverable, Settings, Which};

/// A workspace of a test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn of(files: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (path, text) in files {
            folder.write(path, text.as_bytes());
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    #[expect(clippy::disallowed_methods, reason = "a test makes its files")]
    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    fn modified(&self, path: &str, at: SystemTime) {
        let file = fs::File::open(self.path().join(path)).expect("a file");
        file.set_modified(at).expect("a time");
    }

    /// What is found, a sentence each.
    fn findings(&self, rule: &Rule) -> Vec<String> {
        let acceptance = inspect(rule, self.path(), DateTime::UNIX_EPOCH);
        acceptance.findings.iter().map(Finding::to_string).collect()
    }
}

fn nothing_asked() -> Rule {
    Rule {
        name: "rule".to_owned(),
        tasks: Which::default(),
        evidence: Vec::new(),
        deliverables: Vec::new(),
        state: Vec::new(),
    }
}

fn file(path: &str) -> Deliverable {
    Deliverable { path: path.to_owned(), ..Deliverable::default() }
}

fn evidence(pattern: &str) -> Rule {
    Rule { evidence: vec![pattern.to_owned()], ..nothing_asked() }
}

fn handed_in(path: &str) -> Rule {
    Rule { deliverables: vec![file(path)], ..nothing_asked() }
}

fn state(path: &str) -> Rule {
    Rule { state: vec![file(path)], ..nothing_asked() }
}

/// Which of the cells Codex/Claude x Price/Limits a text covers: `1` or `0` each, row by row.
fn covered(path: &str, text: &str) -> String {
    let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    let deliverable = Deliverable {
        subjects: names(["Codex", "Claude"]),
        dimensions: names(["Price", "Limits"]),
        ..file(path)
    };
    let folder = Folder::of(&[(path, text)]);
    let rule = Rule { deliverables: vec![deliverable], ..nothing_asked() };
    let acceptance = inspect(&rule, folder.path(), DateTime::UNIX_EPOCH);
    let row = |row: &Vec<bool>| row.iter().map(|cell| if *cell { '1' } else { '0' }).collect::<String>();
    acceptance.matrices[0].covered.iter().map(row).collect::<Vec<String>>().join(" ")
}

#[test]
fn what_covers_a_cell_in_markdown() {
    for (cells, text) in [
        // A table, either way round, whose cells say something.
        ("11 10", "| Plan | Price | Limits |\n|---|---|---|\n| Codex | 20 | 5h |\n| Claude | 25 | - |"),
        (
            "11 10",
            "| Plan | Codex | Claude |\n|---|---|---|\n| Price (USD) | 20 | 25 |\n| Limits | 5h | n/a |",
        ),
        ("10 00", "| | Price | Limits |\n|---|---|---|\n| Codex | ✓ | TODO |\n| Claude | ? | … |"),
        ("00 00", "| Plan | Price | Limits |\n|---|---|---|\n| Codex | | |\n| Claude | | |"),
        ("00 00", "| Plan | Price | Limits |\n|---|---|---|"),
        // A row that names both beside something else.
        (
            "10 01",
            "| Plan | Of | Is |\n|---|---|---|\n| Codex | Price | 20 |\n| Claude | Limits | 5h |\n| Codex | Limits | |",
        ),
        // A table under a heading that names what it leaves out.
        ("11 00", "## Codex\n\n| Price | Limits |\n|---|---|\n| 20 | 5h |"),
        ("11 00", "## Codex\n\n| What | Is |\n|---|---|\n| Price | 20 |\n| Limits | 5h |"),
        // Headings, in either order, and text under them.
        ("10 00", "# Codex\n\n## Price\n\nTwenty dollars.\n\n## Limits\n"),
        ("10 10", "# Price\n\n## Codex\n\nTwenty.\n\n## Claude\n\nMore.\n"),
        ("11 00", "# Codex\n\nIts price is 20, and its limits are wide."),
        ("10 10", "# Price\n\n- Codex: 20\n- Claude: 25"),
        ("00 01", "# Codex: Price\n\n# Limits of Claude\n\nFive hours."),
        ("00 00", "# Codex\n\n## Price\n\n## Limits\n\n# Claude\n\n## Price\n\n## Limits\n"),
        ("00 00", "# Codex\n\n## Price\n\nTODO: ask somebody\n"),
        ("00 00", "# Codex\n\nPrice\n\nLimits:\n"),
        // A heading is over what follows up to the next one of its level.
        ("00 00", "# Codex\n\nGood.\n\n# Other\n\nThe price is 20."),
        // One that names several announces them, and is over none.
        ("00 00", "# Codex and Claude\n\nThe price is good."),
        ("10 00", "# Codex, Claude: Price, Limits\n\n## Codex\n\nThe price is 20."),
        // A paragraph or an item that names both.
        ("10 00", "The Price of Codex is 20."),
        ("11 00", "- Codex has a price of 20 and limits of 5h"),
        ("10 10", "The price of Codex and Claude is 20."),
        ("00 00", "Codex is good.\n\nThe price is 20."),
        ("00 00", "- [Codex: Price](#a)\n- Claude, Limits\n"),
        // One that names several of both says nothing of any, unless its sentences do.
        ("00 00", "This compares Codex and Claude by price and limits."),
        ("10 01", "The price of Codex is 20. The limits of Claude are wide."),
        // A text that introduces a list is over it.
        ("11 10", "- Codex\n  - Price: 20\n  - Limits: 5h\n- **Claude**\n\n  - Price: 25\n"),
        ("11 00", "**Codex**\n\n- Price: 20\n- Limits: 5h\n\nClaude has a better name.\n"),
        ("10 00", "- Codex\n  - Price: 20\n- Others have limits\n"),
        // Words are whole, whatever their case and what stands around them.
        ("10 00", "the PRICE of *codex*'s plan"),
        ("00 00", "The prices of Codexes are high, and the Price-less Codexx."),
        // Nothing counts that is not shown.
        ("00 00", "```\nThe price of Codex is 20.\n```\n"),
        ("00 00", "    The price of Codex is 20.\n"),
        ("00 00", "<!-- The price of Codex is 20. -->\n"),
        ("00 00", "---\ntitle: The price of Codex is 20\n---\n"),
        ("10 00", "See `Codex`: a price of 20.\n"),
        ("10 00", "<p>The price of Codex is 20.</p>\n"),
        ("10 00", "<table><tr><td>Codex</td><td>Price</td><td>20</td></tr></table>\n"),
    ] {
        assert_eq!(covered("report.md", text), cells, "{text}");
    }
}

#[test]
fn what_covers_a_cell_in_html() {
    for (cells, text) in [
        (
            "11 10",
            "<table><thead><tr><th>Plan<th>Price<th>Limits</thead>\
             <tr><th>Codex<td>20<td>5h<tr><th>Claude<td>25<td>-</table>",
        ),
        (
            "11 10",
            "<table><tr><td>Plan<td>Codex<td>Claude<tr><td>Price<td>20<td>25<tr><td>Limits<td>5h<td>n/a</table>",
        ),
        ("11 00", "<h2>Codex</h2><table><tr><th>Price<td>20<tr><th>Limits<td>5h</table>"),
        (
            "11 00",
            "<h2>Codex</h2><table><tr><td><table><tr><th>Price<td>20</table><tr><td>The limits are wide</table>",
        ),
        (
            "10 00",
            "<section><h2>Codex</h2><div><h3>Price</h3><p>20 <b>dollars</b></p></div></section><h3>Limits</h3>",
        ),
        ("11 00", "<h2>Codex</h2><dl><dt>Price<dd>20<dt>Limits<dd>5h</dl>"),
        ("10 01", "<ul><li>Codex<ul><li>Price: 20</ul><li>Claude<ul><li>Limits: 5h</ul></ul>"),
        ("01 00", "<details><summary>Codex</summary><p>Limits: 5h</p></details><p>Price: 20</p>"),
        ("10 00", "<p>The price of<br>Codex is <code>20</code></p>"),
        ("00 00", "<p>Codex is good.</p><p>The price is 20.</p>"),
        ("00 00", "<p hidden>The price of Codex is 20.</p>"),
        ("00 00", "<div style='color: red; Display : none'><p>The price of Codex is 20.</p></div>"),
        ("00 00", "<p style='visibility:hidden'>The price of Codex is 20.</p>"),
        ("00 00", "<!-- The price of Codex is 20. --><p>Nothing yet</p>"),
        ("00 00", "<title>The price of Codex is 20.</title><nav>The price of Codex is 20</nav>"),
        ("00 00", "<script>'The price of Codex is 20.'</script><style>The price of Codex is 20.</style>"),
        ("00 00", "<template>The price of Codex is 20.</template><pre>The price of Codex is 20.</pre>"),
    ] {
        assert_eq!(covered("report.html", text), cells, "{text}");
    }
}

#[test]
fn a_small_workspace_is_accepted() {
    let settings = Settings::parse(
        include_str!("../../examples/watchdog.toml"),
        Path::new("/srv/agent"),
        Some(Path::new("/home/agent")),
    );
    let settings = settings.expect("the example");
    let markdown = "# Report\n\n## Codex\n\nThe price is 20, the limits are wide.\n\n## Claude\n\nA price of 25 and limits.\n";
    let folder = Folder::of(&[
        ("raw/codex.json", "{\"price\": 20}"),
        ("raw/empty.json", "{}"),
        ("logs/run.log", "fetched"),
        ("report.md", markdown),
        (
            "report.html",
            "<h1>Codex</h1><p>The price is 20, the limits are wide.<h1>Claude</h1><p>A price of 25 and limits.",
        ),
        ("state/PROJECT_STATE.md", "# State\n\nThe report is written.\n"),
        ("state/PROJECT_STATE.html", "<h1>State</h1><p>The report is written.</p>"),
    ]);
    let acceptance = inspect(&settings.rules[0], folder.path(), DateTime::UNIX_EPOCH);
    assert_eq!(acceptance.findings, []);
    assert!(acceptance.is_accepted());
    assert_eq!(acceptance.evidence, ["raw/codex.json", "logs/run.log"].map(PathBuf::from));
    assert_eq!(
        acceptance.delivered,
        ["report.md", "report.html", "state/PROJECT_STATE.md", "state/PROJECT_STATE.html"].map(PathBuf::from)
    );
    assert_eq!(acceptance.matrices.len(), 2);
}

#[test]
fn a_workspace_that_is_not_there_has_nothing_in_it() {
    let settings = Settings::parse(
        include_str!("../../examples/watchdog.toml"),
        Path::new("/srv/agent"),
        Some(Path::new("/home/agent")),
    );
    let rule = &settings.expect("the example").rules[0];
    let acceptance = inspect(rule, Path::new("/nonexistent/workspace"), DateTime::UNIX_EPOCH);
    insta::assert_snapshot!(
        acceptance.findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
    );
    assert_eq!(acceptance.makes(), None, "evidence cannot be made");
}
