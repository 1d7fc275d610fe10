//! The files around a store: who may read them, and what was left behind.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::doctor::finding::{Finding, Problem, Remedy};
use crate::file::variables_folder;
use crate::location::{Location, folder_of};
use crate::replace::litter_prefix;

/// No write takes longer, so that an unfinished file of this age is nobody's any more.
const LONGEST_WRITE: Duration = Duration::from_secs(60);

/// What lies at and beside a store.
#[derive(Debug)]
pub(super) struct Surroundings {
    folder: Option<Seen>,
    files: Vec<(Role, Seen)>,
}

/// What a file is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Store,
    Variables,
    Backup,
    CorruptCopy,
    Unfinished,
}

/// A file or folder as it was found.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    path: PathBuf,
    /// The permission bits, where the system has some.
    mode: Option<u32>,
    is_read_only: bool,
    /// How long ago it was written.
    age: Duration,
}

impl Surroundings {
    /// Looks around.
    pub(super) fn of(location: &Location) -> Self {
        let variables = variables_folder(location).join(".env");
        let named = [(Role::Store, location.target.clone()), (Role::Variables, variables)];
        let beside = fs::read_dir(location.folder()).into_iter().flatten().flatten().filter_map(|entry| {
            let name = entry.file_name();
            Some((role(&location.target, name.to_str()?)?, location.target.with_file_name(&name)))
        });
        let files = named.into_iter().chain(beside);
        let files =
            files.filter_map(|(role, path)| Some((role, Seen::of(&path).filter(|_| path.is_file())?)));
        let mut files: Vec<_> = files.collect();
        files.sort_by(|(_, one), (_, other)| one.path.cmp(&other.path));
        Self { folder: Seen::of(folder_of(&location.target)), files }
    }

    /// What could take the place of the store, the newest first: backups, then what another program kept.
    pub(super) fn backups(&self) -> impl Iterator<Item = PathBuf> {
        let of = |role| self.files.iter().filter(move |(of, _)| *of == role).map(|(_, seen)| seen);
        let mut backups: Vec<&Seen> = of(Role::Backup).collect();
        backups.sort_by_key(|backup| backup.age);
        backups.into_iter().chain(of(Role::CorruptCopy)).map(|seen| seen.path.clone())
    }
}

impl Seen {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let age = SystemTime::now().duration_since(written).unwrap_or_default();
        let is_read_only = metadata.permissions().readonly();
        Some(Self { path: path.to_owned(), mode: mode(&metadata), is_read_only, age })
    }

    fn may_others(&self, bits: u32) -> bool {
        self.mode.is_some_and(|mode| mode & bits != 0)
    }

    fn shown_mode(&self) -> String {
        format!("{:04o}", self.mode.unwrap_or_default())
    }
}

/// What a file beside the store is for, by its name.
fn role(store: &Path, name: &str) -> Option<Role> {
    if name.starts_with(&litter_prefix(store)) && name.ends_with(".tmp") {
        return Some(Role::Unfinished);
    }
    let behind = name.strip_prefix(store.file_name()?.to_str()?)?;
    // As the other program names its own: `auth.json.tmp.<pid>.<hex>`.
    match behind {
        ".corrupt" => Some(Role::CorruptCopy),
        _ if behind.starts_with(".tmp.") => Some(Role::Unfinished),
        _ if behind.ends_with(".bak") => Some(Role::Backup),
        _ => None,
    }
}

/// What is wrong with the files.
pub(super) fn findings(around: &Surroundings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (role, file) in &around.files {
        if *role == Role::Unfinished {
            findings.extend(unfinished(file));
            continue;
        }
        findings.extend(others_may_read(file));
        findings.extend(read_only(file).filter(|_| *role == Role::Store));
        if *role == Role::CorruptCopy {
            findings.push(corrupt_copy(file));
        }
    }
    if let Some(folder) = &around.folder {
        findings.extend(others_may_write(folder));
        findings.extend(read_only(folder));
    }
    findings
}

