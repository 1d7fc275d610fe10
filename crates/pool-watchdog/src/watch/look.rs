//! What is found out about a task, and what follows from it. Reads, and changes nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::acceptance::{Acceptance, inspect};
use crate::board::{Board, Life};
use crate::decision::{Action, Case, Decision, Login, Stage, Work, backoff_of_action, decide, retry_at};
use crate::diagnosis::{Cause, Diagnosis, Evidence, diagnose};
use crate::history::BlockedBy;
use crate::home::ProfileHome;
use crate::journal::JournalState;
use crate::login::{Logins, Place};
use crate::preflight::{self, Checked, Preflight, Surroundings};
use crate::settings::{Policy, Settings};
use crate::task::{BlockKind, Status, Task};
use crate::watch::words;

/// So much of the end of a log is read: the last attempt is there.
const LOG_TAIL: u64 = 256 * 1024;

/// What was found out about a task, and what follows.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Looked {
    /// The task, as it was.
    pub task: Task,
    /// Why its last run ended; none where that is not ours to ask.
    pub diagnosis: Option<Diagnosis>,
    /// What it has delivered, where a rule says what it should.
    pub acceptance: Option<Acceptance>,
    /// What was decided on.
    pub case: Case,
    /// What is done.
    pub decision: Decision,
    /// What a person does next, where it is on them.
    pub next: Option<String>,
}

/// What profiles were found to have, each looked at once: the Codex CLI is asked for it, and many tasks have one profile.
#[derive(Debug, Default)]
pub(crate) struct Examined(RefCell<BTreeMap<(String, Vec<String>), Preflight>>);

impl Examined {
    /// Forgets it all: something was repaired.
    pub(crate) fn clear(&mut self) {
        self.0.get_mut().clear();
    }
}

/// Looks at the tasks of one board.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) around: &'a Surroundings,
    pub(crate) board: &'a Board,
    pub(crate) journal: &'a JournalState,
    pub(crate) examined: &'a Examined,
}

