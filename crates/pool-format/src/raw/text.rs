use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::outline::{Level, Outline};

/// A whole text, shared by the slices of it and wiped when the last of them is dropped.
///
/// ```
/// use pool_format::raw::Text;
///
/// let text = Text::from("{\"access_token\": \"sk-live\"}".to_owned());
/// assert_eq!(format!("{text:?}"), "Text(27 bytes)");
/// ```
#[derive(Clone)]
pub struct Text(Arc<Held>);

struct Held {
    /// Shared for itself too: secrets are slices of it that know nothing of JSON.
    text: Arc<Zeroizing<String>>,
    outline: Outline,
}

impl Text {
    /// The text itself. It may hold secrets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The text as it is shared with slices that outlive this one.
    #[must_use]
    pub fn shared(&self) -> &Arc<Zeroizing<String>> {
        &self.0.text
    }

    /// This text with an outline of its upper levels; a text that was shared before stays as it is.
    pub(super) fn outlined(self, outline: Outline) -> Self {
        Self(Arc::new(Held { text: Arc::clone(&self.0.text), outline }))
    }

    /// How the container that begins there is made up, if that is known.
    pub(super) fn level_at(&self, start: usize) -> Option<&Level> {
        self.0.outline.level_at(start)
    }

    /// Where `slice`, which must have been borrowed from this very text, lies.
    pub(super) fn range_of(&self, slice: &str) -> Range<usize> {
        let start = slice.as_ptr().addr() - self.as_str().as_ptr().addr();
        start..start + slice.len()
    }

    /// Whether both are the same text in memory, which spares comparing it.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.text, &other.0.text)
    }
}

impl From<String> for Text {
    /// Takes the text in; it is moved, not copied.
    fn from(text: String) -> Self {
        Self(Arc::new(Held { text: Arc::new(Zeroizing::new(text)), outline: Outline::default() }))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Text({} bytes)", self.as_str().len())
    }
}
