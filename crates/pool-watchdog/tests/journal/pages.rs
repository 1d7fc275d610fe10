use pool_watchdog::{Card, Decided, Entry, JournalState, What, html, markdown};
use scraper::{Html, Selector};

use crate::story::{BOARD, at, card, crowd, decided, on, queue, story};

fn state(entries: Vec<Entry>) -> JournalState {
    entries.into_iter().collect()
}

#[test]
fn an_afternoon_in_markdown() {
    insta::assert_snapshot!(markdown(&state(story())));
}

#[test]
fn nothing_in_markdown() {
    insta::assert_snapshot!(markdown(&JournalState::default()));
}

/// Each element on a line of its own, without the style.
fn readable(html: &str) -> String {
    let (before, style) = html.split_once("<style>").unwrap();
    let (_, after) = style.split_once("</style>").unwrap();
    format!("{before}{after}").replace("><", ">\n<")
}

#[test]
fn a_task_in_html() {
    let entries = vec![
        Entry::new(
            at(0),
            BOARD,
            None,
            queue(vec![card("t_1", "A <b>bold</b> title", "blocked", "me", &["t_2"])]),
        ),
        on(
            1,
            "t_1",
            decided({
                let mut decided = Decided::new("leave", "row/of/table", "nobody knows");
                decided.next = Some("Ask `who --knows`, then wait.".to_owned());
                decided
            }),
        ),
    ];
    insta::assert_snapshot!(readable(&html(&state(entries)).into_string()));
}

#[test]
fn nothing_in_html() {
    insta::assert_snapshot!(readable(&html(&JournalState::default()).into_string()));
}

#[test]
fn a_large_board_is_a_page_of_some_megabytes() {
    let state = state(crowd(1_000));
    let page = html(&state).into_string();
    assert!(page.len() < 4_000_000, "{}", page.len());
    assert_eq!(page.matches("<article").count(), 1_000);
    assert!(markdown(&state).len() < 1_000_000, "{}", markdown(&state).len());
}

#[test]
fn what_has_left_the_board_is_remembered_for_a_while() {
    let done = |number: i64| {
        let id = format!("t_{number}");
        [
            Entry::new(at(number), BOARD, None, queue(vec![Card::new(id.clone(), id.clone(), "running")])),
            on(number, &id, decided(Decided::new("complete", "accepted", "it is all there"))),
            Entry::new(at(number), BOARD, None, What::Queue { tasks: Vec::new(), gone: vec![id] }),
        ]
    };
    let state = state((0..200).flat_map(done).collect());
    let page = html(&state).into_string();
    assert_eq!(page.matches("<article").count(), 50);
    assert!(page.contains("t_199") && !page.contains("t_149<"), "the newest are");
}

#[test]
fn the_page_is_sound() {
    for entries in [story(), crowd(50), Vec::new()] {
        let page = html(&state(entries)).into_string();
        let parsed = Html::parse_document(&format!(
            "<!DOCTYPE html><html><head><title>x</title></head><body>{page}</body></html>"
        ));
        assert_eq!(parsed.errors, Vec::<std::borrow::Cow<'_, str>>::new());
        let all = |selector: &str| parsed.select(&Selector::parse(selector).unwrap()).count();
        assert_eq!(all("script, link, img, iframe, [src], [onclick]"), 0);
        let places = Selector::parse("[id]").unwrap();
        for link in parsed.select(&Selector::parse("a[href]").unwrap()) {
            let target = link.attr("href").unwrap().strip_prefix('#').unwrap();
            let found = parsed.select(&places).filter(|there| there.attr("id") == Some(target));
            assert_eq!(found.count(), 1, "{target}");
        }
    }
}

/// In a page of others nothing of theirs may change its looks.
#[test]
fn the_style_is_for_the_section_alone() {
    let page = html(&JournalState::default()).into_string();
    let (_, style) = page.split_once("<style>").unwrap();
    let (style, _) = style.split_once("</style>").unwrap();
    let style = style.trim();
    assert!(style.starts_with(".pool-watchdog {") && style.ends_with('}'), "{style}");
    let mut depth = 0;
    for (at, c) in style.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        assert!(depth > 0 || at + 1 == style.len() || at < style.find('{').unwrap(), "it ends at {at}");
    }
    assert!(!style.contains("url(") && !style.contains("@import") && !style.contains("@font-face"));
}
