//! When a limit resets, as the fields of a JSON body say.

use std::iter;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::Now;
use super::duration::time_delta;
use super::value::{Number, time};
use crate::headers::Headers;

/// The fields that tell a reset, the most specific first, and what a number in them counts.
const FIELDS: [(&str, Number); 9] = [
    // google.rpc.RetryInfo, in `details`: `3s`, or an object of seconds and nanos (googleapis, error_details.proto).
    ("retryDelay", Number::Seconds),
    // google.rpc.ErrorInfo of Gemini Code Assist, in the `metadata` of `details` (google-gemini/gemini-cli#29425).
    ("quotaResetDelay", Number::Seconds),
    ("quotaResetTimeStamp", Number::Moment),
    // Codex: both are there, and the first may be stale (james-6-23/codex2api#9, openai/codex#43892).
    ("resets_at", Number::Moment),
    ("resets_in_seconds", Number::Seconds),
    // Nous; LiteLLM (BerriAI/litellm#14736).
    ("reset_at", Number::Moment),
    // OpenRouter, in `metadata`, with `retry_after_seconds_raw` beside it, which it is rounded up from.
    ("retry_after_seconds", Number::Seconds),
    // Gateways, after the headers of these names. The unit is sure only where the name has it.
    ("retry_after_ms", Number::Milliseconds),
    ("retry_after", Number::Either),
];

/// The time of the most specific field that can be believed, of the most specific object that has one.
pub(super) fn in_fields(bodies: &[Value], now: Now) -> Option<DateTime<Utc>> {
    bodies.iter().filter_map(Value::as_object).find_map(|body| {
        FIELDS.iter().find_map(|(name, number)| {
            let mut values = places(body).filter_map(|place| field(place, name));
            values.find_map(|value| value_time(value, *number, now))
        })
    })
}

/// The headers that a body repeats: OpenRouter does in `metadata` (dirge-code/dirge#719), and an error event of Codex
/// beside its error (earendil-works/pi#4172). Go writes each value as a list.
pub(super) fn echoed_headers(bodies: &[Value]) -> Vec<Headers> {
    let places = bodies.iter().filter_map(Value::as_object).flat_map(places);
    let echoed = places.filter_map(|place| field(place, "headers")?.as_object());
    echoed
        .map(|fields| {
            fields
                .iter()
                .filter_map(|(name, value)| Some((name, text(value.get(0).unwrap_or(value))?)))
                .collect()
        })
        .collect()
}

/// Where a field may stand: in an object, in its `metadata`, in its `details`, and in the `metadata` of those.
fn places(body: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let metadata = |place| field(place, "metadata").and_then(Value::as_object);
    let details = field(body, "details").into_iter().flat_map(|details| match details {
        Value::Array(details) => details.as_slice(),
        other => std::slice::from_ref(other),
    });
    let nested = details.filter_map(Value::as_object);
    iter::once(body).chain(nested).flat_map(move |place| iter::once(place).chain(metadata(place)))
}

/// A field by its name, in snake case or in camel case: protobuf's own JSON may have either.
fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(known, _)| is_same_name(known, name)).map(|(_, value)| value)
}

fn is_same_name(left: &str, right: &str) -> bool {
    let letters = |name| str::bytes(name).filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase());
    letters(left).eq(letters(right))
}

fn value_time(value: &Value, number: Number, now: Now) -> Option<DateTime<Utc>> {
    match value {
        // google.protobuf.Duration as an object.
        Value::Object(duration) => {
            let part = |name| text(duration.get(name)?)?.parse::<f64>().ok();
            now.after(time_delta(part("seconds")? + part("nanos").unwrap_or(0.0) / 1e9)?)
        }
        _ => time(&text(value)?, number, now),
    }
}

