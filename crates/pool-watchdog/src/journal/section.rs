//! The part of a page that is the journal's: what stands around it is others', and stays.

use std::ops::Range;

use crate::journal::html::html;
use crate::journal::markdown::markdown;
use crate::journal::state::JournalState;

/// One of the two pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PageKind {
    /// `PROJECT_STATE.md`
    Markdown,
    /// `PROJECT_STATE.html`
    Html,
}

const BEGIN: &str = "<!-- pool-watchdog:begin -->";
const END: &str = "<!-- pool-watchdog:end -->";

/// What stands around the section of a page that nobody else has written in. Where it is ever changed, what it was has to be known too:
/// a page that differs from it is taken for one of others.
const OWN_HEAD: &str = concat!(
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    "<meta name=\"generator\" content=\"pool-watchdog\">\n<meta name=\"color-scheme\" content=\"light dark\">\n",
    "<title>Project state</title>\n",
    "<style>body{margin:0;background:#fbfaf7;color:#22262b;font-family:system-ui,\"Liberation Sans\",Arial,sans-serif}",
    "h1{box-sizing:border-box;max-width:64rem;margin:0 auto;padding:clamp(1rem,4vw,3rem) clamp(1rem,4vw,3rem) 0;",
    "font-size:clamp(1.8rem,5vw,2.6rem);line-height:1.2;letter-spacing:-.02em}",
    "@media(prefers-color-scheme:dark){body{background:#15171a;color:#e6e4df}}",
    "@media print{body{background:none;color:#000}h1{padding:0 0 1rem}}</style>\n",
    "</head>\n<body>\n<main>\n<h1>Project state</h1>\n"
);
const OWN_TAIL: &str = "</main>\n</body>\n</html>\n";

/// A page as it is going to be.
pub(crate) struct Page {
    pub(crate) bytes: Vec<u8>,
    /// Whether somebody else's text is in it.
    pub(crate) is_shared: bool,
}

impl PageKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Markdown, Self::Html];

    /// How it is called in the folder of the state.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Markdown => "PROJECT_STATE.md",
            Self::Html => "PROJECT_STATE.html",
        }
    }

    /// What others wrote into a page; nothing, if it is the journal's alone.
    ///
    /// ```
    /// use pool_watchdog::PageKind;
    ///
    /// let page = "# Ours\n\n<!-- pool-watchdog:begin -->\n...\n<!-- pool-watchdog:end -->\n";
    /// assert_eq!(PageKind::Markdown.of_others(page.as_bytes()), b"# Ours\n\n");
    /// ```
    #[must_use]
    pub fn of_others(self, page: &[u8]) -> Vec<u8> {
        let Some(section) = section_in(page) else { return page.to_vec() };
        let (before, after) = (&page[..section.start], &page[section.end..]);
        let is_own = self == Self::Html && before == OWN_HEAD.as_bytes() && after == OWN_TAIL.as_bytes();
        if is_own { Vec::new() } else { [before, after].concat() }
    }

    /// The page that says what the state is, made of the one that is there.
    pub(crate) fn page(self, old: &[u8], state: &JournalState) -> Page {
        let section = match self {
            Self::Markdown => format!("{BEGIN}\n{}\n{END}\n", markdown(state).trim_end()),
            Self::Html => format!("{BEGIN}\n{}\n{END}\n", html(state).into_string()),
        };
        let is_shared = !self.of_others(old).trim_ascii().is_empty();
        let bytes = match (self, section_in(old)) {
            (Self::Markdown, _) if !is_shared => section.into_bytes(),
            (Self::Html, _) if !is_shared => [OWN_HEAD, &section, OWN_TAIL].concat().into_bytes(),
            (_, Some(ours)) => [&old[..ours.start], section.as_bytes(), &old[ours.end..]].concat(),
            (_, None) => self.with_section(old, &section),
        };
        Page { bytes, is_shared }
    }

    /// Puts a section into a page that has none.
    fn with_section(self, old: &[u8], section: &str) -> Vec<u8> {
        let at = match self {
            Self::Markdown => old.len(),
            Self::Html => last_body_end(old).unwrap_or(old.len()),
        };
        let (before, after) = old.split_at(at);
        // Two line ends, so that the section does not belong to the last paragraph.
        let gap = if before.ends_with(b"\n\n") {
            ""
        } else if before.ends_with(b"\n") {
            "\n"
        } else {
            "\n\n"
        };
        [before, gap.as_bytes(), section.as_bytes(), after].concat()
    }
}

fn last_body_end(page: &[u8]) -> Option<usize> {
    let tag = b"</body";
    page.windows(tag.len()).rposition(|window| window.eq_ignore_ascii_case(tag))
}

/// Where the section is, with the marks, each of which is alone on its line. Of several it is the last; a mark that has lost its other
/// one is text of others.
fn section_in(page: &[u8]) -> Option<Range<usize>> {
    let mut start = 0;
    let mut begun = None;
    let mut section = None;
    for line in page.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len();
        match line.trim_ascii() {
            mark if mark == BEGIN.as_bytes() => begun = Some(start),
            mark if mark == END.as_bytes() => {
                section = begun.take().map(|begin| begin..end).or(section);
            }
            _ => {}
        }
        start = end;
    }
    section
}
