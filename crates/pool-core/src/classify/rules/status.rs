//! What a status alone means, and what is left where there is none.

use crate::classify::family::Family;
use crate::classify::rule::On::{Breakdown, Disconnected, Refusal, Status, TimedOut, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::failure::Failure;
use crate::verdict::Kind::{
    Auth, Billing, ContextOverflow, Egress, Entitlement, Network, Overloaded, RateLimit, Request,
    ServerError, Timeout, Unknown,
};
use crate::verdict::Scope;

/// Where a token endpoint was asked, and what came has no code beside the words of the status: `{"message":"Forbidden"}`.
fn is_of_nobody_known(failure: &Failure) -> bool {
    let is_status = |code: &str| code.to_ascii_lowercase().contains("forbidden");
    failure.is_of_token_endpoint() && failure.own_codes().all(is_status)
}

/// What is left where no other row is about a failure.
pub(in crate::classify) const NOT_UNDERSTOOD: Rule =
    rule("not_understood", Unknown, Scope::Credential).known_from("nothing was said that is known");

pub(super) const RULES: &[Rule] = &[
    rule("status_401", Auth, Scope::Credential).on(&[Status(401)]).known_from("RFC 9110 section 15.5.2"),
    rule("status_402", Billing, Scope::Account).on(&[Status(402)]).known_from("RFC 9110 section 15.5.3"),
    rule("xai_tier", Entitlement, Scope::Account)
        .of(&[Family::Xai])
        .on(&[Status(403)])
        .when(Failure::is_of_token_endpoint)
        .known_from("Hermes Agent 0.19: xAI renews no login at 403 whose plan does not include it"),
    rule("refused_by_nobody_known", Egress, Scope::Egress)
        .on(&[Status(403)])
        .when(is_of_nobody_known)
        .known_from("a token endpoint refuses with a code (RFC 6749 section 5.2); what is left are gateways and proxies"),
    rule("status_403", Entitlement, Scope::Account).on(&[Status(403)]).known_from("RFC 9110 section 15.5.4"),
    rule("status_408", Timeout, Scope::Provider).on(&[Status(408)]).known_from("RFC 9110 section 15.5.9"),
    rule("status_413", ContextOverflow, Scope::Request)
        .on(&[Status(413)])
        .known_from("RFC 9110 section 15.5.14"),
    rule("status_429", RateLimit, Scope::Account).on(&[Status(429)]).known_from("RFC 6585 section 4"),
    rule("status_503", Overloaded, Scope::Provider)
        .on(&[Status(503), Status(529)])
        .known_from("RFC 9110 section 15.6.4; docs.claude.com errors (529)"),
    rule("status_504", Timeout, Scope::Provider)
        .on(&[Status(504), Status(522), Status(524)])
        .known_from("RFC 9110 section 15.6.5; developers.cloudflare.com, errors 522 and 524"),
    rule("status_5xx", ServerError, Scope::Provider).on(&[Breakdown]).known_from("RFC 9110 section 15.6"),
    rule("status_4xx", Request, Scope::Request).on(&[Refusal]).known_from("RFC 9110 section 15.5"),
    rule("no_answer_in_time", Timeout, Scope::Provider).on(&[TimedOut]).known_from("the caller's own clock"),
    rule("no_connection", Network, Scope::Egress).on(&[Disconnected]).known_from("the caller's own sockets"),
    rule("timeout_in_a_log", Timeout, Scope::Provider)
        .on(&[Unstated])
        .says(&[
            "request timed out",
            "apitimeouterror",
            "readtimeout",
            "connecttimeout",
            "connect timeout",
            "read timeout",
            "timed out",
            "etimedout",
            "deadline exceeded",
        ])
        .known_from("the exceptions of openai-python, httpx, requests, reqwest and undici"),
    rule("connection_in_a_log", Network, Scope::Egress)
        .on(&[Unstated, Disconnected])
        .says(&[
            "connection error",
            "apiconnectionerror",
            "connection refused",
            "econnrefused",
            "connection reset",
            "econnreset",
            "connection aborted",
            "enotfound",
            "eai_again",
            "name or service not known",
            "temporary failure in name resolution",
            "failed to lookup address",
            "getaddrinfo",
            "network is unreachable",
            "remoteprotocolerror",
            "server disconnected",
            "socket hang up",
            "fetch failed",
            "error sending request for url",
            "certificate verify failed",
            "ssl:",
            "max retries exceeded with url",
        ])
        .known_from("the exceptions of openai-python, httpx, requests, reqwest and undici"),
    NOT_UNDERSTOOD,
];
