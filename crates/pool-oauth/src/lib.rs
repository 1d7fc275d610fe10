//! Renews logins: exactly one of all the threads and processes that ask spends the refresh token, and the rest adopt what
//! it got.
//!
//! A refresh token is good for one use. So a renewal holds a lock of its own for the grant, writes down what it is about to do
//! before it does it, and keeps the answer before anything else. What is known of a provider's token endpoint is a
//! [`Profile`]; who sends the request is a [`Transport`].
//!
//! A [`Renewer`] does that while the requests of an agent go on. A [`DeviceLogin`] makes a new login with a code that a person types in elsewhere. Nothing is stored before its tokens are there.

mod answer;
mod attempt;
mod device;
mod error;
mod exchange;
mod http;
mod judge;
mod keep;
mod login;
mod pace;
mod profile;
mod proof;
mod refresher;
mod renewer;
mod settings;
mod stores;
mod token_url;
mod transport;

pub use device::{DeviceCode, DeviceLogin, NewLogin, Waiter};
pub use error::{LoginError, RefreshError, Trouble};
pub use http::Http;
pub use login::{Keep, Kept, replaceable};
pub use profile::{Encoding, Profile};
pub use refresher::{Ask, Refreshed, Refresher, Running};
pub use renewer::Renewer;
pub use settings::{Settings, SettingsError};
pub use stores::Stores;
pub use token_url::{TokenUrl, UrlError};
pub use transport::{Request, Response, SendError, Transport};

/// The example of the README runs with the examples of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
