use std::fs;
use std::time::{Duration, SystemTime};

use pool_sources::Environment;

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

    #[expect(clippy::disallowed_methods, reason = "a test removes its files")]
    fn remove(&self, path: &str) {
        fs::remove_file(self.path().join(path)).expect("a file");
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
        // A blank cell is not made good by the one beside it.
        ("01 00", "# Price comparison\n\n| Plan | Price | Limits |\n|---|---|---|\n| Codex | | 5h |"),
        ("10 00", "## Codex\n\n| No | What | Is |\n|---|---|---|\n| 1 | Price | 20 |"),
        // What is nearer is meant.
        ("00 10", "# All about Codex\n\n## Claude\n\nThe price is 20."),
        ("01 00", "# Price comparison\n\n## Codex\n\n### Limits\n\nFive hours."),
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
fn a_report_is_read_as_a_person_would() {
    let report = "# Codex vs Claude: price and limits (November)\n\n_Prepared by worker1_\n\n\
        ## Summary\n\nThis report compares Codex and Claude on price and limits.\n\n\
        ## Contents\n\n- [Codex](#codex)\n- [Claude](#claude)\n\n\
        ## Codex\n\n**Price.** The Plus plan is $20 a month[^1].\n\n**Limits.** TODO\n\n\
        ## Claude\n\n| Aspect | Value |\n|---|---|\n| Price | $20 |\n| Limits | 5h windows |\n\n[^1]: openai.com\n";
    assert_eq!(covered("report.md", report), "10 11");
}

#[test]
fn a_name_is_not_that_of_a_longer_one() {
    let deliverable = Deliverable {
        subjects: ["Codex", "Codex Cloud", "C", "C++", "GPT-5", "GPT-5.1", "价格"]
            .map(str::to_owned)
            .to_vec(),
        ..file("report.md")
    };
    let rule = Rule { deliverables: vec![deliverable], ..nothing_asked() };
    for (text, named) in [
        ("Codex Cloud is dear.", vec!["Codex Cloud"]),
        ("Codex Cloud is not Codex.", vec!["Codex", "Codex Cloud"]),
        ("There is C++, too.", vec!["C++"]),
        ("There is C, too.", vec!["C"]),
        ("With gpt 5.1 it goes.", vec!["GPT-5.1"]),
        ("It goes with GPT-5.", vec!["GPT-5"]),
        ("产品价格表", vec!["价格"]),
        ("# Codex Cloud\n\nIs dear.", vec!["Codex Cloud"]),
        ("# Codex\n\n# C\n\nIs old.", vec!["C"]),
    ] {
        let folder = Folder::of(&[("report.md", text)]);
        let acceptance = inspect(&rule, folder.path(), DateTime::UNIX_EPOCH);
        let Matrix { subjects, covered, .. } = &acceptance.matrices[0];
        let found =
            subjects.iter().zip(covered).filter(|(_, covered)| covered[0]).map(|(subject, _)| subject);
        assert_eq!(found.collect::<Vec<_>>(), named, "{text}");
    }
}

#[test]
fn what_is_handed_in_says_something() {
    for (path, text, fault) in [
        ("report.md", "Done.", None),
        ("report.md", "- one", None),
        ("report.md", "| a | b |\n|---|---|\n| c | d |", None),
        ("report.md", "", Some(Fault::Empty)),
        ("report.md", " \r\n\t\n", Some(Fault::Empty)),
        ("report.md", "\u{feff}\n", Some(Fault::Empty)),
        ("report.md", "<!-- nothing yet -->", Some(Fault::Empty)),
        ("report.md", "# Report\n\n## Price\n", Some(Fault::OnlyHeadings)),
        ("report.md", "Report\n======\n", Some(Fault::OnlyHeadings)),
        ("report.md", "# Report\n\nTODO\n", Some(Fault::OnlyHeadings)),
        ("report.md", "# Report\n\nTBD: ask\n\n---\n\n- [ ] \n- ...\n", Some(Fault::OnlyHeadings)),
        ("report.md", "# Report\n\nLorem ipsum dolor sit amet.\n", Some(Fault::OnlyHeadings)),
        (
            "report.md",
            "# Report\n\n| Plan | Price |\n|---|---|\n| Codex | |\n| Claude | - |\n",
            Some(Fault::OnlyHeadings),
        ),
        ("report.md", "# Informe\n\nTodo el trabajo.\n", None),
        ("report.txt", "Done.", None),
        ("report.html", "<p>Done.", None),
        ("report.html", "<table><tr><td>Done</table>", None),
        (
            "report.html",
            "<!DOCTYPE html><html><head><title>Report</title></head><body></body></html>",
            Some(Fault::Empty),
        ),
        ("report.html", "<title>Report</title><nav>Home</nav><h1>Report</h1>", Some(Fault::OnlyHeadings)),
        ("report.html", "<h1>Report</h1><!-- text --><script>text()</script>", Some(Fault::OnlyHeadings)),
        ("report.html", "<h1>Report</h1><p>TODO</p><p hidden>text</p>", Some(Fault::OnlyHeadings)),
        ("report.html", "<table><tr><th>Plan<th>Price<tr><td>Codex<td></table>", Some(Fault::OnlyHeadings)),
        ("data.csv", "a", None),
        ("data.csv", "\n", Some(Fault::Empty)),
        ("data.json", " {\n} ", Some(Fault::Empty)),
        ("data.json", "{\"a\": 1}", None),
    ] {
        let acceptance = inspect(&handed_in(path), Folder::of(&[(path, text)]).path(), DateTime::UNIX_EPOCH);
        assert_eq!(acceptance.findings.first().map(|finding| finding.fault), fault, "{path}: {text}");
        assert_eq!(acceptance.delivered.is_empty(), fault.is_some(), "{path}: {text}");
    }
}

#[test]
fn what_is_no_text_is_not_read_as_one() {
    let folder = Folder::new();
    for path in ["report.md", "report.html", "report.pdf"] {
        folder.write(path, b"\xff\xfe binary");
    }
    fs::create_dir(folder.path().join("folder.md")).expect("a folder");
    assert_eq!(folder.findings(&handed_in("report.pdf")), Vec::<String>::new());
    for path in ["report.md", "report.html", "folder.md"] {
        let says = format!(
            "{path}: cannot be read: no file, no UTF-8 text, longer than 16 MiB, or nested too deep; write it again"
        );
        assert_eq!(folder.findings(&handed_in(path)), [says]);
    }
    assert_eq!(folder.findings(&handed_in("report.md/part.md")), ["report.md/part.md: no file; write it"]);
}

#[test]
fn what_is_too_long_is_only_accepted_where_nothing_is_read() {
    let folder = Folder::new();
    let long = vec![b'a'; usize::try_from(artifacts::LONGEST).expect("a length") + 1];
    folder.write("report.md", &long);
    folder.write("report.zip", &long);
    assert_eq!(
        inspect(&handed_in("report.md"), folder.path(), DateTime::UNIX_EPOCH).findings[0].fault,
        Fault::Unreadable
    );
    assert!(inspect(&handed_in("report.zip"), folder.path(), DateTime::UNIX_EPOCH).is_accepted());
}

#[test]
fn evidence_is_there_and_not_empty() {
    let folder = Folder::of(&[
        ("raw/a.json", "{\"a\": 1}"),
        ("raw/b.json", "[]"),
        ("raw/.hidden.json", "1"),
        ("raw/deep/er/c.json", "[1]"),
        ("empty/a.json", " { } "),
        ("empty/b.json", "null\n"),
        ("empty/c.log", "\n\n"),
        ("odd [1].txt", "x"),
    ]);
    fs::create_dir(folder.path().join("hollow")).expect("a folder");
    for (pattern, found) in [
        ("raw/*.json", Ok(vec!["raw/a.json"])),
        ("./raw/a.json", Ok(vec!["raw/a.json"])),
        ("raw/[ab].json", Ok(vec!["raw/a.json"])),
        ("raw/?.json", Ok(vec!["raw/a.json"])),
        ("raw", Ok(vec!["raw/.hidden.json", "raw/a.json", "raw/deep/er/c.json"])),
        ("raw/", Ok(vec!["raw/.hidden.json", "raw/a.json", "raw/deep/er/c.json"])),
        ("**/c.json", Ok(vec!["raw/deep/er/c.json"])),
        ("**/*.json", Ok(vec!["raw/a.json", "raw/deep/er/c.json"])),
        ("raw/**/c.json", Ok(vec!["raw/deep/er/c.json"])),
        ("r*/d*", Ok(vec!["raw/deep/er/c.json"])),
        ("odd [[]1].txt", Ok(vec!["odd [1].txt"])),
        ("raw/*.csv", Err(Fault::Missing)),
        ("*.json", Err(Fault::Missing)),
        ("RAW/*.json", Err(Fault::Missing)),
        ("raw/a.json/b", Err(Fault::Missing)),
        ("raw/b.json", Err(Fault::Empty)),
        ("empty", Err(Fault::Empty)),
        ("empty/*", Err(Fault::Empty)),
        ("hollow", Err(Fault::Empty)),
        ("hollow/*", Err(Fault::Missing)),
    ] {
        let acceptance = inspect(&evidence(pattern), folder.path(), DateTime::UNIX_EPOCH);
        let says = match acceptance.findings.first() {
            None => Ok(acceptance.evidence),
            Some(finding) => Err(finding.fault),
        };
        assert_eq!(says, found.map(|paths| paths.into_iter().map(PathBuf::from).collect()), "{pattern}");
    }
}

#[cfg(unix)]
#[test]
fn no_path_is_followed_out_of_the_workspace() {
    use std::os::unix::fs::symlink;

    let outside = Folder::of(&[("secret.md", "The price of Codex is 20."), ("raw/a.json", "[1]")]);
    let folder = Folder::of(&[("in/report.md", "Done."), ("in/raw/a.json", "[1]"), ("mixed/a.json", "[1]")]);
    let link = |to: PathBuf, name: &str| symlink(to, folder.path().join(name)).expect("a symlink");
    link(outside.path().join("secret.md"), "report.md");
    link(outside.path().join("raw"), "raw");
    link(outside.path().join("secret.md"), "mixed/b.json");
    link(folder.path().join("in/report.md"), "inside.md");
    link(PathBuf::from("in"), "latest");
    link(PathBuf::from("."), "in/loop");
    link(PathBuf::from("nowhere"), "dangling.md");
    for (rule, fault) in [
        (handed_in("report.md"), Some(Fault::Outside)),
        (handed_in("raw/a.json"), Some(Fault::Outside)),
        (handed_in("inside.md"), None),
        (handed_in("latest/report.md"), None),
        (handed_in("dangling.md"), Some(Fault::Outside)),
        (handed_in("raw/new.md"), Some(Fault::Outside)),
        (handed_in("raw/new/er.md"), Some(Fault::Outside)),
        (handed_in("latest/new/er.md"), Some(Fault::Missing)),
        (evidence("raw/*.json"), Some(Fault::Outside)),
        (evidence("raw"), Some(Fault::Outside)),
        (evidence("r*/*.json"), Some(Fault::Outside)),
        (evidence("latest/raw/*.json"), None),
        (evidence("mixed"), None),
        (evidence("**/a.json"), None),
        (evidence("dangling.md"), Some(Fault::Missing)),
    ] {
        let acceptance = inspect(&rule, folder.path(), DateTime::UNIX_EPOCH);
        assert_eq!(acceptance.findings.first().map(|finding| finding.fault), fault, "{rule:?}");
    }
    let makes = Deliverable { make: Some(vec!["make".to_owned()]), ..file("raw/new.md") };
    let acceptance =
        inspect(&Rule { deliverables: vec![makes], ..nothing_asked() }, folder.path(), DateTime::UNIX_EPOCH);
    assert_eq!(acceptance.makes(), None, "nothing is made out there");
    let acceptance = inspect(&evidence("**/a.json"), folder.path(), DateTime::UNIX_EPOCH);
    assert_eq!(acceptance.evidence, ["in/raw/a.json", "mixed/a.json"].map(PathBuf::from));
}

#[test]
fn without_a_state_the_deliverables_are_those_of_this_task() {
    let began = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
    let folder =
        Folder::of(&[("report.md", "The report of last week."), ("STATE.md", "It is as good as new.")]);
    folder.modified("report.md", SystemTime::from(began) - Duration::from_secs(1));
    let fault =
        |rule: &Rule| inspect(rule, folder.path(), began).findings.first().map(|finding| finding.fault);
    let rule = Rule { deliverables: vec![file("report.md")], ..nothing_asked() };
    assert_eq!(fault(&rule), Some(Fault::NotUpdated));
    let with_state = Rule { deliverables: vec![file("report.md")], ..state("STATE.md") };
    assert_eq!(fault(&with_state), None, "the state says whose work it is");
    folder.modified("report.md", SystemTime::from(began));
    assert_eq!(fault(&rule), None);
}

#[test]
fn the_state_of_the_project_is_that_of_this_task() {
    const JOURNAL: &str =
        "<!-- pool-watchdog:begin -->\n# Queue\n\nThe report is missing.\n<!-- pool-watchdog:end -->\n";
    let began = DateTime::from_timestamp(1_790_000_000, 500_000_000).expect("a time");
    let at = |seconds: i64| SystemTime::from(DateTime::<Utc>::from_timestamp(seconds, 0).expect("a time"));
    for (path, text, modified, fault) in [
        ("STATE.md", "The report is written.", 1_790_000_001, None),
        // The board knows whole seconds.
        ("STATE.md", "The report is written.", 1_790_000_000, None),
        ("STATE.md", "The report is written.", 1_789_999_999, Some(Fault::NotUpdated)),
        ("STATE.md", "", 1_790_000_001, Some(Fault::Empty)),
        ("STATE.md", JOURNAL, 1_790_000_001, Some(Fault::OnlyJournal)),
        ("STATE.md", &format!("# Project\n\n{JOURNAL}"), 1_790_000_001, Some(Fault::OnlyJournal)),
        ("STATE.md", &format!("The report is written.\n\n{JOURNAL}"), 1_790_000_001, None),
        (
            "STATE.html",
            &format!("<title>a</title><main>\n{JOURNAL}</main>"),
            1_790_000_001,
            Some(Fault::OnlyJournal),
        ),
        ("STATE.html", &format!("<p>The report is written.</p>\n{JOURNAL}"), 1_790_000_001, None),
    ] {
        let folder = Folder::of(&[(path, text)]);
        folder.modified(path, at(modified));
        let acceptance = inspect(&state(path), folder.path(), began);
        assert_eq!(
            acceptance.findings.first().map(|finding| finding.fault),
            fault,
            "{path} at {modified}: {text}"
        );
    }
}

/// Only the state has to be new: a deliverable is what it says.
#[test]
fn every_finding_is_a_sentence() {
    let make = ["python3", "make report.py", "--it's", ""].map(str::to_owned).to_vec();
    let cell = |dimension: Option<&str>| Cell {
        subject: "Claude".to_owned(),
        dimension: dimension.map(str::to_owned),
    };
    let mut findings = Vec::new();
    for &part in Part::ALL {
        for &fault in Fault::ALL.iter().filter(|fault| **fault != Fault::NotCovered) {
            findings.push(Finding { part, fault, path: format!("{part}.md"), cell: None, make: None });
        }
    }
    for (cell, make) in [(cell(Some("Limits")), None), (cell(None), None), (cell(Some("Limits")), Some(make))]
    {
        let (part, fault, path) = (Part::Deliverable, Fault::NotCovered, "report.md".to_owned());
        findings.push(Finding { part, fault, path, cell: Some(cell), make });
    }
    insta::assert_snapshot!(findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_is_nested_deeper_than_a_stack_is_read() {
    let nested = |times: usize, open: &str, text: &str, close: &str| {
        format!("{}{text}{}", open.repeat(times), close.repeat(times))
    };
    let [shown, deep] = [500, 10_000]
        .map(|times| move |open: &str, close: &str| nested(times, open, "The price of Codex is 20.", close));
    let list = (0..1_000).map(|depth| format!("{}- Codex\n", " ".repeat(2 * depth))).collect::<String>();
    for (path, text) in [
        ("report.html", shown("<b id=x>", "")),
        ("report.html", shown("<span>", "</span>")),
        ("report.html", shown("<table><tr><td>", "</table>")),
        ("report.md", deep("> ", "")),
        ("report.md", deep("- ", "")),
        ("report.md", deep("*", "*")),
        ("report.md", deep("[", "](x)")),
        ("report.md", format!("{list}{}- Price: 20\n", " ".repeat(2_000))),
    ] {
        assert_eq!(covered(path, &text), "10 00", "{path}: {}...", &text[..20]);
    }
}

/// It would take a parser hours, or all of the memory.
#[test]
fn what_no_browser_would_show_is_not_read() {
    let other_formats = (0..500).map(|number| format!("<b id={number}>")).collect::<String>();
    let openings = [
        "<div>",
        "<ul><li>Codex",
        "<DIV class='a'>",
        "<section><div></section>text<b>",
        "<b>",
        "<x-y>",
        "<svg><td>",
        "<li><dd>",
        "<table><tr><td>",
        "<div title='</div>'>",
        "<div><select></div></select>",
        "<!--><div>",
    ];
    let pages = openings.map(|open| open.repeat(200_000 / open.len()));
    for page in pages.into_iter().chain([other_formats + &"<p>x".repeat(10_000)]) {
        let folder = Folder::of(&[("report.html", &page)]);
        let acceptance = inspect(&handed_in("report.html"), folder.path(), DateTime::UNIX_EPOCH);
        let begins = &page[..30];
        assert_eq!(acceptance.findings[0].fault, Fault::Unreadable, "{begins}");
        let beside = format!("The price of Codex is 20.\n\n{}", &page[..10_000]);
        assert_eq!(covered("report.md", &beside), "10 00", "{begins}");
    }
}

#[test]
fn a_page_of_many_elements_is_not_a_deep_one() {
    let text = "<p>The price of Codex is 20.";
    for many in [
        "<div>a</div>",
        "<ul><li>a<li>b</ul>",
        "<p>a<li>b<td>c<br><img src=x>",
        "<!-- <div> -->",
        "<script>if (a <div) { b('<div>') }</script>",
        "<STYLE>/* <div> */</STYLE>",
        "<section><div><section>a</section></section>",
    ] {
        assert_eq!(covered("report.html", &format!("{}{text}", many.repeat(1_000))), "10 00", "{many}");
    }
}

#[test]
fn a_small_workspace_is_accepted() {
    let settings = Settings::parse(
        include_str!("../../examples/watchdog.toml"),
        Path::new("/srv/agent"),
        &Environment::of_user("/home/agent"),
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
        &Environment::of_user("/home/agent"),
    );
    let rule = &settings.expect("the example").rules[0];
    let acceptance = inspect(rule, Path::new("/nonexistent/workspace"), DateTime::UNIX_EPOCH);
    insta::assert_snapshot!(
        acceptance.findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
    );
    assert_eq!(acceptance.makes(), None, "evidence cannot be made");
}

mod laws {
    use proptest::prelude::*;

    use super::words::Words;
    use super::*;

    const PATHS: [&str; 6] =
        ["raw/a.json", "raw/b.json", "report.md", "report.html", "state/a.md", "state/b.html"];

    fn rule() -> Rule {
        let about = |path| Deliverable {
            subjects: ["Codex", "Claude"].map(str::to_owned).to_vec(),
            dimensions: vec!["Price".to_owned()],
            ..file(path)
        };
        Rule {
            evidence: vec!["raw/*.json".to_owned(), "raw".to_owned()],
            deliverables: vec![about("report.md"), about("report.html")],
            state: vec![file("state/a.md"), file("state/b.html")],
            ..nothing_asked()
        }
    }

    /// Whatever a file may hold: any bytes, or what the readers look for, in any order.
    fn contents() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            "# ",
            "\n",
            "\n\n",
            "Codex",
            "Claude",
            "Price",
            " is 20. ",
            "- ",
            "  ",
            "| ",
            "|---|---|\n",
            "> ",
            "```\n",
            "<table>",
            "<tr>",
            "<th>",
            "<td>",
            "</table>",
            "<h2>",
            "</h2>",
            "<ul><li>",
            "</ul>",
            "<p hidden>",
            "<details>",
            "<summary>",
            "<!--",
            "-->",
            "<!-- pool-watchdog:begin -->",
            "<!-- pool-watchdog:end -->",
            "TODO",
            "{}",
            "\u{feff}",
            "é",
            "价格",
        ]);
        prop_oneof![
            1 => prop::collection::vec(any::<u8>(), 0..64),
            4 => prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes()),
            2 => Just(b"The price of Codex and Claude is 20.".to_vec()),
        ]
    }

    /// What is found wrong, by path.
    fn wrong(folder: &Folder) -> Vec<(Part, String)> {
        let acceptance = inspect(&rule(), folder.path(), DateTime::UNIX_EPOCH);
        acceptance.findings.into_iter().map(|finding| (finding.part, finding.path)).collect()
    }

    proptest! {
        #[test]
        fn what_is_missing_is_found_whatever_the_rest_is(files in prop::array::uniform6(prop::option::of(contents()))) {
            let folder = Folder::new();
            for (path, bytes) in PATHS.iter().zip(&files) {
                bytes.iter().for_each(|bytes| folder.write(path, bytes));
            }
            let wrong = wrong(&folder);
            for (path, bytes) in PATHS.iter().zip(&files).skip(2) {
                prop_assert!(bytes.is_some() || wrong.iter().any(|(_, found)| found == path), "{path}");
            }
            prop_assert!(files[0].is_some() || files[1].is_some() || wrong.contains(&(Part::Evidence, "raw".to_owned())));
        }

        #[test]
        fn what_is_taken_away_mends_nothing(files in prop::array::uniform6(contents()), which in 0..6_usize, empties: bool) {
            let folder = Folder::new();
            for (path, bytes) in PATHS.iter().zip(&files) {
                folder.write(path, bytes);
            }
            let before = wrong(&folder);
            if empties {
                folder.write(PATHS[which], b"");
            } else {
                folder.remove(PATHS[which]);
            }
            let after = wrong(&folder);
            for finding in before {
                prop_assert!(after.contains(&finding), "{finding:?} went with {}", PATHS[which]);
            }
            if which >= 2 {
                prop_assert!(after.iter().any(|(_, path)| path == PATHS[which]));
            }
        }

        #[test]
        fn a_text_names_its_own_words(text: String, before: String, after: String) {
            let around = Words::of(&[before.as_str(), &text, &after].join(" "));
            prop_assert!(around.name(&Words::of(&text)));
        }
    }
}
