//! What the entries of a journal add up to: no more than the next round and the pages need.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Utc};

use crate::journal::entry::{Card, Decided, Entry, Told, What};

/// So many steps are kept of a task, the newest.
const LONGEST_STORY: usize = 60;

/// So many tasks are kept of which the board no longer knows.
const MOST_GONE: usize = 50;

/// What the entries of a journal add up to.
///
/// It grows with the tasks of the boards, not with the journal: of each task it keeps the newest steps.
///
/// ```
/// use pool_watchdog::{Card, Decided, Entry, JournalState, What};
///
/// let at = pool_core::time::parse_text("2026-11-21T16:30:00Z").expect("RFC 3339");
/// let decided = Decided::new("complete", "delivered", "all that the rule asks for is there");
/// let state: JournalState = [
///     Entry::new(at, "default", None, What::Queue { tasks: vec![Card::new("t_1", "Report", "blocked")], gone: vec![] }),
///     Entry::new(at, "default", Some("t_1"), What::Decided(Box::new(decided.clone()))),
/// ]
/// .into_iter()
/// .collect();
/// assert_eq!(state.latest_decision("default", "t_1"), Some(&decided));
/// ```
#[derive(Clone, PartialEq, Debug, Default)]
pub struct JournalState {
    pub(crate) boards: BTreeMap<String, Board>,
    /// When the newest entry was written.
    pub(crate) last: Option<DateTime<Utc>>,
    /// How many lines were no entries.
    pub(crate) skipped: u64,
}

#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Board {
    pub(crate) cards: BTreeMap<String, Card>,
    /// Whether it was ever written down how the board stands: an empty one is not an unknown one.
    is_known: bool,
    /// By task; that of no task is of the board itself.
    pub(crate) stories: BTreeMap<Option<String>, Story>,
}

/// What happened to one task.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Story {
    pub(crate) decision: Option<Decided>,
    pub(crate) steps: Recent<Step>,
    pub(crate) attempts: Recent<Attempt>,
}

/// The newest of something, and how many older ones are left out.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Recent<T> {
    pub(crate) items: VecDeque<T>,
    pub(crate) left_out: usize,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), left_out: 0 }
    }
}

impl<T> Recent<T> {
    fn push(&mut self, item: T) {
        if self.items.len() == LONGEST_STORY {
            self.items.pop_front();
            self.left_out += 1;
        }
        self.items.push_back(item);
    }
}

/// One thing that happened.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Step {
    pub(crate) at: DateTime<Utc>,
    pub(crate) event: Happened,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Happened {
    Decided {
        action: String,
        row: String,
        reason: String,
        until: Option<DateTime<Utc>>,
        diagnosis: Option<Told>,
        /// How much was missing, where a rule looked.
        missing: Option<usize>,
    },
    Began {
        action: String,
        says: String,
    },
    Ended {
        action: String,
        done: bool,
        says: String,
    },
    Noted {
        says: String,
    },
}

/// An action that was begun.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The task, where it is about one.
    pub task: Option<String>,
    /// The word of the action.
    pub action: String,
    /// When it began.
    pub at: DateTime<Utc>,
    /// The board's newest event of the task that it was decided on.
    pub after_event: i64,
    /// What exactly.
    pub says: String,
    /// How it ended, and when. `None`: it goes on, or a kill has just cut it short.
    pub end: Option<(End, DateTime<Utc>)>,
}

/// How an action ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum End {
    /// It was done.
    Done,
    /// It was not.
    Failed,
    /// A kill cut it short: nobody knows that it failed.
    Cut,
}

/// How often an action was tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Attempts {
    /// So often it was begun.
    pub begun: usize,
    /// So often the board, or what was made, showed that it was done.
    pub done: usize,
    /// So often it failed since it was last done. One that goes on or was cut short has not failed.
    pub failed: u32,
    /// When it last ended, or began where it has no end.
    pub last: Option<DateTime<Utc>>,
}

impl JournalState {
    /// What was last decided about a task.
    #[must_use]
    pub fn latest_decision(&self, board: &str, task: &str) -> Option<&Decided> {
        self.story(board, Some(task))?.decision.as_ref()
    }

    /// Whether it was said last, of what only news is written down.
    pub(crate) fn has(&self, entry: &Entry) -> bool {
        let Some(story) = self.story(&entry.board, entry.task.as_deref()) else { return false };
        let last_note = || {
            story.steps.items.iter().rev().find_map(|step| match &step.event {
                Happened::Noted { says } => Some(says),
                _ => None,
            })
        };
        match &entry.what {
            What::Decided(decided) => story.decision.as_ref() == Some(decided.as_ref()),
            What::Noted { says } => last_note() == Some(says),
            _ => false,
        }
    }

    /// The actions that were begun and have no end: each goes on, or was cut short by a kill.
    #[must_use]
    pub fn open_actions(&self, board: &str) -> Vec<&Attempt> {
        let stories = self.boards.get(board).into_iter().flat_map(|board| board.stories.values());
        stories.flat_map(|story| &story.attempts.items).filter(|attempt| attempt.end.is_none()).collect()
    }

    /// How often an action was tried that was decided on this event of the board, or on a later one.
    #[must_use]
    pub fn attempts(&self, board: &str, task: &str, action: &str, since_event: i64) -> Attempts {
        let attempts = self.story(board, Some(task)).into_iter().flat_map(|story| &story.attempts.items);
        let counted =
            attempts.filter(|attempt| attempt.action == action && attempt.after_event >= since_event);
        counted.fold(Attempts::default(), |count, attempt| {
            let end = attempt.end.map(|(end, _)| end);
            let failed = match end {
                Some(End::Done) => 0,
                Some(End::Failed) => count.failed.saturating_add(1),
                Some(End::Cut) | None => count.failed,
            };
            Attempts {
                begun: count.begun + 1,
                done: count.done + usize::from(end == Some(End::Done)),
                failed,
                last: Some(attempt.end.map_or(attempt.at, |(_, at)| at)),
            }
        })
    }

