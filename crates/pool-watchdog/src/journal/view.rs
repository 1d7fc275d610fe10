//! What both pages show, and in which order: what they have in common, without their spelling.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::journal::entry::{Card, Decided, Grid};
use crate::journal::state::{Board, Happened, JournalState, Step, Story};
use crate::task::Status;

/// A task of a board, or one that has left it.
pub(crate) struct TaskView<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) assignee: Option<&'a str>,
    pub(crate) parents: &'a [String],
    pub(crate) story: Option<&'a Story>,
    pub(crate) is_done: bool,
}

impl<'a> TaskView<'a> {
    fn of(card: &'a Card, board: &'a Board) -> Self {
        Self {
            id: &card.id,
            title: &card.title,
            assignee: card.assignee.as_deref(),
            parents: &card.parents,
            story: board.stories.get(&Some(card.id.clone())),
            is_done: is_done(&card.status),
        }
    }

    fn gone(id: &'a str, story: &'a Story) -> Self {
        Self { id, title: id, assignee: None, parents: &[], story: Some(story), is_done: true }
    }

    pub(crate) fn decision(&self) -> Option<&'a Decided> {
        self.story?.decision.as_ref()
    }

    /// What a person is to do. Of a task that is done it is history.
    pub(crate) fn next(&self) -> Option<&'a str> {
        self.decision()?.next.as_deref().filter(|_| !self.is_done)
    }
}

fn is_done(status: &str) -> bool {
    Status::from_word(status).is_some_and(Status::is_over)
}

/// The tasks that stand in one place.
pub(crate) struct Group<'a> {
    pub(crate) name: &'a str,
    pub(crate) look: Look,
    pub(crate) tasks: Vec<TaskView<'a>>,
    /// Nobody has to do anything about them any more.
    pub(crate) is_folded: bool,
}

/// How a status is told apart besides its word.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) symbol: &'static str,
    pub(crate) class: &'static str,
}

fn look(status: Option<Status>) -> Look {
    let (symbol, class) = match status {
        Some(Status::Blocked) => ("■", "blocked"),
        Some(Status::Triage) => ("?", "triage"),
        Some(Status::Running) => ("▶", "running"),
        Some(Status::Review) => ("◆", "review"),
        Some(Status::Ready) => ("●", "ready"),
        Some(Status::Scheduled) => ("◇", "scheduled"),
        Some(Status::Todo) => ("○", "todo"),
        Some(Status::Done) => ("✓", "done"),
        Some(Status::Archived | Status::Other) | None => ("–", "other"),
    };
    Look { symbol, class }
}

/// What asks for attention comes first.
fn rank(status: Option<Status>) -> usize {
    const ORDER: [Status; 8] = [
        Status::Blocked,
        Status::Triage,
        Status::Running,
        Status::Review,
        Status::Ready,
        Status::Scheduled,
        Status::Todo,
        Status::Done,
    ];
    // A word that is not known stands before what is done.
    let known = status.and_then(|status| ORDER.iter().position(|other| *other == status));
    known.map_or(2 * ORDER.len() - 3, |at| 2 * at)
}

/// The tasks of a board by where they stand, and those that have left it.
pub(crate) fn groups(board: &Board) -> Vec<Group<'_>> {
    let mut by_status: BTreeMap<(usize, &str), Vec<TaskView<'_>>> = BTreeMap::new();
    for card in board.cards.values() {
        let rank = rank(Status::from_word(&card.status));
        by_status.entry((rank, &card.status)).or_default().push(TaskView::of(card, board));
    }
    let on_board = by_status.into_iter().map(|((_, name), mut tasks)| {
        tasks.sort_by_key(|task| Reverse(task.story.and_then(Story::last)));
        Group { name, look: look(Status::from_word(name)), tasks, is_folded: is_done(name) }
    });
    let gone: Vec<_> = board.gone().into_iter().map(|(id, story)| TaskView::gone(id, story)).collect();
    let left = Group { name: "not on the board", look: look(None), tasks: gone, is_folded: true };
    on_board.chain((!left.tasks.is_empty()).then_some(left)).collect()
}

/// The tasks that wait for a person, with their boards.
pub(crate) fn waiting(state: &JournalState) -> Vec<(&str, TaskView<'_>)> {
    let tasks = state.boards.iter().flat_map(|(name, board)| {
        let tasks = groups(board).into_iter().flat_map(|group| group.tasks);
        tasks.map(move |task| (name.as_str(), task))
    });
    tasks.filter(|(_, task)| task.next().is_some()).collect()
}

