use super::{Action, Case, Login, Stage, Work};
use crate::diagnosis::Cause;

/// A row of the decision table.
#[derive(Debug)]
#[non_exhaustive]
pub struct Row {
    /// Its name, as the journal has it.
    pub name: &'static str,
    /// When it applies, for people.
    pub when: &'static str,
    /// The same for machines.
    pub matches: fn(&Case) -> bool,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: &'static str,
    /// Whether it is looked at again when the wait is over.
    pub waits: bool,
}

/// What is done about whom. The first row that matches decides.
pub const TABLE: &[Row] = &[
    // Not ours to touch.
    row(
        "finished",
        "it is done or archived",
        |case| case.stage == Stage::Finished,
        Action::Leave,
        "it is finished",
    ),
    row(
        "waiting",
        "it waits for its parents, for its time, or in triage",
        |case| case.stage == Stage::Waiting,
        Action::Leave,
        "it waits for something else",
    ),
    row(
        "working",
        "a worker is alive, or somebody has claimed it",
        |case| case.stage == Stage::Working,
        Action::Leave,
        "somebody is at it",
    ),
    row(
        "fresh",
        "it is ready, and has not failed",
        |case| case.stage == Stage::Fresh,
        Action::Leave,
        "the dispatcher starts it",
    ),
    row(
        "stranded",
        "it is ready, and its assignee is missing, or has no folder of a profile",
        |case| case.stage == Stage::Stranded,
        Action::Leave,
        "the board starts nothing for a profile that is not there",
    ),
    row(
        "theirs",
        "a person or its worker blocked it, and `ends_blocks_of` does not name that kind",
        |case| case.stage == Stage::Theirs,
        Action::Leave,
        "whoever blocked it has a reason",
    ),
    // The truth of a task is on disk: what is delivered goes before whatever happened to its worker.
    row(
        "delivered",
        "all that its rule asks for is there",
        |case| case.stage.is_open() && case.work == Work::Accepted,
        Action::Complete,
        "all that it has to deliver is there",
    ),
    row(
        "not_delivered",
        "`ends_blocks_of` names its block, and something is missing",
        |case| case.stage == Stage::Yielding,
        Action::Leave,
        "somebody else blocked it, and its work is not complete",
    ),
    row(
        "not_reaped",
        "the board says that it runs, its process is gone, and `dispatches` is on",
        |case| case.stage == Stage::Gone && case.may_dispatch,
        Action::Dispatch,
        "the board has not seen yet that its worker is gone",
    ),
    row(
        "left_to_reap",
        "the board says that it runs, and its process is gone",
        |case| case.stage == Stage::Gone,
        Action::Leave,
        "its worker is gone, and the dispatcher is left to see that",
    ),
    // A login goes first: without one every other run is lost, too.
    row(
        "login_mendable",
        "the cause is a login, and a repair of it is known",
        |case| case.cause.is_about_login() && case.login == Login::Mendable && case.may_retry,
        Action::RepairLogin,
        "its worker could not log in, and the login can be repaired",
    ),
    // What passes: it runs again, once or twice, and later each time.
    row(
        "board_retries",
        "the cause passes, retries are left, and the board runs it again by itself",
        |case| may_pass(case) && case.stage == Stage::Failed,
        Action::Leave,
        "the cause may pass, and the dispatcher starts it again",
    ),
    row_that_waits(
        "backs_off",
        "the cause passes, retries are left, and its time has not come",
        |case| may_pass(case) && case.wait.is_some(),
        "the cause may pass, and its next run waits",
    ),
    row(
        "retries",
        "the cause passes, and retries are left",
        may_pass,
        Action::Retry,
        "the cause may have passed",
    ),
    // Nothing is collected twice: what is missing is made from what is there.
    row(
        "resumes",
        "its evidence is there, and a command makes each thing that is missing",
        |case| case.work == Work::Makeable && case.may_make,
        Action::Make,
        "its evidence is there, and what is missing can be made from it",
    ),
    // What was in the way is there by now.
    row(
        "cured",
        "a login or a skill was missing, is there by now, and the board runs it again by itself",
        |case| is_cured(case) && case.stage == Stage::Failed,
        Action::Leave,
        "what its worker missed is there by now, and the dispatcher starts it again",
    ),
    row(
        "cured_blocked",
        "a login or a skill was missing, and is there by now",
        is_cured,
        Action::Retry,
        "what its worker missed is there by now",
    ),
    row(
        "told",
        "we have blocked it, or have said in a comment what is missing",
        |case| case.stage == Stage::Ours || case.is_told && case.stage != Stage::Held,
        Action::Leave,
        "what is missing has been said",
    ),
    // Only a person can change these, and no other run.
    row(
        "login_broken",
        "the cause is a login, and no repair of it is known",
        |case| case.cause.is_about_login(),
        Action::Block,
        "its worker needs a login that only a person can make",
    ),
    row(
        "residency",
        "the workspace demands its region in a header",
        |case| case.cause == Cause::MissingResidency,
        Action::Block,
        "the workspace demands its region in a header that its worker does not send",
    ),
    row(
        "skill_missing",
        "a skill is missing",
        |case| case.cause == Cause::MissingSkill,
        Action::Block,
        "a skill that it needs is not installed",
    ),
    row(
        "board_decides",
        "no rule says what it has to deliver, and the board runs it again by itself",
        |case| case.work == Work::Unruled && case.stage == Stage::Failed,
        Action::Leave,
        "no rule says what it has to deliver, and the dispatcher starts it again",
    ),
    row(
        "unruled",
        "no rule says what it has to deliver",
        |case| case.work == Work::Unruled && case.stage != Stage::Held,
        Action::Comment,
        "no rule says what it has to deliver",
    ),
    LAST,
];

/// What is done where no other row applies.
pub(super) const LAST: Row = row(
    "lacking",
    "something is missing, and nothing here makes it",
    |_| true,
    Action::Block,
    "something is missing that nothing here makes",
);

const fn row(
    name: &'static str,
    when: &'static str,
    matches: fn(&Case) -> bool,
    action: Action,
    reason: &'static str,
) -> Row {
    Row { name, when, matches, action, reason, waits: false }
}

const fn row_that_waits(
    name: &'static str,
    when: &'static str,
    matches: fn(&Case) -> bool,
    reason: &'static str,
) -> Row {
    Row { name, when, matches, action: Action::Leave, reason, waits: true }
}

fn may_pass(case: &Case) -> bool {
    case.cause.passes() && case.may_retry
}

/// Whether what the worker missed is there by now.
fn is_cured(case: &Case) -> bool {
    let is_there = match case.cause {
        Cause::MissingSkill => case.has_skills,
        cause => cause.is_about_login() && case.login == Login::Good,
    };
    is_there && case.may_retry
}
