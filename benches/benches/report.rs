//! A change on disk, against the bare replacing of a file by the same bytes: write, sync, rename, sync of the folder.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use pool_benches::{Pairs, Shape, folder, provider, quantile, write_store};
use pool_core::{CredentialId, Failure, Target};
use pool_store::{FileStore, PoolHandle};

/// Replaces a file by these bytes, as simply as that can be done so that it lasts.
#[expect(clippy::disallowed_methods, reason = "it is measured against what the library does")]
fn floor(folder: &Path, bytes: &[u8]) {
    let sibling = folder.join("floor.tmp");
    let mut file = File::create(&sibling).expect("the folder can be written to");
    file.write_all(bytes).expect("there is room");
    file.sync_all().expect("it can be synced");
    fs::rename(&sibling, folder.join("floor.json")).expect("it can be renamed");
    File::open(folder).and_then(|folder| folder.sync_all()).expect("it can be synced");
}

/// A throttle whose end is later than that of the one before, so that each is a change.
fn throttle(round: u32) -> Failure {
    let end =
        chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()) + Duration::from_secs(3_600);
    Failure::http(429).reset_at(end + Duration::from_secs(round.into()))
}

fn somebody(number: usize) -> Target {
    Target::Id(CredentialId::new(format!("{number:06x}")).expect("a name"))
}

fn report(handle: &PoolHandle, round: u32) {
    handle.report(&provider(), somebody(1), throttle(round)).expect("it can be written");
}

/// Lets criterion measure reports by handles that `open` gives, each beside the floor.
fn bench(criterion: &mut Criterion, name: &str, count: usize, open: impl Fn(&Path) -> PoolHandle) {
    let folder = folder(env!("CARGO_TARGET_TMPDIR"));
    let path = write_store(folder.path(), count, Shape::Fresh);
    report(&PoolHandle::new(FileStore::new(&path)), 0);
    let bytes = fs::read(&path).expect("it is there");
    let (mut pairs, mut round) = (Pairs::default(), 0);
    let mut group = criterion.benchmark_group("report");
    group.sample_size(20);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            let mut total = Duration::ZERO;
            for _ in 0..rounds {
                round += 1;
                total += pairs.measure(|| floor(folder.path(), &bytes), || report(&open(&path), round));
            }
            total
        });
    });
    group.finish();
    pairs.print(name);
}

fn benches(criterion: &mut Criterion) {
    for count in [3, 10_000] {
        let handle = std::sync::OnceLock::new();
        let current = |path: &Path| handle.get_or_init(|| PoolHandle::new(FileStore::new(path))).clone();
        bench(criterion, &format!("report {count}, current view"), count, current);
        let fresh = |path: &Path| PoolHandle::new(FileStore::new(path));
        bench(criterion, &format!("report {count}, fresh handle"), count, fresh);
    }
    first_picks(criterion);
    marks_of_many_threads();
}

/// The first pick after another process wrote, against reading the file into a tree of values.
fn first_picks(criterion: &mut Criterion) {
    for count in [3, 10_000] {
        let folder = folder(env!("CARGO_TARGET_TMPDIR"));
        let path = write_store(folder.path(), count, Shape::Fresh);
        let handle = PoolHandle::builder().look_every(Duration::ZERO).build(FileStore::new(&path));
        let request = pool_core::PickRequest::new(provider());
        let (mut pairs, mut round) = (Pairs::default(), 0);
        let name = format!("first pick after a write by another, {count}");
        let mut group = criterion.benchmark_group("first pick");
        group.sample_size(20);
        group.bench_function(&name, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    round += 1;
                    report(&PoolHandle::new(FileStore::new(&path)), round);
                    total += pairs.measure(
                        || {
                            serde_json::from_slice::<serde_json::Value>(
                                &fs::read(&path).expect("it is there"),
                            )
                        },
                        || handle.pick(&request).expect("somebody is ready"),
                    );
                }
                total
            });
        });
        group.finish();
        pairs.print(&name);
    }
}

/// How often the file is replaced for 64 marks of 16 threads, and how long a mark takes.
#[expect(clippy::print_stdout, reason = "a benchmark is there to print")]
fn marks_of_many_threads() {
    let folder = folder(env!("CARGO_TARGET_TMPDIR"));
    let path = write_store(folder.path(), 64, Shape::Fresh);
    let bytes = fs::read(&path).expect("it is there");
    let (mut replaced, mut longest, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..30_u32 {
        let begun = Instant::now();
        floor(folder.path(), &bytes);
        floors.push(begun.elapsed().as_secs_f64());
        let store = Counting::new(FileStore::new(&path));
        let writes = Arc::clone(&store.writes);
        let handle = PoolHandle::new(store);
        let barrier = Arc::new(Barrier::new(16));
        let threads: Vec<_> = (0..16)
            .map(|thread| {
                let (handle, barrier) = (handle.clone(), Arc::clone(&barrier));
                std::thread::spawn(move || {
                    barrier.wait();
                    let mark = |number: usize| {
                        let begun = Instant::now();
                        handle
                            .report(&provider(), somebody(thread * 4 + number), throttle(round))
                            .expect("it can be written");
                        begun.elapsed().as_secs_f64()
                    };
                    (0..4).map(mark).collect::<Vec<f64>>()
                })
            })
            .collect();
        for thread in threads {
            longest.extend(thread.join().expect("no thread panics"));
        }
        replaced.push(writes.load(std::sync::atomic::Ordering::SeqCst) as f64);
    }
    let floor = quantile(&floors, 0.5);
    println!(
        "64 marks of 16 threads: {} replaces (p90 {}, most {}); a mark takes {:.2} floors (p99 {:.2})",
        quantile(&replaced, 0.5),
        quantile(&replaced, 0.9),
        quantile(&replaced, 1.0),
        quantile(&longest, 0.5) / floor,
        quantile(&longest, 0.99) / floor,
    );
}

/// A store that counts its writes.
#[derive(Debug)]
struct Counting {
    store: FileStore,
    writes: Arc<std::sync::atomic::AtomicUsize>,
}

impl Counting {
    fn new(store: FileStore) -> Self {
        Self { store, writes: Arc::default() }
    }
}

impl pool_store::Store for Counting {
    fn load(
        &self,
        known: Option<&pool_store::Version>,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Option<pool_store::Loaded>, pool_store::StoreError> {
        self.store.load(known, now)
    }

    fn apply(
        &self,
        changes: &[(chrono::DateTime<chrono::Utc>, pool_core::Change)],
        pruning: pool_store::Pruning,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<pool_store::Committed, pool_store::StoreError> {
        let committed = self.store.apply(changes, pruning, now)?;
        self.writes.fetch_add(usize::from(committed.written), std::sync::atomic::Ordering::SeqCst);
        Ok(committed)
    }
}

criterion_group!(all, benches);
criterion_main!(all);
