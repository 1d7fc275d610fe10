//! Lists of what an agent, a person and another program do to a store.

mod history;
mod home;
mod world;

pub use history::History;

use pool_store::MemoryStore;

use home::Home;
use world::World;

/// A handle on a store in memory says what the rules say by themselves, whatever is done: each answer, each pick, and what is
/// known in the end. The dead are never handed out.
///
/// # Panics
///
/// Where that does not hold.
pub fn operations(history: &History) {
    let mut world = World::of(history);
    world.open(MemoryStore::new(world.pools().clone()));
    for step in history.steps() {
        world.take(step);
    }
    world.is_as_told();
}

/// The same on a file: what is written can be read, by another process too, and says the same. What is not ours comes back
/// byte for byte.
///
/// # Panics
///
/// Where that does not hold.
pub fn store(history: &History) {
    let home = Home::with(&history.text());
    let mut world = World::of(history);
    world.open(home.store());
    for step in history.steps() {
        world.take(step);
        if let Some(memory) = step.of_another_program() {
            world.flush();
            home.remember(memory);
            world.begin_again(&home.text(), memory.whom());
        }
        if step.is_a_new_process() {
            world.close();
            world.open(home.store());
        }
        home.is_whole();
    }
    world.is_as_told();
    world.close();
    world.open(home.store());
    world.is_as_told();
}
