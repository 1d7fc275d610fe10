use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use crate::files;

/// The end of a log, from the beginning of a line; `None` where there is none. Whatever is no UTF-8 in it is replaced.
///
/// # Errors
///
/// When it is there and cannot be read, such as a pipe.
pub fn tail(path: &Path, most: u64) -> io::Result<Option<String>> {
    let mut file = match files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(most);
    // The byte before tells whether the first line is whole.
    file.seek(SeekFrom::Start(skipped.saturating_sub(1)))?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if skipped > 0 && !bytes.is_empty() {
        // A last line that is longer than all that is wanted is cut: half of it is more than nothing.
        let line = bytes.iter().rev().skip(1).rev().position(|byte| *byte == b'\n');
        bytes.drain(..=line.unwrap_or(0));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn tail_of(text: &[u8], most: u64) -> String {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        tail(file.path(), most).unwrap().unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_place_of_a_log_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("t_1.log");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(tail(&pipe, 100).unwrap_err().to_string(), "it is not a file");
    }

    #[test]
    fn the_end_of_a_log_begins_with_a_line() {
        let cases: [(&[u8], u64, &str); 9] = [
            (b"", 10, ""),
            (b"one\ntwo\n", 100, "one\ntwo\n"),
            (b"one\ntwo\n", 8, "one\ntwo\n"),
            (b"one\ntwo\n", 7, "two\n"),
            (b"one\ntwo\n", 4, "two\n"),
            (b"one\ntwo\n", 3, "wo\n"),
            (b"one\ntwo", 5, "two"),
            (b"a line without end", 4, " end"),
            (b"\xff\xfe\n\xc3\n", 100, "\u{fffd}\u{fffd}\n\u{fffd}\n"),
        ];
        for (text, most, expected) in cases {
            assert_eq!(tail_of(text, most), expected, "{} of {:?}", most, String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn there_may_be_no_log() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(tail(&folder.path().join("t_1.log"), 10).unwrap(), None);
        assert!(tail(folder.path(), 10).is_err(), "a folder is none");
    }
}
