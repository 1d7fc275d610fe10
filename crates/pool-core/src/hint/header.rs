//! When a limit resets, as the headers of an answer say.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::Now;
use super::value::{Number, time};
use crate::headers::Headers;

/// Headers that say when to come back, whatever was the limit.
const RETRY: [(&str, Number); 4] = [
    // Azure and OpenAI; their SDKs ask it first, since it is finer (openai-python, `_parse_retry_after_header`).
    ("retry-after-ms", Number::Milliseconds),
    // RFC 9110 section 10.2.3: seconds or an HTTP date. Fractions and seconds since 1970 are seen, too
    // (openai-python reads the former; cloudfoundry/cloud_controller_ng#2544).
    ("retry-after", Number::Either),
    // Azure: of Cosmos DB, and of what is put before OpenAI there.
    ("x-ms-retry-after-ms", Number::Milliseconds),
    // Gateways that leave the plain one to the edge.
    ("x-retry-after", Number::Either),
];

/// When the quota of a subscription resets, if it is spent.
pub(super) fn quota(headers: &Headers, now: Now) -> Option<DateTime<Utc>> {
    codex_quota(headers, now).or_else(|| anthropic_quota(headers, now))
}

/// When the window resets that is spent, or when to come back: the more telling of them first.
pub(super) fn limit(headers: &Headers, now: Now) -> Option<DateTime<Utc>> {
    let retry = || retry(headers, now);
    let spent = || latest(windows(headers).filter(Window::is_spent), now);
    // Anthropic computes Retry-After from the limit that was hit, and its windows refill all the time, so that theirs
    // tells when they are full again (its rate limits page). Elsewhere Retry-After is of an edge that knows no windows.
    let anthropic = headers.iter().any(|(name, _)| name.starts_with("anthropic-ratelimit-"));
    let limit = if anthropic { retry().or_else(spent) } else { spent().or_else(retry) };
    // Retry-After goes before these, as draft-ietf-httpapi-ratelimit-headers asks of who receives both.
    limit.or_else(|| latest(draft_windows(headers).filter(Window::is_spent), now))
}

/// When the windows reset that do not say whether they are spent. It is better than nothing.
pub(super) fn untold(headers: &Headers, now: Now) -> Option<DateTime<Utc>> {
    latest(windows(headers).chain(draft_windows(headers)).filter(Window::is_untold), now)
}

fn retry(headers: &Headers, now: Now) -> Option<DateTime<Utc>> {
    RETRY.iter().find_map(|(name, number)| time(headers.get(name)?, *number, now))
}

/// Codex: two windows, of hours and of days, with how much of each is used (codex-rs, `rate_limits.rs`).
fn codex_quota(headers: &Headers, now: Now) -> Option<DateTime<Utc>> {
    let window = |name: &str| {
        let value = |what: &str| headers.get(&format!("x-codex-{name}-{what}"));
        let used: f64 = value("used-percent")?.trim().parse().ok()?;
        let at = || time(value("reset-at")?, Number::Moment, now);
        let after = || time(value("reset-after-seconds")?, Number::Seconds, now);
        if used >= 100.0 { at().or_else(after) } else { None }
    };
    ["primary", "secondary"].into_iter().filter_map(window).max()
}

/// Claude Pro and Max: a status and a reset of the whole, and of each window such as `5h`, `7d` and `7d_sonnet`
/// (griffinwork40/agent-afk#490, router-for-me/CLIProxyAPI#4874).
///
/// The windows count only while the whole is rejected: with extra usage paid for, it is allowed while a window is not.
/// That extra usage, the overage, is rejected for all who never paid for any, and its reset is the end of the month.
fn anthropic_quota(headers: &Headers, now: Now) -> Option<DateTime<Utc>> {
    const UNIFIED: &str = "anthropic-ratelimit-unified";
    let whole = headers.get("anthropic-ratelimit-unified-status");
    if whole.is_some_and(|status| !is_rejected(status)) {
        return None;
    }
    let windows = twins(headers, "status", |name| name.starts_with(UNIFIED) && !name.contains("-overage"));
    latest(windows.filter(|window| window.state.is_some_and(is_rejected)), now)
}

