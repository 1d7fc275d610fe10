//! A whole command, `pool list`, against `true`: the least that starting a process costs.

use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use pool_benches::{Shape, bench_pair, folder, write_store};

/// The program as `cargo build --release -p pool-cli` leaves it beside the benchmarks.
fn pool() -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new("target"));
    let pool = folder.join("release").join("pool");
    assert!(pool.exists(), "build it first: cargo build --release -p pool-cli");
    pool
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it can be started");
    assert!(status.success());
}

fn benches(criterion: &mut Criterion) {
    let pool = pool();
    let mut group = criterion.benchmark_group("process");
    group.sample_size(20);
    for shape in [Shape::Fresh, Shape::Migrated] {
        for count in [3, 1_000, 10_000] {
            let folder = folder(env!("CARGO_TARGET_TMPDIR"));
            let path = write_store(folder.path(), count, shape);
            bench_pair(
                &mut group,
                &format!(
                    "pool list {count}, {}",
                    if shape == Shape::Fresh { "all ready" } else { "all judged" }
                ),
                || (),
                |()| run(&mut Command::new("true")),
                |()| run(Command::new(&pool).arg("list").arg("--store").arg(&path)),
            );
        }
    }
}

criterion_group!(all, benches);
criterion_main!(all);
