//! What holds for any value in any field.

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{
    Death, Fingerprint, Judged, Kind, LastError, Record, Renewal, Replaced, ResetFrom, Rest, Stage, State,
    Strikes, Usage,
};
use pool_format::raw::{Layout, Object};
use pool_format::{
    Document, Placement, entry_id, read_entry, read_record, renew_entry, write_entry, write_record,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::support::{acme, noon, object, object_of, odd_json, raw, then};

const TOP: [&str; 6] = [
    "version",
    "providers",
    "updated_at",
    "credential_pool",
    "credential_pool_runtime",
    "credential_pool_compat",
];
const ENTRY: [&str; 12] = [
    "id",
    "label",
    "auth_type",
    "priority",
    "source",
    "access_token",
    "refresh_token",
    "agent_key",
    "secret_fingerprint",
    "base_url",
    "expires_at",
    "expires_at_ms",
];
const RENEWED: [&str; 6] =
    ["access_token", "refresh_token", "agent_key", "secret_fingerprint", "expires_at", "expires_at_ms"];
const RECORD: [&str; 15] = [
    "status",
    "status_at",
    "subject",
    "reset_at",
    "reset_from",
    "account",
    "last_error",
    "request_count",
    "last_used_at",
    "models",
    "strikes",
    "replaced",
    "refresh",
    "renewed_at",
    "legacy",
];

/// An object with any values in some of these fields, in any order, now and then twice.
fn odd_object(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    vec((prop::sample::select(names), odd_json()), 0..8).prop_map(|members| object_of(&members))
}

/// A record whose state is one that the format has, with any values in its fields.
fn odd_record() -> impl Strategy<Value = String> {
    let status = prop::sample::select(&["ok", "exhausted", "dead", "removed", "odd"][..]);
    (status, vec((prop::sample::select(&RECORD[..]), odd_json()), 0..8)).prop_map(|(status, members)| {
        let status = ("status", format!("\"{status}\""));
        object_of(&[&[status], members.as_slice()].concat())
    })
}

/// Whole microseconds between 2020 and noon.
fn times() -> impl Strategy<Value = DateTime<Utc>> {
    (1_577_836_800_000_000..noon().timestamp_micros())
        .prop_map(|micros| DateTime::from_timestamp_micros(micros).expect("near ours"))
}

fn fingerprints() -> impl Strategy<Value = Fingerprint> {
    any::<u16>().prop_map(|number| Fingerprint::of(&number.to_string()))
}

fn errors() -> impl Strategy<Value = LastError> {
    let words = || proptest::option::of(any::<String>());
    (prop::sample::select(Kind::ALL), proptest::option::of(100..1000_u16), words(), words())
        .prop_map(|(kind, code, reason, message)| LastError { kind, code, reason, message })
}

fn rests() -> impl Strategy<Value = Rest> {
    let error = errors().prop_filter("a death is not a rest", |error| !error.kind.is_terminal());
    let judged = prop_oneof![
        fingerprints().prop_map(Judged::Account),
        fingerprints().prop_map(Judged::Secret),
        Just(Judged::Unbound),
    ];
    let from = prop::sample::select(ResetFrom::ALL);
    (times(), -3600..45 * 86_400_i64, from, judged, error).prop_map(|(at, seconds, from, judged, error)| {
        Rest { at: Some(at), until: at + TimeDelta::seconds(seconds), from, judged, error }
    })
}

fn states() -> impl Strategy<Value = State> {
    let time = || proptest::option::of(times());
    let subject = || proptest::option::of(fingerprints());
    prop_oneof![
        time().prop_map(|since| State::Ok { since }),
        rests().prop_map(State::Exhausted),
        (time(), subject(), errors()).prop_map(|(at, subject, error)| State::Dead(Death {
            at,
            subject,
            error
        })),
        (time(), subject()).prop_map(|(at, subject)| State::Removed { at, subject }),
        "[a-z_]{0,9}x".prop_map(|word| State::Unknown { word }),
    ]
}

fn renewals() -> impl Strategy<Value = Renewal> {
    let stage = prop_oneof![
        (any::<u32>(), any::<bool>()).prop_map(|(pid, is_retry)| Stage::Begun { pid, is_retry }),
        times().prop_map(|until| Stage::Unanswered { until }),
        times().prop_map(|until| Stage::Resting { until }),
        Just(Stage::Lost),
    ];
    (fingerprints(), times(), stage).prop_map(|(subject, at, stage)| Renewal { subject, at, stage })
}

fn records() -> impl Strategy<Value = Record> {
    let usage = (any::<u64>(), proptest::option::of(times()));
    let strikes = proptest::option::of(
        (fingerprints(), any::<u32>(), times()).prop_map(|(subject, count, first_at)| Strikes {
            subject,
            count,
            first_at,
        }),
    );
    let models = btree_map("[a-c]", states(), 0..3);
    let refresh = proptest::option::of(renewals());
    let renewed = (vec(fingerprints(), 0..10).prop_map(Replaced::new), proptest::option::of(times()));
    (states(), usage, models, strikes, refresh, renewed).prop_map(
        |(state, (request_count, last_used_at), models, strikes, refresh, (replaced, renewed_at))| Record {
            state,
            usage: Usage { request_count, last_used_at },
            models,
            strikes,
            replaced,
            refresh,
            renewed_at,
        },
    )
}

/// The members of an object but for some, as they are spelled.
fn but(object: &Object, names: &[&str]) -> Vec<(String, String)> {
    let others = object.members().filter(|(key, _)| !names.iter().any(|name| key.says(name)));
    others.map(|(key, value)| (key.as_str().to_owned(), value.as_str().to_owned())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_of_any_values_comes_back_or_is_refused(text in odd_object(&TOP)) {
        let Ok(mut document) = Document::read(text.clone().into()) else { return Ok(()) };
        let rendered = document.render();
        prop_assert_eq!(rendered.as_str(), &text);
        for provider in document.providers() {
            let (entries, records) = (document.entries(&provider), document.records(&provider));
            document.set_entries(&provider, &entries);
            document.set_records(&provider, &records);
        }
        let rendered = document.render();
        prop_assert_eq!(rendered.as_str(), &text);
        if document.stamp(noon()).is_ok() {
            prop_assert!(Document::read(document.render().as_str().into()).is_ok());
        }
    }

    #[test]
    fn hidden_records_of_any_values_come_back(record in odd_record(), id in odd_json()) {
        let id = raw(&id).to_text().unwrap_or_default();
        let text = format!(r#"{{"credential_pool_runtime": {{"acme": {}}}}}"#, object_of(&[(&id, record)]));
        let mut document = Document::read(text.clone().into()).unwrap();
        document.hide_records();
        prop_assert_eq!(document.placement(), Placement::Inline);
        let mut document = Document::read(document.render().as_str().into()).unwrap();
        prop_assert_eq!(document.reveal_records(), Ok(true));
        let rendered = document.render();
        prop_assert_eq!(rendered.as_str(), &text);
    }

    #[test]
    fn an_entry_of_any_values_is_read_without_panic_and_renewed_without_loss(fields in odd_object(&ENTRY)) {
        let mut entry = object(&fields);
        let credential = read_entry(&entry, &acme(), &());
        prop_assert_eq!(credential.is_some(), entry_id(&entry).is_some());
        let Some(credential) = credential else { return Ok(()) };
        let back = read_entry(&write_entry(&credential, Layout::Compact), &acme(), &());
        prop_assert_eq!(format!("{:?}", back), format!("{:?}", Some(&credential)));
        let before = entry.clone();
        renew_entry(&mut entry, &credential, noon());
        prop_assert_eq!(but(&entry, &RENEWED), but(&before, &RENEWED));
    }

    #[test]
    fn a_record_of_any_values_is_read_without_panic_and_stays_as_it_is(
        json in prop_oneof![odd_object(&RECORD), odd_record(), odd_json()]
    ) {
        let current = raw(&json);
        let record = read_record(&current, noon());
        let written = write_record(Some(&current), &record, Layout::Compact, noon());
        prop_assert_eq!(written, Some(current).filter(|raw| raw.as_str() != "{}"));
    }

    #[test]
    fn any_record_reads_back(record in records()) {
        let written = write_record(None, &record, Layout::indented(), then());
        let back = written.map(|raw| read_record(&raw, then())).unwrap_or_default();
        prop_assert_eq!(back, record);
    }

    #[test]
    fn any_record_reads_back_from_what_it_was_written_over(
        current in prop_oneof![odd_object(&RECORD), odd_record()], record in records()
    ) {
        let mut current = object(&current);
        current.set("theirs", raw("1e400"));
        let written = write_record(Some(&current.render()), &record, Layout::Compact, noon()).unwrap();
        prop_assert_eq!(read_record(&written, noon()), record);
        prop_assert_eq!(but(&Object::read(&written).unwrap(), &RECORD), but(&current, &RECORD));
    }
}
