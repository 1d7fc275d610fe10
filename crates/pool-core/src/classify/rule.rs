use std::fmt;

use crate::failure::{Answer, Failure};
use crate::verdict::{Kind, Remark, Scope};

use super::family::Family;
use super::phrases::Phrases;
use super::rules;

/// One row of the table that [`classify`](crate::classify()) reads: which failures it is about, what they mean, and who says so.
///
/// ```
/// use pool_core::Rule;
///
/// let rule = Rule::named("token_gone").expect("there is one");
/// assert_eq!(rule.kind().as_str(), "auth_permanent");
/// assert!(rule.source().contains("RFC 6749"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rule {
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

impl fmt::Display for On {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "{status}"),
            Self::Refusal => formatter.write_str("4xx"),
            Self::Breakdown => formatter.write_str("5xx"),
            Self::Unstated => formatter.write_str("no status known"),
            Self::TimedOut => formatter.write_str("no answer in time"),
            Self::Disconnected => formatter.write_str("no connection"),
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
    /// All rules, in the order in which they are asked.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        rules::all()
    }

    /// The rule of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|rule| rule.name == name)
    }

    /// What it is called, in verdicts and in the table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whose fault it is.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// What it notices beyond that.
    #[must_use]
    pub fn remark(&self) -> Option<Remark> {
        self.remark
    }

    /// Where the fact is from.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The only providers that it is about; empty for all.
    pub fn providers(&self) -> impl Iterator<Item = &'static str> {
        self.families.iter().map(|family| family.name())
    }

    /// The only answers that it is about, such as `401` or `4xx`; empty for all.
    pub fn answers(&self) -> impl Iterator<Item = String> {
        self.answers.iter().map(ToString::to_string)
    }

    /// The codes and the phrases of which one has to be said; nothing need be said where there are none.
    pub fn said(&self) -> impl Iterator<Item = &'static str> {
        self.codes.iter().chain(self.phrases).copied()
    }

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

    pub(super) const fn noting(self, remark: Remark) -> Self {
        Self { remark: Some(remark), ..self }
    }

    pub(super) const fn known_from(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// Whether this row, which has this number in the table, is about a failure of a provider of this family.
    pub(super) fn is_about(
        &self,
        number: usize,
        failure: &Failure,
        family: Option<Family>,
        phrases: &Phrases<'_>,
    ) -> bool {
        let is_whose =
            self.families.is_empty() || family.is_some_and(|family| self.families.contains(&family));
        let is_answer = self.answers.is_empty() || self.answers.iter().any(|on| on.is(failure.answer()));
        // An answer that is none of an error kills nobody, whatever its body tells.
        let may_be = !(self.kind.is_terminal() && failure.is_status_told());
        is_whose
            && is_answer
            && may_be
            && self.is_said(number, failure, phrases)
            && self.test.is_none_or(|holds| holds(failure))
    }

    fn is_said(&self, number: usize, failure: &Failure, phrases: &Phrases<'_>) -> bool {
        let is_known = |code: &str| self.codes.iter().any(|known| known.eq_ignore_ascii_case(code));
        // What an answer quotes may be the user's own text: nobody's secret is judged by it.
        let is_code_said = || {
            if matches!(self.kind, Kind::Auth | Kind::AuthPermanent) {
                failure.own_codes().any(is_known)
            } else {
                failure.codes().any(is_known)
            }
        };
        (self.codes.is_empty() && self.phrases.is_empty())
            || is_code_said()
            || (!self.phrases.is_empty() && phrases.has_any_of(number))
    }
}
