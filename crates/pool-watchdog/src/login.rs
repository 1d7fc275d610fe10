//! The logins that a worker may find, as they lie on disk: facts, without a secret.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use pool_core::{AuthType, Pool, Provider, Secret, Standing};
use pool_format::raw::{Object, decode};
use pool_format::{Document, Lent, read_secret};
use pool_sources::{Environment, Flaw, Given, Tool};
use pool_store::{FileStore, Store as _, StoreError, read_short};

use crate::home::{ProfileHome, dangling};
use crate::line::in_words;

/// A place where a login is looked for, and what is there.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// What is there.
    pub state: LoginState,
    /// When its token was made, where it says so; for one that does not, when the file of Codex CLI was written.
    pub made_at: Option<DateTime<Utc>>,
}

/// What is in a place for logins. Nobody was asked: a good one may have been revoked.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LoginState {
    /// No file, or no entry in it.
    Absent,
    /// A symlink to a file that is not there.
    Dangling(PathBuf),
    /// A file that nobody can make sense of.
    Unreadable(String),
    /// An entry without an access token, or without a refresh token.
    Empty,
    /// Tokens whose own claim says that they ended.
    Expired(DateTime<Utc>),
    /// Tokens that have not ended, as far as they say, and when they do.
    Good(Option<DateTime<Utc>>),
    /// A key instead of a login.
    ApiKey,
    /// Tokens of which the pool knows that they will never work again.
    Dead,
}

impl LoginState {
    /// Whether a worker that finds it can go on.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Good(_) | Self::ApiKey)
    }

    /// Whether Hermes can go on: it renews what has ended.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_good() || matches!(self, Self::Expired(_))
    }

    /// Of several logins in one place the one that a worker would get furthest with.
    fn rank(&self) -> (u8, Option<DateTime<Utc>>) {
        match self {
            Self::Absent => (0, None),
            Self::Dangling(_) | Self::Unreadable(_) => (1, None),
            Self::Empty => (2, None),
            Self::Dead => (3, None),
            Self::Expired(at) => (4, Some(*at)),
            Self::ApiKey => (5, None),
            Self::Good(until) => (6, *until),
        }
    }

    fn of_tokens(ends_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        match ends_at {
            Some(at) if at <= now => Self::Expired(at),
            ends_at => Self::Good(ends_at),
        }
    }
}

/// The logins of Codex that a worker of one profile may find.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Logins {
    /// What the Codex CLI of the worker reads: `auth.json` in its `CODEX_HOME`, else in `.codex` in its home folder.
    pub codex: Place,
    /// The store of the profile.
    pub profile: Place,
    /// The store of the root behind it.
    pub root: Place,
    /// Where the tokens demand a region, which one.
    pub residency: Option<Residency>,
}

impl Logins {
    /// Looks into the places where a worker of this profile finds a login of Codex. Nothing is written, nobody is asked.
    #[must_use]
    pub fn of(home: &ProfileHome, environment: &Environment, now: DateTime<Utc>) -> Self {
        let environment = home.environment(environment);
        let codex = in_codex_file(&home.worker.login(), now);
        let profile = in_store(&home.store(), &environment, now);
        let root = in_store(&home.root_store(), &environment, now);
        let residency = [&codex, &profile, &root].into_iter().find_map(|found| found.residency.clone());
        let place = |path, found: Found| Place { path, state: found.state, made_at: found.made_at };
        Self {
            codex: place(home.worker.login(), codex),
            profile: place(home.store(), profile),
            root: place(home.root_store(), root),
            residency,
        }
    }
}

/// What is in a place, and the region that its token demands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) state: LoginState,
    pub(crate) residency: Option<Residency>,
    made_at: Option<DateTime<Utc>>,
}

impl Found {
    /// Tokens, and what is said of them by the one that is sent.
    fn with_token(state: LoginState, token: Option<&Secret>) -> Self {
        Self { state, residency: Residency::of(token), made_at: token.and_then(Secret::made_at) }
    }
}

