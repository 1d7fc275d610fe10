//! What is said on the board and in the journal: sentences for people, and the command that comes next.

use pool_core::{quoted, quoted_command, quoted_path};

use crate::acceptance::{Acceptance, Part};
use crate::board::Board;
use crate::decision::Decision;
use crate::diagnosis::{Cause, Diagnosis};
use crate::history::AUTHOR;
use crate::line::shown;
use crate::login::Residency;
use crate::preflight::Preflight;
use crate::task::{Status, Task};

/// The most findings that are told one by one; a long list hides what it says.
const MOST_TOLD: usize = 20;

/// More of a title is nothing that anybody would read.
pub(crate) const LONGEST_TITLE: usize = 200;

/// All that is known of a task that something is said about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) board: &'a Board,
    pub(crate) task: &'a Task,
    pub(crate) diagnosis: &'a Diagnosis,
    pub(crate) acceptance: Option<&'a Acceptance>,
    pub(crate) preflight: Option<&'a Preflight>,
}

/// What a block or a comment says: why, what exactly is missing, and what to do next.
pub(crate) fn explanation(
    decision: &Decision,
    diagnosis: Option<&Diagnosis>,
    acceptance: Option<&Acceptance>,
    next: Option<&str>,
) -> String {
    let mut lines = vec![format!("{AUTHOR}: {}", decision.reason)];
    lines.extend(diagnosis.map(|diagnosis| format!("Cause: {}", cause(diagnosis))));
    if let Some(acceptance) = acceptance.filter(|acceptance| !acceptance.is_accepted()) {
        lines.push(format!("Missing in {}:", acceptance.workspace.display()));
        lines.extend(missing(acceptance).into_iter().map(|missing| format!("- {missing}")));
    }
    lines.extend(next.map(|next| format!("Next: {next}")));
    lines.join("\n")
}

/// Whether a comment explains something, as [`explanation`] does; also one that a block leaves which the board did not take.
pub(crate) fn is_explanation(comment: &str) -> bool {
    let said = comment.strip_prefix("BLOCKED: ").unwrap_or(comment);
    said.strip_prefix(AUTHOR).is_some_and(|rest| rest.starts_with(": "))
}

/// What is missing, a line each.
fn missing(acceptance: &Acceptance) -> Vec<String> {
    let findings = &acceptance.findings;
    let mut lines: Vec<String> = findings.iter().take(MOST_TOLD).map(ToString::to_string).collect();
    if let Some(more @ 1..) = findings.len().checked_sub(MOST_TOLD) {
        lines.push(format!("and {more} more: `pool-watchdog accept` lists them all"));
    }
    lines
}

/// A cause, and the words that tell it.
fn cause(diagnosis: &Diagnosis) -> String {
    let meaning = diagnosis.cause.meaning().trim_end_matches('.');
    if diagnosis.says == diagnosis.cause.meaning() {
        meaning.to_owned()
    } else {
        format!("{meaning} (\"{}\")", diagnosis.says)
    }
}

/// What a person does next about a task that does not go on by itself.
pub(crate) fn next_step(known: &Known<'_>) -> String {
    let Known { board, task, diagnosis, acceptance, preflight } = *known;
    let is_delivered = acceptance.is_some_and(Acceptance::is_accepted);
    if is_delivered && task.status == Status::Blocked {
        return format!("its work is complete: `{}`", on_board(board, "complete", task));
    }
    let unblock = on_board(board, "unblock", task);
    match cure(diagnosis, task.assignee.as_deref(), preflight) {
        Some(cure) => format!("{cure}; then `{unblock}`"),
        None => format!("{}; to have it run again: `{unblock}`", by_hand(task, acceptance)),
    }
}

/// What to do about a task that is not what its rule asks for, wherever it stands.
pub(crate) fn what_is_left(board: &Board, task: &Task, acceptance: Option<&Acceptance>) -> String {
    let by_hand = by_hand(task, acceptance);
    // The board unblocks nothing else.
    if task.status == Status::Blocked {
        format!("{by_hand}; to have it run again: `{}`", on_board(board, "unblock", task))
    } else {
        by_hand
    }
}

