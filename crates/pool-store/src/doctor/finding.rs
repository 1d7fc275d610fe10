use std::path::{Path, PathBuf};

use pool_core::{CredentialId, Provider};

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Something cannot be used until somebody mends it.
    Error,
    /// It works, but somebody should mend it.
    Warning,
    /// Good to know; nothing is wrong.
    Note,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Makes the enum of what can be found, with the word and the severity of each.
macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $severity:ident;)*) => {
        /// What can be found in a store. The words stay as they are: programs know them.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Problem {
            $($(#[$doc])* $variant,)*
        }

        impl Problem {
            /// The word for it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// How much it matters.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)*
                }
            }
        }
    };
}

problems! {
    /// There is no store yet.
    NoStore = "no-store", Note;
    /// The folder of the store is not there.
    NoFolder = "no-folder", Error;
    /// What stands in its place is no file.
    NotAFile = "not-a-file", Error;
    /// It cannot be read.
    Unreadable = "unreadable", Error;
    /// It is not an `auth.json`.
    Corrupt = "corrupt", Error;
    /// A newer program wrote it.
    NewerVersion = "newer-version", Error;
    /// The file or its folder has no write permission at all.
    ReadOnly = "read-only", Error;
    /// The root store, which lends to this one, cannot be read.
    RootUnusable = "root-unusable", Error;
    /// Somebody holds the lock for long.
    Locked = "locked", Warning;
    /// The lock cannot be taken by anybody.
    LockUnusable = "lock-unusable", Error;
    /// Others than the owner may read a file that holds secrets.
    OthersMayRead = "others-may-read", Warning;
    /// Others than the owner may replace the store.
    OthersMayWrite = "others-may-write", Warning;
    /// An unfinished file that a killed program left behind.
    LeftoverFile = "leftover-file", Warning;
    /// What another program kept of a store that it could not read.
    CorruptCopy = "corrupt-copy", Note;
    /// A number that only Python writes.
    NotFinite = "not-finite", Note;
    /// A key that stands twice in one object: the last counts.
    DuplicateKey = "duplicate-key", Warning;
    /// A value among the credentials that is none.
    NotACredential = "not-a-credential", Note;
    /// What happened to credentials stands in their entries.
    InlineFields = "inline-fields", Warning;
    /// The store is rolled back, and its records are hidden.
    RolledBack = "rolled-back", Note;
    /// A record that is no object.
    UnreadableRecord = "unreadable-record", Error;
    /// A status of a newer program.
    UnknownStatus = "unknown-status", Error;
    /// A record keeps inline fields that could not be read.
    LegacyValues = "legacy-values", Note;
    /// A record without an entry.
    OrphanRecord = "orphan-record", Note;
    /// Several entries of a provider share an id, and with it a record.
    DuplicateId = "duplicate-id", Warning;
    /// Two credentials of a provider have the same secret.
    DuplicateSecret = "duplicate-secret", Warning;
    /// A secret is stored by value although its source lends it.
    LentSecretStored = "lent-secret-stored", Warning;
    /// A removed credential that another program brought back.
    CameBack = "came-back", Warning;
    /// The secret that was replaced is stored again.
    SecretRolledBack = "secret-rolled-back", Error;
    /// The secret will not work again.
    Dead = "dead", Error;
    /// The access token ended, and nothing can renew it.
    Expired = "expired", Error;
    /// Its refresh token is spent, and nobody has what it was spent for: it ends with its access token.
    LoginLost = "login-lost", Warning;
    /// The access token ended; its refresh token can renew it.
    RefreshDue = "refresh-due", Note;
    /// No secret is stored.
    NoSecret = "no-secret", Error;
    /// What stands where the secret should is a stand-in, or nothing that could be sent.
    Placeholder = "placeholder", Warning;
    /// The variable that lends the secret is not set here.
    VariableNotSet = "variable-not-set", Warning;
    /// The file of another tool that lends the secret is not there, or has no login in it.
    LenderMissing = "lender-missing", Warning;
    /// What should say which sources are suppressed has an unknown shape.
    UnknownSuppression = "unknown-suppression", Warning;
    /// An entry of a source that somebody suppressed.
    Suppressed = "suppressed", Note;
    /// This version cannot read the source that lends the secret.
    SourceNotReadable = "source-not-readable", Note;
}

/// One thing that was found in a store, and what mends it. No secret is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What it is.
    pub problem: Problem,
    /// The file or folder it is about.
    pub path: PathBuf,
    /// The provider it is about, if it is about one.
    pub provider: Option<Provider>,
    /// The credential it is about, if it is about one.
    pub id: Option<CredentialId>,
    /// Where in the file.
    pub position: Option<Position>,
    /// What is wrong, in words.
    pub what: String,
    /// What mends it: the first that fits.
    pub mends: Vec<Mend>,
}

impl Finding {
    pub(crate) fn new(problem: Problem, path: &Path, what: impl Into<String>) -> Self {
        let (path, what) = (path.to_owned(), what.into());
        Self { problem, path, provider: None, id: None, position: None, what, mends: Vec::new() }
    }

    pub(crate) fn of(self, provider: &Provider, id: Option<&CredentialId>) -> Self {
        Self { provider: Some(provider.clone()), id: id.cloned(), ..self }
    }

    pub(crate) fn at(self, position: Option<Position>) -> Self {
        Self { position, ..self }
    }

    /// Says what a person can do where no command can.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.mends.push(Mend { advice: advice.into(), remedy: None });
        self
    }

    /// Says what a command can do, where there is one.
    pub(crate) fn mend(mut self, advice: impl Into<String>, remedy: impl Into<Option<Remedy>>) -> Self {
        let remedy: Option<Remedy> = remedy.into();
        self.mends.extend(remedy.map(|remedy| Mend { advice: advice.into(), remedy: Some(remedy) }));
        self
    }
}

/// A place in the text of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

/// One way to mend a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mend {
    /// What to do, in words.
    pub advice: String,
    /// What does it, where a command can.
    pub remedy: Option<Remedy>,
}

/// What a command does to mend a finding, as plain data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// `pool-migrate`.
    Migrate,
    /// `pool remove`.
    Remove {
        /// Whose pool.
        provider: Provider,
        /// A name that selects just this credential.
        name: String,
    },
    /// `pool reset --dead`.
    Revive {
        /// Whose pool.
        provider: Provider,
        /// A name that selects just this credential.
        name: String,
    },
    /// `pool doctor` on another store.
    Examine {
        /// Which one.
        path: PathBuf,
    },
    /// Change the permissions of a file or folder.
    Permit {
        /// Which one.
        path: PathBuf,
        /// In the words of chmod: `go-rwx`.
        mode: &'static str,
    },
    /// Delete a file.
    Delete {
        /// Which one.
        path: PathBuf,
    },
    /// Make a folder, with those above it.
    MakeFolder {
        /// Which one.
        path: PathBuf,
    },
    /// Give what stands at a path another name.
    PutAside {
        /// Where it stands.
        path: PathBuf,
        /// What it is called then.
        aside: PathBuf,
    },
    /// Put a backup in the place of the store, which is put aside.
    Restore {
        /// The store.
        path: PathBuf,
        /// What it is called then.
        aside: PathBuf,
        /// The backup.
        backup: PathBuf,
    },
    /// End a process.
    End {
        /// Which one.
        pid: u32,
    },
}
