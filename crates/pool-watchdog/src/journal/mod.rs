//! What was decided and done, kept for good in one file to which lines are only added, and the two pages that are made of it.

mod entry;

pub use entry::{Card, Decided, Entry, Grid, Sheet, Told, What};
