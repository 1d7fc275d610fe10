//! What the benchmarks share: stores of any size, and measuring a thing beside its floor.

mod pairs;
mod store;

pub use pairs::{Pairs, bench_pair, quantile};
pub use store::{Shape, credential_pool, folder, legacy_store, provider, write_store};
