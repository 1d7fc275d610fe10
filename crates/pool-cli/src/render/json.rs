//! The shapes of `--json` output. docs/cli.md describes them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pool_core::{
    Credential, CredentialId, LastError, Pool, Provider, ResetFrom, Rule, Source, Standing, Treatment,
    Unavailable, Verdict, WhyOut, time,
};
use pool_store::Reported;
use serde::Serialize;

use crate::output::JSON_VERSION;
use crate::render::{Look, strikes};

/// How a credential stands.
#[derive(Serialize, Debug)]
pub(crate) struct Status {
    pub(crate) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Status {
    pub(crate) fn of(standing: &Standing) -> Self {
        let standing = standing.judged();
        let from = match standing {
            Standing::Resting { from, .. } => Some(ResetFrom::as_str(*from)),
            _ => None,
        };
        let error = standing.error();
        Self {
            status: standing.status().to_owned(),
            since: standing.since().map(time::format),
            until: standing.until().map(time::format),
            reset_from: from,
            kind: error.map(|error| error.kind.as_str()),
            code: error.and_then(|error| error.code),
            reason: error.and_then(|error| error.reason.clone()),
            message: error.and_then(|error| error.message.clone()),
        }
    }
}

/// What is against a credential besides its status.
#[derive(Serialize, Debug)]
pub(crate) struct Besides {
    /// How it stands for the models that it is out for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    models: BTreeMap<String, Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strikes: Option<Struck>,
}

#[derive(Serialize, Debug)]
struct Struck {
    count: u32,
    first_at: String,
}

impl Besides {
    pub(crate) fn of(pool: &Pool, credential: &Credential, now: DateTime<Utc>) -> Self {
        let models = pool.models_out(credential, now);
        let strikes = strikes(pool, credential);
        Self {
            models: models.map(|(model, standing)| (model.to_owned(), Status::of(&standing))).collect(),
            strikes: strikes
                .map(|strikes| Struck { count: strikes.count, first_at: time::format(strikes.first_at) }),
        }
    }
}

/// A credential in a list.
#[derive(Serialize, Debug)]
pub(crate) struct Listed {
    id: String,
    label: String,
    auth_type: String,
    source: String,
    priority: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    #[serde(flatten)]
    status: Status,
    #[serde(flatten)]
    besides: Besides,
    has_secret: bool,
    next: bool,
    uses: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_ends_at: Option<String>,
}

/// A provider in a list.
#[derive(Serialize, Debug)]
pub(crate) struct ListedPool {
    provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lent_by: Option<String>,
    credentials: Vec<Listed>,
}

impl ListedPool {
    pub(crate) fn of(look: &Look<'_>, now: DateTime<Utc>) -> Self {
        let (pool, next) = (look.pool, look.next.as_ref());
        let listed =
            |(credential, standing): (&Credential, Standing)| listed(pool, credential, &standing, next, now);
        let credentials = pool.standings(now).map(listed).collect();
        let lent_by = look.root.map(|root| root.display().to_string());
        Self { provider: pool.provider().to_string(), lent_by, credentials }
    }
}

fn listed(
    pool: &Pool,
    credential: &Credential,
    standing: &Standing,
    next: Option<&CredentialId>,
    now: DateTime<Utc>,
) -> Listed {
    let usage = pool.record(&credential.id).map(|record| record.usage).unwrap_or_default();
    Listed {
        id: credential.id.to_string(),
        label: credential.label.clone(),
        auth_type: credential.auth_type.as_str().to_owned(),
        source: credential.source.to_string(),
        priority: credential.priority,
        base_url: credential.base_url.clone(),
        status: Status::of(standing),
        besides: Besides::of(pool, credential, now),
        has_secret: credential.secret().is_some(),
        next: next == Some(&credential.id) && *standing == Standing::Ready,
        uses: usage.request_count,
        last_used_at: usage.last_used_at.map(time::format),
        token_ends_at: credential.token_ends_at().map(time::format),
    }
}

/// A credential that was picked.
#[derive(Serialize, Debug)]
pub(crate) struct Picked {
    version: u32,
    provider: String,
    credential: String,
    label: String,
    auth_type: String,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_ends_at: Option<String>,
}

impl Picked {
    pub(crate) fn of(provider: &Provider, credential: &Credential) -> Self {
        Self {
            version: JSON_VERSION,
            provider: provider.to_string(),
            credential: credential.id.to_string(),
            label: credential.label.clone(),
            auth_type: credential.auth_type.as_str().to_owned(),
            source: credential.source.to_string(),
            base_url: credential.base_url.clone(),
            fingerprint: credential.subject().map(|subject| subject.to_string()),
            token_ends_at: credential.token_ends_at().map(time::format),
        }
    }
}

/// The answer of a pick that found nobody.
#[derive(Serialize, Debug)]
pub(crate) struct NotPicked {
    version: u32,
    provider: String,
    /// Null: there is none.
    credential: Option<String>,
    unavailable: NothingPicked,
}

impl NotPicked {
    pub(crate) fn of(unavailable: &Unavailable) -> Self {
        let provider = unavailable.provider.to_string();
        let unavailable = NothingPicked::of(unavailable);
        Self { version: JSON_VERSION, provider, credential: None, unavailable }
    }
}

/// What became of a report or a success.
#[derive(Serialize, Debug)]
pub(crate) struct Judged {
    version: u32,
    provider: String,
    /// Null where a fingerprint was named that nobody holds.
    credential: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Whether the secret is no longer stored, so that nobody was marked. There is no status then.
    stale: bool,
    #[serde(flatten)]
    status: Option<Status>,
    #[serde(flatten)]
    besides: Option<Besides>,
    /// All whose record a report changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    marked: Option<Vec<String>>,
}

impl Judged {
    pub(crate) fn of(provider: &Provider, credential: Option<&Credential>, reported: &Reported) -> Self {
        let status = match reported {
            Reported::Taken { standing, .. } => Some(Status::of(standing)),
            Reported::Stale => None,
        };
        Self {
            version: JSON_VERSION,
            provider: provider.to_string(),
            credential: credential.map(|credential| credential.id.to_string()),
            label: credential.map(|credential| credential.label.clone()),
            stale: status.is_none(),
            status,
            besides: None,
            marked: None,
        }
    }

