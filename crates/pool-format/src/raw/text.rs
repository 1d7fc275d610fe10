use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A whole text, shared by the slices of it and wiped when the last of them is dropped.
///
/// ```
/// use pool_format::raw::Text;
///
/// let text = Text::from("{\"access_token\": \"sk-live\"}".to_owned());
/// assert_eq!(format!("{text:?}"), "Text(27 bytes)");
/// ```
#[derive(Clone)]
pub struct Text(Arc<Zeroizing<String>>);

impl Text {
    /// The text itself. It may hold secrets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where `slice`, which must have been borrowed from this very text, begins.
    pub(super) fn offset_of(&self, slice: &str) -> usize {
        slice.as_ptr().addr() - self.as_str().as_ptr().addr()
    }

    /// Whether both are the same text in memory, which spares comparing it.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<String> for Text {
    /// Takes the text in; it is moved, not copied.
    fn from(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Text({} bytes)", self.as_str().len())
    }
}
