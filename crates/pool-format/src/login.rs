//! The other program's copy of a login, in `providers.<id>`: it seeds entries from there, so that a login renewed only in its
//! entry would be undone by the next load.

use chrono::{DateTime, Utc};
use pool_core::{Credential, Holding, Provider, Secret, Tokens, time};

use crate::document::Document;
use crate::entry::put;
use crate::raw::{Object, Raw};

impl Document {
    /// Brings new tokens to `providers.<id>`, where that holds the very refresh token which an entry had before it is
    /// renewed. Another login there, and who is active, stay as they are.
    pub fn renew_login(
        &mut self,
        provider: &Provider,
        before: &Object,
        renewed: &Credential,
        at: DateTime<Utc>,
    ) {
        let Holding::Owned(tokens) = &renewed.holding else { return };
        let Some(spent) = before.get("refresh_token").and_then(Raw::to_text).map(Secret::new) else { return };
        let Some(mut login) = self.login(provider).filter(|_| !spent.is_blank()) else { return };
        let nested = login.get("tokens").and_then(Object::read);
        match nested {
            Some(mut held) if holds(&held, &spent) => {
                put_tokens(&mut held, tokens);
                login.set("tokens", held.render());
                login.set("last_refresh", Raw::string(&time::format(at)));
            }
            None if holds(&login, &spent) => renew_flat(&mut login, renewed, tokens, at),
            _ => return,
        }
        self.set_login(provider, &login);
    }
}

fn holds(login: &Object, token: &Secret) -> bool {
    login.get("refresh_token").is_some_and(|held| held.says(token.expose()))
}

fn put_tokens(login: &mut Object, tokens: &Tokens) {
    for (name, secret) in [("access_token", tokens.access_token()), ("refresh_token", tokens.refresh_token())]
    {
        put(login, name, secret.map(|secret| Raw::string(secret.expose())));
    }
}

/// Tokens, their times, and a key that was made of the old ones all lie on one level.
fn renew_flat(login: &mut Object, renewed: &Credential, tokens: &Tokens, at: DateTime<Utc>) {
    put_tokens(login, tokens);
    login.set("obtained_at", Raw::string(&time::format(at)));
    put(login, "expires_at", renewed.expires_at.map(|time| Raw::string(&time::format(time))));
    let lifetime = renewed.expires_at.map(|ends| (ends - at).num_seconds());
    put(login, "expires_in", lifetime.map(Raw::signed));
    for name in ["agent_key", "agent_key_expires_at"] {
        login.remove(name);
    }
}
