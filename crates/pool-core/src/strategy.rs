use std::cmp::Reverse;

use crate::words;

words! {
    /// Which of the credentials that are ready is handed out.
    Strategy {
        /// The first in line, until it is out. The default.
        FillFirst = "fill_first",
        /// The one that was handed out least recently.
        RoundRobin = "round_robin",
        /// The one that was handed out least often.
        LeastUsed = "least_used",
        /// Any, by the seed.
        Random = "random",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro that makes the enum derives what all such enums share")]
impl Default for Strategy {
    fn default() -> Self {
        Self::FillFirst
    }
}

impl Strategy {
    /// Whether the choice depends on how often and when credentials were handed out, so that it must be kept.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Self::RoundRobin | Self::LeastUsed)
    }
}

/// What the choice between credentials looks at. Candidates come in line order, and the first of equals wins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Candidate {
    /// Which entry.
    pub(crate) index: usize,
    /// How often it was handed out.
    pub(crate) request_count: u64,
    /// When it was last handed out: later is greater.
    pub(crate) recency: Recency,
}

/// A moment of use: by the clock, and among uses within one tick of it by their order.
pub(crate) type Recency = (Option<chrono::DateTime<chrono::Utc>>, u64);

/// Chooses one of the candidates.
pub(crate) fn choose(strategy: Strategy, candidates: &[Candidate], seed: u64) -> Option<usize> {
    let chosen = match strategy {
        Strategy::FillFirst => candidates.first(),
        Strategy::RoundRobin => first_least(candidates, |candidate| candidate.recency),
        Strategy::LeastUsed => first_least(candidates, |candidate| candidate.request_count),
        Strategy::Random => pick_any(candidates, seed),
    };
    chosen.map(|candidate| candidate.index)
}

fn first_least<K: Ord>(candidates: &[Candidate], key: impl Fn(&Candidate) -> K) -> Option<&Candidate> {
    // Of equals `max_by_key` takes the last, so the line is walked from its end.
    candidates.iter().rev().max_by_key(|candidate| Reverse(key(candidate)))
}

fn pick_any(candidates: &[Candidate], seed: u64) -> Option<&Candidate> {
    let count = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
    candidates.get(any_of(count, seed) as usize)
}

/// One of so many, by the seed; the first of none.
pub(crate) fn any_of(count: u32, seed: u64) -> u32 {
    if count == 0 { 0 } else { fastrand::Rng::with_seed(seed).u32(..count) }
}
