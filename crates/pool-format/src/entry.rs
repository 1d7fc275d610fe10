//! One entry of `credential_pool.<provider>`, read as a credential and written as one.

use chrono::{DateTime, Utc};
use pool_core::{
    AuthType, Credential, CredentialId, Fingerprint, Holding, Provider, Secret, Source, Tokens, Unresolved,
    time,
};

use crate::field::{EntryField, Fields};
use crate::raw::{Layout, Members, Object, Raw, Slice};

/// A key or login as another place holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lent {
    /// Its secrets.
    pub tokens: Tokens,
    /// When the access token ends, where its place says so.
    pub expires_at: Option<DateTime<Utc>>,
}

impl From<Secret> for Lent {
    fn from(secret: Secret) -> Self {
        Self { tokens: secret.into(), expires_at: None }
    }
}

/// Finds the secrets that a source lends.
pub trait Lender {
    /// What a source lends to a provider now.
    ///
    /// # Errors
    ///
    /// When it cannot be had in this process.
    fn lend(&self, provider: &Provider, source: &Source) -> Result<Lent, Unresolved>;
}

/// Lends nothing: what only looks at a store needs no secrets of others.
impl Lender for () {
    fn lend(&self, _: &Provider, _: &Source) -> Result<Lent, Unresolved> {
        Err(Unresolved::SourceNotReadable)
    }
}

/// The id of an entry; `None` where it is no credential: not an object, or without an id.
#[must_use]
pub fn entry_id(entry: &impl Members) -> Option<CredentialId> {
    id(&Fields::of(entry)?)
}

/// Reads an entry; `None` where it is no credential: not an object, or without an id.
#[must_use]
pub fn read_entry(entry: &impl Members, provider: &Provider, lender: &impl Lender) -> Option<Credential> {
    read_credential(&Fields::of(entry)?, provider, lender)
}

/// Reads the fields of an entry; `None` where it is no credential, since it has no id.
///
/// Absent fields and nulls have the defaults of docs/format.md.
#[must_use]
pub fn read_credential(
    entry: &Fields<'_, EntryField>,
    provider: &Provider,
    lender: &impl Lender,
) -> Option<Credential> {
    let source = read_source(entry);
    let label = entry.text(EntryField::Label).filter(|label| !label.is_empty());
    let auth_type = entry.get(EntryField::AuthType).and_then(Slice::decoded);
    let (holding, lent_until) = read_holding(entry, provider, &source, lender);
    Some(Credential {
        id: id(entry)?,
        label: label.unwrap_or_else(|| default_label(&source, provider)),
        auth_type: AuthType::from_word(auth_type.as_deref().unwrap_or("api_key")),
        priority: integer(entry, EntryField::Priority).unwrap_or(0),
        base_url: [EntryField::BaseUrl, EntryField::InferenceBaseUrl]
            .into_iter()
            .find_map(|field| entry.text(field).filter(|url| !url.is_empty())),
        // What the entry says of a lent secret may be about an earlier one.
        expires_at: lent_until
            .or_else(|| moment(entry, EntryField::ExpiresAtMs))
            .or_else(|| moment(entry, EntryField::ExpiresAt)),
        holding,
        source,
    })
}

fn id(entry: &Fields<'_, EntryField>) -> Option<CredentialId> {
    CredentialId::new(entry.get(EntryField::Id)?.decoded()?).ok()
}

/// A source that is no text is one that nobody knows: it lends, so that nothing is handed out or pruned by mistake.
fn read_source(entry: &Fields<'_, EntryField>) -> Source {
    match entry.told(EntryField::Source) {
        Some(source) => Source::new(source.to_text().unwrap_or_else(|| "unreadable".to_owned())),
        None => Source::manual(),
    }
}

fn default_label(source: &Source, provider: &Provider) -> String {
    if source.as_str().is_empty() { provider.to_string() } else { source.to_string() }
}

