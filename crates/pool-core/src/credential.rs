use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::account::{self, Claims};
use crate::mask;
use crate::name::NameError;
use crate::provider::Provider;
use crate::secret::{Fingerprint, Secret};
use crate::source::Source;
use crate::transition::Grant;

/// The stable name of one credential within its provider; six hex digits by custom, any text in fact.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(Arc<str>);

impl CredentialId {
    /// Names a credential.
    ///
    /// # Errors
    ///
    /// When the name is empty.
    pub fn new(id: impl AsRef<str>) -> Result<Self, NameError> {
        NameError::unless_empty(id.as_ref()).map(|id| Self(id.into()))
    }

    /// Makes the customary six hex digits from a seed.
    ///
    /// ```
    /// use pool_core::CredentialId;
    ///
    /// assert_eq!(CredentialId::from_seed(0x12_3456_789a).as_str(), "56789a");
    /// ```
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self(format!("{:06x}", seed & 0xff_ffff).into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CredentialId({})", self.0)
    }
}

/// How a credential proves itself.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AuthType {
    /// `api_key`: one secret, valid until somebody revokes it.
    ApiKey,
    /// `oauth`: a short-lived access token, renewed with a refresh token.
    OAuth,
    /// A word that this version does not know, kept as it is.
    Other(Box<str>),
}

impl AuthType {
    /// Reads the word of the file.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "api_key" => Self::ApiKey,
            "oauth" => Self::OAuth,
            other => Self::Other(other.into()),
        }
    }

    /// The word of the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ApiKey => "api_key",
            Self::OAuth => "oauth",
            Self::Other(word) => word,
        }
    }
}

/// The secrets that an entry stores by value. Blank ones are not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tokens {
    access: Option<Secret>,
    refresh: Option<Secret>,
    agent_key: Option<Secret>,
}

impl Tokens {
    /// An access token or API key alone.
    #[must_use]
    pub fn access(secret: Secret) -> Self {
        Self::default().with_access(Some(secret))
    }

    /// Sets the access token or API key.
    #[must_use]
    pub fn with_access(self, secret: Option<Secret>) -> Self {
        Self { access: present(secret), ..self }
    }

    /// Sets the refresh token.
    #[must_use]
    pub fn with_refresh(self, secret: Option<Secret>) -> Self {
        Self { refresh: present(secret), ..self }
    }

    /// Sets the key that Nous mints from a login, which is then what is sent.
    #[must_use]
    pub fn with_agent_key(self, secret: Option<Secret>) -> Self {
        Self { agent_key: present(secret), ..self }
    }

    /// The access token.
    #[must_use]
    pub fn access_token(&self) -> Option<&Secret> {
        self.access.as_ref()
    }

    /// The refresh token.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.refresh.as_ref()
    }

    /// These with newer ones over them. Within one grant a refresh token that is left out stays (RFC 6749 section 6); a new
    /// login brings its own or has none. A key minted from the old login goes.
    pub(crate) fn renewed(&self, newer: &Self, grant: Grant) -> Self {
        let kept = || self.refresh.clone().filter(|_| grant == Grant::Same);
        Self {
            access: newer.access.clone().or_else(|| self.access.clone()),
            refresh: newer.refresh.clone().or_else(kept),
            agent_key: newer.agent_key.clone(),
        }
    }

    /// The key minted from a login.
    #[must_use]
    pub fn agent_key(&self) -> Option<&Secret> {
        self.agent_key.as_ref()
    }

    /// What is sent upstream.
    fn sent(&self) -> Option<&Secret> {
        self.agent_key.as_ref().or(self.access.as_ref())
    }

    fn all(&self) -> impl Iterator<Item = &Secret> {
        [&self.agent_key, &self.access, &self.refresh].into_iter().flatten()
    }
}

impl From<Secret> for Tokens {
    fn from(secret: Secret) -> Self {
        Self::access(secret)
    }
}

fn present(secret: Option<Secret>) -> Option<Secret> {
    secret.filter(|secret| !secret.is_blank())
}

/// Why a lent secret cannot be had in this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Unresolved {
    /// The variable is not set, or empty.
    VariableNotSet,
    /// The variable holds a stand-in such as `changeme`.
    Placeholder,
    /// It holds something that no header could carry.
    Odd {
        /// What: `a line break`, ...
        what: &'static str,
    },
    /// The file of the other tool is not there.
    FileMissing,
    /// The file of the other tool cannot be read, or there is no login in it.
    NoLogin,
    /// This version cannot read that source.
    SourceNotReadable,
}

/// Where the secret of a credential is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Holding {
    /// The entry stores it.
    Owned(Tokens),
    /// Another place lends it; the entry stores only its fingerprint.
    Borrowed {
        /// The fingerprint in the entry, of the secret as it was last seen.
        fingerprint: Option<Fingerprint>,
        /// Its secrets as this process found them.
        resolved: Result<Tokens, Unresolved>,
    },
}

