//! In which environment variable programs look for the secret of a provider.

use crate::credential::{AuthType, Credential};
use crate::provider::Provider;
use crate::secret::Secret;

/// The variable of each provider: of those that Hermes Agent reads the first, which wins over the others. The logins that
/// Hermes refreshes are not here: no program takes their tokens from a variable.
const USUAL: [(&str, &str); 28] = [
    ("alibaba", "DASHSCOPE_API_KEY"),
    ("alibaba-coding-plan", "ALIBABA_CODING_PLAN_API_KEY"),
    ("anthropic", "ANTHROPIC_API_KEY"),
    ("arcee", "ARCEEAI_API_KEY"),
    ("azure-foundry", "AZURE_FOUNDRY_API_KEY"),
    ("copilot", "COPILOT_GITHUB_TOKEN"),
    ("deepseek", "DEEPSEEK_API_KEY"),
    ("gemini", "GOOGLE_API_KEY"),
    ("gmi", "GMI_API_KEY"),
    ("huggingface", "HF_TOKEN"),
    ("kilocode", "KILOCODE_API_KEY"),
    ("kimi-coding", "KIMI_API_KEY"),
    ("kimi-coding-cn", "KIMI_CN_API_KEY"),
    ("lmstudio", "LM_API_KEY"),
    ("minimax", "MINIMAX_API_KEY"),
    ("minimax-cn", "MINIMAX_CN_API_KEY"),
    ("nvidia", "NVIDIA_API_KEY"),
    ("ollama-cloud", "OLLAMA_API_KEY"),
    ("openai", "OPENAI_API_KEY"),
    ("openai-api", "OPENAI_API_KEY"),
    ("opencode-go", "OPENCODE_GO_API_KEY"),
    ("opencode-zen", "OPENCODE_ZEN_API_KEY"),
    ("openrouter", "OPENROUTER_API_KEY"),
    ("stepfun", "STEPFUN_API_KEY"),
    ("tencent-tokenhub", "TOKENHUB_API_KEY"),
    ("xai", "XAI_API_KEY"),
    ("xiaomi", "XIAOMI_API_KEY"),
    ("zai", "GLM_API_KEY"),
];

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
        let name = provider.as_str();
        let (_, variable) = USUAL.iter().find(|(owner, _)| name.eq_ignore_ascii_case(owner))?;
        let is_login = || self.auth_type == AuthType::OAuth || self.secret().is_some_and(is_login_token);
        if name.eq_ignore_ascii_case("anthropic") && is_login() {
            return Some(ANTHROPIC_LOGIN);
        }
        Some(variable)
    }
}

fn is_login_token(secret: &Secret) -> bool {
    secret.expose().starts_with(ANTHROPIC_LOGIN_PREFIX)
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
