use chrono::{DateTime, Datelike, Utc};
use pool_core::time::{epoch_seconds, format, parse_number, parse_text, truncate};
use pool_format::raw::{Layout, Object, Raw};
use pool_format::{read_record, read_time, write_record};

use crate::noon;

/// Any text is a time or none, in the file as well as alone. A time can be written, and what is written reads back. Nothing that
/// chrono takes for RFC 3339 is refused.
///
/// # Panics
///
/// Where that does not hold.
pub fn time(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for time in [parse_text(text), parse_number(text)].into_iter().flatten() {
        reads_back(time);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text.trim()) {
        let time = truncate(time.to_utc());
        assert_eq!(parse_text(text), Some(time).filter(|time| (0..=9999).contains(&time.year())));
    }
    let quoted = Raw::string(text);
    assert_eq!(read_time(quoted.slice()), parse_text(text));
    stays_in_a_record(&quoted);
    if let Ok(raw) = Raw::parse(text.to_owned()) {
        if let Some(number) = raw.number() {
            assert_eq!(read_time(raw.slice()), parse_number(number));
        }
        stays_in_a_record(&raw);
    }
}

fn reads_back(time: DateTime<Utc>) {
    assert_eq!(truncate(time), time, "nothing finer than the file can tell is read");
    assert_eq!(parse_text(&format(time)), Some(time));
    if time > DateTime::UNIX_EPOCH {
        assert_eq!(parse_number(&epoch_seconds(time)), Some(time));
        assert_eq!(parse_text(&epoch_seconds(time)), Some(time));
    }
}

/// A record with this wherever a time may stand says the same once it is written and read again.
fn stays_in_a_record(raw: &Raw) {
    for status in ["ok", "exhausted", "dead", "removed"] {
        let mut object = Object::new(Layout::Compact);
        object.set("status", Raw::string(status));
        for name in ["status_at", "reset_at", "last_used_at"] {
            object.set(name, raw.clone());
        }
        let record = read_record(&object.render(), noon());
        let written = write_record(None, &record, Layout::Compact, noon());
        let back = written.map(|raw| read_record(&raw, noon())).unwrap_or_default();
        assert_eq!(back, record);
    }
}