/// One usable key or login: what it is, never what happened to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// Its name within the provider.
    pub id: CredentialId,
    /// What people call it.
    pub label: String,
    /// How it proves itself.
    pub auth_type: AuthType,
    /// Lower comes first; equal ones keep the order of the file.
    pub priority: i64,
    /// Where it came from.
    pub source: Source,
    /// The endpoint it is for, where that is not the provider's usual one.
    pub base_url: Option<String>,
    /// When its access token ends, where the entry says so.
    pub expires_at: Option<DateTime<Utc>>,
    /// Its secret, or where to find it.
    pub holding: Holding,
}

impl Credential {
    /// A credential that a person added: an API key, first in line.
    ///
    /// ```
    /// use pool_core::{Credential, CredentialId, Secret};
    ///
    /// let credential = Credential::manual(CredentialId::new("c0ffee")?, Secret::new("sk-test".to_owned()));
    /// assert_eq!(credential.label, "manual");
    /// assert!(credential.secret().is_some());
    /// # Ok::<(), pool_core::NameError>(())
    /// ```
    #[must_use]
    pub fn manual(id: CredentialId, secret: Secret) -> Self {
        Self {
            id,
            label: "manual".to_owned(),
            auth_type: AuthType::ApiKey,
            priority: 0,
            source: Source::manual(),
            base_url: None,
            expires_at: None,
            holding: Holding::Owned(Tokens::access(secret)),
        }
    }

    /// The secret to send, where there is one.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        self.tokens()?.sent()
    }

    /// Its secrets, wherever they are; `None` where they are lent, and cannot be had in this process.
    #[must_use]
    pub fn tokens(&self) -> Option<&Tokens> {
        match &self.holding {
            Holding::Owned(tokens) => Some(tokens),
            Holding::Borrowed { resolved, .. } => resolved.as_ref().ok(),
        }
    }

    /// Whether its entry stores the secret, and no other place lends it.
    #[must_use]
    pub fn owns_its_secret(&self) -> bool {
        matches!(self.holding, Holding::Owned(_))
    }

    /// The fingerprint that a verdict on this credential is bound to: of the secret that is sent, else of the
    /// refresh token, else the one the entry stores.
    #[must_use]
    pub fn subject(&self) -> Option<Fingerprint> {
        let told = self.secret().or(self.refresh_token()).map(Secret::fingerprint);
        match &self.holding {
            Holding::Owned(_) => told,
            Holding::Borrowed { fingerprint, .. } => told.or(*fingerprint),
        }
    }

    /// Whether it has a refresh token to renew the access token with, of its own or lent.
    #[must_use]
    pub fn can_be_renewed(&self) -> bool {
        self.refresh_token().is_some()
    }

    /// The refresh token, where it has one.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.tokens()?.refresh_token()
    }

    /// Whether this very secret is here now, as access token or as refresh token.
    #[must_use]
    pub fn holds(&self, subject: Fingerprint) -> bool {
        self.secrets().any(|secret| secret.fingerprint() == subject) || self.subject() == Some(subject)
    }

    /// Whose account it is, where its token tells: the fingerprint of provider, account and user.
    #[must_use]
    pub fn account(&self, provider: &Provider) -> Option<Fingerprint> {
        account::fingerprint(provider, self.claims()?)
    }

    /// Whether both are known to be the same user's logins to one account. Both are of the same provider.
    pub(crate) fn shares_account_with(&self, other: &Self) -> bool {
        self.claims().zip(other.claims()).is_some_and(|(mine, theirs)| mine.is_same_account(theirs))
    }

    /// Whether both are known to be of different accounts or users. What is not known is no contradiction.
    #[must_use]
    pub fn contradicts_account_of(&self, other: &Self) -> bool {
        self.claims().zip(other.claims()).is_some_and(|(mine, theirs)| mine.contradicts(theirs))
    }

    /// When its access token ends: as the entry says, else as the token itself says.
    #[must_use]
    pub fn token_ends_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at.or_else(|| self.access_token()?.ends_at())
    }

    /// When its access token was made, where the token itself says so.
    #[must_use]
    pub fn token_made_at(&self) -> Option<DateTime<Utc>> {
        self.access_token()?.made_at()
    }

    /// A text without its secrets and without what looks like a key.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        mask::mask(text, self.secrets())
    }

    /// Every secret in it, to be masked where it is shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.tokens().into_iter().flat_map(Tokens::all)
    }

    fn claims(&self) -> Option<&Claims> {
        self.access_token()?.claims()
    }

    /// The token of its login, or its key: what is sent, unless something else was minted from it.
    fn access_token(&self) -> Option<&Secret> {
        self.tokens()?.access_token()
    }
}
