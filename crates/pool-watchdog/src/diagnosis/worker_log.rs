//! What the log of a worker says of its last attempt.
//!
//! Only what Hermes Agent says itself counts. What the model says or writes stands in panels, remarks and diffs, and may quote
//! any error there is.

use super::hermes::{self, Call};
use super::line::plain;
use crate::line::joined;

/// The last attempt of a log.
#[derive(Default)]
pub(super) struct WorkerLog {
    /// What happened, in order.
    pub(super) signs: Vec<Sign>,
    /// Whether the worker came to its end: it said goodbye, or how its session can be resumed.
    pub(super) is_ended: bool,
}

/// Something that happened, and the line of the log that says so, counted from 1.
pub(super) struct Sign {
    pub(super) line: usize,
    pub(super) what: What,
}

/// Something that happened to a worker.
pub(super) enum What {
    /// A call failed.
    Failed(Call),
    /// A call beside the main turn failed.
    Beside(String),
    /// The main turn went on: a tool was used, or something was answered.
    WentOn,
    /// It called this tool, which closes its task.
    Closed(String),
    /// It ran out of turns.
    RanOut(String),
    /// These skills are not installed, and so it did not begin.
    NoSkills(Vec<String>),
    /// Its program failed.
    Broke(String),
}

impl What {
    /// Whether the main turn went on.
    pub(super) fn is_progress(&self) -> bool {
        matches!(self, Self::WentOn | Self::Closed(_))
    }
}

impl WorkerLog {
    /// Reads the last attempt of a log, or what there is of it.
    pub(super) fn read(text: &str) -> Self {
        let mut reader = Reader::default();
        for (number, line) in last_attempt(text) {
            // What was overwritten in place are lines of their own.
            for part in line.strip_suffix('\r').unwrap_or(line).split('\r') {
                reader.read(number, &plain(part));
            }
        }
        reader.done()
    }
}

/// The lines from the last beginning of an attempt on, each with its number in the whole text. Without one, all of them.
fn last_attempt(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut begin = (1, 0);
    let mut at = 0;
    for (index, line) in text.split('\n').enumerate() {
        let after = at + line.len() + 1;
        if line.contains("Query:") && hermes::is_begin(&plain(line), text.get(after..).unwrap_or_default()) {
            begin = (index + 1, at);
        }
        at = after;
    }
    let (number, at) = begin;
    text.get(at..)
        .unwrap_or_default()
        .split('\n')
        .enumerate()
        .map(move |(index, line)| (number + index, line))
}

/// Where in the log a reader is.
#[derive(Default)]
enum Within {
    /// Among the lines of Hermes.
    #[default]
    Lines,
    /// In words of the model, shown while they came.
    Answer,
    /// In a panel with an answer, or with what went wrong: where it began, and what it says.
    Panel(usize, String),
    /// In what a tool changed in a file.
    Diff,
    /// In a traceback of Python.
    Traceback,
}

#[derive(Default)]
struct Reader {
    log: WorkerLog,
    within: Within,
    /// The paragraph that is being read, and the line it began on.
    paragraph: Option<(usize, String)>,
    /// The last paragraph before the agent began: why it did not.
    start: Option<(usize, String)>,
    has_begun: bool,
}

impl Reader {
    fn read(&mut self, number: usize, line: &str) {
        match &mut self.within {
            Within::Lines => self.read_line(number, line),
            Within::Answer | Within::Panel(..) if hermes::is_end(line) => self.leave(number, line),
            Within::Answer if hermes::is_end_of_answer(line) => self.within = Within::Lines,
            Within::Panel(..) if hermes::is_end_of_panel(line) => self.end_panel(),
            Within::Panel(_, words) => add(words, line),
            Within::Diff if !hermes::is_of_diff(line) => self.leave(number, line),
            Within::Traceback if !hermes::is_of_traceback(line) => {
                self.within = Within::Lines;
                self.sign(number, hermes::broke(line));
            }
            Within::Answer | Within::Diff | Within::Traceback => {}
        }
    }

