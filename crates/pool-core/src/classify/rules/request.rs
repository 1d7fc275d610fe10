//! The request itself: it would fail with any key, so nobody is marked.

use crate::classify::family::Family;
use crate::classify::rule::On::{Refusal, Status, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::verdict::Kind::{Billing, ContentPolicy, ContextOverflow, Entitlement, RateLimit, Request};
use crate::verdict::Scope;

pub(super) const RULES: &[Rule] = &[
    rule("content_policy", ContentPolicy, Scope::Request)
        .codes(&[
            "content_filter",
            "content_policy_violation",
            "ResponsibleAIPolicyViolation",
            "invalid_prompt",
            "moderation_blocked",
            "cyber_policy",
            "DataInspectionFailed",
            "data_inspection_failed",
        ])
        .says(&[
            "content management policy",
            "content filtering policy",
            "violating our usage policy",
            "rejected by the safety system",
            "rejected as a result of our safety system",
            "content violates usage guidelines",
            "safety_check_type",
            "requires moderation on",
            "may contain inappropriate content",
            "it may violate the usage guidelines",
            "potentially unsafe or sensitive content",
            "content exists risk",
            "blocked under anthropic's usage policy",
        ])
        .known_from("Azure content filter page; BeehiveInnovations/pal-mcp-server#178; OpenRouter errors page; Alibaba status codes"),
    rule("content_policy_by_number", ContentPolicy, Scope::Request)
        .of(&[Family::MiniMax, Family::Zhipu])
        .codes(&["1026", "1027", "1301"])
        .known_from("MiniMax error codes (1026, 1027); docs.z.ai api-code (1301)"),
    rule("context_overflow", ContextOverflow, Scope::Request)
        .on(&[Status(400), Status(413), Status(422), Status(500), Unstated])
        .codes(&["context_length_exceeded", "string_above_max_length", "exceed_context_size_error", "model_max_prompt_tokens_exceeded"])
        .says(&[
            "maximum context length",
            "maximum prompt length",
            "prompt is too long",
            "prompt token count * exceeds",
            "input is too long",
            "input length and `max_tokens` exceed context limit",
            "range of input length should be",
            "input token count * exceeds the maximum",
            "exceeds the context window",
            "exceeds the available context size",
            "exceeds the model's maximum context",
            "context window exceeds limit",
            "exceeded model token limit",
            "trying to keep the first * tokens",
            "exceed the context window",
            "too many total text bytes",
        ])
        .known_from("OpenAI error codes guide; Bedrock ValidationException; can1357/oh-my-pi#3752; MoonshotAI and xAI answers"),
    rule("names_a_part_of_the_request", Request, Scope::Request)
        .on(&[Status(400), Status(404), Status(422)])
        .says(&["messages[", "messages.", "tools[", "tools.", "input[", "contents["])
        .known_from("what stands in the request may be quoted, whatever it says"),
    rule("too_large_for_the_limit", ContextOverflow, Scope::Request)
        .on(&[Status(413), Status(429), Unstated])
        .says(&["request too large for * reduce your message size", "request too large for * must be reduced"])
        .known_from("Groq and OpenAI: a request above the limit of a minute never passes, rate_limit_exceeded or not"),
    rule("too_many_output_tokens", Request, Scope::Request)
        .on(&[Status(413), Status(429), Unstated])
        .says(&["request too large for * reduce max_tokens"])
        .known_from("Groq output tokens per minute"),
    rule("long_context_tier", Entitlement, Scope::Request)
        .of(&[Family::Anthropic])
        .on(&[Status(400), Status(429)])
        .says(&["extra usage * long context", "long context * extra usage", "long context beta is not yet available"])
        .known_from("Anthropic: the long context of a plan is paid apart; a shorter request passes"),
    rule("afford_nothing", Billing, Scope::Credential)
        .on(&[Status(402), Unstated])
        .says(&["but can only afford 0."])
        .known_from("anomalyco/opencode#12219"),
    rule("too_dear", Billing, Scope::Request)
        .on(&[Status(402), Status(403), Unstated])
        .codes(&["weight_exceeds_budget"])
        .says(&[
            "but can only afford",
            "prompt tokens limit exceeded:",
            "token capacity required",
            "预扣费额度失败",
        ])
        .known_from("NousResearch/hermes-agent#49769; anomalyco/opencode#12219; tailcallhq/forgecode#571; new-api pre_consume_quota.go"),
    rule("device_login_goes_on", Request, Scope::Request)
        .on(&[Status(400), Status(428)])
        .codes(&["authorization_pending", "expired_token", "access_denied"])
        .known_from("RFC 8628 section 3.5: there is no credential yet"),
    rule("device_login_too_fast", RateLimit, Scope::Request)
        .on(&[Status(200), Status(400)])
        .codes(&["slow_down"])
        .known_from("RFC 8628 section 3.5"),
    rule("wrong_organization", Request, Scope::Request)
        .on(&[Refusal])
        .codes(&["mismatched_organization"])
        .known_from("openai/codex#1000: a header of the request is wrong, and the key is not"),
    rule("unverified_for_a_parameter", Entitlement, Scope::Request)
        .on(&[Refusal, Unstated])
        .says(&["must be verified to generate reasoning"])
        .known_from("continuedev/continue#9067: without the parameter it passes"),
    rule("oauth_request", Request, Scope::Request)
        .on(&[Refusal])
        .codes(&["unsupported_grant_type", "invalid_scope", "unsupported_token_type"])
        .known_from("RFC 6749 section 5.2; RFC 7009 section 2.2.1"),
];
