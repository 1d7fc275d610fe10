//! How deep a page is nested, before it is parsed: a parser looks through what is open for each element that begins, so that a page
//! of nothing but openings would take it hours.

/// Elements that stay open until they are ended, and that each make those in them slower to parse.
const CONTAINERS: [&str; 26] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hgroup",
    "main",
    "menu",
    "nav",
    "ol",
    "pre",
    "search",
    "section",
    "summary",
    "ul",
];

/// What browsers show: deeper elements are put beside each other.
const DEEPEST: usize = 512;

/// Whether a page is nested deeper than any browser shows it.
pub(super) fn is_too_deep(page: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some((_, tag)) = rest.split_once('<') {
        rest = tag;
        if let Some(comment) = tag.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (ends, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let name =
            &tag[..tag.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(tag.len())];
        // What looks like elements in these is none.
        if let Some(raw) = ["script", "style"].into_iter().find(|raw| !ends && name.eq_ignore_ascii_case(raw))
        {
            rest = after_end_of(raw, tag);
            continue;
        }
        let Some(name) = CONTAINERS.into_iter().find(|container| name.eq_ignore_ascii_case(container)) else {
            continue;
        };
        if ends {
            open.truncate(open.iter().rposition(|opened| *opened == name).unwrap_or(open.len()));
        } else {
            open.push(name);
        }
        if open.len() > DEEPEST {
            return true;
        }
    }
    false
}

fn after_end_of<'a>(name: &str, text: &'a str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("</") {
        if after.get(..name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name)) {
            return after;
        }
        rest = after;
    }
    ""
}
