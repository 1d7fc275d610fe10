//! Times as the file writes and reads them.
//!
//! Everything read here can be written and reads back equal: whole microseconds, years 0 to 9999.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};

/// A number above this counts milliseconds: as seconds it would be the year 33658, as milliseconds it is 2001.
const MOST_SECONDS: f64 = 1e12;

/// Reads what a JSON string may hold: RFC 3339, or a number as [`parse_number`] reads it.
///
/// Of RFC 3339 it also takes what other writers make of it: a space for the `T`, an offset without its colon,
/// no offset at all, which is UTC. Digits finer than microseconds are cut off.
///
/// ```
/// use pool_core::time;
///
/// let time = time::parse_text("2026-05-26T12:27:00+02:00");
/// assert_eq!(time, time::parse_text("2026-05-26 10:27:00"));
/// assert_eq!(time, time::parse_text("1779791220"));
/// assert_eq!(time::parse_text("tomorrow"), None);
/// ```
#[must_use]
pub fn parse_text(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    parse_number(text).or_else(|| parse_rfc_3339(text))
}

/// Reads a JSON number: seconds since 1970, or milliseconds when above 1e12; rounded to microseconds.
///
/// It takes the text of the number, since the nearest `f64` may be another microsecond. Zero is how some writers
/// say "never", so only a time after 1970 counts.
///
/// ```
/// use pool_core::time;
///
/// let time = time::parse_number("1779791220.5");
/// assert_eq!(time.map(time::format).as_deref(), Some("2026-05-26T10:27:00.500000Z"));
/// assert_eq!(time, time::parse_number("1779791220500"));
/// assert_eq!(time::parse_number("0"), None);
/// ```
#[must_use]
pub fn parse_number(number: &str) -> Option<DateTime<Utc>> {
    let value: f64 = number.parse().ok().filter(|value: &f64| value.is_finite())?;
    let decimals = if value > MOST_SECONDS { 3 } else { 6 };
    let micros = plain_micros(number, decimals).unwrap_or_else(|| nearest_micros(value, decimals));
    DateTime::from_timestamp_micros(micros).filter(|time| micros > 0 && is_writable(*time))
}

/// Writes RFC 3339 in UTC: no fraction, or one of exactly six digits.
///
/// ```
/// use pool_core::time;
///
/// for text in ["2026-05-26T10:27:00Z", "2026-05-26T04:52:50.500000Z"] {
///     assert_eq!(time::parse_text(text).map(time::format).as_deref(), Some(text));
/// }
/// ```
#[must_use]
pub fn format(time: DateTime<Utc>) -> String {
    let time = truncate(time);
    let precision =
        if time.timestamp_subsec_micros() == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
    time.to_rfc3339_opts(precision, true)
}

/// Cuts a time to whole microseconds, so that what is written reads back equal.
///
/// A leap second becomes the second after it, as it does in seconds since 1970.
///
/// ```
/// use chrono::TimeDelta;
/// use pool_core::time;
///
/// let time = time::parse_text("2026-05-26T10:27:00Z").expect("RFC 3339");
/// assert_eq!(time::truncate(time + TimeDelta::nanoseconds(1_999)), time + TimeDelta::microseconds(1));
/// ```
#[must_use]
pub fn truncate(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

/// Writes seconds since 1970 as a JSON number, the way Python writes a float: one to six digits after the point.
///
/// ```
/// use pool_core::time;
///
/// let time = time::parse_text("2026-05-26T10:27:00Z");
/// assert_eq!(time.map(time::epoch_seconds).as_deref(), Some("1779791220.0"));
/// ```
#[must_use]
pub fn epoch_seconds(time: DateTime<Utc>) -> String {
    let micros = time.timestamp_micros();
    let sign = if micros < 0 { "-" } else { "" };
    let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let fraction = format!("{fraction:06}");
    let (first, rest) = fraction.split_at(1);
    format!("{sign}{seconds}.{first}{}", rest.trim_end_matches('0'))
}

/// The digits of a plain decimal number, moved to whole microseconds; none if it is written any other way.
fn plain_micros(number: &str, decimals: usize) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let micros: i64 = format!("{whole}{fraction:0<decimals$.decimals$}").parse().ok()?;
    let rounds_up = fraction.as_bytes().get(decimals).is_some_and(|digit| *digit >= b'5');
    micros.checked_add(i64::from(rounds_up))
}

