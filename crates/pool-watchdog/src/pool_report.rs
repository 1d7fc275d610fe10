//! Tells the pool what a worker's log says of a credential: only where it is clear which one it was, and only news.
//!
//! A wrong report costs a healthy credential an hour or its life, so a doubt is left to a person.

use chrono::{DateTime, Utc};
use pool_core::{
    Action, Change, Cooldowns, Credential, Failure, Fingerprint, Judgement, Mark, Outcome, Pool, Provider,
    Record, Standing, Target, quoted, quoted_path, time,
};
use pool_store::{ProfileStore, Pruning, Store as _, StoreError};

use crate::home::ProfileHome;
use crate::line::one_line;
use crate::preflight::Surroundings;

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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use chrono::TimeDelta;
    use pool_sources::Tool;
    use pool_store::PoolHandle;

    use super::*;
    use crate::testing::{World, assert_clean, entry, store, token, token_for_days};

    const ROOT: &str = ".hermes/auth.json";
    const PROFILE: &str = ".hermes/profiles/writer/auth.json";

    fn provider() -> Provider {
        Tool::Codex.provider()
    }

    /// A login of its own account.
    fn login(id: &str) -> String {
        let account = format!(
            r#"{{"https://api.openai.com/auth":{{"chatgpt_account_id":"{id}","chatgpt_user_id":"u"}}}}"#
        );
        entry(id, &token(&account))
    }

    fn revoked() -> Failure {
        Failure::http(401).code("token_invalidated")
    }

    fn throttled() -> Failure {
        Failure::http(429).code("usage_limit_reached")
    }

    /// What becomes of a failure of ten minutes ago.
    fn told(world: &World, failure: Failure, says: &str) -> PoolReport {
        let (provider, at) = (provider(), World::now() - TimeDelta::minutes(10));
        let accusation = Accusation { provider: &provider, failure, at, says };
        let told = report_to_pool(&world.home(), &accusation, &world.around()).unwrap();
        assert_clean(&told);
        told
    }

    fn says(report: &PoolReport) -> &str {
        match report {
            PoolReport::Taken { says } | PoolReport::Nothing { says } | PoolReport::Unclear { says, .. } => {
                says
            }
        }
    }

    /// The store without the time at which it was written.
    fn stored(world: &World, name: &str) -> serde_json::Value {
        let mut stored: serde_json::Value = serde_json::from_str(&world.read(name)).unwrap();
        stored.as_object_mut().unwrap().remove("updated_at");
        stored
    }

    #[test]
    fn the_only_one_is_judged_as_a_person_would_have_reported_it() {
        for (failure, expected) in [(revoked(), "is dead"), (throttled(), "rests until 2026-11-21T11:51:00Z")]
        {
            for place in [PROFILE, ROOT] {
                let (world, by_hand) = (World::new(), World::new());
                let text = store(&login("aaa111"));
                world.write(place, &text);
                by_hand.write(place, &text);

                let report = told(&world, failure.clone(), "");
                assert!(
                    matches!(report, PoolReport::Taken { .. }) && says(&report).ends_with(expected),
                    "{report:?}"
                );

                let at = World::now() - TimeDelta::minutes(10);
                let home = by_hand.home();
                let of_profile = home.environment(&by_hand.around().environment).open_at(&home.store());
                let handle = PoolHandle::builder().clock(move || at).build(of_profile);
                let pools = handle.pools().unwrap();
                let target = Target::of(&pools.get(&provider()).unwrap().credentials()[0]);
                handle.report(&provider(), target, failure.clone()).unwrap();
                assert_eq!(stored(&world, place), stored(&by_hand, place));

                let kept = world.read(place);
                assert!(
                    says(&told(&world, failure.clone(), "")).contains("already"),
                    "never twice for one run"
                );
                assert_eq!(world.read(place), kept);
            }
        }
    }

    #[test]
    fn of_several_the_one_that_is_named_is_meant() {
        let fingerprint = Fingerprint::of(&token(
            r#"{"https://api.openai.com/auth":{"chatgpt_account_id":"bbb222","chatgpt_user_id":"u"}}"#,
        ));
        let cases = [
            ("credential bbb222: token_invalidated".to_owned(), Some("bbb222")),
            ("(openai-codex/bbb222) failed".to_owned(), Some("bbb222")),
            ("'login bbb222' was refused".to_owned(), Some("bbb222")),
            (format!("key {fingerprint}, refused"), Some("bbb222")),
            // A word that is in a label, and a part of an id, name nobody.
            ("login failed".to_owned(), None),
            ("xbbb222 bbb22".to_owned(), None),
            ("aaa111 and bbb222 failed".to_owned(), None),
            (String::new(), None),
        ];
        for (line, expected) in cases {
            let world = World::new();
            let text = store(&format!("{}, {}", login("aaa111"), login("bbb222")));
            world.write(ROOT, &text);
            let report = told(&world, revoked(), &line);
            match (expected, &report) {
                (Some(id), PoolReport::Taken { says }) => {
                    assert_eq!(*says, format!("{id} (login {id}) is dead"));
                }
                (None, PoolReport::Unclear { says, next }) => {
                    assert!(says.contains("aaa111 (login aaa111) or bbb222"), "{says}");
                    let next = world.shown(next);
                    let expected = "pool report --store ~/.hermes/profiles/writer/auth.json --now 2026-11-21T11:50:00Z \
                                    openai-codex ID --status 401 --code token_invalidated";
                    assert_eq!(next, expected);
                    assert_eq!(world.read(ROOT), text, "a doubt writes nothing");
                }
                _ => panic!("{line}: {report:?}"),
            }
        }
    }

    #[test]
    fn who_was_out_before_cannot_have_been_used() {
        let world = World::new();
        let resting = r#"{"last_status": "exhausted", "last_status_at": 1795260000, "last_error_code": 429, "last_error_reset_at": 1795269000, "#;
        let other = login("bbb222").replacen('{', resting, 1);
        world.write(ROOT, &store(&format!("{}, {other}", login("aaa111"))));
        assert_eq!(says(&told(&world, revoked(), "")), "aaa111 (login aaa111) is dead");
        assert!(says(&told(&world, revoked(), "")).contains("aaa111 (login aaa111): it was judged"));
    }

    #[test]
    fn what_is_of_yesterday_is_not_told() {
        let minutes_ago = |minutes: i64| World::now().timestamp() - minutes * 60;
        let token_made = |at: i64| entry("aaa111", &token(&format!(r#"{{"iat":{at},"sub":"u"}}"#)));
        let judged = |minutes: i64| {
            let rest = format!(
                r#"{{"last_status": "exhausted", "last_status_at": {}, "last_error_code": 429, "last_error_reset_at": {}, "#,
                minutes_ago(minutes),
                minutes_ago(-30)
            );
            login("aaa111").replacen('{', &rest, 1)
        };
        let cases = [
            (token_made(minutes_ago(5)), revoked(), "it was renewed at 2026-11-21T11:55:00Z"),
            (judged(5), revoked(), "it was judged at 2026-11-21T11:55:00Z already"),
            (
                login("aaa111"),
                throttled().reset_at(World::now() - TimeDelta::minutes(1)),
                "was over at 2026-11-21T11:59:00Z",
            ),
            (
                login("aaa111"),
                Failure::http(400).code("invalid_request_error"),
                "it says nothing of a credential",
            ),
            (String::new(), revoked(), "no credential of the pool could have been used"),
        ];
        for (entries, failure, expected) in cases {
            let world = World::new();
            world.write(ROOT, &store(&entries));
            let before = world.read(ROOT);
            let report = told(&world, failure, "");
            assert!(
                matches!(report, PoolReport::Nothing { .. }) && says(&report).contains(expected),
                "{report:?}"
            );
            assert_eq!(world.read(ROOT), before);
        }
        let world = World::new();
        world.write(ROOT, &store(&token_made(minutes_ago(15))));
        assert!(matches!(told(&world, revoked(), ""), PoolReport::Taken { .. }), "it was made before");
    }

    #[test]
    fn without_a_store_there_is_nobody_to_tell() {
        let world = World::new();
        assert!(matches!(told(&world, revoked(), ""), PoolReport::Nothing { .. }));
        world.write(ROOT, &store(&entry("aaa111", &token_for_days(1))));
        assert!(matches!(told(&world, revoked(), ""), PoolReport::Taken { .. }));
    }
}
