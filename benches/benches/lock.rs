//! Sixteen processes that mark in a tight loop: how long each waits for the lock, and what waiting costs.
//!
//! Run without arguments it starts itself as those processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pool_benches::{Shape, folder, provider, quantile, write_store};
use pool_core::{CredentialId, Failure, Target};
use pool_store::{FileStore, PoolHandle};

const WRITERS: usize = 16;
const LASTS: Duration = Duration::from_secs(10);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "writer") {
        Some(at) => write_for_a_while(&PathBuf::from(&arguments[at + 1]), &arguments[at + 2]),
        None => {
            contend();
            wait();
        }
    }
}

/// Marks until the time is over; prints how long each mark took, in seconds.
#[expect(clippy::print_stdout, reason = "a benchmark is there to print")]
fn write_for_a_while(store: &Path, number: &str) {
    let handle = PoolHandle::new(FileStore::new(store));
    let target = || Target::Id(CredentialId::new(format!("{number:0>6}")).expect("a name"));
    let begun = Instant::now();
    let mut round = 0;
    while begun.elapsed() < LASTS {
        let end = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
        let failure = Failure::http(429).reset_at(end + Duration::from_secs(3_600 + round));
        let marked = Instant::now();
        handle.report(&provider(), target(), failure).expect("the lock is had in time");
        println!("{}", marked.elapsed().as_secs_f64());
        round += 1;
    }
}

fn start(store: &Path, number: usize) -> Child {
    let me = std::env::current_exe().expect("it runs");
    let mut command = Command::new(me);
    command.arg("writer").arg(store).arg(number.to_string()).stdout(Stdio::piped());
    command.spawn().expect("it can be started again")
}

#[expect(clippy::print_stdout, reason = "a benchmark is there to print")]
fn contend() {
    let folder = folder(env!("CARGO_TARGET_TMPDIR"));
    let store = write_store(folder.path(), 64, Shape::Fresh);
    let writers: Vec<Child> = (0..WRITERS).map(|number| start(&store, number)).collect();
    let mut took = Vec::new();
    let mut fewest = usize::MAX;
    for writer in writers {
        let output = writer.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&output.stdout);
        let marks: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
        fewest = fewest.min(marks.len());
        took.extend(marks);
    }
    let [median, p99, most] = [0.5, 0.99, 1.0].map(|part| quantile(&took, part) * 1_000.0);
    println!(
        "16 writers for {} s: {} marks, at least {fewest} each; one takes {median:.1} ms (p99 {p99:.1}, longest {most:.1})",
        LASTS.as_secs(),
        took.len(),
    );
}

/// Holds the lock for two seconds, and looks at what a process that waits for it has used by then.
#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it prints, and plays another program")]
fn wait() {
    let folder = folder(env!("CARGO_TARGET_TMPDIR"));
    let store = write_store(folder.path(), 64, Shape::Fresh);
    let lock = std::fs::File::create(store.with_extension("lock")).expect("it can be made");
    lock.lock().expect("nobody holds it");
    let mut writer = start(&store, 0);
    std::thread::sleep(Duration::from_millis(200));
    let before = used(writer.id());
    std::thread::sleep(Duration::from_secs(2));
    let after = used(writer.id());
    drop(lock);
    writer.kill().and_then(|()| writer.wait()).expect("it ends");
    match before.zip(after) {
        Some((before, after)) => println!("waiting for 2 s takes {} ms of CPU", 10 * (after - before)),
        None => println!("SKIPPED: what a process uses is only known on Linux"),
    }
}

/// The time a process has used, in hundredths of a second (proc_pid_stat(5), utime and stime).
fn used(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}
