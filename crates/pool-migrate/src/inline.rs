//! What older programs write into an entry about what happened to it.

use chrono::{DateTime, Utc};
use pool_core::{
    Credential, Death, Failure, Judged, Kind, LastError, Provider, ResetFrom, Rest, State, time,
};
use pool_format::raw::{Object, Raw};
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
    /// What could not be read, or has no place elsewhere: kept verbatim.
    pub(crate) legacy: Vec<(&'static str, Raw)>,
}

/// Reads the inline fields of an entry. A verdict is bound to the secret that the entry stores now.
pub(crate) fn read(
    entry: &Object,
    credential: &Credential,
    provider: &Provider,
    now: DateTime<Utc>,
) -> Inline {
    let mut reader = Reader { entry, legacy: Vec::new() };
    let at = reader.read("last_status_at", read_time);
    let code = reader.read("last_error_code", read_code);
    let reason = reader.read("last_error_reason", Raw::to_text);
    let reason = reason.or_else(|| reader.read("failure_reason", Raw::to_text));
    let message = reader.read("last_error_message", Raw::to_text);
    let reset = reader.read("last_error_reset_at", read_time);
    let request_count = reader.read("request_count", |raw| raw.number()?.parse().ok()).unwrap_or(0);
    let said = Said { at, code, reason, message, reset };
    let state = match reader.word() {
        None => None,
        Some(word) => match word.as_str() {
            "" => None,
            "ok" => at.map(|at| State::Ok { since: Some(at) }),
            "dead" => Some(said.dead(credential)),
            "exhausted" => said.exhausted(credential, provider, now),
            _ => {
                reader.keep_all();
                Some(State::Unknown { word })
            }
        },
    };
    let state = state.filter(|state| !judged_an_older_secret(state, at, entry));
    Inline { state, at, request_count, legacy: reader.legacy }
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
    legacy: Vec<(&'static str, Raw)>,
}

impl Reader<'_> {
    fn read<T>(&mut self, name: &'static str, parse: impl Fn(&Raw) -> Option<T>) -> Option<T> {
        let raw = self.entry.get(name).filter(|raw| !raw.is_null())?;
        let parsed = parse(raw);
        if parsed.is_none() {
            self.legacy.push((name, raw.clone()));
        }
        parsed
    }

    fn word(&mut self) -> Option<String> {
        let raw = self.entry.get("last_status").filter(|raw| !raw.is_null())?;
        Some(self.read("last_status", Raw::to_text).unwrap_or_else(|| {
            debug_assert!(raw.to_text().is_none(), "only a text can be read as a word");
            UNREADABLE.to_owned()
        }))
    }

    /// An unknown status may need all that stands beside it.
    fn keep_all(&mut self) {
        for name in FIELDS.into_iter().filter(|name| !matches!(*name, "last_status" | "request_count")) {
            let value = self.entry.get(name).filter(|raw| !raw.is_null());
            if let (Some(raw), false) = (value, self.legacy.iter().any(|(kept, _)| *kept == name)) {
                self.legacy.push((name, raw.clone()));
            }
        }
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
        State::Dead(Death { at: self.at, subject: credential.subject(), error })
    }

    /// `None` where it is over: neither a reset nor a time to count from.
    fn exhausted(&self, credential: &Credential, provider: &Provider, now: DateTime<Utc>) -> Option<State> {
        let kind = kind_of(self.code, self.reason.as_deref(), self.message.as_deref());
        // It was not judged to be dead, whatever its words say.
        let kind = if kind.is_terminal() { Kind::Auth } else { kind };
        let judged = Judged::by(kind, credential.subject(), credential.account(provider));
        let reset = self.reset.map(|reset| (reset, ResetFrom::Provider));
        Rest::read(self.at, reset, judged, self.error(kind, credential), now).map(State::Exhausted)
    }
}

/// Takes the inline fields out of an entry; answers what stood there.
pub(crate) fn strip(entry: &mut Object) -> Vec<(&'static str, Raw)> {
    let there = FIELDS.into_iter().filter_map(|name| Some((name, entry.get(name)?.clone()))).collect();
    for name in FIELDS {
        entry.remove(name);
    }
    there
}

/// Whether an entry says something inline: nulls and a zero count are no reason to write.
pub(crate) fn says_something(entry: &Object) -> bool {
    let silent = |raw: &Raw| raw.is_null() || raw.number() == Some("0");
    FIELDS.into_iter().any(|name| {
        entry.get(name).is_some_and(|raw| if name == "request_count" { !silent(raw) } else { !raw.is_null() })
    })
}

/// Writes a state into an entry as older programs do.
pub(crate) fn write(entry: &mut Object, state: &State, request_count: u64, legacy: &[(String, Raw)]) {
    let (status, error) = (state.as_str(), state.error());
    let (at, reset) = match state {
        State::Ok { since } => (*since, None),
        State::Dead(death) => (death.at, None),
        State::Exhausted(rest) => (rest.at, stated_reset(rest)),
        _ => (None, None),
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
    let is_unknown = matches!(state, State::Unknown { .. });
    for (name, raw) in legacy.iter().filter(|(name, _)| FIELDS.contains(&name.as_str())) {
        if is_unknown || entry.get(name).is_none_or(Raw::is_null) {
            entry.set(name, raw.clone());
        }
    }
    if request_count > 0 {
        entry.set("request_count", Raw::unsigned(request_count));
    }
}

/// The reset that must be written: one that the reader's own table gives again is left to it.
fn stated_reset(rest: &Rest) -> Option<DateTime<Utc>> {
    let judged_at = rest.at.unwrap_or(rest.until);
    let by_table = Rest::read(rest.at, None, rest.judged, rest.error.clone(), judged_at);
    (rest.from == ResetFrom::Provider || by_table.is_none_or(|table| table.until != rest.until))
        .then_some(rest.until)
}

fn epoch(time: Option<DateTime<Utc>>) -> Raw {
    time.and_then(|time| Raw::number_token(time::epoch_seconds(time))).unwrap_or_else(Raw::null)
}

fn words(text: Option<&str>) -> Raw {
    text.map_or_else(Raw::null, Raw::string)
}
