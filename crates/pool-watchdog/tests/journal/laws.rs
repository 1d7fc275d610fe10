use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use pool_watchdog::{
    Card, Decided, Entry, Grid, Journal, JournalState, PageKind, Sheet, Told, What, html, markdown,
};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};
use scraper::{Html, Node};

use crate::story::{BOARD, at, queue, story};

const BEGIN: &str = "<!-- pool-watchdog:begin -->";
const END: &str = "<!-- pool-watchdog:end -->";

/// Text that would like to be more.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<String>(),
        2 => "[a-z ]{0,12}",
        1 => prop::sample::select(vec![
            END, BEGIN, "\n", "\r\n", "\n\n", "`", "```", "~~~", "|", "\\", "-->", "<!--", "</section>", "</style>", "</pre>",
            "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><b>", "' onclick='x", "</title>", "&lt;b&gt;",
            "&#60;b&#62;", "# ", "\n# heading\n", "\n- item\n", "1. ", "> ", "***", "---", "===", "[a](http://b)", "![a](b)",
            "<http://a.b>", "[a]: http://b", "\u{1b}[31m", "\u{202e}", "\u{200b}", "\0", "_", "__a__", "~~a~~", "$x$", "]]>",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    fn card()(id in nasty(), title in nasty(), assignee in prop::option::of(nasty()), parents in prop::collection::vec(nasty(), 0..2),
        status in prop_oneof![nasty(), Just("blocked".to_owned()), Just("done".to_owned())]) -> Card {
        let mut card = Card::new(id, title, status);
        card.assignee = assignee;
        card.parents = parents;
        card
    }
}

prop_compose! {
    fn grid()(path in nasty(), subjects in prop::collection::vec(nasty(), 0..3), dimensions in prop::collection::vec(nasty(), 0..3),
        covered in prop::collection::vec(prop::collection::vec(any::<bool>(), 0..4), 0..4)) -> Grid {
        let mut grid = Grid::new(path, subjects, dimensions);
        grid.covered = covered;
        grid
    }
}

prop_compose! {
    fn sheet()(rule in nasty(), missing in prop::collection::vec(nasty(), 0..3), matrices in prop::collection::vec(grid(), 0..2),
        evidence in any::<u8>()) -> Sheet {
        let mut sheet = Sheet::new(rule);
        sheet.missing = missing;
        sheet.matrices = matrices;
        sheet.evidence = usize::from(evidence);
        sheet
    }
}

prop_compose! {
    fn decision()(action in nasty(), row in nasty(), reason in nasty(), next in prop::option::of(nasty()),
        told in prop::option::of((nasty(), nasty())), acceptance in prop::option::of(sheet())) -> What {
        let mut decided = Decided::new(action, row, reason);
        decided.next = next;
        decided.diagnosis = told.map(|(cause, says)| Told::new(cause, says));
        decided.acceptance = acceptance;
        What::Decided(Box::new(decided))
    }
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        prop::collection::vec(card(), 0..3).prop_map(queue),
        decision(),
        (nasty(), any::<i64>(), nasty()).prop_map(|(action, after_event, says)| What::Began {
            action,
            after_event,
            says
        }),
        (nasty(), any::<bool>(), any::<bool>(), nasty()).prop_map(|(action, done, cut, says)| What::Ended {
            action,
            done,
            cut,
            says
        }),
        nasty().prop_map(|says| What::Noted { says }),
    ]
}

/// Entries of which some are about the tasks of their board.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    (card(), prop::collection::vec((nasty(), what(), any::<bool>(), 0..3_i64), 0..6)).prop_map(
        |(card, rest)| {
            let mut entries = vec![Entry::new(at(0), BOARD, None, queue(vec![card.clone()]))];
            entries.extend(rest.into_iter().map(|(board, what, is_known, seconds)| {
                let (board, task) =
                    if is_known { (BOARD, Some(card.id.as_str())) } else { (board.as_str(), None) };
                Entry::new(at(seconds), board, task, what)
            }));
            entries
        },
    )
}

/// What others may have written: bytes, and marks without the other one.
fn foreign() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..20),
        3 => nasty().prop_map(String::into_bytes),
        1 => prop::sample::select(vec!["</body>", "</BODY\n>", "<html>", "\n", BEGIN, END, "<!-- pool-watchdog:begin -->\n"])
            .prop_map(|piece| piece.as_bytes().to_vec()),
    ];
    let text = prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat());
    // What stands between two marks is no text of others.
    text.prop_filter("a section", |text| {
        PageKind::Markdown.of_others(text) == *text && !text.trim_ascii().is_empty()
    })
}

fn publish(folder: &Path) {
    Journal::open(folder).publish().unwrap();
}

const TAGS: [&str; 37] = [
    "html", "head", "title", "body", "section", "style", "a", "header", "h2", "h3", "h4", "h5", "h6", "p",
    "time", "code", "pre", "ul", "ol", "li", "span", "strong", "div", "details", "summary", "article", "dl",
    "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td", "footer",
];