impl Look<'_> {
    /// Looks at a task, and decides on it.
    pub(crate) fn at(self, task: Task) -> Looked {
        let stage = match stage(&task, &self.board.life(&task), &self.settings.policy) {
            Stage::Fresh if !self.has_profile(&task) => Stage::Stranded,
            stage => stage,
        };
        if !(stage.is_open() || stage == Stage::Theirs) {
            // Nobody asks what went wrong with what goes on.
            let case = Case::new(stage, Cause::Unknown, Work::Unruled);
            let decision = decide(&case);
            let next = (stage == Stage::Stranded).then(|| words::somebody_to_run(self.board, &task));
            return Looked { task, diagnosis: None, acceptance: None, case, decision, next };
        }
        let logins =
            self.home(&task).map(|home| Logins::of(&home, &self.around.environment, self.around.now));
        let diagnosis = self.diagnose(&task, logins.as_ref());
        let acceptance = self.accept(&task);
        let preflight =
            needs_preflight(diagnosis.cause).then(|| self.preflight(&task, &diagnosis.skills)).flatten();
        let case =
            self.case(&task, stage, &diagnosis, acceptance.as_ref(), preflight.as_ref(), logins.as_ref());
        let decision = decide(&case);
        let told = words::Known {
            board: self.board,
            task: &task,
            diagnosis: &diagnosis,
            acceptance: acceptance.as_ref(),
            preflight: preflight.as_ref(),
        };
        let next = is_on_a_person(&case, decision.action).then(|| words::next_step(&told));
        Looked { task, diagnosis: Some(diagnosis), acceptance, case, decision, next }
    }

    /// Whether there is somebody to run it, as the board looks for him: the folder of a profile.
    fn has_profile(self, task: &Task) -> bool {
        let home = |profile: &str| ProfileHome::of(self.settings, profile, &self.around.environment).ok();
        task.assignee.as_deref().and_then(home).is_some_and(|home| home.folder.is_dir())
    }

    /// The home of whoever ran it last: it may have been given to another profile since.
    fn home(self, task: &Task) -> Option<ProfileHome> {
        let profile = ran_by(task)?;
        ProfileHome::of(self.settings, profile, &self.around.environment).ok()
    }

    /// What the next worker would find. One that missed a skill would miss it again.
    fn preflight(self, task: &Task, missed: &[String]) -> Option<Preflight> {
        let profile = task.assignee.as_deref()?;
        let skills = [missed, task.skills.as_slice()].concat();
        let examine = || preflight::examine_for(self.settings, profile, &skills, self.around);
        let mut examined = self.examined.0.borrow_mut();
        Some(examined.entry((profile.to_owned(), skills.clone())).or_insert_with(examine).clone())
    }

    fn diagnose(self, task: &Task, logins: Option<&Logins>) -> Diagnosis {
        // A log that cannot be read tells as much as none, and one that the last worker has not written is of another.
        let log = self.board.log_tail(&task.id, LOG_TAIL).ok().flatten();
        let log = log.filter(|_| self.board.is_log_of_last_worker(task));
        let mut evidence = Evidence::at(self.around.now).task(task);
        evidence.log = log.as_deref();
        evidence.logins = logins;
        diagnose(&evidence)
    }

    /// What it has delivered since its first run began.
    pub(crate) fn accept(self, task: &Task) -> Option<Acceptance> {
        let rule = self.settings.rule_for(task)?;
        Some(inspect(rule, &self.board.workspace(task), task.started_at.unwrap_or(task.created_at)))
    }

    /// What to do next about a task that is open, where a rule found something missing.
    pub(crate) fn what_is_left(self, task: &Task, acceptance: Option<&Acceptance>) -> Option<String> {
        match acceptance {
            Some(acceptance) if acceptance.is_accepted() => None,
            _ if task.status.is_over() => None,
            acceptance => Some(words::what_is_left(self.board, task, acceptance)),
        }
    }

    fn case(
        self,
        task: &Task,
        stage: Stage,
        diagnosis: &Diagnosis,
        acceptance: Option<&Acceptance>,
        preflight: Option<&Preflight>,
        logins: Option<&Logins>,
    ) -> Case {
        let cause = diagnosis.cause;
        let policy = &self.settings.policy;
        let failures = u32::try_from(task.failures()).unwrap_or(u32::MAX);
        let failure = task.last_failure();
        let failed_at = failure.map_or(0, |event| event.id);
        let ended = failure.map_or(task.created_at, |event| event.at);
        let tried = |action: Action, since| {
            self.journal.attempts(self.board.name(), task.id.as_str(), action.as_str(), since).begun
        };
        let most = usize::try_from(policy.retries).unwrap_or(usize::MAX);
        let may_retry = if cause.passes() {
            failures <= policy.retries
        } else {
            tried(Action::Retry, task.last_reset()) < most
        };
        let may_repair = policy.repairs_logins && tried(Action::RepairLogin, task.last_reset()) < most.max(1);
        let wait = self.wait(task, diagnosis, ended, failures);
        Case {
            login: login(cause, ended, preflight, logins, may_repair),
            has_skills: preflight.is_none_or(|preflight| is_fine(preflight, &[Checked::Skills])),
            may_retry,
            may_dispatch: policy.dispatches,
            may_make: tried(Action::Make, failed_at) < usize::try_from(policy.makes).unwrap_or(usize::MAX),
            wait: cause.passes().then_some(wait).flatten(),
            triage_block: BlockKind::ALL.iter().copied().find(|&kind| task.would_be_second(kind)),
            own_blocks: task.own_blocks().collect(),
            failed_actions: self.failed_actions(task, failed_at),
            is_told: task.said_since(failed_at).any(words::is_explanation),
            ..Case::new(stage, cause, work(acceptance))
        }
    }

    /// What was tried since its last run and failed, where its time has not come again.
    fn failed_actions(self, task: &Task, failed_at: i64) -> Vec<(Action, DateTime<Utc>)> {
        let again = |action: Action| {
            let tried =
                self.journal.attempts(self.board.name(), task.id.as_str(), action.as_str(), failed_at);
            let wait = TimeDelta::from_std(backoff_of_action(tried.failed, &self.settings.policy)).ok()?;
            // A clock that was set back makes nobody wait longer.
            let last = tried.last.filter(|_| tried.failed > 0)?.min(self.around.now);
            let at = last.checked_add_signed(wait)?;
            (at > self.around.now).then_some((action, at))
        };
        Action::ALL.iter().copied().filter_map(again).collect()
    }

    /// Until when a retry waits: for its turn, and for the end of a limit.
    fn wait(
        self,
        task: &Task,
        diagnosis: &Diagnosis,
        ended: DateTime<Utc>,
        failures: u32,
    ) -> Option<DateTime<Utc>> {
        let ended = ended.min(self.around.now);
        let turn = retry_at(&task.id, ended, failures, &self.settings.policy);
        Some(turn.max(diagnosis.until.unwrap_or(turn))).filter(|at| *at > self.around.now)
    }
}

