//! The window of a plan that is used up: whoever comes back in a moment is refused again.

use crate::classify::family::Family;
use crate::classify::rule::On::{Status, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::failure::Failure;
use crate::verdict::Kind::{Billing, Entitlement, RateLimit};
use crate::verdict::Remark::PlanLimit;
use crate::verdict::Scope;

/// A header of the windows of a Claude subscription.
fn unified<'a>(failure: &'a Failure, name: &str) -> Option<&'a str> {
    failure.headers().get(&format!("anthropic-ratelimit-unified-{name}"))
}

fn rejects_only_a_model(failure: &Failure) -> bool {
    let is_allowed = |window| unified(failure, window) == Some("allowed");
    unified(failure, "status") == Some("rejected") && is_allowed("5h-status") && is_allowed("7d-status")
}

pub(super) const RULES: &[Rule] = &[
    rule("google_no_free_tier", Entitlement, Scope::Model)
        .of(&[Family::Google])
        .on(&[Status(429)])
        .says(&["limit: 0, model", "doesn't have a free quota tier"])
        .known_from("google-gemini/gemini-cli#22486: a quota of nothing never returns"),
    rule("google_prepaid", Billing, Scope::Account)
        .of(&[Family::Google])
        .on(&[Status(429)])
        .says(&["prepayment credits are depleted", "spending cap"])
        .known_from("ai.google.dev/gemini-api/docs/billing"),
    rule("google_plan_of_model", RateLimit, Scope::Model)
        .of(&[Family::Google])
        .on(&[Status(429)])
        .says(&["exhausted your capacity on this model"])
        .noting(PlanLimit)
        .known_from("liuw1535/antigravity2api-nodejs#44"),
    rule("google_plan", RateLimit, Scope::Account)
        .of(&[Family::Google])
        .on(&[Status(429)])
        .codes(&["QUOTA_EXHAUSTED"])
        .noting(PlanLimit)
        .known_from("google-gemini/gemini-cli#29425"),
    rule("claude_plan_of_model", RateLimit, Scope::Model)
        .of(&[Family::Anthropic])
        .on(&[Status(429)])
        .when(rejects_only_a_model)
        .noting(PlanLimit)
        .known_from("router-for-me/CLIProxyAPI#5915: 5h and 7d are allowed, and a window of some models is not"),
    rule("claude_plan", RateLimit, Scope::Account)
        .of(&[Family::Anthropic])
        .on(&[Status(429)])
        .when(|failure| unified(failure, "status") == Some("rejected"))
        .noting(PlanLimit)
        .known_from("the unified windows of a Claude subscription"),
    rule("free_plan_of_model", RateLimit, Scope::Model)
        .on(&[Status(429), Unstated])
        .codes(&["subscription:free-usage-exhausted"])
        .noting(PlanLimit)
        .known_from("Wei-Shaw/sub2api#4568"),
    rule("plan", RateLimit, Scope::Account)
        .on(&[Status(403), Status(429), Unstated])
        .codes(&[
            "usage_limit_reached",
            "rate_limit_reached_usage_limit",
            "user_weekly_rate_limited",
            "user_global_rate_limited",
            "GoUsageLimitError",
            "FreeUsageLimitError",
        ])
        .says(&[
            "usage limit has been reached",
            "usage limit reached",
            "usage limit exceeded",
            "reached your usage limit",
            "hit your usage limit",
            "your weekly (7-day) usage limit",
            "session usage limit",
            "hourly usage limit",
            "weekly usage limit",
            "weekly/monthly limit exhausted",
            "exceeded your weekly rate limit",
            "gousagelimit",
        ])
        .noting(PlanLimit)
        .known_from("router-for-me/CLIProxyAPI#1666; github/copilot-cli#2740; openclaw/openclaw#142656; MiniMax-AI/MiniMax-M2.7#36"),
    rule("gateway_quota", RateLimit, Scope::Account)
        .of(&[Family::Azure])
        .on(&[Status(403)])
        .says(&["out of call volume quota", "out of bandwidth quota"])
        .noting(PlanLimit)
        .known_from("Azure API Management, quota policy"),
    rule("plan_by_number", RateLimit, Scope::Account)
        .of(&[Family::Zhipu])
        .codes(&["1308", "1310", "1316"])
        .noting(PlanLimit)
        .known_from("docs.z.ai api-code"),
    rule("plan_window_at_402", RateLimit, Scope::Account)
        .on(&[Status(402)])
        .says(&["usage limit * try again", "usage limit * reset", "quota * reset", "usage limit * window"])
        .noting(PlanLimit)
        .known_from("NousResearch/hermes-agent: a 402 that passes by itself is no bill"),
    rule("credits_in_flight", RateLimit, Scope::Account)
        .on(&[Status(402)])
        .codes(&["in_flight_budget_exhausted"])
        .known_from("OpenRouter limits page"),
    rule("alibaba_throttle", RateLimit, Scope::Account)
        .of(&[Family::Alibaba])
        .on(&[Status(429)])
        .codes(&["insufficient_quota"])
        .says(&["allocated quota exceeded"])
        .known_from("help.aliyun.com status codes: OpenAI's word for a bill, for tokens per minute"),
];
