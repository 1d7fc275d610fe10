use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// A login is some kilobytes: what is longer is another file.
const LONGEST: u64 = 1024 * 1024;

/// Reads a small file, through symlinks, and nothing else: a pipe would wait for its writer, and everyone for us.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    // Grown buffers would leave copies of tokens behind.
    let file = File::open(path)?;
    let length = file.metadata()?.len().min(LONGEST);
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(2)));
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LONGEST) {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    Ok(std::mem::take(&mut *bytes))
}