/// What to do about a task that the board never starts.
pub(crate) fn somebody_to_run(board: &Board, task: &Task) -> String {
    let assign = format!("`{} PROFILE`", on_board(board, "assign", task));
    match &task.assignee {
        Some(profile) => {
            format!(
                "make its profile: `hermes profile create {}`, or name another: {assign}",
                quoted(profile)
            )
        }
        None => format!("name who is to run it: {assign}"),
    }
}

/// A command of the board that the task is on.
fn on_board(board: &Board, verb: &str, task: &Task) -> String {
    match board.name() {
        "default" => format!("hermes kanban {verb} {}", task.id),
        slug => format!("hermes kanban --board {slug} {verb} {}", task.id),
    }
}

/// What a person does about a cause that is in what is around a worker; nothing about one that is in its work.
pub(crate) fn cure(
    diagnosis: &Diagnosis,
    profile: Option<&str>,
    preflight: Option<&Preflight>,
) -> Option<String> {
    let profile = profile.map_or_else(|| "PROFILE".to_owned(), quoted);
    match diagnosis.cause {
        cause if cause.is_about_login() => Some(new_login(&profile, preflight)),
        Cause::MissingResidency => Some(region(diagnosis)),
        Cause::MissingSkill => Some(install(&profile, &diagnosis.skills)),
        _ => None,
    }
}

/// What the first check that is broken says, else how one logs in.
fn new_login(profile: &str, preflight: Option<&Preflight>) -> String {
    let mut broken = preflight.into_iter().flat_map(Preflight::broken);
    let told = broken.find_map(|check| check.instruction.clone());
    told.unwrap_or_else(|| {
        format!("log in to Codex again: `hermes -p {profile} auth add openai-codex`, or `codex login`")
    })
}

fn region(diagnosis: &Diagnosis) -> String {
    let value = match &diagnosis.residency {
        Some(Residency { claim, value, .. }) => format!("`{value}`, as the claim {claim} of its token says"),
        None => "the claim chatgpt_data_residency of its token, else chatgpt_compute_residency".to_owned(),
    };
    let header = Residency::HEADER;
    format!("use a Hermes that sends the header {header} with {value}, or another provider")
}

fn install(profile: &str, skills: &[String]) -> String {
    let what = match skills {
        [] => "the missing skill".to_owned(),
        [name] => format!("the skill `{name}`"),
        names => format!("the skills `{}`", names.join("`, `")),
    };
    format!(
        "install {what} for the profile {profile} (`hermes -p {profile} skills list` shows what it has), or take it from the task"
    )
}

/// The commands that make what can be made, and what has to be collected.
fn by_hand(task: &Task, acceptance: Option<&Acceptance>) -> String {
    let Some(acceptance) = acceptance else {
        return format!(
            "say in watchdog.toml what `{}` has to deliver, in a [[task]] of its own",
            shown(&task.title, LONGEST_TITLE)
        );
    };
    let steps = steps(acceptance);
    format!(
        "{}; `pool-watchdog accept {}` shows what is left, and once nothing is, the watchdog completes it",
        steps.join(", then "),
        task.id
    )
}

fn steps(acceptance: &Acceptance) -> Vec<String> {
    let mut steps = Vec::new();
    let mut evidence = acceptance.findings.iter().filter(|finding| finding.part == Part::Evidence);
    if let Some(first) = evidence.next() {
        let more = if evidence.next().is_some() { " and what else is listed" } else { "" };
        steps.push(format!("collect {}{more}", first.path));
    }
    let folder = quoted_path(&acceptance.workspace);
    for finding in &acceptance.findings {
        let step = finding.make.as_ref().map(|make| format!("`cd {folder} && {}`", quoted_command(make)));
        steps.extend(step.filter(|step| !steps.contains(step)));
    }
    if steps.is_empty() {
        steps.push("write what is listed".to_owned());
    }
    steps
}
