//! In which environment variables programs look for the secrets of a provider.

use crate::credential::{AuthType, Credential};
use crate::provider::Provider;
use crate::secret::Secret;

/// The variables of one provider.
///
/// ```
/// use pool_core::Variables;
///
/// let gemini = Variables::ALL.iter().find(|row| row.provider == "gemini").expect("it is known");
/// assert_eq!(gemini.secrets, ["GOOGLE_API_KEY", "GEMINI_API_KEY"]);
/// assert_eq!(gemini.base_url, Some("GEMINI_BASE_URL"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Variables {
    /// The provider, by its name in the file.
    pub provider: &'static str,
    /// Where its secrets are looked for; the first wins over the others.
    pub secrets: &'static [&'static str],
    /// Where another endpoint than the usual one is looked for.
    pub base_url: Option<&'static str>,
}

impl Variables {
    /// Those of each provider that Hermes Agent reads from variables. The logins that Hermes refreshes are not here: no
    /// program takes their tokens from a variable.
    pub const ALL: &'static [Self] = &[
        row("alibaba", &["DASHSCOPE_API_KEY"], Some("DASHSCOPE_BASE_URL")),
        row(
            "alibaba-coding-plan",
            &["ALIBABA_CODING_PLAN_API_KEY", "DASHSCOPE_API_KEY"],
            Some("ALIBABA_CODING_PLAN_BASE_URL"),
        ),
        row(
            "anthropic",
            &["ANTHROPIC_API_KEY", "ANTHROPIC_TOKEN", ANTHROPIC_LOGIN],
            Some("ANTHROPIC_BASE_URL"),
        ),
        row("arcee", &["ARCEEAI_API_KEY"], Some("ARCEE_BASE_URL")),
        row("azure-foundry", &["AZURE_FOUNDRY_API_KEY"], Some("AZURE_FOUNDRY_BASE_URL")),
        row("copilot", &["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"], Some("COPILOT_API_BASE_URL")),
        row("deepseek", &["DEEPSEEK_API_KEY"], Some("DEEPSEEK_BASE_URL")),
        row("gemini", &["GOOGLE_API_KEY", "GEMINI_API_KEY"], Some("GEMINI_BASE_URL")),
        row("gmi", &["GMI_API_KEY"], Some("GMI_BASE_URL")),
        row("huggingface", &["HF_TOKEN"], Some("HF_BASE_URL")),
        row("kilocode", &["KILOCODE_API_KEY"], Some("KILOCODE_BASE_URL")),
        row("kimi-coding", &["KIMI_API_KEY", "KIMI_CODING_API_KEY"], Some("KIMI_BASE_URL")),
        row("kimi-coding-cn", &["KIMI_CN_API_KEY"], None),
        row("lmstudio", &["LM_API_KEY"], Some("LM_BASE_URL")),
        row("minimax", &["MINIMAX_API_KEY"], Some("MINIMAX_BASE_URL")),
        row("minimax-cn", &["MINIMAX_CN_API_KEY"], Some("MINIMAX_CN_BASE_URL")),
        row("nvidia", &["NVIDIA_API_KEY"], Some("NVIDIA_BASE_URL")),
        row("ollama-cloud", &["OLLAMA_API_KEY"], Some("OLLAMA_BASE_URL")),
        row("openai-api", &["OPENAI_API_KEY"], Some("OPENAI_BASE_URL")),
        row("opencode-go", &["OPENCODE_GO_API_KEY"], Some("OPENCODE_GO_BASE_URL")),
        row("opencode-zen", &["OPENCODE_ZEN_API_KEY"], Some("OPENCODE_ZEN_BASE_URL")),
        row("openrouter", &["OPENROUTER_API_KEY"], None),
        row("stepfun", &["STEPFUN_API_KEY"], Some("STEPFUN_BASE_URL")),
        row("tencent-tokenhub", &["TOKENHUB_API_KEY"], Some("TOKENHUB_BASE_URL")),
        row("xai", &["XAI_API_KEY"], Some("XAI_BASE_URL")),
        row("xiaomi", &["XIAOMI_API_KEY"], Some("XIAOMI_BASE_URL")),
        row("zai", &["GLM_API_KEY", "ZAI_API_KEY", "Z_AI_API_KEY"], Some("GLM_BASE_URL")),
    ];

    /// Those of a provider, where it has any.
    #[must_use]
    pub fn of(provider: &Provider) -> Option<&'static Self> {
        Self::ALL.iter().find(|row| provider.is_called(row.provider))
    }
}

