//! A failed call is not a failed task: looks at what a worker left behind, then recovers, completes or blocks its task.
//!
//! What a task is and has delivered is durable and lies on disk; what happened to its worker is not. So each round goes from
//! evidence to a [`Diagnosis`], from there to one decision, and from there to an action on the board, which is read again to
//! prove it. Every decision is written into a journal, also the one to do nothing.

mod acceptance;
mod board;
mod codex;
mod copy;
mod decision;
mod diagnosis;
mod files;
mod history;
mod home;
mod journal;
mod line;
mod login;
mod make;
mod pool_report;
mod preflight;
mod process;
mod programs;
mod queue;
mod settings;
mod task;
#[cfg(test)]
mod testing;
mod watch;
pub use acceptance::{Acceptance, Cell, Fault, Finding, Matrix, Part, inspect};
pub use board::{Board, BoardError, Guest, Life, Verb, tail_of_log};
pub use codex::{Codex, CodexStatus};
pub use decision::{Action, Case, Decision, Login, Row, Stage, TABLE, Work, decide, retry_at};
pub use diagnosis::{Cause, Diagnosis, Evidence, diagnose};
pub use history::{AUTHOR, BlockedBy};
pub use home::{CodexHome, ProfileHome, ProfileHomeError};
pub use journal::{
    Attempt, Attempts, Card, Decided, End, Entries, Entry, Grid, Journal, JournalError, JournalState,
    PageKind, Sheet, Told, What, html, markdown,
};
pub use login::{LoginState, Logins, Place, Residency};
pub use pool_report::{Accusation, PoolReport, report_to_pool};
pub use preflight::{
    Check, CheckState, Checked, Fix, Preflight, Repaired, Surroundings, examine, mend, repair,
};
pub use settings::{Deliverable, Policy, Profile, Rule, Settings, SettingsError, Which, parse_span};
pub use task::{
    BlockKind, Claim, Comment, Event, Outcome, Run, Status, Task, TaskId, TaskIdError, Workspace,
};
pub use watch::{Accepted, WatchError, Watchdog};
