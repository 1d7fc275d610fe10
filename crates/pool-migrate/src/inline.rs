//! What older programs write into an entry about what happened to it.

use chrono::{DateTime, Utc};
use pool_core::{
    Credential, Death, Failure, Fingerprint, Holding, Judged, Kind, LastError, Provider, ResetFrom, Rest,
    State, time,
};
use pool_format::raw::{Layout, Object, Raw};
use pool_format::{kind_of, read_code, read_time};

/// The inline fields, in the order that they are written.
pub(crate) const FIELDS: [&str; 8] = [
    "last_status",
    "last_status_at",
    "last_error_code",
    "last_error_reason",
    "last_error_message",
    "last_error_reset_at",
    "failure_reason",
    "request_count",
];

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
        legacy.sort_by_key(|(name, _)| FIELDS.iter().position(|field| field == name));
        legacy
    }
}

/// Reads the inline fields of an entry. A verdict is bound to the secret that the entry names now.
pub(crate) fn read(
    entry: &Object,
    credential: &Credential,
    provider: &Provider,
    now: DateTime<Utc>,
) -> Inline {
    let mut reader = Reader { entry, unreadable: Vec::new() };
    let word = reader.word();
    let at = reader.read("last_status_at", read_time);
    let code = reader.read("last_error_code", read_code);
    let reason = reader.read("last_error_reason", Raw::to_text);
    let message = reader.read("last_error_message", Raw::to_text);
    let reset = reader.read("last_error_reset_at", read_time);
    let failure_reason = reader.read("failure_reason", Raw::to_text);
    let request_count = reader.read("request_count", |raw| raw.number()?.parse().ok()).unwrap_or(0);
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
fn judged_an_older_secret(state: &State, at: Option<DateTime<Utc>>, entry: &Object) -> bool {
    let about_the_secret =
        state.error().is_some_and(|error| matches!(error.kind, Kind::Auth | Kind::AuthPermanent));
    let renewed_at = entry.get("last_refresh").and_then(read_time);
    about_the_secret && at.zip(renewed_at).is_some_and(|(at, renewed_at)| renewed_at > at)
}

/// Reads owned fields one by one, and keeps what it cannot read.
struct Reader<'a> {
    entry: &'a Object,
    unreadable: Vec<(&'static str, Raw)>,
}

impl Reader<'_> {
    fn read<T>(&mut self, name: &'static str, parse: impl Fn(&Raw) -> Option<T>) -> Option<T> {
        let raw = told(self.entry, name)?;
        let parsed = parse(raw);
        if parsed.is_none() {
            self.unreadable.push((name, raw.clone()));
        }
        parsed
    }

    fn word(&mut self) -> Option<String> {
        told(self.entry, "last_status")?;
        Some(self.read("last_status", Raw::to_text).unwrap_or_else(|| UNREADABLE.to_owned()))
    }
}

/// What a field says; null says nothing.
fn told<'a>(entry: &'a Object, name: &str) -> Option<&'a Raw> {
    entry.get(name).filter(|raw| !raw.is_null())
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
        let judged = Judged::by(kind, judged_secret(credential), credential.account(provider));
        let reset = self.reset.map(|reset| (reset, ResetFrom::Provider));
        Rest::read(self.at, reset, judged, self.error(kind, credential), now).map(State::Exhausted)
    }

    /// What stands beside a state and has no place in a record: all of it if nobody knows the word.
    fn beside(&self, state: &State, entry: &Object) -> Vec<(&'static str, Raw)> {
        let has_no_place = |name: &str, raw: &Raw| match (name, state) {
            ("last_status" | "request_count", _) => false,
            (_, State::Unknown { .. }) | ("last_error_reset_at", State::Dead(_)) => true,
            ("failure_reason", State::Dead(_) | State::Exhausted(_)) => raw.to_text() != self.reason,
            _ => false,
        };
        let fields = FIELDS.into_iter().filter_map(|name| Some((name, told(entry, name)?.clone())));
        fields.filter(|(name, raw)| has_no_place(name, raw)).collect()
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
    FIELDS.into_iter().filter_map(|name| Some((name, entry.get(name)?.clone()))).collect()
}

/// Takes the inline fields out of an entry; answers what stood there.
pub(crate) fn strip(entry: &mut Object) -> Vec<(&'static str, Raw)> {
    let there = fields(entry);
    for name in FIELDS {
        entry.remove(name);
    }
    there
}

/// Whether an entry says something inline. Nulls, a zero count, and an `ok` without a time, as another program leaves it
/// after every cooldown, are no reason to write.
pub(crate) fn says_something(entry: &Object) -> bool {
    let has_time = told(entry, "last_status_at").is_some();
    FIELDS.into_iter().any(|name| match (name, told(entry, name)) {
        (_, None) => false,
        ("request_count", Some(raw)) => raw.number() != Some("0"),
        ("last_status", Some(raw)) => has_time || !raw.says("ok"),
        (_, Some(_)) => true,
    })
}

/// Whether the status of an entry is none, or `ok`.
pub(crate) fn shows_no_verdict(entry: &Object) -> bool {
    told(entry, "last_status").is_none_or(|raw| raw.says("") || raw.says("ok"))
}

/// Writes what a record says into an entry as older programs do, so that a migration finds the same.
pub(crate) fn write(entry: &mut Object, state: &State, request_count: u64, legacy: &[(String, Raw)]) {
    let reset = match state {
        State::Exhausted(rest) => stated_reset(rest),
        _ => None,
    };
    write_state(entry, state, reset);
    let is_unknown = matches!(state, State::Unknown { .. });
    for (name, raw) in legacy.iter().filter(|(name, _)| FIELDS.contains(&name.as_str())) {
        // A status that could not be read would be read as one again.
        if is_unknown || (name != "last_status" && told(entry, name).is_none()) {
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
pub(crate) fn shows(entry: &Object, state: &State) -> bool {
    let mut expected = Object::new(Layout::Compact);
    show(&mut expected, state);
    FIELDS.into_iter().all(|name| match told(entry, name) {
        Some(raw) if name == "request_count" => raw.number() == Some("0"),
        said => said.map(Raw::as_str) == told(&expected, name).map(Raw::as_str),
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
