use maud::{Markup, html as page};
use crate::journal::state::State;
/// The state as a section of HTML.
#[must_use]
pub fn html(state: &State) -> Markup { page! { section.pool-watchdog { @for b in state.boards.values() { @for c in b.cards.values() { p { (crate::journal::text::shown(&c.title)) } } } } } }