fn is_rejected(status: &str) -> bool {
    status.trim().eq_ignore_ascii_case("rejected")
}

/// A limit, as far as an answer tells of it.
struct Window<'a> {
    reset: &'a str,
    /// What remains of it, or its status.
    state: Option<&'a str>,
}

impl Window<'_> {
    fn is_spent(&self) -> bool {
        self.remaining().is_some_and(|remaining| remaining <= 0.0)
    }

    fn is_untold(&self) -> bool {
        self.remaining().is_none()
    }

    fn remaining(&self) -> Option<f64> {
        self.state?.trim().parse().ok().filter(|remaining: &f64| !remaining.is_nan())
    }
}

/// The latest reset of those that can be believed: until then one of them stays spent.
fn latest<'a>(windows: impl Iterator<Item = Window<'a>>, now: Now) -> Option<DateTime<Utc>> {
    windows.filter_map(|window| time(window.reset, Number::Either, now)).max()
}

/// The windows of every provider that names a limit in a header.
///
/// All of them put `reset` and `remaining` into the same name, at any place, and whatever else names the window:
/// `x-ratelimit-reset-requests` (OpenAI, Groq, Azure), `-tokens-1h` (Nous), `-requests-day` and `-tokens-minute`
/// (Cerebras), `x-ratelimit-reset` (OpenRouter, GitHub), `anthropic-ratelimit-tokens-reset`, `ratelimitbysize-reset` (Mistral),
/// `llm_provider-x-ratelimit-reset-tokens` (LiteLLM). Suffixes that we do not know work as well.
fn windows(headers: &Headers) -> impl Iterator<Item = Window<'_>> {
    twins(headers, "remaining", |name| {
        let names_a_limit = name.contains("ratelimit") || name.contains("rate-limit");
        // `unified` has a status instead. The draft's own come last.
        names_a_limit && !name.starts_with("anthropic-ratelimit-unified") && !name.starts_with("ratelimit-")
    })
}

/// draft-ietf-httpapi-ratelimit-headers: one field each up to version 06, then `RateLimit: "policy";r=0;t=30`, and
/// `RateLimit: limit=100, remaining=0, reset=30` between them.
fn draft_windows(headers: &Headers) -> impl Iterator<Item = Window<'_>> {
    let field = headers.get("ratelimit").unwrap_or_default();
    let whole = Some(Window::of_parameters(field, "reset", "remaining"));
    let policies = field.split(',').map(|policy| Window::of_parameters(policy, "t", "r"));
    let apart = twins(headers, "remaining", |name| name.starts_with("ratelimit-"));
    apart.chain(whole.into_iter().chain(policies).flatten())
}

impl<'a> Window<'a> {
    fn of_parameters(text: &'a str, reset: &str, remaining: &str) -> Option<Self> {
        let value = |wanted: &str| {
            let mut parameters = text.split([';', ',']).filter_map(|parameter| parameter.split_once('='));
            parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
        };
        Some(Self { reset: value(reset)?, state: value(remaining) })
    }
}

/// Pairs the headers that have `reset` in their name with those that have `state` in its place.
///
/// By a map, so that a dump of many headers takes no longer than its length.
fn twins<'a>(
    headers: &'a Headers,
    state: &str,
    is_one: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Window<'a>> {
    let mut pairs = BTreeMap::<String, (Option<&str>, Option<&str>)>::new();
    for (name, value) in headers.iter().filter(|(name, _)| is_one(name)) {
        if let Some(window) = without_word(name, "reset") {
            pairs.entry(window).or_default().0.get_or_insert(value);
        } else if let Some(window) = without_word(name, state) {
            pairs.entry(window).or_default().1.get_or_insert(value);
        }
    }
    pairs.into_values().filter_map(|(reset, state)| Some(Window { reset: reset?, state }))
}

