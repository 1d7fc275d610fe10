use crate::failure::{Answer, Failure};
use crate::verdict::{Kind, Remark, Scope};

use super::family::Family;
use super::phrases::Found;

/// One row of the table: which failures it is about, what they mean, and who says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    /// Only these; empty for all.
    pub(super) families: &'static [Family],
    /// Only these; empty for all.
    pub(super) answers: &'static [On],
    /// One of these codes, or one of the phrases; nothing need be said where both are empty.
    pub(super) codes: &'static [&'static str],
    /// Phrases in lower case; `*` stands for whatever is between two parts.
    pub(super) phrases: &'static [&'static str],
    /// What else must be so.
    pub(super) test: Option<fn(&Failure) -> bool>,
    pub(super) kind: Kind,
    pub(super) scope: Scope,
    pub(super) remark: Option<Remark>,
    /// Where the fact is from.
    pub(super) source: &'static str,
}

/// Which answers a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum On {
    /// This status.
    Status(u16),
    /// Any of 400 to 499.
    Refusal,
    /// Any of 500 to 599.
    Breakdown,
    /// One whose status is not known.
    Unstated,
    /// None in time.
    TimedOut,
    /// No connection.
    Disconnected,
}

impl On {
    fn is(self, answer: Answer) -> bool {
        match (self, answer) {
            (Self::Status(wanted), Answer::Http(status)) => wanted == status,
            (Self::Refusal, Answer::Http(400..=499))
            | (Self::Breakdown, Answer::Http(500..=599))
            | (Self::Unstated, Answer::Unstated)
            | (Self::TimedOut, Answer::TimedOut)
            | (Self::Disconnected, Answer::Disconnected) => true,
            _ => false,
        }
    }
}

/// Begins a row.
pub(super) const fn rule(name: &'static str, kind: Kind, scope: Scope) -> Rule {
    Rule {
        name,
        families: &[],
        answers: &[],
        codes: &[],
        phrases: &[],
        test: None,
        kind,
        scope,
        remark: None,
        source: "",
    }
}

impl Rule {
    pub(super) const fn of(self, families: &'static [Family]) -> Self {
        Self { families, ..self }
    }

    pub(super) const fn on(self, answers: &'static [On]) -> Self {
        Self { answers, ..self }
    }

    pub(super) const fn codes(self, codes: &'static [&'static str]) -> Self {
        Self { codes, ..self }
    }

    pub(super) const fn says(self, phrases: &'static [&'static str]) -> Self {
        Self { phrases, ..self }
    }

    pub(super) const fn when(self, test: fn(&Failure) -> bool) -> Self {
        Self { test: Some(test), ..self }
    }

    pub(super) const fn remark(self, remark: Remark) -> Self {
        Self { remark: Some(remark), ..self }
    }

    pub(super) const fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// Whether this row is about a failure of a provider of this family.
    pub(super) fn is_about(&self, failure: &Failure, family: Option<Family>, found: &Found) -> bool {
        let is_whose =
            self.families.is_empty() || family.is_some_and(|family| self.families.contains(&family));
        let is_answer = self.answers.is_empty() || self.answers.iter().any(|on| on.is(failure.answer()));
        is_whose && is_answer && self.is_said(failure, found) && self.test.is_none_or(|holds| holds(failure))
    }

    fn is_said(&self, failure: &Failure, found: &Found) -> bool {
        let is_known = |code: &str| self.codes.iter().any(|known| known.eq_ignore_ascii_case(code));
        (self.codes.is_empty() && self.phrases.is_empty())
            || failure.codes().any(is_known)
            || self.phrases.iter().any(|phrase| found.has(phrase))
    }
}
