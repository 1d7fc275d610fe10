//! What decides: the log of a worker and the word of the board, one beside the other.

use chrono::{DateTime, Utc};
use pool_core::{Kind, Provider};

use super::board::End;
use super::call::{Judged, judge};
use super::hermes::Call;
use super::line::shown;
use super::worker_log::{Sign, What, WorkerLog};
use super::{Cause, Diagnosis};
use crate::login::Logins;

/// The most that is said aside.
const MOST_ASIDES: usize = 8;

/// All that is known of the end of one worker.
pub(super) struct Case<'a> {
    signs: &'a [Sign],
    /// The calls that failed, with the number of their sign.
    failures: Vec<(usize, &'a Call, Judged)>,
    /// From this sign on the main turn did not go on.
    last_went_on: usize,
    is_ended: bool,
    end: Option<End>,
    logins: Option<&'a Logins>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        log: &'a WorkerLog,
        end: Option<End>,
        logins: Option<&'a Logins>,
        since: DateTime<Utc>,
    ) -> Self {
        let signs = log.signs.as_slice();
        let failures = signs.iter().enumerate().filter_map(|(index, sign)| match &sign.what {
            What::Failed(call) => Some((index, call, judge(call, logins, since))),
            _ => None,
        });
        let went_on = |sign: &Sign| matches!(sign.what, What::WentOn | What::Closed(_));
        let last_went_on = signs.iter().rposition(went_on).map_or(0, |index| index + 1);
        Self { signs, failures: failures.collect(), last_went_on, is_ended: log.is_ended, end, logins }
    }

    /// The first that says something decides.
    pub(super) fn diagnose(&self) -> Diagnosis {
        let decided = self
            .was_not_started()
            .or_else(|| self.has_no_skills())
            .or_else(|| self.failed(|cause| cause != Cause::Unknown))
            .or_else(|| self.broke())
            .or_else(|| self.was_ended())
            .or_else(|| self.failed(|cause| cause == Cause::Unknown))
            .or_else(|| self.failed_beside())
            .or_else(|| self.closed_nothing());
        let mut diagnosis = decided.unwrap_or_else(|| self.is_unknown());
        diagnosis.asides = self.asides(&diagnosis);
        diagnosis
    }

    /// Then the log is that of another attempt.
    fn was_not_started(&self) -> Option<Diagnosis> {
        match &self.end {
            Some(End::NotStarted(says)) => Some(told(Cause::Crash, None, says)),
            _ => None,
        }
    }

    fn has_no_skills(&self) -> Option<Diagnosis> {
        self.signs.iter().rev().find_map(|sign| match &sign.what {
            What::NoSkills(names) => {
                let says = format!("Unknown skill(s): {}", names.join(", "));
                let skills = names.iter().map(|name| shown(name)).collect();
                Some(Diagnosis { skills, ..told(Cause::MissingSkill, Some(sign.line), &says) })
            }
            _ => None,
        })
    }

    /// The call that failed last, where the main turn did not go on after it.
    fn failed(&self, is_wanted: fn(Cause) -> bool) -> Option<Diagnosis> {
        let (index, call, judged) = self.failures.last()?;
        let is_end = *index >= self.last_went_on && is_wanted(judged.cause);
        is_end.then(|| self.of_call(self.signs.get(*index), call, judged))
    }

    fn of_call(&self, sign: Option<&Sign>, call: &Call, judged: &Judged) -> Diagnosis {
        let says = if call.words.is_empty() { &call.exception } else { &call.words };
        let residency = self.logins.and_then(|logins| logins.residency.clone());
        Diagnosis {
            provider: call.provider.as_deref().and_then(|name| Provider::new(shown(name)).ok()),
            model: call.model.as_deref().map(shown),
            kind: Some(judged.kind),
            until: judged.until,
            residency: residency.filter(|_| judged.cause == Cause::MissingResidency),
            ..told(judged.cause, sign.map(|sign| sign.line), says)
        }
    }

    /// Its program failed, and nothing says that it came to its end all the same.
    fn broke(&self) -> Option<Diagnosis> {
        if self.is_ended || !matches!(self.end, None | Some(End::Failed(_) | End::Gone(_))) {
            return None;
        }
        self.signs.iter().rev().find_map(|sign| match &sign.what {
            What::Broke(says) => Some(told(Cause::Crash, Some(sign.line), says)),
            _ => None,
        })
    }

    fn was_ended(&self) -> Option<Diagnosis> {
        match self.end.as_ref()? {
            End::Failed(says) => Some(told(Cause::Crash, None, says)),
            // A worker that came to its end exits with 0. Who only sees that its process is gone cannot tell.
            End::Gone(says) if !self.is_ended => Some(told(Cause::Crash, None, says)),
            End::TooLong(says) => Some(told(Cause::Timeout, None, says)),
            End::Throttled(says) => {
                Some(Diagnosis { kind: Some(Kind::RateLimit), ..told(Cause::Throttled, None, says) })
            }
            End::NotStarted(_) | End::Gone(_) | End::Well(_) => None,
        }
    }

    /// A call beside the main turn failed; or one did whose login was refused, and the main turn went on with another.
    fn failed_beside(&self) -> Option<Diagnosis> {
        self.signs.iter().enumerate().rev().find_map(|(index, sign)| match &sign.what {
            What::Beside(says) => Some(told(Cause::Auxiliary, Some(sign.line), says)),
            What::Failed(_) => {
                let (_, call, judged) = self.failures.iter().find(|(of, ..)| *of == index)?;
                let is_refused = matches!(judged.kind, Kind::Auth | Kind::AuthPermanent | Kind::Egress);
                let diagnosis = self.of_call(Some(sign), call, judged);
                is_refused.then_some(Diagnosis { cause: Cause::Auxiliary, residency: None, ..diagnosis })
            }
            _ => None,
        })
    }

    fn closed_nothing(&self) -> Option<Diagnosis> {
        let ran_out = self.signs.iter().rev().find_map(|sign| match &sign.what {
            What::RanOut(says) => Some(told(Cause::Timeout, Some(sign.line), says)),
            _ => None,
        });
        let says = match &self.end {
            Some(End::Well(says)) => says,
            Some(End::Gone(_)) => "the worker came to its end and closed nothing; nobody saw its exit code",
            _ if !self.is_ended || self.closed().is_some() => return ran_out,
            _ => "the worker came to its end and closed nothing",
        };
        ran_out.or_else(|| Some(told(Cause::ProtocolViolation, None, says)))
    }

    fn is_unknown(&self) -> Diagnosis {
        if let Some((line, says)) = self.closed() {
            return told(Cause::Unknown, Some(line), &format!("nothing failed: {says}"));
        }
        let says = if self.signs.is_empty() {
            "nothing says what happened"
        } else {
            "the log ends in the middle of the work"
        };
        told(Cause::Unknown, None, says)
    }

    /// What the worker said when it closed its task.
    fn closed(&self) -> Option<(usize, &str)> {
        self.signs.iter().rev().find_map(|sign| match &sign.what {
            What::Closed(says) => Some((sign.line, says.as_str())),
            _ => None,
        })
    }

    /// What else was seen, each thing once.
    fn asides(&self, diagnosis: &Diagnosis) -> Vec<String> {
        let mut asides: Vec<String> = Vec::new();
        let said = self.signs.iter().filter_map(|sign| match &sign.what {
            What::Failed(call) => Some(call.words.as_str()),
            What::Beside(words) | What::RanOut(words) | What::Broke(words) => Some(words.as_str()),
            What::WentOn | What::Closed(_) | What::NoSkills(_) => None,
        });
        for words in said.chain(self.end.as_ref().map(End::says)) {
            let aside = shown(words);
            let is_new = !aside.is_empty() && aside != diagnosis.says && !asides.contains(&aside);
            if is_new && asides.len() < MOST_ASIDES {
                asides.push(aside);
            }
        }
        asides
    }
}

fn told(cause: Cause, line: Option<usize>, says: &str) -> Diagnosis {
    Diagnosis {
        cause,
        says: shown(says),
        line,
        provider: None,
        model: None,
        kind: None,
        until: None,
        residency: None,
        skills: Vec::new(),
        asides: Vec::new(),
    }
}
