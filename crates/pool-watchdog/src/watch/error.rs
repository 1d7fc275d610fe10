use crate::board::BoardError;
use crate::journal::JournalError;
use crate::task::TaskId;

/// Why boards could not be looked after.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// A board.
    #[error(transparent)]
    Board(#[from] BoardError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// None of the boards has this task.
    #[error("there is no task {task} on {}", names(boards))]
    NoTask {
        /// The task.
        task: TaskId,
        /// The boards that were looked at.
        boards: Vec<String>,
    },
}

fn names(boards: &[String]) -> String {
    match boards {
        [board] => format!("the board `{board}`"),
        boards => format!("any of the boards `{}`", boards.join("`, `")),
    }
}