    /// The tasks of a board as they were last written down.
    pub fn cards(&self, board: &str) -> impl Iterator<Item = &Card> {
        self.boards.get(board).into_iter().flat_map(|board| board.cards.values())
    }

    /// How many lines of the journal were no entries that this version can read.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// What is new since the last entry on a board that stands so now; nothing, if nothing is.
    pub(crate) fn news(&self, board: &str, tasks: &[Card]) -> Option<What> {
        let known = self.boards.get(board).filter(|board| board.is_known);
        let Some(known) = known else { return Some(What::Queue { tasks: tasks.to_vec(), gone: Vec::new() }) };
        let now: BTreeSet<&str> = tasks.iter().map(|card| card.id.as_str()).collect();
        let is_new = |card: &&Card| known.cards.get(&card.id) != Some(card);
        let gone: Vec<String> = known.cards.keys().filter(|id| !now.contains(id.as_str())).cloned().collect();
        let tasks: Vec<Card> = tasks.iter().filter(is_new).cloned().collect();
        (!tasks.is_empty() || !gone.is_empty()).then_some(What::Queue { tasks, gone })
    }

    fn story(&self, board: &str, task: Option<&str>) -> Option<&Story> {
        self.boards.get(board)?.stories.get(&task.map(str::to_owned))
    }

    /// Goes on by one entry.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.last = self.last.max(Some(entry.at));
        let board = self.boards.entry(entry.board).or_default();
        if let What::Queue { tasks, gone } = entry.what {
            return board.stand(tasks, &gone);
        }
        let story = board.stories.entry(entry.task.clone()).or_default();
        story.push(entry.at, entry.task, entry.what);
    }
}

impl Extend<Entry> for JournalState {
    fn extend<I: IntoIterator<Item = Entry>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.push(entry));
    }
}

impl FromIterator<Entry> for JournalState {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut state = Self::default();
        state.extend(entries);
        state
    }
}

impl Board {
    fn stand(&mut self, tasks: Vec<Card>, gone: &[String]) {
        self.is_known = true;
        self.cards.extend(tasks.into_iter().map(|card| (card.id.clone(), card)));
        for id in gone {
            self.cards.remove(id);
        }
        self.forget_oldest();
    }

    /// The tasks that have a story, and are not on the board, newest first.
    pub(crate) fn gone(&self) -> Vec<(&str, &Story)> {
        let named = self.stories.iter().filter_map(|(id, story)| Some((id.as_deref()?, story)));
        let mut gone: Vec<_> = named.filter(|(id, _)| !self.cards.contains_key(*id)).collect();
        gone.sort_by_key(|(_, story)| std::cmp::Reverse(story.last()));
        gone
    }

    fn forget_oldest(&mut self) {
        let oldest: Vec<_> =
            self.gone().into_iter().skip(MOST_GONE).map(|(id, _)| Some(id.to_owned())).collect();
        for id in oldest {
            self.stories.remove(&id);
        }
    }
}

impl Story {
    /// When the last thing happened.
    pub(crate) fn last(&self) -> Option<DateTime<Utc>> {
        self.steps.items.back().map(|step| step.at)
    }

    fn push(&mut self, at: DateTime<Utc>, task: Option<String>, what: What) {
        let event = match what {
            What::Queue { .. } => return,
            What::Decided(decided) => {
                let event = Happened::of(&decided);
                self.decision = Some(*decided);
                event
            }
            What::Began { action, after_event, says } => {
                self.close(&action, End::Cut, at);
                let says = clipped(says);
                self.attempts.push(Attempt {
                    task,
                    action: action.clone(),
                    at,
                    after_event,
                    says: says.clone(),
                    end: None,
                });
                Happened::Began { action, says }
            }
            What::Ended { action, done, cut, says } => {
                let end = if done { End::Done } else { End::Failed };
                self.close(&action, if cut { End::Cut } else { end }, at);
                Happened::Ended { action, done, says: clipped(says) }
            }
            What::Noted { says } => Happened::Noted { says: clipped(says) },
        };
        self.steps.push(Step { at, event });
    }

    /// An action that begins again has ended, whatever became of it.
    fn close(&mut self, action: &str, end: End, at: DateTime<Utc>) {
        let open = |attempt: &&mut Attempt| attempt.action == action && attempt.end.is_none();
        if let Some(attempt) = self.attempts.items.iter_mut().rev().find(open) {
            attempt.end = Some((end, at));
        }
    }
}

impl Happened {
    fn of(decided: &Decided) -> Self {
        let told =
            |told: &Told| Told { cause: clipped(told.cause.clone()), says: clipped(told.says.clone()) };
        Self::Decided {
            action: decided.action.clone(),
            row: decided.row.clone(),
            reason: clipped(decided.reason.clone()),
            until: decided.until,
            diagnosis: decided.diagnosis.as_ref().map(told),
            missing: decided.acceptance.as_ref().map(|sheet| sheet.missing.len()),
        }
    }
}

/// More of a text is not kept for a page.
const LONGEST_KEPT: usize = 4_000;

fn clipped(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST_KEPT));
    text.shrink_to_fit();
    text
}
