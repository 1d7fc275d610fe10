use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use pool_core::{ChangeError, LastError, Provider, SelectError, Unavailable};
use pool_format::FormatError;
use pool_oauth::{LoginError, RefreshError, SettingsError, Trouble};
use pool_sources::{Flaw, NoHome, SourceError};
use pool_store::{PickError, StoreError};
use pool_watchdog::{BoardError, JournalError, WatchError};

use crate::exit;
use crate::render::{Shell, Word, browser_hint, printable, quoted_path, revival, when};

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
    #[error(transparent)]
    NoHome(#[from] NoHome),
    #[error("cannot read the secret from {place}")]
    Secret { place: String, source: io::Error },
    #[error("there is no secret in {place}")]
    NoSecret { place: String },
    #[error("the secret in {place} has {what} in it")]
    OddSecret { place: String, what: &'static str },
    #[error("cannot read {place}")]
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
    #[error("`import {from}` takes in a login of `{offered}`, and none of `{wanted}`")]
    OtherProvider { from: String, offered: Provider, wanted: Provider },
    #[error("no variable is known to hold a secret of `{provider}`")]
    NoKnownVariable { provider: Provider },
    #[error("signals cannot be held back while a login is renewed")]
    Signals { source: io::Error },
    #[error("no variable is usual for the secrets of `{provider}`")]
    NoVariable { provider: Provider },
    #[error("cannot run {}", program.display())]
    NotRun { program: PathBuf, source: io::Error },
    #[error("cannot write the manual pages to {}", folder.display())]
    Pages { folder: PathBuf, source: io::Error },
    #[error(transparent)]
    WatchdogSettings(#[from] pool_watchdog::SettingsError),
    #[error(transparent)]
    Watch(#[from] WatchError),
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
            Self::OtherStatus { .. }
            | Self::SeveralLogins { .. }
            | Self::OtherProvider { .. }
            | Self::NoKnownVariable { .. } => exit::USAGE,
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

    /// What to do next, with commands that can be run as they stand.
    pub(crate) fn hint(&self, shell: &Shell) -> Option<String> {
        let hint = match self {
            Self::Store(error) => return store_hint(shell, error),
            Self::Unavailable(nothing) => unavailable_hint(shell, nothing),
            Self::Select(SelectError::Ambiguous { .. }) => {
                "name it by its id, or by its number in the list".to_owned()
            }
            Self::Select(_) => format!("`{}` shows the ids, labels and numbers", shell.pool("list", &[])),
            Self::NoPool { provider } => format!("`{}` makes one", add(shell, provider)),
            Self::NoHome(_) => "name the store with `--store PATH`".to_owned(),
            Self::NoSecret { .. } | Self::Secret { .. } => {
                "pipe it in, or name a file with `--secret-file` or a variable with `--secret-env`".to_owned()
            }
            Self::OddSecret { .. } => "give the key alone, on one line".to_owned(),
            Self::Stale { provider, .. } => {
                format!("look again with `{}`, then repeat it", shell.list(provider))
            }
            Self::Settings(SettingsError::UnknownProvider { provider }) => format!(
                "name the endpoint with `--token-url URL`, or in pool.toml beside the store: \
                 [oauth.{provider}] with token_url and client_id"
            ),
            Self::Settings(_) => "nothing was changed; mend pool.toml".to_owned(),
            Self::Refresh(error) => return refresh_hint(shell, error),
            Self::Login(error) => return login_hint(error).map(str::to_owned),
            Self::NeedsBrowser { provider } => browser_hint(shell, provider),
            Self::NoLogin { provider } => format!("`{}` shows what is there", shell.list(provider)),
            Self::SeveralLogins { .. } => "name one, or say `--all`".to_owned(),
            Self::Source(error) => source_hint(error).to_owned(),
            Self::OtherProvider { .. } => "leave `--provider` out".to_owned(),
            Self::NoKnownVariable { provider } => {
                let names = [Word::Name(provider.as_str()), Word::Flag("--secret-env NAME")];
                format!("name the variable that has it: `{}`", shell.pool("add", &names))
            }
            Self::NoVariable { .. } => {
                "name the variable that the command reads with `--env NAME`".to_owned()
            }
            Self::Pages { .. } => "name a folder that is there and that you may write".to_owned(),
            Self::Told { .. } => "name a file that you may read, or - for standard input".to_owned(),
            Self::NothingTold { .. } => {
                "give a raw HTTP response, a JSON body (with `--status N`), a dump of headers or lines of a log"
                    .to_owned()
            }
            Self::NoFailure { .. } => {
                "give an answer of 400 or more, or a body that tells an error; `pool success` takes in that it worked"
                    .to_owned()
            }
            Self::NoResponse { .. } => {
                "it begins with a line such as `HTTP/1.1 429 Too Many Requests`, as `curl --include` prints it; \
                 for other forms see `pool explain`"
                    .to_owned()
            }
            Self::OtherStatus { .. } => "leave `--status` out".to_owned(),
            Self::WatchdogSettings(error) => return settings_hint(error),
            Self::Watch(error) => return watch_hint(error).map(str::to_owned),
            Self::Event { .. }
            | Self::Events { .. }
            | Self::NotRun { .. }
            | Self::Signals { .. }
            | Self::Output(_) => return None,
        };
        Some(hint)
    }
}

fn settings_hint(error: &pool_watchdog::SettingsError) -> Option<String> {
    use pool_watchdog::SettingsError::Io;

    let is_missing = matches!(error, Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
    is_missing.then(|| {
        "make it, or name another with `--config PATH`; docs/watchdog.md says what stands in it".to_owned()
    })
}

fn watch_hint(error: &WatchError) -> Option<&'static str> {
    let hint = match error {
        WatchError::NoTask { .. } => "`boards` in watchdog.toml names the boards that are looked at",
        WatchError::Board(BoardError::Lock { .. }) => {
            "another watchdog looks after this board; let it, or end that one first"
        }
        WatchError::Board(BoardError::NoBoard { .. }) => "`home` in watchdog.toml says where the boards are",
        WatchError::Board(BoardError::Command { .. }) => "nothing was done; name it in watchdog.toml",
        WatchError::Journal(JournalError::Io { source, .. }) if disk_hint(source.kind()).is_some() => {
            return disk_hint(source.kind());
        }
        WatchError::Journal(JournalError::Io { .. }) => {
            "`state` in watchdog.toml says where it is: name a folder that you may write"
        }
        _ => return None,
    };
    Some(hint)
}

fn add(shell: &Shell, provider: &Provider) -> String {
    shell.pool("add", &[Word::Name(provider.as_str())])
}

fn unavailable_hint(shell: &Shell, nothing: &Nothing) -> String {
    let provider = &nothing.unavailable.provider;
    let list = shell.list(provider);
    match nothing.unavailable.first_return() {
        Some((out, until)) => {
            format!("{} returns first, {}; see `{list}`", out.id, when(until, nothing.now))
        }
        None if nothing.unavailable.out.is_empty() => format!("`{}` adds one", add(shell, provider)),
        None => format!("none returns by itself; see `{list}`"),
    }
}

fn refresh_hint(shell: &Shell, error: &RefreshError) -> Option<String> {
    let hint = match error {
        RefreshError::NotALogin { .. } => {
            "an API key needs no renewal, and what another place lends without a refresh token is renewed there"
                .to_owned()
        }
        RefreshError::Resting { .. } => "wait for that, or try at once with `--force`".to_owned(),
        RefreshError::Passing { provider, id, error, trouble, .. } => {
            trouble_hint(error, *trouble, || revival(shell, provider, id))
        }
        RefreshError::NotEntitled { .. } => {
            "ask whoever runs the account for the plan or the right".to_owned()
        }
        RefreshError::Dead { provider, id, .. }
        | RefreshError::Lost { provider, id, .. }
        | RefreshError::NotKept { provider, id, .. }
        | RefreshError::OtherAccount { provider, id } => revival(shell, provider, id),
        RefreshError::Removed { provider, id } => {
            format!("take it out of the file again: `{}`", shell.remove(provider, id.as_str()))
        }
        _ => return None,
    };
    Some(hint)
}

/// How to go on where there are no tokens depends on what became of the old one.
fn trouble_hint(error: &LastError, trouble: Trouble, revival: impl Fn() -> String) -> String {
    let hint = match (trouble, error.code) {
        (Trouble::NotSent, _) => {
            "its token was not sent, so nothing is lost; try again once the endpoint can be reached"
        }
        (Trouble::Unanswered, _) => {
            return format!(
                "its token may be spent: the next attempt sends it once more; if that fails too, {}",
                revival()
            );
        }
        (Trouble::Refused, Some(300..400)) => {
            "no redirect is followed, so nothing is lost; name the endpoint itself with `--token-url URL`, or in pool.toml"
        }
        (Trouble::Refused, Some(400..=428 | 430..500)) => {
            "its token was not used, but the endpoint will refuse again: look at token_url and client_id in pool.toml"
        }
        (Trouble::Refused, _) => "its token was refused for now, so nothing is lost; try again in a moment",
    };
    hint.to_owned()
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

fn store_hint(shell: &Shell, error: &StoreError) -> Option<String> {
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
            quoted_path(path)
        ),
        StoreError::ReadOnly { path } => {
            format!("give yourself write permission: `chmod u+w {}`", quoted_path(path))
        }
        StoreError::Locked { path, .. } if folder_of_grants(path).is_some() => {
            "let it finish: whoever holds this lock renews a login, and would lose it".to_owned()
        }
        StoreError::Locked { holder: Some(holder), .. } => format!(
            "let it finish, or end it with `kill {}`, and try again; do not delete the file",
            holder.pid
        ),
        StoreError::Locked { path, .. } => {
            format!(
                "find who holds it with `fuser {}`, end that, and try again; do not delete the file",
                quoted_path(path)
            )
        }
        StoreError::NotDurable { .. } => "check the disk, then run the command again".to_owned(),
        StoreError::Change(ChangeError::Duplicate { provider, existing }) => {
            format!("use that one, or remove it first: `{}`", shell.remove(provider, existing.as_str()))
        }
        StoreError::Change(ChangeError::Ambiguous { provider, .. }) => {
            format!("`{}` says how to part them", shell.pool("doctor", &[Word::Name(provider.as_str())]))
        }
        StoreError::Change(ChangeError::Lent { provider, id, root }) => {
            let remove = Shell::of(Some(root)).remove(provider, id.as_str());
            format!("other profiles use it too; to remove it for all of them: `{remove}`")
        }
        StoreError::Change(_) => format!("`{}` shows what is there", shell.pool("list", &[])),
        StoreError::Io { path, source, .. } => return io_hint(path, source.kind()),
        _ => return None,
    };
    Some(hint)
}

fn io_hint(path: &Path, kind: io::ErrorKind) -> Option<String> {
    let is_no_folder =
        matches!(kind, io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory | io::ErrorKind::NotFound);
    match folder_of_grants(path) {
        Some(folder) if is_no_folder => Some(format!(
            "a folder belongs there: take away what is in its place (`rm {}`)",
            quoted_path(folder)
        )),
        _ => disk_hint(kind).map(str::to_owned),
    }
}

/// The folder of the locks that are held while logins are renewed, where this is it or one of them.
fn folder_of_grants(path: &Path) -> Option<&Path> {
    let is_it = |path: &&Path| path.extension().is_some_and(|extension| extension == "refresh");
    path.ancestors().take(2).find(is_it)
}

fn source_hint(error: &SourceError) -> &'static str {
    match error {
        SourceError::Missing { .. } => {
            "log in with that tool first; Codex CLI may keep its file elsewhere: set CODEX_HOME"
        }
        SourceError::Flawed { source: Flaw::Ended { .. }, .. } => {
            "use that tool once, so that it renews its login; then import it"
        }
        SourceError::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            "let the owner of the store read that file"
        }
        SourceError::Unreadable { .. } => {
            "what stands there is not the file of that tool; take it away, and log in again with that tool"
        }
        _ => "log in again with that tool; its file is as it was",
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pool_core::CredentialId;

    use super::*;

    fn hint(error: impl Into<CommandError>) -> String {
        error.into().hint(&Shell::of(None)).unwrap_or_default()
    }

    #[test]
    fn a_renewal_that_failed_says_what_became_of_its_token() {
        let provider = Provider::new("my acme").unwrap();
        let id = CredentialId::new("b'c").unwrap();
        let passing = |trouble, code| {
            let (provider, id, until) = (provider.clone(), id.clone(), DateTime::UNIX_EPOCH);
            let error = LastError { kind: pool_core::Kind::Auth, code, reason: None, message: None };
            hint(RefreshError::Passing { provider, id, error, trouble, until })
        };
        let cases = [
            (Trouble::NotSent, None, "was not sent, so nothing is lost"),
            (Trouble::Unanswered, None, "may be spent: the next attempt sends it once more"),
            (
                Trouble::Unanswered,
                Some(200),
                "if that fails too, log in again: `pool login 'my acme' --for 'b'\\''c'`",
            ),
            (Trouble::Refused, Some(302), "no redirect is followed"),
            (Trouble::Refused, Some(401), "client_id in pool.toml"),
            (Trouble::Refused, Some(429), "was refused for now, so nothing is lost"),
            (Trouble::Refused, Some(503), "was refused for now, so nothing is lost"),
        ];
        for (trouble, code, expected) in cases {
            let said = passing(trouble, code);
            assert!(said.contains(expected), "{trouble:?} {code:?}: {said}");
        }
    }

    #[test]
    fn who_renews_a_login_is_waited_for_and_not_ended() {
        let locked = |path: &str| {
            let waited = std::time::Duration::from_secs(1);
            hint(StoreError::Locked { path: path.into(), waited, holder: None })
        };
        assert!(locked("/home/a/auth.refresh/3f.lock").starts_with("let it finish"));
        assert!(locked("/home/a b/auth.lock").contains("`fuser '/home/a b/auth.lock'`"));
    }

    #[test]
    fn what_stands_where_the_locks_of_renewals_belong_is_to_be_taken_away() {
        for (path, kind) in [
            ("/h/auth.refresh", io::ErrorKind::NotADirectory),
            ("/h/auth.refresh/3f.lock", io::ErrorKind::NotADirectory),
            ("/h/auth.refresh/3f.lock", io::ErrorKind::NotFound),
        ] {
            let source = Arc::new(io::Error::from(kind));
            let said = hint(StoreError::Io { operation: "open", path: path.into(), source });
            assert!(said.ends_with("(`rm /h/auth.refresh`)"), "{said}");
        }
    }
}
