//! Why a queue stands still.

use std::collections::HashSet;

use crate::task::{Status, Task, TaskId};

/// The tasks that others wait for and that go no further by themselves: blocked, in triage, put off, or ready without a profile that
/// is to run them. In the order of the board.
///
/// From every task that waits, the nearest such ancestors are found: a parent that waits itself begins a walk of its own, so one
/// look at the parents of each is all of them, whatever way the links run.
#[must_use]
pub(crate) fn blocked_roots(tasks: &[Task]) -> Vec<&Task> {
    let waiting = tasks.iter().filter(|task| task.status == Status::Todo);
    let awaited: HashSet<&TaskId> = waiting.flat_map(|task| &task.parents).collect();
    tasks.iter().filter(|task| awaited.contains(&task.id) && stands_still(task)).collect()
}

pub(crate) fn stands_still(task: &Task) -> bool {
    match task.status {
        Status::Blocked | Status::Triage | Status::Scheduled => true,
        Status::Ready => task.assignee.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(all: &[(&str, Status, &[&str])]) -> Vec<Task> {
        let task = |&(id, status, parents): &(&str, Status, &[&str])| Task {
            parents: parents.iter().map(|parent| TaskId::new(*parent).unwrap()).collect(),
            ..Task::sample(id, status)
        };
        all.iter().map(task).collect()
    }

    fn roots(tasks: &[Task]) -> Vec<&str> {
        blocked_roots(tasks).into_iter().map(|task| task.id.as_str()).collect()
    }

    #[test]
    fn a_queue_is_walked_up_to_what_holds_it() {
        use Status::{Archived, Blocked, Done, Ready, Running, Scheduled, Todo, Triage};
        let queue = tasks(&[
            ("awaited", Blocked, &["farther"]),
            ("farther", Blocked, &[]),
            ("nobody-waits", Blocked, &["awaited"]),
            ("triage", Triage, &[]),
            ("later", Scheduled, &[]),
            ("at-work", Running, &[]),
            ("next", Ready, &[]),
            ("done", Done, &[]),
            ("away", Archived, &[]),
            ("middle", Todo, &["awaited", "done", "deleted"]),
            ("end", Todo, &["middle", "triage", "later", "at-work", "next", "away"]),
        ]);
        assert_eq!(roots(&queue), ["awaited", "triage", "later"]);
    }

    #[test]
    fn a_ready_task_that_nobody_is_to_run_holds_the_queue() {
        let mut queue = tasks(&[("next", Status::Ready, &[]), ("end", Status::Todo, &["next"])]);
        queue[0].assignee = None;
        assert_eq!(roots(&queue), ["next"]);
    }

    #[test]
    fn a_circle_ends() {
        let queue = tasks(&[
            ("a", Status::Todo, &["b", "a"]),
            ("b", Status::Todo, &["a", "held"]),
            ("held", Status::Blocked, &["a"]),
        ]);
        assert_eq!(roots(&queue), ["held"]);
        assert_eq!(roots(&[]), Vec::<&str>::new());
    }
}
