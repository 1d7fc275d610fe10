//! What a document covers of its matrix.
//!
//! A cell is covered by a text that, together with what it stands under, names the subject and the dimension, and that says more than
//! those names.

use super::Matrix;
use super::document::{Block, Level, Table};
use super::words::Words;
use crate::settings::Deliverable;

/// What a document covers; nothing, where there is none. `None` where nothing is asked for.
pub(super) fn matrix(deliverable: &Deliverable, document: Option<&[Block]>) -> Option<Matrix> {
    let Deliverable { path, subjects, dimensions, .. } = deliverable;
    if subjects.is_empty() {
        return None;
    }
    let mut coverage = Coverage::new(subjects, dimensions);
    document.into_iter().for_each(|blocks| coverage.document(blocks));
    Some(Matrix {
        path: path.clone(),
        subjects: subjects.clone(),
        dimensions: dimensions.clone(),
        covered: coverage.covered,
    })
}

struct Coverage {
    subjects: Vec<Words>,
    /// Where there are none, one without a word: each text is about that.
    dimensions: Vec<Words>,
    covered: Vec<Vec<bool>>,
}

/// The subjects and dimensions that a text names.
#[derive(Clone, Default)]
struct Named {
    subjects: Vec<usize>,
    dimensions: Vec<usize>,
}

impl Named {
    fn and(mut self, more: &Self) -> Self {
        for (named, more) in [(&mut self.subjects, &more.subjects), (&mut self.dimensions, &more.dimensions)]
        {
            let new: Vec<usize> = more.iter().copied().filter(|index| !named.contains(index)).collect();
            named.extend(new);
        }
        self
    }

    /// What is nearer is meant: the title of a report may name one subject, and a chapter of it another.
    fn unless(self, nearer: Self) -> Self {
        let nearest = |far: Vec<usize>, near: Vec<usize>| if near.is_empty() { far } else { near };
        Self {
            subjects: nearest(self.subjects, nearer.subjects),
            dimensions: nearest(self.dimensions, nearer.dimensions),
        }
    }

    fn are_none(&self) -> bool {
        self.subjects.is_empty() && self.dimensions.is_empty()
    }

    fn are_many(&self) -> bool {
        self.subjects.len() > 1 && self.dimensions.len() > 1
    }

    /// What a heading is about: one that names several only announces them.
    fn of_heading(mut self) -> Self {
        for named in [&mut self.subjects, &mut self.dimensions] {
            if named.len() > 1 {
                named.clear();
            }
        }
        self
    }
}

impl Coverage {
    fn new(subjects: &[String], dimensions: &[String]) -> Self {
        let words = |texts: &[String]| texts.iter().map(|text| Words::of(text)).collect::<Vec<Words>>();
        let dimensions = if dimensions.is_empty() { vec![Words::default()] } else { words(dimensions) };
        let covered = vec![vec![false; dimensions.len()]; subjects.len()];
        Self { subjects: words(subjects), dimensions, covered }
    }

    fn document(&mut self, blocks: &[Block]) {
        let mut over: Vec<(Level, Named)> = Vec::new();
        for block in blocks {
            let scope = over.last().map(|(_, named)| named.clone()).unwrap_or_default();
            match block {
                Block::Over(level, text) => {
                    over.truncate(over.partition_point(|(above, _)| above < level));
                    let above = over.last().map(|(_, named)| named.clone()).unwrap_or_default();
                    over.push((*level, above.unless(self.named(&Words::of(text)).of_heading())));
                }
                Block::End(level) => over.truncate(over.partition_point(|(above, _)| above < level)),
                Block::Text(text) => self.text(&scope, text),
                Block::Table(table) => self.table(&scope, table),
            }
        }
    }

    /// A cell stands under the head of its column and that of its row, and under what is over the table.
    fn table(&mut self, scope: &Named, table: &Table) {
        let named = |text: &String| self.named(&Words::of(text));
        let heads = table.rows.first().filter(|_| table.has_head);
        let columns: Vec<Named> = heads.into_iter().flatten().map(named).collect();
        // A row is a text, too. Where columns are named, a blank cell is not made good by the one beside it.
        let of_row = if columns.iter().all(Named::are_none) { scope.clone() } else { Named::default() };
        for row in table.rows.iter().skip(table.has_head.into()) {
            self.text(&of_row, &row.join(" | "));
            let head = row.first().map(|head| self.named(&Words::of(head))).unwrap_or_default();
            for (index, cell) in row.iter().enumerate() {
                let column = columns.get(index).cloned().unwrap_or_default();
                let heads = if index == 0 { column } else { column.and(&head) };
                self.text(&scope.clone().unless(heads), cell);
            }
        }
    }

    fn text(&mut self, scope: &Named, text: &str) {
        let words = Words::of(text);
        if !words.say_something() {
            return;
        }
        let own = self.named(&words);
        self.cover(scope, scope, &words);
        self.cover(scope, &own, &words);
        self.cover(&own, scope, &words);
        if !own.are_many() {
            self.cover(&own, &own, &words);
            return;
        }
        // A text that names several of both does not say which belongs to which: its sentences may.
        for sentence in sentences(text) {
            let words = Words::of(sentence);
            let own = self.named(&words);
            if !own.are_many() {
                self.cover(&own, &own, &words);
            }
        }
    }

    fn cover(&mut self, subjects: &Named, dimensions: &Named, words: &Words) {
        for &subject in &subjects.subjects {
            for &dimension in &dimensions.dimensions {
                let (row, column) = (&self.subjects[subject], &self.dimensions[dimension]);
                let covered = &mut self.covered[subject][dimension];
                let (longer, shorter) = if row.len() > column.len() { (row, column) } else { (column, row) };
                *covered = *covered || words.without(longer).without(shorter).say_something();
            }
        }
    }

    fn named(&self, words: &Words) -> Named {
        Named { subjects: found(&self.subjects, words), dimensions: found(&self.dimensions, words) }
    }
}

/// Which of the names are in a text. One that is part of a longer one is not meant by it.
fn found(names: &[Words], words: &Words) -> Vec<usize> {
    let mut longest_first: Vec<usize> = (0..names.len()).collect();
    longest_first.sort_by_key(|&index| std::cmp::Reverse(names[index].len()));
    let mut rest = words.clone();
    let mut found = Vec::new();
    for index in longest_first {
        if rest.name(&names[index]) {
            rest = rest.without(&names[index]);
            found.push(index);
        }
    }
    found
}

fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let is_before_space = characters.peek().is_none_or(|(_, next)| next.is_whitespace());
        let is_end = match character {
            // Not within a number or a name.
            '.' | '!' | '?' | ';' => is_before_space,
            '。' | '！' | '？' | '；' => true,
            _ => false,
        };
        if is_end {
            let end = at + character.len_utf8();
            sentences.push(&text[start..end]);
            start = end;
        }
    }
    sentences.push(&text[start..]);
    sentences
}
