//! Every sequence of answers, renewals and changes by others that a request can meet, to its end, on small pools. At each step the laws
//! hold that are said here. Of states that look alike to the machine and to the laws (who is ready, now and later, with which token) one
//! is walked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    Action, Change, Cooldowns, Credential, CredentialId, Failure, Grant, Judgement, Kind, LastError,
    Patience, PickRequest, Pool, Recovery, Scope, Secret, Standing, Step, Target, Tokens, Treatment,
    Unresolved, Why,
};

use crate::support::*;

/// One credential is sent with once, and again after each of two renewals. What is waited for comes on top: once for a throttle, and
/// twice for a provider in trouble.
fn most_sends(credentials: usize) -> usize {
    3 * credentials + 1 + 2
}

/// So much time passes where it does at all: a token is not fresh any more.
const LATER: TimeDelta = TimeDelta::minutes(3);

/// What upstream answers: of each treatment the plain case, and those with a hint that is near or far.
fn failures() -> Vec<Failure> {
    vec![
        throttled(),
        throttled().message("try again in 1s"),
        throttled().message("try again in 2 hours"),
        Failure::http(429).code("usage_limit_reached"),
        unpaid(),
        refused(),
        Failure::http(401).code("invalid_token"),
        revoked(),
        Failure::http(529),
        overloaded().message("try again in 2 hours"),
        bad_request(),
        Failure::http(401).code("unauthorized_region"),
    ]
}

/// What a token endpoint answers that does not renew.
fn refusals() -> Vec<Failure> {
    vec![
        Failure::http(400).code("invalid_grant"),
        Failure::http(429).message("try again in 2 hours"),
        Failure::http(403),
    ]
}

/// What is told to the machine.
#[derive(Clone, Debug)]
enum News {
    Answered,
    Failed(Failure),
    Renewed,
    NotRenewed(Failure),
    /// Somebody else saw to it, who stores by himself what comes of it.
    SeenTo(Engine),
}

/// What came of a renewal by somebody else.
#[derive(Clone, Copy, Debug)]
enum Engine {
    Renews,
    Buries,
    /// It failed for a passing reason, and marked nobody.
    Leaves,
    /// The same, and there is nothing to say of it.
    SaysNothing,
}

/// What another process, or time, does in between.
#[derive(Clone, Copy, Debug)]
enum Meddling {
    Renews,
    Buries,
    BuriesAnother,
    Rests,
    RemovesAll,
    TimePasses,
}

const MEDDLERS: [Option<Meddling>; 7] = [
    None,
    Some(Meddling::Renews),
    Some(Meddling::Buries),
    Some(Meddling::BuriesAnother),
    Some(Meddling::Rests),
    Some(Meddling::RemovesAll),
    Some(Meddling::TimePasses),
];

/// Where a request is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Place {
    Begin,
    Use,
    Retry,
    Refresh,
    GiveUp,
}

/// From where it went to where, and why, in any of the sequences.
pub(crate) type Ways = BTreeSet<(Place, Place, Why)>;

/// A request on its way, and what the laws ask of its past.
#[derive(Clone)]
struct World {
    pool: Pool,
    recovery: Recovery,
    now: DateTime<Utc>,
    past: Past,
}

#[derive(Clone, Default, Debug)]
struct Past {
    used: BTreeSet<CredentialId>,
    sends: usize,
    refreshes: BTreeMap<CredentialId, usize>,
    renewed_at: BTreeMap<CredentialId, DateTime<Utc>>,
    tokens: usize,
    has_failed: bool,
    /// So often somebody else may still change the pool, at any place.
    meddling: usize,
}

impl World {
    fn of(credentials: Vec<Credential>, meddling: usize) -> Self {
        Self {
            pool: Pool::new(codex(), credentials, HashMap::new()),
            recovery: Recovery::new(PickRequest::new(codex()), Cooldowns::default(), Patience::default()),
            now: start(),
            past: Past { meddling, ..Past::default() },
        }
    }

