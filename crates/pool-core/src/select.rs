//! How people name a credential: by id, by a label that is unique, or by its number in the list.

use crate::credential::Credential;
use crate::pool::Pool;
use crate::provider::Provider;

/// Why a name does not select one credential.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// Nobody is called that.
    #[error("no credential of `{provider}` has the id, label or number `{name}`")]
    Nobody {
        /// Where it was looked for.
        provider: Provider,
        /// What was looked for.
        name: String,
    },
    /// Several are called that.
    #[error("`{name}` names several credentials of `{provider}`: {}", list(candidates))]
    Ambiguous {
        /// Where it was looked for.
        provider: Provider,
        /// What was looked for.
        name: String,
        /// Number in the list, id and label of each.
        candidates: Vec<(usize, String, String)>,
    },
}

fn list(candidates: &[(usize, String, String)]) -> String {
    let one = |(number, id, label): &(usize, String, String)| format!("#{number} {id} ({label})");
    candidates.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Pool {
    /// Finds the credential that a person means: by id, else by label (letter case set aside), else by its number from 1 in line order.
    ///
    /// # Errors
    ///
    /// When nobody or more than one is called that; the error names the candidates.
    pub fn select(&self, name: &str) -> Result<&Credential, SelectError> {
        let by_id = self.numbered(|credential| credential.id.as_str() == name);
        let by_label = || self.numbered(|credential| credential.label.to_lowercase() == name.to_lowercase());
        let found = if by_id.is_empty() { by_label() } else { by_id };
        match found.as_slice() {
            [] => self.by_number(name),
            [(_, only)] => Ok(only),
            several => Err(self.ambiguous(name, several)),
        }
    }

    fn numbered(&self, wanted: impl Fn(&Credential) -> bool) -> Vec<(usize, &Credential)> {
        let credentials = self.credentials.iter().map(AsRef::as_ref);
        (1..).zip(credentials).filter(|(_, credential)| wanted(credential)).collect()
    }

    fn by_number(&self, name: &str) -> Result<&Credential, SelectError> {
        let index = name
            .strip_prefix('#')
            .unwrap_or(name)
            .parse::<usize>()
            .ok()
            .and_then(|number| number.checked_sub(1));
        let nobody = || SelectError::Nobody { provider: self.provider.clone(), name: name.to_owned() };
        index.and_then(|index| self.credentials.get(index)).map(AsRef::as_ref).ok_or_else(nobody)
    }

    fn ambiguous(&self, name: &str, several: &[(usize, &Credential)]) -> SelectError {
        let candidate = |(number, credential): &(usize, &Credential)| {
            (*number, credential.id.to_string(), credential.label.clone())
        };
        SelectError::Ambiguous {
            provider: self.provider.clone(),
            name: name.to_owned(),
            candidates: several.iter().map(candidate).collect(),
        }
    }
}
