use std::fmt;
use std::path::{Path, PathBuf};

use pool_core::{Provider, Source, Unresolved};
use pool_format::Lent;

/// A file of another tool that lends its secret to the entries of one source. It is read when such an entry is, and again
/// once it is another file.
#[derive(Clone)]
pub struct LentFile {
    /// Whose entries it lends to.
    pub provider: Provider,
    /// Their source.
    pub source: Source,
    /// Where it is.
    pub path: PathBuf,
    /// Reads the secret in it.
    pub read: fn(&Path) -> Result<Lent, Unresolved>,
}

impl LentFile {
    pub(crate) fn lends_to(&self, provider: &Provider, source: &Source) -> bool {
        let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
        same(self.provider.as_str(), provider.as_str()) && same(self.source.as_str(), source.as_str())
    }
}

impl fmt::Debug for LentFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, source, path, read: _ } = self;
        formatter
            .debug_struct("LentFile")
            .field("provider", provider)
            .field("source", source)
            .field("path", path)
            .finish_non_exhaustive()
    }
}