    /// All that the machine sees, and all that the laws ask. What upstream said last changes nothing.
    fn key(&self) -> String {
        let machine = format!("{:?}", self.recovery);
        let (machine, _) =
            machine.split_once("last_error: ").expect("the machine keeps its last error, last");
        let looks = |one: &Credential| {
            let standing = |now| self.pool.standing(one, now).status().to_owned();
            format!("{:?} {} {}", one.subject(), standing(self.now), standing(self.now + LATER))
        };
        let looks: Vec<String> = self.pool.credentials().iter().map(|one| looks(one)).collect();
        format!("{machine} {looks:?} {} {:?}", self.now, self.past)
    }

    fn credential(&self, id: &CredentialId) -> Option<&Credential> {
        self.pool.credentials().iter().map(AsRef::as_ref).find(|one: &&Credential| one.id == *id)
    }

    fn is_ready(&self, id: &CredentialId) -> bool {
        self.credential(id).is_some_and(|one| self.pool.standing(one, self.now) == Standing::Ready)
    }

    fn next(&mut self, credentials: usize) -> Step {
        let step = self.recovery.next(&self.pool, &(), self.now, 7);
        match &step {
            Step::Use { id, .. } => {
                assert!(self.is_ready(id), "{id} is handed out, and is not ready");
                assert!(self.past.used.insert(id.clone()), "{id} is used anew");
                self.past.sends += 1;
            }
            Step::Retry { id, after, .. } => {
                assert!(self.is_ready(id), "{id} is handed out again, and is not ready");
                assert!(self.past.used.contains(id), "{id} is used again, and was not used");
                assert!((secs(0)..=secs(30)).contains(after), "{after}");
                self.past.sends += 1;
            }
            Step::Refresh { id, .. } => {
                assert!(self.is_ready(id), "{id} is to be renewed, and is not ready");
                assert!(
                    self.credential(id).is_some_and(Credential::can_be_renewed),
                    "{id} cannot be renewed"
                );
                let refreshes = self.past.refreshes.entry(id.clone()).or_default();
                *refreshes += 1;
                assert!(*refreshes <= 2, "{id} is renewed too often");
                let last = self.past.renewed_at.get(id);
                assert!(last.is_none_or(|at| self.now - *at >= mins(2)), "{id} is renewed again at once");
            }
            Step::GiveUp(gave_up) => {
                assert!(gave_up.last_error.is_some() || !self.past.has_failed, "the last error is lost");
                let reasons = gave_up.standings.iter().map(|(id, _)| id);
                let all = self.pool.credentials().iter().map(|one| &one.id);
                assert!(reasons.eq(all), "somebody's reason is missing");
                let used = self.past.used.iter().cloned();
                let untried = used.fold(PickRequest::new(codex()), PickRequest::leave_out);
                let is_left = self.pool.pick(&untried, &(), self.now, 0).is_ok();
                assert!(gave_up.why != Why::NobodyLeft || !is_left, "somebody was not tried");
            }
        }
        assert!(self.past.sends <= most_sends(credentials), "it is sent {} times", self.past.sends);
        step
    }

    /// All that may come of a step.
    fn news_of(step: &Step) -> Vec<News> {
        match step {
            Step::Refresh { .. } => {
                let by_engine = [Engine::Renews, Engine::Buries, Engine::Leaves, Engine::SaysNothing];
                let refused = refusals().into_iter().map(News::NotRenewed);
                refused.chain([News::Renewed]).chain(by_engine.map(News::SeenTo)).collect()
            }
            _ => failures().into_iter().map(News::Failed).chain([News::Answered]).collect(),
        }
    }

