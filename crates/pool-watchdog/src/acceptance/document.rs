//! What a document says, whatever it is written in: texts under headings, and tables.

use super::words::Words;

/// A part of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Block {
    /// A heading, or a text that introduces a list. It is over what follows, up to the next one of its level or above.
    Over(Level, String),
    /// The end of what the texts of a level and below are over.
    End(Level),
    /// A paragraph, the item of a list, or the like.
    Text(String),
    Table(Table),
}

/// How deep a heading is: from 1 to 6, and below that whatever introduces a list.
pub(super) type Level = usize;

const DEEPEST_HEADING: Level = 6;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Table {
    /// Whether its first row only says what its columns are.
    pub(super) has_head: bool,
    pub(super) rows: Vec<Vec<String>>,
}

/// Puts a document together from what a reader comes across. A list or table may be in another: none of this recurses.
#[derive(Default)]
pub(super) struct Builder {
    blocks: Vec<Block>,
    text: String,
    heading: Option<Level>,
    /// How many lists it is in.
    lists: Level,
    tables: Vec<OpenTable>,
}

#[derive(Default)]
struct OpenTable {
    rows: Vec<Vec<String>>,
    cell: Option<String>,
    /// Which cells of the first row are heads.
    first: Vec<bool>,
}

impl Builder {
    pub(super) fn text(&mut self, text: &str) {
        match self.cell() {
            Some(cell) => cell.push_str(text),
            None => self.text.push_str(text),
        }
    }

    /// Ends the text at hand.
    pub(super) fn cut(&mut self) {
        if let Some(cell) = self.cell() {
            cell.push(' ');
            return;
        }
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        let text = text.trim().to_owned();
        self.blocks.push(match self.heading {
            Some(level) => Block::Over(level, text),
            None => Block::Text(text),
        });
    }

    pub(super) fn begin_heading(&mut self, level: Level) {
        self.cut();
        self.heading = Some(level);
    }

    pub(super) fn end_heading(&mut self) {
        self.cut();
        self.heading = None;
    }

    /// Begins a list, or what else may have a text that introduces it.
    pub(super) fn begin_list(&mut self) {
        self.cut();
        if self.cell().is_none() {
            self.lists += 1;
        }
    }

    /// What was said last is over the list.
    pub(super) fn introduce(&mut self) {
        self.cut();
        if self.cell().is_none()
            && let Some(Block::Text(text)) = self.blocks.last()
        {
            self.blocks.push(Block::Over(DEEPEST_HEADING + self.lists, text.clone()));
        }
    }

    pub(super) fn end_list(&mut self) {
        self.cut();
        if self.cell().is_none() {
            self.blocks.push(Block::End(DEEPEST_HEADING + self.lists));
            self.lists = self.lists.saturating_sub(1);
        }
    }

    pub(super) fn begin_table(&mut self) {
        self.cut();
        self.tables.push(OpenTable::default());
    }

    pub(super) fn begin_row(&mut self) {
        self.cut();
        if let Some(table) = self.tables.last_mut() {
            table.rows.push(Vec::new());
        }
    }

    pub(super) fn begin_cell(&mut self, is_head: bool) {
        self.cut();
        if let Some(table) = self.tables.last_mut() {
            if table.rows.len() == 1 {
                table.first.push(is_head);
            }
            table.cell = Some(String::new());
        }
    }

    pub(super) fn end_cell(&mut self) {
        if let Some(table) = self.tables.last_mut()
            && let Some(cell) = table.cell.take()
            && let Some(row) = table.rows.last_mut()
        {
            row.push(cell.trim().to_owned());
        }
    }

    pub(super) fn end_table(&mut self) {
        self.end_cell();
        self.cut();
        if let Some(OpenTable { rows, first, .. }) = self.tables.pop() {
            let has_head = match (first.first(), first.contains(&true), first.contains(&false)) {
                // It begins with its own head, as the others do.
                (Some(true), _, true) => false,
                (_, true, _) => true,
                _ => rows.len() > 1,
            };
            self.blocks.push(Block::Table(Table { has_head, rows }));
        }
    }

    pub(super) fn append(&mut self, blocks: Vec<Block>) {
        self.cut();
        match self.cell() {
            Some(_) => {}
            None => self.blocks.extend(blocks),
        }
    }

    pub(super) fn build(mut self) -> Vec<Block> {
        while !self.tables.is_empty() {
            self.end_table();
        }
        self.cut();
        self.blocks
    }

    fn cell(&mut self) -> Option<&mut String> {
        self.tables.last_mut()?.cell.as_mut()
    }
}

/// Whether anything is said under the headings.
pub(super) fn has_content(blocks: &[Block]) -> bool {
    let says_something = |text: &String| Words::of(text).say_something();
    blocks.iter().any(|block| match block {
        Block::Text(text) => says_something(text),
        Block::Table(table) => table.rows.iter().skip(table.has_head.into()).any(|row| {
            // The first cell only says what the row is about, unless there is no other.
            row.iter().skip(usize::from(row.len() > 1)).any(says_something)
        }),
        Block::Over(..) | Block::End(_) => false,
    })
}
