use chrono::{DateTime, Utc};
use pool_core::{AuthType, Credential, CredentialId, Holding, Provider, Secret, Source, Tokens};

/// What a source offers to a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// Whose pool it is for.
    pub provider: Provider,
    /// Where it comes from, in the words of the file.
    pub source: Source,
    /// What people call it: the owner of the login where its token tells, else the source.
    pub label: String,
    /// How it proves itself.
    pub auth_type: AuthType,
    /// The endpoint it is for, where that is not the provider's usual one.
    pub base_url: Option<String>,
    /// When its access token ends, where that is known.
    pub expires_at: Option<DateTime<Utc>>,
    /// Its secrets.
    pub given: Given,
}

/// How secrets are offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Given {
    /// To be stored in the entry.
    ByValue(Tokens),
    /// To be fetched when it is used; the entry stores a fingerprint.
    ByReference(Secret),
}

impl Offer {
    /// What it becomes in a pool.
    #[must_use]
    pub fn credential(&self, id: CredentialId) -> Credential {
        let holding = match &self.given {
            Given::ByValue(tokens) => Holding::Owned(tokens.clone()),
            Given::ByReference(secret) => {
                Holding::Borrowed { fingerprint: None, resolved: Ok(secret.clone().into()) }
            }
        };
        Credential {
            id,
            label: self.label.clone(),
            auth_type: self.auth_type.clone(),
            priority: 0,
            source: self.source.clone(),
            base_url: self.base_url.clone(),
            expires_at: self.expires_at,
            holding,
        }
    }

    /// The secrets in it: what is sent first.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let pair = match &self.given {
            Given::ByValue(tokens) => [tokens.access_token(), tokens.refresh_token()],
            Given::ByReference(secret) => [Some(secret), None],
        };
        pair.into_iter().flatten()
    }
}
