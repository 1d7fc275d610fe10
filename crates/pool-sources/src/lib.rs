//! Where credentials come from: the logins that other tools keep, and environment variables.
//!
//! Each of them makes an [`Offer`]. A login that an entry of its kind owns is offered by value, all else by reference: the
//! entry names the source, and the secret is fetched when it is used. [`take_in()`] brings an offer into a pool. Nothing here
//! writes a file, or goes to the network; [`login_files()`] tells a store how to do the former, and [`open()`] opens a home with
//! all that is around it.
//!
//! ```
//! use pool_sources::Tool;
//!
//! let file = br#"{"claudeAiOauth": {"accessToken": "sk-ant-oat01-fake", "expiresAt": 1780000000000}}"#;
//! let offer = Tool::Claude.offer(file.to_vec(), chrono::DateTime::UNIX_EPOCH)?;
//! assert_eq!((offer.provider.as_str(), offer.source.as_str()), ("anthropic", "claude_code"));
//!
//! let error = Tool::Claude.offer(b"{}".to_vec(), chrono::DateTime::UNIX_EPOCH).unwrap_err();
//! assert_eq!(error.to_string(), "there is no `claudeAiOauth`");
//! # Ok::<(), pool_sources::Flaw>(())
//! ```

mod error;
mod home;
mod login;
mod offer;
mod open;
mod seeded;
mod take_in;
mod tool;
mod variables;

pub use error::{Flaw, NoHome, SourceError};
pub use home::{login_files, root_logins};
pub use offer::{Given, Offer};
pub use open::{Environment, open};
pub use seeded::offers_of_logins;
pub use take_in::{Consent, Taken, take_in};
pub use tool::{Places, Tool};
pub use variables::{Refused, offers_of_variables};
