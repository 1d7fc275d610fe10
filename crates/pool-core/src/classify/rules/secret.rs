//! The secret. Only what says that this very key or token is gone is the end of it; all else may be a mistake or an incident.

use crate::classify::family::Family;
use crate::classify::rule::On::{Refusal, Status, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::failure::Failure;
use crate::hint;
use crate::verdict::Kind::{Auth, AuthPermanent, Egress, Overloaded};
use crate::verdict::Remark::{Bare, Expired, InvalidKey};
use crate::verdict::Scope;

/// Codes that say that the secret will never work again, and name why.
const GONE: &[&str] =
    &["token_invalidated", "token_revoked", "invalid_grant", "unauthorized_client", "refresh_token_reused"];

/// The code that is also that of a token that expired, or was never one (RFC 6750 section 3.1).
const INVALID: &[&str] = &["invalid_token"];

/// The codes with which a token endpoint refuses a grant for good.
const REFUSED_GRANT: [&str; 3] = ["invalid_grant", "unauthorized_client", "refresh_token_reused"];

fn says_expired(failure: &Failure) -> bool {
    failure.all_words().chain(failure.codes()).any(hint::says_expired)
}

/// A page is the voice of an edge or a proxy, which knows nothing of keys.
fn says_gone(failure: &Failure) -> bool {
    !failure.is_page() && failure.own_words().any(hint::says_gone)
}

/// The form of a refusal by a token endpoint, with a code that ends the grant.
fn refuses_the_grant(failure: &Failure) -> bool {
    failure
        .oauth_error()
        .is_some_and(|code| REFUSED_GRANT.iter().any(|known| known.eq_ignore_ascii_case(code)))
}

fn refuses_the_token(failure: &Failure) -> bool {
    failure.oauth_error().is_some_and(|code| code.eq_ignore_ascii_case("invalid_token"))
}

/// The codes of RFC 6749 section 5.2, and kin of them, with which a token endpoint refuses who asks, or how.
const REFUSED_CLIENT: [&str; 7] = [
    "invalid_client",
    "deleted_client",
    "disabled_client",
    "unauthorized_client",
    "invalid_request",
    "invalid_scope",
    "unsupported_grant_type",
];

/// Whatever its words, and the other codes in it, tell: they are not about the grant.
fn refuses_the_client(failure: &Failure) -> bool {
    let is_of_client = |code: &str| REFUSED_CLIENT.iter().any(|known| known.eq_ignore_ascii_case(code));
    failure.is_of_token_endpoint() && failure.oauth_error().is_some_and(is_of_client)
}

pub(super) const RULES: &[Rule] = &[
    rule("client_refused", Auth, Scope::Credential)
        .on(&[Status(400), Status(401)])
        .when(refuses_the_client)
        .known_from("RFC 6749 section 5.2, where the caller knows that the token endpoint spoke: about the program that asks"),
    rule("not_this_kind_of_token", Auth, Scope::Credential)
        .on(&[Status(401)])
        .codes(&["ACCESS_TOKEN_TYPE_UNSUPPORTED", "CREDENTIALS_MISSING"])
        .known_from("google.api.ErrorReason; Google's header says invalid_token all the same"),
    rule("grant_gone", AuthPermanent, Scope::Credential)
        .on(&[Status(400), Status(401)])
        .codes(GONE)
        .when(refuses_the_grant)
        .known_from("RFC 6749 section 5.2: a grant that expired is gone, too"),
    rule("grant_refused", AuthPermanent, Scope::Credential)
        .on(&[Status(400), Status(401)])
        .codes(GONE)
        .when(Failure::is_of_token_endpoint)
        .known_from("RFC 6749 section 5.2, where the caller knows that the token endpoint spoke"),
    rule("session_gone", AuthPermanent, Scope::Credential)
        .on(&[Status(400), Status(401)])
        .codes(&[
            "refresh_token_expired",
            "refresh_token_invalidated",
            "invalid_refresh_token",
            "app_session_terminated",
            "app_session_expired",
        ])
        .when(Failure::is_of_token_endpoint)
        .known_from("openai/codex#27351; decolua/9router#1821: kin of invalid_grant, where the token endpoint is known to speak"),
    rule("token_expired", Auth, Scope::Credential)
        .on(&[Status(401)])
        .when(says_expired)
        .noting(Expired)
        .known_from("RFC 6750 section 3.1"),
    rule("token_gone", AuthPermanent, Scope::Credential)
        .on(&[Status(401)])
        .codes(GONE)
        .known_from("openai/codex#13118; RFC 6749 section 5.2; RFC 7009"),
    rule("secret_gone", AuthPermanent, Scope::Credential)
        .on(&[Status(401)])
        .when(says_gone)
        .known_from("the words of providers for a key or token that was revoked, disabled or deleted"),
    rule("token_invalid", AuthPermanent, Scope::Credential)
        .on(&[Status(401)])
        .codes(INVALID)
        .noting(Bare)
        .known_from("RFC 6750 section 3.1: expired, revoked, malformed, or invalid for other reasons"),
    rule("session_over", Auth, Scope::Credential)
        .on(&[Status(400), Status(401)])
        .codes(&["app_session_terminated", "app_session_expired", "refresh_token_expired"])
        .known_from("openai/codex#27351"),
    rule("claude_token_refused", Auth, Scope::Credential)
        .of(&[Family::Anthropic])
        .on(&[Status(403)])
        .says(&["token has been revoked"])
        .noting(Expired)
        .known_from("anthropics/claude-code#9635: at 403, where a renewal may help"),
    rule("refused_at_400", Auth, Scope::Credential)
        .on(&[Status(400)])
        .codes(GONE)
        .known_from("without the form of RFC 6749 section 5.2 nobody knows who spoke"),
    rule("invalid_at_400", Auth, Scope::Credential)
        .on(&[Status(400)])
        .codes(INVALID)
        .when(says_expired)
        .noting(Expired)
        .known_from("servers that send RFC 6750 section 3.1 at 400"),
    rule("token_invalid_at_endpoint", AuthPermanent, Scope::Credential)
        .on(&[Status(400)])
        .codes(INVALID)
        .when(refuses_the_token)
        .noting(Bare)
        .known_from("RFC 6749 section 5.2; RFC 6750 section 3.1"),
    rule("no_key_was_sent", Auth, Scope::Credential)
        .on(&[Refusal, Unstated])
        .says(&[
            "missing bearer",
            "no auth credentials found",
            "you didn't provide an api key",
            "no credentials presented",
            "unregistered callers",
            "no api key provided",
            "missing api key",
            "api key is missing",
            "missing authentication header",
            "no key is set either in the environment",
        ])
        .known_from("openai/openai-cookbook#2347; OpenRouter and Google answers: a fault of the caller, and no strike"),
    rule("wrong_key_at_400", Auth, Scope::Credential)
        .on(&[Status(400)])
        .codes(&["API_KEY_INVALID", "expired_key", "invalid_api_key"])
        .says(&["expired key. key expiry time"])
        .noting(InvalidKey)
        .known_from("google.api.ErrorReason; BerriAI/litellm#18731"),
    rule("wrong_key_at_400_in_words", Auth, Scope::Credential)
        .of(&[Family::Google, Family::Xai])
        .on(&[Status(400)])
        .says(&["api key not valid", "api key expired", "api key not found", "incorrect api key provided"])
        .noting(InvalidKey)
        .known_from("continuedev/continue#10778, #11336; elsewhere such words at 400 may be the user's own"),
    rule("wrong_key", Auth, Scope::Credential)
        .on(&[Status(401), Status(403), Unstated])
        .codes(&[
            "invalid_api_key",
            "InvalidApiKey",
            "API_KEY_INVALID",
            "UnrecognizedClientException",
            "token_not_found_in_db",
            "expired_key",
            "AuthError",
        ])
        .says(&[
            "incorrect api key",
            "invalid api key",
            "invalid api-key",
            "invalid x-api-key",
            "invalid api token",
            "api key not valid",
            "api key expired",
            "api key not found",
            "api key was reported as leaked",
            "your api key * is invalid",
            "invalid subscription key",
            "user not found",
            "security token included in the request is invalid",
            "make sure your api key is valid",
            "令牌状态不可用",
            "无效的令牌",
        ])
        .noting(InvalidKey)
        .known_from("OpenAI error codes guide; docs.claude.com errors; google.api.ErrorReason; continuedev/continue#11820"),
    rule("wrong_key_by_number", Auth, Scope::Credential)
        .of(&[Family::Zhipu])
        .on(&[Status(401), Unstated])
        .codes(&["1000", "1001", "1002", "1003", "1004"])
        .known_from("docs.z.ai api-code"),
    rule("minimax_login", Auth, Scope::Credential)
        .of(&[Family::MiniMax])
        .codes(&["1004", "2049"])
        .says(&["login fail: please carry the api secret key"])
        .known_from("MiniMax error codes"),
    rule("xai_stale_token", Auth, Scope::Credential)
        .of(&[Family::Xai])
        .on(&[Status(401), Status(403), Unstated])
        .says(&["wke=unauthenticated", "access token could not be validated", "bad-credentials"])
        .noting(Expired)
        .known_from("router-for-me/CLIProxyAPI#4046: at 403, with the code of an entitlement"),
    rule("oauth_client", Auth, Scope::Credential)
        .on(&[Status(400), Status(401)])
        .codes(&["invalid_client", "deleted_client"])
        .known_from("RFC 6749 section 5.2: about the program that asks, not about the grant"),
    rule("github_refresh", Auth, Scope::Credential)
        .codes(&["bad_refresh_token"])
        .known_from("GitHub: its word for invalid_grant, at 200"),
    rule("aws_token_expired", Auth, Scope::Credential)
        .of(&[Family::Bedrock])
        .codes(&["ExpiredTokenException"])
        .noting(Expired)
        .known_from("AWS common errors"),
    rule("token_endpoint_busy", Overloaded, Scope::Provider)
        .codes(&["temporarily_unavailable"])
        .known_from("RFC 6749 section 4.1.2.1, also at 400"),
    rule("clock", Egress, Scope::Egress)
        .of(&[Family::Bedrock])
        .codes(&["RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch"])
        .known_from("AWS common errors: a clock or a proxy that changes what was signed"),
];
