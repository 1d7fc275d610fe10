use crate::journal::state::State;
/// The state as Markdown.
#[must_use]
pub fn markdown(state: &State) -> String {
    state
        .boards
        .values()
        .flat_map(|b| b.cards.values())
        .map(|c| format!("- {}\n", crate::journal::text::shown(&c.title)))
        .collect()
}
