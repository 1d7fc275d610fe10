use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ureq::http::Uri;

/// Where a token is renewed: https, or http to this very machine.
///
/// ```
/// use pool_oauth::TokenUrl;
///
/// assert!("https://auth.example.com/oauth/token".parse::<TokenUrl>().is_ok());
/// assert!("http://127.0.0.1:8080/token".parse::<TokenUrl>().is_ok());
/// assert!("http://auth.example.com/oauth/token".parse::<TokenUrl>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenUrl {
    text: String,
    is_loopback: bool,
}

/// Why an address is none to send a token to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is no URL with a scheme and a host.
    #[error("not a URL: write https://HOST/PATH")]
    NotAUrl,
    /// It names a user or a password.
    #[error("it must not hold a user or a password")]
    Userinfo,
    /// Its port is no number from 1 to 65535.
    #[error("its port is none: a port is a number from 1 to 65535")]
    Port,
    /// Everyone on the way could read the token.
    #[error("a token is sent over https; plain http is for this machine alone (127.0.0.1, ::1, localhost)")]
    Insecure,
}

impl TokenUrl {
    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it leads to this machine, so that no proxy is asked.
    pub(crate) fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

impl FromStr for TokenUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let uri: Uri = text.parse().map_err(|_| UrlError::NotAUrl)?;
        let authority = uri.authority().ok_or(UrlError::NotAUrl)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::Userinfo);
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(UrlError::NotAUrl);
        }
        // A port that cannot be read would be that of the scheme, where somebody else may listen.
        let port = authority.as_str().strip_prefix(host).unwrap_or_default();
        if !port.is_empty() && authority.port_u16().is_none_or(|port| port == 0) {
            return Err(UrlError::Port);
        }
        let is_loopback = is_loopback(host);
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback => {}
            Some("http") => return Err(UrlError::Insecure),
            _ => return Err(UrlError::NotAUrl),
        }
        Ok(Self { text: text.to_owned(), is_loopback })
    }
}

impl fmt::Display for TokenUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leaves_this_machine_over_https_only() {
        let cases = [
            ("https://auth.openai.com/oauth/token", Ok(())),
            ("http://127.0.0.1:8080/token", Ok(())),
            ("http://127.8.8.8/token", Ok(())),
            ("http://[::1]:8080/token", Ok(())),
            ("http://LocalHost/token", Ok(())),
            ("http://auth.openai.com/token", Err(UrlError::Insecure)),
            ("http://127.0.0.1.example.com/token", Err(UrlError::Insecure)),
            ("http://localhost.example.com/token", Err(UrlError::Insecure)),
            ("http://10.0.0.1/token", Err(UrlError::Insecure)),
            ("https://me:secret@auth.example.com/token", Err(UrlError::Userinfo)),
            ("http://127.0.0.1@example.com/token", Err(UrlError::Userinfo)),
            ("http://127.0.0.1:65535/token", Ok(())),
            ("http://127.0.0.1:99999/token", Err(UrlError::Port)),
            ("http://[::1]:0/token", Err(UrlError::Port)),
            ("https://auth.example.com:/token", Err(UrlError::Port)),
            ("https://:443/token", Err(UrlError::NotAUrl)),
            ("ftp://127.0.0.1/token", Err(UrlError::NotAUrl)),
            ("/token", Err(UrlError::NotAUrl)),
            ("auth.openai.com", Err(UrlError::NotAUrl)),
            ("", Err(UrlError::NotAUrl)),
        ];
        for (url, expected) in cases {
            assert_eq!(url.parse::<TokenUrl>().map(drop), expected, "{url}");
        }
    }
}
