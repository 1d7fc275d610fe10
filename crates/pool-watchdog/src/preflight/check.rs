//! What a check is, and what it found.

use std::path::PathBuf;

use pool_core::words;
use serde::Serialize;

use crate::line::one_line;

words! {
    /// What is looked at before a worker starts.
    Checked {
        /// The folder of the profile.
        ProfileFolder = "profile_folder",
        /// The home folders of its workers and of their tools.
        Homes = "homes",
        /// The login that the Codex CLI of its workers finds.
        WorkerLogin = "worker_login",
        /// The login that the Codex CLI of their tools finds, where that is another one.
        ToolsLogin = "tools_login",
        /// Its store.
        ProfileStore = "profile_store",
        /// The store of the root behind it.
        RootStore = "root_store",
        /// Whether a provider has a credential that can be used.
        Pool = "pool",
        /// The region that its login demands.
        Residency = "residency",
        /// The skills that its workers are started with.
        Skills = "skills",
        /// The folder that they work in.
        Workspace = "workspace",
        /// The programs that they need.
        Programs = "programs",
    }
}

words! {
    /// How a check ended.
    CheckState {
        /// All is well.
        Ok = "ok",
        /// Somebody should know of it, and a worker can go on.
        Note = "note",
        /// A worker would fail.
        Broken = "broken",
    }
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What.
    pub name: Checked,
    /// How it is.
    pub state: CheckState,
    /// What was found, in one line and without a secret.
    pub found: String,
    /// What to do next, with the command that does it, where there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// What `--fix` would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// A repair that loses nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "fix", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fix {
    /// A folder is made, for its owner alone.
    MakeFolder {
        /// Which.
        folder: PathBuf,
    },
    /// A symlink to a login is put where there is nothing, or a symlink that leads nowhere.
    Link {
        /// Where.
        link: PathBuf,
        /// The login that it leads to.
        target: PathBuf,
    },
    /// The login of Codex CLI is taken into a store.
    Import {
        /// The file of the login.
        from: PathBuf,
        /// The store.
        into: PathBuf,
    },
}

impl Check {
    pub(super) fn ok(name: Checked, found: impl AsRef<str>) -> Self {
        Self::new(name, CheckState::Ok, found)
    }

    pub(super) fn note(name: Checked, found: impl AsRef<str>) -> Self {
        Self::new(name, CheckState::Note, found)
    }

    pub(super) fn broken(name: Checked, found: impl AsRef<str>) -> Self {
        Self::new(name, CheckState::Broken, found)
    }

    fn new(name: Checked, state: CheckState, found: impl AsRef<str>) -> Self {
        Self { name, state, found: one_line(found.as_ref()), instruction: None, fix: None }
    }

    pub(super) fn next(self, instruction: impl AsRef<str>) -> Self {
        Self { instruction: Some(one_line(instruction.as_ref())), ..self }
    }

    pub(super) fn fix(self, fix: Option<Fix>) -> Self {
        Self { fix, ..self }
    }
}

impl Serialize for Checked {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for CheckState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
