//! One round after another: look at each task, decide, act, and write it down.

mod act;
mod error;
mod look;
#[cfg(test)]
#[cfg(unix)]
mod tests;
mod words;

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_sources::Environment;

use crate::acceptance::Acceptance;
use crate::board::Board;
use crate::decision::{Action, Stage};
use crate::diagnosis::{Cause, Diagnosis, Evidence, diagnose};
use crate::home::ProfileHome;
use crate::journal::{Attempt, Card, Decided, Entry, Journal, JournalError, Sheet, State, Told, What};
use crate::line::in_words;
use crate::login::Logins;
use crate::pool_report::{Accusation, PoolReport, report_to_pool};
use crate::preflight::{self, Preflight, Repaired, Surroundings};
use crate::queue::{blocked_roots, stands_still};
use crate::settings::Settings;
use crate::task::{Status, Task, TaskId};

use act::{Act, Done};
pub use error::WatchError;
use look::{Look, Looked};

/// How long another watchdog of the same board is waited for.
const TURN: Duration = Duration::from_secs(10);

/// One task is looked at so often in a round: each action may make another one possible.
const MOST_STEPS: usize = 6;

/// Looks after the workers of some boards.
///
/// It holds nothing between two rounds but its settings: what was done is in the journal and on the boards, so that the next round,
/// of this process or of another, goes on from there.
#[derive(Clone, Debug)]
pub struct Watchdog {
    settings: Settings,
    environment: Environment,
}

/// Whether a task has delivered.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Accepted {
    /// Its board.
    pub board: String,
    /// The task.
    pub task: Task,
    /// What its rule found; none, if it has none.
    pub acceptance: Option<Acceptance>,
    /// What to do next, where something is missing.
    pub next: Option<String>,
}

impl Watchdog {
    /// A watchdog with these settings, for the user of this environment.
    #[must_use]
    pub fn new(settings: Settings, environment: Environment) -> Self {
        Self { settings, environment }
    }

    /// What it goes by.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What was written down.
    #[must_use]
    pub fn journal(&self) -> Journal {
        Journal::open(&self.settings.state)
    }

    /// The longest that one action takes, but for a copy of a workspace: each command that makes something, and what the board is told.
    #[must_use]
    pub fn longest_action(&self) -> Duration {
        let files = self.settings.rules.iter().map(|rule| rule.deliverables.len() + rule.state.len()).max();
        let commands = u32::try_from(files.unwrap_or(0)).unwrap_or(u32::MAX);
        self.settings.policy.make_timeout.saturating_mul(commands).saturating_add(act::AFTERWARDS)
    }

    /// Looks at each board, decides, acts, and writes it down; then brings the pages up to date.
    ///
    /// `stop` is asked between two actions: one that was begun is finished.
    ///
    /// # Errors
    ///
    /// When a board cannot be read or another watchdog is at it, or the journal cannot be written. The other boards are looked after
    /// all the same. What cannot be done to one task is written down, and the round goes on with the next.
    pub fn round(
        &self,
        clock: &dyn Fn() -> DateTime<Utc>,
        stop: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(&Entry),
    ) -> Result<(), WatchError> {
        let mut journal = self.journal();
        let mut result = Ok(());
        for slug in &self.settings.boards {
            let done = Board::find(&self.settings, slug).map_err(WatchError::from).and_then(|board| {
                let _lock = board.lock(TURN)?;
                let _guest = board.visit()?;
                Round {
                    watchdog: self,
                    board: &board,
                    journal: &mut journal,
                    clock,
                    stop,
                    tell: &mut *tell,
                    has_acted: false,
                }
                .run()
            });
            result = result.and(done);
        }
        let published = match journal.publish() {
            // The journal is whole, and the next round makes the page.
            Err(error @ JournalError::Busy { .. }) => {
                tracing::warn!("{error}");
                Ok(())
            }
            published => published,
        };
        result.and(published.map_err(WatchError::from))
    }

