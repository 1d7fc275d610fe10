//! A failed call is not a failed task: looks at what a worker left behind, then recovers, completes or blocks its task.
//!
//! What a task is and has delivered is durable and lies on disk; what happened to its worker is not. So each round goes from
//! evidence to a [`Diagnosis`], from there to one decision, and from there to an action on the board, which is read again to
//! prove it. Every decision is written into a journal, also the one to do nothing.

mod acceptance;
mod diagnosis;
mod files;
mod journal;
mod login;
mod settings;
mod task;

pub use acceptance::{Acceptance, Cell, Fault, Finding, Matrix, Part};
pub use diagnosis::{Cause, Diagnosis, Evidence};
pub use journal::{
    Attempt, Attempts, Card, Decided, Entries, Entry, Grid, Journal, JournalError, PageKind, Sheet, State,
    Told, What, html, markdown,
};
pub use login::{LoginState, Logins, Place, Residency};
pub use settings::{Deliverable, Policy, Profile, Rule, Settings, Which};
pub use task::{
    BlockKind, Claim, Comment, Event, Outcome, Run, Status, Task, TaskId, TaskIdError, Workspace,
};
