use std::collections::BTreeMap;
use std::io::Cursor;

use pool_watchdog::{Entries, JournalState, PageKind, html, markdown};
use pulldown_cmark::{Event, Options, Parser, Tag};
use scraper::{Html, Node};
use serde_json::Value;

/// Whatever is in a `watchdog.jsonl`, both pages can be made of it. No text of it ends the journal's section, becomes an
/// element, or reaches a terminal as more than text.
///
/// # Panics
///
/// Where that does not hold.
pub fn journal(bytes: &[u8]) {
    let state = read(bytes);
    assert_eq!(state, read(bytes), "a state is a function of the journal");
    let (page, text) = (html(&state).into_string(), markdown(&state));
    stays_a_section(PageKind::Html, &page);
    stays_a_section(PageKind::Markdown, &text);
    is_only_text(&text);
    let elements =
        |respell: fn(&str) -> String| elements(&html(&read(&respelled(bytes, respell))).into_string());
    assert_eq!(
        elements(str::to_owned),
        elements(without_markup),
        "a text that could be markup makes another page"
    );
}

fn read(bytes: &[u8]) -> JournalState {
    Entries::new(Cursor::new(bytes.to_vec())).map(|entry| entry.expect("memory can be read")).collect()
}

fn stays_a_section(kind: PageKind, page: &str) {
    let controls = page.find(|c: char| c.is_control() && c != '\n');
    assert_eq!(controls, None, "{page:?}");
    let section = format!("<!-- pool-watchdog:begin -->\n{page}\n<!-- pool-watchdog:end -->\n");
    assert_eq!(kind.of_others(section.as_bytes()), b"", "{page}");
    assert_eq!(section.matches("<!-- pool-watchdog:end -->").count(), 1, "{page}");
}

/// The same journal with each of its texts spelled in another way.
fn respelled(bytes: &[u8], respell: fn(&str) -> String) -> Vec<u8> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let respelled = lines.map(|line| match serde_json::from_slice::<Value>(line) {
        Ok(value) if line.ends_with(b"\n") => format!("{}\n", respelled_value(value, respell)).into_bytes(),
        _ => line.to_vec(),
    });
    respelled.collect::<Vec<_>>().concat()
}

fn respelled_value(value: Value, respell: fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(respell(&text)),
        Value::Array(values) => values.into_iter().map(|value| respelled_value(value, respell)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, respelled_value(value, respell))).collect()
        }
        other => other,
    }
}

fn without_markup(text: &str) -> String {
    let plain = |character| match character {
        '<' => '(',
        '>' => ')',
        '&' | '"' | '\'' => '^',
        other => other,
    };
    text.chars().map(plain).collect()
}

/// How often each element with its attributes, and each other node but text, is in a page.
fn elements(page: &str) -> BTreeMap<String, usize> {
    let parsed = Html::parse_document(page);
    let mut elements = BTreeMap::new();
    for node in parsed.tree.nodes() {
        let shape = match node.value() {
            Node::Text(_) => continue,
            Node::Element(element) => {
                let names: Vec<&str> = element.attrs().map(|(name, _)| name).collect();
                format!("{} {}", element.name(), names.join(" "))
            }
            other => format!("{other:?}"),
        };
        *elements.entry(shape).or_default() += 1;
    }
    elements
}

fn is_only_text(page: &str) {
    assert!(!page.contains("<!--"), "{page}");
    for event in Parser::new_ext(page, Options::all()) {
        let is_foreign = matches!(
            &event,
            Event::Html(_)
                | Event::InlineHtml(_)
                | Event::FootnoteReference(_)
                | Event::TaskListMarker(_)
                | Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock | Tag::MetadataBlock(_))
        );
        assert!(!is_foreign, "{event:?} in\n{page}");
    }
}