/// A name such as `x-ratelimit-reset-tokens` with one of its words left out.
fn without_word(name: &str, left_out: &str) -> Option<String> {
    let words: Vec<&str> = name.split('-').collect();
    let at = words.iter().position(|word| *word == left_out)?;
    Some([&words[..at], &words[at + 1..]].concat().join("-"))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::time::parse_text;

    type Fields<'a> = &'a [(&'a str, &'a str)];

    /// The seconds from 2026-05-26T10:27:00Z, which is 1779791220, until the reset.
    fn seconds(read: impl Fn(&Headers, Now) -> Option<DateTime<Utc>>, fields: Fields<'_>) -> Option<f64> {
        let now = parse_text("2026-05-26T10:27:00Z").unwrap();
        let reset = read(&fields.iter().copied().collect(), Now { time: now, zone: None })?;
        Some((reset - now).num_milliseconds() as f64 / 1000.0)
    }

    #[test]
    fn quotas_that_are_spent() {
        let cases: &[(Fields<'_>, Option<f64>)] = &[
            // The headers of earendil-works/pi#4172.
            (
                &[
                    ("X-Codex-Primary-Used-Percent", "100"),
                    ("X-Codex-Primary-Reset-After-Seconds", "13873"),
                    ("X-Codex-Primary-Reset-At", "1779805093"),
                    ("X-Codex-Secondary-Used-Percent", "80"),
                    ("X-Codex-Secondary-Reset-After-Seconds", "316705"),
                    ("X-Codex-Secondary-Reset-At", "1780107925"),
                ],
                Some(13_873.0),
            ),
            (
                &[
                    ("x-codex-primary-used-percent", "100.0"),
                    ("x-codex-primary-reset-after-seconds", "600"),
                    ("x-codex-secondary-used-percent", "101"),
                    ("x-codex-secondary-reset-after-seconds", "9000"),
                ],
                Some(9_000.0),
            ),
            // A stale moment beside a wait that is not; a moment that is none.
            (
                &[
                    ("x-codex-primary-used-percent", "100"),
                    ("x-codex-primary-reset-at", "1779000000"),
                    ("x-codex-primary-reset-after-seconds", "600"),
                ],
                Some(600.0),
            ),
            (&[("x-codex-primary-used-percent", "100"), ("x-codex-primary-reset-at", "600")], None),
            (&[("x-codex-primary-used-percent", "99.9"), ("x-codex-primary-reset-after-seconds", "6")], None),
            (&[("x-codex-primary-used-percent", "nan"), ("x-codex-primary-reset-after-seconds", "6")], None),
            (&[("x-codex-primary-reset-after-seconds", "6")], None),
            // The quota of another model is not what ended this request.
            (
                &[
                    ("x-codex-bengalfox-primary-used-percent", "100"),
                    ("x-codex-bengalfox-primary-reset-after-seconds", "604800"),
                ],
                None,
            ),
            (
                &[
                    ("anthropic-ratelimit-unified-status", "rejected"),
                    ("anthropic-ratelimit-unified-reset", "1779801220"),
                    ("anthropic-ratelimit-unified-5h-status", "rejected"),
                    ("anthropic-ratelimit-unified-5h-reset", "1779801220"),
                    ("anthropic-ratelimit-unified-7d-status", "allowed_warning"),
                    ("anthropic-ratelimit-unified-7d-reset", "1780291220"),
                    ("anthropic-ratelimit-unified-overage-status", "rejected"),
                    ("anthropic-ratelimit-unified-overage-reset", "1780272000"),
                    ("retry-after", "9999"),
                ],
                Some(10_000.0),
            ),
            (
                &[
                    ("anthropic-ratelimit-unified-status", "Rejected "),
                    ("anthropic-ratelimit-unified-reset", "1779801220"),
                    ("anthropic-ratelimit-unified-7d_sonnet-status", "rejected"),
                    ("anthropic-ratelimit-unified-7d_sonnet-reset", "1780291220"),
                ],
                Some(500_000.0),
            ),
            (
                &[
                    ("anthropic-ratelimit-unified-5h-status", "rejected"),
                    ("anthropic-ratelimit-unified-5h-reset", "1779801220"),
                ],
                Some(10_000.0),
            ),
            // Extra usage is paid for: the window is spent, and the request was not refused for that.
            (
                &[
                    ("anthropic-ratelimit-unified-status", "allowed"),
                    ("anthropic-ratelimit-unified-reset", "1779801220"),
                    ("anthropic-ratelimit-unified-5h-status", "rejected"),
                    ("anthropic-ratelimit-unified-5h-reset", "1779801220"),
                ],
                None,
            ),
        ];
        for (fields, expected) in cases {
            assert_eq!(seconds(quota, fields), *expected, "{fields:?}");
        }
    }

    #[test]
    fn limits_that_were_hit() {
        let cases: &[(Fields<'_>, Option<f64>)] = &[
            (&[("retry-after", "20")], Some(20.0)),
            (&[("Retry-After", " 1.5 ")], Some(1.5)),
            (&[("retry-after", "Tue, 26 May 2026 10:32:00 GMT")], Some(300.0)),
            (&[("retry-after", "Tue, 26 May 2026 10:22:00 GMT")], None),
            (&[("retry-after", "1779791520")], Some(300.0)),
            (&[("retry-after", "0")], None),
            (&[("retry-after", "-5")], None),
            (&[("retry-after", "nan")], None),
            (&[("retry-after", "inf")], None),
            (&[("retry-after", "1e3")], None),
            (&[("retry-after", "")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "3888001")], None),
            (&[("retry-after", "3888001"), ("x-retry-after", "7")], Some(7.0)),
            (&[("retry-after", "3"), ("retry-after-ms", "2500")], Some(2.5)),
            (&[("retry-after", "3"), ("retry-after-ms", "0")], Some(3.0)),
            (&[("x-ms-retry-after-ms", "100")], Some(0.1)),
            // OpenAI: of the windows only one is spent, and the edge does not know.
            (
                &[
                    ("retry-after", "1"),
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "6m0s"),
                    ("x-ratelimit-remaining-tokens", "149984"),
                    ("x-ratelimit-reset-tokens", "9h0m0s"),
                ],
                Some(360.0),
            ),
            // Groq: no window is spent, since none of them is the one per day.
            (
                &[
                    ("retry-after", "579"),
                    ("x-ratelimit-remaining-requests", "14369"),
                    ("x-ratelimit-reset-requests", "2m59.56s"),
                    ("x-ratelimit-remaining-tokens", "8381"),
                    ("x-ratelimit-reset-tokens", "7.66s"),
                ],
                Some(579.0),
            ),
            // Nous.
            (
                &[
                    ("x-ratelimit-remaining-requests-1h", "0"),
                    ("x-ratelimit-reset-requests-1h", "2400"),
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "30"),
                    ("x-ratelimit-remaining-tokens", "5"),
                    ("x-ratelimit-reset-tokens", "3000"),
                ],
                Some(2_400.0),
            ),
            // Cerebras.
            (
                &[
                    ("x-ratelimit-remaining-requests-day", "14000"),
                    ("x-ratelimit-reset-requests-day", "33011.4"),
                    ("x-ratelimit-remaining-tokens-minute", "-20"),
                    ("x-ratelimit-reset-tokens-minute", "11.382"),
                ],
                Some(11.382),
            ),
            // OpenRouter, in milliseconds; GitHub, in seconds.
            (&[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1779791253000")], Some(33.0)),
            (&[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1779791253")], Some(33.0)),
            // A small number is a wait, and never a minute after 1970.
            (&[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "60")], Some(60.0)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "6ms")], Some(0.006)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1h30m")], Some(5_400.0)),
            (
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "nan"), ("retry-after", "4")],
                Some(4.0),
            ),
            // Mistral, with and without a reset; RapidAPI has the words the other way round.
            (&[("ratelimitbysize-remaining", "0"), ("ratelimitbysize-reset", "28")], Some(28.0)),
            (&[("x-ratelimit-limit-req-minute", "6"), ("x-ratelimit-remaining-req-minute", "0")], None),
            (&[("x-ratelimit-requests-remaining", "0"), ("x-ratelimit-requests-reset", "9")], Some(9.0)),
            (
                &[
                    ("llm_provider-x-ratelimit-remaining-tokens", "0"),
                    ("llm_provider-x-ratelimit-reset-tokens", "2s"),
                ],
                Some(2.0),
            ),
            // Anthropic: the window tells when it is full again, Retry-After when it is enough.
            (
                &[
                    ("retry-after", "20"),
                    ("anthropic-ratelimit-requests-remaining", "46"),
                    ("anthropic-ratelimit-requests-reset", "2026-05-26T10:27:05Z"),
                    ("anthropic-ratelimit-input-tokens-remaining", "0"),
                    ("anthropic-ratelimit-input-tokens-reset", "2026-05-26T10:28:00Z"),
                ],
                Some(20.0),
            ),
            (
                &[
                    ("anthropic-ratelimit-requests-remaining", "46"),
                    ("anthropic-ratelimit-requests-reset", "2026-05-26T10:27:05Z"),
                    ("anthropic-ratelimit-input-tokens-remaining", "0"),
                    ("anthropic-ratelimit-input-tokens-reset", "2026-05-26T10:28:00Z"),
                ],
                Some(60.0),
            ),
            (&[("RateLimit-Remaining", "0"), ("RateLimit-Reset", "50")], Some(50.0)),
            (&[("RateLimit-Remaining", "0"), ("RateLimit-Reset", "50"), ("retry-after", "5")], Some(5.0)),
            (&[("RateLimit", "limit=100, remaining=0, reset=50")], Some(50.0)),
            (&[("RateLimit", "\"default\";r=0;t=30")], Some(30.0)),
            (&[("RateLimit", "\"a,b;c\";r=0;t=30, \"day\"; r=7; t=9000")], Some(30.0)),
        ];
        for (fields, expected) in cases {
            assert_eq!(seconds(limit, fields), *expected, "{fields:?}");
        }
    }

    #[test]
    fn windows_that_do_not_say_whether_they_are_spent() {
        let cases: &[(Fields<'_>, Option<f64>)] = &[
            (&[("x-ratelimit-reset-tokens-minute", "0.5")], Some(0.5)),
            (&[("x-ratelimit-reset", "2026-05-26T10:28:00Z")], Some(60.0)),
            (&[("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-reset-tokens", "6m0s")], Some(360.0)),
            (&[("x-ratelimit-reset", "9"), ("x-ratelimit-remaining", "nan")], Some(9.0)),
            (&[("ratelimit-reset", "9")], Some(9.0)),
            (&[("ratelimit", "\"default\";t=30")], Some(30.0)),
            (&[("x-rate-limit-reset", "1779791253")], Some(33.0)),
            (&[("x-ratelimit-reset-requests", "6ms"), ("x-ratelimit-remaining-requests", "9999")], None),
            (&[("ratelimit", "\"default\";r=3;t=30")], None),
            (&[("anthropic-ratelimit-unified-5h-reset", "1779801220")], None),
            (&[("x-codex-primary-reset-after-seconds", "600")], None),
            (&[("x-password-reset", "600")], None),
        ];
        for (fields, expected) in cases {
            assert_eq!(seconds(untold, fields), *expected, "{fields:?}");
            assert_eq!(seconds(limit, fields), None, "{fields:?}");
        }
    }

    /// It would take minutes if each header were looked up among all.
    #[test]
    fn many_headers_are_quick() {
        let fields = (0..200_000).map(|number| (format!("x-ratelimit-reset-{number}"), "9"));
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(
            untold(&fields.collect(), Now { time: now, zone: None }),
            Some(now + TimeDelta::seconds(9))
        );
    }
}
