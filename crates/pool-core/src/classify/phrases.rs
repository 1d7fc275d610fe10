//! Which phrases of the table stand in the words of a failure: all are looked for in one pass.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::failure::Failure;

use super::rules;

/// So much of the words is looked at, in bytes. What is longer is a page rather than a sentence.
const MOST_BYTES: usize = 64 * 1024;

/// The parts of all phrases, and how to find them.
struct Index {
    searcher: AhoCorasick,
    /// By rule, in the order of the table: its phrases, each as the numbers of its parts.
    phrases: Vec<Vec<Vec<usize>>>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut numbers = HashMap::new();
    let mut parts = Vec::new();
    let mut number = |part: &'static str| {
        *numbers.entry(part).or_insert_with(|| {
            parts.push(part);
            parts.len() - 1
        })
    };
    let mut numbered = |phrase: &'static str| phrase.split('*').map(|part| number(part.trim())).collect();
    let phrases =
        rules::all().map(|rule| rule.phrases.iter().map(|phrase| numbered(phrase)).collect()).collect();
    let searcher = AhoCorasick::builder().ascii_case_insensitive(true).build(&parts);
    Index { searcher: searcher.expect("the phrases are few and short"), phrases }
});

/// The phrases in the words of one failure. They are looked for when a rule first asks: most rules say no before.
pub(super) struct Phrases<'a> {
    failure: &'a Failure,
    found: OnceCell<Vec<Option<Place>>>,
}

/// Where a part ends first, and where it begins last.
#[derive(Clone, Copy)]
struct Place {
    first_end: usize,
    last_start: usize,
}

impl<'a> Phrases<'a> {
    pub(super) fn of(failure: &'a Failure) -> Self {
        Self { failure, found: OnceCell::new() }
    }

    /// Whether one of the phrases of the rule with this number stands there, all its parts one after the other.
    pub(super) fn has_any_of(&self, rule: usize) -> bool {
        if self.failure.all_words().next().is_none() {
            return false;
        }
        let found = self.found.get_or_init(|| find(self.failure));
        let phrases = INDEX.phrases.get(rule).into_iter().flatten();
        phrases.into_iter().any(|phrase| stands(found, phrase))
    }
}

/// Where each part stands. Empty where none does.
fn find(failure: &Failure) -> Vec<Option<Place>> {
    let mut places: Vec<Option<Place>> = Vec::new();
    let mut offset = 0;
    for words in failure.all_words() {
        let left = MOST_BYTES.saturating_sub(offset);
        let words = words.split_at(words.floor_char_boundary(left)).0;
        for found in INDEX.searcher.find_overlapping_iter(words) {
            places.resize(INDEX.searcher.patterns_len(), None);
            let (start, end) = (offset + found.start(), offset + found.end());
            if let Some(place) = places.get_mut(found.pattern().as_usize()) {
                let first_end = place.map_or(end, |place| place.first_end);
                *place = Some(Place { first_end, last_start: start });
            }
        }
        offset += words.len() + 1;
    }
    places
}

fn stands(found: &[Option<Place>], phrase: &[usize]) -> bool {
    let mut end = 0;
    phrase.iter().all(|part| match found.get(*part).copied().flatten() {
        Some(place) if place.last_start >= end => {
            end = place.first_end.max(end);
            true
        }
        _ => false,
    })
}
