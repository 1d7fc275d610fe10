//! When a limit resets, as the words of a message say.

use std::time::Duration;

use chrono::TimeDelta;

use super::{beginning, is_one_of};

/// Ten years in seconds. A limit that resets later is a misreading.
const MOST_SECONDS: f64 = 10.0 * 365.25 * DAY;

const DAY: f64 = 86_400.0;
const HOUR: f64 = 3_600.0;
const MINUTE: f64 = 60.0;
const SECOND: f64 = 1.0;
const MILLISECOND: f64 = 0.001;

/// What a number without a unit means after a phrase.
enum BareNumber {
    Seconds,
    Nothing,
}

/// The words that stand before a duration. "will reset in" ends with one of them.
const PHRASES: [(&str, BareNumber); 9] = [
    ("retry after", BareNumber::Seconds),
    ("retry in", BareNumber::Seconds),
    ("try again in", BareNumber::Seconds),
    ("try again after", BareNumber::Seconds),
    ("reset in", BareNumber::Nothing),
    ("resets in", BareNumber::Nothing),
    ("reset after", BareNumber::Nothing),
    ("resets after", BareNumber::Nothing),
    ("quotaResetDelay", BareNumber::Nothing),
];

/// The spellings of each unit, with its length in seconds.
const UNITS: [(&[&str], f64); 5] = [
    (&["d", "day", "days"], DAY),
    (&["h", "hr", "hrs", "hour", "hours"], HOUR),
    (&["m", "min", "mins", "minute", "minutes"], MINUTE),
    (&["s", "sec", "secs", "second", "seconds"], SECOND),
    (&["ms", "millisecond", "milliseconds"], MILLISECOND),
];

/// How long until the limit resets, as the message says: the first phrase with a duration after it counts.
pub(crate) fn reset_in(message: &str) -> Option<TimeDelta> {
    word_starts(beginning(message)).find_map(duration_after_phrase)
}

/// The rest of the text from each word on.
fn word_starts(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.char_indices().filter_map(move |(at, character)| {
        let starts = character.is_alphanumeric() && !inside;
        inside = character.is_alphanumeric();
        if starts { text.get(at..) } else { None }
    })
}

fn duration_after_phrase(text: &str) -> Option<TimeDelta> {
    PHRASES.iter().find_map(|(phrase, bare)| {
        let rest = strip_phrase(text, phrase)?.trim_start_matches(is_before_duration);
        let seconds = match bare {
            BareNumber::Seconds => seconds_with_units(rest).or_else(|| seconds_alone(rest)),
            BareNumber::Nothing => seconds_with_units(rest),
        };
        time_delta(seconds?)
    })
}

/// What may stand between phrase and duration: `retry in ~5s`, `quotaResetDelay: "5s"`, and that within a JSON string.
fn is_before_duration(character: char) -> bool {
    character.is_whitespace() || matches!(character, ':' | '=' | '"' | '\'' | '\\' | '~')
}

fn strip_phrase<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    phrase.split(' ').try_fold(text, |rest, word| strip_word(rest.trim_start(), word))
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    (head.eq_ignore_ascii_case(word) && !rest.starts_with(char::is_alphanumeric)).then_some(rest)
}

/// The sum of a run such as `4hr 5min` or `1 hour and 5 minutes`, from larger to smaller units.
fn seconds_with_units(text: &str) -> Option<f64> {
    let mut part = Part::strip(text)?;
    while let Some(next) = Part::strip(strip_joint(part.rest)).filter(|next| next.unit < part.unit) {
        part = Part { seconds: part.seconds + next.seconds, ..next };
    }
    Some(part.seconds)
}

/// A number with its unit, and the text after them.
struct Part<'a> {
    seconds: f64,
    unit: f64,
    rest: &'a str,
}

