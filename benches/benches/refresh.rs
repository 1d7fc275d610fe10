//! What it costs to adopt what somebody else renewed, against a lock, a read and a parse; and what it costs to wait for that.
//!
//! Started with `waiter` it is one of those processes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use criterion::Criterion;
use pool_benches::{Shape, bench_pair, folder, provider, quantile, write_store};
use pool_core::{CredentialId, Fingerprint, Headers};
use pool_oauth::{Ask, Profile, Refreshed, Refresher, Request, Response, SendError, Settings, Transport};
use pool_store::FileStore;

const WAITERS: usize = 40;
const EXCHANGE: Duration = Duration::from_secs(2);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "waiter") {
        Some(at) => refresh(Path::new(&arguments[at + 1])),
        None => {
            let mut criterion = Criterion::default().configure_from_args();
            adopt(&mut criterion);
            criterion.final_summary();
            wait();
        }
    }
}

fn profile(store: &Path) -> Profile {
    let settings = Settings::beside(store).expect("there are none");
    settings.profile(&provider()).expect("its endpoint is known")
}

/// To renew a secret that is stored no longer.
fn ask() -> Ask {
    let id = CredentialId::new("000001").expect("a name");
    Ask { provider: provider(), id, seen: Some(Fingerprint::of("the one before")), force: false }
}

fn adopt(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("adopt");
    group.sample_size(50);
    for count in [3, 1_000] {
        let folder = folder(env!("CARGO_TARGET_TMPDIR"));
        let path = write_store(folder.path(), count, Shape::Fresh);
        let (lock, profile) = (folder.path().join("floor.lock"), profile(&path));
        bench_pair(
            &mut group,
            &format!("adopt {count}, as another process"),
            || Refresher::new(FileStore::new(&path)),
            |_| lock_and_read(&lock, &path),
            |refresher| adopted(refresher, &profile),
        );
        let refresher = Refresher::new(FileStore::new(&path));
        bench_pair(
            &mut group,
            &format!("adopt {count}, the store is known"),
            || (),
            |()| lock_and_read(&lock, &path),
            |()| adopted(&refresher, &profile),
        );
    }
    group.finish();
}

fn adopted(refresher: &Refresher, profile: &Profile) -> Refreshed {
    let refreshed = refresher.refresh(ask(), profile.clone()).expect("it is there");
    assert!(matches!(refreshed, Refreshed::Adopted(_)), "nobody is asked");
    refreshed
}

#[expect(clippy::disallowed_methods, reason = "the floor knows nothing of stores")]
fn lock_and_read(lock: &Path, store: &Path) -> (File, serde_json::Value) {
    let file = File::options().create(true).append(true).open(lock).expect("it can be made");
    file.lock().expect("nobody holds it");
    let bytes = fs::read(store).expect("it is there");
    (file, serde_json::from_slice(&bytes).expect("it is JSON"))
}

fn refresh(store: &Path) {
    let ask = Ask { seen: None, ..ask() };
    let refreshed = Refresher::new(FileStore::new(store)).refresh(ask, profile(store));
    assert!(matches!(refreshed, Ok(Refreshed::Fresh(_))), "somebody else renews it");
}

/// An exchange that takes its time.
#[derive(Debug)]
struct Slow(Sender<()>);

impl Transport for Slow {
    fn post(&self, _: &Request<'_>) -> Result<Response, SendError> {
        self.0.send(()).expect("somebody waits for it");
        std::thread::sleep(EXCHANGE + Duration::from_secs(1));
        let body = br#"{"access_token": "new", "refresh_token": "next", "expires_in": 3600}"#.to_vec();
        Ok(Response { status: 200, headers: Headers::default(), body: body.into() })
    }
}

/// What processes that wait for an exchange use meanwhile.
#[expect(clippy::print_stdout, reason = "a benchmark is there to print")]
fn wait() {
    let folder = folder(env!("CARGO_TARGET_TMPDIR"));
    let store = write_store(folder.path(), 64, Shape::Fresh);
    let (sent, is_sent) = mpsc::channel();
    let clock = || std::time::SystemTime::now().into();
    let ask = Ask { seen: None, ..ask() };
    let winner = Refresher::with(FileStore::new(&store), Slow(sent), clock);
    let winner = winner.start(ask, profile(&store)).expect("there can be a thread");
    is_sent.recv().expect("it asks");
    let waiters: Vec<Child> = (0..WAITERS).map(|_| start(&store)).collect();
    // They have the rest of the first second to come to the lock.
    std::thread::sleep(Duration::from_millis(800));
    let (begun, before) = (Instant::now(), used(&waiters));
    std::thread::sleep(EXCHANGE - Duration::from_millis(200));
    let (waited, after) = (begun.elapsed(), used(&waiters));
    drop(winner.wait());
    for mut waiter in waiters {
        assert!(waiter.wait().expect("it ends").success());
    }
    let each: Vec<f64> = before.iter().zip(&after).map(|(before, after)| (after - before) / 1e6).collect();
    if each.is_empty() {
        println!("SKIPPED: what a process uses is only known on Linux");
        return;
    }
    println!(
        "{WAITERS} processes that wait for {:.1} s use {:.3} ms of CPU together, at most {:.3} ms one; to start and come to \
         the lock took each {:.1} ms",
        waited.as_secs_f64(),
        each.iter().sum::<f64>(),
        quantile(&each, 1.0),
        quantile(&before, 0.5) / 1e6,
    );
}

fn start(store: &PathBuf) -> Child {
    let me = std::env::current_exe().expect("it runs");
    let mut command = Command::new(me);
    command.arg("waiter").arg(store).stdout(Stdio::null()).spawn().expect("it can be started again")
}

/// The nanoseconds that the threads of each process were on a processor (proc(5), schedstat); none where nobody tells.
fn used(processes: &[Child]) -> Vec<f64> {
    let of_one = |process: &Child| {
        let threads = fs::read_dir(format!("/proc/{}/task", process.id())).ok()?;
        let of_thread = |thread: std::io::Result<fs::DirEntry>| {
            let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        };
        Some(threads.filter_map(of_thread).sum())
    };
    processes.iter().filter_map(of_one).collect()
}