impl From<LoginState> for Found {
    fn from(state: LoginState) -> Self {
        Self { state, residency: None, made_at: None }
    }
}

/// A login is some kilobytes.
pub(crate) const LONGEST_LOGIN: u64 = 1024 * 1024;

/// A store with thousands of credentials is some megabytes.
const LONGEST_STORE: u64 = 64 * 1024 * 1024;

/// What is in a file of Codex CLI.
pub(crate) fn in_codex_file(path: &Path, now: DateTime<Utc>) -> Found {
    let found = match text_of(path, LONGEST_LOGIN) {
        Ok(text) => in_codex_text(text, now),
        Err(state) => state.into(),
    };
    // It is only written when its tokens change. A store is written for much else.
    let written = || Some(std::fs::metadata(path).ok()?.modified().ok()?.into());
    Found { made_at: found.made_at.or_else(written), ..found }
}

/// The text at a path, or what is there instead.
fn text_of(path: &Path, longest: u64) -> Result<Vec<u8>, LoginState> {
    if let Some(target) = dangling(path) {
        return Err(LoginState::Dangling(target));
    }
    read_short(path, longest).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => LoginState::Absent,
        _ => LoginState::Unreadable(error.to_string()),
    })
}

fn in_codex_text(text: Vec<u8>, now: DateTime<Utc>) -> Found {
    // Codex CLI goes by the key where both are there.
    if has_api_key(&text) {
        return LoginState::ApiKey.into();
    }
    // At the beginning of time nothing has ended: so an ended login still says which region it is of.
    match Tool::Codex.offer(text, DateTime::<Utc>::MIN_UTC) {
        Ok(offer) => {
            let token = match &offer.given {
                Given::ByValue(tokens) => tokens.access_token(),
                Given::ByReference(secret) => Some(secret),
            };
            Found::with_token(LoginState::of_tokens(offer.expires_at, now), token)
        }
        Err(Flaw::Absent { .. }) => LoginState::Empty.into(),
        Err(flaw) => LoginState::Unreadable(flaw.to_string()).into(),
    }
}

fn has_api_key(text: &[u8]) -> bool {
    let key = || {
        let top = Object::read(&decode(text.to_vec()).ok()?.raw)?;
        read_secret(top.get("OPENAI_API_KEY")?.slice())
    };
    key().is_some_and(|key| !key.is_blank())
}

/// What is in a store: under `providers`, and in its pool.
pub(crate) fn in_store(path: &Path, environment: &Environment, now: DateTime<Utc>) -> Found {
    let provider = Tool::Codex.provider();
    let entry = match text_of(path, LONGEST_STORE) {
        Ok(text) => in_providers(text, &provider, now),
        Err(state) => return state.into(),
    };
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => return LoginState::Unreadable(error).into(),
    };
    match in_pool(environment.open_at(path).own(), &provider, now) {
        Ok(mut found) => {
            found.extend(entry);
            let best = found.into_iter().max_by_key(|found| found.state.rank());
            best.unwrap_or(LoginState::Absent.into())
        }
        Err(error) => LoginState::Unreadable(in_words(&error)).into(),
    }
}

/// What Hermes keeps under `providers`.
fn in_providers(text: Vec<u8>, provider: &Provider, now: DateTime<Utc>) -> Result<Option<Found>, String> {
    let document = Document::read(text).map_err(|error| in_words(&error))?;
    let is_there = document.providers_with_a_login().iter().any(|known| known.is_same(provider));
    Ok(is_there.then(|| match document.provider_login(provider) {
        Some(Lent { tokens, expires_at }) => {
            let ends_at = expires_at.or_else(|| tokens.access_token()?.ends_at());
            Found::with_token(LoginState::of_tokens(ends_at, now), tokens.access_token())
        }
        None => LoginState::Empty.into(),
    }))
}