/// Good to the microsecond for any time near ours; a number too large ends as `i64::MAX`, which is no time.
fn nearest_micros(value: f64, decimals: usize) -> i64 {
    let factor = if decimals == 3 { 1e3 } else { 1e6 };
    (value * factor).round() as i64
}

pub(crate) fn parse_rfc_3339(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_rfc3339(&with_usual_offset(text)))
        .ok()?;
    Some(truncate(time.to_utc())).filter(|time| is_writable(*time))
}

/// Puts the colon into `+0000`; a text without an offset gets `Z`.
fn with_usual_offset(text: &str) -> String {
    let split = text.rfind(['+', '-']).and_then(|at| text.split_at_checked(at + 3));
    match split {
        Some((head, minutes)) if minutes.len() == 2 && is_digits(minutes) => format!("{head}:{minutes}"),
        _ => format!("{text}Z"),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// RFC 3339 has four digits for the year.
fn is_writable(time: DateTime<Utc>) -> bool {
    (0..=9999).contains(&time.year())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    /// 2026-05-26T10:27:00Z and some microseconds.
    fn at(micros: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(1_779_791_220_000_000 + micros)
    }

    fn written(time: Option<DateTime<Utc>>) -> Option<String> {
        time.map(format)
    }

    #[test]
    fn texts_that_are_times() {
        let cases = [
            ("2026-05-26T10:27:00Z", 0),
            ("2026-05-26t10:27:00z", 0),
            ("2026-05-26 10:27:00Z", 0),
            ("2026-05-26 10:27:00", 0),
            ("2026-05-26T10:27:00", 0),
            ("  2026-05-26T10:27:00Z\n", 0),
            ("2026-05-26T10:27:00+00:00", 0),
            ("2026-05-26T10:27:00-00:00", 0),
            ("2026-05-26T10:27:00+0000", 0),
            ("2026-05-26T12:27:00+0200", 0),
            ("2026-05-26T12:27:00+02:00", 0),
            ("2026-05-26T04:57:00-05:30", 0),
            ("2026-05-26T04:57:00.25-0530", 250_000),
            ("2026-05-26T10:27:00.5Z", 500_000),
            ("2026-05-26T10:27:00.5", 500_000),
            ("2026-05-26T10:27:00.123456789Z", 123_456),
            ("2026-05-26T10:27:00.12345699999999999999999Z", 123_456),
            ("1779791220", 0),
            ("1779791220.5", 500_000),
            ("1.779791220e9", 0),
            (" 1779791220500 ", 500_000),
        ];
        for (text, micros) in cases {
            assert_eq!(parse_text(text), at(micros), "{text}");
        }
    }

    #[test]
    fn texts_that_are_none() {
        let cases = [
            "",
            "  ",
            "nan",
            "inf",
            "-inf",
            "infinity",
            "null",
            "tomorrow",
            "0",
            "-1779791220",
            "2026-05-26",
            "10:27:00",
            "2026-05-26T10:27Z",
            "2026-05-26T10:27:00 Z",
            "2026-05-26T10:27:00+00",
            "2026-05-26T10:27:00+2400",
            "2026-05-26T10:27:00.Z",
            "2026-02-30T10:27:00Z",
            "2026-05-26T24:00:00Z",
            "2026-05-26T10:27:00ZZ",
            "9999-12-31T23:59:59-01:00",
            "0000-01-01T00:00:00+01:00",
            "12026-05-26T10:27:00Z",
            "２026-05-26T10:27:00Z",
            "2026-05-26T10:27:00+é0",
            "-é",
        ];
        for text in cases {
            assert_eq!(parse_text(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_that_are_times() {
        let cases = [
            ("1779791220", 0),
            ("1779791220.0", 0),
            ("1779791220.000001", 1),
            ("1779791220.123456", 123_456),
            ("1779791220.1234564999", 123_456),
            ("1779791220.1234565", 123_457),
            ("1779791220.9999995", 1_000_000),
            ("1779791220000", 0),
            ("1779791220000.001", 1),
            ("1779791220000.0005", 1),
            ("1.77979122e9", 0),
            ("1.7797912205E+9", 500_000),
            ("1.779791220123e12", 123_000),
            ("17797912201234567e-7", 123_457),
        ];
        for (number, micros) in cases {
            assert_eq!(parse_number(number), at(micros), "{number}");
        }
    }

    #[test]
    fn numbers_at_the_edges() {
        let cases = [
            ("0.000001", Some("1970-01-01T00:00:00.000001Z")),
            ("253402300799.999999", Some("9999-12-31T23:59:59.999999Z")),
            ("253402300799999", Some("9999-12-31T23:59:59.999000Z")),
            ("1000000000000.1", Some("2001-09-09T01:46:40.000100Z")),
            ("253402300800", None),
            ("253402300799.9999999", None),
            ("253402300800000", None),
            ("1000000000000", None),
            ("0", None),
            ("0.0", None),
            ("0.0000001", None),
            ("-0", None),
            ("-1", None),
            ("-1e400", None),
            ("1e400", None),
            ("1e300", None),
            ("1e-400", None),
            ("9223372036854775807", None),
            ("99999999999999999999999999", None),
            ("NaN", None),
            ("", None),
            (".", None),
        ];
        for (number, expected) in cases {
            assert_eq!(written(parse_number(number)).as_deref(), expected, "{number}");
        }
    }

    #[test]
    fn formats_as_the_file_does() {
        let cases = [
            (0, "2026-05-26T10:27:00Z", "1779791220.0"),
            (1, "2026-05-26T10:27:00.000001Z", "1779791220.000001"),
            (500_000, "2026-05-26T10:27:00.500000Z", "1779791220.5"),
            (120_300, "2026-05-26T10:27:00.120300Z", "1779791220.1203"),
            (1_000_000, "2026-05-26T10:27:01Z", "1779791221.0"),
            (-1_779_791_220_500_000, "1969-12-31T23:59:59.500000Z", "-0.5"),
        ];
        for (micros, text, seconds) in cases {
            let time = at(micros).unwrap();
            assert_eq!(format(time), text);
            assert_eq!(epoch_seconds(time), seconds);
            assert_eq!(format(time + TimeDelta::nanoseconds(999)), text);
        }
    }

    #[test]
    fn a_leap_second_reads_back_equal() {
        let time = parse_text("2016-12-31T23:59:60.5Z");
        assert_eq!(written(time).as_deref(), Some("2017-01-01T00:00:00.500000Z"));
        assert_eq!(time.and_then(|time| parse_text(&format(time))), time);
    }

    #[test]
    fn the_ends_of_chrono_do_not_panic() {
        for time in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert!(format(time).ends_with('Z'));
            assert!(epoch_seconds(time).contains('.'));
        }
    }

    /// Any time that the file can hold, to the nanosecond.
    fn times() -> impl Strategy<Value = DateTime<Utc>> {
        (-62_167_219_200_i64..=253_402_300_799, 0_u32..1_000_000_000)
            .prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
    }

    proptest! {
        #[test]
        fn nothing_panics(text in any::<String>()) {
            let _: (Option<_>, Option<_>) = (parse_text(&text), parse_number(&text));
        }

        #[test]
        fn nothing_panics_on_what_is_nearly_a_time(
            text in "[0-9]{1,4}-[0-9]{2}-[0-9]{2}[tT é][0-9:.,]{5,20}[-+zZé−0-9:]{0,6}",
        ) {
            let time = parse_text(&text);
            prop_assert_eq!(time.and_then(|time| parse_text(&format(time))), time);
        }

        #[test]
        fn nothing_panics_on_what_is_nearly_a_number(text in "[-+]?[0-9]{0,25}[.]?[0-9]{0,25}([eE][-+]?[0-9]{1,4})?") {
            let time = parse_number(&text);
            prop_assert_eq!(time.and_then(|time| parse_text(&format(time))), time);
        }

        #[test]
        fn what_is_written_reads_back(time in times()) {
            prop_assert_eq!(parse_text(&format(time)), Some(truncate(time)));
            prop_assert_eq!(truncate(truncate(time)), truncate(time));
        }

        #[test]
        fn epoch_seconds_read_back(micros in 1_i64..253_402_300_800_000_000) {
            let time = DateTime::from_timestamp_micros(micros);
            prop_assert_eq!(time.and_then(|time| parse_number(&epoch_seconds(time))), time);
        }

        /// So that readers in Python see the very float that they would have written.
        #[test]
        fn epoch_seconds_are_the_shortest_float(micros in 1_000_000_i64..4_000_000_000_000_000) {
            let text = epoch_seconds(DateTime::from_timestamp_micros(micros).unwrap());
            prop_assert_eq!(format!("{:?}", text.parse::<f64>().unwrap()), text);
        }

        #[test]
        fn exponents_agree_with_plain_digits(micros in 1_000_000_000_000_000_i64..4_000_000_000_000_000) {
            prop_assert_eq!(parse_number(&format!("{micros}e-6")), DateTime::from_timestamp_micros(micros));
        }
    }
}
