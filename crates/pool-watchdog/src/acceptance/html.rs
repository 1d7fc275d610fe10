//! Reads HTML.

use scraper::node::Element;
use scraper::{Html, Node};

use super::document::{Block, Builder, Level};
use super::nesting::is_too_deep;

/// What says nothing to whoever reads the page.
const SILENT: [&str; 12] = [
    "head", "script", "style", "template", "noscript", "nav", "pre", "svg", "iframe", "object", "textarea",
    "select",
];

/// What a text does not go beyond. Any other element is part of a text.
const BLOCKS: [&str; 24] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "div",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hr",
    "html",
    "li",
    "main",
    "p",
    "search",
    "section",
    "tbody",
    "tfoot",
    "thead",
];

/// Reads what a page says; `None` if it is nested too deep. What is not shown says nothing, nor do scripts, comments, navigation and code blocks.
pub(super) fn read(text: &str) -> Option<Vec<Block>> {
    if is_too_deep(text) {
        return None;
    }
    let page = Html::parse_document(text);
    let mut builder = Builder::default();
    let mut node = page.tree.root();
    // By hand: a page may be nested deeper than a stack.
    loop {
        let goes_in = match node.value() {
            Node::Text(text) => {
                builder.text(text);
                false
            }
            Node::Element(element) => {
                let is_shown = !is_hidden(element);
                if is_shown {
                    begin(&mut builder, element.name());
                }
                is_shown
            }
            _ => true,
        };
        if let Some(child) = node.first_child().filter(|_| goes_in) {
            node = child;
            continue;
        }
        loop {
            if let Node::Element(element) = node.value()
                && !is_hidden(element)
            {
                end(&mut builder, element.name());
            }
            if let Some(next) = node.next_sibling() {
                node = next;
                break;
            }
            let Some(parent) = node.parent() else {
                return Some(builder.build());
            };
            node = parent;
        }
    }
}

fn is_hidden(element: &Element) -> bool {
    let style: String = element
        .attr("style")
        .unwrap_or_default()
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    let style = style.to_ascii_lowercase();
    SILENT.contains(&element.name())
        || element.attr("hidden").is_some()
        || style.contains("display:none")
        || style.contains("visibility:hidden")
}

fn heading(name: &str) -> Option<Level> {
    ["h1", "h2", "h3", "h4", "h5", "h6"].iter().position(|heading| *heading == name).map(|index| index + 1)
}

fn begin(builder: &mut Builder, name: &str) {
    match name {
        "ul" | "ol" => {
            builder.begin_list();
            builder.introduce();
        }
        "details" => builder.begin_list(),
        "table" => builder.begin_table(),
        "tr" => builder.begin_row(),
        "th" | "td" => builder.begin_cell(name == "th"),
        // It goes on with what its term began.
        "dd" | "br" => builder.text(" "),
        _ if BLOCKS.contains(&name) => builder.cut(),
        _ => {
            if let Some(level) = heading(name) {
                builder.begin_heading(level);
            }
        }
    }
}

fn end(builder: &mut Builder, name: &str) {
    match name {
        "ul" | "ol" | "details" => builder.end_list(),
        "summary" => builder.introduce(),
        "table" => builder.end_table(),
        "th" | "td" => builder.end_cell(),
        // Its description follows.
        "dt" => {}
        "dd" => builder.cut(),
        _ if BLOCKS.contains(&name) => builder.cut(),
        _ if heading(name).is_some() => builder.end_heading(),
        _ => {}
    }
}
