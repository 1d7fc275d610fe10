//! How Hermes Agent writes: which of its lines says what. Seen with 0.17 and 0.19.

use super::worker_log::What;
use crate::line::joined;

/// A call that failed.
#[derive(Default)]
pub(super) struct Call {
    /// The exception, such as `APITimeoutError`.
    pub(super) exception: String,
    pub(super) status: Option<u16>,
    pub(super) provider: Option<String>,
    pub(super) model: Option<String>,
    /// What was said of it.
    pub(super) words: String,
    /// The body, as Python prints it and as far as it is there.
    pub(super) details: Option<String>,
    /// Whether Hermes said that it tries no more.
    pub(super) is_final: bool,
}

impl Call {
    /// What kept an agent from beginning.
    pub(super) fn before_any(words: String) -> Self {
        Self { words, is_final: true, ..Self::default() }
    }

    /// The last word on a call, which tells its status where there was an answer: `HTTP 401: User not found.`
    fn for_good(words: &str) -> Self {
        let status = words.strip_prefix("HTTP ").and_then(status);
        Self { status, ..Self::before_any(joined(words)) }
    }

    /// Whether nothing but its words says that a call failed.
    pub(super) fn is_bare(&self) -> bool {
        self.exception.is_empty() && self.status.is_none()
    }

    /// Takes in one of the lines below the one that says that a call failed; whether it is one.
    pub(super) fn add(&mut self, line: &str) -> bool {
        let words = words(line);
        if let Some(rest) = words.strip_prefix("Provider: ") {
            let (provider, model) = rest.split_once("Model:").unwrap_or((rest, ""));
            let named = |name: &str| Some(joined(name)).filter(|name| !name.is_empty());
            self.provider = self.provider.take().or(named(provider));
            self.model = self.model.take().or(named(model));
        } else if let Some(rest) = words.strip_prefix("Error: ").filter(|_| self.words.is_empty()) {
            self.words = joined(rest);
        } else if let Some(rest) = words.strip_prefix("Details: ") {
            self.details = Some(rest.to_owned());
        } else {
            return ["Endpoint: ", "Elapsed: "].iter().any(|label| words.starts_with(label));
        }
        true
    }

    /// Whether the other says no more than that this one was the end.
    pub(super) fn is_repeated_by(&self, other: &Self) -> bool {
        other.is_final && (other.words.is_empty() || other.words == self.words)
    }

    /// Whether a panel says the same.
    pub(super) fn is_in(&self, panel: &str) -> bool {
        !self.words.is_empty() && panel.contains(&self.words)
    }
}

/// What an attempt begins with.
pub(super) const BEGIN: &str = "Query: work kanban task";

/// Whether an attempt begins with a line: on a line of its own, or behind what a worker that was killed had left of one.
pub(super) fn is_begin(line: &str, after: &str) -> bool {
    line.starts_with(BEGIN) || line.contains(BEGIN) && after.starts_with(INITIALIZING)
}

const INITIALIZING: &str = "Initializing agent";

/// A line that comes after all answers.
pub(super) fn is_end(line: &str) -> bool {
    ["Resume this session with:", "Session:  ", "Goodbye!"].iter().any(|end| line.starts_with(end))
}

/// A line that is not there before the agent began.
pub(super) fn is_after_start(line: &str) -> bool {
    let is_of_session = is_end(line) && !line.starts_with("Goodbye!");
    is_of_session || line.starts_with(INITIALIZING) || line.starts_with(['╭', '╰', '─']) || is_panel(line)
}

/// The top of a panel: ` ─  ⚕ Hermes  ─────`.
pub(super) fn is_panel(line: &str) -> bool {
    let inside = line.trim();
    let title = inside.trim_matches('─');
    line.starts_with([' ', '─'])
        && inside.starts_with('─')
        && inside.ends_with("──────────")
        && title.chars().any(char::is_alphanumeric)
}

/// The bottom of a panel: a line from side to side.
pub(super) fn is_end_of_panel(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("──────────") && line.trim_matches('─').is_empty()
}

/// The top of the box in which an answer, or what the model thought, is shown while it comes.
pub(super) fn is_answer(line: &str) -> bool {
    line.starts_with(['╭', '┌'])
}

pub(super) fn is_end_of_answer(line: &str) -> bool {
    line.starts_with(['╰', '└'])
}

pub(super) fn is_diff(line: &str) -> bool {
    line.trim_start().starts_with('┊') && line.ends_with(" review diff")
}

pub(super) fn is_of_diff(line: &str) -> bool {
    let is_tool = line.trim_start().starts_with('┊');
    line.is_empty()
        || !is_tool && (line.starts_with([' ', '+', '-', '@', '\\', '…']) || line.starts_with("a/"))
}

