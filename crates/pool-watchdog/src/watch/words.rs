//! What is said on the board and in the journal: sentences for people, and the command that comes next.

use std::path::Path;

use crate::acceptance::{Acceptance, Finding, Part};
use crate::decision::Decision;
use crate::diagnosis::{Cause, Diagnosis};
use crate::login::Residency;
use crate::task::{Task, TaskId};

/// Who we are on the board: the author of what we say.
pub(crate) const NAME: &str = "pool-watchdog";

/// The most findings that are told one by one; a long list hides what it says.
const MOST_TOLD: usize = 20;

/// What a block or a comment says: why, what exactly is missing, and what to do next.
pub(crate) fn block_text(decision: &Decision, told: &Known<'_>) -> String {
    let mut lines = vec![format!("{NAME}: {}", decision.reason)];
    if let Some(diagnosis) = told.diagnosis {
        lines.push(format!("Cause: {}", cause(diagnosis)));
    }
    if let Some(acceptance) = told.acceptance.filter(|acceptance| !acceptance.is_accepted()) {
        lines.push(format!("Missing in {}:", acceptance.workspace.display()));
        lines.extend(missing(acceptance).into_iter().map(|missing| format!("- {missing}")));
    }
    lines.push(format!("Next: {}", told.next));
    lines.join("\n")
}

/// What is known of a task that something is said about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) diagnosis: Option<&'a Diagnosis>,
    pub(crate) acceptance: Option<&'a Acceptance>,
    pub(crate) next: &'a str,
}

/// What is missing, a line each.
pub(crate) fn missing(acceptance: &Acceptance) -> Vec<String> {
    let findings = &acceptance.findings;
    let mut lines: Vec<String> = findings.iter().take(MOST_TOLD).map(ToString::to_string).collect();
    if let Some(more @ 1..) = findings.len().checked_sub(MOST_TOLD) {
        lines.push(format!("and {more} more: `pool-watchdog accept` lists them all"));
    }
    lines
}

/// A cause, and the words that tell it.
pub(crate) fn cause(diagnosis: &Diagnosis) -> String {
    let meaning = diagnosis.cause.meaning().trim_end_matches('.');
    if diagnosis.says.is_empty() { meaning.to_owned() } else { format!("{meaning} (\"{}\")", diagnosis.says) }
}

/// What a person does next about a task that is blocked.
pub(crate) fn next_step(task: &Task, diagnosis: Option<&Diagnosis>, told: Option<&Acceptance>, login: Option<&str>) -> String {
    let again = format!("then `hermes kanban unblock {}`", task.id);
    let Some(diagnosis) = diagnosis else { return again };
    match diagnosis.cause {
        Cause::MissingLogin | Cause::StaleSync | Cause::Revoked | Cause::LoginRefused => {
            let profile = task.assignee.as_deref().unwrap_or("default");
            let login = login.map_or_else(
                || format!("log in again: `codex login`, and `hermes -p {profile} auth add openai-codex`"),
                str::to_owned,
            );
            format!("{login}; the watchdog sees a new login by itself, or: `hermes kanban unblock {}`", task.id)
        }
        Cause::MissingResidency => {
            let value = diagnosis.residency.as_ref().map_or_else(
                || "the claim chatgpt_data_residency of its token, else chatgpt_compute_residency".to_owned(),
                |residency| format!("`{}`, as the claim {} of its token says", residency.value, residency.claim),
            );
            format!(
                "use a version of Hermes that sends the header {} with {value}, or a provider without that demand; {again}",
                Residency::HEADER
            )
        }
        Cause::MissingSkill => {
            let profile = task.assignee.as_deref().unwrap_or("default");
            format!(
                "install {} for the profile `{profile}` (`hermes -p {profile} skills list` shows what it has), or take it \
                 from the task; {again}",
                skills(&diagnosis.skills)
            )
        }
        _ => match told {
            Some(acceptance) => by_hand(&task.id, acceptance),
            None => format!(
                "add a [[task]] to watchdog.toml that says what `{}` has to deliver; {again}",
                task.title
            ),
        },
    }
}

fn skills(names: &[String]) -> String {
    match names {
        [] => "the missing skill".to_owned(),
        [name] => format!("the skill `{name}`"),
        names => format!("the skills `{}`", names.join("`, `")),
    }
}

/// The commands that make what can be made, and what has to be collected.
fn by_hand(id: &TaskId, acceptance: &Acceptance) -> String {
    let collect: Vec<&Finding> =
        acceptance.findings.iter().filter(|finding| finding.part == Part::Evidence).collect();
    let mut steps = Vec::new();
    if let Some(first) = collect.first() {
        let more = if collect.len() > 1 { " and what else is listed" } else { "" };
        steps.push(format!("collect {}{more}", first.path));
    }
    let mut makes: Vec<&Vec<String>> =
        acceptance.findings.iter().filter_map(|finding| finding.make.as_ref()).collect();
    makes.dedup();
    let folder = quoted(&acceptance.workspace);
    steps.extend(makes.iter().map(|make| format!("`cd {folder} && {}`", command(make))));
    if steps.is_empty() {
        steps.push("write what is listed".to_owned());
    }
    format!(
        "{}; `pool-watchdog accept {id}` shows what is left, and the watchdog completes it once nothing is; \
         to have it run again: `hermes kanban unblock {id}`",
        steps.join(", then ")
    )
}

/// A command as it is typed into a shell.
pub(crate) fn command(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    quoted.join(" ")
}

fn quoted(path: &Path) -> String {
    quote(&path.display().to_string())
}

fn quote(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
