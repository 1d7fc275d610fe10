//! What the message of an upstream error tells: when a limit resets, and whether a secret is gone for good.
//!
//! Messages are prose and may be long, so only their beginning is read, once, from left to right.

use std::time::Duration;

use chrono::TimeDelta;

/// How much of a message is read, in bytes. What is longer is a page of HTML rather than a sentence.
const MOST_BYTES: usize = 64 * 1024;

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

/// Whether the message mentions that something expired, or may have.
pub(crate) fn says_expired(message: &str) -> bool {
    let mut words = words(beginning(message), is_word_character);
    words.any(|word| is_one_of(word, &["expired", "expire", "expires", "expiry", "expiration"]))
}

/// Whether the message of a 401 says that this very key or token was revoked, invalidated, deactivated, disabled or
/// deleted.
///
/// Believing it wrongly costs a good credential, not believing it costs one more request. So in doubt it says no:
/// to hedges, negations and conditions, to lists of what may be wrong, and to what happened to an account.
pub(crate) fn says_gone(message: &str) -> bool {
    let text = beginning(message).to_ascii_lowercase();
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let mut sentences = tokens.split_inclusive(|token| end_of_sentence(token).is_some());
    !says_expired(&text) && sentences.any(sentence_says_gone)
}

fn beginning(message: &str) -> &str {
    message.split_at(message.floor_char_boundary(MOST_BYTES)).0
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

/// What a word does in a sentence about a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    /// Says that the secret is gone for good.
    Verdict,
    /// Names the secret.
    Secret,
    /// Names more than one.
    Secrets,
    /// Names what may be disabled instead, and then the secret is well once it is not.
    Owner,
    /// Links a secret to its verdict; adverbs do, too.
    Link,
    /// Begins the naming of something.
    Article,
    /// Says what kind of secret it is.
    Kind,
    /// As `Preposition`; after a verdict it says where that holds.
    Place,
    /// Makes the secret after it describe something else: "the account associated with this API key".
    Preposition,
    /// Says what else may be wrong with a secret.
    Complaint,
    /// Joins things of which perhaps only one is so.
    Or,
    /// Takes back what follows.
    Hedge,
    /// Makes the sentence a rule, or about a state that passes.
    Condition,
    /// Anything else.
    Other,
}

impl Role {
    /// The role of a word in lower case.
    fn of(word: &str) -> Self {
        match word {
            "revoked" | "invalidated" | "deactivated" | "disabled" | "deleted" => Self::Verdict,
            "key" | "token" | "credential" => Self::Secret,
            "keys" | "tokens" | "credentials" => Self::Secrets,
            "account" | "accounts" | "organization" | "organizations" | "organisation" | "organisations"
            | "user" | "users" | "project" | "projects" | "workspace" | "workspaces" | "team" | "teams"
            | "subscription" | "subscriptions" => Self::Owner,
            "has" | "have" | "had" | "been" | "was" | "were" | "is" | "are" | "already" | "now" | "since"
            | "just" | "also" => Self::Link,
            "a" | "an" | "the" | "this" | "that" | "these" | "your" | "our" | "its" | "their" | "all" => {
                Self::Article
            }
            "api" | "access" | "agent" | "auth" | "authentication" | "authorization" | "bearer"
            | "client" | "oauth" | "oauth2" | "personal" | "refresh" | "secret" | "service" | "session" => {
                Self::Kind
            }
            "for" | "in" | "on" => Self::Place,
            "with" | "of" | "to" | "by" | "behind" | "from" | "under" => Self::Preposition,
            "invalid" | "incorrect" | "malformed" | "unknown" | "missing" | "blocked" | "suspended" => {
                Self::Complaint
            }
            "or" | "and/or" => Self::Or,
            "may" | "might" | "could" | "would" | "should" | "can" | "perhaps" | "maybe" | "possible"
            | "possibly" | "probably" | "presumably" | "potentially" | "likely" | "apparently" | "seems"
            | "appears" | "looks" | "usually" | "often" | "sometimes" | "typically" | "reasons"
            | "causes" | "either" | "neither" | "nor" | "no" | "non" | "not" | "never" | "none"
            | "cannot" | "without" => Self::Hedge,
            "if" | "when" | "whenever" | "unless" | "whether" | "until" | "temporarily" | "temporary"
            | "currently" | "pending" => Self::Condition,
            _ if is_contracted_not(word) => Self::Hedge,
            _ if word.ends_with("ly") => Self::Link,
            _ => Self::Other,
        }
    }
}

