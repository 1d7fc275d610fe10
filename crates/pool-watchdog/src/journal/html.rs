//! The page for people: one section, with its own style and without a script, that may stand in any page.

use maud::{Markup, PreEscaped, Render, html as markup};

use crate::journal::entry::{Decided, Grid, Sheet};
use crate::journal::state::{Board, JournalState, Story};
use crate::journal::text::{Part, parts, shown};
use crate::journal::view::{self, Group, MOST_CELLS, MOST_FOLDED, MOST_WAITING, Room, TaskView};

/// All of it is for what is within `.pool-watchdog`.
const STYLE: &str = include_str!("style.css");

/// The state as a section of HTML, without the marks around it.
///
/// ```
/// use pool_watchdog::{JournalState, html};
///
/// assert!(html(&JournalState::default()).into_string().starts_with("<section class=\"pool-watchdog\""));
/// ```
#[must_use]
pub fn html(state: &JournalState) -> Markup {
    let room = Room::on(state);
    markup! {
        section.pool-watchdog aria-labelledby="pool-watchdog" {
            style { (PreEscaped(STYLE)) }
            a.skip href="#pool-watchdog-waiting" { "Skip to what waits for you" }
            (head(state))
            (waiting(state))
            @for (name, board) in &state.boards { (Section { name, board, room }) }
            footer {
                p {
                    "Made of " code { "watchdog.jsonl" } " by pool-watchdog. Whatever is between its two marks is written anew; "
                    "the rest of a page is left alone."
                }
            }
        }
    }
}

/// A text of others: masked, in one line, and escaped by what it is put into.
struct Text<'a>(&'a str);

impl Render for Text<'_> {
    fn render_to(&self, buffer: &mut String) {
        shown(self.0).render_to(buffer);
    }
}

fn head(state: &JournalState) -> Markup {
    markup! {
        header.top {
            h2 #pool-watchdog { "Watchdog" }
            @match state.last {
                None => p { "Nothing has been written down yet: the first round of " code { "pool-watchdog run" } " does." }
                Some(last) => p { "Last entry " (time(last)) ". All times are in UTC." }
            }
            @if state.skipped > 0 {
                p {
                    (view::count(usize::try_from(state.skipped).unwrap_or(usize::MAX), "line"))
                    " of the journal could not be read by this version."
                }
            }
        }
    }
}

fn waiting(state: &JournalState) -> Markup {
    let waiting = view::waiting(state);
    markup! {
        section.waiting aria-labelledby="pool-watchdog-waiting" {
            h3 #pool-watchdog-waiting tabindex="-1" { "Waits for you" }
            @if waiting.is_empty() {
                p { "Nothing waits for a person." }
            } @else {
                ul {
                    @for (board, task) in waiting.iter().take(MOST_WAITING) {
                        li {
                            a href={ "#" (anchor(board, task.id)) } { (Text(task.title)) }
                            " " span.quiet { (Text(board)) " · " (Text(task.id)) }
                        }
                    }
                }
                @if waiting.len() > MOST_WAITING {
                    p.quiet { (view::count(waiting.len() - MOST_WAITING, "more task")) " below." }
                }
            }
        }
    }
}

struct Section<'a> {
    name: &'a str,
    board: &'a Board,
    room: Room,
}

impl Render for Section<'_> {
    fn render(&self) -> Markup {
        let groups = view::groups(self.board);
        let id = anchor(self.name, "");
        markup! {
            section.board aria-labelledby=(id) {
                h3 id=(id) { "Board " (Text(self.name)) }
                (glance(&groups))
                @if let Some(story) = self.board.stories.get(&None) {
                    details.story {
                        summary { "The board itself: " (view::count(story.steps.items.len(), "step")) }
                        (self.timeline(story))
                    }
                }
                @for group in &groups {
                    @if group.is_folded { (self.folded(group)) } @else { (self.open(group)) }
                }
            }
        }
    }
}

