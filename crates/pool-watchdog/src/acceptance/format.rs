//! What a file is written in, told by its name.

use std::path::Path;

use super::document::Block;
use super::{html, markdown};

/// A format that can be read for what it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// Markdown, and text without any form.
    Markdown,
    Html,
}

impl Format {
    /// The format of a file; `None` for one that is only looked at for being there.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let extension = Path::new(path).extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "md" | "markdown" | "txt" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }

    /// What a text says; `None` if it cannot be read.
    pub(super) fn read(self, text: &str) -> Option<Vec<Block>> {
        match self {
            Self::Markdown => Some(markdown::read(text)),
            Self::Html => html::read(text),
        }
    }
}
