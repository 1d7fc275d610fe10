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

/// The changes that take a login over from another home, if it is to be: of every entry that has the same refresh token, since that is
/// spent. Each clears what was judged of the old secret as of then, so that later news is about the new one.
pub(crate) fn adoptions(
    pool: &Pool,
    ours: &Credential,
    theirs: &Lent,
    now: DateTime<Utc>,
) -> Vec<(DateTime<Utc>, Change)> {
    let Lent { tokens, expires_at } = theirs.clone();
    let theirs = Credential { holding: Holding::Owned(tokens.clone()), expires_at, ..ours.clone() };
    if !pool.takes_over(ours, &theirs, Kinship::SameLogin, now) {
        return Vec::new();
    }
    let token = ours.refresh_token();
    let is_copy = |one: &Credential| one.owns_its_secret() && token.is_some() && one.refresh_token() == token;
    // It may be the login of another entry.
    let is_held = |subject| {
        let mut others = pool.credentials().iter().filter(|one| one.id != ours.id && !is_copy(one));
        others.any(|one| one.holds(subject))
    };
    if theirs.subject().is_some_and(is_held) {
        return Vec::new();
    }
    let take_over = |one: &Credential| {
        let action =
            Action::Rotate { target: Target::of(one), tokens: tokens.clone(), grant: Grant::New, expires_at };
        let judged_at = pool.record(&one.id).and_then(|record| record.state.judged_at(now));
        (judged_at.unwrap_or(now), Change { provider: pool.provider().clone(), action })
    };
    let copies = pool.credentials().iter().filter(|one| one.id != ours.id && is_copy(one));
    std::iter::once(take_over(ours)).chain(copies.map(|one| take_over(one))).collect()
}
