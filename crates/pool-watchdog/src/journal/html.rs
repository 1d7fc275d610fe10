use crate::journal::state::State;
use maud::{Markup, html as page};
/// The state as a section of HTML.
#[must_use]
pub fn html(state: &State) -> Markup {
    page! { section.pool-watchdog { @for b in state.boards.values() { @for c in b.cards.values() { p { (crate::journal::text::shown(&c.title)) } } } } }
}