/// The queue at a glance. The bar says nothing that the list does not.
fn glance(groups: &[Group<'_>]) -> Markup {
    let total: usize = groups.iter().map(|group| group.tasks.len()).sum();
    markup! {
        div.glance {
            @if total == 0 {
                p { "No tasks." }
            } @else {
                div.bar aria-hidden="true" {
                    @for group in groups {
                        span class=(group.look.class) style={ "flex-grow:" (group.tasks.len()) } {}
                    }
                }
                ul.counts aria-label="Tasks by status" {
                    @for group in groups {
                        li class=(group.look.class) {
                            span.symbol aria-hidden="true" { (group.look.symbol) }
                            strong { (group.tasks.len()) } " " (Text(group.name))
                        }
                    }
                }
            }
        }
    }
}

impl Section<'_> {
    fn open(&self, group: &Group<'_>) -> Markup {
        markup! {
            div class={ "group " (group.look.class) } {
                h4 { (status(group)) }
                @for task in &group.tasks { (self.task(group, task)) }
            }
        }
    }

    fn folded(&self, group: &Group<'_>) -> Markup {
        markup! {
            details class={ "group folded " (group.look.class) } {
                summary { h4 { (status(group)) } }
                @for task in group.tasks.iter().take(MOST_FOLDED) { (self.task(group, task)) }
                @if group.tasks.len() > MOST_FOLDED {
                    p { (view::count(group.tasks.len() - MOST_FOLDED, "more task")) "." }
                }
            }
        }
    }

    fn task(&self, group: &Group<'_>, task: &TaskView<'_>) -> Markup {
        let sheet = task.decision().and_then(|decided| decided.acceptance.as_ref());
        let shows_sheet = !task.is_done || self.room.shows_done;
        let is_open = self.room.is_open && !task.is_done;
        markup! {
            article.task id=(anchor(self.name, task.id)) {
                header {
                    h5 { (Text(task.title)) }
                    p.facts {
                        span.status { span aria-hidden="true" { (group.look.symbol) } " " (Text(group.name)) }
                        @if task.title != task.id { code { (Text(task.id)) } }
                        @if let Some(assignee) = task.assignee { span { "for " (Text(assignee)) } }
                        @if !task.parents.is_empty() { span { "waits for " (self.links(task.parents)) } }
                    }
                }
                @if let Some(decided) = task.decision() { (decision(decided)) }
                @if let Some(next) = task.next() { (next_steps(next)) }
                @if let Some(sheet) = sheet.filter(|_| shows_sheet) { (acceptance(sheet, is_open)) }
                @if let Some(story) = task.story {
                    details.story open[is_open] {
                        summary { "What happened: " (view::count(story.steps.items.len() + story.steps.left_out, "step")) }
                        (self.timeline(story))
                    }
                }
            }
        }
    }

    /// The tasks that one waits for. Whoever is not on the board has no place to go to.
    fn links(&self, ids: &[String]) -> Markup {
        markup! {
            @for (at, id) in ids.iter().enumerate() {
                @if at > 0 { ", " }
                @if self.board.cards.contains_key(id) {
                    a href={ "#" (anchor(self.name, id)) } { (Text(id)) }
                } @else {
                    (Text(id))
                }
            }
        }
    }

    fn timeline(&self, story: &Story) -> Markup {
        let (older, steps) = self.room.steps(story);
        markup! {
            @if older > 0 { p.quiet { (view::count(older, "older step")) " can be read in the journal." } }
            ol.timeline {
                @for step in steps {
                    @let line = view::line(step);
                    li class=(line.class) {
                        (time(step.at))
                        div {
                            p {
                                strong { (line.verb) @if let Some(action) = line.action { " " (Text(action)) } }
                                ": " (Text(line.says))
                            }
                            @for (name, says) in &line.more {
                                p.more { span.name { (name) ": " } (Text(says)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn status(group: &Group<'_>) -> Markup {
    markup! {
        span.symbol aria-hidden="true" { (group.look.symbol) }
        " " span.name { (Text(group.name)) } " " span.number { (group.tasks.len()) }
    }
}

fn decision(decided: &Decided) -> Markup {
    markup! {
        dl.verdict {
            @if let Some(told) = &decided.diagnosis {
                dt { "Diagnosis" }
                dd { strong { (Text(&told.cause)) } ": " (Text(&told.says)) }
            }
            dt { "Decision" }
            dd { strong { (Text(&decided.action)) } ": " (Text(&decided.reason)) }
            @if let Some(until) = decided.until {
                dt { "Again" }
                dd { (time(until)) }
            }
        }
    }
}

fn next_steps(next: &str) -> Markup {
    markup! {
        div.next {
            h6 { "What to do next" }
            @for part in parts(next) {
                @match part {
                    Part::Words(words) => p { (words) }
                    Part::Command(command) => pre { code { (command) } }
                }
            }
        }
    }
}

fn acceptance(sheet: &Sheet, is_open: bool) -> Markup {
    let verdict = if sheet.missing.is_empty() { "accepted" } else { "not accepted" };
    markup! {
        details.acceptance open[is_open] {
            summary { "Acceptance: " (verdict) }
            p.quiet { "Rule " (Text(&sheet.rule)) ", " (view::count(sheet.evidence, "file")) " of evidence." }
            @if !sheet.missing.is_empty() {
                h6 { "Missing" }
                ul.missing { @for missing in &sheet.missing { li { (Text(missing)) } } }
            }
            @for grid in sheet.matrices.iter().filter(|grid| !grid.subjects.is_empty()) { (matrix(grid)) }
        }
    }
}

fn matrix(grid: &Grid) -> Markup {
    let columns = view::columns(grid);
    let name = format!("What {} covers", shown(&grid.path));
    markup! {
        div.scrolls role="group" aria-label=(name) tabindex="0" {
            table {
                caption { code { (Text(&grid.path)) } " covers " (view::coverage(grid)) }
                thead {
                    tr {
                        th scope="col" { "Subject" }
                        @for column in &columns { th scope="col" { (Text(column)) } }
                    }
                }
                tbody {
                    @for (row, subject) in grid.subjects.iter().enumerate().take(MOST_CELLS) {
                        tr {
                            th scope="row" { (Text(subject)) }
                            @for column in 0..columns.len() { (cell(view::is_covered(grid, row, column))) }
                        }
                    }
                }
            }
        }
        @if grid.subjects.len() > MOST_CELLS || grid.dimensions.len() > MOST_CELLS {
            p.quiet { "Only the first " (MOST_CELLS) " rows and columns are shown." }
        }
    }
}

fn cell(is_covered: bool) -> Markup {
    markup! {
        @if is_covered {
            td.covered { span aria-hidden="true" { "✓ " } "covered" }
        } @else {
            td.absent { span aria-hidden="true" { "✗ " } "missing" }
        }
    }
}

fn time(at: chrono::DateTime<chrono::Utc>) -> Markup {
    markup! { time datetime=(pool_core::time::format(at)) { (view::time(at)) } }
}

/// Where a task is on the page. Two tasks never share a place, whatever their ids are made of.
fn anchor(board: &str, task: &str) -> String {
    let encoded = |text: &str| -> String {
        let encode = |byte: u8| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' => char::from(byte).to_string(),
            _ => format!(":{byte:02x}"),
        };
        shown(text).bytes().map(encode).collect()
    };
    format!("pool-watchdog.{}.{}", encoded(board), encoded(task))
}
