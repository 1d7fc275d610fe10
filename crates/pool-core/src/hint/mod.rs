//! What an upstream error tells: when a limit resets, and whether a secret is gone for good.
//!
//! Messages are prose and may be long, so only their beginning is read, once, from left to right.

mod duration;
mod field;
mod gone;
mod header;
mod moment;
mod reset;
mod scan;
mod value;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::classify::is_believable_reset;
use crate::headers::Headers;

pub(crate) use gone::{says_expired, says_gone};

/// How much of a message is read, in bytes. What is longer is a page of HTML rather than a sentence.
const MOST_BYTES: usize = 64 * 1024;

/// When the limit resets, as the answer says: the most specific hint that can be believed.
///
/// 1. A field of the body, the innermost object's first: it is about this very request.
/// 2. The words of the message: how long, or else when.
/// 3. The quota of a subscription that is spent: hours or days, which no other header knows of.
/// 4. The window that is spent, before Retry-After, which an edge may have put there; Anthropic's the other way round.
/// 5. The windows that do not say whether they are spent.
///
/// A hint that is past, or too far ahead to be believed, is no hint, and the next one is asked. `bodies` are the objects
/// found in the body, the innermost first, and `words` its message for people. Headers that a body repeats are asked
/// before those of the answer, which may be of a gateway that passed the body on. `zone` is how far the clock is ahead of UTC
/// of who wrote the words, where that is known.
pub(crate) fn reset(
    headers: &Headers,
    bodies: &[Value],
    words: &str,
    zone: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let now = Now { time: now, zone };
    let echoed = field::echoed_headers(bodies);
    let all = || echoed.iter().chain([headers]);
    field::in_fields(bodies, now)
        .or_else(|| reset::in_words(words, now))
        .or_else(|| all().find_map(|headers| header::quota(headers, now)))
        .or_else(|| all().find_map(|headers| header::limit(headers, now)))
        .or_else(|| all().find_map(|headers| header::untold(headers, now)))
}

/// When the answer came, by which a hint is believed or dropped.
#[derive(Clone, Copy)]
struct Now {
    time: DateTime<Utc>,
    /// How far a clock is ahead of UTC whose zone is not named.
    zone: Option<TimeDelta>,
}

impl Now {
    fn at(self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        is_believable_reset(time, self.time).then_some(time)
    }

    fn after(self, wait: TimeDelta) -> Option<DateTime<Utc>> {
        self.at(self.time.checked_add_signed(wait)?)
    }
}

