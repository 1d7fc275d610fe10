//! When a limit resets, as the value of one header or one field says.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::Now;
use super::duration::{self, time_delta};
use super::scan::strip_number;
use crate::time;

/// A number from here on is a moment: seconds since 1970, of 2001 at the earliest. As a wait it would be 31 years.
const FEWEST_EPOCH_SECONDS: f64 = 1e9;

/// What a number without a unit counts.
#[derive(Clone, Copy)]
pub(super) enum Number {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// Seconds or milliseconds since 1970. A small number is neither, and must not become a moment of 1970.
    Moment,
    /// Seconds from now when small, since 1970 when large.
    Either,
}

/// Reads a number, a duration with units, RFC 3339 or an HTTP date.
pub(super) fn time(text: &str, number: Number, now: Now) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Some((value, "")) = strip_number(text) {
        return bare(text, value, number, now);
    }
    if let Some(seconds) = duration::seconds(text) {
        return now.after(time_delta(seconds)?);
    }
    now.at(time::parse_rfc_3339(text).or_else(|| http_date(text))?)
}

fn bare(text: &str, value: f64, number: Number, now: Now) -> Option<DateTime<Utc>> {
    match number {
        Number::Milliseconds => now.after(time_delta(value / 1000.0)?),
        Number::Moment | Number::Either if value >= FEWEST_EPOCH_SECONDS => now.at(time::parse_number(text)?),
        Number::Seconds | Number::Either => now.after(time_delta(value)?),
        Number::Moment => None,
    }
}

/// RFC 9110 section 5.6.7: the form of today, which is one of RFC 5322, and the two obsolete ones.
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    const OBSOLETE: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let obsolete = || OBSOLETE.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let today = DateTime::parse_from_rfc2822(text).ok().map(|time| time.to_utc());
    today.or_else(|| Some(obsolete()?.and_utc())).map(time::truncate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_text;

    /// The milliseconds from 2026-05-26T10:27:00Z, which is 1779791220.
    fn millis(text: &str, number: Number) -> Option<i64> {
        let now = parse_text("2026-05-26T10:27:00Z").unwrap();
        Some((time(text, number, Now { time: now, zone: None })? - now).num_milliseconds())
    }

    #[test]
    fn what_a_number_counts() {
        // The number, and what it is as seconds, as milliseconds, as a moment, and as either.
        let cases = [
            ("60", Some(60_000), Some(60), None, Some(60_000)),
            ("7.66", Some(7_660), Some(7), None, Some(7_660)),
            (" 3888000 ", Some(3_888_000_000), Some(3_888_000), None, Some(3_888_000_000)),
            ("3888001", None, Some(3_888_001), None, None),
            ("1779791280", None, Some(1_779_791_280), Some(60_000), Some(60_000)),
            ("1779791280.5", None, Some(1_779_791_280), Some(60_500), Some(60_500)),
            ("1779791280000", None, None, Some(60_000), Some(60_000)),
            ("1779791280500.0", None, None, Some(60_500), Some(60_500)),
            ("1779791220", None, Some(1_779_791_220), None, None),
            ("1779791160", None, Some(1_779_791_160), None, None),
            ("1789791220", None, Some(1_789_791_220), None, None),
            ("0", None, None, None, None),
        ];
        for (text, seconds, milliseconds, moment, either) in cases {
            let read = [Number::Seconds, Number::Milliseconds, Number::Moment, Number::Either];
            assert_eq!(
                read.map(|number| millis(text, number)),
                [seconds, milliseconds, moment, either],
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_number() {
        let cases = [
            ("1s", Some(1_000)),
            ("6m0s", Some(360_000)),
            ("6ms", Some(6)),
            ("2m59.56s", Some(179_560)),
            ("1h30m", Some(5_400_000)),
            ("161h39m41.300432511s", Some(581_981_300)),
            ("1500ms", Some(1_500)),
            ("2026-05-26T10:28:00Z", Some(60_000)),
            ("2026-05-26T12:28:00.5+02:00", Some(60_500)),
            ("2026-05-26 10:28:00", Some(60_000)),
            ("Tue, 26 May 2026 10:28:00 GMT", Some(60_000)),
            ("Tuesday, 26-May-26 10:28:00 GMT", Some(60_000)),
            ("Tue May 26 10:28:00 2026", Some(60_000)),
            ("Mon Jun  1 10:27:00 2026", Some(518_400_000)),
            ("Tue, 26 May 2026 10:27:60 GMT", Some(60_000)),
            ("", None),
            ("nan", None),
            ("inf", None),
            ("-inf", None),
            ("-60", None),
            ("+60", None),
            ("1.77979128e9", None),
            ("60,000", None),
            ("60 apples", None),
            ("1s, then 2m", None),
            ("0s", None),
            ("46d", None),
            ("Mon, 26 May 2026 10:28:00 GMT", None),
            ("Tue, 32 May 2026 10:28:00 GMT", None),
            ("2026-05-26T10:26:00Z", None),
            ("2026-05-26", None),
            ("é", None),
        ];
        for (text, expected) in cases {
            for number in [Number::Seconds, Number::Milliseconds, Number::Moment, Number::Either] {
                assert_eq!(millis(text, number), expected, "{text}");
            }
        }
    }
}
