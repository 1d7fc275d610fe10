use pool_core::{AuthType, Provider, Secret, Source};
use pool_format::Lent;

use crate::offer::{Given, Offer};
use crate::tool::named;

/// What the logins offer that Hermes Agent keeps under `providers` of a store, of all or of one: it would seed its own entries from
/// there. `login` looks one up, as [`FileStore::provider_logins`](pool_store::FileStore::provider_logins) has them.
pub fn offers_of_logins(only: Option<&Provider>, login: impl Fn(&Provider) -> Option<Lent>) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for (provider, source) in Source::SEEDED_LOGINS {
        let provider = named(provider);
        // Of two sources the first is the one of today.
        if only.is_some_and(|only| *only != provider) || offers.iter().any(|offer| offer.provider == provider)
        {
            continue;
        }
        let Some(Lent { tokens, expires_at }) = login(&provider) else { continue };
        let owner = tokens.access_token().and_then(Secret::owner).map(str::to_owned);
        offers.push(Offer {
            label: owner.unwrap_or_else(|| source.to_owned()),
            auth_type: AuthType::OAuth,
            base_url: None,
            expires_at: expires_at.or_else(|| tokens.access_token()?.ends_at()),
            given: Given::ByValue(tokens),
            source: Source::new(source),
            provider,
        });
    }
    offers
}
