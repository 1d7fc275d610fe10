use std::error::Error;
use std::io;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use pool_core::{ChangeError, Provider, SelectError, Unavailable};
use pool_format::FormatError;
use pool_oauth::{LoginError, Profile, RefreshError, SettingsError};
use pool_sources::{Flaw, SourceError, Tool};
use pool_store::{PickError, Remedy, StoreError};

use crate::exit;
use crate::render::{Shell, printable, when};

/// Why a command failed. One place turns it into words, a hint and an exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Unavailable(Box<Nothing>),
    #[error(transparent)]
    Select(#[from] SelectError),
    #[error("no credentials for `{provider}` in this store")]
    NoPool { provider: Provider },
    #[error("no home folder is known, so there is no default store")]
    NoHome,
    #[error("cannot read the secret from {place}")]
    Secret { place: String, source: io::Error },
    #[error("there is no secret in {place}")]
    NoSecret { place: String },
    #[error("the secret in {place} has {what} in it")]
    OddSecret { place: String, what: &'static str },
    #[error("cannot read what upstream said from {place}")]
    Told { place: String, source: io::Error },
    #[error("there is nothing in {place}")]
    NothingTold { place: String },
    #[error("an HTTP {status} is no failure, and nothing in {place} is known as an error")]
    NoFailure { place: String, status: u16 },
    #[error("there is no raw HTTP response in {place}")]
    NoResponse { place: String },
    #[error("`--status {given}` contradicts the response, which is a {stated}")]
    OtherStatus { given: u16, stated: u16 },
    #[error("cannot read the events in {}", path.display())]
    Events { path: PathBuf, source: io::Error },
    #[error("line {line} of the events {problem}")]
    Event { line: usize, problem: String },
    #[error("`{name}` of `{provider}` got another secret or went away meanwhile, so it was not removed")]
    Stale { provider: Provider, name: String },
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Refresh(Box<RefreshError>),
    #[error(transparent)]
    Login(Box<LoginError>),
    #[error("a login of `{provider}` is made in a browser, not by a code")]
    NeedsBrowser { provider: Provider },
    #[error("`{provider}` has no login that can be renewed here")]
    NoLogin { provider: Provider },
    #[error("`{provider}` has {count} logins")]
    SeveralLogins { provider: Provider, count: usize },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("no variable is usual for the secrets of `{provider}`")]
    NoVariable { provider: Provider },
    #[error("cannot run {}", program.display())]
    NotRun { program: PathBuf, source: io::Error },
    #[error("cannot write the manual pages to {}", folder.display())]
    Pages { folder: PathBuf, source: io::Error },
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

/// Nothing can be handed out, at a time that the words are relative to.
#[derive(Debug, thiserror::Error)]
#[error("{unavailable}")]
pub(crate) struct Nothing {
    pub(crate) unavailable: Unavailable,
    pub(crate) now: DateTime<Utc>,
}

impl From<StoreError> for CommandError {
    /// A command ends with its error, so that it is no comfort that a verdict holds in its process.
    fn from(error: StoreError) -> Self {
        Self::Store(error.cause().clone())
    }
}

impl From<RefreshError> for CommandError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Store(error) => error.into(),
            RefreshError::Settings(error) => Self::Settings(error),
            error => Self::Refresh(Box::new(error)),
        }
    }
}

impl From<LoginError> for CommandError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Store(error) => error.into(),
            error => Self::Login(Box::new(error)),
        }
    }
}

impl CommandError {
    pub(crate) fn unavailable(unavailable: Unavailable, now: DateTime<Utc>) -> Self {
        Self::Unavailable(Box::new(Nothing { unavailable, now }))
    }

