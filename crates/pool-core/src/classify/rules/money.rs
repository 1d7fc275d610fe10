//! Out of money or credits. Providers say so under any status: Anthropic at 400, `OpenCode` at 401, xAI at 403 and 429, `MiniMax` at 500.

use crate::classify::family::Family;
use crate::classify::rule::On::{self, Refusal, Status, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::verdict::Kind::Billing;
use crate::verdict::Scope;

/// Where words of money are believed: a server that broke may quote anything.
const MONEY: &[On] =
    &[Status(200), Status(400), Status(401), Status(402), Status(403), Status(412), Status(429), Unstated];

pub(super) const RULES: &[Rule] = &[
    rule("budget_of_model", Billing, Scope::Model)
        .on(MONEY)
        .codes(&["AllocationQuota.FreeTierOnly"])
        .says(&["exceeded budget for model="])
        .known_from("Alibaba status codes; LiteLLM budgets"),
    rule("budget_of_team", Billing, Scope::Account)
        .on(MONEY)
        .says(&["budget has been exceeded! team="])
        .known_from("BerriAI/litellm#14144"),
    rule("budget_of_key", Billing, Scope::Credential)
        .on(MONEY)
        .codes(&["openrouter_key_limit", "budget_exceeded"])
        .says(&["budget has been exceeded!", "key limit exceeded", "令牌额度已用尽"])
        .known_from("MCPJam/inspector#1287; BerriAI/litellm#22726; new-api model/token.go"),
    rule("google_bill", Billing, Scope::Account)
        .of(&[Family::Google])
        .codes(&["BILLING_DISABLED"])
        .says(&["requires billing to be enabled", "without a billing account linked"])
        .known_from("google.api.ErrorReason; u14app/neo-chat#7"),
    rule("bill_by_number", Billing, Scope::Account)
        .of(&[Family::MiniMax, Family::Zhipu])
        .codes(&["1008", "1113"])
        .known_from("MiniMax error codes (1008); docs.z.ai api-code (1113)"),
    rule("minimax_bill", Billing, Scope::Account)
        .of(&[Family::MiniMax])
        .on(&[Status(500)])
        .says(&["insufficient balance"])
        .known_from("MiniMax-AI/MiniMax-M2#62: at 500"),
    rule("bill", Billing, Scope::Account)
        .on(MONEY)
        .codes(&[
            "billing_error",
            "billing_not_active",
            "billing_hard_limit_reached",
            "CreditsError",
            "MonthlyLimitError",
            "UserLimitError",
            "Arrearage",
            "insufficient_credits",
            "insufficient_balance",
            "insufficient_balance_error",
            "exceeded_current_quota_error",
            "payment_required",
            "no_usable_credits",
            "balance_depleted",
            "credit_limit",
            "credit_balance_exhausted",
            "personal-team-blocked:spending-limit",
        ])
        .says(&[
            "credit balance is too low",
            "reached your specified api usage limits",
            "used all available credits",
            "run out of credits",
            "doesn't have any credits or licenses",
            "doesn't have any credits yet",
            "insufficient balance",
            "insufficient credits",
            "insufficient account balance",
            "exceeded your monthly included credits",
            "monthly spending limit",
            "out of extra usage",
            "draw from your extra usage",
            "billing hard limit",
            "credits have been exhausted",
            "余额不足",
            "用户额度不足",
        ])
        .known_from("anthropics/claude-code#66314, #38035; continuedev/continue#10373; OpenRouter errors page; DeepSeek error codes"),
    rule("unpaid_workspace", Billing, Scope::Account)
        .on(&[Status(402)])
        .codes(&["deactivated_workspace"])
        .known_from("james-6-23/codex2api#42: it comes and goes"),
    rule("openai_quota", Billing, Scope::Account)
        .on(&[Refusal, Unstated])
        .codes(&["insufficient_quota"])
        .known_from("OpenAI error codes guide: 429 for who ran out of credits"),
    rule("openai_quota_in_words", Billing, Scope::Account)
        .of(&[Family::OpenAi, Family::Codex, Family::Azure, Family::Moonshot, Family::Copilot])
        .on(&[Status(403), Status(429)])
        .says(&["exceeded your current quota", "exceeded current quota"])
        .known_from("OpenAI error codes guide; MoonshotAI/Kimi-K2#5. Google says the same of a minute"),
];
