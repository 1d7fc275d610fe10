//! Every environment variable that the commands read, declared once. (`env:*` sources name further ones.)

use std::path::{Path, PathBuf};

use pool_sources::Places;
use pool_store::ProfileStore;

/// Where Hermes Agent keeps its files; white space around it and an empty value do not count.
const HERMES_HOME: &str = "HERMES_HOME";

/// Where Codex CLI keeps its files; an empty value does not count.
const CODEX_HOME: &str = "CODEX_HOME";

/// Where Hermes Agent keeps what its profiles share; an empty value does not count.
const HERMES_SHARED_AUTH_DIR: &str = "HERMES_SHARED_AUTH_DIR";

/// What to log to standard error, in the syntax of tracing-subscriber: `warn` by default.
const POOL_LOG: &str = "POOL_LOG";

/// The store to use where `--store` does not say: `$HERMES_HOME/auth.json`, then `~/.hermes/auth.json`.
pub(crate) fn default_store() -> Option<PathBuf> {
    let home = std::env::var_os(HERMES_HOME).and_then(|home| {
        // Only text can be trimmed; another path is taken as it is.
        let path = home.to_str().map_or_else(|| PathBuf::from(&home), |text| PathBuf::from(text.trim()));
        (!path.as_os_str().is_empty()).then_some(path)
    });
    let home = home.or_else(default_home)?;
    Some(home.join("auth.json"))
}

/// The root store behind a store, where that is the one of a profile. A home that the environment names has its root where
/// Hermes would look for it. A store that a person names may be anything, such as a backup: it has one only if it is called
/// like the store of a profile.
pub(crate) fn root_behind(store: &Path, is_named: bool) -> Option<PathBuf> {
    let default_home = default_home().filter(|_| !is_named);
    ProfileStore::root_behind(store, default_home.as_deref())
}

fn default_home() -> Option<PathBuf> {
    etcetera::home_dir().ok().map(|home| home.join(".hermes"))
}

/// Where other tools keep their logins; nowhere where no home folder is known.
pub(crate) fn places(store: &Path, root: Option<&Path>) -> Option<Places> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| !path.as_os_str().is_empty());
    let places = Places::of(&etcetera::home_dir().ok()?, folder(CODEX_HOME).as_deref(), store);
    // What is shared between profiles lies in the root.
    let beside = |store: &Path| store.with_file_name("shared");
    let shared = folder(HERMES_SHARED_AUTH_DIR).unwrap_or_else(|| beside(root.unwrap_or(store)));
    Some(Places { nous: shared.join("nous_auth.json"), ..places })
}

/// What to log.
pub(crate) fn log_filter() -> String {
    std::env::var(POOL_LOG).unwrap_or_else(|_| "warn".to_owned())
}

/// A variable that an argument names.
pub(crate) fn named(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