/// How much fits, so that a page stays one that a phone can open.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// The steps that are shown of each task.
    pub(crate) steps: usize,
    /// Whether everything that is not done lies open.
    pub(crate) is_open: bool,
    /// Whether what is done shows all that is known of it too.
    pub(crate) shows_done: bool,
}

/// The most steps on a page.
const MOST_STEPS: usize = 6_000;

/// The most tasks in a group that is folded: who wants the others reads the journal.
pub(crate) const MOST_FOLDED: usize = 1_000;

/// The most tasks that are named before the boards.
pub(crate) const MOST_WAITING: usize = 8;

/// The most rows and columns of a matrix.
pub(crate) const MOST_CELLS: usize = 50;

impl Room {
    pub(crate) fn on(state: &JournalState) -> Self {
        let tasks: usize = state.boards.values().map(|board| board.cards.len()).sum();
        let open = |board: &Board| board.cards.values().filter(|card| !is_done(&card.status)).count();
        Self {
            steps: (MOST_STEPS / tasks.max(1)).clamp(4, 40),
            is_open: state.boards.values().map(open).sum::<usize>() <= 12,
            shows_done: tasks <= 100,
        }
    }

    /// The newest steps of a story, and how many older ones there are.
    pub(crate) fn steps<'a>(&self, story: &'a Story) -> (usize, impl Iterator<Item = &'a Step>) {
        let cut = story.steps.items.len().saturating_sub(self.steps);
        (story.steps.left_out + cut, story.steps.items.iter().skip(cut))
    }
}

/// A step in words.
pub(crate) struct Line<'a> {
    pub(crate) class: &'static str,
    /// What it is: `Decided`.
    pub(crate) verb: &'static str,
    /// Of which action.
    pub(crate) action: Option<&'a str>,
    pub(crate) says: &'a str,
    /// What else is known of it, each with its name.
    pub(crate) more: Vec<(&'static str, String)>,
}

pub(crate) fn line(step: &Step) -> Line<'_> {
    match &step.event {
        Happened::Decided { action, row, reason, until, diagnosis, missing } => {
            let told = diagnosis.as_ref().map(|told| ("Diagnosis", format!("{}: {}", told.cause, told.says)));
            let missing = missing.map(|missing| ("Acceptance", accepted(missing)));
            let until = until.map(|until| ("Again", time(until)));
            let row = Some(("Row", row.clone()));
            let more = [told, missing, until, row].into_iter().flatten().collect();
            Line { class: "decided", verb: "Decided", action: Some(action), says: reason, more }
        }
        Happened::Began { action, says } => {
            let more = Vec::new();
            Line { class: "began", verb: "Began", action: Some(action), says, more }
        }
        Happened::Ended { action, done: true, says } => {
            Line { class: "ended", verb: "Done", action: Some(action), says, more: Vec::new() }
        }
        Happened::Ended { action, done: false, says } => {
            Line { class: "failed", verb: "Failed", action: Some(action), says, more: Vec::new() }
        }
        Happened::Noted { says } => {
            Line { class: "noted", verb: "Noted", action: None, says, more: Vec::new() }
        }
    }
}

fn accepted(missing: usize) -> String {
    match missing {
        0 => "accepted".to_owned(),
        1 => "1 thing is missing".to_owned(),
        missing => format!("{missing} things are missing"),
    }
}

/// A number of things: `1 task`, `2 tasks`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A time for people, in UTC.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Whether a cell is covered. What the journal does not say is not.
pub(crate) fn is_covered(grid: &Grid, row: usize, column: usize) -> bool {
    grid.covered.get(row).and_then(|row| row.get(column)).copied().unwrap_or(false)
}

/// The columns of a matrix: without any, a subject only has to be named.
pub(crate) fn columns(grid: &Grid) -> Vec<&str> {
    if grid.dimensions.is_empty() {
        return vec!["named"];
    }
    grid.dimensions.iter().take(MOST_CELLS).map(String::as_str).collect()
}

/// How much of a matrix is covered: `5 of 8`.
pub(crate) fn coverage(grid: &Grid) -> String {
    let columns = grid.dimensions.len().max(1);
    let rows = grid.covered.iter().take(grid.subjects.len());
    let covered: usize = rows.map(|row| row.iter().take(columns).filter(|cell| **cell).count()).sum();
    format!("{covered} of {}", grid.subjects.len().saturating_mul(columns))
}
