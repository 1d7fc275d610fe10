//! Histories made by chance, and pools that live through them step by step.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use pool_core::{
    Action, Applied, Change, ChangeError, Cooldowns, Credential, CredentialId, Failure, Fingerprint, Grant,
    Holding, Judgement, Place, Pool, Record, Revive, Secret, Source, State, Target, Tokens, Unresolved,
    Usage,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{
    blank, codex, copies, fingerprint, id, instant, key, lent, login, secret, secs, start, token_of,
};

/// Who is there at first, and what happens then.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) members: Vec<Member>,
    pub(crate) events: Vec<Event>,
}

/// One credential at first.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    holding: Kind,
    source: &'static str,
    priority: i64,
    /// Its record says a word of a newer program.
    is_unknown: bool,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Key,
    Login(Account),
    Lent,
    LentBlank,
    NotLent,
    Blank,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Account {
    Home,
    Work,
    NotKnown,
}

/// One thing that happens. `who` is counted around the line as it is by then.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Wait(i64),
    Fail { who: usize, named: Named, failure: Failed },
    Succeed { who: usize, named: Named, began_ago: i64 },
    Reset { who: Option<usize>, revive: Revive },
    Rotate { who: usize, renewal: Renewal, grant: Grant },
    SignInElsewhere { who: usize, renewal: Renewal },
    Remove { who: usize },
    BringBack { which: usize },
    Add { like: usize, account: Account },
    Count { who: usize },
    Prune,
}

/// How a report names whom it is about.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Named {
    Id,
    Secret,
    Lease,
    RefreshToken,
    StaleSecret,
}

/// What a renewal brings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Renewal {
    Nothing,
    TheSame,
    NewToken(Account),
    NewTokenWithoutRefresh(Account),
}

#[derive(Clone, Debug)]
pub(crate) struct Failed {
    status: Option<u16>,
    code: &'static str,
    resets_in: Option<i64>,
}

/// Histories in which everything may happen.
pub(crate) fn histories() -> impl Strategy<Value = History> {
    (vec(member(), 1..=5), vec(event(), 1..30)).prop_map(|(members, events)| History { members, events })
}

/// Histories in which no clock is set back: news is never older than what is known.
pub(crate) fn histories_by_a_good_clock() -> impl Strategy<Value = History> {
    histories().prop_map(|mut history| {
        for event in &mut history.events {
            if let Event::Wait(seconds) = event {
                *seconds = seconds.abs();
            }
        }
        history
    })
}

fn member() -> impl Strategy<Value = Member> {
    let kind = prop_oneof![
        3 => Just(Kind::Key),
        5 => account().prop_map(Kind::Login),
        1 => Just(Kind::Lent),
        1 => Just(Kind::LentBlank),
        1 => Just(Kind::NotLent),
        1 => Just(Kind::Blank),
    ];
    let source = select(vec!["manual", "manual:device_code", "device_code", "claude_code", "vault:prod", ""]);
    (kind, source, 0..3_i64, prop::bool::weighted(0.1))
        .prop_map(|(holding, source, priority, is_unknown)| Member { holding, source, priority, is_unknown })
}

fn account() -> impl Strategy<Value = Account> {
    prop_oneof![3 => Just(Account::Home), 1 => Just(Account::Work), 1 => Just(Account::NotKnown)]
}

