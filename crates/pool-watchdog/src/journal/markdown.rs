//! The page for those who read files: people in a terminal, and the workers themselves.

use crate::journal::entry::{Grid, Sheet};
use crate::journal::state::{Board, JournalState, Story};
use crate::journal::text::{Part, parts, shown};
use crate::journal::view::{self, Group, MOST_CELLS, MOST_FOLDED, MOST_WAITING, Room, TaskView};

/// The state as Markdown, without the marks of its section.
///
/// ```
/// use pool_watchdog::{JournalState, markdown};
///
/// assert!(markdown(&JournalState::default()).starts_with("## Watchdog\n"));
/// ```
#[must_use]
pub fn markdown(state: &JournalState) -> String {
    let mut page = Page { text: String::new(), room: Room::on(state) };
    page.head(state);
    page.waiting(state);
    for (name, board) in &state.boards {
        page.board(name, board);
    }
    page.text
}

struct Page {
    text: String,
    room: Room,
}

impl Page {
    fn block(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn head(&mut self, state: &JournalState) {
        self.block("## Watchdog");
        let Some(last) = state.last else {
            return self
                .block("Nothing has been written down yet: the first round of `pool-watchdog run` does.");
        };
        self.block(&format!("Last entry: {}. All times are in UTC.", view::time(last)));
        if state.skipped > 0 {
            let lines = view::count(usize::try_from(state.skipped).unwrap_or(usize::MAX), "line");
            self.block(&format!("{lines} of the journal could not be read by this version."));
        }
    }

    fn waiting(&mut self, state: &JournalState) {
        let waiting = view::waiting(state);
        if state.last.is_none() {
            return;
        }
        self.block("### Waits for you");
        if waiting.is_empty() {
            return self.block("Nothing waits for a person.");
        }
        let item = |(board, task): &(&str, TaskView<'_>)| {
            format!("- **{}** ({}, board {})\n", inline(task.title), code(task.id), code(board))
        };
        let list: String = waiting.iter().take(MOST_WAITING).map(item).collect();
        self.block(list.trim_end());
        self.more(waiting.len(), MOST_WAITING);
    }

    fn board(&mut self, name: &str, board: &Board) {
        self.block(&format!("### Board {}", code(name)));
        let groups = view::groups(board);
        if groups.is_empty() {
            self.block("No tasks.");
        } else {
            let row = |group: &Group<'_>| format!("| {} | {} |\n", status(group), group.tasks.len());
            let rows: String = groups.iter().map(row).collect();
            self.block(&format!("| Status | Tasks |\n| --- | ---: |\n{}", rows.trim_end()));
        }
        if let Some(story) = board.stories.get(&None) {
            self.block("#### The board itself");
            self.story(story);
        }
        for group in &groups {
            self.block(&format!("#### {}", status(group)));
            if group.is_folded && !self.room.shows_done {
                self.folded(group);
            } else {
                group.tasks.iter().for_each(|task| self.task(task));
            }
        }
    }

    /// One line for each, where there are many: what is done is looked up, not read.
    fn folded(&mut self, group: &Group<'_>) {
        let mut list = String::new();
        for task in group.tasks.iter().take(MOST_FOLDED) {
            let reason = task.decision().map(|decided| format!(": {}", inline(&decided.reason)));
            let name = if task.title == task.id { String::new() } else { format!("{} ", inline(task.title)) };
            list.push_str(&format!("- Task {name}{}{}\n", code(task.id), reason.unwrap_or_default()));
        }
        self.block(list.trim_end());
        self.more(group.tasks.len(), MOST_FOLDED);
    }

    fn more(&mut self, tasks: usize, shown: usize) {
        if tasks > shown {
            self.block(&format!("{}.", view::count(tasks - shown, "more task")));
        }
    }

    fn task(&mut self, task: &TaskView<'_>) {
        self.block(&format!("##### Task {} {}", inline(task.title), code(task.id)));
        let parents: Vec<String> = task.parents.iter().map(|parent| code(parent)).collect();
        let facts = [
            task.assignee.map(|name| format!("Assigned to {}.", code(name))),
            (!parents.is_empty()).then(|| format!("Waits for {}.", parents.join(", "))),
        ];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        if !facts.is_empty() {
            self.block(&facts.join(" "));
        }
        if let Some(decided) = task.decision() {
            self.block(&format!("Decision: **{}**, {}", inline(&decided.action), inline(&decided.reason)));
        }
        if let Some(next) = task.next() {
            self.next(next);
        }
        if let Some(sheet) = task.decision().and_then(|decided| decided.acceptance.as_ref()) {
            self.sheet(sheet);
        }
        if let Some(story) = task.story {
            self.story(story);
        }
    }

    fn next(&mut self, next: &str) {
        self.block("What to do next:");
        for part in parts(next) {
            match part {
                Part::Words(words) => self.block(&format!("**Do:** {}", inline(&words))),
                Part::Command(command) => self.block(&format!("```sh\n{}\n```", guarded(&command))),
            }
        }
    }

    fn sheet(&mut self, sheet: &Sheet) {
        let evidence = view::count(sheet.evidence, "file");
        let verdict = if sheet.missing.is_empty() { "accepted" } else { "not accepted" };
        self.block(&format!("Acceptance by {}: {verdict}; {evidence} of evidence.", code(&sheet.rule)));
        let missing: String =
            sheet.missing.iter().map(|line| format!("- Missing: {}\n", inline(line))).collect();
        if !missing.is_empty() {
            self.block(missing.trim_end());
        }
        sheet.matrices.iter().filter(|grid| !grid.subjects.is_empty()).for_each(|grid| self.grid(grid));
    }

    fn grid(&mut self, grid: &Grid) {
        self.block(&format!("{} covers {}:", code(&grid.path), view::coverage(grid)));
        let columns = view::columns(grid);
        let head: String = columns.iter().map(|column| format!(" {} |", inline(column))).collect();
        let rule = " --- |".repeat(columns.len());
        let mut table = format!("| Subject |{head}\n| --- |{rule}\n");
        for (row, subject) in grid.subjects.iter().enumerate().take(MOST_CELLS) {
            let cell = |column| {
                if view::is_covered(grid, row, column) { " ✓ covered |" } else { " ✗ missing |" }
            };
            let cells: String = (0..columns.len()).map(cell).collect();
            table.push_str(&format!("| {} |{cells}\n", inline(subject)));
        }
        self.block(table.trim_end());
        if grid.subjects.len() > MOST_CELLS || grid.dimensions.len() > MOST_CELLS {
            self.block(&format!("Only the first {MOST_CELLS} rows and columns are shown."));
        }
    }

    fn story(&mut self, story: &Story) {
        let (older, steps) = self.room.steps(story);
        let mut list = String::new();
        if older > 0 {
            list.push_str(&format!("- *{} before*\n", view::count(older, "step")));
        }
        for step in steps {
            let line = view::line(step);
            let action = line.action.map(|action| format!(" {}", code(action))).unwrap_or_default();
            let (at, verb, says) = (view::time(step.at), line.verb, inline(line.says));
            list.push_str(&format!("- {at} **{verb}**{action}: {says}\n"));
            for (name, says) in &line.more {
                list.push_str(&format!("  - {name}: {}\n", inline(says)));
            }
        }
        self.block(list.trim_end());
    }
}

fn status(group: &Group<'_>) -> String {
    format!("{} {}", group.look.symbol, inline(group.name))
}

/// A text as words, within a line that something of ours begins.
fn inline(text: &str) -> String {
    let text = shown(text);
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let is_within = before.is_alphanumeric() && characters.peek().is_some_and(|c| c.is_alphanumeric());
        match c {
            // Not by a backslash, so that no mark of a section can stand there for those who read no Markdown.
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            // Names are full of them, and within a word they mean nothing.
            '_' if is_within => escaped.push(c),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
        before = c;
    }
    escaped
}

/// A text as code, within a line.
fn code(text: &str) -> String {
    let text = guarded(&shown(text));
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let is_plain = !text.is_empty() && !text.contains('`') && text.trim() == text;
    if is_plain { format!("{fence}{text}{fence}") } else { format!("{fence} {text} {fence}") }
}

/// In code nothing can be escaped, and a mark of a section must not stand there either.
fn guarded(text: &str) -> String {
    text.replace("<!--", "< !--")
}