    /// Tells the machine what came of its step. `sent` is what was sent, or spent.
    fn tell(&mut self, id: &CredentialId, sent: &Credential, news: News) {
        let subject = sent.subject().expect("it was sent");
        let change = match news {
            News::Answered => {
                self.recovery.succeeded(id, subject, self.now).expect("it was to be sent with");
                return;
            }
            News::Renewed => {
                self.rotate(id);
                self.recovery.renewed(id, self.now);
                self.past.renewed_at.insert(id.clone(), self.now);
                return;
            }
            News::SeenTo(engine) => self.see_to(id, sent, engine),
            News::Failed(failure) => {
                self.past.has_failed = true;
                let judgement = Judgement::of(failure.clone(), &codex(), &Cooldowns::default(), self.now);
                let change = self.recovery.failed(&self.pool, id, subject, failure, self.now);
                let treatment = Treatment::of(&judgement.verdict);
                let marks_nobody = matches!(treatment, Treatment::HandBack | Treatment::BackOff);
                assert!(!marks_nobody || change.is_none(), "{judgement:?} marks somebody");
                change
            }
            News::NotRenewed(failure) => {
                self.past.has_failed = true;
                let spent = sent.refresh_token().map(Secret::fingerprint).expect("it can be renewed");
                let is_death = failure.status() == Some(400);
                let change = self.recovery.not_renewed(&self.pool, id, spent, failure.clone(), self.now);
                if let Some(Change { action: Action::Fail { judgement, .. }, .. }) = &change {
                    assert_eq!(judgement.verdict.is_terminal(), is_death, "{failure:?}");
                    assert_eq!(judgement.verdict.scope, Scope::Credential, "{failure:?} costs a sibling");
                    let is_short = judgement.until - self.now <= mins(1);
                    assert!(is_short || is_death || failure.status() == Some(403), "{failure:?} costs long");
                    let stored =
                        self.credential(id).and_then(Credential::refresh_token).map(Secret::fingerprint);
                    assert!(stored.is_none_or(|stored| stored == spent), "it was renewed by somebody else");
                }
                change
            }
        };
        if let Some(change) = change {
            self.apply(id, &change);
        }
    }

    /// Whom the engine has marked, or renewed, nobody marks once more; who goes on with the token that was refused rests.
    fn see_to(&mut self, id: &CredentialId, sent: &Credential, engine: Engine) -> Option<Change> {
        match engine {
            Engine::Renews => self.rotate(id),
            Engine::Buries => self.judge(id, revoked()),
            Engine::Leaves | Engine::SaysNothing => {}
        }
        let error = LastError::of(&Failure::no_answer(), Kind::Network, None);
        let error = matches!(engine, Engine::Buries | Engine::Leaves).then_some(error);
        let has_another = self.credential(id).is_some_and(|one| one.subject() != sent.subject());
        let is_ready = self.is_ready(id);
        let change = self.recovery.seen_to(&self.pool, id, error, self.now);
        if has_another {
            self.past.renewed_at.insert(id.clone(), self.now);
        }
        assert_eq!(change.is_some(), is_ready && !has_another, "{engine:?}: {change:?}");
        if let Some(Change { action: Action::Fail { judgement, .. }, .. }) = &change {
            assert!(!judgement.verdict.is_terminal() && judgement.until - self.now <= mins(1));
            assert_eq!(judgement.verdict.scope, Scope::Credential, "it costs a sibling");
        }
        change
    }

    /// Applies what the machine says. Nobody is marked for another's failure.
    fn apply(&mut self, culprit: &CredentialId, change: &Change) {
        let Action::Fail { target: Target::Held(accused, _), judgement } = &change.action else {
            panic!("{change:?}")
        };
        assert_eq!((&change.provider, accused), (&codex(), culprit), "somebody else is accused");
        let before = self.pool.clone();
        let account = self.credential(culprit).and_then(|one| one.account(&codex()));
        // It may be gone.
        drop(self.pool.apply(change, self.now));
        for other in before.credentials().iter().filter(|other| other.id != *culprit) {
            let is_sibling = account.is_some() && other.account(&codex()) == account;
            let may_be_hit = judgement.verdict.scope == Scope::Account && is_sibling;
            let is_hit = before.record(&other.id) != self.pool.record(&other.id);
            assert!(may_be_hit || !is_hit, "{} is marked for {culprit}", other.id);
        }
    }

