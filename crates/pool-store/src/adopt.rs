//! What other homes of a login have that is newer than what the store has.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pool_core::{Action, Change, Credential, Grant, Holding, Kinship, Pool, Pools, Source, Target};
use pool_format::Lent;

/// The logins of a pool that the store owns and that have another home: another program seeded them, or has them in a file.
pub(crate) fn with_another_home(
    pools: &Pools,
    pool: &Pool,
    has_file: impl Fn(&Source) -> bool,
) -> Vec<Arc<Credential>> {
    let is_wanted = |one: &&Arc<Credential>| {
        one.owns_its_secret()
            && (one.source.is_seeded() || has_file(&one.source))
            && !pools.is_suppressed(pool.provider(), &one.source)
    };
    pool.credentials().iter().filter(is_wanted).cloned().collect()
}

/// The change that takes a login over from another home, if it is to be.
pub(crate) fn adoption(pool: &Pool, ours: &Credential, theirs: &Lent, now: DateTime<Utc>) -> Option<Change> {
    let Lent { tokens, expires_at } = theirs.clone();
    let theirs = Credential { holding: Holding::Owned(tokens.clone()), expires_at, ..ours.clone() };
    if !pool.takes_over(ours, &theirs, Kinship::SameLogin, now) {
        return None;
    }
    // It may be the login of another entry.
    let is_held = |subject| pool.credentials().iter().any(|one| one.id != ours.id && one.holds(subject));
    if theirs.subject().is_some_and(is_held) {
        return None;
    }
    let id = ours.id.clone();
    let target = match ours.subject() {
        Some(subject) => Target::Held(id, subject),
        None => Target::Id(id),
    };
    let action = Action::Rotate { target, tokens, grant: Grant::New, expires_at };
    Some(Change { provider: pool.provider().clone(), action })
}
