use pool_core::{Credential, CredentialId, Provider};
use pool_format::raw::Raw;

/// What a migration moves, entry by entry: shown by a dry run, and done by the same code.
#[derive(Clone, Debug, Default)]
pub struct Report {
    steps: Vec<Step>,
    was_rolled_back: bool,
    is_projected: bool,
}

/// What changes in one entry, and in its record.
#[derive(Clone, Debug)]
pub struct Step {
    /// Whose pool.
    pub provider: Provider,
    /// Which credential.
    pub id: CredentialId,
    /// What people call it.
    pub label: String,
    /// The inline fields that leave the entry, as they stood.
    pub removed: Vec<(&'static str, Raw)>,
    /// The inline fields that it has then, where the store shows its records in the entries too.
    pub shown: Vec<(&'static str, Raw)>,
    /// The record as it was.
    pub before: Option<Raw>,
    /// The record as it becomes.
    pub after: Option<Raw>,
    credential: Credential,
}

impl Step {
    pub(crate) fn new(
        provider: &Provider,
        credential: &Credential,
        removed: Vec<(&'static str, Raw)>,
        shown: Vec<(&'static str, Raw)>,
        before: Option<Raw>,
        after: Option<Raw>,
    ) -> Self {
        let (provider, id, label) = (provider.clone(), credential.id.clone(), credential.label.clone());
        Self { provider, id, label, removed, shown, before, after, credential: credential.clone() }
    }

    /// A value of this step as it may be shown: without the secrets of its credential, and without what looks like one.
    #[must_use]
    pub fn show(&self, raw: &Raw) -> String {
        self.credential.mask(raw.as_str())
    }
}

impl Report {
    pub(crate) fn new(was_rolled_back: bool, is_projected: bool) -> Self {
        Self { steps: Vec::new(), was_rolled_back, is_projected }
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Each entry that says something inline, in the order of the file; where the store shows its records in the entries
    /// too, each that says something else than its record.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the store had been rolled back, so that its hidden records came back.
    #[must_use]
    pub fn was_rolled_back(&self) -> bool {
        self.was_rolled_back
    }

    /// Whether the store shows its records in the entries too.
    #[must_use]
    pub fn is_projected(&self) -> bool {
        self.is_projected
    }

    /// Whether there is a reason to write: entries that say what they should not, or hidden records.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.was_rolled_back || !self.steps.is_empty()
    }
}
