//! Lines of a log: a status somewhere, and often the body as Python prints it.

use std::borrow::Cow;
use std::ops::Range;

use super::Failure;
use super::said;
use crate::hint::beginning;
use crate::lenient;

/// So many objects are told apart from the words around them.
const MOST_VALUES: usize = 64;

/// The words that stand before a status: `Error code: 401`, `[HTTP 429]`, `unexpected status 401 Unauthorized`.
const BEFORE_A_STATUS: [&str; 7] =
    ["http", "code", "status", "error", "response", "statuscode", "status_code"];

/// Reads what a log says of one failure; of several the last.
pub(super) fn read(text: &str) -> Failure {
    let text = both_ends(text.trim());
    let beside = values(&text);
    // Only where nobody else tells a status, one within an object will do: it may be the user's own text.
    let is_beside = statuses(&text, &beside).next().is_some();
    let beside = if is_beside { beside } else { Vec::new() };
    let (status, at, text) = last_failure(&text, &beside);
    let mut failure = status.map_or_else(Failure::unstated, Failure::http);
    // The body stands behind the status, as Python prints it: `Error code: 401 - {...}`. What stands before was quoted.
    let after = text.get(at..).unwrap_or_default();
    let body = after.find('{').and_then(|open| Some((open, lenient::read(after.get(open..)?)?.0)));
    match body.filter(|_| status.is_some()) {
        Some((open, body)) => {
            failure.take(said::in_value(body));
            failure.take(said::in_text(text.get(..at + open).unwrap_or(text).trim()));
        }
        None => failure.take(said::in_text(text.trim())),
    }
    failure.is_status_told = !is_beside && status.is_some();
    failure
}

/// Of a long log its beginning and its end: what failed last is said at its end.
fn both_ends(text: &str) -> Cow<'_, str> {
    let begin = beginning(text);
    let tail = text.get(begin.len()..).unwrap_or_default();
    if tail.is_empty() {
        return Cow::Borrowed(text);
    }
    let end = tail.ceil_char_boundary(tail.len().saturating_sub(begin.len()));
    Cow::Owned(format!("{begin}\n{}", tail.get(end..).unwrap_or_default()))
}

/// The last status, where it is told, and the text from the line on that first tells it: what was told before is about another
/// failure.
fn last_failure<'a>(text: &'a str, values: &[Range<usize>]) -> (Option<u16>, usize, &'a str) {
    let told: Vec<(usize, u16)> = statuses(text, values).collect();
    let Some(&(last_at, last)) = told.last() else { return (None, 0, text) };
    let other = told.iter().rposition(|(_, status)| *status != last);
    let (Some(&(other, _)), Some(&(first, _))) =
        (other.and_then(|index| told.get(index)), told.get(other.map_or(0, |index| index + 1)))
    else {
        return (Some(last), last_at, text);
    };
    let line = text[..first].rfind('\n').map_or(0, |end| end + 1);
    let from = line.max(other + 3);
    (Some(last), last_at - from, &text[from..])
}

/// The words that come after a status: `401 Unauthorized`.
const AFTER_A_STATUS: [(u16, &str); 14] = [
    (400, "bad"),
    (401, "unauthorized"),
    (402, "payment"),
    (403, "forbidden"),
    (404, "not"),
    (408, "request"),
    (413, "payload"),
    (422, "unprocessable"),
    (429, "too"),
    (500, "internal"),
    (502, "bad"),
    (503, "service"),
    (504, "gateway"),
    (529, "overloaded"),
];

/// Where the text tells a status, and which.
fn statuses<'a>(text: &'a str, values: &'a [Range<usize>]) -> impl Iterator<Item = (usize, u16)> + 'a {
    let mut before = "";
    words(text).filter_map(move |(at, word)| {
        if values.iter().any(|value| value.contains(&at)) {
            return None;
        }
        let is_told = BEFORE_A_STATUS.iter().any(|known| known.eq_ignore_ascii_case(before))
            || (text[..at].ends_with('(') && text[at + word.len()..].starts_with(')'));
        before = word;
        let status: u16 = word.parse().ok()?;
        let after = words(&text[at + word.len()..]).next().map(|(_, word)| word);
        let is_reason = |(known, reason): &(u16, &str)| {
            *known == status && after.is_some_and(|after| after.eq_ignore_ascii_case(reason))
        };
        let is_told = is_told || AFTER_A_STATUS.iter().any(is_reason);
        (is_told && word.len() == 3 && (400..600).contains(&status)).then_some((at, status))
    })
}

/// Where objects stand in a text: what is in them is no status of the log.
fn values(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{')
        && found.len() < MOST_VALUES
    {
        let begin = at + open;
        at = match lenient::read(&text[begin..]) {
            Some((_, rest)) => text.len() - rest.len(),
            None => begin + 1,
        };
        found.push(begin..at);
    }
    found
}

/// The words of a text and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_')).filter_map(move |part| {
        let begin = at;
        at += part.len();
        let word = part.trim_end_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
        (!word.is_empty()).then_some((begin, word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_found_where_it_is_told() {
        let cases = [
            ("Error code: 401 - {'error': {'message': 'no'}}", Some(401)),
            ("AuthenticationError [HTTP 401]", Some(401)),
            ("unexpected status 429 Too Many Requests", Some(429)),
            ("Request failed with status code 503", Some(503)),
            ("API Error: 529 {\"type\":\"error\"}", Some(529)),
            ("status_code=402", Some(402)),
            ("Failed to refresh token: 401 Unauthorized: no", Some(401)),
            ("waited 401 seconds", None),
            ("Error 4012", None),
            ("API Error: Request rejected (429) · [1313][too often]", Some(429)),
            ("HTTP 200", None),
            ("", None),
        ];
        for (text, status) in cases {
            assert_eq!(read(text).status(), status, "{text}");
        }
    }

    #[test]
    fn of_several_failures_the_last_counts() {
        let text = "Error code: 429 - {'error': {'code': 'rate_limit_exceeded', 'message': 'slow'}}\n\
                    Error code: 401 - {'error': {'code': 'token_revoked', 'message': 'gone'}}\n\
                    again HTTP 401";
        let failure = read(text);
        assert_eq!((failure.status(), failure.error_code()), (Some(401), Some("token_revoked")));
        assert!(failure.all_words().all(|words| !words.contains("slow")), "{failure:?}");
        let failure = read("HTTP 429 then HTTP 401: API key revoked");
        assert_eq!((failure.status(), failure.words()), (Some(401), "then HTTP 401: API key revoked"));
    }
}
