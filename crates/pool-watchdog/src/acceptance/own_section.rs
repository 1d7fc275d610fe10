//! What others wrote into a page that the journal has a section of.

use std::borrow::Cow;

const BEGIN: &str = "<!-- pool-watchdog:begin -->";
const END: &str = "<!-- pool-watchdog:end -->";

/// The page without the journal's section, and whether it had one.
pub(super) fn of_others(page: &str) -> (Cow<'_, str>, bool) {
    let section = page.find(BEGIN).and_then(|begin| {
        let end = page[begin..].find(END)?;
        Some((&page[..begin], &page[begin + end + END.len()..]))
    });
    match section {
        Some((before, after)) => (Cow::Owned([before, after].concat()), true),
        None => (Cow::Borrowed(page), false),
    }
}
