//! `auth.json` as text: what stands where, and how it is read and written without losing anything.
//!
//! The file is somebody's keys, and several programs write it. So a [`Document`] is an ordered list of keys over raw
//! slices of the original text: only owned fields are parsed, and what a change does not touch comes back byte for
//! byte. What the fields mean is in docs/format.md.

mod document;
mod entry;
mod error;
mod field;
mod login;
pub mod raw;
mod record;

pub use document::{Document, Placement};
pub use entry::{
    Lender, Lent, entry_id, read_credential, read_entry, read_secret, read_time, renew_entry, write_entry,
};
pub use error::FormatError;
pub use field::{EntryField, ErrorField, Field, Fields, RecordField, RefreshField, StrikesField};
pub use record::{kind_of, read_code, read_record, write_record};
