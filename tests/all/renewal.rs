//! Processes that renew a login, and what becomes of them.

use std::fs::{self, File};
use std::io::Read;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Home, KILLED};
use crate::token_server::TokenServer;

/// A login whose token has ended, seeded by another program that keeps it too; and what is none of its business.
pub(crate) const STORE: &str = r#"{
  "version": 1,
  "active_provider": "anthropic",
  "providers": {
    "openai-codex": {
      "tokens": { "access_token": "old-access", "refresh_token": "old-refresh", "id_token": "theirs" },
      "last_refresh": "2026-01-01T00:00:00Z",
      "auth_mode": "chatgpt"
    }
  },
  "credential_pool": {
    "openai-codex": [
      {
        "id": "9de82c",
        "label": "work",
        "auth_type": "oauth",
        "priority": 0,
        "source": "device_code",
        "access_token": "old-access",
        "refresh_token": "old-refresh",
        "expires_at": "2026-01-01T01:00:00Z"
      }
    ],
    "anthropic": [
      { "id": "4b1d0e", "label": "a key", "auth_type": "api_key", "priority": 0, "source": "manual", "access_token": "a-key" }
    ]
  },
  "of another program": [ 1, 2.50 ]
}
"#;

pub(crate) fn document(home: &Home) -> Value {
    serde_json::from_str(&home.read_store()).unwrap()
}

/// The login as it is stored.
pub(crate) fn entry(home: &Home) -> Value {
    document(home)["credential_pool"]["openai-codex"][0].clone()
}

/// What is known of the login.
pub(crate) fn record(home: &Home) -> Value {
    document(home)["credential_pool_runtime"]["openai-codex"]["9de82c"].clone()
}

/// The words of a command that renews the login.
pub(crate) fn refresh(server: &TokenServer) -> String {
    format!("refresh openai-codex --token-url {}", server.url())
}

/// Holds the locks of all grants.
pub(crate) fn hold_grants(home: &Home) -> Vec<File> {
    let names = (0..64).map(|slot| format!("auth.refresh/{slot:02x}.lock"));
    names.map(|name| hold(home, &name)).collect()
}

/// Holds a lock, and makes its file where there is none.
pub(crate) fn hold(home: &Home, name: &str) -> File {
    home.write_at(name, "");
    let lock = File::open(home.path().join(name)).unwrap();
    lock.try_lock().unwrap();
    lock
}

/// No lock is held, and all that the login is not is as it was.
#[track_caller]
pub(crate) fn nothing_else_happened(home: &Home) {
    let grants = fs::read_dir(home.path().join("auth.refresh")).unwrap().map(|file| file.unwrap().path());
    for lock in grants.chain([home.path().join("auth.lock")]) {
        assert!(File::open(&lock).unwrap().try_lock().is_ok(), "{} is held", lock.display());
    }
    let (old, new) = (serde_json::from_str(STORE).unwrap(), document(home));
    assert_eq!(without_the_login(new), without_the_login(old));
}

fn without_the_login(mut document: Value) -> Value {
    let of_ours = ["version", "credential_pool_runtime", "updated_at"];
    document.as_object_mut().unwrap().retain(|name, _| !of_ours.contains(&name.as_str()));
    let fields = ["access_token", "refresh_token", "expires_at", "last_refresh"];
    let entry = document["credential_pool"]["openai-codex"][0].as_object_mut().unwrap();
    entry.retain(|name, _| !fields.contains(&name.as_str()));
    let login = document["providers"]["openai-codex"].as_object_mut().unwrap();
    login.remove("last_refresh");
    login["tokens"].as_object_mut().unwrap().retain(|name, _| !fields.contains(&name.as_str()));
    document
}

/// Much longer than the longest wait of a renewal; whoever takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A process that renews. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Renewal(Mutex<Child>);

/// What became of it.
#[derive(Debug)]
pub(crate) struct End {
    /// What became of the login, in the words of `pool refresh --json`; empty where the process did not come to say it.
    pub(crate) outcome: String,
    /// What was said on standard error.
    pub(crate) said: String,
    pub(crate) code: i32,
}

impl Renewal {
    /// Starts `pool` with these words, without waiting for it.
    pub(crate) fn start(home: &Home, words: &str) -> Self {
        let mut command = home.pool_command();
        command.args(words.split_whitespace()).arg("--json");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Mutex::new(command.spawn().unwrap()))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child().id()
    }

    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Waits until it waits for a lock, where the system tells: there a thread of that name does nothing but wait.
    pub(crate) fn wait_until_it_waits(&self) {
        let threads = format!("/proc/{}/task", self.id());
        while let Ok(threads) = fs::read_dir(&threads) {
            let is_asleep = |stat: String| stat.contains("(pool-lock) S ");
            let mut stats =
                threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
            if stats.any(is_asleep) {
                return;
            }
            assert!(self.child().try_wait().unwrap().is_none(), "it ended, and did not wait");
            std::thread::yield_now();
        }
    }

    /// How often its threads were put to sleep or interrupted until now; none where the system does not tell.
    pub(crate) fn switches(&self) -> Option<u64> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id())).ok()?;
        let statuses =
            threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).unwrap());
        let of_one = |status: String| -> u64 {
            let counts = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
            counts.map(|(_, count)| count.trim().parse::<u64>().unwrap()).sum()
        };
        Some(statuses.map(of_one).sum())
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(self) -> End {
        let out = self.child().stdout.take().unwrap();
        let said = self.child().stderr.take().unwrap();
        let (done, alarm) = mpsc::channel::<()>();
        let this = &self;
        let (out, said, is_late) = std::thread::scope(|threads| {
            let watch = threads.spawn(move || {
                let is_late = alarm.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
                if is_late {
                    this.child().kill().unwrap();
                }
                is_late
            });
            let read = (read_all(out), read_all(said));
            drop(done);
            (read.0, read.1, watch.join().unwrap())
        });
        let code = self.child().wait().unwrap().code().unwrap_or(KILLED);
        assert!(!is_late, "a renewal did not end within {PATIENCE:?}, and was killed: {said}");
        let answer: Value = serde_json::from_str(&out).unwrap_or_default();
        let outcome = answer["credentials"][0]["outcome"].as_str().unwrap_or_default().to_owned();
        End { outcome, said, code }
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        let mut child = self.child();
        drop(child.kill());
        drop(child.wait());
    }
}

impl End {
    /// Whether the login can be used, and it was said so.
    pub(crate) fn is_good(&self) -> bool {
        self.code == 0 && ["renewed", "adopted", "fresh"].contains(&self.outcome.as_str())
    }
}

fn read_all(mut stream: impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