    /// Who does not do as told does no harm.
    fn misuse(&self, step: &Step) {
        let mut world = self.clone();
        let said = world.recovery.next(&self.pool, &(), self.now, 7);
        assert_eq!((way_of(&said), subject_of(&said)), (way_of(step), subject_of(step)), "asked again");
        let Some(id) = subject_of(step) else { return };
        let sent = self.credential(id).and_then(Credential::subject).expect("it is there");
        for told in self.pool.credentials().iter().map(|one| &one.id).chain([&crate::support::id("stranger")])
        {
            let is_other = told != id;
            let is_refresh = matches!(step, Step::Refresh { .. });
            if is_other || is_refresh {
                assert!(world.recovery.failed(&self.pool, told, sent, revoked(), self.now).is_none());
                assert!(world.recovery.succeeded(told, sent, self.now).is_none());
            }
            if is_other || !is_refresh {
                world.recovery.renewed(told, self.now);
                assert!(world.recovery.not_renewed(&self.pool, told, sent, revoked(), self.now).is_none());
                assert!(world.recovery.seen_to(&self.pool, told, None, self.now).is_none());
            }
        }
        assert_eq!(world.recovery.next(&self.pool, &(), self.now, 7), said, "it was led astray");
    }

    fn meddle(&mut self, meddling: Meddling, id: &CredentialId) {
        self.past.meddling -= 1;
        let other = self.pool.credentials().iter().map(|one| one.id.clone()).rfind(|other| other != id);
        match meddling {
            Meddling::Renews => self.rotate(id),
            Meddling::Buries => self.judge(id, revoked()),
            Meddling::BuriesAnother => self.judge(&other.unwrap_or_else(|| id.clone()), revoked()),
            Meddling::Rests => self.judge(id, limited_until(self.now + hours(1))),
            Meddling::RemovesAll => self.pool = Pool::new(codex(), Vec::new(), HashMap::new()),
            Meddling::TimePasses => self.now += LATER,
        }
    }

    fn judge(&mut self, id: &CredentialId, failure: Failure) {
        let judgement = Judgement::of(failure, &codex(), &Cooldowns::default(), self.now);
        let action = Action::Fail { target: Target::Id(id.clone()), judgement };
        // It may be gone.
        drop(self.pool.apply(&Change { provider: codex(), action }, self.now));
    }

    /// Stores another token, of the same account. Where the secret is lent, nobody can.
    fn rotate(&mut self, id: &CredentialId) {
        let Some(old) = self.credential(id).cloned() else { return };
        self.past.tokens += 1;
        let serial = self.past.tokens;
        let access = match old.account(&codex()) {
            Some(_) => token_of("shared", 100 + u32::try_from(serial).expect("few")),
            None => format!("renewed-{id}-{serial}"),
        };
        let refresh = old.refresh_token().map(|_| secret(&format!("refresh-{id}-{serial}")));
        let tokens = Tokens::access(secret(&access)).with_refresh(refresh);
        let action =
            Action::Rotate { target: Target::Id(id.clone()), tokens, grant: Grant::Same, expires_at: None };
        drop(self.pool.apply(&Change { provider: codex(), action }, self.now));
    }
}

fn subject_of(step: &Step) -> Option<&CredentialId> {
    match step {
        Step::Use { id, .. } | Step::Retry { id, .. } | Step::Refresh { id, .. } => Some(id),
        Step::GiveUp(_) => None,
    }
}

fn way_of(step: &Step) -> (Place, Why) {
    match step {
        Step::Use { why, .. } => (Place::Use, *why),
        Step::Retry { why, .. } => (Place::Retry, *why),
        Step::Refresh { why, .. } => (Place::Refresh, *why),
        Step::GiveUp(gave_up) => (Place::GiveUp, gave_up.why),
    }
}

/// How much was walked.
#[derive(Default, Debug)]
struct Walked {
    ways: Ways,
    states: usize,
    sequences: u128,
    longest: usize,
}

