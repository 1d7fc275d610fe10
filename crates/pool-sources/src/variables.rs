use pool_core::{AuthType, Provider, Source, Unresolved, Variables};
use pool_format::Lent;

use crate::offer::{Given, Offer};
use crate::tool::named;

/// A variable that is set, and offers nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Whose secret it should hold.
    pub provider: Provider,
    /// The source that it would be.
    pub source: Source,
    /// Why it is refused.
    pub why: Unresolved,
}

/// What the variables of the known providers offer, of all or of one, in the order in which they are looked for. `lend`
/// looks a variable up, as [`FileStore::lenders`](pool_store::FileStore::lenders) do.
pub fn offers_of_variables(
    only: Option<&Provider>,
    lend: impl Fn(&Provider, &Source) -> Result<Lent, Unresolved>,
) -> Vec<Result<Offer, Refused>> {
    let mut offers = Vec::new();
    for row in Variables::ALL {
        let provider = named(row.provider);
        if only.is_some_and(|only| *only != provider) {
            continue;
        }
        for variable in row.secrets {
            let source = Source::new(format!("env:{variable}"));
            match lend(&provider, &source) {
                Ok(lent) => {
                    let Some(secret) = lent.tokens.access_token().cloned() else { continue };
                    let base_url = row
                        .base_url
                        .and_then(|name| lend(&provider, &Source::new(format!("env:{name}"))).ok());
                    let base_url =
                        base_url.and_then(|url| Some(url.tokens.access_token()?.expose().to_owned()));
                    offers.push(Ok(Offer {
                        label: (*variable).to_owned(),
                        auth_type: if secret.is_login() { AuthType::OAuth } else { AuthType::ApiKey },
                        base_url,
                        expires_at: lent.expires_at,
                        given: Given::ByReference(secret),
                        provider: provider.clone(),
                        source,
                    }));
                }
                Err(Unresolved::VariableNotSet) => {}
                Err(why) => offers.push(Err(Refused { provider: provider.clone(), source, why })),
            }
        }
    }
    offers
}
