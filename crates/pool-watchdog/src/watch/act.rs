//! One decision, done: on the board, which is read again to prove it, and in the workspace.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;

use serde_json::{Value, json};

use pool_core::quoted_command;

use crate::acceptance::Acceptance;
use crate::board::{self, Board, BoardError, Life};
use crate::copy::copy_folder;
use crate::decision::{Action, Stage};
use crate::files;
use crate::line::{in_words, one_line};
use crate::make;
use crate::preflight::{self, Surroundings};
use crate::settings::Settings;
use crate::task::{Task, Workspace};
use crate::watch::look::Looked;
use crate::watch::words;

/// How long the board may take before and after the commands that a task is claimed for.
pub(crate) const AFTERWARDS: Duration = Duration::from_secs(10 * 60);

/// What became of an action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Done {
    /// Whether the board, read again, shows that it was done.
    pub(crate) done: bool,
    /// Whether it was not done since the task had moved on: it is decided anew, and has not failed.
    pub(crate) cut: bool,
    /// What shows it, or what went wrong.
    pub(crate) says: String,
}

impl Done {
    pub(crate) fn well(says: impl Into<String>) -> Self {
        Self { done: true, cut: false, says: says.into() }
    }

    pub(crate) fn not(says: impl Into<String>) -> Self {
        Self { done: false, cut: false, says: says.into() }
    }
}

/// Does what was decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) around: &'a Surroundings,
    pub(crate) board: &'a Board,
}

impl Act<'_> {
    /// What is going to be done, before it is.
    pub(crate) fn plan(self, looked: &Looked) -> String {
        match looked.decision.action {
            Action::Make => looked
                .acceptance
                .as_ref()
                .and_then(Acceptance::makes)
                .into_iter()
                .flatten()
                .map(|make| quoted_command(&make))
                .collect::<Vec<_>>()
                .join("; "),
            Action::Block | Action::Comment => self.explanation(looked),
            _ => looked.decision.reason.to_owned(),
        }
    }

    /// Does it, and says what became of it.
    pub(crate) fn on(self, looked: &Looked) -> Done {
        let done = match looked.decision.action {
            Action::Leave => Ok(Done::well("nothing")),
            Action::Complete => self.complete(looked),
            Action::Make => self.make(looked),
            Action::RepairLogin => Ok(self.repair(&looked.task)),
            Action::Retry => self.retry(looked),
            Action::Block => self.block(looked),
            Action::Comment => self.comment(looked),
            Action::Dispatch => self.reap(&looked.task),
        };
        done.unwrap_or_else(|error| Done {
            cut: matches!(error, BoardError::Moved { .. }),
            ..Done::not(in_words(&error))
        })
    }

    /// Starts what is ready.
    pub(crate) fn dispatch(self) -> Result<Done, BoardError> {
        let started = self.board.dispatch()?;
        if started.is_empty() {
            return Ok(Done::well("no worker was started"));
        }
        let started: Vec<&str> = started.iter().map(crate::task::TaskId::as_str).collect();
        Ok(Done::well(format!("started {}", started.join(", "))))
    }

    /// Has the board see that a worker is gone. It gives each some time before it looks, so that this may have to wait.
    fn reap(self, task: &Task) -> Result<Done, BoardError> {
        let done = self.dispatch()?;
        let is_gone = |task: &Task| matches!(self.board.life(task), Life::Gone { .. });
        let now = self.board.task(&task.id)?;
        Ok(match now.filter(|now| now.last_event() == task.last_event() && is_gone(now)) {
            Some(_) => Done::not("the board does not see yet that its worker is gone"),
            None => done,
        })
    }

    fn explanation(self, looked: &Looked) -> String {
        let Looked { decision, diagnosis, acceptance, next, .. } = looked;
        words::explanation(decision, diagnosis.as_ref(), acceptance.as_ref(), next.as_deref())
    }

    fn on_board(self, task: &Task, verb: &board::Verb) -> Result<Done, BoardError> {
        let after = self.board.act(task, verb)?;
        Ok(Done::well(format!("the board has it as {}", after.status)))
    }

    fn block(self, looked: &Looked) -> Result<Done, BoardError> {
        let kind = looked.decision.kind.unwrap_or_else(|| looked.case.block_kind());
        let block = board::Verb::Block { kind, reason: self.explanation(looked) };
        match self.on_board(&looked.task, &block) {
            Err(BoardError::WaitsForParents(_) | BoardError::SecondBlock { .. }) => self.comment(looked),
            result => result,
        }
    }

    fn comment(self, looked: &Looked) -> Result<Done, BoardError> {
        self.on_board(&looked.task, &board::Verb::Comment { text: self.explanation(looked) })
    }

    fn retry(self, looked: &Looked) -> Result<Done, BoardError> {
        let reason = looked.decision.reason.to_owned();
        let verb = match looked.case.stage {
            Stage::Held => board::Verb::Release { reason },
            _ => board::Verb::Unblock { reason },
        };
        self.on_board(&looked.task, &verb)
    }

    fn repair(self, task: &Task) -> Done {
        let Some(profile) = &task.assignee else { return Done::not("nobody is to run it") };
        let (repaired, _) = preflight::mend(self.settings, profile, self.around);
        let says: Vec<&str> = repaired.iter().map(|repaired| repaired.says.as_str()).collect();
        let done = !repaired.is_empty() && repaired.iter().all(|repaired| repaired.done);
        let says = if says.is_empty() { "nothing to repair".to_owned() } else { says.join("; ") };
        if done { Done::well(says) } else { Done::not(says) }
    }

    fn complete(self, looked: &Looked) -> Result<Done, BoardError> {
        let Looked { task, .. } = looked;
        let saved = match self.save(task) {
            Ok(saved) => saved,
            Err(error) => return Ok(Done::not(in_words(&error))),
        };
        let verb = board::Verb::Complete {
            summary: format!("{}: {}", crate::history::AUTHOR, looked.decision.reason),
            metadata: metadata(looked, saved.as_ref()),
        };
        let done = self.on_board(task, &verb);
        if let (Err(_), Some(copy), Some(folder)) = (&done, &saved, task.workspace.path())
            && folder.is_dir()
        {
            // What it is a copy of is still there: each try would leave one more.
            files::remove_folder(copy);
        }
        let done = done?;
        let says = match saved {
            Some(folder) => format!("{}; its workspace is kept in {}", done.says, folder.display()),
            None => done.says,
        };
        Ok(Done { says, ..done })
    }

    /// A scratch workspace goes away with its task: all of it is copied before that.
    fn save(self, task: &Task) -> Result<Option<PathBuf>, crate::copy::CopyError> {
        let Workspace::Scratch(Some(folder)) = &task.workspace else { return Ok(None) };
        if !folder.is_dir() {
            return Ok(None);
        }
        let copy = self.settings.state.join("saved").join(task.id.as_str());
        copy_folder(folder, &copy, self.settings.policy.longest_copy).map(Some)
    }

    /// Claims the task, so that no worker is started meanwhile: for all the times that it may be tried. One that we blocked stays so by itself.
    fn hold(self, looked: &Looked, makes: usize) -> Result<(), BoardError> {
        if !matches!(looked.case.stage, Stage::Failed | Stage::GivenUp) {
            return Ok(());
        }
        let policy = &self.settings.policy;
        let makes = u32::try_from(makes).unwrap_or(u32::MAX);
        let once = policy.make_timeout.saturating_mul(makes).saturating_add(policy.longest_backoff);
        let hold = board::Verb::Hold {
            ttl: once.saturating_mul(policy.makes).saturating_add(AFTERWARDS),
            reason: looked.decision.reason.to_owned(),
        };
        match self.board.act(&looked.task, &hold) {
            // Nobody starts what waits for its parents.
            Err(BoardError::WaitsForParents(_)) if self.board.waits(&looked.task)? => Ok(()),
            held => held.map(drop),
        }
    }

    /// Whether the claim that the task is held by lasts until the commands have ended.
    fn is_held_long_enough(self, looked: &Looked, makes: usize) -> bool {
        let makes = u32::try_from(makes).unwrap_or(u32::MAX);
        let longest = TimeDelta::from_std(self.settings.policy.make_timeout.saturating_mul(makes));
        let ends_at = looked.task.claim.as_ref().and_then(|claim| claim.expires_at);
        let needed = longest.ok().and_then(|longest| self.around.now.checked_add_signed(longest));
        ends_at.zip(needed).is_none_or(|(ends_at, needed)| ends_at > needed)
    }

    /// Makes what is missing, while the task is held, so that no worker is started meanwhile.
    fn make(self, looked: &Looked) -> Result<Done, BoardError> {
        let makes = looked.acceptance.as_ref().and_then(Acceptance::makes).unwrap_or_default();
        let Some(folder) = looked.acceptance.as_ref().map(|acceptance| &acceptance.workspace) else {
            return Ok(Done::not("it has no workspace"));
        };
        if looked.case.stage == Stage::Held && !self.is_held_long_enough(looked, makes.len()) {
            let reason = "its claim would lapse before the work is done".to_owned();
            return self
                .on_board(&looked.task, &board::Verb::Release { reason: reason.clone() })
                .map(|_| Done::not(reason));
        }
        self.hold(looked, makes.len())?;
        for make in &makes {
            let made = make::run(make, folder, &looked.task, self.board, self.settings.policy.make_timeout);
            if let Err(why) = made {
                return Ok(Done::not(format!("`{}` {why}", quoted_command(make))));
            }
        }
        Ok(Done::well(format!("{} command{} ran well", makes.len(), if makes.len() == 1 { "" } else { "s" })))
    }
}

