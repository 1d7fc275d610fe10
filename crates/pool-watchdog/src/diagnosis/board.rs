//! What the board says of how the last run of a task ended.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::task::{Event, Task};

/// How a run ended, as far as the board knows.
pub(super) enum End {
    /// The worker could not be started.
    NotStarted(String),
    /// Its process failed, or was killed, and the board saw how.
    Failed(String),
    /// Its process is gone, and nobody saw how it ended.
    Gone(String),
    /// Its process ended as if all was well.
    Well(String),
    /// It took too long, or gave no sign of life.
    TooLong(String),
    /// Its process said that it was throttled.
    Throttled(String),
}

impl End {
    /// What the board says.
    pub(super) fn says(&self) -> &str {
        match self {
            Self::NotStarted(says)
            | Self::Failed(says)
            | Self::Gone(says)
            | Self::Well(says)
            | Self::TooLong(says)
            | Self::Throttled(says) => says,
        }
    }

    /// How the newest worker of a task ended, and when that was seen. `None` while the board has seen no end of it.
    pub(super) fn of(task: &Task) -> Option<(Self, DateTime<Utc>)> {
        let newest = task.events.iter().rev();
        // What comes before the start of the newest worker is about another one.
        let mut since = newest.take_while(|event| event.kind != "spawned");
        since.find_map(|event| Some((end(event)?, event.at)))
    }
}

fn end(event: &Event) -> Option<End> {
    let number = |name: &str| event.payload.get(name).and_then(Value::as_i64);
    let word = |name: &str| event.payload.get(name).and_then(Value::as_str);
    let error = || word("error").unwrap_or_default();
    let not_started = || End::NotStarted(format!("the worker could not be started: {}", error()));
    Some(match event.kind.as_str() {
        "spawn_failed" => not_started(),
        // What made the board give up has an event of its own, but for these two.
        "gave_up" if word("trigger_outcome") == Some("spawn_failed") => not_started(),
        "gave_up" if event.payload.get("budget_used").is_some() => End::TooLong(error().to_owned()),
        "timed_out" => match (number("elapsed_seconds"), number("limit_seconds")) {
            (Some(elapsed), Some(limit)) => {
                End::TooLong(format!("the board ended the worker after {elapsed} s: it had {limit} s"))
            }
            _ => End::TooLong(format!("the worker took too long: {}", error())),
        },
        "stale" => End::TooLong("the board ended the worker: it gave no sign of life".to_owned()),
        "rate_limited" => End::Throttled("the worker exited as one that is throttled".to_owned()),
        "protocol_violation" => End::Well("the worker exited with 0 and closed nothing".to_owned()),
        "crashed" => match (word("exit_kind"), number("exit_code")) {
            (Some("signaled"), Some(signal)) => {
                End::Failed(format!("the worker was killed by signal {signal}"))
            }
            (Some(_), Some(code)) => End::Failed(format!("the worker exited with {code}")),
            _ => End::Gone("the worker is gone, and nobody saw its exit code".to_owned()),
        },
        _ => return None,
    })
}