    pub(crate) fn with_besides(self, besides: Option<Besides>) -> Self {
        Self { besides, ..self }
    }

    pub(crate) fn with_marked(self, reported: &Reported) -> Self {
        let marked = match reported {
            Reported::Taken { marked, .. } => marked.iter().map(ToString::to_string).collect(),
            Reported::Stale => Vec::new(),
        };
        Self { marked: Some(marked), ..self }
    }
}

/// A credential that came or went.
#[derive(Serialize, Debug)]
pub(crate) struct Changed {
    version: u32,
    provider: String,
    credential: String,
    label: String,
    /// The source that is not taken in again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<String>,
}

impl Changed {
    pub(crate) fn of(provider: &Provider, id: &CredentialId, label: &str) -> Self {
        let (provider, credential) = (provider.to_string(), id.to_string());
        Self { version: JSON_VERSION, provider, credential, label: label.to_owned(), suppressed: None }
    }

    pub(crate) fn suppressing(self, source: Option<&Source>) -> Self {
        Self { suppressed: source.map(ToString::to_string), ..self }
    }
}

/// A login that was made.
#[derive(Serialize, Debug)]
pub(crate) struct LoggedIn {
    #[serde(flatten)]
    changed: Changed,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_ends_at: Option<String>,
}

impl LoggedIn {
    pub(crate) fn of(provider: &Provider, login: &Credential, outcome: &'static str) -> Self {
        let changed = Changed::of(provider, &login.id, &login.label);
        Self { changed, outcome, token_ends_at: login.token_ends_at().map(time::format) }
    }
}

/// What became of logins that were to be renewed.
#[derive(Serialize, Debug)]
pub(crate) struct Renewals {
    version: u32,
    provider: String,
    credentials: Vec<Renewed>,
}

/// What became of one of them.
#[derive(Serialize, Debug)]
pub(crate) struct Renewed {
    credential: String,
    label: String,
    /// `renewed`, `adopted`, `fresh`, `not_due`, or `failed`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Renewals {
    pub(crate) fn of(provider: &Provider, credentials: Vec<Renewed>) -> Self {
        Self { version: JSON_VERSION, provider: provider.to_string(), credentials }
    }
}

impl Renewed {
    pub(crate) fn of(login: &Credential, outcome: &'static str, error: Option<String>) -> Self {
        Self {
            credential: login.id.to_string(),
            label: login.label.clone(),
            outcome,
            fingerprint: login.subject().map(|subject| subject.to_string()),
            token_ends_at: login.token_ends_at().map(time::format),
            error,
        }
    }
}

/// Who was not ok before a reset.
#[derive(Serialize, Debug)]
pub(crate) struct Cleared {
    version: u32,
    provider: String,
    cleared: Vec<String>,
}

impl Cleared {
    pub(crate) fn of(provider: &Provider, ids: &[CredentialId]) -> Self {
        let cleared = ids.iter().map(ToString::to_string).collect();
        Self { version: JSON_VERSION, provider: provider.to_string(), cleared }
    }
}

/// What a failure means.
#[derive(Serialize, Debug)]
pub(crate) struct Explained {
    version: u32,
    kind: &'static str,
    scope: &'static str,
    terminal: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    rule: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<&'static str>,
    treatment: &'static str,
}

impl Explained {
    pub(crate) fn of(verdict: &Verdict, error: &LastError) -> Self {
        Self {
            version: JSON_VERSION,
            kind: verdict.kind.as_str(),
            scope: verdict.scope.as_str(),
            terminal: verdict.is_terminal(),
            until: verdict.until.map(time::format),
            reason: error.reason.clone(),
            message: error.message.clone(),
            status: error.code,
            rule: verdict.rule,
            source: Rule::named(verdict.rule).map(Rule::source),
            remark: verdict.remark.map(pool_core::Remark::as_str),
            treatment: Treatment::of(verdict).as_str(),
        }
    }
}

/// Why nothing was picked.
#[derive(Serialize, Debug)]
pub(crate) struct NothingPicked {
    credentials: Vec<OutOfUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_return: Option<FirstReturn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<LastSaid>,
}

#[derive(Serialize, Debug)]
struct OutOfUse {
    id: String,
    label: String,
    why: &'static str,
    #[serde(flatten)]
    status: Option<Status>,
}

#[derive(Serialize, Debug)]
struct FirstReturn {
    credential: String,
    at: String,
}

#[derive(Serialize, Debug)]
struct LastSaid {
    credential: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl NothingPicked {
    pub(crate) fn of(unavailable: &Unavailable) -> Self {
        let out = |out: &pool_core::Out| OutOfUse {
            id: out.id.to_string(),
            label: out.label.clone(),
            why: why(&out.why),
            status: out.why.standing().map(Status::of),
        };
        let first_return = unavailable.first_return();
        let first_return = first_return
            .map(|(out, at)| FirstReturn { credential: out.id.to_string(), at: time::format(at) });
        let last_error = unavailable.last_error().map(|(out, error)| last_said(&out.id, error));
        Self { credentials: unavailable.out.iter().map(out).collect(), first_return, last_error }
    }
}

fn last_said(id: &CredentialId, error: &LastError) -> LastSaid {
    LastSaid {
        credential: id.to_string(),
        kind: error.kind.as_str(),
        code: error.code,
        reason: error.reason.clone(),
        message: error.message.clone(),
    }
}

/// A word for why a credential is out, for programs to switch on.
fn why(why: &WhyOut) -> &'static str {
    match why {
        WhyOut::LeftOut => "left_out",
        WhyOut::Model(_) => "model",
        WhyOut::Standing(Standing::Resting { .. }) => "exhausted",
        WhyOut::Standing(Standing::Dead { .. }) => "dead",
        WhyOut::Standing(Standing::NoSecret { .. }) => "no_secret",
        WhyOut::Standing(Standing::Removed) => "removed",
        WhyOut::Standing(_) | _ => "unknown_status",
    }
}
