//! `watchdog.toml`: which boards are watched, what their tasks have to deliver, and how far the watchdog goes.
//!
//! It names commands that are run, so whoever may write it may run commands.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use glob::Pattern;
use pool_core::Provider;
use pool_sources::Tool;

use crate::task::{BlockKind, Task, TaskId};

mod file;
mod values;

pub use file::SettingsError;
pub use values::parse_span;

/// Everything that `watchdog.toml` says, with the defaults for what it leaves out. Paths are absolute.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where the journal and its pages are: `state`, beside the file, by default.
    pub state: PathBuf,
    /// The command of the board: `hermes` by default. A bare name is looked for in `PATH`, as every bare name of a command is.
    pub hermes: PathBuf,
    /// The home of the root: `HERMES_HOME`, else `~/.hermes`, by default.
    pub home: PathBuf,
    /// The command of Codex CLI: `codex` by default.
    pub codex: PathBuf,
    /// The boards that are watched: `default` by default.
    pub boards: Vec<String>,
    /// What the profiles that run workers need.
    pub profiles: BTreeMap<String, Profile>,
    /// How far the watchdog goes.
    pub policy: Policy,
    /// What tasks have to deliver. The first rule that matches a task is its rule.
    pub rules: Vec<Rule>,
}

impl Settings {
    /// The rule for a task: the first that matches it.
    #[must_use]
    pub fn rule_for(&self, task: &Task) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.tasks.matches(task))
    }
}

/// What a profile needs, so that its workers can work.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Profile {
    /// The home folder of its workers, where it is not that of the user.
    pub user_home: Option<PathBuf>,
    /// Their `CODEX_HOME`, where it is set.
    pub codex_home: Option<PathBuf>,
    /// The providers whose credentials they use: `openai-codex` by default.
    pub providers: Vec<Provider>,
    /// The skills they are started with.
    pub skills: Vec<String>,
    /// The programs they need.
    pub binaries: Vec<String>,
    /// The folder they work in, where it is always the same.
    pub workspace: Option<PathBuf>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            user_home: None,
            codex_home: None,
            providers: vec![Tool::Codex.provider()],
            skills: Vec::new(),
            binaries: Vec::new(),
            workspace: None,
        }
    }
}

/// How far the watchdog goes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// How many runs a task has beyond its first, when calls fail for a reason that passes. The board's own count.
    pub retries: u32,
    /// How long the first of them waits; each next waits twice as long.
    pub backoff: Duration,
    /// The longest wait.
    pub longest_backoff: Duration,
    /// How often the missing deliverables of a task are made.
    pub makes: u32,
    /// How long a command that makes them may take.
    pub make_timeout: Duration,
    /// Blocks that others made and that may be ended when the work is complete. None by default: a person has a reason.
    pub ends_blocks_of: Vec<BlockKind>,
    /// Whether the logins of a profile are repaired.
    pub repairs_logins: bool,
    /// Whether credentials that were revoked or throttled are reported to the pool.
    pub reports_to_pool: bool,
    /// Whether ready tasks are dispatched after a completion.
    pub dispatches: bool,
    /// The most bytes of a scratch workspace that are copied. A larger one is not completed.
    pub longest_copy: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            retries: 2,
            backoff: Duration::from_secs(60),
            longest_backoff: Duration::from_secs(15 * 60),
            makes: 2,
            make_timeout: Duration::from_secs(10 * 60),
            ends_blocks_of: Vec::new(),
            repairs_logins: true,
            reports_to_pool: true,
            dispatches: true,
            longest_copy: 1 << 30,
        }
    }
}

/// What tasks of one kind have to deliver.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Rule {
    /// What it is called in findings.
    pub name: String,
    /// The tasks it is for: all that is named here must hold.
    pub tasks: Which,
    /// The paths or patterns of what is collected, in the workspace.
    pub evidence: Vec<String>,
    /// What is handed in.
    pub deliverables: Vec<Deliverable>,
    /// The files that say how the project stands: `state/PROJECT_STATE.md` and `state/PROJECT_STATE.html` by default.
    pub state: Vec<Deliverable>,
}

/// Which tasks a rule is for. Nothing named: all of them.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Which {
    /// The ids.
    pub ids: Vec<TaskId>,
    /// A pattern of the title, such as `Report *`.
    pub title: Option<Pattern>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The profile that runs it.
    pub assignee: Option<String>,
}

/// A file that a task hands in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Deliverable {
    /// Its path in the workspace.
    pub path: String,
    /// What it has to be about: the rows of its matrix.
    pub subjects: Vec<String>,
    /// What it has to say of each of them: the columns.
    pub dimensions: Vec<String>,
    /// The command that makes it from the evidence, and its arguments: its own, or else that of its task. It runs in the workspace.
    pub make: Option<Vec<String>>,
}

impl Which {
    /// Whether all that is named here holds for a task.
    #[must_use]
    pub fn matches(&self, task: &Task) -> bool {
        let is_or_unnamed =
            |named: &Option<String>, of_task: &Option<String>| named.is_none() || named == of_task;
        (self.ids.is_empty() || self.ids.contains(&task.id))
            && self.title.as_ref().is_none_or(|title| title.matches(&task.title))
            && is_or_unnamed(&self.tenant, &task.tenant)
            && is_or_unnamed(&self.assignee, &task.assignee)
    }
}

#[cfg(test)]
mod tests;
