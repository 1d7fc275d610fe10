use chrono::{DateTime, Utc};

use crate::words;

words! {
    /// What went wrong. The kind decides what to do next.
    Kind {
        /// Too many requests or tokens for now.
        RateLimit = "rate_limit",
        /// Out of money or credits.
        Billing = "billing",
        /// The secret was not accepted, for now.
        Auth = "auth",
        /// The secret is gone for good: revoked, invalidated, spent.
        AuthPermanent = "auth_permanent",
        /// The account may not do this.
        Entitlement = "entitlement",
        /// The provider has more load than it can take.
        Overloaded = "overloaded",
        /// The provider broke.
        ServerError = "server_error",
        /// A provider behind the provider throttles it.
        UpstreamRateLimit = "upstream_rate_limit",
        /// No such model, or not for this account.
        ModelNotFound = "model_not_found",
        /// More text than the model takes.
        ContextOverflow = "context_overflow",
        /// Refused for what it says.
        ContentPolicy = "content_policy",
        /// The request itself is at fault.
        Request = "request",
        /// Something between us and the provider refused: a proxy, a firewall, a region rule.
        Egress = "egress",
        /// No connection.
        Network = "network",
        /// No answer in time.
        Timeout = "timeout",
        /// Not understood.
        Unknown = "unknown",
    }
}

impl Kind {
    /// Whether no time heals it.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self == Self::AuthPermanent
    }

    /// Whether the verdict is about an account's allowance rather than about one secret.
    #[must_use]
    pub fn is_quota(self) -> bool {
        matches!(self, Self::RateLimit | Self::Billing | Self::Entitlement)
    }

    /// Whether it may pass within a minute although nobody said so: not money, and not a refused secret.
    #[must_use]
    pub(crate) fn is_throttle(self) -> bool {
        !matches!(self, Self::Billing | Self::Auth | Self::AuthPermanent)
    }
}

words! {
    /// Whose fault it is, from narrow to wide. The scope decides who is marked.
    Scope {
        /// The request: nobody is marked, ever.
        Request = "request",
        /// One model of this credential, where the caller named the model; else this credential.
        Model = "model",
        /// This credential.
        Credential = "credential",
        /// Every credential known to be of the same account.
        Account = "account",
        /// The provider. Who reports it all the same gets a cooldown for this credential.
        Provider = "provider",
        /// The way to the provider. Who reports it all the same gets a cooldown for this credential.
        Egress = "egress",
    }
}

words! {
    /// What a rule noticed beyond kind and scope, where that changes what to do.
    Remark {
        /// The limit of a plan rather than a burst: who comes back in a moment is refused again.
        PlanLimit = "plan_limit",
        /// The key is wrong, as far as the provider can tell: a strike against it.
        InvalidKey = "invalid_key",
        /// The token expired: a refresh cures that.
        Expired = "expired",
        /// The token is not valid, and nobody said why: it may have expired.
        Bare = "bare",
        /// The workspace demands a header that names its region.
        Residency = "residency",
    }
}

/// What a failure means.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// What went wrong.
    pub kind: Kind,
    /// Whose fault it is.
    pub scope: Scope,
    /// When it is over, where the provider said so: after now, and at most 45 days ahead.
    pub until: Option<DateTime<Utc>>,
    /// The rule that says so.
    pub rule: &'static str,
    /// What else it says, where that changes what to do.
    pub remark: Option<Remark>,
}

impl Verdict {
    /// Whether the secret is gone for good.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.kind.is_terminal()
    }
}
