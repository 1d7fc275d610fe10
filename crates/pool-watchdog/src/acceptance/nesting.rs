//! How deep a page is nested, told before a tree is made of it: for each element that begins, a parser looks through those that are
//! open, and may make some of them again, so that a page of nothing but openings would take it hours and all of the memory.
//!
//! What a parser does with an end that does not fit is a book of rules. Where one does not fit here, its element stays open: a page that is
//! nested well is counted as it is, and one that is not as deeper than it is.

use std::cell::{Cell, RefCell};

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use html5ever::{LocalName, local_name};

/// What browsers show: deeper elements are put beside each other.
const DEEPEST: usize = 512;

/// More than a report has that anybody reads.
const MOST_ELEMENTS: usize = 1_000_000;

/// Whether a page is nested deeper than any browser shows it, or has too many elements.
pub(super) fn is_too_deep(page: &str) -> bool {
    let nesting = Nesting::of(page);
    nesting.deepest.get() > DEEPEST || nesting.elements.get() > MOST_ELEMENTS
}

#[derive(Default)]
struct Nesting {
    open: RefCell<Vec<LocalName>>,
    deepest: Cell<usize>,
    /// Those that begin or end, and with each the formatting that a parser may begin again there.
    elements: Cell<usize>,
}

impl Nesting {
    fn of(page: &str) -> Self {
        let tokenizer = Tokenizer::new(Self::default(), TokenizerOpts::default());
        let rest = BufferQueue::default();
        rest.push_back(page.into());
        // It goes through to the end: nothing here asks it to stop.
        drop(tokenizer.feed(&rest));
        tokenizer.end();
        tokenizer.sink
    }

    fn begin(&self, tag: &Tag) {
        let open = &mut *self.open.borrow_mut();
        let is_flat = match open.iter().any(is_foreign) {
            true => tag.self_closing || is_flat_anywhere(&tag.name),
            false => is_flat(&tag.name),
        };
        if is_flat {
            return;
        }
        if open.last().is_some_and(|last| is_ended_by(last, &tag.name)) {
            open.pop();
        }
        open.push(tag.name.clone());
        self.deepest.set(self.deepest.get().max(open.len()));
    }

    fn end(&self, name: &LocalName) {
        let open = &mut *self.open.borrow_mut();
        let Some(at) = open.iter().rposition(|opened| opened == name) else { return };
        if at + 1 == open.len() {
            open.pop();
        } else if is_container(name) && !open[at..].iter().any(is_wall) {
            let ended = open.split_off(at);
            open.extend(ended.into_iter().filter(is_formatting));
        }
    }
}

impl TokenSink for Nesting {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let Token::TagToken(tag) = token else { return TokenSinkResult::Continue };
        // What is too deep already gets no deeper.
        if self.deepest.get() > DEEPEST {
            return TokenSinkResult::Continue;
        }
        let again = self.open.borrow().iter().filter(|opened| is_formatting(opened)).count();
        self.elements.set(self.elements.get().saturating_add(1 + again));
        if tag.kind == TagKind::EndTag {
            self.end(&tag.name);
            return TokenSinkResult::Continue;
        }
        let is_in_wall =
            self.open.borrow().iter().any(|opened| is_wall(opened) && *opened != local_name!("table"));
        self.begin(&tag);
        // What looks like elements in these is none. Behind a wall they may be none themselves.
        match raw(&tag.name) {
            Some(raw) if !is_in_wall => TokenSinkResult::RawData(raw),
            _ => TokenSinkResult::Continue,
        }
    }
}

fn raw(name: &LocalName) -> Option<RawKind> {
    match *name {
        local_name!("script") => Some(RawKind::ScriptData),
        local_name!("title") | local_name!("textarea") => Some(RawKind::Rcdata),
        local_name!("style")
        | local_name!("iframe")
        | local_name!("xmp")
        | local_name!("noembed")
        | local_name!("noframes")
        | local_name!("noscript") => Some(RawKind::Rawtext),
        _ => None,
    }
}

/// The end of one is the end of all that was begun in it, up to a wall.
fn is_container(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("address")
            | local_name!("article")
            | local_name!("aside")
            | local_name!("blockquote")
            | local_name!("center")
            | local_name!("details")
            | local_name!("dialog")
            | local_name!("dir")
            | local_name!("div")
            | local_name!("dl")
            | local_name!("fieldset")
            | local_name!("figcaption")
            | local_name!("figure")
            | local_name!("footer")
            | local_name!("header")
            | local_name!("hgroup")
            | local_name!("main")
            | local_name!("menu")
            | local_name!("nav")
            | local_name!("ol")
            | local_name!("pre")
            | local_name!("section")
            | local_name!("summary")
            | local_name!("ul")
    )
}

