use crate::verdict::{Kind, Remark, Scope, Verdict};
use crate::words;

words! {
    /// What to do about a failed request.
    Treatment {
        /// Try the same credential once more in a moment; refused again, mark it and use another.
        RetryOnce = "retry_once",
        /// Mark it and use another.
        Rotate = "rotate",
        /// Renew its token and try again; where that cannot be done, mark it and use another.
        Refresh = "refresh",
        /// Renew its token if that may have expired, and try again; else it is dead, and another is used.
        RefreshIfExpired = "refresh_if_expired",
        /// It is dead: use another.
        Bury = "bury",
        /// Wait and try the same one, a few times; then hand the error back. Nobody is marked.
        BackOff = "back_off",
        /// Hand the error back at once. Nobody is marked.
        HandBack = "hand_back",
    }
}

impl Treatment {
    /// What to do about a failure that means this.
    ///
    /// ```
    /// use pool_core::{Failure, Provider, Treatment, classify};
    ///
    /// let provider = Provider::new("anthropic")?;
    /// let verdict = classify(&Failure::http(529), &provider, chrono::DateTime::UNIX_EPOCH);
    /// assert_eq!(Treatment::of(&verdict), Treatment::BackOff);
    /// # Ok::<(), pool_core::NameError>(())
    /// ```
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        match (verdict.kind, verdict.remark) {
            (Kind::RateLimit, Some(Remark::PlanLimit)) => Self::Rotate,
            (Kind::AuthPermanent, Some(Remark::Bare)) => Self::RefreshIfExpired,
            (kind, _) => Self::of_kind(kind),
        }
        .within(verdict.scope)
    }

    /// This, as far as the scope allows: what is not a credential's fault is no reason to use another.
    fn within(self, scope: Scope) -> Self {
        match (scope, self) {
            (Scope::Request, _) => Self::HandBack,
            (Scope::Provider | Scope::Egress, Self::BackOff) => Self::BackOff,
            (Scope::Provider | Scope::Egress, _) => Self::HandBack,
            _ => self,
        }
    }

    /// What to do about a kind of failure where no rule remarked on it.
    #[must_use]
    pub fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::RateLimit => Self::RetryOnce,
            Kind::Billing | Kind::Entitlement => Self::Rotate,
            Kind::Auth => Self::Refresh,
            Kind::AuthPermanent => Self::Bury,
            Kind::Overloaded
            | Kind::ServerError
            | Kind::UpstreamRateLimit
            | Kind::Timeout
            | Kind::Network => Self::BackOff,
            Kind::ModelNotFound
            | Kind::ContextOverflow
            | Kind::ContentPolicy
            | Kind::Request
            | Kind::Egress
            | Kind::Unknown => Self::HandBack,
        }
    }
}
