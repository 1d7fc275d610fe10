//! One round of one board: look at each task, decide, act, and write it down.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::act::{Act, Done};
use super::look::{Examined, Look, Looked};
use super::words::LONGEST_TITLE;
use super::{WatchError, Watchdog};
use crate::board::Board;
use crate::decision::{Action, Stage};
use crate::journal::{Attempt, Card, Decided, Entry, Journal, Sheet, Told, What};
use crate::line::{in_words, shown};
use crate::queue::{blocked_roots, stands_still};
use crate::task::{Status, Task, TaskId};

/// One task is looked at so often in a round: each action may make another one possible.
const MOST_STEPS: usize = 6;

/// A round of one board, the lock of which is held.
pub(super) struct Round<'a> {
    pub(super) watchdog: &'a Watchdog,
    pub(super) board: &'a Board,
    pub(super) journal: &'a mut Journal,
    pub(super) clock: &'a dyn Fn() -> DateTime<Utc>,
    pub(super) stop: &'a dyn Fn() -> bool,
    pub(super) tell: &'a mut dyn FnMut(&Entry),
    /// Whether anything was done, so that what was read is old.
    pub(super) has_acted: bool,
    pub(super) examined: Examined,
}

impl Round<'_> {
    pub(super) fn run(mut self) -> Result<(), WatchError> {
        let tasks = self.board.read()?;
        self.note_queue(&tasks)?;
        self.close_open_actions(&tasks)?;
        for task in in_order(&tasks) {
            if (self.stop)() {
                break;
            }
            self.look_after(task.clone())?;
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
                self.examined.clear();
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
        Ok(Look { settings, around: &around, board: self.board, journal, examined: &self.examined }.at(task))
    }

    /// Acts, and answers whether it was done.
    fn act(&mut self, looked: &Looked) -> Result<bool, WatchError> {
        let action = looked.decision.action;
        let around = self.watchdog.around((self.clock)());
        let act = Act { settings: &self.watchdog.settings, around: &around, board: self.board };
        self.begin(Some(&looked.task), action.as_str(), act.plan(looked))?;
        let mut done = act.on(looked);
        if action == Action::RepairLogin {
            self.examined.clear();
        }
        if action == Action::Make && done.done {
            done = self.check_made(looked, done)?;
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

    /// A command that went well has made something only if nothing is missing any more.
    fn check_made(&mut self, looked: &Looked, done: Done) -> Result<Done, WatchError> {
        let left = self.look(looked.task.clone())?.acceptance.map_or(0, |found| found.findings.len());
        Ok(match left {
            0 => done,
            left => Done::not(format!("{}, and {left} of what was missing still is", done.says)),
        })
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

    pub(super) fn begin(
        &mut self,
        task: Option<&Task>,
        action: &str,
        says: String,
    ) -> Result<(), WatchError> {
        self.has_acted = true;
        let after_event = task.map_or(0, Task::last_event);
        self.write(
            task.map(|task| task.id.as_str()),
            What::Began { action: action.to_owned(), after_event, says },
        )
    }

    pub(super) fn end(&mut self, task: Option<&Task>, action: &str, done: &Done) -> Result<(), WatchError> {
        let ended = What::Ended {
            action: action.to_owned(),
            done: done.done,
            cut: done.cut,
            says: done.says.clone(),
        };
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

/// What is not over: first those that others wait for, then the others, as the board has them.
fn in_order(tasks: &[Task]) -> Vec<&Task> {
    let roots: HashSet<&TaskId> = blocked_roots(tasks).into_iter().map(|task| &task.id).collect();
    let open = tasks.iter().filter(|task| !task.status.is_over());
    let (mut first, others): (Vec<&Task>, Vec<&Task>) = open.partition(|task| roots.contains(&task.id));
    first.extend(others);
    first
}

fn card(task: &Task) -> Card {
    let title = shown(&task.title, LONGEST_TITLE);
    let mut card = Card::new(task.id.as_str(), title, task.status.as_str());
    card.assignee = task.assignee.clone();
    card.parents = task.parents.iter().map(|parent| parent.as_str().to_owned()).collect();
    card
}

pub(super) fn entry_of(at: DateTime<Utc>, board: &str, looked: &Looked) -> Entry {
    let Looked { task, diagnosis, acceptance, decision, next, .. } = looked;
    let mut decided = Decided::new(decision.action.as_str(), decision.row, decision.reason);
    decided.next = next.clone();
    decided.until = decision.until;
    decided.diagnosis = diagnosis.as_ref().map(|told| Told::new(told.cause.as_str(), told.says.clone()));
    decided.acceptance = acceptance.as_ref().map(Sheet::of);
    Entry::new(at, board, Some(task.id.as_str()), What::Decided(Box::new(decided)))
}
