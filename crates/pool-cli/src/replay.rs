//! Recorded events, one after another, on pools in memory and a virtual clock.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use pool_core::{
    Action, Change, Cooldowns, CredentialId, Failure, Judgement, Outcome, PickRequest, Pools, Provider,
    Revive, Strategy, Target, time,
};
use serde::Serialize;

use crate::events::{Event, What};
use crate::render::json::{NothingPicked, Status};
use crate::render::printable;

pub(crate) struct Replay {
    pools: Pools,
    strategy: Strategy,
    cooldowns: Cooldowns,
    /// Chance is by the number of the event, so that a run can be repeated.
    step: u64,
}

/// The answer to one event.
#[derive(Serialize, Debug)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(crate) enum Answer {
    Pick {
        credential: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        unavailable: Option<NothingPicked>,
    },
    Report(Stands),
    Success(Stands),
    Reset {
        cleared: usize,
    },
    State {
        credentials: BTreeMap<String, StateOf>,
    },
}

#[derive(Serialize, Debug)]
pub(crate) struct Stands {
    credential: String,
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

#[derive(Serialize, Debug)]
pub(crate) struct StateOf {
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Replay {
    pub(crate) fn new(pools: Pools, strategy: Strategy) -> Self {
        Self { pools, strategy, cooldowns: Cooldowns::default(), step: 0 }
    }

    pub(crate) fn step(&mut self, event: &Event) -> Answer {
        self.step += 1;
        let (provider, at) = (&event.provider, event.at);
        match &event.what {
            What::Pick { model } => self.pick(provider, model.as_deref(), at),
            What::Report { id, failure } => Answer::Report(self.report(provider, id, failure, at)),
            What::Success { id, model } => {
                let (target, model) = (Target::Id(id.clone()), model.clone());
                let action = Action::Succeed { target, began_at: at, model };
                Answer::Success(self.stands(provider, id, action, at))
            }
            What::Reset { revive } => self.reset(provider, *revive, at),
            What::State => self.state(provider, at),
        }
    }

    fn pick(&mut self, provider: &Provider, model: Option<&str>, at: DateTime<Utc>) -> Answer {
        self.pools.prune(at);
        let mut request = PickRequest::new(provider.clone()).strategy(self.strategy);
        if let Some(model) = model {
            request = request.model(model);
        }
        match self.pools.pick(&request, &(), at, self.step) {
            Ok(credential) => {
                let id = credential.id.clone();
                if let Some(pool) = self.pools.get_mut(provider) {
                    pool.count_use(&id, at);
                }
                Answer::Pick { credential: Some(id.to_string()), unavailable: None }
            }
            Err(unavailable) => {
                Answer::Pick { credential: None, unavailable: Some(NothingPicked::of(&unavailable)) }
            }
        }
    }

    fn report(
        &mut self,
        provider: &Provider,
        id: &CredentialId,
        failure: &Failure,
        at: DateTime<Utc>,
    ) -> Stands {
        let judgement = Judgement::of(failure.clone(), provider, &self.cooldowns, at);
        self.stands(provider, id, Action::Fail { target: Target::Id(id.clone()), judgement }, at)
    }

    /// Applies an action and answers how the credential then stands: what was not rested for is `ok`.
    fn stands(
        &mut self,
        provider: &Provider,
        id: &CredentialId,
        action: Action,
        at: DateTime<Utc>,
    ) -> Stands {
        let outcome = self.pools.apply(&Change { provider: provider.clone(), action }, at);
        let standing = match outcome.map(|applied| applied.outcome) {
            Ok(Outcome::Judged { standing, .. } | Outcome::Succeeded { standing }) => Some(standing),
            // An unknown or pruned target.
            _ => None,
        };
        Stands {
            credential: id.to_string(),
            status: standing.as_ref().map(|standing| standing.status().to_owned()),
            until: standing.and_then(|standing| standing.judged().until()).map(time::format),
        }
    }

    fn reset(&mut self, provider: &Provider, revive: Revive, at: DateTime<Utc>) -> Answer {
        let change = Change { provider: provider.clone(), action: Action::Reset { id: None, revive } };
        let cleared = match self.pools.apply(&change, at).map(|applied| applied.outcome) {
            Ok(Outcome::Reset { cleared }) => cleared.len(),
            _ => 0,
        };
        Answer::Reset { cleared }
    }

    fn state(&mut self, provider: &Provider, at: DateTime<Utc>) -> Answer {
        self.pools.prune(at);
        let standings = self.pools.get(provider).into_iter().flat_map(|pool| pool.standings(at));
        let state = |status: Status| StateOf {
            status: status.status,
            until: status.until,
            code: status.code,
            reason: status.reason,
        };
        let credentials = standings
            .map(|(credential, standing)| (credential.id.to_string(), state(Status::of(&standing))))
            .collect();
        Answer::State { credentials }
    }
}

impl Answer {
    /// One line for people.
    pub(crate) fn words(&self, event: &Event) -> String {
        let said = match self {
            Self::Pick { credential: Some(id), .. } => format!("pick      {}", printable(id)),
            Self::Pick { credential: None, .. } => "pick      nothing available".to_owned(),
            Self::Report(stands) => format!("report    {}", stands.words()),
            Self::Success(stands) => format!("success   {}", stands.words()),
            Self::Reset { cleared } => format!("reset     {cleared} cleared"),
            Self::State { credentials } => {
                let one = |(id, state): (&String, &StateOf)| {
                    format!("{} {}", printable(id), printable(&state.status))
                };
                format!("state     {}", credentials.iter().map(one).collect::<Vec<_>>().join(", "))
            }
        };
        format!("{}  {}  {said}\n", time::format(event.at), printable(event.provider.as_str()))
    }
}

impl Stands {
    fn words(&self) -> String {
        let until = self.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        let status = self.status.as_deref().unwrap_or("not there");
        format!("{} {}{until}", printable(&self.credential), printable(status))
    }
}
