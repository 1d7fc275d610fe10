//! What others wrote into a page that the journal has a section of.

const BEGIN: &str = "<!-- pool-watchdog:begin -->";
const END: &str = "<!-- pool-watchdog:end -->";

/// The page without the journal's section. A mark that has lost its other one is text of others.
pub(super) fn of_others(page: &str) -> String {
    match page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1))) {
        Some((before, after)) => [before, after].concat(),
        None => page.to_owned(),
    }
}
