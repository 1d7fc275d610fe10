//! Reading a store, against serde_json reading the same bytes into a tree of values.

use chrono::{DateTime, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use pool_benches::{Shape, bench_pair, credential_pool};
use pool_format::Document;
use pool_migrate::{Sight, read_pools};

fn open(bytes: Vec<u8>, now: DateTime<Utc>) -> (Document, Sight) {
    let document = Document::read(bytes).expect("it can be read");
    let sight = read_pools(&document, &(), now).expect("it has pools");
    (document, sight)
}

fn benches(criterion: &mut Criterion) {
    let now = DateTime::from_timestamp(1_780_000_000, 0).unwrap_or_default();
    for (shape, name) in [(Shape::Legacy, "legacy"), (Shape::Migrated, "migrated")] {
        let mut group = criterion.benchmark_group(format!("open {name}"));
        group.sample_size(20);
        for count in [3, 1_000, 10_000] {
            let bytes = credential_pool(count, shape);
            bench_pair(
                &mut group,
                &format!("open {name} {count}"),
                || bytes.clone(),
                |bytes| serde_json::from_slice::<serde_json::Value>(bytes).expect("it is JSON"),
                |bytes| open(std::mem::take(bytes), now),
            );
        }
    }
}

criterion_group!(all, benches);
criterion_main!(all);
