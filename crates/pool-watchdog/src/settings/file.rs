//! How `watchdog.toml` is written and read.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pool_sources::Environment;
use pool_store::{read_short, who_else_writes};
use serde::Deserialize;
use toml::Spanned;

use crate::acceptance::Format;

use super::values::{
    Block, Bytes, Command, Id, Inside, Named, OfProvider, Slug, Span, Text, Title, UpTo, Within,
};
use super::{Deliverable, Policy, Profile, Rule, Settings, Which};

/// A longer `watchdog.toml` is another file.
const LONGEST_FILE: u64 = 1024 * 1024;

/// The files that say how a project stands, unless a rule names others.
const STATE: [&str; 2] = ["state/PROJECT_STATE.md", "state/PROJECT_STATE.html"];

/// Why `watchdog.toml` cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Others may write it.
    #[error("{} cannot be trusted: {why}, and it says which commands are run", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Who else may write it, and what to do.
        why: String,
    },
    /// It is no TOML, or says something that cannot be meant.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The character in it, counted from 1.
        column: usize,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A path is in the home of the user, and nobody knows where that is.
    #[error(
        "`{value}` is in your home folder, and it is not known where that is; set HOME, or name `{key}` by a whole path"
    )]
    NoHome {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
}

impl Settings {
    /// Reads a `watchdog.toml`. A `~` in it is the home of the user; other paths are relative to the folder of the file.
    ///
    /// # Errors
    ///
    /// When it is not there or cannot be read, others may write it, or it says something that cannot be meant.
    pub fn read(path: &Path, environment: &Environment) -> Result<Self, SettingsError> {
        let io = |source| SettingsError::Io { path: path.to_owned(), source: Arc::new(source) };
        let path_of_file = std::path::absolute(path).map_err(io)?;
        let folder = path_of_file.parent().unwrap_or(&path_of_file);
        let bytes = read_short(path, LONGEST_FILE).map_err(io)?;
        if let Some(why) = who_else_writes(path, environment.user.as_deref().unwrap_or(folder)).map_err(io)? {
            return Err(SettingsError::NotOurs { path: path.to_owned(), why });
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| io(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))?;
        let at = |error: SettingsError| match error {
            SettingsError::Toml { line, column, problem, .. } => {
                SettingsError::Toml { path: path.to_owned(), line, column, problem }
            }
            other => other,
        };
        Self::parse(&text, folder, environment).map_err(at)
    }

    /// Reads the text of a `watchdog.toml` that is in a folder.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use pool_sources::Environment;
    /// use pool_watchdog::Settings;
    ///
    /// let text = r#"
    ///     boards = ["reports"]
    ///
    ///     [[task]]
    ///     name = "weekly"
    ///     title = "Report *"
    ///     evidence = ["raw/*.json"]
    /// "#;
    /// let settings = Settings::parse(text, Path::new("/srv/agent"), &Environment::of_user("/home/agent"))?;
    /// assert_eq!(settings.home, Path::new("/home/agent/.hermes"));
    /// assert_eq!(settings.state, Path::new("/srv/agent/state"));
    /// assert_eq!(settings.rules[0].name, "weekly");
    /// # Ok::<(), pool_watchdog::SettingsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When it is no TOML, or says something that cannot be meant.
    pub fn parse(text: &str, folder: &Path, environment: &Environment) -> Result<Self, SettingsError> {
        let file: File =
            toml::from_str(text).map_err(|error| refused(text, error.span(), error.message()))?;
        if let Some(twin) = second_of_a_name(&file.task) {
            let problem =
                format!("there are two tasks named `{}`; give one of them another name", twin.get_ref().0);
            return Err(refused(text, Some(twin.span()), &problem));
        }
        file.settings(&Places {
            folder,
            user_home: environment.user.as_deref(),
            hermes_home: environment.hermes_home.as_deref(),
        })
    }
}

fn refused(text: &str, span: Option<std::ops::Range<usize>>, problem: &str) -> SettingsError {
    let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    SettingsError::Toml {
        path: PathBuf::from("watchdog.toml"),
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        problem: printable(problem),
    }
}

/// What was written there may be shown on a terminal, and not steer it.
fn printable(problem: &str) -> String {
    let escaped = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    problem.chars().map(escaped).collect()
}

fn second_of_a_name(tasks: &[FileTask]) -> Option<&Spanned<Text>> {
    let names = tasks.iter().map(|task| &task.0.name).enumerate();
    names.into_iter().find_map(|(index, name)| {
        tasks[..index].iter().any(|earlier| earlier.0.name.get_ref() == name.get_ref()).then_some(name)
    })
}

/// Where paths begin.
struct Places<'a> {
    folder: &'a Path,
    user_home: Option<&'a Path>,
    /// `HERMES_HOME`: where the board is, unless the file names a home.
    hermes_home: Option<&'a Path>,
}

