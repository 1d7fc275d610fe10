use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike, Utc};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use pool_core::{Provider, Source, Strategy, time};
use pool_oauth::{TokenUrl, UrlError};
use pool_sources::Tool;

use crate::watchdog::args::WatchdogArgs;

/// Keep an AI agent's credentials usable
///
/// The pool decides which of several API keys and logins to use now, takes in what upstream said about them,
/// and shows how they stand.
#[derive(Parser, Debug)]
#[command(name = "pool", bin_name = "pool", version, max_term_width = 100)]
pub(crate) struct PoolArgs {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Debug)]
pub(crate) struct GlobalArgs {
    /// The store [default: $HERMES_HOME/auth.json, then ~/.hermes/auth.json]; that of a profile falls back on its root
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
    /// Print JSON for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Take this as the time (RFC 3339 or epoch seconds); nothing is pruned then
    #[arg(long, global = true, value_name = "TIME", value_parser = parse_now)]
    pub(crate) now: Option<DateTime<Utc>>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Show what is there, how it is, why, and for how long
    List(ListArgs),
    /// Choose the credential to use now
    Pick(PickArgs),
    /// Run a command with the secret of a chosen credential in its environment
    ///
    /// The command stands behind a `--`, and takes the place of this process: `pool exec openrouter -- CMD ARGS...`
    Exec(ExecArgs),
    /// Take in what upstream said about a credential
    Report(ReportArgs),
    /// Say what a failure means, and what the pool would do about it
    ///
    /// Reads one failure from standard input, in whatever form it is at hand: a raw HTTP response, a JSON body (with `--status`), a
    /// dump of headers, as `curl --verbose` prints them too, or lines of a log. The store is not read.
    Explain(ExplainArgs),
    /// Take in that a credential worked
    Success(SuccessArgs),
    /// Clear cooldowns, and revive the dead when told
    Reset(ResetArgs),
    /// Add a credential; its secret comes from standard input, a file or a variable
    Add(AddArgs),
    /// Remove a credential
    Remove(RemoveArgs),
    /// Renew a login, once, however many ask
    ///
    /// What is not in the table of known token endpoints stands in pool.toml beside the store, under `[oauth.PROVIDER]`.
    Refresh(RefreshArgs),
    /// Log in with a code that is typed in elsewhere
    ///
    /// Shows a page and a code, and waits until somebody has typed it in there. Nothing is stored before that, so that Ctrl-C leaves
    /// nothing behind.
    Login(LoginArgs),
    /// Take in the login of another tool, or what variables hold
    ///
    /// A login that is kept elsewhere is borrowed where that place goes on renewing it: the store then holds a fingerprint, and the
    /// secret is fetched when it is used.
    Import(ImportArgs),
    /// Take in what the home itself offers, and keep logins of other tools up to date
    ///
    /// The home offers its variables (`.env`, then the environment) and the Anthropic login of Hermes. A login of another tool comes in
    /// by `pool import` alone; once it is here, its newer tokens are taken over.
    Sync(SyncArgs),
    /// Say what is wrong with the store, and what mends it
    Doctor(DoctorArgs),
    /// Run recorded events through a copy of the pool on a virtual clock
    Replay(ReplayArgs),
    /// Print what makes a shell complete the arguments
    Completions(CompletionsArgs),
    /// Write the manual pages
    Man(ManArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only this provider
    #[arg(value_parser = parse_provider)]
    pub(crate) provider: Option<Provider>,
    #[command(flatten)]
    pub(crate) strategy: StrategyArgs,
}

/// Which credential of a provider to choose.
#[derive(Args, Debug)]
pub(crate) struct ChoiceArgs {
    /// Whose pool
    #[arg(value_parser = parse_provider)]
    pub(crate) provider: Provider,
    #[command(flatten)]
    pub(crate) strategy: StrategyArgs,
    /// The model the request is for: a credential that rests for it is passed over
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Leave out the one with this id, label or number in the list (may be given several times)
    #[arg(long, value_name = "CRED")]
    pub(crate) exclude: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct PickArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// Print the secret, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub(crate) print_secret: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// The variable to put the secret in (may be given several times) [default: the provider's usual one]
    #[arg(long, value_name = "NAME", value_parser = parse_variable)]
    pub(crate) env: Vec<String>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD", conflicts_with = "json")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Args, Debug)]
pub(crate) struct StrategyArgs {
    /// Which of the credentials that are ready to choose
    #[arg(long, value_name = "NAME", default_value = "fill_first")]
    pub(crate) strategy: StrategyName,
}

/// The strategies, as they are named on the command line and in the file.
#[derive(Clone, Copy, ValueEnum, Debug)]
#[value(rename_all = "snake_case")]
pub(crate) enum StrategyName {
    /// The first in line, until it is out
    FillFirst,
    /// The one used least recently
    RoundRobin,
    /// The one used least often
    LeastUsed,
    /// Any
    Random,
}

impl From<StrategyName> for Strategy {
    fn from(name: StrategyName) -> Self {
        match name {
            StrategyName::FillFirst => Self::FillFirst,
            StrategyName::RoundRobin => Self::RoundRobin,
            StrategyName::LeastUsed => Self::LeastUsed,
            StrategyName::Random => Self::Random,
        }
    }
}

/// Which credential of which provider.
#[derive(Args, Debug)]
pub(crate) struct WhichArgs {
    /// Whose pool
    #[arg(value_parser = parse_provider)]
    pub(crate) provider: Provider,
    /// Id, label or number in the list
    #[arg(value_name = "CRED")]
    pub(crate) name: String,
}

#[derive(Args, Debug)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("answer").args(["status", "no_answer", "timed_out", "response"]).required(true))]
pub(crate) struct ReportArgs {
    /// Whose pool
    #[arg(value_parser = parse_provider)]
    pub(crate) provider: Provider,
    /// Id, label or number in the list, or the fingerprint of the secret that failed (sha256:...)
    #[arg(value_name = "CRED")]
    pub(crate) name: String,
    /// The HTTP status, from 400 on
    #[arg(long, value_name = "N", value_parser = parse_failure)]
    pub(crate) status: Option<u16>,
    /// There was no HTTP answer, since there was no connection
    #[arg(long)]
    pub(crate) no_answer: bool,
    /// There was no HTTP answer in time
    #[arg(long)]
    pub(crate) timed_out: bool,
    /// The raw HTTP response, headers and all, in this file; - reads standard input
    #[arg(long, value_name = "PATH", conflicts_with_all = ["code", "message", "reset_at"])]
    pub(crate) response: Option<PathBuf>,
    /// The error code, type or reason of the body
    #[arg(long, value_name = "TEXT")]
    pub(crate) code: Option<String>,
    /// The message of the body
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// When the limit resets, as the provider said
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) reset_at: Option<DateTime<Utc>>,
    /// The model that the request was for: a limit of this model rests it for that one only
    #[arg(long, value_name = "NAME", value_parser = parse_text)]
    pub(crate) model: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// Whose answer it is; without it, only what holds for all providers is known
    #[arg(long, value_name = "PROVIDER", value_parser = parse_provider, default_value = "any", hide_default_value = true)]
    pub(crate) provider: Provider,
    /// The HTTP status, where what is read does not begin with it
    #[arg(long, value_name = "N", value_parser = parse_status)]
    pub(crate) status: Option<u16>,
    /// The model that the request was for
    #[arg(long, value_name = "NAME", value_parser = parse_text)]
    pub(crate) model: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct SuccessArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// When the request began: what was judged after that still stands [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) began_at: Option<DateTime<Utc>>,
    /// The model that answered: its own rest is over, too
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ResetArgs {
    /// Whose pool
    #[arg(value_parser = parse_provider)]
    pub(crate) provider: Provider,
    /// Id, label or number in the list [default: all]
    #[arg(value_name = "CRED")]
    pub(crate) name: Option<String>,
    /// Revive the dead too
    #[arg(long)]
    pub(crate) dead: bool,
}

#[derive(Args, Debug)]
pub(crate) struct AddArgs {
    /// Whose pool
    #[arg(value_parser = parse_provider)]
    pub(crate) provider: Provider,
    /// What to call it [default: api-key-N]
    #[arg(long, value_name = "TEXT", value_parser = parse_text)]
    pub(crate) label: Option<String>,
    /// The endpoint it is for, where that is not the provider's usual one
    #[arg(long, value_name = "URL", value_parser = parse_text)]
    pub(crate) base_url: Option<String>,
    /// Read the secret from this file
    #[arg(long, value_name = "PATH", conflicts_with = "secret_env")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Read the secret from this environment variable
    #[arg(long, value_name = "NAME")]
    pub(crate) secret_env: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RefreshArgs {
    /// Whose pool
    #[arg(value_parser = parse_provider)]
    pub(crate) provider: Provider,
    /// Id, label or number in the list [default: the only login there is]
    #[arg(value_name = "CRED")]
    pub(crate) name: Option<String>,
    /// All logins whose token ends soon, or does not say when; with --force all
    #[arg(long, conflicts_with = "name")]
    pub(crate) all: bool,
    /// Also what was renewed within two minutes, what failed a moment ago, and what is dead
    #[arg(long)]
    pub(crate) force: bool,
    /// The token endpoint, for this once: https, or http to this machine
    #[arg(long, value_name = "URL", value_parser = parse_token_url)]
    pub(crate) token_url: Option<TokenUrl>,
}

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// Whose pool
    #[arg(value_parser = parse_provider)]
    pub(crate) provider: Provider,
    /// What to call it where it is new [default: what the login says, else login-N]
    #[arg(long, value_name = "TEXT", value_parser = parse_text, conflicts_with = "instead_of")]
    pub(crate) label: Option<String>,
    /// Replace the tokens of this one: id, label or number in the list [default: the one of the same account, else the only dead one]
    #[arg(long = "for", value_name = "CRED")]
    pub(crate) instead_of: Option<String>,
    /// The token endpoint, for this once: https, or http to this machine
    #[arg(long, value_name = "URL", value_parser = parse_token_url)]
    pub(crate) token_url: Option<TokenUrl>,
    /// Where the code is asked for, for this once: https, or http to this machine
    #[arg(long, value_name = "URL", value_parser = parse_token_url)]
    pub(crate) device_url: Option<TokenUrl>,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// From where
    #[arg(value_name = "SOURCE")]
    pub(crate) from: ImportFrom,
    /// Only what is for this provider
    #[arg(long, value_name = "PROVIDER", value_parser = parse_provider)]
    pub(crate) provider: Option<Provider>,
    /// Take it in although it was removed before
    #[arg(long)]
    pub(crate) again: bool,
    /// Only show what would be taken in
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Where `pool import` looks.
#[derive(Clone, Copy, ValueEnum, Debug)]
pub(crate) enum ImportFrom {
    /// The login of Codex CLI: `auth.json` in $CODEX_HOME, else in ~/.codex
    Codex,
    /// The login of Claude Code: ~/.claude/.credentials.json
    Claude,
    /// The login of Qwen CLI: ~/.qwen/oauth_creds.json
    Qwen,
    /// The variables that are usual for known providers
    Env,
}

impl ImportFrom {
    /// Where that has logins of this provider from this source; no command takes in what belongs to the home.
    pub(crate) fn of(provider: &Provider, source: &Source) -> Option<Self> {
        if source.environment_variable().is_some() {
            return Some(Self::Env);
        }
        let is_it = |from: &&Self| {
            from.tool().is_some_and(|tool| tool.provider() == *provider && tool.source().is_same(source))
        };
        Self::value_variants().iter().find(is_it).copied()
    }

