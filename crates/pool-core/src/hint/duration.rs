//! How long, in the spellings that providers use: `6m0s`, `7.66s`, `1500ms`, `4hr 5min`, `1 hour and 5 minutes`.

use std::time::Duration;

use chrono::TimeDelta;

use super::is_one_of;
use super::scan::{split_where, strip_number, strip_word};

/// Ten years in seconds. A limit that resets later is a misreading.
const MOST_SECONDS: f64 = 10.0 * 365.25 * DAY;

const WEEK: f64 = 604_800.0;
const DAY: f64 = 86_400.0;
const HOUR: f64 = 3_600.0;
const MINUTE: f64 = 60.0;
const SECOND: f64 = 1.0;
const MILLISECOND: f64 = 0.001;

/// The spellings of each unit, with its length in seconds.
const UNITS: [(&[&str], f64); 6] = [
    (&["w", "week", "weeks"], WEEK),
    (&["d", "day", "days"], DAY),
    (&["h", "hr", "hrs", "hour", "hours"], HOUR),
    (&["m", "min", "mins", "minute", "minutes"], MINUTE),
    (&["s", "sec", "secs", "second", "seconds"], SECOND),
    (&["ms", "millisecond", "milliseconds"], MILLISECOND),
];

/// The seconds of a run such as `4hr 5min` at the beginning of a text, from larger to smaller units.
pub(super) fn leading_seconds(text: &str) -> Option<f64> {
    Some(Run::strip(text)?.seconds)
}

/// The seconds of a text that is such a run and nothing else.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let run = Run::strip(text)?;
    run.rest.is_empty().then_some(run.seconds)
}

/// Seconds as a wait, unless there is none or it is longer than any.
pub(super) fn time_delta(seconds: f64) -> Option<TimeDelta> {
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    let delta = TimeDelta::from_std(duration).ok()?;
    (!delta.is_zero() && seconds <= MOST_SECONDS).then_some(delta)
}

/// Numbers with their units, the smallest of these units, and the text after them.
struct Run<'a> {
    seconds: f64,
    unit: f64,
    rest: &'a str,
}

impl<'a> Run<'a> {
    fn strip(text: &'a str) -> Option<Self> {
        let mut run = Self::strip_part(text)?;
        while let Some(part) = Self::strip_part(strip_joint(run.rest)).filter(|part| part.unit < run.unit) {
            run = Self { seconds: run.seconds + part.seconds, ..part };
        }
        Some(run)
    }

    fn strip_part(text: &'a str) -> Option<Self> {
        let (number, rest) = strip_number(text)?;
        let (word, rest) = split_where(rest.trim_start(), |character| !character.is_alphabetic());
        let (_, unit) = UNITS.iter().find(|(spellings, _)| is_one_of(word, spellings))?;
        Some(Self { seconds: number * unit, unit: *unit, rest })
    }
}

/// What may stand between two parts: spaces, a comma, `and`.
fn strip_joint(text: &str) -> &str {
    let text = text.trim_start().trim_start_matches(',').trim_start();
    strip_word(text, "and").unwrap_or(text).trim_start()
}
