//! A moment in prose: `2026-06-01 at 00:00 UTC`, `2026-05-26T18:57:00Z`, `Oct 9, 5am (UTC)`, `3pm (UTC)`.
//!
//! The zone has to stand beside it, as UTC or as an offset from it. What a clock shows in a zone that is not named, or
//! named after a city, is none of ours to guess: the hint would be wrong by hours.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::scan::{split_where, strip_digits, strip_word};
use super::{Now, is_one_of};
use crate::time;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The moment at the beginning of a text. Of a day without a year, and of a time without a day, it is the next one.
pub(super) fn moment(text: &str, now: Now) -> Option<DateTime<Utc>> {
    if let Some(moment) = epoch(text) {
        return Some(moment);
    }
    let (day, rest) = Day::strip(text);
    let (clock, rest) = strip_clock(rest)?;
    let offset = offset(rest, day).or_else(|| now.zone.filter(|_| matches!(day, Day::Date(_))))?;
    let here = now.time.naive_utc().checked_add_signed(offset)?.date();
    day.candidates(here)
        .into_iter()
        .flatten()
        .filter_map(|date| Some(date.and_time(clock).checked_sub_signed(offset)?.and_utc()))
        .find(|moment| *moment > now.time)
}

/// Seconds or milliseconds since 1970 at the beginning of a text: ten digits at least, so that no count is taken for it.
pub(super) fn epoch(text: &str) -> Option<DateTime<Utc>> {
    let (digits, rest) = split_where(text, |character| !character.is_ascii_digit());
    if digits.len() < 10 || rest.starts_with(char::is_alphanumeric) {
        return None;
    }
    time::parse_number(digits)
}

#[derive(Clone, Copy)]
enum Day {
    Date(NaiveDate),
    /// A month and a day of it.
    OfAnyYear(u32, u32),
    Any,
}

impl Day {
    /// Takes a day off, and what joins it to a time of day.
    fn strip(text: &str) -> (Self, &str) {
        match strip_iso_date(text).or_else(|| strip_date_with_month_name(text)) {
            Some((day, rest)) => (day, strip_joint(rest)),
            None => (Self::Any, text),
        }
    }

    /// The days that it may be, in order, where today is `here`.
    fn candidates(self, here: NaiveDate) -> [Option<NaiveDate>; 2] {
        match self {
            Self::Date(date) => [Some(date), None],
            Self::OfAnyYear(month, day) => {
                [here.year(), here.year() + 1].map(|year| NaiveDate::from_ymd_opt(year, month, day))
            }
            Self::Any => [Some(here), here.succ_opt()],
        }
    }
}

/// `2026-06-01`
fn strip_iso_date(text: &str) -> Option<(Day, &str)> {
    let (year, rest) = strip_digits(text, 4..=4)?;
    let (month, rest) = strip_digits(rest.strip_prefix('-')?, 2..=2)?;
    let (day, rest) = strip_digits(rest.strip_prefix('-')?, 2..=2)?;
    Some((Day::Date(NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?), rest))
}

/// `Oct 9`, `Jul 5th, 2026`, `April 20, 2026`
fn strip_date_with_month_name(text: &str) -> Option<(Day, &str)> {
    let (name, rest) = split_where(text, |character| !character.is_alphabetic());
    let is_name = |month: &str| is_one_of(name, &[month, month.get(..3).unwrap_or(month)]);
    let month = u32::try_from(MONTHS.iter().position(|month| is_name(month))?).ok()? + 1;
    let (day, rest) = strip_digits(rest.trim_start_matches(['.', ' ']), 1..=2)?;
    let rest = ["st", "nd", "rd", "th"].iter().find_map(|ordinal| strip_word(rest, ordinal)).unwrap_or(rest);
    match strip_digits(rest.trim_start_matches([',', ' ']), 4..=4) {
        Some((year, rest)) => {
            Some((Day::Date(NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?), rest))
        }
        None => Some((Day::OfAnyYear(month, day), rest)),
    }
}

/// What may stand between a day and a time of day: `T`, spaces, a comma, `at`.
fn strip_joint(text: &str) -> &str {
    let text = text.strip_prefix(['T', 't']).unwrap_or(text).trim_start_matches([',', ' ']);
    strip_word(text, "at").unwrap_or(text).trim_start()
}

/// `18:57`, `18:57:00.5`, `9:30 AM`, `3pm`. A number alone is no time of day.
fn strip_clock(text: &str) -> Option<(NaiveTime, &str)> {
    let (hour, rest) = strip_digits(text, 1..=2)?;
    let (minute, rest) = strip_after_colon(rest);
    let (second, rest) = strip_after_colon(rest);
    let rest = if second.is_some() { strip_fraction(rest) } else { rest };
    let halves = [("am", 0), ("pm", 12)];
    let half = halves.iter().find_map(|(half, hours)| Some((strip_word(rest.trim_start(), half)?, hours)));
    let (hour, rest) = match half {
        Some((rest, hours)) if (1..=12).contains(&hour) => (hour % 12 + hours, rest),
        Some(_) => return None,
        None if minute.is_some() => (hour, rest),
        None => return None,
    };
    Some((NaiveTime::from_hms_opt(hour, minute.unwrap_or(0), second.unwrap_or(0))?, rest))
}

fn strip_after_colon(text: &str) -> (Option<u32>, &str) {
    let part = text.strip_prefix(':').and_then(|rest| strip_digits(rest, 2..=2));
    part.map_or((None, text), |(number, rest)| (Some(number), rest))
}

fn strip_fraction(text: &str) -> &str {
    text.strip_prefix('.').map_or(text, |rest| split_where(rest, |character| !character.is_ascii_digit()).1)
}