/// What is read of a message.
pub(crate) fn beginning(message: &str) -> &str {
    message.split_at(message.floor_char_boundary(MOST_BYTES)).0
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|entry| word.eq_ignore_ascii_case(entry))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::parse_text;

    fn reset_in(message: &str) -> Option<TimeDelta> {
        reset::waits(message).next()
    }

    type Fields<'a> = &'a [(&'a str, &'a str)];

    /// The error object and the whole body, and the words of the message.
    fn read(body: &str) -> (Vec<Value>, String) {
        let body: Value = serde_json::from_str(body).unwrap();
        let error = body.get("error").unwrap_or(&body).clone();
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        (vec![error, body], message)
    }

    fn now() -> DateTime<Utc> {
        parse_text("2026-05-26T10:27:00Z").unwrap()
    }

    /// The seconds from 2026-05-26T10:27:00Z, which is 1779791220, until the reset.
    fn seconds(headers: Fields<'_>, body: &str) -> Option<f64> {
        let (bodies, words) = read(body);
        let reset = reset(&headers.iter().copied().collect(), &bodies, &words, None, now())?;
        Some((reset - now()).num_milliseconds() as f64 / 1000.0)
    }

    #[test]
    fn answers_of_providers() {
        let openai = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0s")];
        let groq = [
            ("retry-after", "579"),
            ("x-ratelimit-remaining-tokens", "8381"),
            ("x-ratelimit-reset-tokens", "7.66s"),
        ];
        let codex = [
            ("x-codex-primary-used-percent", "100"),
            ("x-codex-primary-reset-after-seconds", "13873"),
            ("retry-after", "60"),
        ];
        let none = "{}";
        let cases: &[(Fields<'_>, &str, Option<f64>)] = &[
            (&openai, none, Some(360.0)),
            (
                &openai,
                r#"{"error":{"message":"Rate limit reached for requests. Please try again in 20s."}}"#,
                Some(20.0),
            ),
            (
                &groq,
                r#"{"error":{"message":"Limit 100000, Used 97050. Please try again in 9m38.016s. Need more?"}}"#,
                Some(578.016),
            ),
            (&groq, none, Some(579.0)),
            (&codex, none, Some(13_873.0)),
            (
                &codex,
                r#"{"error":{"type":"usage_limit_reached","message":"The usage limit has been reached","resets_in_seconds":529498}}"#,
                Some(529_498.0),
            ),
            (&[], r#"{"error":{"resets_at":1779784020,"resets_in_seconds":-7200}}"#, None),
            // An error event of Codex repeats the headers in its body (earendil-works/pi#4172).
            (
                &[],
                r#"{"error":{"type":"usage_limit_reached"},"headers":{"X-Codex-Primary-Used-Percent":"100","X-Codex-Primary-Reset-At":"1779805093"}}"#,
                Some(13_873.0),
            ),
            (
                &[("retry-after", "1")],
                r#"{"error":{"message":"Rate limit exceeded: free-models-per-min. ","metadata":{"headers":{"X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1779791253000"}}}}"#,
                Some(33.0),
            ),
            (
                &[("retry-after", "30")],
                r#"{"error":{"message":"Provider returned error","metadata":{"raw":"limited upstream"}}}"#,
                Some(30.0),
            ),
            (
                &[],
                r#"{"error":{"message":"Please retry in 3.4s.","details":[{"retryDelay":"3s"}]}}"#,
                Some(3.0),
            ),
            (&[], r#"{"error":{"message":"Your quota will reset after 161h39m41s."}}"#, Some(581_981.0)),
            (
                &[("retry-after", "86400")],
                r#"{"error":{"message":"Rate limit is exceeded. Try again in 50 seconds."}}"#,
                Some(50.0),
            ),
            (&[("retry-after-ms", "2500")], none, Some(2.5)),
            (
                &[("retry-after", "1668180")],
                r#"{"error":{"message":"Sorry, you've exceeded your weekly rate limit."}}"#,
                Some(1_668_180.0),
            ),
            (
                &[],
                r#"{"error":{"message":"Please wait 463 hours 23 minutes before trying again or switch."}}"#,
                Some(1_668_180.0),
            ),
            (
                &[],
                r#"{"error":{"message":"You will regain access on 2026-06-01 at 00:00 UTC."}}"#,
                Some(480_780.0),
            ),
            (&[], r#"{"error":{"message":"Claude AI usage limit reached|1779801220"}}"#, Some(10_000.0)),
            (&[], r#"{"error":{"message":"Your limit will reset at 3pm (UTC)."}}"#, Some(16_380.0)),
            (&[], r#"{"error":{"message":"You've hit your limit · resets 3pm (UTC)"}}"#, Some(16_380.0)),
            (&[], r#"{"error":{"message":"You've hit your limit · resets 10pm (America/New_York)"}}"#, None),
            (
                &[],
                r#"{"error":{"message":"spend limit reached (daily; resets 2026-05-27 00:00 UTC)"}}"#,
                Some(48_780.0),
            ),
            (
                &[],
                r#"{"error":{"message":"Remaining: 0. Limit resets at: 2026-05-26 10:28:00 UTC"}}"#,
                Some(60.0),
            ),
            (
                &[],
                r#"{"error":{"code":"1308","message":"Usage limit reached for 5 hour. Your limit will reset at 2026-05-26 18:55:29"}}"#,
                None,
            ),
            (
                &[],
                r#"{"error":{"message":"Weekly usage limit reached. It will reset in 5 days 10 hours."}}"#,
                Some(468_000.0),
            ),
            (
                &[("x-ratelimit-remaining-requests", "9999"), ("x-ratelimit-reset-requests", "6ms")],
                r#"{"error":{"message":"Please try again with a different prompt: https://x"}}"#,
                None,
            ),
        ];
        for (headers, body, expected) in cases {
            assert_eq!(seconds(headers, body), *expected, "{headers:?} {body}");
        }
    }

    /// Each hint names a time of its own. One after the other is taken away, and the next one counts.
    #[test]
    fn the_most_specific_hint_counts() {
        let mut headers = vec![
            ("x-ratelimit-reset", "8"),
            ("ratelimit", "\"a\";r=0;t=7"),
            ("retry-after", "6"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "5"),
            ("x-codex-primary-used-percent", "100"),
            ("x-codex-primary-reset-after-seconds", "4"),
        ];
        let body = |fields: &str, message: &str| format!(r#"{{"error":{{{fields}"message":"{message}"}}}}"#);
        let words = "Resets at 2026-05-26T10:27:03Z. Retry after 2 s.";
        assert_eq!(seconds(&headers, &body(r#""retry_after":1,"#, words)), Some(1.0));
        assert_eq!(seconds(&headers, &body(r#""retry_after":0,"#, words)), Some(2.0));
        assert_eq!(
            seconds(&headers, &body("", "Resets at 2026-05-26T10:27:03Z. Retry after 46 days.")),
            Some(3.0)
        );
        for (left, expected) in [(7, 4.0), (5, 5.0), (3, 6.0), (2, 7.0), (1, 8.0)] {
            headers.truncate(left);
            assert_eq!(seconds(&headers, "{}"), Some(expected), "{headers:?}");
        }
        assert_eq!(seconds(&[], "{}"), None);
    }

    fn millis(message: &str) -> Option<i64> {
        reset_in(message).map(|delta| delta.num_milliseconds())
    }

    /// Only the beginning is read, and it may not be cut within a character.
    #[test]
    fn long_messages_are_cut() {
        for filler in ["x ", "é ", "€", "😀"] {
            let filler = filler.repeat(MOST_BYTES);
            let message = format!("{filler} retry after 5 s. API key revoked. expired");
            assert_eq!(
                (reset_in(&message), says_gone(&message), says_expired(&message)),
                (None, false, false)
            );
            let message = format!("retry after 5 s. API key revoked. {filler}");
            assert_eq!((millis(&message), says_gone(&message)), (Some(5_000), true));
        }
    }

    /// Each of these would be slow if a run were read again from each place within it.
    #[test]
    fn long_messages_are_quick() {
        let runs = [
            "1",
            " ",
            "retry ",
            "retry after ",
            "retry after 1",
            "1s ",
            "retry after 0s 0",
            "\"",
            "quotaResetDelay:",
        ];
        let words = [
            "revoked ",
            "key revoked or ",
            "has ",
            "all key revoked for user ",
            "account x key revoked ",
            "revoked api ",
        ];
        for part in runs.into_iter().chain(words) {
            let message = format!("retry after {}", part.repeat(10_000_000 / part.len()));
            let _: (Option<TimeDelta>, bool, bool) =
                (reset_in(&message), says_gone(&message), says_expired(&message));
        }
    }

    const SOUP: &str = "(retry after|wait|resets|resets at|limit reached\\||pm|UTC|2026-05-27|May|[+-]|\
                        resets in|try again in|key|token|account|revoked|has been|or|not|if|the|of|é|’| |[.?!;:,/'\"]|[0-9]{1,20}|ms|min|h|and){0,30}";

    const NAME: &str = "(x-|anthropic-)?(ratelimit|rate-limit)(-unified)?(-reset|-remaining|-status)(-tokens|-5h)?|\
                        ratelimit|retry-after(-ms)?|x-codex-primary-(used-percent|reset-at|reset-after-seconds)|[a-z-]{0,9}";

    const VALUE: &str = "[0-9]{1,14}|[0-9]{1,3}(ms|s|m|h)|0|100|rejected|nan|inf|-[0-9]|2026-05-2[6-9]T10:27:0[0-9]Z|\
                         \"a\";r=[01];t=[0-9]{1,4}|(Tue|Wed), 2[67] May 2026 10:3[0-9]:00 GMT|\\PC{0,9}";

    const FIELD: &str = "retryDelay|quotaResetDelay|quotaResetTimeStamp|resets_at|resets_in_seconds|reset_at|\
                         retry_after(_ms|_seconds)?|metadata|details|headers|x-ratelimit-reset|seconds|nanos|\\PC{0,5}";

    /// Any JSON, and often with the fields that are read.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (0_u32..2_000_000).prop_map(Value::from),
            VALUE.prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let fields = prop::collection::btree_map(FIELD, inner.clone(), 0..4);
            let object = fields.prop_map(|fields| Value::Object(fields.into_iter().collect()));
            prop_oneof![3 => object, 1 => prop::collection::vec(inner, 0..4).prop_map(Value::Array)]
        })
    }

    fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
        prop::collection::vec((NAME, VALUE), 0..8)
    }

    proptest! {
        #[test]
        fn a_reset_is_ahead_and_can_be_believed(
            fields in fields(),
            bodies in prop::collection::vec(json(), 0..3),
            words in SOUP,
        ) {
            if let Some(reset) = reset(&fields.into_iter().collect(), &bodies, &words, None, now()) {
                prop_assert!(reset > now() && reset <= now() + TimeDelta::days(45), "{}", reset);
            }
        }

        #[test]
        fn no_time_makes_it_panic(fields in fields(), body in json(), words in SOUP, seconds in any::<i64>()) {
            let now = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
            let _: Option<DateTime<Utc>> = reset(&fields.into_iter().collect(), &[body], &words, None, now);
        }

        #[test]
        fn an_unrelated_header_changes_nothing(
            fields in fields(),
            name in "content-type|date|server|cf-ray|x-request-id|age|x-ratelimit-limit-tokens|x-[a-q]{1,9}",
            value in VALUE,
            at in any::<prop::sample::Index>(),
        ) {
            let alone = reset(&fields.iter().cloned().collect(), &[], "", None, now());
            let mut more = fields;
            more.insert(at.index(more.len() + 1), (name, value));
            prop_assert_eq!(reset(&more.into_iter().collect(), &[], "", None, now()), alone);
        }

        #[test]
        fn nothing_panics(message in any::<String>()) {
            let _: (Option<TimeDelta>, bool, bool) = (reset_in(&message), says_gone(&message), says_expired(&message));
        }

        #[test]
        fn nothing_panics_on_what_is_nearly_a_hint(message in SOUP) {
            let _: (bool, bool) = (says_gone(&message), says_expired(&message));
            if let Some(delta) = reset_in(&message) {
                prop_assert!(delta > TimeDelta::zero() && delta <= TimeDelta::days(3653));
            }
        }

        #[test]
        fn parts_add_up(hours in 0_i64..1000, minutes in 0_i64..1000, seconds in 1_i64..1000) {
            let expected = TimeDelta::seconds(hours * 3600 + minutes * 60 + seconds);
            let short = format!("Retry in {hours}h{minutes}m{seconds}s.");
            let long = format!("resets in {hours} hrs, {minutes} min and {seconds} sec");
            prop_assert_eq!((reset_in(&short), reset_in(&long)), (Some(expected), Some(expected)));
        }

        #[test]
        fn expiry_is_never_the_end(before in SOUP, after in SOUP) {
            let message = format!("{before} expired {after} API key revoked");
            prop_assert!(!says_gone(&message));
        }
    }
}
