//! Tells the pool what a worker's log says of a credential: only where it is clear which one it was, and only news.
//!
//! A wrong report costs a healthy credential an hour or its life, so a doubt is left to a person.

use chrono::{DateTime, Utc};
use pool_core::{
    Action, Change, Cooldowns, Credential, Failure, Fingerprint, Judgement, Mark, Outcome, Pool, Provider,
    Record, Standing, Target, time,
};
use pool_store::{ProfileStore, Pruning, Store as _, StoreError};

use crate::home::ProfileHome;
use crate::line::one_line;
use crate::preflight::Surroundings;
use crate::shell::{quoted, quoted_path};

/// What a worker's log says of a credential that it does not always name.
#[derive(Clone, Debug)]
pub struct Accusation<'a> {
    /// Whose credential.
    pub provider: &'a Provider,
    /// What upstream said.
    pub failure: Failure,
    /// When.
    pub at: DateTime<Utc>,
    /// The words of the log: they may name the credential.
    pub says: &'a str,
}

/// What became of an accusation.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PoolReport {
    /// The pool knows it now.
    Taken {
        /// Who was meant, and how it stands.
        says: String,
    },
    /// There was nothing to tell: it is known, or is of yesterday.
    Nothing {
        /// Why not.
        says: String,
    },
    /// Nobody knows who was meant.
    Unclear {
        /// Who it may have been.
        says: String,
        /// What a person says to the pool.
        next: String,
    },
}

/// Judges the credential that a worker of this profile used, as `pool report` would have at that moment.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn report_to_pool(
    home: &ProfileHome,
    accusation: &Accusation<'_>,
    around: &Surroundings,
) -> Result<PoolReport, StoreError> {
    let store = home.environment(&around.environment).open_at(&home.store());
    let Accusation { provider, failure, at, says } = accusation;
    let judgement = Judgement::of(failure.clone(), provider, &Cooldowns::default(), *at);
    if judgement.mark() == Mark::Nobody {
        return Ok(nothing(format!("{provider}: it says nothing of a credential")));
    }
    let loaded = store.load(None, around.now)?;
    let pool = loaded.as_ref().and_then(|loaded| loaded.pools.get(provider));
    let suspects: Vec<&Credential> = pool.into_iter().flat_map(|pool| suspects(pool, says, *at)).collect();
    match (pool, suspects.as_slice()) {
        (Some(pool), [culprit]) => match news(pool, culprit, &judgement, *at, around.now) {
            Ok(()) => apply(&store, culprit, judgement, accusation, around.now),
            Err(why) => Ok(nothing(format!("{}: {why}", named(culprit)))),
        },
        (_, []) => Ok(nothing(format!("{provider}: no credential of the pool could have been used"))),
        (_, several) => Ok(unclear(several, &store, accusation)),
    }
}

/// Those that it can have been: the one that the log names, else all that could have been handed out then.
fn suspects<'a>(pool: &'a Pool, says: &str, at: DateTime<Utc>) -> Vec<&'a Credential> {
    let known = || {
        let all = pool.standings(at).filter(|(_, standing)| *standing != Standing::Removed);
        all.map(|(credential, _)| credential)
    };
    let named: Vec<&Credential> = known().filter(|credential| is_named(says, credential)).collect();
    if named.is_empty() {
        known().filter(|credential| was_usable(pool, credential, at)).collect()
    } else {
        named
    }
}

/// Whether it had a secret, and nothing was against it that was known before.
fn was_usable(pool: &Pool, credential: &Credential, at: DateTime<Utc>) -> bool {
    match pool.standing(credential, at) {
        Standing::Ready => true,
        Standing::Resting { since, .. } | Standing::Dead { since, .. } => {
            since.is_some_and(|since| since >= at)
        }
        _ => false,
    }
}