    pub(crate) fn of_pick(error: PickError, now: DateTime<Utc>) -> Self {
        match error {
            PickError::Unavailable(unavailable) => Self::unavailable(unavailable, now),
            PickError::Store(error) => Self::Store(error),
            error => Self::Output(io::Error::other(error)),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Unavailable(_) => exit::NOTHING_AVAILABLE,
            Self::NotRun { source, .. } if source.kind() == io::ErrorKind::NotFound => exit::NOT_FOUND,
            Self::NotRun { .. } => exit::CANNOT_RUN,
            Self::OtherStatus { .. } | Self::SeveralLogins { .. } => exit::USAGE,
            _ => exit::FAILED,
        }
    }

    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The error and what caused it, one line each, without a secret: upstream's words are masked before they are kept.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![printable(&self.to_string())];
        let mut cause = self.source();
        while let Some(error) = cause {
            lines.push(printable(&error.to_string()));
            cause = error.source();
        }
        lines
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => store_hint(error),
            Self::Unavailable(nothing) => Some(unavailable_hint(nothing)),
            Self::Select(SelectError::Ambiguous { .. }) => {
                Some("name it by its id, or by its number in the list".to_owned())
            }
            Self::Select(_) => Some("`pool list` shows the ids, labels and numbers".to_owned()),
            Self::NoPool { provider } => Some(format!("`pool add {provider}` makes one")),
            Self::NoHome => Some("name the store with `--store PATH`".to_owned()),
            Self::NoSecret { .. } | Self::Secret { .. } => Some(
                "pipe it in, or name a file with `--secret-file` or a variable with `--secret-env`"
                    .to_owned(),
            ),
            Self::OddSecret { .. } => Some("give the key alone, on one line".to_owned()),
            Self::Stale { .. } => Some("look again with `pool list`, then repeat it".to_owned()),
            Self::Settings(SettingsError::UnknownProvider { provider }) => Some(format!(
                "name the endpoint with `--token-url URL`, or in pool.toml beside the store: \
                 [oauth.{provider}] with token_url and client_id"
            )),
            Self::Settings(_) => Some("nothing was changed; mend pool.toml".to_owned()),
            Self::Refresh(error) => refresh_hint(error),
            Self::Login(error) => login_hint(error).map(str::to_owned),
            Self::NeedsBrowser { provider } => Some(browser_hint(provider)),
            Self::NoLogin { provider } => Some(format!("`pool list {provider}` shows what is there")),
            Self::SeveralLogins { .. } => Some("name one, or say `--all`".to_owned()),
            Self::Source(error) => Some(source_hint(error).to_owned()),
            Self::NoVariable { .. } => {
                Some("name the variable that the command reads with `--env NAME`".to_owned())
            }
            Self::Pages { .. } => Some("name a folder that is there and that you may write".to_owned()),
            Self::Told { .. } => Some("name a file that you may read, or - for standard input".to_owned()),
            Self::NothingTold { .. } => Some(
                "give a raw HTTP response, a JSON body (with `--status N`), a dump of headers or lines of a log"
                    .to_owned(),
            ),
            Self::NoFailure { .. } => {
                Some("give an answer of 400 or more, or a body that tells an error; `pool success` takes in that it worked".to_owned())
            }
            Self::NoResponse { .. } => Some(
                "it begins with a line such as `HTTP/1.1 429 Too Many Requests`, as `curl --include` prints it; \
                 for other forms see `pool explain`"
                    .to_owned(),
            ),
            Self::OtherStatus { .. } => Some("leave `--status` out".to_owned()),
            Self::Event { .. } | Self::Events { .. } | Self::NotRun { .. } | Self::Output(_) => None,
        }
    }
}

fn unavailable_hint(nothing: &Nothing) -> String {
    let provider = &nothing.unavailable.provider;
    match nothing.unavailable.first_return() {
        Some((out, until)) => {
            format!("{} returns first, {}; see `pool list {provider}`", out.id, when(until, nothing.now))
        }
        None if nothing.unavailable.out.is_empty() => format!("`pool add {provider}` adds one"),
        None => format!("none returns by itself; see `pool list {provider}`"),
    }
}

fn refresh_hint(error: &RefreshError) -> Option<String> {
    let hint = match error {
        RefreshError::NotALogin { .. } => {
            "an API key needs no renewal; a login that another program lends is renewed by that program"
                .to_owned()
        }
        RefreshError::Resting { .. } => "wait for that, or try at once with `--force`".to_owned(),
        RefreshError::Passing { .. } => "nothing is lost; try again in a moment".to_owned(),
        RefreshError::NotEntitled { .. } => {
            "ask whoever runs the account for the plan or the right".to_owned()
        }
        RefreshError::Dead { provider, .. }
        | RefreshError::Lost { provider, .. }
        | RefreshError::NotKept { provider, .. }
        | RefreshError::OtherAccount { provider, .. }
            if needs_browser(provider) =>
        {
            browser_hint(provider)
        }
        RefreshError::Dead { provider, id, .. }
        | RefreshError::Lost { provider, id, .. }
        | RefreshError::NotKept { provider, id, .. }
        | RefreshError::OtherAccount { provider, id } => {
            format!("log in again: `pool login {provider} --for {id}`")
        }
        _ => return None,
    };
    Some(hint)
}

