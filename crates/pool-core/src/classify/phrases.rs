//! Which phrases of the table stand in the words of a failure: all are looked for in one pass.

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
    parts: HashMap<&'static str, usize>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let phrases = rules::all().flat_map(|rule| rule.phrases);
    let mut parts = HashMap::new();
    let mut patterns = Vec::new();
    for part in phrases.flat_map(|phrase| parts_of(phrase)) {
        parts.entry(part).or_insert_with(|| {
            patterns.push(part);
            patterns.len() - 1
        });
    }
    let searcher = AhoCorasick::builder().ascii_case_insensitive(true).build(&patterns);
    Index { searcher: searcher.expect("the phrases are few and short"), parts }
});

fn parts_of(phrase: &'static str) -> impl Iterator<Item = &'static str> {
    phrase.split('*').map(str::trim)
}

/// Where each part was found.
pub(super) struct Found(Vec<Option<Place>>);

/// Where a part ends first, and where it begins last.
#[derive(Clone, Copy)]
struct Place {
    first_end: usize,
    last_start: usize,
}

impl Found {
    /// Looks for all phrases in the words of a failure.
    pub(super) fn in_words(failure: &Failure) -> Self {
        let mut places: Vec<Option<Place>> = vec![None; INDEX.searcher.patterns_len()];
        let mut offset = 0;
        for words in failure.all_words() {
            let left = MOST_BYTES.saturating_sub(offset);
            let words = words.split_at(words.floor_char_boundary(left)).0;
            for found in INDEX.searcher.find_overlapping_iter(words) {
                let (start, end) = (offset + found.start(), offset + found.end());
                if let Some(place) = places.get_mut(found.pattern().as_usize()) {
                    let first_end = place.map_or(end, |place| place.first_end);
                    *place = Some(Place { first_end, last_start: start });
                }
            }
            offset += words.len() + 1;
        }
        Self(places)
    }

    /// Whether all parts of a phrase stand there, one after the other.
    pub(super) fn has(&self, phrase: &'static str) -> bool {
        let mut places = parts_of(phrase).map(|part| self.place(part));
        let Some(Some(first)) = places.next() else { return false };
        let mut end = first.first_end;
        places.all(|place| match place {
            Some(place) if place.last_start >= end => {
                end = place.first_end.max(end);
                true
            }
            _ => false,
        })
    }

    fn place(&self, part: &str) -> Option<Place> {
        INDEX.parts.get(part).and_then(|index| self.0.get(*index).copied().flatten())
    }
}
