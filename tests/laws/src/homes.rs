use std::path::Path;

use pool_core::{Secret, Tokens};
use pool_format::Lent;
use pool_sources::{Environment, Places, login_files, root_logins};
use pool_store::LoginFormat;

use crate::noon;
use crate::plain;

/// What a renewal may change in the files of other programs, at the top of them.
const RENEWED: [&str; 12] = [
    "claudeAiOauth",
    "accessToken",
    "refreshToken",
    "expiresAt",
    "access_token",
    "refresh_token",
    "expiry_date",
    "expires_at",
    "obtained_at",
    "updated_at",
    "providers",
    "version",
];

/// Any bytes are a file with a login, in any of the formats that are known, or are none. In one that is renewed the new tokens are read
/// back, and everything else stands as it did; what has no login is not written.
///
/// # Panics
///
/// Where that does not hold.
pub fn homes(bytes: &[u8]) {
    let store = Path::new("/home/agent/auth.json");
    let places =
        Places::of(&Environment::of_user("/home/agent"), store, None).expect("a home folder is known");
    let files = login_files(&places).into_iter().chain(root_logins(store));
    for file in files {
        is_read_and_renewed(file.format.as_ref(), bytes);
    }
}

fn is_read_and_renewed(format: &dyn LoginFormat, bytes: &[u8]) {
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    let tokens = Tokens::default().with_access(secret("new-access")).with_refresh(secret("new-refresh"));
    let new = Lent { tokens, expires_at: Some(noon()) };
    let known = format.read(bytes.to_vec());
    let Some(text) = format.renew(bytes.to_vec(), &new, noon()) else { return };
    if known.as_ref().is_some_and(|known| known.tokens.refresh_token().is_some()) {
        let read = format.read(text.as_bytes().to_vec()).expect("what was written is read");
        assert_eq!(read.tokens.access_token(), new.tokens.access_token());
        assert_eq!(read.tokens.refresh_token(), new.tokens.refresh_token());
    }
    assert!(plain::is_json(&text), "what is written is JSON");
    let before = std::str::from_utf8(bytes).ok().and_then(plain::members);
    if let Some(before) = before {
        let after = plain::members(&text).expect("an object stays one");
        assert_eq!(plain::but(before, &RENEWED), plain::but(after, &RENEWED), "all else stands as it did");
    }
}
