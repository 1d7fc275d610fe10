//! What decides: the log of a worker and the word of the board, one beside the other.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use pool_core::{Failure, Kind, kind_of};

use super::board::End;
use super::call::judge;
use super::hermes::Call;
use super::line::shown;
use super::worker_log::{What, WorkerLog};
use super::{Cause, Diagnosis};
use crate::login::Logins;

/// The most that is said aside.
const MOST_ASIDES: usize = 8;

/// All that is known of the end of one worker.
pub(super) struct Case<'a> {
    pub(super) log: WorkerLog,
    pub(super) end: Option<End>,
    pub(super) logins: Option<&'a Logins>,
    /// When it ended.
    pub(super) since: DateTime<Utc>,
}

impl Case<'_> {
    /// The first that says something decides.
    pub(super) fn diagnose(&self) -> Diagnosis {
        let failed = self.failed();
        let is_known = failed.as_ref().is_some_and(|failed| failed.cause != Cause::Unknown);
        let (known, unknown) = if is_known { (failed, None) } else { (None, failed) };
        let decided = self
            .was_not_started()
            .or_else(|| self.has_no_skills())
            .or(known)
            .or_else(|| self.broke())
            .or_else(|| self.was_ended())
            .or(unknown)
            .or_else(|| self.failed_beside())
            .or_else(|| self.closed_nothing())
            .unwrap_or_else(|| self.is_unknown());
        Diagnosis { asides: self.asides(&decided), ..decided }
    }

    fn was_not_started(&self) -> Option<Diagnosis> {
        match &self.end {
            Some(End::NotStarted(says)) => Some(told(Cause::Crash, None, says)),
            _ => None,
        }
    }

    fn has_no_skills(&self) -> Option<Diagnosis> {
        self.last(|line, what| match what {
            What::NoSkills(names) => {
                let says = format!("Unknown skill(s): {}", names.join(", "));
                let skills = names.iter().map(|name| shown(name)).collect();
                Some(Diagnosis { skills, ..told(Cause::MissingSkill, Some(line), &says) })
            }
            _ => None,
        })
    }

    /// The call that failed last, where the main turn did not go on after it.
    fn failed(&self) -> Option<Diagnosis> {
        if self.has_broken_after_all() {
            return None;
        }
        let after = self.log.signs.iter().rev().take_while(|sign| !sign.what.is_progress());
        let mut failed = after.filter_map(|sign| match &sign.what {
            What::Failed(call) => Some((sign.line, call)),
            _ => None,
        });
        let (line, call) = failed.next()?;
        let failed = self.of_call(line, call);
        // Words that nobody knows are those of a program that is no Hermes, unless it said goodbye after them.
        let is_one = failed.cause != Cause::Unknown || !call.is_bare() || self.log.is_ended;
        is_one.then_some(failed)
    }

    fn of_call(&self, line: usize, call: &Call) -> Diagnosis {
        let judged = judge(call, self.logins, self.since);
        let says = if call.words.is_empty() { &call.exception } else { &call.words };
        let residency = self.logins.and_then(|logins| logins.residency.clone());
        Diagnosis {
            provider: judged.provider,
            model: call.model.as_deref().map(shown),
            kind: Some(judged.kind),
            until: judged.until,
            failure: judged.failure,
            residency: residency.filter(|_| judged.cause == Cause::MissingResidency),
            ..told(judged.cause, Some(line), says)
        }
    }

    /// Its program failed, and did not come to its end all the same.
    fn broke(&self) -> Option<Diagnosis> {
        let was_ended = matches!(self.end, Some(End::TooLong(_) | End::Throttled(_)));
        if was_ended || self.log.is_ended && !self.has_broken_after_all() {
            return None;
        }
        self.last(|line, what| match what {
            What::Broke(says) => Some(told(Cause::Crash, Some(line), says)),
            _ => None,
        })
    }

    /// Whether the last thing in the log is that a program failed, and the board saw it, too: then it may be that of a worker that
    /// had not begun, behind the log of another.
    fn has_broken_after_all(&self) -> bool {
        let last = self.log.signs.last().map(|sign| &sign.what);
        matches!((last, &self.end), (Some(What::Broke(_)), Some(End::Failed(_))))
    }

    fn was_ended(&self) -> Option<Diagnosis> {
        match self.end.as_ref()? {
            End::Failed(says) => Some(told(Cause::Crash, None, says)),
            // A worker that came to its end exits with 0. Who only sees that its process is gone cannot tell.
            End::Gone(says) if !self.log.is_ended => Some(told(Cause::Crash, None, says)),
            End::TooLong(says) => Some(told(Cause::Timeout, None, says)),
            End::Throttled(says) => {
                Some(Diagnosis { kind: Some(Kind::RateLimit), ..told(Cause::Throttled, None, says) })
            }
            End::NotStarted(_) | End::Gone(_) | End::Well(_) => None,
        }
    }

    /// A call beside the main turn failed; or one whose login was refused, and the main turn went on all the same.
    fn failed_beside(&self) -> Option<Diagnosis> {
        self.last(|line, what| match what {
            What::Beside(says) => {
                let kind = Some(kind_of(&Failure::read(says.as_bytes())));
                Some(Diagnosis { kind, ..told(Cause::Auxiliary, Some(line), says) })
            }
            What::Failed(call) => {
                let refused = self.of_call(line, call);
                let is_refused =
                    matches!(refused.kind, Some(Kind::Auth | Kind::AuthPermanent | Kind::Egress));
                is_refused.then_some(Diagnosis { cause: Cause::Auxiliary, residency: None, ..refused })
            }
            _ => None,
        })
    }

    fn closed_nothing(&self) -> Option<Diagnosis> {
        let ran_out = self.last(|line, what| match what {
            What::RanOut(says) => Some(told(Cause::Timeout, Some(line), says)),
            _ => None,
        });
        let says = match &self.end {
            Some(End::Well(says)) => says,
            Some(End::Gone(_)) => "the worker came to its end and closed nothing; nobody saw its exit code",
            _ if !self.log.is_ended || self.closed().is_some() => return ran_out,
            _ => "the worker came to its end and closed nothing",
        };
        ran_out.or_else(|| Some(told(Cause::ProtocolViolation, None, says)))
    }

    fn is_unknown(&self) -> Diagnosis {
        if let Some((line, tool)) = self.closed() {
            return told(Cause::Unknown, Some(line), &format!("nothing failed: the worker called {tool}"));
        }
        let says = if self.log.signs.is_empty() {
            "nothing says what happened"
        } else {
            "the log ends in the middle of the work"
        };
        told(Cause::Unknown, None, says)
    }

    /// The tool with which the worker closed its task.
    fn closed(&self) -> Option<(usize, &str)> {
        let mut newest = self.log.signs.iter().rev();
        newest.find_map(|sign| match &sign.what {
            What::Closed(tool) => Some((sign.line, tool.as_str())),
            _ => None,
        })
    }

    /// What the newest sign that is asked for says.
    fn last(&self, of: impl Fn(usize, &What) -> Option<Diagnosis>) -> Option<Diagnosis> {
        self.log.signs.iter().rev().find_map(|sign| of(sign.line, &sign.what))
    }

    /// What else was seen, each thing once.
    fn asides(&self, decided: &Diagnosis) -> Vec<String> {
        let seen = self.log.signs.iter().filter_map(|sign| match &sign.what {
            What::Failed(call) => Some(call.words.as_str()),
            What::Beside(words) | What::RanOut(words) | What::Broke(words) => Some(words.as_str()),
            What::WentOn | What::Closed(_) | What::NoSkills(_) => None,
        });
        // Where no line of the log decides, the board has.
        let end = self.end.as_ref().filter(|_| decided.line.is_some());
        let mut words_seen = HashSet::new();
        let mut asides_seen = HashSet::from([decided.says.clone(), String::new()]);
        let new = seen.chain(end.map(End::says)).filter(|words| words_seen.insert(*words));
        new.map(shown).filter(|aside| asides_seen.insert(aside.clone())).take(MOST_ASIDES).collect()
    }
}

fn told(cause: Cause, line: Option<usize>, says: &str) -> Diagnosis {
    let says = Some(shown(says)).filter(|says| !says.is_empty());
    Diagnosis {
        cause,
        says: says.unwrap_or_else(|| cause.meaning().to_owned()),
        line,
        provider: None,
        model: None,
        kind: None,
        failure: None,
        until: None,
        residency: None,
        skills: Vec::new(),
        asides: Vec::new(),
    }
}