/// Whether a log names it: by its id, by a fingerprint of one of its secrets, or by its label in quotes.
fn is_named(says: &str, credential: &Credential) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.' | '@');
    let words = || says.split(|c: char| !is_part(c)).map(|word| word.trim_matches([':', '.']));
    let is_fingerprint =
        |word: &str| word.parse::<Fingerprint>().is_ok_and(|fingerprint| credential.holds(fingerprint));
    let label = &credential.label;
    let quotes = ['"', '\'', '`'].map(|quote| format!("{quote}{label}{quote}"));
    words().any(|word| word == credential.id.as_str() || is_fingerprint(word))
        || (!label.is_empty() && quotes.iter().any(|label| says.contains(label)))
}

/// Whether it is news: nothing was said of it since, its secret is the one that was used, and the verdict lasts.
fn news(
    pool: &Pool,
    culprit: &Credential,
    judgement: &Judgement,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let since = |time: Option<DateTime<Utc>>| time.filter(|time| *time >= at);
    let record = pool.record(&culprit.id);
    if let Some(judged) = since(record.and_then(|record| judged_at(record, judgement, now))) {
        return Err(format!("it was judged at {} already", time::format(judged)));
    }
    let renewed_at = record.and_then(|record| record.renewed_at);
    if let Some(renewed) = since(renewed_at.max(culprit.token_made_at())) {
        return Err(format!(
            "it was renewed at {}, and the report is about the token before",
            time::format(renewed)
        ));
    }
    if !judgement.verdict.is_terminal() && judgement.until <= now {
        return Err(format!("what it says was over at {}", time::format(judgement.until)));
    }
    Ok(())
}

/// When what is judged was last judged or cleared: the credential, or the model that the report is about.
fn judged_at(record: &Record, judgement: &Judgement, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let of_model = match judgement.mark() {
        Mark::Model(model) => record.models.get(model).and_then(|state| state.judged_at(now)),
        _ => None,
    };
    record.state.judged_at(now).max(of_model)
}

fn apply(
    store: &ProfileStore,
    culprit: &Credential,
    judgement: Judgement,
    accusation: &Accusation<'_>,
    now: DateTime<Utc>,
) -> Result<PoolReport, StoreError> {
    let action = Action::Fail { target: Target::of(culprit), judgement };
    let change = Change { provider: accusation.provider.clone(), action };
    // Nobody shall lose a credential by a look at a log.
    let mut committed = store.apply(&[(accusation.at, change)], Pruning::Nothing, now)?;
    if let Some(refused) = committed.refused.remove(&0) {
        return Err(refused);
    }
    let name = named(culprit);
    Ok(match committed.outcomes.pop() {
        Some(Ok(Outcome::Judged { standing, .. })) => {
            PoolReport::Taken { says: format!("{name} {}", is(&standing)) }
        }
        Some(Err(error)) => return Err(error.into()),
        _ => nothing(format!("{name}: that secret is no longer stored")),
    })
}

fn is(standing: &Standing) -> String {
    match standing {
        Standing::Resting { until, .. } => format!("rests until {}", time::format(*until)),
        Standing::Dead { .. } => "is dead".to_owned(),
        other => format!("is {}", other.status()),
    }
}

fn unclear(several: &[&Credential], store: &ProfileStore, accusation: &Accusation<'_>) -> PoolReport {
    let names: Vec<String> = several.iter().map(|credential| named(credential)).collect();
    let Accusation { provider, failure, at, .. } = accusation;
    let mut next = format!(
        "pool report --store {} --now {} {} ID",
        quoted_path(store.own().path()),
        time::format(*at),
        quoted(provider.as_str())
    );
    if let Some(status) = failure.status() {
        next += &format!(" --status {status}");
    }
    if let Some(code) = failure.error_code() {
        next += &format!(" --code {}", quoted(code));
    }
    let says = format!("{provider}: the log does not say which one failed: {}", names.join(" or "));
    PoolReport::Unclear { says: one_line(&says), next: one_line(&next) }
}

fn nothing(says: String) -> PoolReport {
    PoolReport::Nothing { says: one_line(&says) }
}

fn named(credential: &Credential) -> String {
    one_line(&format!("{} ({})", credential.id, credential.label))
}
