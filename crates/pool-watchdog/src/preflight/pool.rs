//! Whether a provider has a credential that a worker could use now.

use std::path::PathBuf;

use pool_core::{Credential, Layer, Out, PickRequest, Provider, Standing, Unavailable, time};
use pool_sources::{Tool, offers_of_variables};
use pool_store::{PickError, PoolHandle, ProfileStore};

use super::Examination;
use super::check::{Check, Checked, Fix};
use super::codex_logins::is_login;
use crate::login::in_words;
use crate::shell::{quoted, quoted_path};

/// Picks one, as a worker would.
pub(super) fn check(of: &Examination<'_>, provider: &Provider) -> Check {
    let (store, now) = (of.store(), of.around.now);
    let handle = PoolHandle::builder().clock(move || now).build(store.clone());
    match handle.pick(&PickRequest::new(provider.clone())) {
        Ok(credential) => usable(of, provider, &handle, &credential),
        Err(PickError::Unavailable(none)) if none.out.is_empty() => empty(of, provider, &store),
        Err(PickError::Unavailable(none)) => all_out(of, provider, &none),
        Err(PickError::Store(error)) => {
            Check::broken(Checked::Pool, format!("{provider}: {}", in_words(&error)))
                .next(format!("see what mends it: `pool doctor --store {}`", quoted_path(store.own().path())))
        }
        Err(error) => Check::broken(Checked::Pool, format!("{provider}: {}", in_words(&error))),
    }
}

fn usable(of: &Examination<'_>, provider: &Provider, handle: &PoolHandle, picked: &Credential) -> Check {
    let pools = handle.pools().unwrap_or_default();
    let standings = pools.get(provider).into_iter().flat_map(|pool| pool.standings(of.around.now));
    let standings: Vec<Standing> = standings.map(|(_, standing)| standing).collect();
    let ready = standings.iter().filter(|standing| **standing == Standing::Ready).count();
    let (id, label) = (&picked.id, &picked.label);
    let found = format!("{provider}: {ready} of {} usable, {id} ({label}) comes first", standings.len());
    match picked.token_ends_at().filter(|at| *at <= of.around.now) {
        None => Check::ok(Checked::Pool, found),
        Some(at) => {
            let found = format!("{found}; its access token ended at {}", time::format(at));
            let refresh = format!("renew it before it is needed: `{}`", of.pool("refresh", provider));
            Check::note(Checked::Pool, found).next(refresh)
        }
    }
}

/// Nothing is in the pool: Hermes fills it from what it keeps under `providers`, and from variables.
fn empty(of: &Examination<'_>, provider: &Provider, store: &ProfileStore) -> Check {
    let logins = |store: &pool_store::FileStore| store.provider_logins(of.around.now).unwrap_or_default();
    let hidden = of.is_codex(provider) && of.logins.profile.state == crate::login::LoginState::Empty;
    let root = store.root().map(logins).unwrap_or_default();
    if logins(store.own()).contains_key(provider) || (root.contains_key(provider) && !hidden) {
        let found =
            format!("{provider}: its pool is empty, and Hermes fills it from the login under `providers`");
        return Check::ok(Checked::Pool, found);
    }
    if root.contains_key(provider) {
        let found = format!(
            "{provider}: an empty login of the profile hides the one that the root has under `providers`"
        );
        let (name, shown) = (quoted(&of.home.name), quoted(provider.as_str()));
        return Check::broken(Checked::Pool, found)
            .next(format!("take the empty one away: `hermes -p {name} auth logout {shown}`"));
    }
    let lenders = store.own().lenders();
    let mut offers = offers_of_variables(Some(provider), |provider, source| {
        pool_format::Lender::lend(&lenders, provider, source)
    });
    if let Some(offer) = offers.iter_mut().find_map(|offer| offer.as_ref().ok()) {
        return Check::ok(
            Checked::Pool,
            format!("{provider}: its pool is empty, and {} has a key", offer.source),
        );
    }
    missing(of, provider, format!("{provider}: no credential"))
}

/// None can be used: some return by themselves, the others never do.
fn all_out(of: &Examination<'_>, provider: &Provider, none: &Unavailable) -> Check {
    let list = of.pool("list", provider);
    if let Some((out, until)) = none.first_return() {
        let found = format!(
            "{provider}: none of {} usable, {} ({}) returns first, at {}",
            none.out.len(),
            out.id,
            out.label,
            time::format(until)
        );
        return Check::broken(Checked::Pool, found)
            .next(format!("wait until then, or see what else helps: `{list}`"));
    }
    let out: Vec<String> = none.out.iter().map(why_out).collect();
    missing(of, provider, format!("{provider}: none of {} usable: {}", none.out.len(), out.join(", ")))
}

fn why_out(out: &Out) -> String {
    let status = out.why.standing().map_or("left out", Standing::status);
    format!("{} ({}) is {status}", out.id, out.label)
}

/// Only a person can help, or a login of Codex CLI.
fn missing(of: &Examination<'_>, provider: &Provider, found: String) -> Check {
    let check = Check::broken(Checked::Pool, found);
    let Some(fix) = import(of, provider) else {
        let login = format!(
            "HERMES_HOME={} hermes auth add {}",
            quoted_path(&of.home.root),
            quoted(provider.as_str())
        );
        return check.next(format!("log in, or add a key: `{login}`"));
    };
    check
        .next(format!(
            "take in the login of Codex CLI: `pool-watchdog preflight {} --fix`",
            quoted(&of.home.name)
        ))
        .fix(Some(fix))
}

/// Takes in the login that the worker's Codex CLI has. Into the root, where all profiles see it: of two copies of one refresh token the
/// second that is used ends the login.
fn import(of: &Examination<'_>, provider: &Provider) -> Option<Fix> {
    let from = of.home.worker.login();
    let resolved = from.canonicalize().ok()?;
    (of.is_codex(provider) && is_login(&resolved, of.around.now))
        .then(|| Fix::Import { from, into: of.importing_store(provider) })
}

impl Examination<'_> {
    fn is_codex(&self, provider: &Provider) -> bool {
        provider.is_same(&Tool::Codex.provider())
    }

    /// What the profile sees; of one without a folder, what it would see.
    fn store(&self) -> ProfileStore {
        let path = if self.home.folder.is_dir() { self.home.store() } else { self.home.root_store() };
        self.environment.open_at(&path)
    }

    /// The store that sees a new login: that of the root, unless credentials of its own hide it, or the worker is another user.
    fn importing_store(&self, provider: &Provider) -> PathBuf {
        let layers = self.store().layers(self.around.now).unwrap_or_default();
        let has_its_own = layers.of(provider) == Some(Layer::Own);
        let is_another_user = self.home.worker.home != self.home.main.home;
        if has_its_own || is_another_user { self.home.store() } else { self.home.root_store() }
    }

    /// A command of `pool` on what the profile sees.
    fn pool(&self, subcommand: &str, provider: &Provider) -> String {
        let store = self.store();
        format!("pool {subcommand} --store {} {}", quoted_path(store.own().path()), quoted(provider.as_str()))
    }
}
