//! Lines of a log: a status somewhere, and often the body as Python prints it.

use super::Failure;
use super::said;
use crate::hint::beginning;

/// The words that stand before a status: `Error code: 401`, `[HTTP 429]`, `unexpected status 401 Unauthorized`.
const BEFORE_A_STATUS: [&str; 7] =
    ["http", "code", "status", "error", "response", "statuscode", "status_code"];

/// Reads what a log says of one failure; of several the last.
pub(super) fn read(text: &str) -> Failure {
    let text = beginning(text.trim());
    let (status, text) = last_failure(text);
    let mut failure = status.map_or_else(Failure::unstated, Failure::http);
    failure.take(said::in_text(text.trim()));
    failure
}

/// The last status, and the text from the line on that first tells it: what was told before is about another failure.
fn last_failure(text: &str) -> (Option<u16>, &str) {
    let told: Vec<(usize, u16)> = statuses(text).collect();
    let Some((_, last)) = told.last().copied() else { return (None, text) };
    let others = told.iter().rposition(|(_, status)| *status != last);
    let (Some(&(other, _)), Some(&(first, _))) =
        (others.and_then(|index| told.get(index)), told.get(others.map_or(0, |index| index + 1)))
    else {
        return (Some(last), text);
    };
    let line = text[..first].rfind('\n').map_or(0, |end| end + 1);
    (Some(last), &text[line.max(other + 3)..])
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
fn statuses(text: &str) -> impl Iterator<Item = (usize, u16)> {
    let mut before = "";
    words(text).filter_map(move |(at, word)| {
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
