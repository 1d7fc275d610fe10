//! `pool.toml` beside the store: what an operator knows better than the table.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use pool_core::Provider;
use pool_store::{read_short, who_else_writes};
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
    skew_seconds: Option<Seconds<0, LONGEST_SKEW>>,
    timeout_seconds: Option<Seconds<1, LONGEST_TIMEOUT>>,
}

/// A day: what is due so long before its end is due all the time.
const LONGEST_SKEW: u32 = 24 * 60 * 60;

/// Whoever asks for the same login waits as long.
const LONGEST_TIMEOUT: u32 = 10 * 60;

/// So many seconds, within bounds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "i64")]
struct Seconds<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> TryFrom<i64> for Seconds<LEAST, MOST> {
    type Error = String;

    fn try_from(seconds: i64) -> Result<Self, String> {
        let within = u32::try_from(seconds).ok().filter(|seconds| (LEAST..=MOST).contains(seconds));
        within.map(Self).ok_or_else(|| format!("{seconds} seconds are not between {LEAST} and {MOST}"))
    }
}

/// A longer `pool.toml` is another file.
const LONGEST_FILE: u64 = 1024 * 1024;

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
    /// Others may write it. Who does tells where tokens are sent.
    #[error("{} cannot be trusted: {why}, and it says where tokens are sent", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Who else may write it, and what to do.
        why: String,
    },
    /// It is no TOML, or says something that nobody knows.
    #[error("{} cannot be used: {problem}", path.display())]
    Toml {
        /// The file; `pool.toml` where a text was read.
        path: PathBuf,
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
    /// When it cannot be read, others may write it, or it says something that nobody knows.
    pub fn beside(store: &Path) -> Result<Self, SettingsError> {
        let path = store.with_file_name("pool.toml");
        let io = |source| SettingsError::Io { path: path.clone(), source: Arc::new(source) };
        let bytes = match read_short(&path, LONGEST_FILE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(io(error)),
        };
        if let Some(why) = who_else_writes(&path, store).map_err(io)? {
            return Err(SettingsError::NotOurs { path, why });
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| io(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))?;
        Self::read(&text, &path)
    }

    /// Reads the text of a `pool.toml`.
    ///
    /// # Errors
    ///
    /// When it is no TOML, or says something that nobody knows.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        Self::read(text, Path::new("pool.toml"))
    }

    fn read(text: &str, path: &Path) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            SettingsError::Toml { path: path.to_owned(), problem: format!("{line}{}", error.message()) }
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
            skew: said.skew_seconds.map_or(profile.skew, |Seconds(skew)| TimeDelta::seconds(skew.into())),
            timeout: said
                .timeout_seconds
                .map_or(profile.timeout, |Seconds(timeout)| Duration::from_secs(timeout.into())),
            ..profile
        })
    }
}