fn sentence_says_gone(tokens: &[&str]) -> bool {
    let is_question = tokens.last().and_then(|token| end_of_sentence(token)) == Some('?');
    let words = tokens.iter().flat_map(|token| words(token, is_word_character_or_slash));
    let roles: Vec<Role> = words.map(Role::of).collect();
    !is_question && !roles.contains(&Role::Condition) && asserts_gone(&roles)
}

/// Whether a verdict is given on a secret, before anything that takes it back.
fn asserts_gone(roles: &[Role]) -> bool {
    let mut asserted = roles.iter().take_while(|role| !matches!(role, Role::Or | Role::Hedge)).enumerate();
    asserted.any(|(at, role)| {
        let (before, after) = (&roles[..at], &roles[at + 1..]);
        *role == Role::Verdict
            && !is_one_of_several(after)
            && (is_said_of_secret(before, after) || describes_secret(before, after))
    })
}

/// "The key was revoked": before the verdict comes a secret, and it is no setting "for this organization".
fn is_said_of_secret(before: &[Role], after: &[Role]) -> bool {
    let is_setting = matches!(after, [Role::Place, Role::Article | Role::Owner, ..]);
    match without_last(before, &[Role::Link]) {
        [before @ .., Role::Secret | Role::Secrets] => !is_setting && is_subject(before),
        _ => false,
    }
}

/// "A revoked API key": after the verdict comes one secret, and before it nobody who "has disabled API key access".
fn describes_secret(before: &[Role], after: &[Role]) -> bool {
    let kinds = after.iter().take_while(|role| **role == Role::Kind).count();
    let is_secret = match &after[kinds..] {
        [Role::Secret, next, ..] => *next != Role::Kind,
        noun => noun == [Role::Secret],
    };
    let is_active = matches!(before, [.., Role::Link | Role::Owner]);
    is_secret && !is_active && is_subject(before)
}

/// Whether what comes after these words stands for itself, rather than describing or following an owner. An owner may
/// describe it: "the project API key".
fn is_subject(before: &[Role]) -> bool {
    let before = without_last(before, &[Role::Article, Role::Kind, Role::Owner]);
    !matches!(before, [.., Role::Preposition | Role::Place]) && !before.contains(&Role::Owner)
}

/// "revoked or", "revoked, malformed, or": one of several things that may be the case.
fn is_one_of_several(after: &[Role]) -> bool {
    let mut others = after.iter().take(8).skip_while(|role| matches!(role, Role::Verdict | Role::Complaint));
    others.next() == Some(&Role::Or)
}

/// The words without those at their end that have one of these roles.
fn without_last<'a>(words: &'a [Role], roles: &[Role]) -> &'a [Role] {
    let kept = words.iter().rposition(|role| !roles.contains(role)).map_or(0, |last| last + 1);
    &words[..kept]
}

/// The mark that ends a sentence with this token, as in `revoked."`, but not in `api.example.com`.
fn end_of_sentence(token: &str) -> Option<char> {
    let closing = ['"', '\'', '”', '’', ')', ']', '}', ','];
    let last = token.trim_end_matches(closing).chars().next_back();
    let is_abbreviation = token.contains("e.g.") || token.contains("i.e.");
    last.filter(|character| matches!(character, '.' | '!' | '?' | ';') && !is_abbreviation)
}

/// The runs of these characters: with [`is_word_character`], `token_revoked` is two words and `wasn't` is one.
fn words(text: &str, is_inside: fn(char) -> bool) -> impl Iterator<Item = &str> {
    let parts = text.split(move |character| !is_inside(character));
    parts.map(|part| part.trim_matches(is_apostrophe)).filter(|word| !word.is_empty())
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || is_apostrophe(character)
}

/// So that a path, or alternatives such as `revoked/malformed`, is one word that asserts nothing.
fn is_word_character_or_slash(character: char) -> bool {
    is_word_character(character) || character == '/'
}

fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '’')
}

