//! What holds for any store.

use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{CredentialId, Pools, Record, State, time};
use pool_format::raw::{Kind, Object, Raw};
use pool_format::{Document, Placement, read_code, read_entry, read_record, read_time};
use pool_migrate::{migrate, read_pools, start_projecting, stop_projecting};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{
    INLINE, acme, at, entry_of, migrate_at_noon, migrated, noon, object, raw, read, record, rendered,
    roll_back_at_noon, store_of,
};

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// What an older program could have written about one credential.
#[derive(Clone, Debug)]
struct Said {
    status: Option<&'static str>,
    at: Option<DateTime<Utc>>,
    code: Option<u16>,
    reason: Option<&'static str>,
    message: Option<&'static str>,
    reset: Option<DateTime<Utc>>,
    count: u32,
}

/// How a writer spells a time.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    Text,
    TextWithOffset,
    Seconds,
    Milliseconds,
    SecondsInQuotes,
    MillisecondsInQuotes,
}

impl Spelling {
    fn any() -> impl Strategy<Value = Self> {
        use Spelling::{Milliseconds, MillisecondsInQuotes, Seconds, SecondsInQuotes, Text, TextWithOffset};
        select(&[Text, TextWithOffset, Seconds, Milliseconds, SecondsInQuotes, MillisecondsInQuotes][..])
    }

    fn spell(self, time: DateTime<Utc>) -> String {
        match self {
            Self::Text => format!("\"{}\"", time::format(time)),
            Self::TextWithOffset => {
                let there = time + TimeDelta::minutes(330);
                format!("\"{}\"", time::format(there).replace('Z', "+05:30"))
            }
            Self::Seconds => time::epoch_seconds(time),
            Self::Milliseconds => time.timestamp_millis().to_string(),
            Self::SecondsInQuotes => format!("\"{}\"", time::epoch_seconds(time)),
            Self::MillisecondsInQuotes => format!("\"{}.0\"", time.timestamp_millis()),
        }
    }
}

impl Said {
    fn any() -> impl Strategy<Value = Self> {
        let reasons = option::of(select(&["rate_limit_error", "token_revoked", "J\u{fc}rgen"][..]));
        let messages = option::of(select(&["slow down", "\"\\\n\u{1f511}", "has been revoked"][..]));
        let codes = option::of(select(&[401, 402, 403, 418, 429, 500, 503][..]));
        let status = select(&[None, Some("ok"), Some("exhausted"), Some("dead")][..]);
        let reset = option::of(-86_400_000..45 * 86_400_000_i64);
        (status, times(), codes, reasons, messages, reset, 0..3_u32).prop_map(
            |(status, at, code, reason, message, reset, count)| {
                let said =
                    Self { status, at: None, code: None, reason: None, message: None, reset: None, count };
                match status {
                    None => said,
                    Some("ok") => Self { at: Some(at), ..said },
                    _ => {
                        let reset = reset.map(|reset| at + TimeDelta::milliseconds(reset));
                        Self { at: Some(at), code, reason, message, reset, ..said }
                    }
                }
            },
        )
    }

    fn fields(&self, spelling: Spelling) -> String {
        let text = |text: Option<&str>| {
            text.map_or_else(|| "null".to_owned(), |text| Raw::string(text).as_str().to_owned())
        };
        let time =
            |time: Option<DateTime<Utc>>| time.map_or_else(|| "null".to_owned(), |time| spelling.spell(time));
        let code = self.code.map_or_else(|| "null".to_owned(), |code| code.to_string());
        let values = [
            text(self.status),
            time(self.at),
            code,
            text(self.reason),
            text(self.message),
            time(self.reset),
            "null".to_owned(),
            self.count.to_string(),
        ];
        let fields = INLINE.iter().zip(values).map(|(name, value)| format!("\"{name}\": {value}"));
        fields.collect::<Vec<_>>().join(", ")
    }

