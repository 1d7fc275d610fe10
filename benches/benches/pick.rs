//! A pick from memory: the clock is read, the choice is made and counted, and the place is given back.

use criterion::{Criterion, criterion_group, criterion_main};
use pool_benches::{Shape, folder, provider, write_store};
use pool_core::{PickRequest, Strategy};
use pool_store::{FileStore, PoolHandle};

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick");
    for count in [3, 1_000, 100_000] {
        let folder = folder(env!("CARGO_TARGET_TMPDIR"));
        let path = write_store(folder.path(), count, Shape::Fresh);
        for strategy in Strategy::ALL {
            let handle = PoolHandle::new(FileStore::new(&path));
            let request = PickRequest::new(provider()).strategy(*strategy);
            // Every credential was handed out before, as in an agent that has been running for a while.
            for _ in 0..count {
                drop(handle.lease(&request).expect("somebody is ready"));
            }
            group.bench_function(format!("lease {count} {strategy}"), |bencher| {
                bencher.iter(|| handle.lease(&request).expect("somebody is ready"));
            });
            group.bench_function(format!("look {count} {strategy}"), |bencher| {
                bencher.iter(|| handle.pick(&request).expect("somebody is ready"));
            });
        }
    }
}

criterion_group!(all, benches);
criterion_main!(all);
