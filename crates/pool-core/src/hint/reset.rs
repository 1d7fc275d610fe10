//! When a limit resets, as the words of a message say.

use chrono::{DateTime, TimeDelta, Utc};

use super::duration::{leading_seconds, time_delta};
use super::moment::{epoch, moment};
use super::scan::{strip_digits, strip_number, strip_phrase, strip_word};
use super::{Now, beginning};

/// What a number without a unit means after a phrase.
enum BareNumber {
    Seconds,
    /// None, but hours, minutes and seconds as on a clock: `02:12:30`.
    Clock,
    Nothing,
}

/// The words that stand before a duration. "will reset in" ends with one of them.
const WAITS: [(&str, BareNumber); 11] = [
    ("retry after", BareNumber::Seconds),
    ("retry in", BareNumber::Seconds),
    ("try again in", BareNumber::Seconds),
    ("try again after", BareNumber::Seconds),
    ("reset in", BareNumber::Nothing),
    ("resets in", BareNumber::Nothing),
    ("reset after", BareNumber::Nothing),
    ("resets after", BareNumber::Nothing),
    // GitHub Copilot: "Please wait 463 hours 23 minutes before trying again" (microsoft/vscode-copilot-release#6479).
    ("wait", BareNumber::Nothing),
    ("quotaResetDelay", BareNumber::Nothing),
    // Azure API Management: "Quota will be replenished in 02:12:30."
    ("replenished in", BareNumber::Clock),
];

/// The words that stand before a moment, and those that may join them to it.
const MOMENTS: [&str; 5] = [
    // LiteLLM: "Limit resets at: 2026-05-31 10:04:41 UTC" (BerriAI/litellm#39875).
    // Claude: "You've hit your limit · resets 10pm (America/New_York)" (anthropics/claude-code#22946).
    "resets",
    // Claude: "Your limit will reset at 1pm (Etc/GMT+5)" (anthropics/claude-code#2087).
    // GitHub Copilot: "wait for your limit to reset on April 20, 2026 at 2:00 AM" (github/copilot-cli#2828).
    "reset",
    // Codex: "or try again at Jul 5th, 2026 8:19 PM" (openai/codex#26668).
    "try again",
    "retry",
    // Anthropic: "You will regain access on 2026-06-01 at 00:00 UTC" (anthropics/claude-code#38035).
    "regain access",
];
const JOINTS: [&str; 3] = ["at", "on", "after"];

/// The time of the first phrase that tells how long, or else of the first that tells when.
pub(super) fn in_words(message: &str, now: Now) -> Option<DateTime<Utc>> {
    let waits = waits(message).filter_map(|wait| now.after(wait));
    let moments = word_starts(beginning(message))
        .filter_map(|text| moment_after_phrase(text, now).or_else(|| epoch_after_bar(text)))
        .filter_map(|time| now.at(time));
    waits.chain(moments).next()
}

/// How long until the limit resets, as each phrase with a duration after it says.
pub(super) fn waits(message: &str) -> impl Iterator<Item = TimeDelta> {
    word_starts(beginning(message)).filter_map(duration_after_phrase)
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
    WAITS.iter().find_map(|(phrase, bare)| {
        let rest = strip_phrase(text, phrase)?.trim_start_matches(is_before_time);
        let seconds = match bare {
            BareNumber::Seconds => leading_seconds(rest).or_else(|| seconds_alone(rest)),
            BareNumber::Clock => leading_seconds(rest).or_else(|| clock_seconds(rest)),
            BareNumber::Nothing => leading_seconds(rest),
        };
        time_delta(seconds?)
    })
}

fn moment_after_phrase(text: &str, now: Now) -> Option<DateTime<Utc>> {
    MOMENTS.iter().find_map(|phrase| {
        let rest = strip_phrase(text, phrase)?.trim_start();
        let rest = JOINTS.iter().find_map(|joint| strip_word(rest, joint)).unwrap_or(rest);
        moment(rest.trim_start_matches(is_before_time), now)
    })
}

/// Claude puts the moment behind a bar: `Claude AI usage limit reached|1749924000` (anthropics/claude-code#2087).
fn epoch_after_bar(text: &str) -> Option<DateTime<Utc>> {
    epoch(strip_phrase(text, "limit reached")?.trim_start().strip_prefix('|')?)
}

