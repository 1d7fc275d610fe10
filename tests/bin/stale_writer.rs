//! Another program that shares the store as Hermes does, for tests with several processes: `stale-writer STORE`.
//!
//! It reads the entries of `acme` once, says `ready`, and keeps them in memory from then on. `mark ID` makes one of them
//! rest in that memory, in the old inline fields. `write` takes the lock, reads the file anew and writes it with the entries
//! as the memory has them, which win whole over those in the file; entries that it does not know follow. It answers `done`.

#![expect(clippy::unwrap_used, reason = "a test program that is misused fails")]
#![expect(clippy::print_stdout, reason = "its answers")]
#![expect(clippy::disallowed_methods, reason = "it plays another program")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What it knows of an entry; it drops the rest.
const KNOWN: [&str; 7] = ["id", "label", "auth_type", "priority", "source", "access_token", "request_count"];

/// What it always writes, null where there is nothing to say.
const INLINE: [&str; 6] = [
    "last_status",
    "last_status_at",
    "last_error_code",
    "last_error_reason",
    "last_error_message",
    "last_error_reset_at",
];

/// Noon of 2026-05-26, as Python writes it.
const NOON: f64 = 1_779_796_800.0;

fn main() {
    let store = PathBuf::from(std::env::args().nth(1).unwrap());
    let mut memory: Vec<Value> = entries(&read(&store)).iter().map(remembered).collect();
    println!("ready");
    for line in io::stdin().lines().map(Result::unwrap) {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["mark", id] => mark(memory.iter_mut().find(|entry| entry["id"] == id).unwrap()),
            ["write"] => write(&store, &memory),
            _ => panic!("nobody knows what `{line}` means"),
        }
        println!("done");
    }
}

fn read(store: &Path) -> Value {
    serde_json::from_slice(&fs::read(store).unwrap()).unwrap()
}

fn entries(file: &Value) -> Vec<Value> {
    file["credential_pool"]["acme"].as_array().unwrap().clone()
}

fn remembered(entry: &Value) -> Value {
    let mut memory = entry.clone();
    let fields = memory.as_object_mut().unwrap();
    fields.retain(|key, _| KNOWN.contains(&key.as_str()));
    fields.extend(INLINE.map(|key| (key.to_owned(), entry[key].clone())));
    memory
}

fn mark(entry: &mut Value) {
    let marked = [
        json!("exhausted"),
        json!(NOON),
        json!(429),
        json!("rate_limit"),
        json!("slow down"),
        json!(NOON + 36_000.0),
    ];
    entry.as_object_mut().unwrap().extend(INLINE.map(str::to_owned).into_iter().zip(marked));
}

fn write(store: &Path, memory: &[Value]) {
    let lock = OpenOptions::new().append(true).create(true).open(store.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let mut file = read(store);
    let is_known = |entry: &Value| memory.iter().any(|known| known["id"] == entry["id"]);
    let unknown = entries(&file).into_iter().filter(|entry| !is_known(entry));
    file["credential_pool"]["acme"] = memory.iter().cloned().chain(unknown).collect();
    replace(store, &file);
}

fn replace(store: &Path, file: &Value) {
    let fresh = store.with_file_name(format!("auth.json.tmp.{}.stale", std::process::id()));
    let mut written: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).unwrap();
    written.write_all(serde_json::to_string_pretty(file).unwrap().as_bytes()).unwrap();
    written.sync_all().unwrap();
    fs::rename(&fresh, store).unwrap();
}