/// The profile that ran it last.
pub(crate) fn ran_by(task: &Task) -> Option<&str> {
    let spawned = task.events.iter().rfind(|event| event.kind == "spawned").and_then(|event| event.run);
    let run = task.runs.iter().find(|run| Some(run.id) == spawned);
    run.and_then(|run| run.profile.as_deref()).or(task.assignee.as_deref())
}

fn stage(task: &Task, life: &Life, policy: &Policy) -> Stage {
    match task.status {
        status if status.is_over() => Stage::Finished,
        Status::Running if task.is_held() => Stage::Held,
        Status::Running if matches!(life, Life::Gone { .. }) => Stage::Gone,
        Status::Running => Stage::Working,
        Status::Ready if task.has_failed() => Stage::Failed,
        Status::Ready => Stage::Fresh,
        Status::Blocked => match task.block() {
            Some(BlockedBy::Board) => Stage::GivenUp,
            Some(BlockedBy::Watchdog) => Stage::Ours,
            _ if task.block_kind.is_some_and(|kind| policy.ends_blocks_of.contains(&kind)) => Stage::Yielding,
            _ => Stage::Theirs,
        },
        _ => Stage::Waiting,
    }
}

fn work(acceptance: Option<&Acceptance>) -> Work {
    match acceptance {
        None => Work::Unruled,
        Some(acceptance) if acceptance.is_accepted() => Work::Accepted,
        Some(acceptance) if acceptance.makes().is_some() => Work::Makeable,
        Some(_) => Work::Lacking,
    }
}

/// Only these causes lie in what is around a worker.
fn needs_preflight(cause: Cause) -> bool {
    cause.is_about_login() || cause == Cause::MissingSkill
}

/// What a worker logs in with.
const LOGINS: [Checked; 5] =
    [Checked::WorkerLogin, Checked::ToolsLogin, Checked::ProfileStore, Checked::RootStore, Checked::Pool];

fn is_fine(preflight: &Preflight, checked: &[Checked]) -> bool {
    !preflight.broken().any(|check| checked.contains(&check.name))
}

fn login(
    cause: Cause,
    failed: DateTime<Utc>,
    preflight: Option<&Preflight>,
    logins: Option<&Logins>,
    may_repair: bool,
) -> Login {
    let Some(preflight) = preflight.filter(|_| cause.is_about_login()) else { return Login::Good };
    if !is_fine(preflight, &LOGINS) {
        let is_mendable =
            may_repair && preflight.broken().any(|check| LOGINS.contains(&check.name) && check.fix.is_some());
        return if is_mendable { Login::Mendable } else { Login::Broken };
    }
    // What was refused looks good from here. Only one that was made since then is worth another run.
    let is_refused = matches!(cause, Cause::Revoked | Cause::LoginRefused);
    let is_newer = |place: &Place| place.state.is_usable() && place.made_at.is_some_and(|made| made > failed);
    let is_new =
        logins.is_some_and(|logins| [&logins.codex, &logins.profile, &logins.root].into_iter().any(is_newer));
    if is_refused && !is_new { Login::Broken } else { Login::Good }
}

fn is_on_a_person(case: &Case, action: Action) -> bool {
    case.stage == Stage::Theirs
        || matches!(action, Action::Block | Action::Comment)
        || case.stage == Stage::Ours
}
