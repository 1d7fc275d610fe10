//! What a handle keeps in memory, and what it needs at most while it reads a store that was changed, against the size of
//! the file. Counted are the bytes that are asked for, not those that the allocator keeps for later.

use std::fs;
use std::time::Duration;

use pool_benches::{Shape, folder, provider, write_store};
use pool_core::{CredentialId, Failure, PickRequest, Target};
use pool_store::{FileStore, PoolHandle};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[expect(clippy::print_stdout, reason = "a benchmark is there to print")]
fn main() {
    for (shape, name) in
        [(Shape::Fresh, "all ready"), (Shape::Migrated, "all judged"), (Shape::Legacy, "legacy")]
    {
        let folder = folder(env!("CARGO_TARGET_TMPDIR"));
        let path = write_store(folder.path(), 10_000, shape);
        let size = fs::metadata(&path).expect("it is there").len() as f64;
        let profiler = dhat::Profiler::builder().testing().build();
        let handle = PoolHandle::builder().look_every(Duration::ZERO).build(FileStore::new(&path));
        let request = PickRequest::new(provider());
        drop(handle.pick(&request));
        let steady = dhat::HeapStats::get().curr_bytes as f64;
        let first = dhat::HeapStats::get().max_bytes as f64;
        change_elsewhere(&path);
        drop(handle.pick(&request));
        let peak = dhat::HeapStats::get().max_bytes as f64;
        let changed = CredentialId::new("000002").expect("a name");
        let reported = handle.report(&provider(), Target::Id(changed), Failure::http(402));
        drop(reported.expect("it can be written"));
        drop(handle.pick(&request));
        let written = dhat::HeapStats::get().curr_bytes as f64;
        let most = dhat::HeapStats::get().max_bytes as f64;
        println!(
            "10,000 credentials, {name}: a file of {:.1} MB; steady {:.2} times that, first read {:.2}, peak of a re-read \
             {:.2}; after a change of its own {:.2}, peak {:.2}",
            size / 1e6,
            steady / size,
            first / size,
            peak / size,
            written / size,
            most / size,
        );
        drop(handle);
        drop(profiler);
    }
}

/// Another program replaces the file; what this process allocates for that is given back before.
#[expect(clippy::disallowed_methods, reason = "this plays another program")]
fn change_elsewhere(path: &std::path::Path) {
    let text =
        fs::read_to_string(path).expect("it is there").replace("agent-7@example.com", "agent-8@example.com");
    let sibling = path.with_extension("new");
    fs::write(&sibling, text).expect("there is room");
    fs::rename(sibling, path).expect("it can be renamed");
}
