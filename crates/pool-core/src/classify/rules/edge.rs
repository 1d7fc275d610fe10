//! The way there: what an edge, a proxy or a region says is about nobody's key.

use crate::classify::family::Family;
use crate::classify::rule::On::{Breakdown, Refusal, Status, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::failure::Failure;
use crate::verdict::Kind::Egress;
use crate::verdict::Remark::Residency;
use crate::verdict::Scope;

pub(super) const RULES: &[Rule] = &[
    rule("edge_block", Egress, Scope::Egress)
        .on(&[Status(401), Status(403), Status(429), Status(503), Unstated])
        .says(&[
            "attention required! | cloudflare",
            "sorry, you have been blocked",
            "just a moment...",
            "enable javascript and cookies to continue",
            "checking your browser before accessing",
            "our systems have detected unusual traffic",
            "may be sending automated queries",
            "error code: 1005",
            "error code: 1006",
            "error code: 1007",
            "error code: 1008",
            "error code: 1009",
            "error code: 1010",
            "error code: 1012",
            "error code: 1015",
            "error code: 1020",
        ])
        .known_from("developers.cloudflare.com, Cloudflare 1xxx errors; run-llama/llama_index#16796"),
    rule("edge_challenge", Egress, Scope::Egress)
        .on(&[Refusal, Breakdown])
        .when(|failure| failure.headers().get("cf-mitigated").is_some())
        .known_from("developers.cloudflare.com, detect a challenge page response"),
    rule("proxy_login", Egress, Scope::Egress)
        .on(&[Status(407), Status(511)])
        .known_from("RFC 9110 section 15.5.8; RFC 6585 section 6"),
    rule("private_network", Egress, Scope::Egress)
        .of(&[Family::Azure])
        .on(&[Status(403)])
        .says(&["virtual network", "public access is disabled"])
        .known_from("Azure-Samples/azure-sql-db-chatbot#3; continuedev/continue#12547"),
    rule("address_not_allowed", Egress, Scope::Egress)
        .on(&[Refusal, Unstated])
        .codes(&["ip_not_authorized", "API_KEY_IP_ADDRESS_BLOCKED"])
        .says(&[
            "ip allowlist",
            "ip allow list",
            "ip address is not allowed",
            "ip address restriction",
            "ip not authorized",
            "ip is not allowed",
            "ip 不在令牌允许访问的列表中",
        ])
        .known_from(
            "OpenAI error codes guide; google.api.ErrorReason; QuantumNous/new-api middleware/auth.go",
        ),
    rule("residency", Egress, Scope::Egress)
        .on(&[Refusal, Unstated])
        .codes(&["unauthorized_region"])
        .says(&["not authorized in this region"])
        .noting(Residency)
        .known_from("NousResearch/hermes-agent#23896, #23935"),
    rule("region", Egress, Scope::Egress)
        .on(&[Refusal, Unstated])
        .codes(&["unsupported_country_region_territory", "incorrect_hostname"])
        .says(&[
            "incorrect regional hostname",
            "unsupported countries, regions, or territories",
            "is not available in your region",
            "country, region, or territory not supported",
            "user location is not supported for the api use.",
            "access from * is not supported",
        ])
        .known_from("OpenAI error codes guide; google-gemini/gemini-cli#24641"),
    rule("legal_reasons", Egress, Scope::Egress)
        .on(&[Status(451)])
        .known_from("RFC 7725; zed-industries/zed#30496"),
    rule("claude_not_from_here", Egress, Scope::Egress)
        .of(&[Family::Anthropic])
        .on(&[Status(403)])
        .says(&["request not allowed"])
        .known_from("anthropics/claude-code#1613"),
    rule("page_of_a_proxy", Egress, Scope::Egress)
        .on(&[Status(403), Status(429)])
        .when(Failure::is_page)
        .known_from("APIs refuse in JSON: EasyMetaAu/helm-api#749, langgenius/dify#2506"),
];
