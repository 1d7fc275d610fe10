//! What lies in a workspace, as a rule asks for it: looks, and judges nothing.
//!
//! No path leads out of the workspace, also not by a symlink, and whatever is large is read in part.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use chrono::{DateTime, Utc};
use glob::{MatchOptions, Pattern};

use crate::files;
use crate::settings::{Deliverable, Rule};

/// The most bytes that are read of what is handed in.
pub(super) const LONGEST: u64 = 16 * 1024 * 1024;

/// The most bytes that are read of evidence: it only has to be there.
const LONGEST_OF_EVIDENCE: u64 = 1024;

/// The most entries of folders that are looked at for one pattern.
const MOST_ENTRIES: usize = 100_000;

/// As in a shell: `*` neither goes on behind a `/`, nor finds what is hidden.
const AS_IN_A_SHELL: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// What lies in a workspace, in the order of the rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Artifacts {
    pub(super) workspace: PathBuf,
    pub(super) evidence: Vec<Search>,
    pub(super) deliverables: Vec<Look>,
    pub(super) state: Vec<Look>,
}

/// What a path or pattern of evidence found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Search {
    /// The files, in the order of their paths, and how they begin; `None` for one that cannot be read.
    pub(super) files: Vec<(PathBuf, Option<Vec<u8>>)>,
    /// Whether something was there: a file, or an empty folder.
    pub(super) is_there: bool,
    /// Whether something was not followed.
    pub(super) leads_out: bool,
}

/// What is at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Look {
    Missing,
    Outside,
    Unreadable,
    File {
        modified: DateTime<Utc>,
        bytes: Vec<u8>,
        /// Whether that is all of it.
        is_whole: bool,
    },
}

pub(super) fn read(rule: &Rule, workspace: &Path) -> Artifacts {
    let workspace = fs::canonicalize(workspace).unwrap_or_else(|_| workspace.to_owned());
    let look = |deliverables: &[Deliverable]| {
        deliverables.iter().map(|deliverable| look(&workspace, &deliverable.path)).collect()
    };
    Artifacts {
        evidence: rule.evidence.iter().map(|pattern| search(&workspace, pattern)).collect(),
        deliverables: look(&rule.deliverables),
        state: look(&rule.state),
        workspace,
    }
}

fn look(workspace: &Path, path: &str) -> Look {
    let path = workspace.join(path);
    let path = match resolve(workspace, &path) {
        Ok(Some(path)) => path,
        Ok(None) => return Look::Outside,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return nothing_at(workspace, &path);
        }
        Err(_) => return Look::Unreadable,
    };
    let read = || {
        let mut file = files::open(&path)?;
        let modified = file.metadata()?.modified()?.into();
        let bytes = read_up_to(&mut file, LONGEST)?;
        io::Result::Ok(Look::File { modified, bytes, is_whole: file.read(&mut [0])? == 0 })
    };
    read().unwrap_or(Look::Unreadable)
}

/// Whoever writes what is missing must not write it through a symlink to somewhere else.
fn nothing_at(workspace: &Path, path: &Path) -> Look {
    for place in path.ancestors().take_while(|place| place.starts_with(workspace)) {
        match resolve(workspace, place) {
            Ok(Some(_)) => return Look::Missing,
            Ok(None) => return Look::Outside,
            Err(_) if place.is_symlink() => return Look::Outside,
            Err(_) => {}
        }
    }
    Look::Missing
}

/// Where a path really is; `None` if that is out of the workspace.
fn resolve(workspace: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    let path = fs::canonicalize(path)?;
    Ok(path.starts_with(workspace).then_some(path))
}

fn read_up_to(file: &mut File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn search(workspace: &Path, pattern: &str) -> Search {
    let mut walk =
        Walk { workspace, entries_left: MOST_ENTRIES, files: BTreeSet::new(), search: Search::default() };
    let steps: Vec<Step> = Path::new(pattern).components().filter_map(Step::of).collect();
    walk.go(workspace.to_owned(), &steps);
    let Walk { files, mut search, .. } = walk;
    let head = |path: &Path| read_up_to(&mut files::open(path).ok()?, LONGEST_OF_EVIDENCE).ok();
    let in_workspace = |path: &Path| path.strip_prefix(workspace).unwrap_or(path).to_owned();
    search.files = files.iter().map(|path| (in_workspace(path), head(path))).collect();
    search
}

/// A part of a pattern between two `/`.
enum Step {
    /// A name, or a pattern of one.
    Name(String, Option<Pattern>),
    /// `**`: folders, or none.
    AnyFolders,
}

impl Step {
    fn of(part: Component<'_>) -> Option<Self> {
        let Component::Normal(name) = part else {
            return None;
        };
        let name = name.to_string_lossy().into_owned();
        let pattern = || Pattern::new(&name).ok();
        match name.as_str() {
            "**" => Some(Self::AnyFolders),
            plain if !plain.contains(['*', '?', '[']) => Some(Self::Name(name, None)),
            _ => {
                let pattern = pattern();
                Some(Self::Name(name, pattern))
            }
        }
    }
}

struct Walk<'a> {
    workspace: &'a Path,
    entries_left: usize,
    files: BTreeSet<PathBuf>,
    search: Search,
}

impl Walk<'_> {
    /// It goes no deeper than a path can be long.
    fn go(&mut self, path: PathBuf, steps: &[Step]) {
        match steps {
            [] => self.take(path),
            [Step::Name(name, None), rest @ ..] => self.enter(&path.join(name), rest),
            [Step::Name(_, Some(pattern)), rest @ ..] => {
                for entry in self.entries(&path) {
                    let name = entry.file_name().unwrap_or_default().to_string_lossy();
                    if pattern.matches_with(&name, AS_IN_A_SHELL) {
                        self.enter(&entry, rest);
                    }
                }
            }
            [Step::AnyFolders, rest @ ..] => {
                for entry in self.entries(&path) {
                    let is_hidden = entry.file_name().unwrap_or_default().to_string_lossy().starts_with('.');
                    // A symlink may lead back to where this came from.
                    if !is_hidden && entry.is_dir() && !entry.is_symlink() {
                        self.go(entry, steps);
                    }
                }
                self.go(path, rest);
            }
        }
    }

    fn enter(&mut self, path: &Path, rest: &[Step]) {
        match resolve(self.workspace, path) {
            Ok(Some(path)) => self.go(path, rest),
            Ok(None) => self.search.leads_out = true,
            // Nothing is there, or nothing that may be looked at: a file that may not be read is found all the same.
            Err(_) => {}
        }
    }

    /// Takes a file, or all files of a folder.
    fn take(&mut self, path: PathBuf) {
        self.search.is_there = true;
        if !path.is_dir() {
            self.files.insert(path);
            return;
        }
        for entry in self.entries(&path) {
            match resolve(self.workspace, &entry) {
                Ok(Some(found)) if !found.is_dir() => drop(self.files.insert(found)),
                Ok(Some(_)) if !entry.is_symlink() => self.take(entry),
                Ok(Some(_)) | Err(_) => {}
                Ok(None) => self.search.leads_out = true,
            }
        }
    }

    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let entries =
            fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
        let entries: Vec<PathBuf> = entries.take(self.entries_left).collect();
        self.entries_left -= entries.len();
        entries
    }
}
