use std::fmt;
use std::sync::Arc;

use crate::name::NameError;

/// The name of a provider, as it stands in `auth.json`: `openai-codex`, `custom:together.ai`.
///
/// ```
/// use pool_core::Provider;
///
/// let provider = Provider::new("openai-codex")?;
/// assert_eq!(provider.as_str(), "openai-codex");
/// assert!(Provider::new("").is_err());
/// # Ok::<(), pool_core::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Provider(Arc<str>);

impl Provider {
    /// Names a provider.
    ///
    /// # Errors
    ///
    /// When the name is empty: nothing in the file could be told apart by it.
    pub fn new(name: impl AsRef<str>) -> Result<Self, NameError> {
        NameError::unless_empty(name.as_ref()).map(|name| Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether programs take both for one: letter case is set aside.
    ///
    /// ```
    /// # use pool_core::Provider;
    /// assert!(Provider::new("nous")?.is_same(&Provider::new("Nous")?));
    /// # Ok::<(), pool_core::NameError>(())
    /// ```
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_called(&other.0)
    }

    /// The same of a name that needs no provider.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Provider({})", self.0)
    }
}
