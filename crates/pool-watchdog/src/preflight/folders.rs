//! The folders of a profile: its own, the home folders of its workers, and the one that they work in.

use std::path::Path;

use super::Examination;
use super::check::{Check, Checked, Fix};
use pool_core::{quoted, quoted_path};

use crate::home::CodexHome;

/// Whether the board would find the profile: it is its folder that makes it one.
pub(super) fn profile(of: &Examination<'_>) -> Check {
    let (name, folder) = (Checked::ProfileFolder, &of.home.folder);
    let shown = folder.display();
    if folder.is_dir() {
        return Check::ok(name, format!("{shown} is there"));
    }
    if std::fs::symlink_metadata(folder).is_ok() {
        let found = format!("{shown} is no folder, so the board skips tasks of `{}`", of.home.name);
        return Check::broken(name, found)
            .next(format!("put it aside: `mv {path} {path}.aside`", path = quoted_path(folder)));
    }
    let make = match of.home.is_root() {
        true => "hermes setup".to_owned(),
        false => format!("hermes profile create {}", quoted(&of.home.name)),
    };
    Check::broken(name, format!("{shown} is missing, so the board skips tasks of `{}`", of.home.name))
        .next(format!("make it: `{make}`"))
        .fix(Some(Fix::MakeFolder { folder: folder.clone() }))
}

/// Which home folders apply.
pub(super) fn homes(of: &Examination<'_>) -> Check {
    let (worker, tools) = (&of.home.worker, &of.home.tools);
    let found = if worker == tools {
        format!("workers and their tools have {}", variables(worker))
    } else {
        let (worker, tools) = (variables(worker), variables(tools));
        format!("workers have {worker}; where Hermes isolates their tools, those have {tools}")
    };
    if !worker.home.is_dir() {
        let folder = worker.home.display();
        return Check::broken(Checked::Homes, format!("{found}; {folder} is no folder"))
            .next("name one that is there as `user_home` of the profile in watchdog.toml");
    }
    Check::ok(Checked::Homes, found)
}

fn variables(home: &CodexHome) -> String {
    let codex_home = match &home.codex_home {
        Some(folder) => format!("CODEX_HOME={}", quoted_path(folder)),
        None => "no CODEX_HOME".to_owned(),
    };
    format!("HOME={} and {codex_home}", quoted_path(&home.home))
}

/// Whether its workers can write where they work.
pub(super) fn workspace(of: &Examination<'_>) -> Option<Check> {
    let folder = of.needs.workspace.as_deref()?;
    let name = Checked::Workspace;
    let shown = folder.display();
    Some(match try_to_write(folder) {
        Ok(()) => Check::ok(name, format!("{shown} can be written")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Check::broken(name, format!("{shown} is missing"))
                .next(format!("make it: `mkdir -p {}`", quoted_path(folder)))
        }
        Err(error) => Check::broken(name, format!("{shown} cannot be written: {error}"))
            .next(format!("see who may: `ls -ld {}`", quoted_path(folder))),
    })
}

/// Nothing else tells: root may write what is read-only to others, and nobody on a read-only file system. The file has no name, or is
/// gone again.
fn try_to_write(folder: &Path) -> std::io::Result<()> {
    if !folder.is_dir() {
        std::fs::metadata(folder)?;
        return Err(std::io::Error::other("it is no folder"));
    }
    tempfile::tempfile_in(folder).map(drop)
}
