//! The shapes of `--json` output. docs/cli.md describes them.

use chrono::{DateTime, Utc};
use pool_core::{
    Credential, CredentialId, LastError, Pool, Provider, ResetFrom, Standing, Unavailable, WhyOut, time,
};
use serde::Serialize;

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
    credentials: Vec<Listed>,
}

impl ListedPool {
    pub(crate) fn of(pool: &Pool, next: Option<&CredentialId>, now: DateTime<Utc>) -> Self {
        let listed =
            |(credential, standing): (&Credential, Standing)| listed(pool, credential, &standing, next);
        let credentials = pool.standings(now).map(listed).collect();
        Self { provider: pool.provider().to_string(), credentials }
    }
}

fn listed(pool: &Pool, credential: &Credential, standing: &Standing, next: Option<&CredentialId>) -> Listed {
    let usage = pool.record(&credential.id).map(|record| record.usage).unwrap_or_default();
    Listed {
        id: credential.id.to_string(),
        label: credential.label.clone(),
        auth_type: credential.auth_type.as_str().to_owned(),
        source: credential.source.to_string(),
        priority: credential.priority,
        base_url: credential.base_url.clone(),
        status: Status::of(standing),
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
    version: u32,
}

impl Picked {
    pub(crate) fn of(provider: &Provider, credential: &Credential) -> Self {
        Self {
            provider: provider.to_string(),
            credential: credential.id.to_string(),
            label: credential.label.clone(),
            auth_type: credential.auth_type.as_str().to_owned(),
            source: credential.source.to_string(),
            base_url: credential.base_url.clone(),
            fingerprint: credential.subject().map(|subject| subject.to_string()),
            token_ends_at: credential.token_ends_at().map(time::format),
            version: crate::output::JSON_VERSION,
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