    /// Tells what a round would decide, and neither does nor writes anything.
    ///
    /// # Errors
    ///
    /// When a board or the journal cannot be read.
    pub fn rehearse(&self, now: DateTime<Utc>, tell: &mut dyn FnMut(&Entry)) -> Result<(), WatchError> {
        let mut journal = self.journal();
        let around = self.around(now);
        let state = journal.state()?.clone();
        for slug in &self.settings.boards {
            let board = Board::find(&self.settings, slug)?;
            let look = Look { settings: &self.settings, around: &around, board: &board, journal: &state };
            for task in board.read()? {
                let looked = look.at(task);
                if looked.case.stage != Stage::Finished {
                    tell(&journal.masked(&entry_of(now, slug, &looked))?);
                }
            }
        }
        Ok(())
    }

    /// Whether a task has delivered, wherever it stands. Changes nothing.
    ///
    /// # Errors
    ///
    /// When a board cannot be read, or none has the task.
    pub fn accept(&self, id: &TaskId, now: DateTime<Utc>) -> Result<Accepted, WatchError> {
        let around = self.around(now);
        for slug in &self.settings.boards {
            let board = Board::find(&self.settings, slug)?;
            let Some(task) = board.task(id)? else { continue };
            let journal = State::default();
            let look = Look { settings: &self.settings, around: &around, board: &board, journal: &journal };
            let acceptance = look.accept(&task);
            let next = look.what_is_left(&task, acceptance.as_ref());
            return Ok(Accepted { board: slug.clone(), task, acceptance, next });
        }
        Err(WatchError::NoTask { task: id.clone(), boards: self.settings.boards.clone() })
    }

    /// What a log tells of a worker, and what to do about it. With the profile that ran it, its logins are looked at, too.
    #[must_use]
    pub fn diagnose(
        &self,
        log: &str,
        profile: Option<&str>,
        now: DateTime<Utc>,
    ) -> (Diagnosis, Option<String>) {
        let around = self.around(now);
        let home =
            profile.and_then(|profile| ProfileHome::of(&self.settings, profile, &self.environment).ok());
        let logins = home.map(|home| Logins::of(&home, &self.environment, now));
        let mut evidence = Evidence::at(now).log(log);
        evidence.logins = logins.as_ref();
        let diagnosis = diagnose(&evidence);
        let preflight = profile.map(|profile| preflight::examine(&self.settings, profile, &around));
        let next = words::cure(&diagnosis, profile, preflight.as_ref());
        (diagnosis, next)
    }

    /// Looks at all that a worker of this profile needs.
    #[must_use]
    pub fn preflight(&self, profile: &str, now: DateTime<Utc>) -> Preflight {
        preflight::examine(&self.settings, profile, &self.around(now))
    }

    /// Repairs what nothing can be lost by, and looks again.
    #[must_use]
    pub fn mend(&self, profile: &str, now: DateTime<Utc>) -> (Vec<Repaired>, Preflight) {
        preflight::mend(&self.settings, profile, &self.around(now))
    }

    fn around(&self, now: DateTime<Utc>) -> Surroundings {
        let mut around = Surroundings::of_process(now);
        around.environment = self.environment.clone();
        around
    }
}

/// A round of one board, the lock of which is held.
struct Round<'a> {
    watchdog: &'a Watchdog,
    board: &'a Board,
    journal: &'a mut Journal,
    clock: &'a dyn Fn() -> DateTime<Utc>,
    stop: &'a dyn Fn() -> bool,
    tell: &'a mut dyn FnMut(&Entry),
    /// Whether anything was done, so that what was read is old.
    has_acted: bool,
}