/// What may stand between phrase and time: `retry in ~5s`, `quotaResetDelay: "5s"`, and that within a JSON string.
fn is_before_time(character: char) -> bool {
    character.is_whitespace() || matches!(character, ':' | '=' | '"' | '\'' | '\\' | '~')
}

fn clock_seconds(text: &str) -> Option<f64> {
    let (hours, rest) = strip_digits(text, 2..=2)?;
    let (minutes, rest) = strip_digits(rest.strip_prefix(':')?, 2..=2)?;
    let (seconds, _) = strip_digits(rest.strip_prefix(':')?, 2..=2)?;
    Some(f64::from(hours * 3600 + minutes * 60 + seconds))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{format, parse_text};

    fn reset_in(message: &str) -> Option<TimeDelta> {
        waits(message).next()
    }

    fn millis(message: &str) -> Option<i64> {
        reset_in(message).map(|delta| delta.num_milliseconds())
    }

    #[test]
    fn durations_in_messages() {
        let cases = [
            ("Rate limited, retry after 45 seconds", 45_000),
            ("Please retry after 86400 seconds.", 86_400_000),
            ("Quota will be replenished in 02:12:30.", 7_950_000),
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
            ("Please wait 463 hours 23 minutes before trying again", 1_668_180_000),
            ("Please wait 61823 seconds before retrying.", 61_823_000),
            ("resets in 1 week and 2 days", 777_600_000),
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
    fn moments_in_messages() {
        let now = parse_text("2026-05-26T10:27:00Z").unwrap();
        let cases = [
            ("You will regain access on 2026-06-01 at 00:00 UTC.", Some("2026-06-01T00:00:00Z")),
            ("It resets at 2026-05-26T18:57:00Z, sorry", Some("2026-05-26T18:57:00Z")),
            ("Limit resets at: 2026-05-31 10:04:41 UTC", Some("2026-05-31T10:04:41Z")),
            ("Please try again at 2026-06-01 00:00 UTC", Some("2026-06-01T00:00:00Z")),
            ("try again after 2026-05-26T10:28:00Z", Some("2026-05-26T10:28:00Z")),
            ("retry after 10:30 UTC", Some("2026-05-26T10:30:00Z")),
            ("Your limit will reset at 3pm (UTC).", Some("2026-05-26T15:00:00Z")),
            ("You've hit your limit · resets 5pm (UTC)", Some("2026-05-26T17:00:00Z")),
            ("You've hit your weekly limit · resets May 31, 5am (UTC)", Some("2026-05-31T05:00:00Z")),
            (r#"{\"message\":\"resets at \\\"2026-05-26T18:57:00Z\\\"\"}"#, Some("2026-05-26T18:57:00Z")),
            ("Claude AI usage limit reached|1779801220", Some("2026-05-26T13:13:40Z")),
            ("Claude AI usage limit reached | 1779801220", None),
            ("Claude AI usage limit reached|1749924000", None),
            ("usage limit reached 5pm (UTC)", None),
            // How long is more than a time of day, wherever it stands; and what is past is no hint.
            ("resets 5pm (UTC), that is, resets in 6h", Some("2026-05-26T16:27:00Z")),
            (
                "resets in 46 days. resets at 2026-05-26T09:00:00Z. retry at 5pm UTC",
                Some("2026-05-26T17:00:00Z"),
            ),
            ("resets at 2026-07-11T10:27:00Z", None),
            ("Your limit will reset at 2026-09-21 18:55:29", None),
            ("presets 5pm (UTC)", None),
            ("resets 5pm (Europe/Warsaw)", None),
            ("resets on Jul 3, 2026, 11:43 AM.", None),
        ];
        for (message, expected) in cases {
            assert_eq!(
                in_words(message, Now { time: now, zone: None }).map(format).as_deref(),
                expected,
                "{message}"
            );
        }
    }

    #[test]
    fn messages_without_a_duration() {
        let cases = [
            "",
            "please slow down",
            "try again later",
            "Please try again in a few minutes",
            "please wait a moment and try again",
            "wait 5",
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