/// A number or a string as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::time::parse_text;

    /// The seconds from 2026-05-26T10:27:00Z, which is 1779791220, until the reset.
    fn seconds(bodies: &[Value]) -> Option<f64> {
        let now = parse_text("2026-05-26T10:27:00Z").unwrap();
        Some((in_fields(bodies, Now { time: now, zone: None })? - now).num_milliseconds() as f64 / 1000.0)
    }

    #[test]
    fn fields_that_tell_a_reset() {
        let cases = [
            (json!({"details": [{"retryDelay": "3s"}]}), Some(3.0)),
            (json!({"details": [{"retryDelay": "581981.300432511s"}]}), Some(581_981.3)),
            (json!({"details": [{"retryDelay": {"seconds": 34, "nanos": 500_000_000}}]}), Some(34.5)),
            (json!({"details": [{"retry_delay": {"seconds": "34"}}]}), Some(34.0)),
            (json!({"details": {"retryDelay": "3s"}}), Some(3.0)),
            (
                json!({"details": [
                    {"reason": "QUOTA_EXHAUSTED", "metadata": {"quotaResetDelay": "1500ms", "model": "m"}},
                    {"retryDelay": "2s"},
                ]}),
                Some(2.0),
            ),
            (json!({"details": [{"metadata": {"quotaResetDelay": "161h39m41.3s"}}]}), Some(581_981.3)),
            (json!({"details": [{"metadata": {"quotaResetTimeStamp": "2026-05-26T10:28:00Z"}}]}), Some(60.0)),
            (json!({"resets_at": 1_779_791_280}), Some(60.0)),
            (json!({"resets_at": 1_779_791_280_000_u64}), Some(60.0)),
            (json!({"resets_at": "1779791280"}), Some(60.0)),
            (json!({"resets_at": "2026-05-26T10:28:00Z"}), Some(60.0)),
            (json!({"resets_at": 60}), None),
            (json!({"resets_at": 0}), None),
            (json!({"resets_at": 1_779_784_020, "resets_in_seconds": 7_200}), Some(7_200.0)),
            (json!({"resets_at": 1_779_784_020, "resets_in_seconds": -7_200}), None),
            (json!({"resets_in_seconds": 529_498, "plan_type": "free"}), Some(529_498.0)),
            (json!({"resets_in_seconds": 4e6}), None),
            (json!({"resets_in_seconds": 1e300}), None),
            (json!({"reset_at": 1_779_791_280.5}), Some(60.5)),
            (json!({"retry_after": 1.5}), Some(1.5)),
            (json!({"retry_after": "2026-05-26T10:28:00Z"}), Some(60.0)),
            (json!({"retry_after": 1_779_791_280}), Some(60.0)),
            (json!({"retryAfter": "45s"}), Some(45.0)),
            (json!({"retry_after_ms": 2500}), Some(2.5)),
            (json!({"metadata": {"retry_after_seconds": 11, "retry_after_seconds_raw": 10.918}}), Some(11.0)),
            (json!({"retry_after": null, "resets_at": [1_779_791_280], "reset_at": {}}), None),
            (json!({"retry_after": true}), None),
            (json!({"details": "retryDelay: 3s", "metadata": 7}), None),
            (json!([{"retry_after": 5}]), None),
            (json!("retry_after"), None),
        ];
        for (body, expected) in cases {
            assert_eq!(seconds(std::slice::from_ref(&body)), expected, "{body}");
        }
    }

    #[test]
    fn the_innermost_object_goes_first() {
        let error = json!({"retry_after": 5});
        let top = json!({"error": error, "resets_in_seconds": 600});
        assert_eq!(seconds(&[error, top.clone()]), Some(5.0));
        assert_eq!(seconds(&[json!({"retry_after": -5}), top]), Some(600.0));
    }

    #[test]
    fn headers_that_a_body_repeats() {
        let error = json!({"metadata": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": 1_779_791_253_000_u64}}});
        let top = json!({"headers": {"Retry-After": ["7"], "x-a": "b", "x-b": [], "x-c": null}, "details": {"headers": "none"}});
        let expected = [
            Headers::from_iter([("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1779791253000")]),
            Headers::from_iter([("retry-after", "7"), ("x-a", "b")]),
        ];
        assert_eq!(echoed_headers(&[error, top, json!(1)]), expected);
    }
}
