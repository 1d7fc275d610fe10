//! One record of `credential_pool_runtime.<provider>`, read as what happened to a credential and written as that.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pool_core::{
    Death, Failure, Fingerprint, Judged, Kind, LastError, Record, Renewal, Replaced, ResetFrom, Rest, Stage,
    State, Strikes, Usage, time,
};

use crate::entry::{put, read_time};
use crate::field::{ErrorField, Fields, RecordField, RefreshField, StrikesField};
use crate::raw::{Layout, List, Members, Object, Raw, Slice};

/// Fields of a state, in the order they are written. All else in a record is kept as it is.
const STATE_FIELDS: [&str; 7] =
    ["status", "status_at", "subject", "reset_at", "reset_from", "account", "last_error"];

/// Stands for a status that is no text at all: its credential is not handed out.
const UNREADABLE: &str = "unreadable";

/// Reads a record. What cannot be read as one has an unknown status, so that it is never handed out.
#[must_use]
pub fn read_record(raw: &Raw, now: DateTime<Utc>) -> Record {
    let Some(record) = Fields::of(raw) else {
        return Record { state: State::Unknown { word: UNREADABLE.to_owned() }, ..Record::default() };
    };
    Record {
        state: read_state(&record, now),
        usage: read_usage(&record),
        models: read_models(&record, now),
        strikes: read_strikes(&record),
        replaced: read_replaced(&record),
        refresh: read_refresh(&record),
        renewed_at: moment(&record, RecordField::RenewedAt),
    }
}

type RecordFields<'a> = Fields<'a, RecordField>;

fn read_state(record: &RecordFields<'_>, now: DateTime<Utc>) -> State {
    let word = record.told(RecordField::Status).map(|status| status.decoded().unwrap_or(UNREADABLE.into()));
    let at = moment(record, RecordField::StatusAt);
    let subject = fingerprint(record, RecordField::Subject);
    match word.as_deref().unwrap_or("ok") {
        "ok" => State::Ok { since: at },
        "removed" => State::Removed { at, subject },
        "dead" => State::Dead(Death { at, subject, error: read_error(record, Kind::AuthPermanent) }),
        "exhausted" => read_rest(record, at, subject, now),
        word => State::Unknown { word: word.to_owned() },
    }
}

fn read_rest(
    record: &RecordFields<'_>,
    at: Option<DateTime<Utc>>,
    subject: Option<Fingerprint>,
    now: DateTime<Utc>,
) -> State {
    let error = read_error(record, Kind::Unknown);
    // It was not judged to be dead, whatever its words say.
    let error = if error.kind.is_terminal() { LastError { kind: Kind::Auth, ..error } } else { error };
    let from = record.get(RecordField::ResetFrom).and_then(Slice::decoded);
    let from = from.and_then(|word| ResetFrom::from_word(&word)).unwrap_or(ResetFrom::Provider);
    let reset = moment(record, RecordField::ResetAt).map(|reset| (reset, from));
    let judged = match (fingerprint(record, RecordField::Account), subject) {
        (Some(account), _) => Judged::Account(account),
        (None, Some(subject)) => Judged::Secret(subject),
        (None, None) => Judged::Unbound,
    };
    Rest::read(at, reset, judged, error, now).map_or(State::Ok { since: at }, State::Exhausted)
}

/// The error of a record. Without a kind that this version knows, it is what the code and the words say.
fn read_error(record: &RecordFields<'_>, default: Kind) -> LastError {
    let told = record.get(RecordField::LastError);
    let Some(error) = told.as_ref().and_then(Fields::<ErrorField>::of) else {
        return LastError { kind: default, code: None, reason: None, message: None };
    };
    let (reason, message) = (error.text(ErrorField::Reason), error.text(ErrorField::Message));
    let code = error.get(ErrorField::Code).and_then(read_code);
    let kind = error.get(ErrorField::Kind).and_then(Slice::decoded).and_then(|word| Kind::from_word(&word));
    let kind = kind.unwrap_or_else(|| {
        if code.is_some() { kind_of(code, reason.as_deref(), message.as_deref()) } else { default }
    });
    LastError { kind, code, reason, message }
}

/// What a status code, a reason and a message mean, where nobody wrote down the kind.
#[must_use]
pub fn kind_of(code: Option<u16>, reason: Option<&str>, message: Option<&str>) -> Kind {
    let failure = code.map_or_else(Failure::no_answer, Failure::http);
    let failure = failure.code(reason.unwrap_or_default()).message(message.unwrap_or_default());
    pool_core::kind_of(&failure)
}

fn read_usage(record: &RecordFields<'_>) -> Usage {
    let request_count = record.get(RecordField::RequestCount).and_then(|count| count.number()?.parse().ok());
    Usage { request_count: request_count.unwrap_or(0), last_used_at: moment(record, RecordField::LastUsedAt) }
}