const ATTRIBUTES: [&str; 11] = [
    "class",
    "id",
    "href",
    "aria-labelledby",
    "aria-label",
    "aria-hidden",
    "tabindex",
    "style",
    "scope",
    "datetime",
    "open",
];

// Each case is synced to a disk many times.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_others_wrote_survives(foreign in foreign(), kind in prop::sample::select(PageKind::ALL.to_vec())) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path());
        let path = journal.page(kind);
        fs::write(&path, &foreign).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000);
        File::options().append(true).open(&path).unwrap().set_modified(then).unwrap();
        journal.append(&story()[0]).unwrap();
        publish(folder.path());
        let first = fs::read(&path).unwrap();
        publish(folder.path());
        prop_assert_eq!(&fs::read(&path).unwrap(), &first, "twice is once");
        journal.append(&story()[1]).unwrap();
        publish(folder.path());
        let second = fs::read(&path).unwrap();
        prop_assert_ne!(&second, &first);

        let others = kind.of_others(&first);
        prop_assert_eq!(&kind.of_others(&second), &others);
        // All that was added is the line ends before the section.
        let gap = others.len() - foreign.len();
        prop_assert!(gap <= 2);
        let fits = |at: usize| others[..at] == foreign[..at] && others[at + gap..] == foreign[at..] && others[at..at + gap].iter().all(|byte| *byte == b'\n');
        prop_assert!((0..=foreign.len()).any(fits));
        prop_assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), then);
    }

    #[test]
    fn no_text_ends_the_section(entries in entries()) {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path());
        let lines: Vec<String> = entries.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect();
        fs::write(journal.path(), lines.concat()).unwrap();
        journal.publish().unwrap();
        for kind in PageKind::ALL {
            let page = fs::read(journal.page(kind)).unwrap();
            prop_assert_eq!(kind.of_others(&page), b"");
            let text = String::from_utf8(page).unwrap();
            prop_assert_eq!((text.matches(BEGIN).count(), text.matches(END).count()), (1, 1));
        }
    }
}

proptest! {
    #[test]
    fn no_text_becomes_an_element_of_the_page(entries in entries()) {
        let state: JournalState = entries.into_iter().collect();
        let page = format!("<!DOCTYPE html><html><head><title>x</title></head><body>{}</body></html>", html(&state).into_string());
        let parsed = Html::parse_document(&page);
        prop_assert_eq!(&parsed.errors, &Vec::<std::borrow::Cow<'_, str>>::new());
        for node in parsed.tree.nodes() {
            match node.value() {
                Node::Element(element) => {
                    prop_assert!(TAGS.contains(&element.name()), "{}", element.name());
                    for (name, value) in element.attrs() {
                        // A role is given to what scrolls alone.
                        prop_assert!(ATTRIBUTES.contains(&name) || (name, value) == ("role", "group"), "{name}={value}");
                        prop_assert!(name != "href" || value.starts_with("#pool-watchdog"), "{value}");
                        prop_assert!(name != "style" || value.strip_prefix("flex-grow:").is_some_and(|n| n.parse::<u32>().is_ok()));
                    }
                }
                Node::Text(text) => prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}"),
                Node::Comment(_) => prop_assert!(false, "a comment"),
                _ => {}
            }
        }
    }

    #[test]
    fn no_text_becomes_an_element_of_markdown(entries in entries()) {
        let state: JournalState = entries.into_iter().collect();
        let page = markdown(&state);
        prop_assert!(!page.contains("<!--"), "{page}");
        for event in Parser::new_ext(&page, Options::all()) {
            let is_foreign = matches!(
                &event,
                Event::Html(_) | Event::InlineHtml(_) | Event::Rule | Event::FootnoteReference(_) | Event::TaskListMarker(_)
                    | Event::InlineMath(_) | Event::DisplayMath(_)
                    | Event::Start(
                        Tag::Link { .. } | Tag::Image { .. } | Tag::BlockQuote(_) | Tag::HtmlBlock | Tag::Strikethrough
                            | Tag::FootnoteDefinition(_) | Tag::MetadataBlock(_) | Tag::DefinitionList
                    )
            );
            prop_assert!(!is_foreign, "{event:?} in\n{page}");
        }
    }

    #[test]
    fn no_key_is_on_a_page(before in "[ \"'(=:,;|<>]{0,3}", split in 0_usize..10) {
        // Something unseen within a key does not hide it.
        let key = "sk-proj-ABCDEFGHIJKLMNOP";
        let (head, tail) = key.split_at(split);
        let says = format!("{before}{head}\u{200b}{tail} \u{1b}[1m{key}\u{1b}[0m {key}");
        let entry = Entry::new(at(0), BOARD, Some("t_1"), What::Noted { says });
        let state: JournalState = [entry].into_iter().collect();
        for page in [markdown(&state), html(&state).into_string()] {
            prop_assert!(!page.contains("GHIJKLMNOP"), "{page}");
        }
    }
}