/// More of the names of files is not told in a completion: the board takes it as an argument of a command.
const LONGEST_NAMES: usize = 32 * 1024;

/// The board copies the artifacts of a scratch workspace, and completes nothing where one of them is longer.
const LONGEST_ARTIFACT: u64 = 25_000_000;

/// What whoever comes after is told of a completion.
fn metadata(looked: &Looked, saved: Option<&PathBuf>) -> Value {
    let mut metadata = json!({ "recovered_by": crate::history::AUTHOR, "row": looked.decision.row });
    if let Some(acceptance) = &looked.acceptance {
        metadata["rule"] = json!(acceptance.rule);
        metadata["artifacts"] = json!(named(&acceptance.workspace, &acceptance.delivered));
        metadata["evidence"] = json!(named(&acceptance.workspace, &acceptance.evidence));
    }
    if let Some(diagnosis) = &looked.diagnosis {
        metadata["cause"] = json!(diagnosis.cause.as_str());
    }
    if let Some(saved) = saved {
        metadata["workspace_kept_in"] = json!(saved.display().to_string());
    }
    metadata
}

/// The names of files in a workspace that the board can be told, as many as fit.
fn named(workspace: &Path, files: &[PathBuf]) -> Vec<String> {
    let is_short =
        |file: &PathBuf| std::fs::metadata(file).is_ok_and(|found| found.len() <= LONGEST_ARTIFACT);
    let files = files.iter().map(|file| workspace.join(file)).filter(is_short);
    let names = files.map(|file| file.display().to_string());
    // A worker may call a file anything, also by a key.
    let plain = names.filter(|name| one_line(name) == *name);
    let mut left = LONGEST_NAMES;
    let fits = |name: &String| {
        left = left.saturating_sub(name.len() + 8);
        left > 0
    };
    plain.take_while(fits).collect()
}
