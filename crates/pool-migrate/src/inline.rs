//! What older programs write into an entry about what happened to it.

use chrono::{DateTime, Utc};
use pool_core::{
    Credential, Death, Failure, Fingerprint, Holding, Judged, Kind, LastError, Provider, ResetFrom, Rest,
    State, time,
};
use pool_format::raw::{Layout, Object, Raw, Slice};
use pool_format::{EntryField, Fields, kind_of, read_code, read_time};

/// The inline fields, in the order that they are written.
pub(crate) const FIELDS: [EntryField; 8] = [
    EntryField::LastStatus,
    EntryField::LastStatusAt,
    EntryField::LastErrorCode,
    EntryField::LastErrorReason,
    EntryField::LastErrorMessage,
    EntryField::LastErrorResetAt,
    EntryField::FailureReason,
    EntryField::RequestCount,
];

/// An entry as it is read here.
pub(crate) type Entry<'a> = Fields<'a, EntryField>;

fn is_inline(name: &str) -> bool {
    FIELDS.into_iter().any(|field| field.name() == name)
}

/// Stands for a status that is no text at all: its credential is not handed out.
const UNREADABLE: &str = "unreadable";

/// The inline fields of one entry, read.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Inline {
    /// What they say, with its time; `None` where they say nothing that was not known without them.
    pub(crate) state: Option<State>,
    /// When it was judged.
    pub(crate) at: Option<DateTime<Utc>>,
    /// How often the credential was handed out.
    pub(crate) request_count: u64,
    /// What could not be read.
    unreadable: Vec<(&'static str, Raw)>,
    /// What stands beside the state and has no place in a record.
    beside: Vec<(&'static str, Raw)>,
}

impl Inline {
    /// What is kept verbatim in a record of this state, in the order of the fields: whatever could not be read, and
    /// what stood beside the state if it is the one that was told.
    pub(crate) fn legacy(&self, state: &State) -> Vec<(&'static str, Raw)> {
        let beside = self.beside.iter().filter(|_| self.state.as_ref() == Some(state));
        let mut legacy: Vec<_> = self.unreadable.iter().chain(beside).cloned().collect();
        legacy.sort_by_key(|(name, _)| FIELDS.iter().position(|field| field.name() == *name));
        legacy
    }
}

/// Reads the inline fields of an entry. A verdict is bound to the secret that the entry names now.
pub(crate) fn read(
    entry: &Entry<'_>,
    credential: &Credential,
    provider: &Provider,
    now: DateTime<Utc>,
) -> Inline {
    let mut reader = Reader { entry, unreadable: Vec::new() };
    let word = reader.word();
    let at = reader.read(EntryField::LastStatusAt, read_time);
    let code = reader.read(EntryField::LastErrorCode, read_code);
    let reason = reader.read(EntryField::LastErrorReason, Slice::to_text);
    let message = reader.read(EntryField::LastErrorMessage, Slice::to_text);
    let reset = reader.read(EntryField::LastErrorResetAt, read_time);
    let failure_reason = reader.read(EntryField::FailureReason, Slice::to_text);
    let request_count =
        reader.read(EntryField::RequestCount, |value| value.number()?.parse().ok()).unwrap_or(0);
    let said = Said { at, code, reason: reason.or(failure_reason), message, reset };
    let state = match word.as_deref() {
        None | Some("") => None,
        Some("ok") => at.map(|at| State::Ok { since: Some(at) }),
        Some("dead") => Some(said.dead(credential)),
        Some("exhausted") => said.exhausted(credential, provider, now),
        Some(word) => Some(State::Unknown { word: word.to_owned() }),
    };
    let state = state.filter(|state| !judged_an_older_secret(state, at, entry));
    let beside = state.iter().flat_map(|state| said.beside(state, entry)).collect();
    Inline { state, at, request_count, unreadable: reader.unreadable, beside }
}

/// A login that was renewed after the verdict: its writer replaced the tokens and left the old verdict standing.
fn judged_an_older_secret(state: &State, at: Option<DateTime<Utc>>, entry: &Entry<'_>) -> bool {
    let about_the_secret =
        state.error().is_some_and(|error| matches!(error.kind, Kind::Auth | Kind::AuthPermanent));
    let renewed_at = entry.get(EntryField::LastRefresh).and_then(read_time);
    about_the_secret && at.zip(renewed_at).is_some_and(|(at, renewed_at)| renewed_at > at)
}

/// Reads owned fields one by one, and keeps what it cannot read.
struct Reader<'r, 'a> {
    entry: &'r Entry<'a>,
    unreadable: Vec<(&'static str, Raw)>,
}

impl<'a> Reader<'_, 'a> {
    fn read<T>(&mut self, field: EntryField, parse: impl Fn(Slice<'a>) -> Option<T>) -> Option<T> {
        let value = self.entry.told(field)?;
        let parsed = parse(value);
        if parsed.is_none() {
            self.unreadable.push((field.name(), value.to_raw()));
        }
        parsed
    }

    fn word(&mut self) -> Option<String> {
        self.entry.told(EntryField::LastStatus)?;
        // No other program has a word for what is gone; read as ours, it would be a reason to delete the entry.
        let readable = |value: Slice<'_>| value.to_text().filter(|word| word != "removed");
        Some(self.read(EntryField::LastStatus, readable).unwrap_or_else(|| UNREADABLE.to_owned()))
    }
}

/// What the readable fields say.
struct Said {
    at: Option<DateTime<Utc>>,
    code: Option<u16>,
    reason: Option<String>,
    message: Option<String>,
    reset: Option<DateTime<Utc>>,
}

impl Said {
    fn error(&self, kind: Kind, credential: &Credential) -> LastError {
        let failure = self.code.map_or_else(Failure::no_answer, Failure::http);
        let failure = failure.code(self.reason.as_deref().unwrap_or_default());
        let failure = failure.message(self.message.as_deref().unwrap_or_default());
        LastError::of(&failure, kind, Some(credential))
    }

    fn dead(&self, credential: &Credential) -> State {
        let error = self.error(Kind::AuthPermanent, credential);
        State::Dead(Death { at: self.at, subject: judged_secret(credential), error })
    }

    /// `None` where it is over: neither a reset nor a time to count from.
    fn exhausted(&self, credential: &Credential, provider: &Provider, now: DateTime<Utc>) -> Option<State> {
        let kind = kind_of_rest(self.code, self.reason.as_deref(), self.message.as_deref());
        let account = if kind.is_quota() { credential.account(provider) } else { None };
        // To name a secret takes a hash over all of it.
        let subject = if account.is_none() { judged_secret(credential) } else { None };
        let judged = Judged::by(kind, subject, account);
        let reset = self.reset.map(|reset| (reset, ResetFrom::Provider));
        Rest::read(self.at, reset, judged, self.error(kind, credential), now).map(State::Exhausted)
    }

    /// What stands beside a state and has no place in a record: all of it if nobody knows the word.
    fn beside(&self, state: &State, entry: &Entry<'_>) -> Vec<(&'static str, Raw)> {
        let has_no_place = |field: EntryField, value: Slice<'_>| match (field, state) {
            (EntryField::LastStatus | EntryField::RequestCount, _) => false,
            (_, State::Unknown { .. }) | (EntryField::LastErrorResetAt, State::Dead(_)) => true,
            (EntryField::FailureReason, State::Dead(_) | State::Exhausted(_)) => {
                value.to_text() != self.reason
            }
            _ => false,
        };
        let told = FIELDS.into_iter().filter_map(|field| Some((field, entry.told(field)?)));
        let beside = told.filter(|(field, value)| has_no_place(*field, *value));
        beside.map(|(field, value)| (field.name(), value.to_raw())).collect()
    }
}

/// Of a lent secret it is the one that the writer of the entry saw, not what is lent here now.
fn judged_secret(credential: &Credential) -> Option<Fingerprint> {
    match credential.holding {
        Holding::Borrowed { fingerprint: Some(seen), .. } => Some(seen),
        _ => credential.subject(),
    }
}

/// Of an exhausted entry: it was not judged to be dead, whatever its words say.
fn kind_of_rest(code: Option<u16>, reason: Option<&str>, message: Option<&str>) -> Kind {
    let kind = kind_of(code, reason, message);
    if kind.is_terminal() { Kind::Auth } else { kind }
}

/// The inline fields that an entry has, as they stand.
pub(crate) fn fields(entry: &Object) -> Vec<(&'static str, Raw)> {
    let names = FIELDS.into_iter().map(EntryField::name);
    names.filter_map(|name| Some((name, entry.get(name)?.clone()))).collect()
}

/// Takes the inline fields out of an entry; answers what stood there.
pub(crate) fn strip(entry: &mut Object) -> Vec<(&'static str, Raw)> {
    let there = fields(entry);
    for (name, _) in &there {
        entry.remove(name);
    }
    there
}

/// Whether there is anything to take out of an entry.
pub(crate) fn is_there(entry: &Entry<'_>) -> bool {
    FIELDS.into_iter().any(|field| entry.get(field).is_some())
}

/// Whether an entry says something inline. Nulls, a zero count, and an `ok` without a time, as another program leaves it
/// after every cooldown, are no reason to write.
pub(crate) fn says_something(entry: &Entry<'_>) -> bool {
    let has_time = entry.told(EntryField::LastStatusAt).is_some();
    FIELDS.into_iter().any(|field| match (field, entry.told(field)) {
        (_, None) => false,
        (EntryField::RequestCount, Some(value)) => value.number() != Some("0"),
        (EntryField::LastStatus, Some(value)) => has_time || !value.says("ok"),
        (_, Some(_)) => true,
    })
}

/// Whether the status of an entry is none, or `ok`.
pub(crate) fn shows_no_verdict(entry: &Entry<'_>) -> bool {
    entry.told(EntryField::LastStatus).is_none_or(|value| value.says("") || value.says("ok"))
}

/// Writes what a record says into an entry as older programs do, so that a migration finds the same.
pub(crate) fn write(entry: &mut Object, state: &State, request_count: u64, legacy: &[(String, Raw)]) {
    let reset = match state {
        State::Exhausted(rest) => stated_reset(rest),
        _ => None,
    };
    write_state(entry, state, reset);
    let is_unknown = matches!(state, State::Unknown { .. });
    for (name, raw) in legacy.iter().filter(|(name, _)| is_inline(name)) {
        // A status that could not be read would be read as one again.
        if is_unknown || (name != "last_status" && entry.get(name).is_none_or(Raw::is_null)) {
            entry.set(name, raw.clone());
        }
    }
    if request_count > 0 {
        entry.set("request_count", Raw::unsigned(request_count));
    }
}

/// Writes a state into an entry for a program that acts on it: its own table of cooldowns may be another one, so the end
/// of a rest is always there.
pub(crate) fn show(entry: &mut Object, state: &State) {
    let reset = match state {
        State::Exhausted(rest) => Some(rest.until),
        _ => None,
    };
    write_state(entry, state, reset);
}

/// Whether an entry says what [`show`] writes, and nothing else.
pub(crate) fn shows(entry: &Entry<'_>, state: &State) -> bool {
    let mut expected = Object::new(Layout::Compact);
    show(&mut expected, state);
    FIELDS.into_iter().all(|field| match entry.told(field) {
        Some(count) if field == EntryField::RequestCount => count.number() == Some("0"),
        said => {
            let expected = expected.get(field.name()).filter(|raw| !raw.is_null());
            said.map(Slice::as_str) == expected.map(Raw::as_str)
        }
    })
}

fn write_state(entry: &mut Object, state: &State, reset: Option<DateTime<Utc>>) {
    let (status, error) = (state.as_str(), state.error());
    let at = match state {
        State::Ok { since } => *since,
        State::Dead(death) => death.at,
        State::Exhausted(rest) => rest.at,
        _ => None,
    };
    let silent = matches!(state, State::Ok { since: None });
    entry.set("last_status", if silent { Raw::null() } else { Raw::string(status) });
    entry.set("last_status_at", epoch(at));
    entry.set(
        "last_error_code",
        error.and_then(|error| error.code).map_or_else(Raw::null, |code| Raw::unsigned(code.into())),
    );
    entry.set("last_error_reason", words(error.and_then(|error| error.reason.as_deref())));
    entry.set("last_error_message", words(error.and_then(|error| error.message.as_deref())));
    entry.set("last_error_reset_at", epoch(reset));
}

/// The reset that must be written: one that a reader finds in its own table is left to it.
fn stated_reset(rest: &Rest) -> Option<DateTime<Utc>> {
    let error = &rest.error;
    let kind = kind_of_rest(error.code, error.reason.as_deref(), error.message.as_deref());
    let judged_at = rest.at.unwrap_or(rest.until);
    let by_table = Rest::read(rest.at, None, rest.judged, LastError { kind, ..error.clone() }, judged_at);
    (rest.from == ResetFrom::Provider || by_table.is_none_or(|table| table.until != rest.until))
        .then_some(rest.until)
}

/// Of numbers, only those after 1970 are times.
fn epoch(time: Option<DateTime<Utc>>) -> Raw {
    time.filter(|time| *time > DateTime::UNIX_EPOCH)
        .and_then(|time| Raw::number_token(time::epoch_seconds(time)))
        .unwrap_or_else(Raw::null)
}

fn words(text: Option<&str>) -> Raw {
    text.map_or_else(Raw::null, Raw::string)
}