fn in_pool(store: &FileStore, provider: &Provider, now: DateTime<Utc>) -> Result<Vec<Found>, StoreError> {
    let loaded = store.load(None, now)?;
    let pool = loaded.as_ref().and_then(|loaded| loaded.pools.get(provider));
    let found = |(credential, standing): (&pool_core::Credential, Standing)| {
        let state = match standing {
            Standing::Dead { .. } => LoginState::Dead,
            Standing::NoSecret { .. } | Standing::Removed => LoginState::Empty,
            _ => match LoginState::of_tokens(credential.token_ends_at(), now) {
                LoginState::Good(None) if credential.auth_type == AuthType::ApiKey => LoginState::ApiKey,
                LoginState::Expired(_) if !credential.can_be_renewed() => LoginState::Empty,
                state => state,
            },
        };
        Found::with_token(state, credential.secret())
    };
    Ok(pool.into_iter().flat_map(|pool: &Pool| pool.standings(now)).map(found).collect())
}

/// The region that a workspace demands in the header `x-openai-internal-codex-residency`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Residency {
    /// The claim that says so: `chatgpt_data_residency`, else `chatgpt_compute_residency`.
    pub claim: &'static str,
    /// Its value, such as `eu`.
    pub value: String,
}

impl Residency {
    /// The header that carries it (NousResearch/hermes-agent#23935).
    pub const HEADER: &str = "x-openai-internal-codex-residency";