/// How far the clock is ahead of UTC: ` UTC`, `Z`, ` (UTC)`, ` (UTC+8)`, and after a date also `+08:00`.
///
/// After a time without a date it takes no bare offset: `10:30-11:00` is from when to when.
fn offset(text: &str, day: Day) -> Option<TimeDelta> {
    let text = text.trim_start();
    let text = text.strip_prefix('(').unwrap_or(text);
    let (name, rest) = split_where(text, |character| !character.is_alphanumeric() && character != '/');
    match name {
        "" if matches!(day, Day::Date(_)) => signed_offset(text),
        _ if is_one_of(name, &["UTC", "GMT"]) && rest.starts_with(['+', '-']) => signed_offset(rest),
        _ => is_one_of(name, &["UTC", "GMT", "Z", "Etc/UTC"]).then(TimeDelta::zero),
    }
}

/// `+8`, `+08`, `+0800`, `+08:00`
fn signed_offset(text: &str) -> Option<TimeDelta> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let text = text.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match strip_digits(text, 4..=4) {
        Some((both, _)) => (both / 100, both % 100),
        None => {
            let (hours, rest) = strip_digits(text, 1..=2)?;
            (hours, strip_after_colon(rest).0.unwrap_or(0))
        }
    };
    let is_offset = hours < 24 && minutes < 60;
    is_offset.then(|| TimeDelta::minutes(sign * i64::from(hours * 60 + minutes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{format, parse_text};

    fn written(text: &str) -> Option<String> {
        moment(text, Now { time: parse_text("2026-05-26T10:27:00Z").unwrap(), zone: None }).map(format)
    }

    #[test]
    fn texts_that_are_moments() {
        let cases = [
            ("2026-06-01 at 00:00 UTC.", "2026-06-01T00:00:00Z"),
            ("2026-06-01 00:00 UTC", "2026-06-01T00:00:00Z"),
            ("2026-06-01, 00:00 (UTC)", "2026-06-01T00:00:00Z"),
            ("2026-05-26T18:57:00Z", "2026-05-26T18:57:00Z"),
            ("2026-05-26t18:57:00.123456789z and so on", "2026-05-26T18:57:00Z"),
            ("2026-05-31 10:04:41 UTC', 'type'", "2026-05-31T10:04:41Z"),
            ("2026-05-26T18:57:00+02:00", "2026-05-26T16:57:00Z"),
            ("2026-05-26 18:57:00 +0800 CST", "2026-05-26T10:57:00Z"),
            ("2026-05-26 18:57 (UTC+8)", "2026-05-26T10:57:00Z"),
            ("2026-05-26 18:57 GMT-03:30", "2026-05-26T22:27:00Z"),
            ("2026-06-01 9:30 PM GMT", "2026-06-01T21:30:00Z"),
            ("3pm (UTC)", "2026-05-26T15:00:00Z"),
            ("5 am UTC", "2026-05-27T05:00:00Z"),
            ("10:27 UTC", "2026-05-27T10:27:00Z"),
            ("10:28Z", "2026-05-26T10:28:00Z"),
            ("12am (Etc/UTC)", "2026-05-27T00:00:00Z"),
            ("12:30pm UTC", "2026-05-26T12:30:00Z"),
            ("1am (UTC-10)", "2026-05-26T11:00:00Z"),
            ("11pm (UTC+14)", "2026-05-27T09:00:00Z"),
            ("Jun 9, 5am (UTC)", "2026-06-09T05:00:00Z"),
            ("Jun 9 at 5:15am (UTC)", "2026-06-09T05:15:00Z"),
            ("Jan 3 at 5am (UTC)", "2027-01-03T05:00:00Z"),
            ("Jul 5th, 2026 8:19 PM UTC", "2026-07-05T20:19:00Z"),
            ("june 1, 2026 at 2:00 AM GMT", "2026-06-01T02:00:00Z"),
            ("1779791280", "2026-05-26T10:28:00Z"),
            ("1779791280500.", "2026-05-26T10:28:00.500000Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(written(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn texts_that_are_none() {
        let cases = [
            "",
            "3pm",
            "9:30 AM.",
            "3pm (America/New_York)",
            "1pm (Etc/GMT+5)",
            "3pm PST",
            "3pm UTCX",
            "10:30-11:00 UTC",
            "2026-06-01",
            "2026-06-01.",
            "2026-05-26 10:27 UTC",
            "2026-06-01 UTC",
            "2026-09-21 18:55:29",
            "Apr 20, 2026 at 2:00 AM or switch",
            "Jul 5th, 2026 8:19 PM.",
            "midnight UTC",
            "5 UTC",
            "13pm UTC",
            "0am UTC",
            "24:00 UTC",
            "10:60 UTC",
            "10:3 UTC",
            "2026-13-01 00:00 UTC",
            "2026-02-30 00:00 UTC",
            "Feb 30 at 5am (UTC)",
            "Mayo 5 at 5am (UTC)",
            "26-05-26 18:57 UTC",
            "2026-06-01 00:00 +25:00",
            "2026-06-01 00:00 UTC+x",
            "177979128",
            "1779791280x",
            "٣pm UTC",
        ];
        for text in cases {
            assert_eq!(written(text), None, "{text}");
        }
    }

    #[test]
    fn the_ends_of_chrono_do_not_panic() {
        for now in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            for text in
                ["3pm (UTC)", "3pm (UTC+14)", "3pm (UTC-14)", "Jan 1 at 5am (UTC)", "Dec 31, 11pm (UTC-9)"]
            {
                let _: Option<DateTime<Utc>> = moment(text, Now { time: now, zone: None });
            }
        }
    }
}