/// Whether it is known how a provider logs in, and that it is not by a code.
pub(crate) fn needs_browser(provider: &Provider) -> bool {
    Profile::known(provider).is_some_and(|profile| profile.device_url.is_none())
}

fn browser_hint(provider: &Provider) -> String {
    let hint = format!("log in with `hermes auth add {provider}`");
    if Tool::Claude.provider() == *provider {
        return format!("{hint}, or with Claude Code and then `pool import claude`");
    }
    hint
}

fn login_hint(error: &LoginError) -> Option<&'static str> {
    let hint = match error {
        LoginError::NoDeviceUrl => {
            "name the place with `--device-url URL`, or as device_url in pool.toml beside the store"
        }
        LoginError::NotGiven(_) | LoginError::Unreadable => "nothing was stored; try again in a moment",
        LoginError::Denied | LoginError::Expired => {
            "nothing was stored; run the command again for another code"
        }
        LoginError::NotReplaceable { .. } => "leave `--for` out to have it as a credential of its own",
        LoginError::OtherAccount { .. } => {
            "log in with that account, or leave `--for` out to have it as a credential of its own"
        }
        _ => return None,
    };
    Some(hint)
}

fn store_hint(error: &StoreError) -> Option<String> {
    let hint = match error {
        StoreError::NoFolder { .. } => {
            "make the folder, or name another store with `--store PATH`".to_owned()
        }
        StoreError::NoStore { .. } => "name the store: `pool-migrate PATH`".to_owned(),
        StoreError::NotAFile { .. } => "name the store itself with `--store PATH`".to_owned(),
        StoreError::Format { source: FormatError::NewerVersion { .. }, .. } => {
            "use the newer program that wrote it".to_owned()
        }
        StoreError::Format { path, .. } => format!(
            "nothing was changed; mend the text, or put a backup in its place (`ls {}.*.bak`)",
            path.display()
        ),
        StoreError::ReadOnly { path } => {
            format!("give yourself write permission: `chmod u+w {}`", path.display())
        }
        StoreError::Locked { holder: Some(holder), .. } => format!(
            "let it finish, or end it with `kill {}`, and try again; do not delete the file",
            holder.pid
        ),
        StoreError::Locked { path, .. } => {
            format!(
                "find who holds it with `fuser {}`, end that, and try again; do not delete the file",
                path.display()
            )
        }
        StoreError::NotDurable { .. } => "check the disk, then run the command again".to_owned(),
        StoreError::Change(ChangeError::Duplicate { provider, existing }) => {
            format!("use that one, or remove it first: `pool remove {provider} {existing}`")
        }
        StoreError::Change(ChangeError::Ambiguous { .. }) => {
            "name it by its number in `pool list`".to_owned()
        }
        StoreError::Change(ChangeError::Lent { provider, id, root }) => {
            let (provider, name) = (provider.clone(), id.to_string());
            let remove = Shell::of(root).command(&Remedy::Remove { provider, name });
            format!("other profiles use it too; to remove it for all of them: `{remove}`")
        }
        StoreError::Change(_) => "`pool list` shows what is there".to_owned(),
        StoreError::Io { source, .. } => return disk_hint(source.kind()).map(str::to_owned),
        _ => return None,
    };
    Some(hint)
}

fn source_hint(error: &SourceError) -> &'static str {
    match error {
        SourceError::Missing { .. } => {
            "log in with that tool first; Codex CLI may keep its file elsewhere: set CODEX_HOME"
        }
        SourceError::Flawed { source: Flaw::Ended { .. }, .. } => {
            "use that tool once, so that it renews its login; then import it"
        }
        SourceError::Flawed { .. } => "log in again with that tool; its file is as it was",
        _ => "let the owner of the store read that file",
    }
}

fn disk_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("make room on that disk, then run the command again")
        }
        io::ErrorKind::PermissionDenied => Some("run it as the owner of the store and of its folder"),
        io::ErrorKind::ReadOnlyFilesystem => Some("have that disk mounted for writing"),
        io::ErrorKind::ResourceBusy => {
            Some("a file that is mounted by itself cannot be replaced: mount its folder instead")
        }
        _ => None,
    }
}
