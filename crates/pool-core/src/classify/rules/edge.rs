//! The way there: what an edge, a proxy or a region says is about nobody's key.

use crate::classify::rule::On::{Breakdown, Disconnected, Refusal, Status, Unstated};
use crate::classify::rule::{Rule, rule};
use crate::failure::Failure;
use crate::verdict::Kind::{Egress, Network, Timeout};
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
    rule("proxy_login", Egress, Scope::Egress).on(&[Status(407)]).known_from("RFC 9110 section 15.5.8"),
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
        .codes(&["unsupported_country_region_territory"])
        .says(&[
            "country, region, or territory not supported",
            "user location is not supported for the api use.",
            "access from * is not supported",
        ])
        .known_from("OpenAI error codes guide; google-gemini/gemini-cli#24641"),
    rule("page_of_a_proxy", Egress, Scope::Egress)
        .on(&[Status(403), Status(429)])
        .when(Failure::is_page)
        .known_from("APIs refuse in JSON: EasyMetaAu/helm-api#749, langgenius/dify#2506"),
    rule("page_of_a_slow_origin", Timeout, Scope::Provider)
        .on(&[Status(522), Status(524)])
        .known_from("developers.cloudflare.com, errors 522 and 524"),
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
];