fn event() -> impl Strategy<Value = Event> {
    let who = || 0..8_usize;
    let named = || {
        select(vec![
            Named::Id,
            Named::Id,
            Named::Lease,
            Named::Lease,
            Named::Lease,
            Named::Secret,
            Named::RefreshToken,
            Named::StaleSecret,
        ])
    };
    let revive = || select(vec![Revive::Nobody, Revive::Nobody, Revive::TheDead]);
    prop_oneof![
        4 => wait().prop_map(Event::Wait),
        8 => (who(), named(), failure()).prop_map(|(who, named, failure)| Event::Fail { who, named, failure }),
        3 => (who(), named(), -5..4000_i64)
            .prop_map(|(who, named, began_ago)| Event::Succeed { who, named, began_ago }),
        1 => (option::of(who()), revive()).prop_map(|(who, revive)| Event::Reset { who, revive }),
        2 => (who(), renewal(), select(vec![Grant::Same, Grant::New]))
            .prop_map(|(who, renewal, grant)| Event::Rotate { who, renewal, grant }),
        1 => (who(), renewal()).prop_map(|(who, renewal)| Event::SignInElsewhere { who, renewal }),
        1 => who().prop_map(|who| Event::Remove { who }),
        1 => who().prop_map(|which| Event::BringBack { which }),
        1 => (who(), account()).prop_map(|(like, account)| Event::Add { like, account }),
        1 => who().prop_map(|who| Event::Count { who }),
        1 => Just(Event::Prune),
    ]
}

/// Mostly forward, now and then far, and now and then a clock that is set back.
fn wait() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..4000_i64, 1 => 80_000..100_000_i64, 1 => -400..0_i64]
}

fn renewal() -> impl Strategy<Value = Renewal> {
    prop_oneof![
        1 => Just(Renewal::Nothing),
        1 => Just(Renewal::TheSame),
        4 => account().prop_map(Renewal::NewToken),
        1 => account().prop_map(Renewal::NewTokenWithoutRefresh),
    ]
}

fn failure() -> impl Strategy<Value = Failed> {
    let throttled =
        select(vec![None, Some(429), Some(429), Some(429), Some(402), Some(403), Some(500), Some(503)]);
    let other = select(vec![Some(400), Some(401), Some(404), Some(302)]);
    let dead = select(vec!["token_invalidated", "token_revoked", "refresh_token_reused"]);
    let resets_in = option::of(prop_oneof![4 => -100..8000_i64, 1 => 3_800_000..4_000_000_i64]);
    prop_oneof![
        5 => (throttled, resets_in).prop_map(|(status, resets_in)| Failed { status, code: "", resets_in }),
        2 => other.prop_map(|status| Failed { status, code: "token_expired", resets_in: None }),
        2 => dead.prop_map(|code| Failed { status: Some(401), code, resets_in: None }),
    ]
}

impl Failed {
    fn at(&self, now: DateTime<Utc>) -> Failure {
        let failure = self.status.map_or_else(Failure::no_answer, Failure::http).code(self.code);
        match self.resets_in {
            Some(seconds) => failure.reset_at(now + secs(seconds)),
            None => failure,
        }
    }
}

impl Member {
    fn credential(&self, index: usize) -> Credential {
        let name = name(index);
        let credential = match self.holding {
            Kind::Key => key(name),
            Kind::Login(account) => login(name, &access_token(account, index), &format!("refresh-{name}")),
            Kind::Lent => lent(name, Ok(&format!("lent-{name}"))),
            Kind::LentBlank => lent(name, Ok("  ")),
            Kind::NotLent => lent(name, Err(Unresolved::VariableNotSet)),
            Kind::Blank => blank(name),
        };
        let source = match credential.holding {
            Holding::Owned(_) => Source::new(self.source),
            Holding::Borrowed { .. } => credential.source.clone(),
        };
        Credential { priority: self.priority, source, ..credential }
    }
}

fn name(index: usize) -> &'static str {
    ["a", "b", "c", "d", "e"].get(index).copied().unwrap_or("z")
}

fn access_token(account: Account, serial: usize) -> String {
    let serial = u32::try_from(serial).expect("serials are small");
    match account {
        Account::Home => token_of("home", serial),
        Account::Work => token_of("work", serial),
        Account::NotKnown => format!("opaque-{serial}"),
    }
}

/// A pool in the middle of its history.
pub(crate) struct World {
    pub(crate) pool: Pool,
    pub(crate) now: DateTime<Utc>,
    ids: BTreeSet<CredentialId>,
    removed: Vec<Credential>,
    serial: usize,
}