fn others_may_read(file: &Seen) -> Option<Finding> {
    let Seen { path, .. } = file;
    let what = format!("others may read {} ({}), and it holds secrets", path.display(), file.shown_mode());
    let finding = Finding::new(Problem::OthersMayRead, path, what);
    let remedy = Remedy::Permit { path: path.clone(), mode: "go-rwx" };
    file.may_others(0o077).then(|| finding.mend("keep it to yourself", remedy))
}

/// Who may write into the folder may put another file in the place of the store.
fn others_may_write(folder: &Seen) -> Option<Finding> {
    let Seen { path, .. } = folder;
    let what = format!("others may write into the folder {} ({})", path.display(), folder.shown_mode());
    let finding = Finding::new(Problem::OthersMayWrite, path, what);
    // A folder like /tmp is everybody's.
    let finding = if folder.may_others(0o1000) {
        finding.advise("keep the store in a folder of your own")
    } else {
        finding.mend("keep it to yourself", Remedy::Permit { path: path.clone(), mode: "go-w" })
    };
    folder.may_others(0o022).then_some(finding)
}

fn read_only(seen: &Seen) -> Option<Finding> {
    let Seen { path, .. } = seen;
    let what = format!("{} is read-only, so that nothing can be written", path.display());
    let remedy = Remedy::Permit { path: path.clone(), mode: "u+w" };
    let finding = Finding::new(Problem::ReadOnly, path, what).mend("give yourself write permission", remedy);
    seen.is_read_only.then_some(finding)
}

fn unfinished(file: &Seen) -> Option<Finding> {
    let Seen { path, age, .. } = file;
    let what =
        format!("{} was left behind by a program that was killed, and it holds secrets", path.display());
    let finding = Finding::new(Problem::LeftoverFile, path, what);
    (*age > LONGEST_WRITE).then(|| finding.mend("delete it", Remedy::Delete { path: path.clone() }))
}

fn corrupt_copy(file: &Seen) -> Finding {
    let Seen { path, .. } = file;
    let what = format!(
        "another program could not read an earlier store, and began anew; its text is in {}, secrets and all",
        path.display()
    );
    Finding::new(Problem::CorruptCopy, path, what)
        .mend("once nothing in it is missed, delete it", Remedy::Delete { path: path.clone() })
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> Option<u32> {
    Some(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        let cases = [
            (".auth.json.pool-x4Kd9a.tmp", Some(Role::Unfinished)),
            ("auth.json.tmp.4242.9f86d0", Some(Role::Unfinished)),
            ("auth.json.20260526T120000.000000Z.bak", Some(Role::Backup)),
            ("auth.json.20260526T120000.000000Z-2.bak", Some(Role::Backup)),
            ("auth.json.corrupt", Some(Role::CorruptCopy)),
            ("auth.json", None),
            ("auth.lock", None),
            ("other.json.corrupt", None),
            (".other.json.pool-x4Kd9a.tmp", None),
            ("auth.json.20260526T120000.000000Z.broken", None),
        ];
        for (name, expected) in cases {
            assert_eq!(role(Path::new("/home/auth.json"), name), expected, "{name}");
        }
    }

    #[test]
    fn modes_are_judged_by_what_they_permit_to_others() {
        let seen =
            |mode| Seen { path: "p".into(), mode: Some(mode), is_read_only: false, age: Duration::ZERO };
        for (mode, readable, writable) in [
            (0o600, false, false),
            (0o640, true, false),
            (0o700, false, false),
            (0o755, true, false),
            (0o770, true, true),
        ] {
            assert_eq!(others_may_read(&seen(mode)).is_some(), readable, "{mode:o}");
            assert_eq!(others_may_write(&seen(mode)).is_some(), writable, "{mode:o}");
        }
        let everybodys = others_may_write(&seen(0o1777)).map(|finding| finding.mends);
        assert!(everybodys.is_some_and(|mends| mends.iter().all(|mend| mend.remedy.is_none())));
    }
}
