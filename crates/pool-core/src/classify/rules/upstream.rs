//! A provider behind the provider: its throttles and refusals are of the key that the aggregator has there.

use crate::classify::rule::On::{Refusal, Status, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::failure::Failure;
use crate::verdict::Kind::{Billing, Request, ServerError, UpstreamRateLimit};
use crate::verdict::Scope;

fn names_upstream(failure: &Failure) -> bool {
    failure.upstream().is_some()
}

pub(super) const RULES: &[Rule] = &[
    rule("bill_behind_a_rewritten_message", Billing, Scope::Account)
        .codes(&["insufficient_user_quota"])
        .known_from("QuantumNous/new-api#7448: the message may say that an upstream is saturated"),
    rule("upstream_throttle", UpstreamRateLimit, Scope::Provider)
        .on(&[Status(429)])
        .when(names_upstream)
        .known_from("OpenRouter errors page: metadata.provider_name, metadata.raw"),
    rule("upstream_refusal", ServerError, Scope::Provider)
        .on(&[Status(401), Status(402), Status(403)])
        .when(names_upstream)
        .known_from("OpenRouter errors page: it was the aggregator's key that was refused"),
    rule("upstream_request", Request, Scope::Request)
        .on(&[Status(400), Status(404), Status(422)])
        .when(names_upstream)
        .known_from("OpenRouter errors page"),
    rule("upstream_in_words", UpstreamRateLimit, Scope::Provider)
        .on(&[Refusal, Unstated])
        .says(&[
            "rate-limited upstream",
            "error from provider (",
            "upstream request failed",
            "no deployments available",
            "上游负载已饱和",
        ])
        .known_from("anomalyco/opencode#29912; XiaomiMiMo/MiMo#99; LiteLLM router; new-api relay.go"),
];