    /// The tool, where it is one.
    pub(crate) fn tool(self) -> Option<Tool> {
        match self {
            Self::Codex => Some(Tool::Codex),
            Self::Claude => Some(Tool::Claude),
            Self::Qwen => Some(Tool::Qwen),
            Self::Env => None,
        }
    }

    /// What it is called in a command.
    pub(crate) fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

#[derive(Args, Debug)]
pub(crate) struct SyncArgs {
    /// Only this provider
    #[arg(value_parser = parse_provider)]
    pub(crate) provider: Option<Provider>,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    /// Only the store, and this provider
    #[arg(value_parser = parse_provider)]
    pub(crate) provider: Option<Provider>,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// The events, one JSON object a line; - reads standard input
    #[arg(long, value_name = "PATH")]
    pub(crate) events: PathBuf,
    #[command(flatten)]
    pub(crate) strategy: StrategyArgs,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    #[arg(value_name = "SHELL", conflicts_with_all = ["store", "json", "now"])]
    pub(crate) shell: Shell,
    /// Whose arguments
    #[arg(long, value_name = "NAME", default_value = "pool")]
    pub(crate) program: Program,
}

#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// The folder to write them to, such as /usr/local/share/man/man1
    #[arg(value_name = "FOLDER", conflicts_with_all = ["store", "json", "now"])]
    pub(crate) folder: PathBuf,
}

/// The programs of this package.
#[derive(Clone, Copy, ValueEnum, Debug)]
pub(crate) enum Program {
    /// pool
    Pool,
    /// pool-migrate
    PoolMigrate,
    /// pool-watchdog
    PoolWatchdog,
}

impl Program {
    pub(crate) const ALL: [Self; 3] = [Self::Pool, Self::PoolMigrate, Self::PoolWatchdog];