impl Round<'_> {
    fn run(mut self) -> Result<(), WatchError> {
        let tasks = self.board.read()?;
        self.note_queue(&tasks)?;
        self.close_open_actions(&tasks)?;
        for task in in_order(tasks.clone()) {
            if (self.stop)() {
                break;
            }
            self.look_after(task)?;
        }
        if !self.has_acted {
            return self.note_standstill(&tasks);
        }
        // What was done has changed it.
        let tasks = self.board.read()?;
        self.note_queue(&tasks)?;
        self.note_standstill(&tasks)
    }

    /// Looks at a task, decides and acts, as often as one action makes another one possible.
    fn look_after(&mut self, mut task: Task) -> Result<(), WatchError> {
        for _ in 0..MOST_STEPS {
            let id = task.id.clone();
            let mut looked = self.look(task)?;
            if looked.case.stage == Stage::Finished {
                return Ok(());
            }
            if self.report_to_pool(&looked)? {
                // A login that the pool knows to be dead is another finding.
                looked = self.look(looked.task)?;
            }
            self.write_if_new(&entry_of((self.clock)(), self.board.name(), &looked))?;
            let action = looked.decision.action;
            if action == Action::Leave || !self.act(&looked)? {
                return Ok(());
            }
            // What was made is handed in before anything else: the task is claimed until then.
            if (self.stop)() && action != Action::Make {
                return Ok(());
            }
            let Some(changed) = self.board.task(&id)? else { return Ok(()) };
            task = changed;
        }
        Ok(())
    }

    fn look(&mut self, task: Task) -> Result<Looked, WatchError> {
        let settings = &self.watchdog.settings;
        let around = self.watchdog.around((self.clock)());
        let journal = self.journal.state()?;
        Ok(Look { settings, around: &around, board: self.board, journal }.at(task))
    }

    /// Acts, and answers whether it was done.
    fn act(&mut self, looked: &Looked) -> Result<bool, WatchError> {
        let action = looked.decision.action;
        let around = self.watchdog.around((self.clock)());
        let act = Act { settings: &self.watchdog.settings, around: &around, board: self.board };
        self.begin(Some(&looked.task), action.as_str(), act.plan(looked))?;
        let mut done = act.on(looked);
        if done.done {
            done = self.check(looked, done)?;
        }
        let dispatches = action == Action::Complete && done.done && self.watchdog.settings.policy.dispatches;
        if dispatches {
            // Before the completion ends: whoever is killed between the two would leave nothing that tells of what waits.
            self.begin_dispatch(&looked.task)?;
        }
        self.end(Some(&looked.task), action.as_str(), &done)?;
        if dispatches {
            self.dispatch(&looked.task)?;
        }
        Ok(done.done)
    }

    /// What no verb of the board proves is looked at: whether nothing is missing any more, and whether the board has seen the end of a worker.
    fn check(&mut self, looked: &Looked, done: Done) -> Result<Done, WatchError> {
        let why = match looked.decision.action {
            Action::Make => {
                let left = self.look(looked.task.clone())?.acceptance.map_or(0, |found| found.findings.len());
                (left > 0).then(|| format!("{left} of what was missing still is"))
            }
            Action::Dispatch => {
                let now = self.board.task(&looked.task.id)?;
                let is_same = now.is_some_and(|now| now.claim == looked.task.claim);
                is_same.then(|| "the board still has its worker at work".to_owned())
            }
            _ => None,
        };
        Ok(why.map_or(done.clone(), |why| Done::not(format!("{}, and {why}", done.says))))
    }

    fn begin_dispatch(&mut self, task: &Task) -> Result<(), WatchError> {
        self.begin(Some(task), Action::Dispatch.as_str(), "what waited for it is ready".to_owned())
    }

    /// Starts at once what waited for this task.
    fn dispatch(&mut self, task: &Task) -> Result<(), WatchError> {
        let action = Action::Dispatch.as_str();
        let around = self.watchdog.around((self.clock)());
        let act = Act { settings: &self.watchdog.settings, around: &around, board: self.board };
        let done = act.dispatch().unwrap_or_else(|error| Done::not(in_words(&error)));
        self.end(Some(task), action, &done)
    }

    /// Tells the pool of the profile, once a run, that a credential was revoked or throttled. Answers whether it knows of it now.
    fn report_to_pool(&mut self, looked: &Looked) -> Result<bool, WatchError> {
        const ACTION: &str = "report_to_pool";
        let settings = &self.watchdog.settings;
        let task = &looked.task;
        // One that was cut short may have told nothing; twice it tells nothing new.
        let is_told = |journal: &State| {
            let since = task.last_failure().map_or(0, |event| event.id);
            let tried = journal.attempts(self.board.name(), task.id.as_str(), ACTION, since);
            tried.done > 0 || tried.failed > 0
        };
        let Some((diagnosis, home)) = self.accused(looked) else { return Ok(false) };
        if !settings.policy.reports_to_pool || is_told(self.journal.state()?) {
            return Ok(false);
        }
        let (Some(provider), Some(failure)) = (&diagnosis.provider, &diagnosis.failure) else {
            return Ok(false);
        };
        let ended = task.last_failure().map(|event| event.at);
        let accusation = Accusation {
            provider,
            failure: failure.clone(),
            at: ended.unwrap_or_else(self.clock),
            says: &diagnosis.says,
        };
        let around = self.watchdog.around((self.clock)());
        self.begin(Some(task), ACTION, format!("{provider}: {}", diagnosis.says))?;
        let (done, is_news) = match report_to_pool(&home, &accusation, &around) {
            Ok(PoolReport::Taken { says }) => (Done::well(says), true),
            Ok(PoolReport::Nothing { says }) => (Done::well(says), false),
            Ok(PoolReport::Unclear { says, next }) => {
                (Done::not(format!("{says}; tell it yourself: `{next}`")), false)
            }
            Err(error) => (Done::not(in_words(&error)), false),
        };
        self.end(Some(task), ACTION, &done)?;
        Ok(is_news)
    }

    /// What was found out about a credential that another run would meet again, and the home it was found in.
    fn accused<'l>(&self, looked: &'l Looked) -> Option<(&'l Diagnosis, ProfileHome)> {
        let diagnosis = looked.diagnosis.as_ref()?;
        let is_of_a_credential = matches!(diagnosis.cause, Cause::Revoked | Cause::Throttled);
        let profile =
            look::ran_by(&looked.task).filter(|_| is_of_a_credential && looked.case.stage.is_open())?;
        Some((diagnosis, ProfileHome::of(&self.watchdog.settings, profile, &self.watchdog.environment).ok()?))
    }

    /// Ends in the journal what a kill cut short: the board shows whether it was done.
    fn close_open_actions(&mut self, tasks: &[Task]) -> Result<(), WatchError> {
        let open: Vec<_> =
            self.journal.state()?.open_actions(self.board.name()).into_iter().cloned().collect();
        for attempt in open {
            let task = tasks.iter().find(|task| attempt.task.as_deref() == Some(task.id.as_str()));
            let is_complete = task.is_some_and(|task| task.status == Status::Done);
            let is_completion = attempt.action == Action::Complete.as_str();
            let is_dispatch = attempt.action == Action::Dispatch.as_str();
            let waits = (is_completion || is_dispatch) && self.watchdog.settings.policy.dispatches;
            let waited_for = task.filter(|_| waits && is_complete);
            if let Some(task) = waited_for {
                self.begin_dispatch(task)?;
            }
            // A dispatch that begins again has ended the one before.
            if !(is_dispatch && waited_for.is_some()) {
                self.end_cut(&attempt, is_completion && is_complete)?;
            }
            if let Some(task) = waited_for {
                self.dispatch(task)?;
            }
        }
        Ok(())
    }

    fn end_cut(&mut self, attempt: &Attempt, done: bool) -> Result<(), WatchError> {
        let says = if done { "the board has it as done" } else { "it is decided anew" };
        let (action, says) = (attempt.action.clone(), format!("it was cut short, and {says}"));
        self.write(attempt.task.as_deref(), What::Ended { action, done, cut: !done, says })
    }

    fn note_queue(&mut self, tasks: &[Task]) -> Result<(), WatchError> {
        let cards: Vec<Card> =
            tasks.iter().filter(|task| task.status != Status::Archived).map(card).collect();
        self.journal.append_queue((self.clock)(), self.board.name(), &cards)?;
        Ok(())
    }

    /// Says why nothing goes on, where nothing does: whom all that waits is waiting for.
    fn note_standstill(&mut self, tasks: &[Task]) -> Result<(), WatchError> {
        let is_on = |task: &Task| matches!(task.status, Status::Ready | Status::Running | Status::Review);
        let goes_on = |task: &Task| is_on(task) && !stands_still(task);
        let waits = tasks.iter().any(|task| task.status == Status::Todo);
        if !waits || tasks.iter().any(goes_on) {
            return Ok(());
        }
        let roots: Vec<String> =
            blocked_roots(tasks).iter().map(|task| format!("{} ({})", task.id, task.status)).collect();
        if roots.is_empty() {
            return Ok(());
        }
        let says = format!("no task is ready: all that waits is waiting for {}", roots.join(", "));
        self.write_if_new(&Entry::new((self.clock)(), self.board.name(), None, What::Noted { says }))
    }

    fn begin(&mut self, task: Option<&Task>, action: &str, says: String) -> Result<(), WatchError> {
        self.has_acted = true;
        let after_event = task.map_or(0, Task::last_event);
        self.write(
            task.map(|task| task.id.as_str()),
            What::Began { action: action.to_owned(), after_event, says },
        )
    }

    fn end(&mut self, task: Option<&Task>, action: &str, done: &Done) -> Result<(), WatchError> {
        let ended =
            What::Ended { action: action.to_owned(), done: done.done, cut: false, says: done.says.clone() };
        self.write(task.map(|task| task.id.as_str()), ended)
    }

    fn write(&mut self, task: Option<&str>, what: What) -> Result<(), WatchError> {
        let entry = Entry::new((self.clock)(), self.board.name(), task, what);
        self.journal.append(&entry)?;
        (self.tell)(&self.journal.masked(&entry)?);
        Ok(())
    }

    fn write_if_new(&mut self, entry: &Entry) -> Result<(), WatchError> {
        if self.journal.append_if_new(entry)? {
            (self.tell)(&self.journal.masked(entry)?);
        }
        Ok(())
    }
}

