//! Repairs that lose nothing: each is made only where it still applies, and twice it changes nothing the second time.

use std::path::Path;

use pool_core::{Provider, quoted, quoted_path};
use pool_sources::{Consent, Taken, Tool, take_in};
use pool_store::{PoolHandle, read_short};

use super::check::Fix;
use super::codex_logins::is_login;
use super::{Preflight, Surroundings, examine};
use crate::files;
use crate::line::in_words;
use crate::line::one_line;
use crate::login::LONGEST_LOGIN;
use crate::settings::Settings;

/// What became of a repair.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct Repaired {
    /// Which.
    #[serde(flatten)]
    pub fix: Fix,
    /// Whether it is as it should be now.
    pub done: bool,
    /// What was done, or why nothing was.
    pub says: String,
}

/// Makes every repair that an examination names, and examines again until there is no other, since one repair may make another possible.
/// Answers what was tried, and what is found after that.
#[must_use]
pub fn mend(settings: &Settings, profile: &str, around: &Surroundings) -> (Vec<Repaired>, Preflight) {
    let mut tried = Vec::new();
    loop {
        let found = examine(settings, profile, around);
        let more = repair_more(&found, &tried, around);
        if more.is_empty() {
            return (tried, found);
        }
        tried.extend(more);
    }
}

/// Makes every repair that an examination named, in its order. Whoever wants to know what is still broken examines again.
#[must_use]
pub fn repair(preflight: &Preflight, around: &Surroundings) -> Vec<Repaired> {
    repair_more(preflight, &[], around)
}

fn repair_more(preflight: &Preflight, tried: &[Repaired], around: &Surroundings) -> Vec<Repaired> {
    let mut fixes: Vec<&Fix> = Vec::new();
    for fix in preflight.fixes() {
        if !fixes.contains(&fix) && !tried.iter().any(|tried| tried.fix == *fix) {
            fixes.push(fix);
        }
    }
    let one = |fix: &Fix| {
        let (done, says) = match make(fix, around) {
            Ok(says) => (true, says),
            Err(why) => (false, why),
        };
        Repaired { fix: fix.clone(), done, says: one_line(&says) }
    };
    fixes.into_iter().map(one).collect()
}

/// What was done, or else why nothing was.
fn make(fix: &Fix, around: &Surroundings) -> Result<String, String> {
    match fix {
        Fix::MakeFolder { folder } => match files::make_private_folder(folder) {
            Ok(()) => Ok(format!("made {}", folder.display())),
            Err(error) => Err(format!("cannot make {}: {error}", folder.display())),
        },
        Fix::Link { link, target } => lead(link, target, around),
        Fix::Import { from, into } => import(from, into, around),
    }
}

fn lead(link: &Path, target: &Path, around: &Surroundings) -> Result<String, String> {
    let (shown, to) = (link.display(), target.display());
    if !is_login(target, around.now) {
        return Err(format!("{to} is no login by now that others could be led to"));
    }
    let folder = link.parent().unwrap_or(link);
    let made = files::make_private_folder(folder).and_then(|()| files::link(link, target));
    match made {
        Ok(()) => Ok(format!("{shown} leads to {to}")),
        // Somebody else was faster.
        Err(_) if std::fs::read_link(link).is_ok_and(|leads_to| leads_to == target) => {
            Ok(format!("{shown} leads to {to} already"))
        }
        Err(error) => Err(format!("{shown} was left as it is: {error}")),
    }
}

/// As `pool import codex` does it: an entry that somebody removed stays away, and one that is there gets the tokens if its own are dead.
fn import(from: &Path, into: &Path, around: &Surroundings) -> Result<String, String> {
    let shown = from.display();
    let text = read_short(from, LONGEST_LOGIN).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let offer = Tool::Codex.offer(text, around.now).map_err(|flaw| format!("{shown}: {flaw}"))?;
    let mut environment = around.environment.clone();
    environment.codex_home = from.parent().map(Path::to_owned);
    let now = around.now;
    let handle = PoolHandle::builder().clock(move || now).build(environment.open_at(into));
    let provider: Provider = offer.provider.clone();
    let store = into.display();
    match take_in(&handle, &offer, Consent::TakeIn, now) {
        Ok(Taken::Added(id)) => Ok(format!("{provider} has the login of Codex CLI as {id} in {store}")),
        Ok(Taken::Renewed(id)) => Ok(format!("{provider}: {id} in {store} has the tokens of Codex CLI now")),
        Ok(Taken::There(id)) => Ok(format!("{provider}: {id} in {store} is the login of Codex CLI already")),
        Ok(Taken::Suppressed | Taken::NotHere) => Err(format!(
            "somebody removed it from {store} before: take it in with `pool import --store {} {} --again`",
            quoted_path(into),
            quoted("codex")
        )),
        Err(error) => Err(in_words(&error)),
    }
}