/// What one event did.
pub(crate) struct Step<'a> {
    pub(crate) event: &'a Event,
    pub(crate) before: Pool,
    pub(crate) after: &'a Pool,
    pub(crate) now: DateTime<Utc>,
    /// Where the event was a change.
    pub(crate) change: Option<(Action, Result<Applied, ChangeError>)>,
    /// Who was in the pool before or after.
    pub(crate) ids: Vec<CredentialId>,
}

impl World {
    pub(crate) fn begin(members: &[Member]) -> Self {
        let credentials: Vec<_> =
            members.iter().enumerate().map(|(index, member)| member.credential(index)).collect();
        let newer = State::Unknown { word: "quarantined".into() };
        let records: HashMap<_, _> = (0..)
            .zip(members)
            .filter(|(_, member)| member.is_unknown)
            .map(|(index, _)| (id(name(index)), Record { state: newer.clone(), ..Record::default() }))
            .collect();
        let ids = credentials.iter().map(|credential| credential.id.clone()).collect();
        let pool = Pool::new(codex(), credentials, records);
        Self { pool, now: start(), ids, removed: Vec::new(), serial: 100 }
    }

    /// Another credential, of which nothing is ever heard, so that none is ever the only one.
    pub(crate) fn with_company(mut self) -> Self {
        self.edit(|credentials| credentials.push(Credential { priority: 99, ..key("company") }));
        self
    }

    pub(crate) fn step<'a>(&'a mut self, event: &'a Event) -> Step<'a> {
        let before = self.pool.clone();
        self.serial += 1;
        let change = self.action(event).map(|action| {
            let result = self.pool.apply(&Change { provider: codex(), action: action.clone() }, self.now);
            (action, result)
        });
        if change.is_none() {
            self.happen(event);
        }
        self.ids.extend(self.pool.credentials().iter().map(|credential| credential.id.clone()));
        let ids = self.ids.iter().cloned().collect();
        Step { event, before, after: &self.pool, now: self.now, change, ids }
    }

    /// What is no change happens outside of the pool.
    fn happen(&mut self, event: &Event) {
        match event {
            Event::Wait(seconds) => self.now += secs(*seconds),
            Event::Prune => drop(self.pool.prune(self.now)),
            Event::SignInElsewhere { who, renewal } => {
                let Some(target) = self.member(*who) else { return };
                let Holding::Owned(old) = &target.holding else { return };
                let tokens = self.tokens(old, *renewal);
                self.edit(|credentials| {
                    for credential in credentials.iter_mut().filter(|credential| credential.id == target.id) {
                        credential.holding = Holding::Owned(tokens.clone());
                    }
                });
            }
            Event::BringBack { which } => {
                let Some(back) = self.removed.get(which % self.removed.len().max(1)).cloned() else { return };
                if !self.pool.credentials().iter().any(|credential| credential.id == back.id) {
                    self.edit(|credentials| credentials.push(back));
                }
            }
            _ => {}
        }
    }

    fn action(&mut self, event: &Event) -> Option<Action> {
        match event {
            Event::Fail { who, named, failure } => {
                let judgement =
                    Judgement::of(failure.at(self.now), &codex(), &Cooldowns::default(), self.now);
                Some(Action::Fail { target: self.target(*who, *named)?, judgement })
            }
            Event::Succeed { who, named, began_ago } => {
                let began_at = self.now - secs(*began_ago);
                Some(Action::Succeed { target: self.target(*who, *named)?, began_at, model: None })
            }
            Event::Reset { who: None, revive } => Some(Action::Reset { id: None, revive: *revive }),
            Event::Reset { who: Some(who), revive } => {
                Some(Action::Reset { id: Some(self.member(*who)?.id), revive: *revive })
            }
            Event::Rotate { who, renewal, grant } => {
                let credential = self.member(*who)?;
                let tokens = match &credential.holding {
                    Holding::Owned(old) => self.tokens(old, *renewal),
                    Holding::Borrowed { .. } => Tokens::access(secret("new")),
                };
                let target = Target::Id(credential.id);
                Some(Action::Rotate { target, tokens, grant: *grant, expires_at: None })
            }
            Event::Remove { who } => {
                let credential = self.member(*who)?;
                self.removed.push(credential.clone());
                Some(Action::Remove { target: Target::Id(credential.id) })
            }
            Event::Add { like, account } => {
                let new = login(name(like % 5), &access_token(*account, self.serial), "refresh-new");
                Some(Action::Add { credential: Box::new(new), place: Place::Last })
            }
            Event::Count { who } => {
                let usage = Usage { request_count: 1, last_used_at: Some(self.now) };
                Some(Action::Count { uses: [(self.member(*who)?.id, usage)].into() })
            }
            Event::Wait(_) | Event::Prune | Event::SignInElsewhere { .. } | Event::BringBack { .. } => None,
        }
    }

