//! The other program's copy of a login, in `providers.<id>`: it seeds entries from there, so that a login renewed only in its
//! entry would be undone by the next load.

use chrono::{DateTime, Utc};
use pool_core::{Fingerprint, Provider, Tokens, time};

use crate::document::Document;
use crate::entry::{Lent, put, read_secret, read_time};
use crate::raw::{Layout, Object, Raw};

impl Document {
    /// The providers under `providers`, whatever stands there.
    #[must_use]
    pub fn providers_with_a_login(&self) -> Vec<Provider> {
        let logins = self.logins().unwrap_or_else(|| Object::new(Layout::Compact));
        logins.names().filter_map(|name| Provider::new(name).ok()).collect()
    }

    /// The login that `providers.<id>` holds; `None` where there is none, or one without a refresh token.
    #[must_use]
    pub fn provider_login(&self, provider: &Provider) -> Option<Lent> {
        let login = self.login(provider)?;
        let nested = login.get("tokens").and_then(Object::read);
        let held = nested.as_ref().unwrap_or(&login);
        let secret = |name| {
            let secret = held.get(name).and_then(|raw| read_secret(raw.slice()))?;
            Some(secret).filter(|secret| secret.oddity().is_none())
        };
        // A key that was made of the access token ends at a time of its own: the token is what counts.
        let tokens =
            Tokens::default().with_access(secret("access_token")).with_refresh(secret("refresh_token"));
        // What a nested login says of an end may be about an earlier token, which tells by itself.
        let expires_at = login.get("expires_at").filter(|_| nested.is_none());
        let expires_at = expires_at.and_then(|raw| read_time(raw.slice()));
        (tokens.access_token().is_some() && tokens.refresh_token().is_some())
            .then_some(Lent { tokens, expires_at })
    }

    /// Brings new tokens to `providers.<id>`, where that holds a refresh token that was spent for them or before. Another login there, and
    /// who is active, stay as they are.
    pub fn renew_provider_login(
        &mut self,
        provider: &Provider,
        is_spent: impl Fn(Fingerprint) -> bool,
        renewed: &Lent,
        at: DateTime<Utc>,
    ) {
        let Some(mut login) = self.login(provider) else { return };
        let nested = login.get("tokens").and_then(Object::read);
        match nested {
            Some(mut held) if holds(&held, &is_spent) => {
                put_tokens(&mut held, &renewed.tokens);
                login.set("tokens", held.render());
                login.set("last_refresh", Raw::string(&time::format(at)));
            }
            None if holds(&login, &is_spent) => renew_flat(&mut login, renewed, at),
            _ => return,
        }
        self.set_login(provider, &login);
    }
}

fn holds(login: &Object, is_spent: &impl Fn(Fingerprint) -> bool) -> bool {
    let held = login.get("refresh_token").and_then(|raw| read_secret(raw.slice()));
    held.is_some_and(|held| !held.is_blank() && is_spent(held.fingerprint()))
}

fn put_tokens(login: &mut Object, tokens: &Tokens) {
    put(login, "access_token", tokens.access_token().map(|secret| Raw::string(secret.expose())));
    // A server that does not rotate leaves it out.
    if let Some(secret) = tokens.refresh_token() {
        login.set("refresh_token", Raw::string(secret.expose()));
    }
}

/// Tokens, their times, and a key that was made of the old ones all lie on one level.
fn renew_flat(login: &mut Object, renewed: &Lent, at: DateTime<Utc>) {
    put_tokens(login, &renewed.tokens);
    login.set("obtained_at", Raw::string(&time::format(at)));
    put(login, "expires_at", renewed.expires_at.map(|time| Raw::string(&time::format(time))));
    let lifetime = renewed.expires_at.map(|ends| (ends - at).num_seconds());
    put(login, "expires_in", lifetime.map(Raw::signed));
    for name in ["agent_key", "agent_key_expires_at"] {
        login.remove(name);
    }
}
