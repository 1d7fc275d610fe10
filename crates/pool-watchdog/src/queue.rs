//! Why a queue stands still.

use std::collections::HashSet;

use crate::task::{Status, Task, TaskId};

/// The tasks that others wait for and that go no further by themselves: blocked, in triage, put off, or ready without a profile that
/// is to run them. In the order of the board.
///
/// From every task that waits, the nearest such ancestors are found: a parent that waits itself begins a walk of its own, so one
/// look at the parents of each is all of them, whatever way the links run.
#[must_use]
pub fn blocked_roots(tasks: &[Task]) -> Vec<&Task> {
    let waiting = tasks.iter().filter(|task| task.status == Status::Todo);
    let awaited: HashSet<&TaskId> = waiting.flat_map(|task| &task.parents).collect();
    tasks.iter().filter(|task| awaited.contains(&task.id) && stands_still(task)).collect()
}

fn stands_still(task: &Task) -> bool {
    match task.status {
        Status::Blocked | Status::Triage | Status::Scheduled => true,
        Status::Ready => task.assignee.is_none(),
        _ => false,
    }
}