    /// Somebody in line; nobody ever names the company.
    fn member(&self, who: usize) -> Option<Credential> {
        let members: Vec<_> =
            self.pool.credentials().iter().filter(|credential| credential.id != id("company")).collect();
        members.get(who % members.len().max(1)).map(|credential| Credential::clone(credential))
    }

    fn target(&self, who: usize, named: Named) -> Option<Target> {
        let credential = self.member(who)?;
        let refresh = match &credential.holding {
            Holding::Owned(tokens) => tokens.refresh_token().map(Secret::fingerprint),
            Holding::Borrowed { .. } => None,
        };
        let subject = credential.subject();
        Some(match named {
            Named::Id => Target::Id(credential.id),
            Named::Secret => Target::Secret(subject?),
            Named::Lease => Target::Held(credential.id, subject?),
            Named::RefreshToken => Target::Held(credential.id, refresh?),
            Named::StaleSecret => Target::Held(credential.id, fingerprint("a secret of last year")),
        })
    }

    fn tokens(&self, old: &Tokens, renewal: Renewal) -> Tokens {
        let new = |account| Tokens::access(secret(&access_token(account, self.serial)));
        match renewal {
            Renewal::Nothing => Tokens::default(),
            Renewal::TheSame => old.clone(),
            Renewal::NewToken(account) => {
                new(account).with_refresh(Some(secret(&format!("refresh-{}", self.serial))))
            }
            Renewal::NewTokenWithoutRefresh(account) => new(account),
        }
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Vec<Credential>)) {
        let mut credentials = copies(&self.pool);
        edit(&mut credentials);
        let records = self.ids.iter().filter_map(|id| Some((id.clone(), self.pool.record(id)?.clone())));
        self.pool = Pool::new(codex(), credentials, records.collect());
    }
}

/// Every secret that a credential stores.
pub(crate) fn secrets_of(credential: &Credential) -> Vec<Fingerprint> {
    match &credential.holding {
        Holding::Owned(tokens) => [tokens.agent_key(), tokens.access_token(), tokens.refresh_token()]
            .into_iter()
            .flatten()
            .map(Secret::fingerprint)
            .collect(),
        Holding::Borrowed { .. } => credential.subject().into_iter().collect(),
    }
}

// Anything at all, also what no clock and no provider ever said.

/// Any time, the ends of the calendar among them.
pub(crate) fn any_time() -> BoxedStrategy<DateTime<Utc>> {
    prop_oneof![
        1 => Just(DateTime::<Utc>::MIN_UTC),
        1 => Just(DateTime::<Utc>::MAX_UTC),
        1 => Just(DateTime::UNIX_EPOCH),
        1 => Just(instant("2019-12-31T23:59:59Z")),
        4 => (-4_000_000..4_000_000_i64).prop_map(|seconds| start() + secs(seconds)),
        2 => any::<i32>().prop_map(|seconds| start() + secs(i64::from(seconds) * 1000)),
    ]
    .boxed()
}

/// Any text, with what rules look for mixed in.
pub(crate) fn any_text() -> BoxedStrategy<String> {
    prop_oneof![
        3 => any::<String>(),
        1 => "(retry after |resets in |sk-|eyJ|Bearer )?[0-9a-z.é]{0,20}( seconds|ms|d)?",
        1 => Just("token_revoked".to_owned()),
        1 => Just(String::new()),
    ]
    .boxed()
}
