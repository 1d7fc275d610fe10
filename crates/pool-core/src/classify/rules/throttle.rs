//! Too much for now: of the provider, of one model, or of the account.

use crate::classify::family::Family;
use crate::classify::rule::On::{Breakdown, Status, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::failure::Failure;
use crate::verdict::Kind::{Overloaded, RateLimit, ServerError, Timeout};
use crate::verdict::Scope;

fn names_quota_of_model(failure: &Failure) -> bool {
    failure.codes().any(|code| code.contains("PerModel"))
}

pub(super) const RULES: &[Rule] = &[
    rule("busy", Overloaded, Scope::Provider)
        .on(&[Status(200), Status(400), Status(429), Status(498), Status(500), Status(503), Unstated])
        .codes(&[
            "overloaded_error",
            "capacity_exceeded",
            "MODEL_CAPACITY_EXHAUSTED",
            "queue_exceeded",
            "engine_overloaded",
            "server_is_overloaded",
            "slow_down",
            "ModelNotReadyException",
            "ServiceUnavailableException",
        ])
        .says(&[
            "high demand",
            "high traffic",
            "is at capacity",
            "at capacity upstream",
            "tier capacity exceeded",
            "no capacity available",
            "overloaded",
            "we're receiving too many requests at the moment",
            "currently loading",
        ])
        .known_from("console.groq.com flex processing; pollinations/pollinations#6260; google-gemini/gemini-cli#25179; MoonshotAI/kimi-cli#901"),
    rule("busy_by_number", Overloaded, Scope::Provider)
        .of(&[Family::Zhipu])
        .codes(&["1305", "1312"])
        .known_from("docs.z.ai api-code"),
    rule("google_quota_of_model", RateLimit, Scope::Model)
        .of(&[Family::Google])
        .on(&[Status(429)])
        .when(names_quota_of_model)
        .known_from("google.rpc.QuotaFailure: quotaId; google-gemini/gemini-cli#14811"),
    rule("throttle_of_model", RateLimit, Scope::Model)
        .on(&[Status(429), Unstated])
        .codes(&["model_rate_limit"])
        .says(&[
            "rate limit reached for model",
            "rate limit reached for * in organization",
            "rate limit specific to this model",
            "per_base_model",
        ])
        .known_from("OpenAI rate limits guide; continuedev/continue#10920; promptfoo/promptfoo#374"),
    rule("throttle_at_400", RateLimit, Scope::Account)
        .of(&[Family::Bedrock])
        .on(&[Status(400)])
        .codes(&["ThrottlingException", "ServiceQuotaExceededException"])
        .known_from("Bedrock errors"),
    rule("throttle", RateLimit, Scope::Account)
        .on(&[Status(429), Unstated])
        .codes(&[
            "rate_limit_exceeded",
            "rate_limit_error",
            "ThrottlingException",
            "TooManyRequestsException",
            "ServiceQuotaExceededException",
            "RESOURCE_EXHAUSTED",
        ])
        .says(&["rate limit exceeded", "rate limit reached", "too many requests", "too many tokens, please wait"])
        .known_from("RFC 6585 section 4; Bedrock errors; google.rpc.Code"),
    rule("throttle_by_number", RateLimit, Scope::Account)
        .of(&[Family::MiniMax, Family::Zhipu])
        .codes(&["1002", "1302", "1303", "1313", "2056"])
        .known_from("MiniMax error codes (1002, 2056); docs.z.ai api-code"),
    rule("slow_model", Timeout, Scope::Provider)
        .codes(&["DEADLINE_EXCEEDED", "ModelTimeoutException"])
        .known_from("google.rpc.Code; Bedrock errors"),
    rule("model_broke", ServerError, Scope::Provider)
        .of(&[Family::Bedrock])
        .codes(&["ModelErrorException"])
        .known_from("Bedrock errors: 424"),
    rule("broken", ServerError, Scope::Provider)
        .on(&[Breakdown, Unstated])
        .codes(&["server_error", "internal_server_error", "api_error", "ModelErrorException", "InternalServerException"])
        .known_from("OpenAI and Anthropic errors; Bedrock errors"),
];