/// No end behind one of these is that of an element before it.
fn is_wall(name: &LocalName) -> bool {
    is_foreign(name)
        || matches!(
            *name,
            local_name!("applet")
                | local_name!("frameset")
                | local_name!("iframe")
                | local_name!("marquee")
                | local_name!("noembed")
                | local_name!("noframes")
                | local_name!("noscript")
                | local_name!("object")
                | local_name!("plaintext")
                | local_name!("script")
                | local_name!("select")
                | local_name!("style")
                | local_name!("table")
                | local_name!("template")
                | local_name!("textarea")
                | local_name!("title")
                | local_name!("xmp")
        )
}

/// What is in a drawing or a formula has rules of its own.
fn is_foreign(name: &LocalName) -> bool {
    matches!(*name, local_name!("svg") | local_name!("math"))
}

/// What goes on beyond the end of what it was begun in, until it is ended itself.
fn is_formatting(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("a")
            | local_name!("b")
            | local_name!("big")
            | local_name!("code")
            | local_name!("em")
            | local_name!("font")
            | local_name!("i")
            | local_name!("nobr")
            | local_name!("s")
            | local_name!("small")
            | local_name!("strike")
            | local_name!("strong")
            | local_name!("tt")
            | local_name!("u")
    )
}

/// Items of a list end the one before.
fn is_ended_by(item: &LocalName, next: &LocalName) -> bool {
    let is_of_description = |name: &LocalName| matches!(*name, local_name!("dt") | local_name!("dd"));
    let is_of_list = |name: &LocalName| *name == local_name!("li");
    is_of_list(item) && is_of_list(next) || is_of_description(item) && is_of_description(next)
}

/// What is in none of its own kind, or is empty, also where nobody ends it.
fn is_flat(name: &LocalName) -> bool {
    is_flat_anywhere(name)
        || matches!(
            *name,
            local_name!("area")
                | local_name!("base")
                | local_name!("basefont")
                | local_name!("bgsound")
                | local_name!("caption")
                | local_name!("col")
                | local_name!("colgroup")
                | local_name!("frame")
                | local_name!("html")
                | local_name!("image")
                | local_name!("input")
                | local_name!("keygen")
                | local_name!("link")
                | local_name!("option")
                | local_name!("param")
                | local_name!("source")
                | local_name!("tbody")
                | local_name!("td")
                | local_name!("tfoot")
                | local_name!("th")
                | local_name!("thead")
                | local_name!("tr")
                | local_name!("track")
                | local_name!("wbr")
        )
}

/// What is so in a drawing or a formula, too: it ends it.
fn is_flat_anywhere(name: &LocalName) -> bool {
    matches!(
        *name,
        local_name!("body")
            | local_name!("br")
            | local_name!("embed")
            | local_name!("head")
            | local_name!("hr")
            | local_name!("img")
            | local_name!("meta")
            | local_name!("p")
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scraper::Html;

    use super::*;

    /// Parts of pages, of which some fit together.
    const PARTS: &str = "<div> </div> <p> </p> <b> <b a=1> <b/> </b> <i> </i> <a> </a> <span> </span> <x-y> </x-y> <li> </li> <ul> </ul> <dt> <dd> \
        </dd> <table> </table> <tr> </tr> <td> </td> <caption> <tbody> <select> </select> <option> </option> <optgroup> <svg> </svg> <svg/> \
        <foreignObject> </foreignObject> <g> <g/> <g_a='/'> </g> <math> </math> <mi> <annotation-xml> <script> </script> <style> </style> \
        <title> </title> <textarea> </textarea> <xmp> </xmp> <noscript> </noscript> <iframe> <template> </template> <form> </form> <button> \
        </button> <object> </object> <h1> </h1> <h2> <ruby> <rt> <rtc> <frameset> <plaintext> <head> </head> <body> </body> <html> <br> </br> \
        <nobr> <section> </section> <!-- --> <!--> <![CDATA[ ]]> <div_a=\"</div>\"> <p_=\"> \" x <input> <image> <center> </center>";

    fn soup() -> impl Strategy<Value = String> {
        let parts: Vec<String> = PARTS.split_whitespace().map(|part| part.replace('_', " ")).collect();
        let few = prop::collection::vec(prop::sample::select(parts), 1..8);
        (prop::collection::vec((few, 1..20_usize), 1..6)).prop_map(|groups| {
            groups.into_iter().map(|(parts, times)| parts.concat().repeat(times)).collect()
        })
    }

    /// The deepest element of the tree that is made of a page, and how many there are.
    fn measured(page: &str) -> (usize, usize) {
        let page = Html::parse_document(page);
        let elements = || page.tree.nodes().filter(|node| node.value().is_element());
        (elements().map(|element| element.ancestors().count()).max().unwrap_or(0), elements().count())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn no_page_is_deeper_than_it_is_taken_to_be(page in soup()) {
            let told = Nesting::of(&page);
            let (deepest, elements) = measured(&page);
            // What is flat stands between those that are not: a paragraph, or the parts of a table.
            prop_assert!(deepest <= 6 * told.deepest.get() + 8, "{deepest} > {}: {page}", told.deepest.get());
            prop_assert!(elements <= 12 * told.elements.get() + 8, "{elements} > {}: {page}", told.elements.get());
        }
    }
}
