use chrono::TimeDelta;

use crate::provider::Provider;

/// Providers that speak alike, whatever a pool of theirs is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    Alibaba,
    Anthropic,
    Azure,
    Bedrock,
    Codex,
    Copilot,
    DeepSeek,
    Google,
    Groq,
    MiniMax,
    Mistral,
    Moonshot,
    Nous,
    OpenAi,
    OpenCode,
    OpenRouter,
    Xai,
    Zhipu,
}

/// The words that name a family; of a name with several the first here counts.
const WORDS: [(&str, Family); 41] = [
    ("codex", Family::Codex),
    ("azure", Family::Azure),
    ("copilot", Family::Copilot),
    ("openrouter", Family::OpenRouter),
    ("opencode", Family::OpenCode),
    ("bedrock", Family::Bedrock),
    ("aws", Family::Bedrock),
    ("amazon", Family::Bedrock),
    ("vertex", Family::Google),
    ("vertexai", Family::Google),
    ("google", Family::Google),
    ("gemini", Family::Google),
    ("antigravity", Family::Google),
    ("anthropic", Family::Anthropic),
    ("claude", Family::Anthropic),
    ("openai", Family::OpenAi),
    ("xai", Family::Xai),
    ("grok", Family::Xai),
    ("groq", Family::Groq),
    ("nous", Family::Nous),
    ("nousresearch", Family::Nous),
    ("mistral", Family::Mistral),
    ("mistralai", Family::Mistral),
    ("deepseek", Family::DeepSeek),
    ("qwen", Family::Alibaba),
    ("alibaba", Family::Alibaba),
    ("dashscope", Family::Alibaba),
    ("aliyun", Family::Alibaba),
    ("moonshot", Family::Moonshot),
    ("moonshotai", Family::Moonshot),
    ("kimi", Family::Moonshot),
    ("minimax", Family::MiniMax),
    ("zai", Family::Zhipu),
    ("z", Family::Zhipu),
    ("zhipu", Family::Zhipu),
    ("zhipuai", Family::Zhipu),
    ("glm", Family::Zhipu),
    ("bigmodel", Family::Zhipu),
    ("foundry", Family::Azure),
    ("github", Family::Copilot),
    ("chatgpt", Family::Codex),
];

impl Family {
    /// The family of a provider, by the words in its name: `openai-codex`, `custom:opencode-go`.
    pub(crate) fn of(provider: &Provider) -> Option<Self> {
        let name = provider.as_str();
        let words = || name.split(|c: char| !c.is_alphanumeric());
        let is_named = |known: &str| words().any(|word| word.eq_ignore_ascii_case(known));
        WORDS.iter().find(|(word, _)| is_named(word)).map(|(_, family)| *family)
    }

    /// How far the clock of its messages is ahead of UTC, where they name no zone.
    pub(super) fn zone(self) -> Option<TimeDelta> {
        // Zhipu writes Beijing time: "Your limit will reset at 2026-05-26 21:05:16".
        (self == Self::Zhipu).then(|| TimeDelta::hours(8))
    }

    /// What the documentation calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Alibaba => "Alibaba",
            Self::Anthropic => "Anthropic",
            Self::Azure => "Azure",
            Self::Bedrock => "Bedrock",
            Self::Codex => "Codex",
            Self::Copilot => "Copilot",
            Self::DeepSeek => "DeepSeek",
            Self::Google => "Google",
            Self::Groq => "Groq",
            Self::MiniMax => "MiniMax",
            Self::Mistral => "Mistral",
            Self::Moonshot => "Moonshot",
            Self::Nous => "Nous",
            Self::OpenAi => "OpenAI",
            Self::OpenCode => "OpenCode",
            Self::OpenRouter => "OpenRouter",
            Self::Xai => "xAI",
            Self::Zhipu => "Zhipu",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_family() {
        let cases = [
            ("openai-codex", Some(Family::Codex)),
            ("openai", Some(Family::OpenAi)),
            ("azure-openai", Some(Family::Azure)),
            ("custom:opencode-go", Some(Family::OpenCode)),
            ("google-gemini-cli", Some(Family::Google)),
            ("xai-oauth", Some(Family::Xai)),
            ("Z.AI", Some(Family::Zhipu)),
            ("custom:proxy", None),
            ("azurelike", None),
        ];
        for (name, family) in cases {
            assert_eq!(Family::of(&Provider::new(name).unwrap()), family, "{name}");
        }
    }
}
