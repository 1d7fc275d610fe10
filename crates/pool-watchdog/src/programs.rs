//! Where a program is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The file that a shell would run for a name: itself if it is a path, else the first of the folders that has it.
pub(crate) fn find(program: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    if program.components().count() > 1 || program.is_absolute() {
        return is_program(program).then(|| program.to_owned());
    }
    let folders = path.into_iter().flat_map(std::env::split_paths);
    // An empty one is the working folder to a shell: nobody means that.
    let named = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(program));
    named.into_iter().find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    std::fs::metadata(file)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file() || file.with_extension("exe").is_file()
}
