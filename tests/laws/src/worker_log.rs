use pool_watchdog::{Action, Case, Cause, Diagnosis, Evidence, Stage, Work, decide, diagnose};

use crate::noon;

/// Looks like a key of a provider.
const KEY: &str = "sk-proj-CANARY-0123456789abcdef";

/// No more of one text is shown.
const MOST_SHOWN: usize = 300;

/// Whatever is in the log of a worker, it is told in a line that anybody may see, and completes no task that was not accepted.
///
/// # Panics
///
/// Where that does not hold.
pub fn worker_log(bytes: &[u8]) {
    let log = String::from_utf8_lossy(bytes);
    let diagnosis = diagnose(&Evidence::at(noon()).log(&log));
    assert_eq!(diagnosis, diagnose(&Evidence::at(noon()).log(&log)), "a diagnosis is a function of the log");
    can_be_shown(&diagnosis);
    assert!(diagnosis.line.is_none_or(|line| (1..=log.split('\n').count()).contains(&line)));
    completes_only_what_is_accepted(diagnosis.cause);

    keeps_no_key(&log);
}

/// A key between these words is not kept, also behind a command to a terminal.
fn keeps_no_key(log: &str) {
    // Within another word it would be none.
    if log.contains("CANARY") {
        return;
    }
    let (before, after) = log.split_at(log.floor_char_boundary(log.len() / 2));
    let slipped = [before, "\n", KEY, " \u{1b}[1m", KEY, " ", after].concat();
    let diagnosis = diagnose(&Evidence::at(noon()).log(&slipped));
    can_be_shown(&diagnosis);
    assert!(!format!("{diagnosis:?}").contains(KEY), "{diagnosis:?}");
}

fn can_be_shown(diagnosis: &Diagnosis) {
    let texts = [&diagnosis.says].into_iter().chain(&diagnosis.asides).chain(&diagnosis.skills);
    for text in texts.chain(&diagnosis.model) {
        assert!(!text.is_empty() && text.chars().count() <= MOST_SHOWN, "{text:?}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

fn completes_only_what_is_accepted(cause: Cause) {
    for stage in Stage::ALL {
        for work in Work::ALL {
            let decision = decide(&Case::new(*stage, cause, *work));
            let may_complete = stage.is_open() && *work == Work::Accepted;
            assert_eq!(decision.action == Action::Complete, may_complete, "{stage} {cause} {work}");
        }
    }
}
