//! The journal on a disk, shared by processes that may be killed, and the pages that are made of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "the tests write what others would have written")]

mod appending;
mod laws;
mod pages;
mod publishing;
mod story;
mod writer;