    /// Reads a line that ends whatever was being read.
    fn leave(&mut self, number: usize, line: &str) {
        self.end_panel();
        self.within = Within::Lines;
        self.read_line(number, line);
    }

    fn read_line(&mut self, number: usize, line: &str) {
        if line.trim().is_empty() || line.contains(hermes::BEGIN) {
            return self.end_paragraph();
        }
        if hermes::is_end(line) {
            self.end_paragraph();
            self.log.is_ended = true;
        } else if hermes::is_panel(line) {
            self.within = Within::Panel(number, String::new());
        } else if hermes::is_answer(line) {
            self.within = Within::Answer;
            self.sign(number, What::WentOn);
        } else if hermes::is_diff(line) {
            self.within = Within::Diff;
        } else if hermes::is_traceback(line) {
            self.within = Within::Traceback;
        } else if !self.is_about_last_call(number, line) {
            match hermes::sign(line) {
                Some(What::Failed(call)) => self.failed(number, call),
                Some(what) => self.sign(number, what),
                None => add(&mut self.paragraph.get_or_insert_with(|| (number, String::new())).1, line),
            }
        }
        self.has_begun |= hermes::is_after_start(line);
    }

    /// Takes in what a line says of the call that failed last; whether it does.
    fn is_about_last_call(&mut self, number: usize, line: &str) -> bool {
        match self.log.signs.last_mut() {
            Some(Sign { what: What::Failed(call), line: told }) if !self.log.is_ended => {
                let before = call.words.is_empty();
                let is_about = call.add(line);
                if before && !call.words.is_empty() {
                    *told = number;
                }
                is_about
            }
            _ => false,
        }
    }

    /// A call failed; or Hermes says again why, as it does when it tries no more.
    fn failed(&mut self, number: usize, call: Call) {
        match self.log.signs.last_mut() {
            Some(Sign { what: What::Failed(last), .. }) if last.is_repeated_by(&call) => {
                last.is_final |= call.is_final;
            }
            _ if call.words.is_empty() && call.is_final => {}
            _ => self.sign(number, What::Failed(call)),
        }
    }

    /// What a panel says is an answer, unless it says again what went wrong.
    fn end_panel(&mut self) {
        let Within::Panel(number, words) = std::mem::take(&mut self.within) else { return };
        let words = joined(&words);
        match (self.log.signs.last(), hermes::failure_in_panel(&words)) {
            (Some(Sign { what: What::Failed(last), .. }), _) if last.is_final || last.is_in(&words) => {}
            (_, Some(call)) => self.failed(number, call),
            (_, None) => self.sign(number, What::WentOn),
        }
    }

    fn end_paragraph(&mut self) {
        let paragraph = self.paragraph.take();
        if !self.has_begun {
            self.start = paragraph.or(self.start.take());
        }
    }

    fn sign(&mut self, line: usize, what: What) {
        // Such a worker did not come so far as to say that it begins: what stands before is of another.
        if matches!(what, What::NoSkills(_)) {
            self.log = WorkerLog::default();
        }
        self.log.signs.push(Sign { line, what });
    }

    fn done(mut self) -> WorkerLog {
        self.end_panel();
        self.end_paragraph();
        // An agent that does not begin says why, and that is all.
        if let (true, Some((line, words))) = (self.log.signs.is_empty() && !self.has_begun, self.start.take())
        {
            self.sign(line, What::Failed(Call::before_any(joined(&words))));
        }
        self.log
    }
}

/// Adds a line to a text that was broken to fit a width.
fn add(words: &mut String, line: &str) {
    // What is longer is no sentence that anything here looks for.
    if words.len() < MOST_WORDS {
        words.push(' ');
        words.push_str(line.trim());
    }
}

/// The most bytes of a paragraph or a panel that are kept.
const MOST_WORDS: usize = 8 * 1024;
