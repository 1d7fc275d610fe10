//! Inline fields to records and back: nothing is lost, nothing is done twice.

mod contract;
mod going_back;
mod laws;
mod lossless;
mod merging;
mod moving;
mod projecting;
mod support;
