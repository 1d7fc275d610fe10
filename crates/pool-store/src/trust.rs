//! Who may write a file of settings: whoever can, decides what is done with its reader's rights.

use std::io;
use std::path::Path;

/// Who else may write a file than whoever owns its folder or what it belongs to, and root, and what to do about it; `None` where
/// nobody may. Where files have no such rights, nobody is known to.
///
/// # Errors
///
/// When the file cannot be looked at.
#[cfg(unix)]
pub fn who_else_writes(path: &Path, belongs_to: &Path) -> io::Result<Option<String>> {
    use std::os::unix::fs::MetadataExt;

    let file = std::fs::metadata(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let owners =
        [belongs_to, folder].into_iter().filter_map(|path| Some(std::fs::metadata(path).ok()?.uid()));
    if file.uid() != 0 && !owners.into_iter().any(|owner| owner == file.uid()) {
        return Ok(Some("it belongs to another user; make it your own, or remove it".to_owned()));
    }
    let mend =
        || format!("others may write it (mode {:03o}; `chmod 600 {}`)", file.mode() & 0o777, path.display());
    Ok((file.mode() & 0o022 != 0).then(mend))
}

#[cfg(not(unix))]
pub fn who_else_writes(_: &Path, _: &Path) -> io::Result<Option<String>> {
    Ok(None)
}