pub(super) fn is_traceback(line: &str) -> bool {
    line.starts_with("Traceback (most recent call last)")
}

pub(super) fn is_of_traceback(line: &str) -> bool {
    let joins = ["During handling of the above exception", "The above exception was the direct cause"];
    line.is_empty()
        || line.starts_with(' ')
        || is_traceback(line)
        || joins.iter().any(|join| line.starts_with(join))
}

/// The words of a line, without the picture that may stand before them. What begins with any other sign is not of Hermes.
fn words(line: &str) -> &str {
    line.trim_start_matches(|c: char| c == ' ' || !c.is_ascii())
}

/// What the last line of a traceback says.
pub(super) fn broke(line: &str) -> What {
    missing_skills(line).map_or_else(|| What::Broke(joined(line)), What::NoSkills)
}

/// `Error: Unknown skill(s): kanban-worker, data-report`
fn missing_skills(words: &str) -> Option<Vec<String>> {
    let (_, names) = words.split_once("Unknown skill(s): ")?;
    Some(names.split(',').map(joined).filter(|name| !name.is_empty()).collect())
}

/// What a line says, if anything.
pub(super) fn sign(line: &str) -> Option<What> {
    let words = words(line);
    let is_tool = line.trim_start().starts_with('┊');
    if let Some(tool) = words.strip_prefix("preparing ").and_then(|words| words.strip_suffix('…')) {
        let is_closing = matches!(tool, "kanban_complete" | "kanban_block");
        return Some(if is_closing { What::Closed(tool.to_owned()) } else { What::WentOn });
    }
    if is_tool {
        return Some(What::WentOn);
    }
    if let Some(skills) = missing_skills(words) {
        return Some(What::NoSkills(skills));
    }
    if words.starts_with("Iteration budget ") {
        return Some(What::RanOut(joined(words)));
    }
    if words.starts_with("Fatal Python error") {
        return Some(What::Broke(joined(words)));
    }
    if is_beside(words) {
        return Some(What::Beside(joined(words)));
    }
    failed_attempt(words).or_else(|| gave_up(words)).map(What::Failed)
}

/// `API call failed (attempt 1/3): RateLimitError [HTTP 429]`
fn failed_attempt(words: &str) -> Option<Call> {
    let (_, what) = words.strip_prefix("API call failed (attempt ")?.split_once("): ")?;
    let (exception, answer) = what.split_once(" [HTTP ").unwrap_or((what, ""));
    Some(Call { exception: joined(exception), status: status(answer), ..Call::default() })
}

/// The beginnings of the lines with which Hermes tries no more, and what stands before its reason.
const ENDS: [(&str, &str); 9] = [
    ("Non-retryable error (HTTP ", "): "),
    ("Rate limited after ", " — "),
    ("API failed after ", " — "),
    ("API call failed after ", ": "),
    ("Billing or credits exhausted", " — "),
    ("Billing or credits exhausted", ": "),
    ("Provider safety filter blocked this request", ": "),
    ("TLS certificate verification failed", ": "),
    ("Final error", ": "),
];

fn gave_up(words: &str) -> Option<Call> {
    if words.starts_with("Non-retryable client error") {
        return Some(Call::before_any(String::new()));
    }
    if words.starts_with("Max retries (") || words.starts_with("Invalid API response after ") {
        return Some(Call::for_good(words));
    }
    let reason =
        ENDS.iter().find_map(|(begin, before)| Some(words.strip_prefix(begin)?.split_once(before)?.1));
    reason.map(Call::for_good)
}

/// What went wrong, where a panel says it in place of an answer.
pub(super) fn failure_in_panel(panel: &str) -> Option<Call> {
    let words = panel.strip_prefix("Error: ").unwrap_or(panel);
    let is_answer_of_provider = words.strip_prefix("HTTP ").and_then(status).is_some();
    if is_answer_of_provider { Some(Call::for_good(words)) } else { gave_up(panel) }
}

/// Whether a line says that a call beside the main turn failed: one for a title, for a summary, or to compress what was said.
fn is_beside(words: &str) -> bool {
    let has_failed = words.contains(" failed") || words.contains(" aborted");
    let begins = [
        "Auxiliary ",
        "Compression ",
        "Preflight compression",
        "Title generation",
        "Configured compression model",
        "Codex app-server compaction",
    ];
    has_failed && begins.iter().any(|begin| words.starts_with(begin))
}

/// The status that a text begins with.
fn status(text: &str) -> Option<u16> {
    let status = text.get(..3)?.parse().ok()?;
    (400..600).contains(&status).then_some(status)
}
