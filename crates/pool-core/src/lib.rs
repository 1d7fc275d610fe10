//! The rules of a credential pool, as a state machine that can be held still.
//!
//! A pool keeps an agent talking to one provider through several API keys and OAuth logins. It decides which of them
//! to use now, what a failure means, how long to wait, and what can never come back.
//!
//! This crate touches no files and no network, and reads neither a clock nor chance: every call that depends on time
//! takes `now`, and a choice by chance takes a seed. Begin with [`Pool`], which answers [`Pool::pick`] and takes in a
//! [`Change`].
//!
//! ```
//! use pool_core::{Action, Change, Cooldowns, Credential, CredentialId, Failure, Judgement};
//! use pool_core::{PickRequest, Pool, Provider, Secret, Target};
//!
//! let provider = Provider::new("openrouter")?;
//! let id = CredentialId::new("0f0f0f")?;
//! let key = Credential::manual(id.clone(), Secret::new("sk-or-v1-test".to_owned()));
//! let mut pool = Pool::new(provider.clone(), vec![key], Default::default());
//!
//! let now = chrono::DateTime::UNIX_EPOCH;
//! let request = PickRequest::new(provider.clone());
//! assert_eq!(pool.pick(&request, &(), now, 0)?.id, id);
//!
//! let judgement = Judgement::of(Failure::http(401).code("token_revoked"), &provider, &Cooldowns::default(), now);
//! pool.apply(&Change { provider, action: Action::Fail { target: Target::Id(id), judgement } }, now)?;
//! assert!(pool.pick(&request, &(), now, 0).is_err(), "a revoked key is never handed out");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod adoption;
mod apply;
mod change;
mod classify;
mod cooldown;
mod credential;
mod failure;
mod headers;
mod hint;
mod layers;
mod lease;
mod lenient;
mod mask;
mod name;
mod pick;
mod picker;
mod pool;
mod pools;
mod provider;
mod prune;
mod record;
mod recovery;
mod renewal;
mod secret;
mod select;
mod shell;
mod source;
mod standing;
mod strategy;
mod strikes;
pub mod time;
mod transition;
mod variable;
mod verdict;
mod words;

pub use adoption::Kinship;
pub use apply::{Applied, DefinitionEdit, SuppressionEdit};
pub use change::{Action, Change, ChangeError, Outcome, Place, Target};
pub use classify::{Rule, classify, is_believable_reset, kind_of};
pub use cooldown::Cooldowns;
pub use credential::{AuthType, Credential, CredentialId, Holding, Tokens, Unresolved};
pub use failure::{Answer, Failure, Origin};
pub use headers::Headers;
pub use layers::{Layer, Layers};
pub use lease::{Lease, Leases};
pub use mask::mask_keys;
pub use name::NameError;
pub use pick::{Out, PickRequest, Unavailable, WhyOut};
pub use picker::Picker;
pub use pool::{InFlight, Pool};
pub use pools::Pools;
pub use provider::Provider;
pub use prune::Pruned;
pub use record::{
    Death, Judged, Judgement, LastError, Mark, Record, ResetFrom, Rest, State, Usage, not_ahead,
};
pub use recovery::{GaveUp, Patience, Recovery, Step, Treatment, Why};
pub use renewal::{Renewal, Replaced, Stage};
pub use secret::{Fingerprint, FingerprintError, Secret};
pub use select::SelectError;
pub use shell::{quoted, quoted_command, quoted_path};
pub use source::Source;
pub use standing::{NoSecret, Standing};
pub use strategy::Strategy;
pub use strikes::Strikes;
pub use transition::{Grant, Revive};
pub use variable::Variables;
pub use verdict::{Kind, Remark, Scope, Verdict};
