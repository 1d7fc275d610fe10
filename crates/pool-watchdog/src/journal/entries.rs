use std::fmt;
use std::io::{self, BufRead, Read};

use crate::journal::entry::Entry;

/// A longer line is no entry of ours, and is skipped without a look.
const LONGEST_LINE: u64 = 64 << 20;

/// The entries of a journal, in their order.
///
/// What is no entry, or one that only a newer version knows, is skipped and counted. A last line that does not end is left alone:
/// somebody may be writing it right now, or was killed over it.
pub struct Entries {
    reader: Box<dyn BufRead>,
    line: Vec<u8>,
    position: u64,
    skipped: u64,
}

impl Entries {
    /// The entries that such lines are.
    #[must_use]
    pub fn new(reader: impl BufRead + 'static) -> Self {
        Self { reader: Box::new(reader), line: Vec::new(), position: 0, skipped: 0 }
    }

    /// How many lines so far were no entries that this version can read.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// How many bytes so far are whole lines.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Reads one whole line; false where there is none.
    fn next_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let mut read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut self.line)? as u64;
        if read == LONGEST_LINE && !self.line.ends_with(b"\n") {
            self.line.clear();
            read += skip_line(&mut self.reader)?;
            self.line.push(b'\n');
        }
        let is_whole = self.line.ends_with(b"\n");
        self.position += if is_whole { read } else { 0 };
        Ok(is_whole)
    }
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<u64> {
    reader.skip_until(b'\n').map(|skipped| skipped as u64)
}

impl Iterator for Entries {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        loop {
            match self.next_line() {
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
                Ok(true) => match serde_json::from_slice(&self.line) {
                    Ok(entry) => return Some(Ok(entry)),
                    Err(_) => self.skipped += 1,
                },
            }
        }
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Entries")
            .field("position", &self.position)
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    const LINE: &[u8] =
        b"{\"at\":\"2026-11-21T16:30:00Z\",\"board\":\"default\",\"what\":\"noted\",\"says\":\"x\"}\n";

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        for longer in [0, 1_000] {
            let garbage = io::repeat(b'x').take(LONGEST_LINE + longer - 1).chain(b"\n".as_slice());
            let mut entries = Entries::new(BufReader::new(LINE.chain(garbage).chain(LINE)));
            assert_eq!(entries.by_ref().map(Result::unwrap).count(), 2);
            assert!(entries.line.capacity() as u64 <= 2 * LONGEST_LINE);
            let length = 2 * LINE.len() as u64 + LONGEST_LINE + longer;
            assert_eq!((entries.skipped(), entries.position()), (1, length));
        }
    }
}
