//! Whether a provider has a credential that a worker could use now.

use std::path::{Path, PathBuf};

use pool_core::{
    Credential, Layer, Out, PickRequest, Provider, Standing, Unavailable, quoted, quoted_path, time,
};
use pool_sources::{Consent, Places, Taken, Tool, offers_of_variables, take_in};
use pool_store::{MemoryStore, PickError, PoolHandle, ProfileStore, Store as _, StoreError};

use super::Examination;
use super::check::{Check, Checked, Fix};
use crate::line::in_words;
use crate::login::LoginState;

/// Picks one, as a worker would.
pub(super) fn check(of: &Examination<'_>, provider: &Provider) -> Check {
    let (store, now) = (of.store(), of.around.now);
    let handle = PoolHandle::builder().clock(move || now).build(store.clone());
    match handle.pick(&PickRequest::new(provider.clone())) {
        Ok(credential) => usable(of, provider, &handle, &credential),
        Err(PickError::Unavailable(none)) if none.out.is_empty() => empty(of, provider, &store),
        Err(PickError::Unavailable(none)) => all_out(of, provider, &none),
        Err(PickError::Store(StoreError::NoFolder { .. })) => empty(of, provider, &store),
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
    let hidden = of.is_codex(provider) && of.logins.profile.state == LoginState::Empty;
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

/// Only a person can help, or the login of Codex CLI.
fn missing(of: &Examination<'_>, provider: &Provider, found: String) -> Check {
    let check = Check::broken(Checked::Pool, found);
    let into = of.importing_store(provider);
    let profile = quoted(&of.home.name);
    match of.is_codex(provider).then(|| would_be_taken(of, &into)).flatten() {
        Some(Taken::Added(_) | Taken::Renewed(_)) => check
            .next(format!("take in the login of Codex CLI: `pool-watchdog preflight {profile} --fix`"))
            .fix(Some(Fix::Import { from: of.home.worker.login(), into })),
        Some(Taken::Suppressed) => check.next(format!(
            "somebody removed the login of Codex CLI; if it may come back: `pool import --store {} codex --again`",
            quoted_path(&into)
        )),
        _ => {
            let (root, name) = (quoted_path(&of.home.root), quoted(provider.as_str()));
            check.next(format!("log in: `HERMES_HOME={root} hermes auth add {name}`"))
        }
    }
}

/// What would become of the login that the worker's Codex CLI has, tried on a copy that nobody keeps.
fn would_be_taken(of: &Examination<'_>, into: &Path) -> Option<Taken> {
    let now = of.around.now;
    let offer = Tool::Codex.read(&Places::of(&of.environment, &of.home.store(), None)?, now).ok()?;
    let pools = of.environment.open_at(into).load(None, now).ok().flatten().map(|loaded| loaded.pools);
    let copy = PoolHandle::builder().clock(move || now).build(MemoryStore::new(pools.unwrap_or_default()));
    take_in(&copy, &offer, Consent::TakeIn, now).ok()
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

    /// Where a login is taken in: into the root, where all profiles see it, since of two copies of one refresh token the second that
    /// is used ends the login. Not where credentials of the profile hide the root's, nor where its worker is another user.
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
