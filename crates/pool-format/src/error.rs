use crate::raw::SyntaxError;

/// Why a text is not an `auth.json`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// It is not JSON.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// Something that must be an object is not.
    #[error("{place} is not a JSON object")]
    NotAnObject {
        /// Which part: `the store`, `credential_pool`, ...
        place: String,
    },
    /// A newer program wrote it: it can be read, but what we would write could take something from it.
    #[error("the version of the store is {version}, and this program writes only version 1")]
    NewerVersion {
        /// The version as it stands there.
        version: String,
    },
}
