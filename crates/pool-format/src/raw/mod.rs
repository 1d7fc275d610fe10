//! JSON as it stands in the text.
//!
//! `auth.json` belongs to several programs, and what is not ours must come back byte for byte: `1e400`, 30 digits,
//! lone surrogates, duplicate keys, odd white space. Parsing into a tree and printing it again would respell all that.
//! So a value is a [`Raw`]: a slice of the original text. An [`Object`] or a [`List`] is one level of it taken apart,
//! its members still slices, and it renders by putting the slices together again. `serde_json` decides what is JSON;
//! its raw values are skipped without recursion, so depth costs no stack.
//!
//! Every text here may hold secrets: it is wiped when its last slice is dropped, and no message or `Debug` shows it.
//!
//! ```
//! use pool_format::raw::{Object, Raw, decode};
//!
//! let file = b"{\n  \"version\": 1,\n  \"limit\": 1e400,\n  \"note\": \"\\ud800\"\n}\n".to_vec();
//! let mut top = Object::read(&decode(file)?.raw).expect("an object");
//! top.set("version", Raw::unsigned(2));
//!
//! assert_eq!(
//!     top.render().as_str(),
//!     "{\n  \"version\": 2,\n  \"limit\": 1e400,\n  \"note\": \"\\ud800\"\n}"
//! );
//! # Ok::<(), pool_format::raw::SyntaxError>(())
//! ```

mod decode;
mod error;
mod frame;
mod layout;
mod list;
mod not_finite;
mod object;
mod outline;
mod slice;
mod string;
mod text;
mod value;

#[cfg(test)]
mod laws;

pub use decode::{Decoded, Warning, decode};
pub use error::{SyntaxError, SyntaxErrorKind};
pub use layout::{Indent, Layout};
pub use list::List;
pub use object::Object;
pub use slice::{Members, Slice};
pub use text::Text;
pub use value::{Kind, Raw};