impl<'a> Part<'a> {
    fn strip(text: &'a str) -> Option<Self> {
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

/// A number without a unit, unless what follows makes it a date, a time of day or a count of something.
fn seconds_alone(text: &str) -> Option<f64> {
    let (number, rest) = strip_number(text)?;
    let mut rest = rest.trim_start_matches(' ').chars();
    let ends = match rest.next() {
        None => true,
        Some('.' | ',') => !rest.next().is_some_and(char::is_alphanumeric),
        Some(character) => matches!(character, '\n' | '\r' | ';' | '!' | '"' | '\'' | '\\' | ')' | ']' | '}'),
    };
    ends.then_some(number)
}

fn strip_number(text: &str) -> Option<(f64, &str)> {
    let (whole, rest) = split_where(text, is_no_digit);
    let fraction = rest.strip_prefix('.').map_or("", |rest| split_where(rest, is_no_digit).0);
    let length = if fraction.is_empty() { whole.len() } else { whole.len() + 1 + fraction.len() };
    let (number, rest) = text.split_at_checked(length)?;
    Some((number.parse().ok()?, rest))
}

fn is_no_digit(character: char) -> bool {
    !character.is_ascii_digit()
}

/// Splits before the first character that `ends`, or at the end.
fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn time_delta(seconds: f64) -> Option<TimeDelta> {
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    let delta = TimeDelta::from_std(duration).ok()?;
    (!delta.is_zero() && seconds <= MOST_SECONDS).then_some(delta)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(message: &str) -> Option<i64> {
        reset_in(message).map(|delta| delta.num_milliseconds())
    }

    #[test]
    fn durations_in_messages() {
        let cases = [
            ("Rate limited, retry after 45 seconds", 45_000),
            ("Please retry after 86400 seconds.", 86_400_000),
            ("resets in 4hr 5min", 14_700_000),
            ("Limit reached. Resets in ~4 hr 5 min (at 3pm)", 14_700_000),
            ("Resets in 20 min", 1_200_000),
            ("Your limit will reset in 2 days.", 172_800_000),
            ("quota will reset after 3h20m.", 12_000_000),
            ("The limit resets after 1d 2h", 93_600_000),
            (r#"quotaResetDelay: "1500ms""#, 1_500),
            (r#"{"metadata":{"quotaResetDelay":"7h12m0s"}}"#, 25_920_000),
            (r#"{\"quotaResetDelay\": \"34.5s\"}"#, 34_500),
            ("QUOTARESETDELAY=250 milliseconds", 250),
            ("Please try again in 6m0s.", 360_000),
            ("Please try again in 1 hour and 5 minutes.", 3_900_000),
            ("Please try again in 1 day, 2 hours, and 3 mins", 93_780_000),
            ("TRY AGAIN AFTER 1.5 HRS", 5_400_000),
            ("try  again\nin 10s", 10_000),
            ("Please try again later. Retry in 5 s.", 5_000),
            ("retry after a while; resets in 20 min", 1_200_000),
            ("retry after 0 s, retry in 3 s", 3_000),
            ("retry in 5m, then 30s later", 300_000),
            ("resets in 20 min and 5 hours remain", 1_200_000),
            ("retry after 9 sekunden, retry in 9 secs", 9_000),
            ("é retry after 1 millisecond é", 1),
        ];
        for (message, expected) in cases {
            assert_eq!(millis(message), Some(expected), "{message}");
        }
    }

    #[test]
    fn numbers_without_a_unit() {
        let cases = [
            ("retry after 45", Some(45_000)),
            ("Retry after: 45.", Some(45_000)),
            ("retry in 1.5. Thank you", Some(1_500)),
            ("try again in 30, please", Some(30_000)),
            ("try again after 30\nrequest 1234", Some(30_000)),
            (r#"{"message":"retry after 30","code":429}"#, Some(30_000)),
            ("resets in 45", None),
            ("quotaResetDelay: 45", None),
            ("retry after 3 failed attempts", None),
            ("try again after 12 May", None),
            ("try again after 10:30 UTC", None),
            ("try again after 2026-05-26T10:27:00Z", None),
            ("retry after 5/26/2026", None),
            ("retry after 1,000 seconds", None),
            ("retry in 5-10 minutes", None),
            ("retry in 50% of cases", None),
        ];
        for (message, expected) in cases {
            assert_eq!(millis(message), expected, "{message}");
        }
    }

    #[test]
    fn messages_without_a_duration() {
        let cases = [
            "",
            "please slow down",
            "try again later",
            "Please try again in a few minutes",
            "retry after",
            "retry after -5 seconds",
            "retry after 0 seconds",
            "retry after 0.0000000001 s",
            "retry after 11 years",
            "resets in 4000 days",
            "retry after 99999999999999999999999999999999999999999 days",
            "retry after 5.seconds",
            "preset in 5 minutes",
            "retry afterwards 5 minutes",
            "retry in٣ seconds",
            "resets in 5 sé",
        ];
        for message in cases {
            assert_eq!(reset_in(message), None, "{message}");
        }
    }

    #[test]
    fn fractions_keep_their_nanoseconds() {
        let expected = TimeDelta::new(34, 74_824_224);
        assert_eq!(reset_in("Please retry in 34.074824224s."), expected);
    }

    #[test]
    fn ten_years_are_the_most() {
        assert_eq!(reset_in("retry after 3652 days"), Some(TimeDelta::days(3652)));
        assert_eq!(reset_in("retry after 3653 days"), None);
    }
}