fn read_models(record: &RecordFields<'_>, now: DateTime<Utc>) -> BTreeMap<String, State> {
    let Some(models) = record.get(RecordField::Models) else { return BTreeMap::new() };
    let mut states = BTreeMap::new();
    models.each_member(&mut |name, value| {
        if let Some(name) = name.to_text() {
            let unreadable = || State::Unknown { word: UNREADABLE.to_owned() };
            let state = Fields::of(&value).map_or_else(unreadable, |record| read_state(&record, now));
            states.insert(name, state);
        }
    });
    states
}

fn read_strikes(record: &RecordFields<'_>) -> Option<Strikes> {
    let told = record.get(RecordField::Strikes)?;
    let strikes = Fields::<StrikesField>::of(&told)?;
    let count = strikes.get(StrikesField::Count)?.number()?.parse().ok()?;
    let first_at = read_time(strikes.get(StrikesField::FirstAt)?)?;
    let subject = strikes.get(StrikesField::Subject)?.decoded()?.parse().ok()?;
    Some(Strikes { subject, count, first_at })
}

fn read_refresh(record: &RecordFields<'_>) -> Option<Renewal> {
    let told = record.get(RecordField::Refresh)?;
    let refresh = Fields::<RefreshField>::of(&told)?;
    let subject = refresh.get(RefreshField::Subject)?.decoded()?.parse().ok()?;
    let at = read_time(refresh.get(RefreshField::At)?)?;
    let is_told = |field| refresh.get(field).is_some_and(|told| told.as_str() == "true");
    let stage = match refresh.get(RefreshField::Until).and_then(read_time) {
        _ if is_told(RefreshField::Lost) => Stage::Lost,
        Some(until) if is_told(RefreshField::Unanswered) => Stage::Unanswered { until },
        Some(until) => Stage::Resting { until },
        None => Stage::Begun {
            pid: refresh.get(RefreshField::Pid).and_then(|pid| pid.number()?.parse().ok()).unwrap_or(0),
            is_retry: is_told(RefreshField::Retry),
        },
    };
    Some(Renewal { subject, at, stage })
}

/// Writes a record over what stands there now: only what differs, and everything unknown is kept. `None` where there
/// is nothing to say.
#[must_use]
pub fn write_record(
    current: Option<&Raw>,
    record: &Record,
    layout: Layout,
    now: DateTime<Utc>,
) -> Option<Raw> {
    let known = current.map(|raw| read_record(raw, now)).unwrap_or_default();
    let mut object = match current.map(Object::read) {
        Some(Some(object)) => object,
        // No object, yet somebody wrote it: it is not ours to replace.
        Some(None) => return current.cloned(),
        None => Object::new(layout.clone()),
    };
    if known.state != record.state {
        object = replace_state(&object, &record.state, layout.clone());
    }
    if known.models != record.models {
        write_models(&mut object, &known, record, &layout);
    }
    if known.strikes != record.strikes {
        put(&mut object, "strikes", record.strikes.map(|strikes| write_strikes(strikes, layout.deeper())));
    }
    write_usage(&mut object, known.usage, record.usage);
    if known.replaced != record.replaced {
        put(&mut object, "replaced", write_replaced(&record.replaced, layout.deeper()));
    }
    if known.refresh != record.refresh {
        put(&mut object, "refresh", record.refresh.map(|refresh| write_refresh(refresh, layout.deeper())));
    }
    if known.renewed_at != record.renewed_at {
        put(&mut object, "renewed_at", record.renewed_at.map(|time| Raw::string(&time::format(time))));
    }
    (!object.is_empty()).then(|| object.render())
}

/// The fields of the new state come first, then what else stood there, in its order.
fn replace_state(current: &Object, state: &State, layout: Layout) -> Object {
    let mut object = Object::new(layout.clone());
    write_state(&mut object, state, &layout);
    for (name, value) in current.members() {
        if !name.to_text().is_some_and(|name| goes_with_a_state(&name)) {
            object.push(name.clone(), value.clone());
        }
    }
    object
}

/// What could not be read beside an older state goes with it.
fn goes_with_a_state(field: &str) -> bool {
    STATE_FIELDS.contains(&field) || field == "legacy"
}

fn write_state(object: &mut Object, state: &State, layout: &Layout) {
    object.set("status", Raw::string(state.as_str()));
    match state {
        State::Ok { since } => put_time(object, "status_at", *since),
        State::Removed { at, subject } => {
            put_time(object, "status_at", *at);
            put_fingerprint(object, "subject", *subject);
        }
        State::Dead(death) => {
            put_time(object, "status_at", death.at);
            put_fingerprint(object, "subject", death.subject);
            object.set("last_error", write_error(&death.error, layout.deeper()));
        }
        State::Exhausted(rest) => write_rest(object, rest, layout),
        _ => {}
    }
}

fn write_rest(object: &mut Object, rest: &Rest, layout: &Layout) {
    put_time(object, "status_at", rest.at);
    if let Judged::Secret(subject) = rest.judged {
        put_fingerprint(object, "subject", Some(subject));
    }
    put_time(object, "reset_at", Some(rest.until));
    object.set("reset_from", Raw::string(rest.from.as_str()));
    if let Judged::Account(account) = rest.judged {
        put_fingerprint(object, "account", Some(account));
    }
    object.set("last_error", write_error(&rest.error, layout.deeper()));
}