    /// All that it takes.
    pub(crate) fn command(self) -> clap::Command {
        match self {
            Self::Pool => PoolArgs::command(),
            Self::PoolMigrate => MigrateArgs::command(),
            Self::PoolWatchdog => WatchdogArgs::command(),
        }
    }
}

/// Move what happened to credentials out of what they are
///
/// Older programs write the status of a credential into its entry. This moves it to a section of its own,
/// at once and with a backup; all commands of `pool` do the same in memory, and with their next write.
#[derive(Parser, Debug)]
#[command(name = "pool-migrate", bin_name = "pool-migrate", version, max_term_width = 100)]
#[command(group = clap::ArgGroup::new("mode").args(["check", "dry_run", "rollback", "beside_hermes", "no_beside_hermes"]))]
pub(crate) struct MigrateArgs {
    /// The store [default: $HERMES_HOME/auth.json, then ~/.hermes/auth.json]
    pub(crate) file: Option<PathBuf>,
    /// The store, as `pool` takes it
    #[arg(long, value_name = "PATH", conflicts_with = "file")]
    pub(crate) store: Option<PathBuf>,
    /// Only say whether there is something to move: exit code 4 if so
    #[arg(long)]
    pub(crate) check: bool,
    /// Only show what would move
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Move it back into the entries
    #[arg(long)]
    pub(crate) rollback: bool,
    /// Show it in the entries too from now on, for a Hermes that shares the store
    #[arg(long)]
    pub(crate) beside_hermes: bool,
    /// Stop to show it there
    #[arg(long)]
    pub(crate) no_beside_hermes: bool,
    /// Print JSON for programs
    #[arg(long)]
    pub(crate) json: bool,
    /// Take this as the time (RFC 3339 or epoch seconds)
    #[arg(long, value_name = "TIME", value_parser = parse_now)]
    pub(crate) now: Option<DateTime<Utc>>,
}

impl MigrateArgs {
    /// The store that is named, in either way.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_deref().or(self.store.as_deref())
    }
}

fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    time::parse_text(text)
        .ok_or_else(|| "not a time: write 2026-05-26T12:00:00Z, or seconds since 1970".to_owned())
}

/// A time that the clock may show.
pub(crate) fn parse_now(text: &str) -> Result<DateTime<Utc>, String> {
    let now = parse_time(text)?;
    if leaves_room(now) { Ok(now) } else { Err("the clock ends with the year 9998".to_owned()) }
}

/// Whether a rest that begins now ends in a year that can be written: 9999 at most.
pub(crate) fn leaves_room(now: DateTime<Utc>) -> bool {
    now.year() < 9999
}

fn parse_failure(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(status @ 400..=999) => Ok(status),
        Ok(100..=399) => Err("that is no failure; `pool success` takes in that it worked".to_owned()),
        _ => Err("not an HTTP status of a failure: 400 to 999".to_owned()),
    }
}

fn parse_status(text: &str) -> Result<u16, String> {
    let status = text.parse().ok().filter(|status| (100..=999).contains(status));
    status.ok_or_else(|| "not an HTTP status: 100 to 999".to_owned())
}

fn parse_provider(text: &str) -> Result<Provider, String> {
    Provider::new(text).map_err(|error| error.to_string())
}

fn parse_token_url(text: &str) -> Result<TokenUrl, String> {
    text.parse().map_err(|error: UrlError| error.to_string())
}

fn parse_variable(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains('=') {
        Err("not the name of a variable".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn parse_text(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("it must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}