    /// Reads the inline fields of an entry anew, by the plain words of the contract.
    fn of(entry: &Object) -> String {
        let told = |name: &str| entry.get(name).filter(|raw| !raw.is_null());
        let text = |name: &str| told(name).and_then(Raw::to_text);
        let time = |name: &str| told(name).and_then(|raw| read_time(raw.slice()));
        let count = told("request_count").and_then(|raw| raw.number()?.parse::<u32>().ok());
        let (reason, message) = (text("last_error_reason"), text("last_error_message"));
        let (at, reset) = (time("last_status_at"), time("last_error_reset_at"));
        let code = told("last_error_code").and_then(|raw| read_code(raw.slice()));
        format!("{:?}", (text("last_status"), at, code, reason, message, reset, count.unwrap_or(0)))
    }

    fn told(&self) -> String {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let (status, reason, message) = (text(self.status), text(self.reason), text(self.message));
        format!("{:?}", (status, self.at, self.code, reason, message, self.reset, self.count))
    }
}

/// Whole milliseconds, so that every spelling can tell them.
fn times() -> impl Strategy<Value = DateTime<Utc>> {
    let noon = noon().timestamp_millis();
    (noon - 400 * 86_400_000..noon)
        .prop_map(|millis| DateTime::from_timestamp_millis(millis).expect("near ours"))
}

/// A definition: who holds its secret, and where.
fn definitions() -> impl Strategy<Value = &'static str> {
    select(
        &[
            r#""access_token": "key", "source": "manual""#,
            r#""access_token": "", "refresh_token": "grant", "last_refresh": "2020-01-01T00:00:00Z""#,
            r#""access_token": "e30.eyJhY2NvdW50X2lkIjoiYSIsInN1YiI6InUifQ.x", "auth_type": "oauth""#,
            r#""source": "env:KEY", "secret_fingerprint": "sha256:9f86d081884c7d65""#,
            r#""source": "env:KEY""#,
            r#""label": "no secret at all""#,
        ][..],
    )
}

/// Values that a field may hold although nobody should have put them there.
fn odd_json() -> impl Strategy<Value = String> {
    const ODD: [&str; 26] = [
        "null",
        "false",
        "0",
        "0.0",
        "-0",
        "1",
        "-1",
        "429",
        "401.0",
        "1e400",
        "123456789012345678901234567890",
        "1779791220.5",
        "1779791220000",
        "253402300799.999999",
        r#""""#,
        r#""ok""#,
        r#""dead""#,
        r#""\u0064ead""#,
        r#""exhausted""#,
        r#""quarantined""#,
        r#""2026-05-26T10:27:00Z""#,
        r#""2099-01-01T00:00:00Z""#,
        r#""1960-01-01T00:00:00Z""#,
        r#""401""#,
        r#""\ud800""#,
        "\"J\u{fc}rgen's key-a1\"",
    ];
    let scalar = prop_oneof![
        6 => select(&ODD[..]).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|text| Raw::string(&text).as_str().to_owned()),
        1 => any::<u64>().prop_map(|number| number.to_string()),
    ];
    scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
            members(&["kind", "code", "reason", "message", "m1"], inner, 0..4)
                .prop_map(|members| format!("{{{members}}}")),
        ]
    })
}

/// Some of these names with any such value, in any order, now and then twice.
fn members(
    names: &'static [&'static str],
    value: impl Strategy<Value = String>,
    count: std::ops::Range<usize>,
) -> impl Strategy<Value = String> {
    let member = (select(names), value).prop_map(|(name, value)| format!("\"{name}\": {value}"));
    vec(member, count).prop_map(|members| members.join(", "))
}

