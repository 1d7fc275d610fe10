//! How a person logs in again, so that a dead login is back in its place.

use pool_core::{CredentialId, Provider};
use pool_oauth::Profile;
use pool_sources::Tool;

use crate::render::{Shell, Word, quoted};

/// What brings a login back that is dead.
pub(crate) fn revival(shell: &Shell, provider: &Provider, id: &CredentialId) -> String {
    if needs_browser(provider) {
        return browser_hint(shell, provider);
    }
    let login = shell.pool("login", &[Word::Name(provider.as_str()), Word::Set("--for", id.as_str())]);
    // Of others pool.toml may say where; else the command needs to be told.
    match Profile::known(provider) {
        Some(_) => format!("log in again: `{login}`"),
        None => format!(
            "log in again: `{login}`, with `--token-url URL --device-url URL` where pool.toml does not name them"
        ),
    }
}

/// Whether it is known how a provider logs in, and that it is not by a code.
pub(crate) fn needs_browser(provider: &Provider) -> bool {
    Profile::known(provider).is_some_and(|profile| profile.device_url.is_none())
}

/// Who can log in to such a provider.
pub(crate) fn browser_hint(shell: &Shell, provider: &Provider) -> String {
    let hint = format!("log in with `hermes auth add {}`", quoted(provider.as_str()));
    if Tool::Claude.provider() == *provider {
        let import = shell.pool("import", &[Word::Name("claude")]);
        return format!("{hint}, or with Claude Code and then `{import}`");
    }
    hint
}