const fn row(
    provider: &'static str,
    secrets: &'static [&'static str],
    base_url: Option<&'static str>,
) -> Variables {
    Variables { provider, secrets, base_url }
}

/// A pool that people name after the company, where Hermes says `openai-api`.
const OPENAI: (&str, &str) = ("openai", "OPENAI_API_KEY");

/// Where Claude Code and Hermes Agent look for the token of an Anthropic login, which is sent another way than a key.
const ANTHROPIC_LOGIN: &str = "CLAUDE_CODE_OAUTH_TOKEN";

/// How the access token of an Anthropic login begins, also where its entry calls it a key.
const ANTHROPIC_LOGIN_PREFIX: &str = "sk-ant-oat";

impl Credential {
    /// The environment variable in which programs look for this secret, where one is usual.
    ///
    /// ```
    /// use pool_core::{Credential, CredentialId, Provider, Secret};
    ///
    /// let key = Credential::manual(CredentialId::new("0f0f0f")?, Secret::new("sk-or-v1-test".to_owned()));
    /// assert_eq!(key.usual_variable(&Provider::new("openrouter")?), Some("OPENROUTER_API_KEY"));
    /// assert_eq!(key.usual_variable(&Provider::new("custom:acme")?), None);
    /// # Ok::<(), pool_core::NameError>(())
    /// ```
    #[must_use]
    pub fn usual_variable(&self, provider: &Provider) -> Option<&'static str> {
        let is_login = || self.auth_type == AuthType::OAuth || self.secret().is_some_and(Secret::is_login);
        match Variables::of(provider) {
            Some(row) if row.provider == "anthropic" && is_login() => Some(ANTHROPIC_LOGIN),
            Some(row) => row.secrets.first().copied(),
            None => provider.is_called(OPENAI.0).then_some(OPENAI.1),
        }
    }
}

impl Secret {
    /// Whether it is the access token of an Anthropic login, by how it begins: no key, though variables hold both.
    #[must_use]
    pub fn is_login(&self) -> bool {
        self.expose().starts_with(ANTHROPIC_LOGIN_PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use crate::credential::CredentialId;

    use super::*;

    #[test]
    fn where_programs_look() {
        let cases = [
            ("openrouter", AuthType::ApiKey, "sk-or-v1", Some("OPENROUTER_API_KEY")),
            ("OpenRouter", AuthType::ApiKey, "sk-or-v1", Some("OPENROUTER_API_KEY")),
            ("anthropic", AuthType::ApiKey, "sk-ant-api03", Some("ANTHROPIC_API_KEY")),
            ("anthropic", AuthType::OAuth, "eyJ", Some("CLAUDE_CODE_OAUTH_TOKEN")),
            ("anthropic", AuthType::ApiKey, "sk-ant-oat01", Some("CLAUDE_CODE_OAUTH_TOKEN")),
            ("openai", AuthType::ApiKey, "sk-1", Some("OPENAI_API_KEY")),
            ("xai", AuthType::ApiKey, "xai-1", Some("XAI_API_KEY")),
            ("openai-codex", AuthType::OAuth, "eyJ", None),
            ("custom:together.ai", AuthType::ApiKey, "key", None),
        ];
        for (name, auth_type, secret, expected) in cases {
            let id = CredentialId::new("a1").unwrap();
            let credential =
                Credential { auth_type, ..Credential::manual(id, Secret::new(secret.to_owned())) };
            let provider = Provider::new(name).unwrap();
            assert_eq!(credential.usual_variable(&provider), expected, "{name} {secret}");
        }
    }
}
