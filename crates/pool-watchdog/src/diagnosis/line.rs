//! Text of a log, as it is read and as it is told.

use crate::line::{joined, shown as bounded, visible};

/// The most characters of what is told.
pub(super) const MOST_SHOWN: usize = 300;

/// The most bytes of one line that are read: what is longer is data, and its beginning tells what it is.
const MOST_BYTES: usize = 8 * 1024;

/// A text as it is told: in one line, without secrets, and cut where it is longer than anybody reads.
pub(super) fn shown(text: &str) -> String {
    bounded(&joined(beginning(text)), MOST_SHOWN)
}

/// A line as a person would have seen it.
pub(super) fn plain(line: &str) -> String {
    let mut plain = visible(beginning(line));
    plain.truncate(plain.trim_end().len());
    plain
}

fn beginning(text: &str) -> &str {
    text.split_at(text.floor_char_boundary(MOST_BYTES)).0
}
