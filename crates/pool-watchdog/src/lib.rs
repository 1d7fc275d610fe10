//! A failed call is not a failed task: looks at what a worker left behind, then recovers, completes or blocks its task.
//!
//! What a task is and has delivered is durable and lies on disk; what happened to its worker is not. So each round goes from
//! evidence to a [`Diagnosis`], from there to one decision, and from there to an action on the board, which is read again to
//! prove it. Every decision is written into a journal, also the one to do nothing.

mod acceptance;
mod codex;
mod diagnosis;
mod files;
mod home;
mod journal;
mod line;
mod login;
mod pool_report;
mod preflight;
mod programs;
mod settings;
mod shell;
mod task;
#[cfg(test)]
#[cfg(unix)]
mod testing;

pub use acceptance::{Acceptance, Cell, Fault, Finding, Matrix, Part, inspect};
pub use codex::{Codex, CodexStatus};
pub use diagnosis::{Cause, Diagnosis, Evidence};
pub use home::{CodexHome, ProfileHome, ProfileHomeError};
pub use journal::{Card, Decided, Entry, Grid, Sheet, Told, What};
pub use login::{LoginState, Logins, Place, Residency};
pub use pool_report::{Accusation, PoolReport, report_to_pool};
pub use preflight::{Check, CheckState, Checked, Fix, Preflight, Repaired, Surroundings, examine, repair};
pub use settings::{Deliverable, Policy, Profile, Rule, Settings, SettingsError, Which};
pub use task::{
    BlockKind, Claim, Comment, Event, Outcome, Run, Status, Task, TaskId, TaskIdError, Workspace,
};
