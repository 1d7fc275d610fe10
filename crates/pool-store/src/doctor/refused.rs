//! Stores that no other command can use or change, by the errors that those give.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use pool_format::FormatError;
use pool_format::raw::{SyntaxError, SyntaxErrorKind};

use crate::doctor::finding::{Finding, Position, Problem, Remedy};
use crate::error::StoreError;
use crate::location::folder_of;

/// There is nothing there: no error, but not what somebody expects who mistyped the path.
pub(super) fn no_store(path: &Path) -> Finding {
    Finding::new(Problem::NoStore, path, format!("there is no store at {} yet", path.display()))
        .advise("`pool add PROVIDER` makes it; or name another one with `--store PATH`")
}

/// What an error says of the store at the path given. `backup` is one that could take its place.
pub(super) fn finding(
    error: &StoreError,
    given: &Path,
    backup: Option<PathBuf>,
    now: DateTime<Utc>,
) -> Finding {
    let found = |problem, path: &Path| Finding::new(problem, path, error.in_words());
    match error {
        StoreError::NoFolder { path } => no_folder(found(Problem::NoFolder, path), folder_of(path)),
        // It is the path itself that is put aside, never what a link leads to.
        StoreError::NotAFile { .. } => found(Problem::NotAFile, given)
            .mend("put it aside, or name the store itself with `--store PATH`", put_aside(given, now)),
        StoreError::Format { source: FormatError::NewerVersion { .. }, path } => {
            found(Problem::NewerVersion, path).advise("use the newer program that wrote it")
        }
        StoreError::Format { source, path } => corrupt(found(Problem::Corrupt, path), source, backup, now),
        StoreError::Io { path, .. } => unreadable(found(Problem::Unreadable, path), path),
        _ => found(Problem::Unreadable, given),
    }
}

fn no_folder(finding: Finding, folder: &Path) -> Finding {
    let above = folder.ancestors().find(|above| !above.as_os_str().is_empty() && above.exists());
    if above.is_none_or(Path::is_dir) {
        let path = folder.to_owned();
        finding
            .mend("make the folder, or name another store with `--store PATH`", Remedy::MakeFolder { path })
    } else {
        finding.advise("name another store with `--store PATH`")
    }
}

fn corrupt(finding: Finding, error: &FormatError, backup: Option<PathBuf>, now: DateTime<Utc>) -> Finding {
    let path = finding.path.clone();
    let syntax = match error {
        FormatError::Syntax(syntax) => Some(syntax),
        _ => None,
    };
    let finding = finding.at(syntax.and_then(position));
    let holds_nothing = syntax
        .is_some_and(|syntax| matches!(syntax.kind, SyntaxErrorKind::Empty | SyntaxErrorKind::OnlyNulBytes));
    let aside = aside(&path, now);
    let finding = match backup {
        Some(backup) => finding.mend(
            "restore the newest backup; a login in it may be spent by now, and needs a new sign-in then",
            Remedy::Restore { path: path.clone(), aside: aside.clone(), backup },
        ),
        None => finding,
    };
    if holds_nothing {
        finding.mend("nothing is left in it: put it aside, and begin anew", Remedy::PutAside { path, aside })
    } else {
        finding
            .advise("mend the text there with an editor")
            .mend("or put it aside, and begin anew without its credentials", Remedy::PutAside { path, aside })
    }
}

/// Where it went wrong; of what is empty there is no place.
fn position(error: &SyntaxError) -> Option<Position> {
    let is_whole = matches!(error.kind, SyntaxErrorKind::Empty | SyntaxErrorKind::OnlyNulBytes);
    (!is_whole).then_some(Position { line: error.line, column: error.column })
}

/// What an error says of the locks of a store.
pub(super) fn of_lock(error: &StoreError, given: &Path, now: DateTime<Utc>) -> Finding {
    let found = |problem, path: &Path| Finding::new(problem, path, error.in_words());
    match error {
        StoreError::Locked { path, holder: Some(holder), .. } => found(Problem::Locked, path)
            .mend("let it finish, or end it; do not delete the file", Remedy::End { pid: holder.pid }),
        StoreError::Locked { path, .. } => found(Problem::Locked, path)
            .advise("find who holds it with `fuser`, and end that; do not delete the file"),
        StoreError::Io { path, .. } if path.is_dir() => {
            found(Problem::LockUnusable, path).mend("put it aside", put_aside(path, now))
        }
        StoreError::Io { path, source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            let remedy = Remedy::Permit { path: path.clone(), mode: "u+rw" };
            found(Problem::LockUnusable, path).mend("give yourself access", remedy)
        }
        StoreError::Io { path, .. } => {
            found(Problem::LockUnusable, path).advise("keep the store on a file system that knows locks")
        }
        _ => found(Problem::LockUnusable, given),
    }
}

/// What the owner may not read he may permit himself; of what is somebody else's, only he can.
fn unreadable(finding: Finding, path: &Path) -> Finding {
    let owner_may_not = |path: &Path, needed: u32| mode(path).is_some_and(|mode| mode & needed != needed);
    let folder = folder_of(path);
    if owner_may_not(path, 0o400) {
        finding.mend("give yourself access", Remedy::Permit { path: path.to_owned(), mode: "u+rw" })
    } else if owner_may_not(folder, 0o500) {
        finding.mend("give yourself access", Remedy::Permit { path: folder.to_owned(), mode: "u+rwx" })
    } else {
        finding.advise("run this as the user who owns it, or have that user give you access")
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|metadata| std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()))
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

fn put_aside(path: &Path, now: DateTime<Utc>) -> Remedy {
    Remedy::PutAside { path: path.to_owned(), aside: aside(path, now) }
}

/// A name for what is put aside, like that of a backup: `auth.json.<UTC>.broken`.
fn aside(path: &Path, now: DateTime<Utc>) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.broken", now.format("%Y%m%dT%H%M%S%.6fZ")));
    path.with_file_name(name)
}
