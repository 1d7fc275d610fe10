//! What an account or a key may do at all. A new token of the same login changes nothing.

use crate::classify::family::Family;
use crate::classify::rule::On::{Refusal, Status, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::verdict::Kind::Entitlement;
use crate::verdict::Scope;

pub(super) const RULES: &[Rule] = &[
    rule("account_may_not", Entitlement, Scope::Account)
        .on(&[Refusal, Unstated])
        .codes(&[
            "usage_not_included",
            "deactivated_workspace",
            "invalid_workspace_selected",
            "no_organization",
            "account_deactivated",
            "organization_restricted",
            "organization_deactivated",
            "SERVICE_DISABLED",
            "CONSUMER_SUSPENDED",
            "CONSUMER_INVALID",
            "VALIDATION_REQUIRED",
            "access_terminated_error",
            "AccessDenied.Unpurchased",
            "coding_plan_subscription_expired",
            "coding_plan_not_subscribed",
        ])
        .says(&[
            "oauth authentication is currently not allowed for this organization",
            "organization has been disabled",
            "no longer a member of the organization",
            "lacks the required data action",
            "is not authorized to perform: bedrock:",
            "active grok subscription",
            "account is deactivated",
            "account has been deactivated",
            "account has been disabled",
            "disabled in this account for violation",
            "must be a member of an organization to use the api",
            "用户已被封禁",
        ])
        .known_from("openai/codex UsageNotIncluded; google.api.ErrorReason; anthropics/claude-code#6752; NoeFabris/opencode-antigravity-auth#335"),
    rule("account_may_not_by_number", Entitlement, Scope::Account)
        .of(&[Family::Zhipu])
        .codes(&["1110", "1111", "1112", "1121", "1220", "1309"])
        .known_from("docs.z.ai api-code"),
    rule("oauth_account_refused", Entitlement, Scope::Account)
        .on(&[Status(403)])
        .codes(&["access_denied"])
        .known_from("RFC 6749 section 4.1.2.1; a refused refresh is no dead grant"),
    rule("key_may_not", Entitlement, Scope::Credential)
        .on(&[Refusal])
        .codes(&[
            "insufficient_scope",
            "insufficient_permissions",
            "missing_scope",
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "API_KEY_SERVICE_BLOCKED",
            "API_KEY_HTTP_REFERRER_BLOCKED",
        ])
        .says(&[
            "missing scopes",
            "insufficient permissions for this operation",
            "insufficient authentication scopes",
            "api key does not have permission",
            "api key does not have access",
            "does not meet scope requirement",
            "credential is only authorized for use with",
            "does not have sufficient permissions",
        ])
        .known_from("RFC 6750 section 3.1; google.api.ErrorReason; OpenAI restricted keys"),
];