/// Walks all sequences of one pool to their ends.
fn walk(credentials: Vec<Credential>, meddling: usize) -> Walked {
    let count = credentials.len();
    let mut world = World::of(credentials, meddling);
    let step = world.next(count);
    let (place, why) = way_of(&step);
    let mut walked = Walked { ways: [(Place::Begin, place, why)].into(), ..Walked::default() };
    let mut layer: HashMap<String, (World, Step, u128)> = [(world.key(), (world, step, 1))].into();
    while !layer.is_empty() {
        walked.states += layer.len();
        walked.longest += 1;
        let mut next = HashMap::new();
        for (world, step, times) in layer.into_values() {
            let Some(id) = subject_of(&step) else {
                walked.sequences += times;
                continue;
            };
            world.misuse(&step);
            let sent = world.credential(id).expect("it is ready").clone();
            for before in world.meddlers() {
                let world = world.meddled(before, id);
                for news in World::news_of(&step) {
                    let mut world = world.clone();
                    world.tell(id, &sent, news);
                    for after in world.meddlers() {
                        let mut world = world.meddled(after, id);
                        let step_after = world.next(count);
                        let (place, why) = way_of(&step_after);
                        walked.ways.insert((way_of(&step).0, place, why));
                        next.entry(world.key()).or_insert((world, step_after, 0)).2 += times;
                    }
                }
            }
        }
        layer = next;
    }
    walked
}

impl World {
    fn meddlers(&self) -> impl Iterator<Item = Option<Meddling>> + use<> {
        let most = if self.past.meddling > 0 { MEDDLERS.len() } else { 1 };
        MEDDLERS.into_iter().take(most)
    }

    fn meddled(&self, meddling: Option<Meddling>, id: &CredentialId) -> Self {
        let mut world = self.clone();
        if let Some(meddling) = meddling {
            world.meddle(meddling, id);
        }
        world
    }
}

/// Small pools, and how often somebody else changes them in each sequence.
fn pools() -> Vec<(&'static str, usize, Vec<Credential>)> {
    let shared = |name: &str, serial| login(name, &token_of("shared", serial), &format!("refresh-{name}"));
    let own = |name: &str| login(name, &format!("access-{name}"), &format!("refresh-{name}"));
    let nobody_lends = lent("a", Err(Unresolved::VariableNotSet));
    vec![
        ("nobody", 1, vec![]),
        ("a key", 2, vec![key("a")]),
        ("a login", 2, vec![own("a")]),
        ("a key that is lent", 2, vec![lent("a", Ok("lent-a"))]),
        ("two keys", 1, vec![key("a"), key("b")]),
        ("a login and a key", 1, vec![own("a"), key("b")]),
        ("two logins of one account", 1, vec![shared("a", 1), shared("b", 2)]),
        ("a key that nobody lends, and one", 1, vec![nobody_lends, key("b")]),
        ("three keys", 0, vec![key("a"), key("b"), key("c")]),
        ("two logins of one account, and a key", 0, vec![shared("a", 1), shared("b", 2), key("c")]),
    ]
}

/// All ways that any sequence takes; the laws are held on them.
#[expect(clippy::print_stdout, reason = "a walk tells how far it went to who asks with --nocapture")]
pub(crate) fn all_ways() -> &'static Ways {
    static WAYS: OnceLock<Ways> = OnceLock::new();
    WAYS.get_or_init(|| {
        std::thread::scope(|scope| {
            let walks: Vec<_> = pools()
                .into_iter()
                .map(|(name, meddling, credentials)| (name, scope.spawn(move || walk(credentials, meddling))))
                .collect();
            let mut ways = Ways::new();
            for (name, walk) in walks {
                let walked = walk.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                let Walked { ways: more, states, sequences, longest } = walked;
                println!("{name}: {sequences} sequences of up to {longest} steps, by {states} states");
                ways.extend(more);
            }
            ways
        })
    })
}

#[test]
fn every_sequence_ends_and_keeps_the_laws() {
    assert!(!all_ways().is_empty());
}
