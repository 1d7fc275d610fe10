//! The command that makes what is missing from the evidence.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::board::Board;
use crate::line::shown;
use crate::process;
use crate::task::Task;

/// So much of what a command says last is told.
const LONGEST_TOLD: usize = 300;

/// Runs a command in the workspace of a task. It is told the task and the board by `POOL_WATCHDOG_TASK` and `POOL_WATCHDOG_BOARD`, and
/// answers nothing, or what went wrong.
pub(crate) fn run(
    make: &[String],
    workspace: &Path,
    task: &Task,
    board: &Board,
    limit: Duration,
) -> Result<(), String> {
    let Some((program, arguments)) = make.split_first() else { return Err("names no program".to_owned()) };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace);
    board.unpin(&mut command);
    command.env("POOL_WATCHDOG_TASK", task.id.as_str()).env("POOL_WATCHDOG_BOARD", board.name());
    let ended = process::run(command, limit).map_err(|error| format!("cannot be run: {error}"))?;
    match ended.status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("ended with {status}: {}", last_words(&ended.err, &ended.out))),
        None => Err(format!("took longer than {} s, and was ended", limit.as_secs())),
    }
}

/// The last line that tells something, of its errors if there are any.
fn last_words(err: &str, out: &str) -> String {
    let last =
        |text: &str| text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
    let said = last(err).or_else(|| last(out)).unwrap_or_else(|| "it said nothing".to_owned());
    shown(&said, LONGEST_TOLD)
}
