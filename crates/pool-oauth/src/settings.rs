//! `pool.toml` beside the store: what an operator knows better than the table.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use pool_core::Provider;
use serde::Deserialize;

use crate::profile::{Encoding, Profile};
use crate::token_url::{TokenUrl, UrlError};

/// What `pool.toml` says of token endpoints.
///
/// ```
/// use pool_core::Provider;
/// use pool_oauth::Settings;
///
/// let settings = Settings::parse("[oauth.acme]\ntoken_url = \"https://acme.example/token\"\nclient_id = \"agent\"")?;
/// let profile = settings.profile(&Provider::new("acme")?)?;
/// assert_eq!(profile.client_id.as_deref(), Some("agent"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    oauth: BTreeMap<String, Override>,
}

/// What it says of one provider. What is left out is as the table has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    token_url: Option<String>,
    client_id: Option<String>,
    device_url: Option<String>,
    scope: Option<String>,
    encoding: Option<Encoding>,
    skew_seconds: Option<u32>,
    timeout_seconds: Option<u16>,
}

/// Why a profile cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file is there and cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// It is no TOML, or says something that nobody knows.
    #[error("`pool.toml` cannot be used: {problem}")]
    Toml {
        /// Where and why.
        problem: String,
    },
    /// An address that is none to send a token to.
    #[error("the {name} of `{provider}` cannot be used")]
    Url {
        /// Which.
        name: &'static str,
        /// Whose.
        provider: Provider,
        /// Why.
        source: UrlError,
    },
    /// Nobody knows where the logins of this provider are renewed.
    #[error("it is not known where logins of `{provider}` are renewed")]
    UnknownProvider {
        /// Whose.
        provider: Provider,
    },
}

impl Settings {
    /// Reads `pool.toml` beside a store; where there is none, there is nothing to say.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or says something that nobody knows.
    pub fn beside(store: &Path) -> Result<Self, SettingsError> {
        let path = store.with_file_name("pool.toml");
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(SettingsError::Io { path, source: Arc::new(error) }),
        }
    }

    /// Reads the text of a `pool.toml`.
    ///
    /// # Errors
    ///
    /// When it is no TOML, or says something that nobody knows.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            SettingsError::Toml { problem: format!("{line}{}", error.message()) }
        })
    }

    /// How logins of a provider are renewed: what is said here, else what is known of it.
    ///
    /// # Errors
    ///
    /// When neither says where, or it is no address to send a token to.
    pub fn profile(&self, provider: &Provider) -> Result<Profile, SettingsError> {
        self.profile_at(provider, None)
    }

    /// The same, at an address that somebody gave for this once.
    ///
    /// # Errors
    ///
    /// When nobody says where, or it is no address to send a token to.
    pub fn profile_at(&self, provider: &Provider, url: Option<&TokenUrl>) -> Result<Profile, SettingsError> {
        let said = self.oauth.get(provider.as_str()).cloned().unwrap_or_default();
        let address = |name, text: Option<&str>| {
            let address = text.map(str::parse::<TokenUrl>).transpose();
            address.map_err(|source| SettingsError::Url { name, provider: provider.clone(), source })
        };
        let told = address("token_url", said.token_url.as_deref())?;
        let device_url = address("device_url", said.device_url.as_deref())?;
        let known = Profile::known(provider);
        let profile = match (url.cloned().or(told), known) {
            (Some(token_url), Some(known)) => Profile { token_url, ..known },
            (Some(token_url), None) => Profile::standard(token_url),
            (None, Some(known)) => known,
            (None, None) => return Err(SettingsError::UnknownProvider { provider: provider.clone() }),
        };
        Ok(Profile {
            client_id: said.client_id.or(profile.client_id),
            device_url: device_url.or(profile.device_url),
            scope: said.scope.or(profile.scope),
            encoding: said.encoding.unwrap_or(profile.encoding),
            skew: said.skew_seconds.map_or(profile.skew, |skew| TimeDelta::seconds(skew.into())),
            timeout: said
                .timeout_seconds
                .map_or(profile.timeout, |timeout| Duration::from_secs(timeout.into())),
            ..profile
        })
    }
}
