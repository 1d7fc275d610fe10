//! The stores of Hermes: that of the profile, and that of the root behind it.

use std::path::Path;

use pool_core::{Pools, Provider, quoted_path};
use pool_store::Store as _;

use super::Examination;
use super::check::{Check, Checked};
use super::codex_logins::words;
use crate::home::dangling;
use crate::line::in_words;
use crate::login::LoginState;

/// One for each file; the profile `default` has the root's alone.
pub(super) fn checks(of: &Examination<'_>) -> Vec<Check> {
    let root = check(of, Checked::RootStore, &of.home.root_store(), &of.logins.root.state);
    if of.home.is_root() {
        return vec![root];
    }
    vec![check(of, Checked::ProfileStore, &of.home.store(), &of.logins.profile.state), root]
}

fn check(of: &Examination<'_>, name: Checked, path: &Path, codex: &LoginState) -> Check {
    let shown = path.display();
    if let Some(target) = dangling(path) {
        return Check::broken(
            name,
            format!("{shown} is a symlink to {}, which is not there", target.display()),
        )
        .next(format!("take it away: `rm {}`", quoted_path(path)));
    }
    if !path.exists() {
        let found = match name {
            Checked::ProfileStore => format!("there is no {shown}, so what the root has is seen"),
            _ => format!("there is no {shown}"),
        };
        return Check::ok(name, found);
    }
    match of.environment.open_at(path).own().load(None, of.around.now) {
        Ok(loaded) => {
            let pools = loaded.map(|loaded| loaded.pools).unwrap_or_default();
            Check::ok(name, format!("{shown} has {}", entries(of, &pools, codex)))
        }
        Err(error) => Check::broken(name, in_words(&error))
            .next(format!("see what mends it: `pool doctor --store {}`", quoted_path(path))),
    }
}

/// What it has for each provider that the profile needs.
fn entries(of: &Examination<'_>, pools: &Pools, codex: &LoginState) -> String {
    let of_provider = |provider: &Provider| {
        let count = pools.get(provider).map_or(0, |pool| pool.credentials().len());
        let entries = match count {
            0 => "nothing in its pool".to_owned(),
            1 => "1 credential".to_owned(),
            count => format!("{count} credentials"),
        };
        let is_codex = provider.is_same(&pool_sources::Tool::Codex.provider());
        let login = if is_codex { format!(" ({})", words(codex)) } else { String::new() };
        format!("{entries} for {provider}{login}")
    };
    match list(of.needs.providers.iter().map(of_provider)) {
        none if none.is_empty() => "nothing that is needed".to_owned(),
        list => list,
    }
}

fn list(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}
