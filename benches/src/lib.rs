//! What the benchmarks share: stores and boards of any size, and measuring a thing beside its floor.

mod board;
mod pairs;
mod store;

pub use board::{read_rows, write_board};
pub use pairs::{Pairs, bench_pair, quantile};
pub use store::{Shape, credential_pool, folder, legacy_store, provider, write_store};