    /// What a token demands.
    fn of(token: Option<&Secret>) -> Option<Self> {
        let (claim, value) = token?.residency()?;
        Some(Self { claim, value: value.to_owned() })
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::testing::{CANARY, World, assert_clean, codex_file, entry, store, token, token_for_days};

    const FILE: &str = ".codex/auth.json";
    const PROFILE: &str = ".hermes/profiles/writer/auth.json";
    const ROOT: &str = ".hermes/auth.json";

    fn logins(world: &World) -> Logins {
        let logins = Logins::of(&world.home(), &world.around().environment, World::now());
        assert_clean(&logins);
        logins
    }

    fn days(days: i64) -> DateTime<Utc> {
        World::now() + chrono::TimeDelta::days(days)
    }

    #[test]
    fn the_file_of_codex_is_told_by_what_is_in_it() {
        let world = World::new();
        assert_eq!(logins(&world).codex.state, LoginState::Absent);
        let cases = [
            (codex_file(&token_for_days(3)), LoginState::Good(Some(days(3)))),
            (codex_file(&token_for_days(-3)), LoginState::Expired(days(-3))),
            (codex_file(&token_for_days(0)), LoginState::Expired(days(0))),
            (codex_file("opaque"), LoginState::Good(None)),
            (r#"{"OPENAI_API_KEY": "sk-fake"}"#.to_owned(), LoginState::ApiKey),
            // Codex CLI itself goes by the key then.
            (
                codex_file(&token_for_days(3)).replacen('{', r#"{"OPENAI_API_KEY": "sk-fake", "#, 1),
                LoginState::ApiKey,
            ),
            (
                codex_file(&token_for_days(3)).replacen('{', r#"{"OPENAI_API_KEY": null, "#, 1),
                LoginState::Good(Some(days(3))),
            ),
            ("{}".to_owned(), LoginState::Empty),
            (r#"{"tokens": null}"#.to_owned(), LoginState::Empty),
            (r#"{"tokens": {"access_token": "a"}}"#.to_owned(), LoginState::Empty),
        ];
        for (text, expected) in cases {
            world.write(FILE, &text);
            assert_eq!(logins(&world).codex.state, expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_where_and_repeats_nothing() {
        let world = World::new();
        let cases = [
            (&codex_file(CANARY)[..60], "column"),
            ("", "file is empty"),
            (r#"{"tokens": []}"#, "`tokens` at line 1 column 12 is not an object"),
            (r#"{"tokens": {"access_token": 7}}"#, "is not a string"),
        ];
        for (text, expected) in cases {
            world.write(FILE, text);
            let LoginState::Unreadable(why) = logins(&world).codex.state else { panic!("{text}") };
            assert!(why.contains(expected), "{text}: {why}");
        }
    }

    #[test]
    fn a_symlink_is_what_it_leads_to() {
        let world = World::new();
        world.link(FILE, "nowhere.json");
        assert_eq!(logins(&world).codex.state, LoginState::Dangling("nowhere.json".into()));
        world.write(".codex/nowhere.json", &codex_file(&token_for_days(1)));
        assert_eq!(logins(&world).codex.state, LoginState::Good(Some(days(1))));
    }

    #[test]
    fn a_store_is_as_good_as_the_best_that_is_in_it() {
        let providers = |tokens: &str| {
            format!(
                r#"{{"version": 1, "providers": {{"openai-codex": {{"tokens": {tokens}}}}}, "credential_pool": {{}}}}"#
            )
        };
        let pair = |token: &str| format!(r#"{{"access_token": "{token}", "refresh_token": "r"}}"#);
        let (good, ended) = (token_for_days(2), token_for_days(-2));
        let dead = entry("b", &good).replacen(
            '{',
            r#"{"last_status": "dead", "last_status_at": 1, "last_error_code": 401, "#,
            1,
        );
        let spent = entry("c", &ended).replace("refresh_token", "was");
        let cases = [
            (r#"{"version": 1, "providers": {}}"#.to_owned(), LoginState::Absent),
            (providers("{}"), LoginState::Empty),
            (providers(&pair(&ended)), LoginState::Expired(days(-2))),
            (providers(&pair(&good)), LoginState::Good(Some(days(2)))),
            (store(&entry("a", &good)), LoginState::Good(Some(days(2)))),
            (
                store(&format!("{}, {}", entry("a", &ended), entry("b", &good))),
                LoginState::Good(Some(days(2))),
            ),
            (store(&dead), LoginState::Dead),
            (store(&format!("{dead}, {}", entry("a", &ended))), LoginState::Expired(days(-2))),
            (store(&spent), LoginState::Empty),
            (
                store(
                    r#"{"id": "k", "auth_type": "api_key", "source": "manual", "access_token": "sk-fake"}"#,
                ),
                LoginState::ApiKey,
            ),
            (
                store(r#"{"id": "k", "auth_type": "oauth", "source": "manual:device_code"}"#),
                LoginState::Empty,
            ),
        ];
        let world = World::new();
        assert_eq!(logins(&world).profile.state, LoginState::Absent);
        for (text, expected) in cases {
            for place in [PROFILE, ROOT] {
                world.write(place, &text);
                let logins = logins(&world);
                let found = if place == ROOT { logins.root } else { logins.profile };
                assert_eq!((found.path, found.state), (world.path(place), expected.clone()), "{text}");
            }
        }
    }

    #[test]
    fn a_region_is_found_in_whichever_token_demands_one() {
        let demanding = token(r#"{"exp":1,"https://api.openai.com/auth":{"chatgpt_data_residency":"eu"}}"#);
        let expected = Residency { claim: "chatgpt_data_residency", value: "eu".to_owned() };
        for (place, text) in [
            (FILE, codex_file(&demanding)),
            (PROFILE, store(&entry("a", &demanding))),
            (
                ROOT,
                format!(
                    r#"{{"version": 1, "providers": {{"openai-codex": {{"tokens": {{"access_token": "{demanding}", "refresh_token": "r"}}}}}}}}"#
                ),
            ),
        ] {
            let world = World::new();
            assert_eq!(logins(&world).residency, None);
            world.write(place, &text);
            assert_eq!(logins(&world).residency.as_ref(), Some(&expected), "{place}");
        }
    }
}