/// First those that others wait for, then the others, as the board has them.
fn in_order(tasks: Vec<Task>) -> Vec<Task> {
    let roots: HashSet<TaskId> = blocked_roots(&tasks).into_iter().map(|task| task.id.clone()).collect();
    let (mut first, others): (Vec<Task>, Vec<Task>) =
        tasks.into_iter().partition(|task| roots.contains(&task.id));
    first.extend(others);
    first
}

fn card(task: &Task) -> Card {
    let mut card = Card::new(task.id.as_str(), task.title.clone(), task.status.as_str());
    card.assignee = task.assignee.clone();
    card.parents = task.parents.iter().map(|parent| parent.as_str().to_owned()).collect();
    card
}

fn entry_of(at: DateTime<Utc>, board: &str, looked: &Looked) -> Entry {
    let Looked { task, diagnosis, acceptance, decision, next, .. } = looked;
    let mut decided = Decided::new(decision.action.as_str(), decision.row, decision.reason);
    decided.next = next.clone();
    decided.until = decision.until;
    decided.diagnosis = diagnosis.as_ref().map(|told| Told::new(told.cause.as_str(), told.says.clone()));
    decided.acceptance = acceptance.as_ref().map(Sheet::of);
    Entry::new(at, board, Some(task.id.as_str()), What::Decided(Box::new(decided)))
}
