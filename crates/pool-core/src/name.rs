/// A name that would be empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a name must not be empty")]
pub struct NameError;

impl NameError {
    pub(crate) fn unless_empty(name: &str) -> Result<&str, Self> {
        if name.is_empty() { Err(Self) } else { Ok(name) }
    }
}