impl Places<'_> {
    /// The home that the file names, else the one that Hermes itself would go by.
    fn home(&self, named: Option<Text>) -> Result<PathBuf, SettingsError> {
        match (named, self.hermes_home) {
            (Some(named), _) => self.path("home", &named),
            (None, Some(home)) => Ok(home.to_owned()),
            (None, None) => self.path("home", &Text("~/.hermes".to_owned())),
        }
    }

    fn path(&self, key: &str, Text(value): &Text) -> Result<PathBuf, SettingsError> {
        let no_home = || SettingsError::NoHome { key: key.to_owned(), value: value.clone() };
        match Path::new(value).strip_prefix("~") {
            Ok(rest) if rest.as_os_str().is_empty() => self.user_home.map(Path::to_owned).ok_or_else(no_home),
            Ok(rest) => self.user_home.map(|home| home.join(rest)).ok_or_else(no_home),
            Err(_) => Ok(self.folder.join(value)),
        }
    }

    fn command(&self, key: &str, command: &Text) -> Result<PathBuf, SettingsError> {
        let is_bare = Path::new(&command.0).components().count() == 1 && command.0 != "~";
        if is_bare { Ok(PathBuf::from(&command.0)) } else { self.path(key, command) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    state: Text,
    boards: Boards,
    hermes: Text,
    home: Option<Text>,
    codex: Text,
    policy: FilePolicy,
    profile: BTreeMap<Slug, FileProfile>,
    task: Vec<FileTask>,
}

impl Default for File {
    fn default() -> Self {
        let text = |text: &str| Text(text.to_owned());
        Self {
            state: text("state"),
            boards: Boards(vec!["default".to_owned()]),
            hermes: text("hermes"),
            home: None,
            codex: text("codex"),
            policy: FilePolicy::default(),
            profile: BTreeMap::new(),
            task: Vec::new(),
        }
    }
}

impl File {
    fn settings(self, places: &Places<'_>) -> Result<Settings, SettingsError> {
        let profiles = self.profile.into_iter().map(|(Slug(name), profile)| {
            let profile = profile.profile(&name, places)?;
            Ok((name, profile))
        });
        Ok(Settings {
            state: places.path("state", &self.state)?,
            hermes: places.command("hermes", &self.hermes)?,
            home: places.home(self.home)?,
            codex: places.command("codex", &self.codex)?,
            boards: self.boards.0,
            profiles: profiles.collect::<Result<_, SettingsError>>()?,
            policy: self.policy.0,
            rules: self.task.into_iter().map(|task| task.0.rule()).collect(),
        })
    }
}

#[derive(Deserialize)]
#[serde(try_from = "Vec<Slug>")]
struct Boards(Vec<String>);

impl TryFrom<Vec<Slug>> for Boards {
    type Error = String;

    fn try_from(boards: Vec<Slug>) -> Result<Self, String> {
        let mut names: Vec<String> = Vec::new();
        for Slug(name) in boards {
            if names.contains(&name) {
                return Err(format!("the board `{name}` is named twice"));
            }
            names.push(name);
        }
        if names.is_empty() {
            return Err("no board is named; leave `boards` out to watch the one named `default`".to_owned());
        }
        Ok(Self(names))
    }
}

#[derive(Default, Deserialize)]
#[serde(try_from = "PolicyTable")]
struct FilePolicy(Policy);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: `[policy]`")]
struct PolicyTable {
    retries: Option<UpTo<10>>,
    backoff: Option<Span>,
    longest_backoff: Option<Span>,
    makes: Option<UpTo<10>>,
    make_timeout: Option<Span>,
    ends_blocks_of: Option<Vec<Block>>,
    repairs_logins: Option<bool>,
    reports_to_pool: Option<bool>,
    dispatches: Option<bool>,
    longest_copy: Option<Bytes>,
}

impl TryFrom<PolicyTable> for FilePolicy {
    type Error = String;

    fn try_from(table: PolicyTable) -> Result<Self, String> {
        let usual = Policy::default();
        let backoff = table.backoff.map_or(usual.backoff, |span| span.0);
        let longest_backoff = match table.longest_backoff {
            Some(Span(longest)) if longest < backoff => {
                return Err("`longest_backoff` is shorter than `backoff`".to_owned());
            }
            Some(Span(longest)) => longest,
            None => usual.longest_backoff.max(backoff),
        };
        Ok(Self(Policy {
            retries: table.retries.map_or(usual.retries, |retries| retries.0),
            backoff,
            longest_backoff,
            makes: table.makes.map_or(usual.makes, |makes| makes.0),
            make_timeout: table.make_timeout.map_or(usual.make_timeout, |span| span.0),
            ends_blocks_of: table.ends_blocks_of.into_iter().flatten().map(|block| block.0).collect(),
            repairs_logins: table.repairs_logins.unwrap_or(usual.repairs_logins),
            reports_to_pool: table.reports_to_pool.unwrap_or(usual.reports_to_pool),
            dispatches: table.dispatches.unwrap_or(usual.dispatches),
            longest_copy: table.longest_copy.map_or(usual.longest_copy, |bytes| bytes.0),
        }))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: `[profile.NAME]`")]
struct FileProfile {
    user_home: Option<Text>,
    codex_home: Option<Text>,
    providers: Option<Vec<OfProvider>>,
    #[serde(default)]
    skills: Vec<Text>,
    #[serde(default)]
    binaries: Vec<Text>,
    workspace: Option<Text>,
}

impl FileProfile {
    fn profile(self, name: &str, places: &Places<'_>) -> Result<Profile, SettingsError> {
        let path = |key, value: Option<Text>| {
            value.map(|value| places.path(&format!("profile.{name}.{key}"), &value)).transpose()
        };
        let providers = self.providers.map(|named| named.into_iter().map(|provider| provider.0).collect());
        Ok(Profile {
            user_home: path("user_home", self.user_home)?,
            codex_home: path("codex_home", self.codex_home)?,
            workspace: path("workspace", self.workspace)?,
            providers: providers.unwrap_or_else(|| Profile::default().providers),
            skills: self.skills.into_iter().map(|skill| skill.0).collect(),
            binaries: self.binaries.into_iter().map(|binary| binary.0).collect(),
        })
    }
}

#[derive(Deserialize)]
#[serde(try_from = "TaskTable")]
struct FileTask(TaskTable);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: `[[task]]`")]
struct TaskTable {
    name: Spanned<Text>,
    #[serde(default)]
    ids: Vec<Id>,
    title: Option<Title>,
    tenant: Option<Text>,
    assignee: Option<Text>,
    #[serde(default)]
    evidence: Vec<Within>,
    state: Option<Vec<Inside>>,
    make: Option<Command>,
    #[serde(default)]
    deliverable: Vec<FileDeliverable>,
}

impl TryFrom<TaskTable> for FileTask {
    type Error = String;

    fn try_from(table: TaskTable) -> Result<Self, String> {
        let name = &table.name.get_ref().0;
        let has_state = table.state.as_ref().is_none_or(|state| !state.is_empty());
        if table.evidence.is_empty() && table.deliverable.is_empty() && !has_state {
            return Err(format!("the task `{name}` asks for nothing; name evidence, a deliverable or state"));
        }
        let paths = || table.deliverable.iter().map(|deliverable| &deliverable.0.path.0);
        if let Some(twin) =
            paths().enumerate().find(|(index, path)| paths().take(*index).any(|other| other == *path))
        {
            return Err(format!("the task `{name}` asks for `{}` twice; say it once", twin.1));
        }
        Ok(Self(table))
    }
}

impl TaskTable {
    fn rule(self) -> Rule {
        let make = self.make.map(|command| command.0);
        let state = self.state.map(|paths| paths.into_iter().map(|path| path.0).collect());
        let state: Vec<String> = state.unwrap_or_else(|| STATE.map(str::to_owned).to_vec());
        let state_of = |path| Deliverable { path, make: make.clone(), ..Deliverable::default() };
        Rule {
            name: self.name.into_inner().0,
            tasks: Which {
                ids: self.ids.into_iter().map(|id| id.0).collect(),
                title: self.title.map(|title| title.0),
                tenant: self.tenant.map(|tenant| tenant.0),
                assignee: self.assignee.map(|assignee| assignee.0),
            },
            evidence: self.evidence.into_iter().map(|path| path.0).collect(),
            deliverables: self.deliverable.into_iter().map(|one| one.0.deliverable(make.as_ref())).collect(),
            state: state.into_iter().map(state_of).collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "DeliverableTable")]
struct FileDeliverable(DeliverableTable);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: `[[task.deliverable]]`")]
struct DeliverableTable {
    path: Inside,
    #[serde(default)]
    subjects: Vec<Named>,
    #[serde(default)]
    dimensions: Vec<Named>,
    make: Option<Command>,
}

impl TryFrom<DeliverableTable> for FileDeliverable {
    type Error = String;

    fn try_from(table: DeliverableTable) -> Result<Self, String> {
        if table.subjects.is_empty() && !table.dimensions.is_empty() {
            return Err(format!(
                "`{}` has dimensions and no subjects; name what they are dimensions of",
                table.path.0
            ));
        }
        if !table.subjects.is_empty() && Format::of(&table.path.0).is_none() {
            return Err(format!(
                "`{}` has subjects, and is not read for them: only .md, .markdown, .txt, .html and .htm are",
                table.path.0
            ));
        }
        Ok(Self(table))
    }
}

impl DeliverableTable {
    fn deliverable(self, make_of_task: Option<&Vec<String>>) -> Deliverable {
        let texts = |named: Vec<Named>| named.into_iter().map(|named| named.0).collect();
        Deliverable {
            path: self.path.0,
            subjects: texts(self.subjects),
            dimensions: texts(self.dimensions),
            make: self.make.map(|command| command.0).or_else(|| make_of_task.cloned()),
        }
    }
}