fn read_holding(
    entry: &Fields<'_, EntryField>,
    provider: &Provider,
    source: &Source,
    lender: &impl Lender,
) -> (Holding, Option<DateTime<Utc>>) {
    if source.lends(provider) {
        let fingerprint =
            entry.text(EntryField::SecretFingerprint).and_then(|text| text.parse::<Fingerprint>().ok());
        let lent = lender.lend(provider, source);
        let expires_at = lent.as_ref().ok().and_then(|lent| lent.expires_at);
        return (Holding::Borrowed { fingerprint, resolved: lent.map(|lent| lent.tokens) }, expires_at);
    }
    let secret = |field| entry.get(field).and_then(read_secret);
    let tokens = Tokens::default()
        .with_access(secret(EntryField::AccessToken))
        .with_refresh(secret(EntryField::RefreshToken));
    (Holding::Owned(tokens.with_agent_key(secret(EntryField::AgentKey))), None)
}

/// Reads a secret. It stays where it stands in the text of the file, unless it is escaped there.
#[must_use]
pub fn read_secret(value: Slice<'_>) -> Option<Secret> {
    match value.plain_string() {
        Some((text, range)) => Secret::within(text.shared(), range),
        None => value.to_text().map(Secret::new),
    }
}

/// Writes a new entry.
#[must_use]
pub fn write_entry(credential: &Credential, layout: Layout) -> Object {
    let mut entry = Object::new(layout);
    entry.set("id", Raw::string(credential.id.as_str()));
    entry.set("label", Raw::string(&credential.label));
    entry.set("auth_type", Raw::string(credential.auth_type.as_str()));
    entry.set("priority", Raw::signed(credential.priority));
    entry.set("source", Raw::string(credential.source.as_str()));
    write_secrets(&mut entry, credential);
    if let Some(url) = &credential.base_url {
        entry.set("base_url", Raw::string(url));
    }
    write_expiry(&mut entry, credential.expires_at);
    entry
}

/// Writes the secrets of a credential, and when they end, over those of its entry. An entry that tells when it was renewed tells it anew.
pub fn renew_entry(entry: &mut Object, credential: &Credential, at: DateTime<Utc>) {
    write_secrets(entry, credential);
    write_expiry(entry, credential.expires_at);
    if entry.get("last_refresh").is_some_and(|known| !known.is_null()) {
        entry.set("last_refresh", Raw::string(&time::format(at)));
    }
}

fn write_secrets(entry: &mut Object, credential: &Credential) {
    let fields = match &credential.holding {
        Holding::Owned(tokens) => [
            ("access_token", tokens.access_token().map(|secret| Raw::string(secret.expose()))),
            ("refresh_token", tokens.refresh_token().map(|secret| Raw::string(secret.expose()))),
            ("agent_key", tokens.agent_key().map(|secret| Raw::string(secret.expose()))),
        ],
        // By reference and fingerprint, never by value.
        Holding::Borrowed { .. } => [
            ("access_token", None),
            ("refresh_token", None),
            ("secret_fingerprint", credential.subject().map(|subject| Raw::string(&subject.to_string()))),
        ],
    };
    for (name, value) in fields {
        put(entry, name, value);
    }
}

/// An expiry goes where the entry had one, else to `expires_at`; an old one never outlives its token.
fn write_expiry(entry: &mut Object, expires_at: Option<DateTime<Utc>>) {
    let in_milliseconds = entry.get("expires_at_ms").is_some_and(|raw| !raw.is_null());
    let (used, other) =
        if in_milliseconds { ("expires_at_ms", "expires_at") } else { ("expires_at", "expires_at_ms") };
    entry.remove(other);
    let written = |time: DateTime<Utc>| {
        if in_milliseconds { Raw::signed(time.timestamp_millis()) } else { Raw::string(&time::format(time)) }
    };
    put(entry, used, expires_at.map(written));
}

/// Sets a member, or takes it out where there is no value.
pub(crate) fn put(object: &mut Object, name: &str, value: Option<Raw>) {
    match value {
        Some(value) => object.set(name, value),
        None => {
            object.remove(name);
        }
    }
}

fn integer(entry: &Fields<'_, EntryField>, field: EntryField) -> Option<i64> {
    entry.get(field)?.number()?.parse().ok()
}

fn moment(entry: &Fields<'_, EntryField>, field: EntryField) -> Option<DateTime<Utc>> {
    read_time(entry.get(field)?)
}

/// Reads a time in any form that the format takes: RFC 3339, epoch seconds or milliseconds, numeric strings.
#[must_use]
pub fn read_time(value: Slice<'_>) -> Option<DateTime<Utc>> {
    match value.number() {
        Some(number) => time::parse_number(number),
        None => time::parse_text(&value.decoded()?),
    }
}
