//! Whether a secret is gone for good, as the words of a message say.

use super::{beginning, is_one_of};

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

/// Whether the message mentions that something expired, or may have.
pub(crate) fn says_expired(message: &str) -> bool {
    let mut words = words(beginning(message), is_word_character);
    words.any(|word| is_one_of(word, &["expired", "expire", "expires", "expiry", "expiration"]))
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
    /// Links one, too; of several it makes a rule.
    Are,
    /// Ends a part of a sentence, as a colon does.
    Stop,
    /// Says where it was taken out of, rather than that it is no more.
    From,
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
            "from" => Self::From,
            "are" => Self::Are,
            "has" | "have" | "had" | "been" | "was" | "were" | "is" | "already" | "now" | "since"
            | "just" | "also" => Self::Link,
            "a" | "an" | "the" | "this" | "that" | "these" | "your" | "its" | "their" | "all" => {
                Self::Article
            }
            "api" | "access" | "agent" | "auth" | "authentication" | "authorization" | "bearer"
            | "client" | "oauth" | "oauth2" | "personal" | "refresh" | "secret" | "service" | "session" => {
                Self::Kind
            }
            "for" | "in" | "on" => Self::Place,
            "with" | "of" | "to" | "by" | "behind" | "under" => Self::Preposition,
            "invalid" | "incorrect" | "malformed" | "unknown" | "missing" | "blocked" | "suspended" => {
                Self::Complaint
            }
            "or" | "and/or" => Self::Or,
            "may" | "might" | "could" | "would" | "should" | "can" | "perhaps" | "maybe" | "possible"
            | "possibly" | "probably" | "presumably" | "potentially" | "likely" | "apparently" | "seems"
            | "appears" | "looks" | "usually" | "often" | "sometimes" | "typically" | "reasons"
            | "causes" | "either" | "neither" | "nor" | "no" | "non" | "not" | "never" | "none"
            | "cannot" | "without" | "unable" | "failed" | "false" | "null" | "0" => Self::Hedge,
            "if" | "when" | "whenever" | "unless" | "whether" | "until" | "temporarily" | "temporary"
            | "currently" | "pending" | "reinstated" | "restored" | "reactivated" => Self::Condition,
            _ if is_contracted_not(word) => Self::Hedge,
            _ if possessor(word).is_some_and(|owner| Self::of(owner) == Self::Owner) => Self::Owner,
            _ if word.ends_with("ly") => Self::Link,
            _ => Self::Other,
        }
    }
}

fn sentence_says_gone(tokens: &[&str]) -> bool {
    let is_question = tokens.last().and_then(|token| end_of_sentence(token)) == Some('?');
    let roles: Vec<Role> = tokens.iter().flat_map(|token| roles(token)).collect();
    !is_question && !roles.contains(&Role::Condition) && asserts_gone(&roles)
}

/// The roles of the words between two spaces, and of the colons or the dash beside them.
fn roles(token: &str) -> impl Iterator<Item = Role> {
    let is_dash = matches!(token, "-" | "–" | "—" | "|" | "·");
    token.split_inclusive(':').flat_map(move |part| {
        let stop = (is_dash || part.ends_with(':')).then_some(Role::Stop);
        words(part, is_word_character_or_slash).map(Role::of).chain(stop)
    })
}

/// Whether a verdict is given on a secret, before anything that takes it back.
fn asserts_gone(roles: &[Role]) -> bool {
    let mut asserted = roles.iter().take_while(|role| !matches!(role, Role::Or | Role::Hedge)).enumerate();
    asserted.any(|(at, role)| {
        let (before, after) = (&roles[..at], &roles[at + 1..]);
        *role == Role::Verdict
            && !is_one_of_several(after)
            && !is_value(after)
            && (is_said_of_secret(before, after) || describes_secret(before, after))
    })
}

/// "revoked: false": a field, and what it holds.
fn is_value(after: &[Role]) -> bool {
    matches!(after, [Role::Hedge, ..] | [Role::Stop, Role::Hedge, ..])
}

/// "The key was revoked": before the verdict comes a secret, and it is no setting "for this organization". What is said of several
/// is news only if it happened to them: "API keys are revoked after 90 days" is a rule.
fn is_said_of_secret(before: &[Role], after: &[Role]) -> bool {
    let is_setting = matches!(after, [Role::Place, Role::Article | Role::Owner, ..] | [Role::From, ..]);
    let noun = without_last(before, &[Role::Link, Role::Are]);
    let links = &before[noun.len()..];
    match noun {
        [before @ .., Role::Secret] => !is_setting && is_subject(before),
        [before @ .., Role::Secrets] => {
            !is_setting && !links.is_empty() && !links.contains(&Role::Are) && is_subject(before)
        }
        _ => false,
    }
}

/// "You are using a revoked API key.": the verdict stands in a noun phrase that ends the sentence.
fn describes_secret(before: &[Role], after: &[Role]) -> bool {
    let kinds = after.iter().take_while(|role| **role == Role::Kind).count();
    let begins = matches!(before, [] | [.., Role::Article | Role::Stop]);
    let before = without_last(before, &[Role::Article]);
    let follows = matches!(before, [.., Role::Preposition | Role::Place | Role::From]);
    after[kinds..] == [Role::Secret] && begins && !follows && !before.contains(&Role::Owner)
}

/// Whether what comes after these words stands for itself, rather than describing or following an owner. An owner may
/// describe it, "the project API key", and so may a name with an article, "your OpenAI API key"; other words make it
/// another's, "the gateway's upstream key".
fn is_subject(before: &[Role]) -> bool {
    let before = without_last(before, &[Role::Article, Role::Kind, Role::Owner]);
    let is_anothers = match before {
        [.., Role::Article, Role::Other] => false,
        [.., last] => matches!(last, Role::Other | Role::Preposition | Role::Place | Role::From),
        [] => false,
    };
    !is_anothers && !before.contains(&Role::Owner)
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

/// So that a path, alternatives such as `revoked/malformed` or a field such as `token_revoked` is one word that asserts nothing.
fn is_word_character_or_slash(character: char) -> bool {
    is_word_character(character) || matches!(character, '/' | '_')
}

fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '’')
}

/// Who is named in `account's`.
fn possessor(word: &str) -> Option<&str> {
    word.strip_suffix("'s").or_else(|| word.strip_suffix("’s"))
}

/// `wasn't`, `hasn’t`.
fn is_contracted_not(word: &str) -> bool {
    word.ends_with("n't") || word.ends_with("n’t")
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "Your OpenAI API key has been revoked.",
            "Unauthorized - API key revoked",
            "HTTP 401: token has been invalidated",
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
            // Fields, and what they hold.
            "token_revoked",
            "token_revoked=false",
            "Access token revoked: false",
            "token_revoked_at: null",
            "revoked_token: null",
            // Of something that was being done.
            "revoked token check failed: database unavailable",
            "Unable to check revoked token",
            "Failed to look up revoked token list",
            "Error while loading deleted key index",
            "disabled key rotation",
            "Feature disabled: token",
            "MFA token disabled",
            "session token deleted from cache, retry",
            "Request failed: webhook token deleted.",
            // Rules.
            "Your API key is not valid. API keys are revoked after 90 days.",
            "Invalid token. Tokens revoked before 2020 are rejected.",
            "the token was revoked earlier today in error and has been reinstated.",
            // Of somebody else.
            "upstream provider's API key was revoked",
            "The gateway's upstream key was disabled",
            "Our OpenAI key was revoked",
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
}