/// `wasn't`, `hasn’t`.
fn is_contracted_not(word: &str) -> bool {
    word.ends_with("n't") || word.ends_with("n’t")
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|entry| word.eq_ignore_ascii_case(entry))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn secrets_that_are_gone() {
        let cases = [
            "Your authentication token has been invalidated. Please try signing in again.",
            "Your API key has been deactivated.",
            "This API key has been disabled",
            "The API key was deleted",
            "API key revoked",
            "API KEY REVOKED!",
            "token is revoked",
            "revoked API key",
            "You are using a revoked API key.",
            "Unauthorized: credentials have been revoked",
            "The credential was permanently deleted.",
            "Your keys have already been revoked.",
            "This OAuth token was recently and automatically revoked; that API key was automatically disabled",
            "Your API key was revoked, please make a new one or contact support.",
            "Your API key was disabled by your organization.",
            "Your project API key has been deleted.",
            "Your API key was disabled for security reasons.",
            "Your account's API key has been revoked.",
            "The API key has been revoked. If you think that this is wrong, contact us.",
            "Invalid API key: this key has been revoked",
            "Is this right? Your API key has been revoked.",
            r#"{"error":{"message":"Your token has been \"revoked\".","code":"token_revoked"}}"#,
            "token_revoked",
        ];
        for message in cases {
            assert!(says_gone(message), "{message}");
        }
    }

    #[test]
    fn secrets_that_may_come_back() {
        let cases = [
            "",
            "revoked",
            "key",
            "Incorrect API key provided: sk-abc. You can find your API key at https://example.com/keys.",
            "Invalid API key",
            "Invalid authentication credentials",
            // RFC 6750, section 3.1, and what is like it.
            "The access token provided is expired, revoked, malformed, or invalid for other reasons.",
            "The access token is revoked, malformed, or invalid for other reasons.",
            "Token has been revoked, deactivated, disabled, or deleted",
            "API key revoked. It expired yesterday.",
            "token_revoked, token_expired",
            "The token is revoked or malformed",
            "The token is malformed or revoked",
            "The key does not exist or has been deleted",
            "The token was revoked/malformed",
            "The key is/was revoked",
            "Either the key was deleted, and we lost it",
            // Hedges.
            "Your API key may have been revoked",
            "Your token might have been invalidated.",
            "The key could have been deleted.",
            "The key was possibly revoked",
            "Perhaps the API key was revoked",
            "Possible reasons: API key revoked, wrong region",
            "Your key may be wrong, e.g. API key revoked",
            "If the API key was revoked, make a new one",
            "The token is revoked when unused",
            "Has your API key been revoked?",
            "Has your API key been revoked? \"Was the token deleted?\"",
            "The API key will be revoked",
            "Your API key is temporarily disabled",
            "Your API key has been disabled until you confirm your address",
            // Negations.
            "token has not been revoked",
            "The token was never revoked",
            "The key hasn't been disabled",
            "The key wasn’t deleted",
            "no API key was revoked",
            "a non-revoked API key is needed",
            // Of something else.
            "Your account has been disabled",
            "The account associated with this API key has been deactivated",
            "The owner of this API key has been disabled",
            "Your account and all its API keys have been disabled",
            "The organization has been disabled",
            "User deactivated",
            "API key usage has been disabled",
            "The scope of this token has been revoked",
            "The token's scope was revoked",
            "account_deactivated",
            // Settings and rules.
            "API keys are disabled for this organization",
            "API keys are disabled on this endpoint",
            "API key has been disabled for project acme",
            "Your organization has disabled API keys",
            "The organization disabled API key access",
            "We disabled API key access",
            "We have disabled API key",
            "Requests with a revoked API key are rejected",
            "Revoked tokens are rejected",
        ];
        for message in cases {
            assert!(!says_gone(message), "{message}");
        }
    }

    #[test]
    fn expiry() {
        let cases = [
            ("The access token expired", true),
            ("EXPIRED.", true),
            ("token_expired", true),
            ("revoked/expired", true),
            ("it expires soon", true),
            ("past its expiry", true),
            ("expiration: yesterday", true),
            ("will expire", true),
            ("", false),
            ("unexpired", false),
            ("experience", false),
        ];
        for (message, expected) in cases {
            assert_eq!(says_expired(message), expected, "{message}");
        }
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

    const SOUP: &str = "(retry after|resets in|try again in|key|token|account|revoked|has been|or|not|if|\
                        the|of|é|’| |[.?!;:,/'\"]|[0-9]{1,20}|ms|min|h|and){0,30}";

    proptest! {
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
