//! `pool-watchdog`: looks after the workers of a board.

fn main() {}
