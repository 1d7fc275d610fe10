use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// The end of a log, from the beginning of a line; `None` where there is none. Whatever is no UTF-8 in it is replaced.
pub(super) fn tail(path: &Path, most: u64) -> io::Result<Option<String>> {
    let mut file = match File::open(path) {
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
    let whole = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if skipped > 0 => &bytes[end + 1..],
        // One line, longer than all that is wanted: half of it is more than nothing.
        _ => &bytes,
    };
    Ok(Some(String::from_utf8_lossy(whole).into_owned()))
}