fn write_error(error: &LastError, layout: Layout) -> Raw {
    let mut object = Object::new(layout);
    object.set("kind", Raw::string(error.kind.as_str()));
    if let Some(code) = error.code {
        object.set("code", Raw::unsigned(u64::from(code)));
    }
    for (name, text) in [("reason", &error.reason), ("message", &error.message)] {
        if let Some(text) = text {
            object.set(name, Raw::string(text));
        }
    }
    object.render()
}

fn write_strikes(strikes: Strikes, layout: Layout) -> Raw {
    let mut object = Object::new(layout);
    object.set("count", Raw::unsigned(u64::from(strikes.count)));
    put_time(&mut object, "first_at", Some(strikes.first_at));
    put_fingerprint(&mut object, "subject", Some(strikes.subject));
    object.render()
}

fn write_refresh(refresh: Renewal, layout: Layout) -> Raw {
    let mut object = Object::new(layout);
    put_fingerprint(&mut object, "subject", Some(refresh.subject));
    put_time(&mut object, "at", Some(refresh.at));
    match refresh.stage {
        Stage::Begun { pid, is_retry } => {
            object.set("pid", Raw::unsigned(u64::from(pid)));
            if is_retry {
                object.set("retry", Raw::boolean(true));
            }
        }
        Stage::Unanswered { until } => {
            object.set("unanswered", Raw::boolean(true));
            put_time(&mut object, "until", Some(until));
        }
        Stage::Resting { until } => put_time(&mut object, "until", Some(until)),
        Stage::Lost => object.set("lost", Raw::boolean(true)),
    }
    object.render()
}

/// Writes what differs of the counters; none at all is not worth a field.
fn write_usage(object: &mut Object, known: Usage, usage: Usage) {
    if known.request_count != usage.request_count {
        let count = (usage.request_count > 0).then(|| Raw::unsigned(usage.request_count));
        put(object, "request_count", count);
    }
    if known.last_used_at != usage.last_used_at {
        put(object, "last_used_at", usage.last_used_at.map(|time| Raw::string(&time::format(time))));
    }
}

/// Writes the models whose state differs, and takes out those that are judged no longer.
fn write_models(object: &mut Object, known: &Record, record: &Record, layout: &Layout) {
    let current = object.get("models").and_then(Object::read);
    let mut models = current.unwrap_or_else(|| Object::new(layout.deeper()));
    for model in known.models.keys().filter(|model| !record.models.contains_key(*model)) {
        models.remove(model);
    }
    for (model, state) in
        record.models.iter().filter(|(model, state)| known.models.get(*model) != Some(state))
    {
        let current = models.get(model).and_then(Object::read);
        let inner = current.unwrap_or_else(|| Object::new(layout.deeper().deeper()));
        models.set(model, replace_state(&inner, state, layout.deeper().deeper()).render());
    }
    if models.is_empty() {
        object.remove("models");
    } else {
        object.set("models", models.render());
    }
}

fn put_time(object: &mut Object, name: &str, time: Option<DateTime<Utc>>) {
    if let Some(time) = time {
        object.set(name, Raw::string(&time::format(time)));
    }
}

fn put_fingerprint(object: &mut Object, name: &str, fingerprint: Option<Fingerprint>) {
    if let Some(fingerprint) = fingerprint {
        object.set(name, Raw::string(&fingerprint.to_string()));
    }
}

fn moment(record: &RecordFields<'_>, field: RecordField) -> Option<DateTime<Utc>> {
    read_time(record.get(field)?)
}

/// One by itself, or a list of them.
fn read_replaced(record: &RecordFields<'_>) -> Replaced {
    let Some(list) = record.get(RecordField::Replaced).and_then(|value| List::read(&value.to_raw())) else {
        return Replaced::new(fingerprint(record, RecordField::Replaced));
    };
    Replaced::new(list.items().filter_map(|item| item.decoded()?.parse().ok()))
}

fn write_replaced(replaced: &Replaced, layout: Layout) -> Option<Raw> {
    let mut all = replaced.iter().map(|fingerprint| Raw::string(&fingerprint.to_string()));
    if all.len() <= 1 {
        return all.next();
    }
    let mut list = List::new(layout);
    all.for_each(|one| list.push(one));
    Some(list.render())
}

fn fingerprint(record: &RecordFields<'_>, field: RecordField) -> Option<Fingerprint> {
    record.get(field)?.decoded()?.parse().ok()
}

/// Reads an HTTP status: a number, or a text that is one.
#[must_use]
pub fn read_code(value: Slice<'_>) -> Option<u16> {
    let text = value.number().map(Cow::from).or_else(|| value.decoded())?;
    let value: f64 = text.trim().parse().ok()?;
    // `429.0` is how a float-minded writer spells 429.
    (value.fract() == 0.0 && (100.0..1000.0).contains(&value)).then_some(value as u16)
}