fn odd_inline() -> impl Strategy<Value = String> {
    let status = select(&["null", r#""ok""#, r#""exhausted""#, r#""dead""#, r#""odd""#, "7"][..]);
    (status, members(&INLINE, odd_json(), 0..9)).prop_map(|(status, fields)| {
        let comma = if fields.is_empty() { "" } else { ", " };
        format!("\"last_status\": {status}{comma}{fields}")
    })
}

/// A record; what it keeps under `legacy` is only ever what a migration put there.
fn odd_record() -> impl Strategy<Value = String> {
    const FIELDS: [&str; 10] = [
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
    ];
    let status = select(&["ok", "exhausted", "dead", "removed", "odd"][..]);
    let bound = select(
        &["", r#""subject": "sha256:546f7a6751745d20", "#, r#""account": "sha256:9f86d081884c7d65", "#][..],
    );
    let fields = (status, bound, members(&FIELDS, odd_json(), 0..7)).prop_map(|(status, bound, fields)| {
        format!(
            r#"{{"status": "{status}", {bound}"x": 1e400{}{fields}}}"#,
            if fields.is_empty() { "" } else { ", " }
        )
    });
    prop_oneof![6 => fields, 1 => odd_json()]
}

/// A store with one entry, or two of one id, and perhaps a record.
fn odd_store() -> impl Strategy<Value = String> {
    let twin = option::of(odd_inline());
    let renewed = option::of(odd_json());
    (odd_inline(), renewed, twin, option::of(odd_record())).prop_map(|(fields, renewed, twin, record)| {
        let renewed = renewed.map(|at| format!(r#", "last_refresh": {at}"#)).unwrap_or_default();
        let twin = twin
            .map(|fields| format!(r#", {{"id": "a1", "access_token": "twin", {fields}}}"#))
            .unwrap_or_default();
        let runtime = record
            .map(|record| format!(r#", "credential_pool_runtime": {{"acme": {{"a1": {record}}}}}"#))
            .unwrap_or_default();
        format!(
            r#"{{"credential_pool": {{"acme": [{}{twin}]}}{runtime}}}"#,
            entry_of(&format!("{fields}{renewed}"))
        )
    })
}

fn runtime(document: &Document) -> Option<Raw> {
    at(&rendered(document), &["credential_pool_runtime"])
}

/// What the entries say that is not inline, as it is spelled.
fn definitions_of(document: &Document) -> Vec<Vec<(String, String)>> {
    let of_entry = |raw: &Raw| {
        let entry = object(raw.as_str());
        let members = entry.members().filter(|(key, _)| !INLINE.iter().any(|name| key.says(name)));
        members.map(|(key, value)| (key.as_str().to_owned(), value.as_str().to_owned())).collect()
    };
    document.entries(&acme()).items().map(of_entry).collect()
}

fn projected(text: &str) -> Document {
    let mut document = read(text);
    start_projecting(&mut document, &(), noon()).expect("can be projected");
    document
}

fn records_of(document: &Document) -> Option<String> {
    runtime(document).map(|raw| raw.as_str().to_owned())
}

/// Whether the other program passes an entry over, by its own rules.
fn is_passed_over(entry: &Object, now: DateTime<Utc>) -> bool {
    let status = entry.get("last_status").and_then(Raw::to_text);
    let until = || entry.get("last_error_reset_at").and_then(|raw| read_time(raw.slice()));
    match status.as_deref() {
        Some("dead") => true,
        Some("exhausted") => until().is_some_and(|until| until > now),
        _ => false,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn there_and_back_again_says_what_was_said_at_the_start(
        entries in vec((Said::any(), Spelling::any(), definitions()), 1..6)
    ) {
        let text: Vec<String> = entries
            .iter()
            .enumerate()
            .map(|(number, (said, spelling, definition))| {
                format!(r#"{{"id": "a{number}", {definition}, {}}}"#, said.fields(*spelling))
            })
            .collect();
        let mut document = read(&format!(r#"{{"credential_pool": {{"acme": [{}]}}}}"#, text.join(", ")));
        migrate_at_noon(&mut document);
        let mut document = read(&rendered(&document));
        roll_back_at_noon(&mut document);
        for (raw, (said, ..)) in document.entries(&acme()).items().zip(&entries) {
            prop_assert_eq!(Said::of(&object(raw.as_str())), said.told());
        }
    }

    #[test]
    fn a_rollback_and_a_migration_leave_the_records_as_they_were(text in odd_store()) {
        let once = migrated(&text);
        let mut document = read(&rendered(&once));
        roll_back_at_noon(&mut document);
        prop_assert_eq!(document.placement(), Placement::Inline);
        let mut document = read(&rendered(&document));
        migrate_at_noon(&mut document);
        prop_assert_eq!(runtime(&document).map(|raw| raw.as_str().to_owned()), runtime(&once).map(|raw| raw.as_str().to_owned()));
        prop_assert_eq!(definitions_of(&document), definitions_of(&once));
    }

    #[test]
    fn twice_is_once(text in odd_store()) {
        let mut document = migrated(&text);
        let once = rendered(&document);
        for _ in 0..2 {
            prop_assert!(!migrate_at_noon(&mut document).is_needed());
            prop_assert_eq!(rendered(&document), once.clone());
            document = read(&once);
        }
        roll_back_at_noon(&mut document);
        let back = rendered(&document);
        let mut document = read(&back);
        roll_back_at_noon(&mut document);
        prop_assert_eq!(rendered(&document), back);
    }

    #[test]
    fn pools_that_are_read_at_once_are_those_of_a_migrated_store(text in odd_store(), layout in 0..3) {
        let mut document = read(&text);
        match layout {
            0 => {}
            1 => drop(roll_back_at_noon(&mut document)),
            _ => document.set_projected(true),
        }
        let sight = read_pools(&document, &(), noon()).unwrap();
        migrate_at_noon(&mut document);
        let migrated = read_pools(&document, &(), noon()).unwrap();
        prop_assert!(!migrated.is_legacy || document.records(&acme()).members().any(|(_, raw)| raw.kind() != Kind::Object));
        let seen = |pools: &Pools| {
            let pool = pools.get(&acme());
            let credentials = pool.map(|pool| pool.credentials().to_vec()).unwrap_or_default();
            let record = |id: &CredentialId| pool.and_then(|pool| pool.record(id)).cloned().unwrap_or_default();
            let records: Vec<Record> = credentials.iter().map(|credential| record(&credential.id)).collect();
            (credentials, records)
        };
        prop_assert_eq!(seen(&sight.pools), seen(&migrated.pools));
    }

    #[test]
    fn definitions_stay_as_they_are_spelled(text in odd_store()) {
        prop_assert_eq!(definitions_of(&migrated(&text)), definitions_of(&read(&text)));
    }

    #[test]
    fn what_cannot_be_read_is_kept_verbatim(fields in odd_inline()) {
        let entry = object(&entry_of(&fields));
        let document = migrated(&store_of(&fields));
        let legacy = record(&document).and_then(|record| at(&record, &["legacy"]));
        for name in INLINE {
            let Some(raw) = entry.get(name).filter(|raw| !raw.is_null()) else { continue };
            let is_read = match name {
                "last_status_at" | "last_error_reset_at" => read_time(raw.slice()).is_some(),
                "last_error_code" => read_code(raw.slice()).is_some(),
                "request_count" => raw.number().is_some_and(|number| number.parse::<u64>().is_ok()),
                _ => raw.to_text().is_some(),
            };
            let kept = legacy.as_ref().and_then(|legacy| at(legacy.as_str(), &[name]));
            prop_assert!(is_read || kept.as_ref() == Some(raw), "{} {:?}", name, kept);
        }
    }

    #[test]
    fn a_status_that_nobody_knows_is_never_handed_out(fields in odd_inline()) {
        let entry = object(&entry_of(&fields));
        let status = entry.get("last_status").filter(|raw| !raw.is_null());
        let is_known = |raw: &Raw| ["", "ok", "exhausted", "dead"].iter().any(|word| raw.says(word));
        let expected = status.is_some_and(|raw| !is_known(raw));
        let state = record(&migrated(&store_of(&fields))).map(|record| read_record(&raw(&record), noon()).state);
        prop_assert_eq!(matches!(state, Some(State::Unknown { .. })), expected);
    }

    #[test]
    fn a_merge_never_goes_back_in_time(text in odd_store()) {
        let before = read(&text);
        let known = before.records(&acme()).get("a1").map(|raw| read_record(raw, noon()).state);
        let after = migrated(&text).records(&acme()).get("a1").map(|raw| read_record(raw, noon()).state);
        if let (Some(known), Some(after)) = (known, after) {
            let (old, new) = (known.judged_at(noon()), after.judged_at(noon()));
            let is_unknown = matches!(after, State::Unknown { .. });
            prop_assert!(known == after || new >= old || is_unknown, "{:?} {:?}", known, after);
        }
    }

    #[test]
    fn the_records_are_the_same_whether_or_not_they_are_projected(text in odd_store()) {
        let split = migrated(&text);
        let shown = projected(&text);
        prop_assert_eq!(records_of(&shown), records_of(&split));
        prop_assert_eq!(definitions_of(&shown), definitions_of(&split));
        // Who does not know of it reads the same, and so does who is told to stop.
        let mut ignorant = read(&rendered(&shown));
        ignorant.set_projected(false);
        migrate_at_noon(&mut ignorant);
        prop_assert_eq!(records_of(&ignorant), records_of(&split));
        prop_assert_eq!(definitions_of(&ignorant), definitions_of(&split));
        let mut stopped = read(&rendered(&shown));
        stop_projecting(&mut stopped, &(), noon()).unwrap();
        prop_assert_eq!(rendered(&stopped), rendered(&ignorant));
    }

    #[test]
    fn what_was_projected_is_no_news(text in odd_store(), days in 0..400_i64) {
        let once = rendered(&projected(&text));
        let mut document = read(&once);
        prop_assert!(!migrate_at_noon(&mut document).is_needed());
        prop_assert_eq!(rendered(&document), once.clone());
        prop_assert!(!start_projecting(&mut document, &(), noon()).unwrap().is_needed());
        prop_assert_eq!(rendered(&document), once);
        let records = records_of(&document);
        migrate(&mut document, &(), noon() + TimeDelta::days(days)).unwrap();
        prop_assert_eq!(records_of(&document), records);
    }

    #[test]
    fn who_looks_only_inline_picks_nobody_whom_a_verdict_keeps_out(text in odd_store(), hours in 0..48_i64) {
        let later = noon() + TimeDelta::hours(hours);
        let mut document = read(&rendered(&projected(&text)));
        migrate(&mut document, &(), later).unwrap();
        for raw in document.entries(&acme()).items() {
            let entry = object(raw.as_str());
            let credential = read_entry(&entry, &acme(), &()).unwrap();
            let records = document.records(&acme());
            let Some(known) = records.get("a1").filter(|raw| raw.kind() == Kind::Object) else { continue };
            let state = read_record(known, later).state;
            let is_out = matches!(state, State::Exhausted(_) | State::Dead(_) | State::Unknown { .. })
                && state.holds(&credential, &acme(), later);
            prop_assert_eq!(is_passed_over(&entry, later), is_out, "{:?} {}", state, raw.as_str());
        }
    }

    #[test]
    fn a_memory_that_knows_no_verdict_revives_nobody(text in odd_store(), ok in any::<bool>()) {
        let shown = projected(&text);
        let mut document = shown.clone();
        let mut entries = document.entries(&acme());
        for index in 0..entries.len() {
            let mut entry = object(entries.items().nth(index).unwrap().as_str());
            for name in INLINE.iter().filter(|name| **name != "failure_reason") {
                entry.set(name, Raw::null());
            }
            if ok {
                entry.set("last_status", Raw::string("ok"));
            }
            entries.replace(index, entry.render());
        }
        document.set_entries(&acme(), &entries);
        migrate_at_noon(&mut document);
        prop_assert_eq!(records_of(&document), records_of(&shown));
    }
}
