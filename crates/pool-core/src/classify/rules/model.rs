//! One model: it is not there, or not for this account. All others may be used.

use crate::classify::family::Family;
use crate::classify::rule::On::{Refusal, Status, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::verdict::Kind::{Entitlement, ModelNotFound};
use crate::verdict::Scope;

pub(super) const RULES: &[Rule] = &[
    rule("model_not_in_plan", Entitlement, Scope::Model)
        .codes(&[
            "model_not_supported_on_free_tier",
            "model_permission_blocked_project",
            "model_permission_blocked_org",
            "tier_not_allowed",
            "key_model_access_denied",
            "team_model_access_denied",
            "Model.AccessDenied",
            "model_terms_required",
            "no_available_model_endpoints",
        ])
        .says(&[
            "model is not supported when using codex with a chatgpt account",
            "not available on the free tier",
            "not available in your subscription tier",
            "this model requires a subscription",
            "model is allowed for build tier",
            "not support model",
            "matching your data policy",
            "guardrail restrictions",
            "no allowed providers are available",
            "does not have access to model",
            "must be verified to use the model",
            "must be verified to stream this model",
            "model access is denied",
            "model use case details have not been submitted",
            "don't have access to the model with the specified model id",
            "无权访问模型",
        ])
        .known_from("router-for-me/CLIProxyAPI#3647; ollama/ollama#15741; BerriAI/litellm#40217; OpenRouter errors page"),
    rule("model_not_found", ModelNotFound, Scope::Model)
        .codes(&[
            "model_not_found",
            "model_not_available",
            "model_decommissioned",
            "model_not_supported",
            "invalid_model",
            "ModelError",
            "ModelNotFound",
            "DeploymentNotFound",
            "ModelDeprecated",
        ])
        .known_from("OpenAI error codes guide; Azure; Groq deprecations; HeyPuter/puter#3168"),
    rule("model_not_found_in_words", ModelNotFound, Scope::Model)
        .on(&[Status(400), Status(404), Unstated])
        .says(&[
            "is not found for api version",
            "is not a valid model",
            "model not exist",
            "model does not exist",
            "the model * does not exist",
            "model * not found, try pulling it first",
            "model '*' not found",
            "not found the model",
            "no endpoints found for",
            "provided model identifier is invalid",
            "with on-demand throughput isn",
        ])
        .known_from("Gemini, DeepSeek, xAI, Ollama, Moonshot, OpenRouter and Bedrock answers"),
    rule("anthropic_model_not_found", ModelNotFound, Scope::Model)
        .of(&[Family::Anthropic])
        .on(&[Status(404)])
        .says(&["model:"])
        .known_from("docs.claude.com errors: not_found_error"),
    rule("model_not_found_by_number", ModelNotFound, Scope::Model)
        .of(&[Family::Zhipu])
        .codes(&["1211"])
        .known_from("docs.z.ai api-code"),
    rule("nous_model_not_found", ModelNotFound, Scope::Model)
        .of(&[Family::Nous])
        .on(&[Status(404)])
        .says(&["couldn't find that"])
        .known_from("NousResearch/hermes-agent#45362"),
    rule("retired_model", ModelNotFound, Scope::Model)
        .on(&[Refusal])
        .says(&["model has been deprecated", "has been decommissioned", "marked by provider as legacy", "model version has reached the end of its life"])
        .known_from("Groq, OpenAI and Bedrock retirements"),
];
