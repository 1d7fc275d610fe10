use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::credential::CredentialId;
use crate::provider::Provider;
use crate::record::LastError;
use crate::standing::Standing;
use crate::strategy::Strategy;

/// What is asked of a pool: for which provider, for which model, and whom to leave out.
///
/// ```
/// use pool_core::{CredentialId, PickRequest, Provider, Strategy};
///
/// let request = PickRequest::new(Provider::new("openrouter")?)
///     .strategy(Strategy::RoundRobin)
///     .model("gpt-5.5")
///     .leave_out(CredentialId::new("0f0f0f")?);
/// assert_eq!(request.provider().as_str(), "openrouter");
/// # Ok::<(), pool_core::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PickRequest {
    provider: Provider,
    model: Option<String>,
    left_out: BTreeSet<CredentialId>,
    strategy: Strategy,
    lease_cap: usize,
}

impl PickRequest {
    /// Any credential of a provider, by fill_first, at most one request in flight on each where that can be.
    #[must_use]
    pub fn new(provider: Provider) -> Self {
        Self { provider, model: None, left_out: BTreeSet::new(), strategy: Strategy::default(), lease_cap: 1 }
    }

    /// Names the model: a credential that rests for this model only is passed over.
    #[must_use]
    pub fn model(self, model: impl Into<String>) -> Self {
        Self { model: Some(model.into()), ..self }
    }

    /// Leaves one credential out, such as the one that just failed.
    #[must_use]
    pub fn leave_out(mut self, id: CredentialId) -> Self {
        self.left_out.insert(id);
        self
    }

    /// Sets the strategy; `fill_first` by default.
    #[must_use]
    pub fn strategy(self, strategy: Strategy) -> Self {
        Self { strategy, ..self }
    }

    /// Sets how many leases one credential should carry at most; 1 by default. It is a preference:
    /// where all are at the cap, the one with the fewest is handed out all the same.
    #[must_use]
    pub fn lease_cap(self, cap: usize) -> Self {
        Self { lease_cap: cap, ..self }
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The strategy that was set.
    #[must_use]
    pub fn chosen_strategy(&self) -> Strategy {
        self.strategy
    }

    /// The model, where one is named.
    #[must_use]
    pub fn named_model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    pub(crate) fn leaves_out(&self, id: &CredentialId) -> bool {
        self.left_out.contains(id)
    }

    pub(crate) fn left_out(&self) -> impl Iterator<Item = &CredentialId> {
        self.left_out.iter()
    }

    pub(crate) fn cap(&self) -> usize {
        self.lease_cap
    }
}

/// Nothing can be handed out: why not, when the first returns, and what upstream last said.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("no usable credential for `{provider}`")]
pub struct Unavailable {
    /// Whose pool.
    pub provider: Provider,
    /// Every credential in line order, and why it is out. Empty where there is none.
    pub out: Vec<Out>,
}

/// One credential that cannot be handed out.
#[derive(Clone, PartialEq, Debug)]
pub struct Out {
    /// Its id.
    pub id: CredentialId,
    /// What people call it.
    pub label: String,
    /// Why.
    pub why: WhyOut,
}

/// Why a credential cannot be handed out for a request.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum WhyOut {
    /// How it stands, whoever asks.
    Standing(Standing),
    /// How it stands for the model that was asked for.
    Model(Standing),
    /// The request left it out.
    LeftOut,
}

impl WhyOut {
    /// How it stands, where that is why.
    #[must_use]
    pub fn standing(&self) -> Option<&Standing> {
        match self {
            Self::Standing(standing) | Self::Model(standing) => Some(standing),
            Self::LeftOut => None,
        }
    }
}

impl Unavailable {
    /// Who returns first by itself, and when.
    #[must_use]
    pub fn first_return(&self) -> Option<(&Out, DateTime<Utc>)> {
        let returning = |out: &'_ Out| out.why.standing().and_then(Standing::until);
        self.out.iter().filter_map(|out| Some((out, returning(out)?))).min_by_key(|(_, until)| *until)
    }

    /// What upstream said last, and of whom: the error that a caller should pass on.
    #[must_use]
    pub fn last_error(&self) -> Option<(&Out, &LastError)> {
        let error = |out: &'_ Out| out.why.standing().and_then(Standing::since);
        let told = self.out.iter().filter_map(|out| Some((out, out.why.standing()?.error()?)));
        // Of equals `max_by_key` takes the last, so the line is walked from its end.
        told.rev().max_by_key(|(out, _)| error(out))
    }
}
