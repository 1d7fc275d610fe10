use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pool_core::{Credential, Pool, Provider, Standing};
use pool_oauth::{Ask, Profile, RefreshError, Refreshed, Refresher};

use crate::args::RefreshArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output;
use crate::render::json::{Renewals, Renewed};
use crate::render::{printable, revival, when};
use crate::signals::Signals;

/// What became of one login.
enum Outcome {
    Usable(Refreshed),
    /// It is good for a while.
    NotDue(Arc<Credential>),
    /// Its token will not work again.
    Dead(Arc<Credential>),
    /// Another program brought it back.
    Removed(Arc<Credential>),
    Failed(Arc<Credential>, RefreshError),
}

/// Waiting for another one who renews it, and for the store, beside two exchanges: theirs and ours.
const BEFORE_AND_AFTER: Duration = Duration::from_secs(30);

/// Renews logins. One that cannot be renewed does not keep the others from it.
pub(crate) fn run(context: &Context, args: &RefreshArgs) -> Result<ExitCode, CommandError> {
    let signals = Signals::hold().map_err(|source| CommandError::Signals { source })?;
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let pool = context::pool(&pools, &args.provider)?;
    let profile = context.settings()?.profile_at(&args.provider, args.token_url.as_ref())?;
    let refresher = context.refresher();
    let renewal =
        Renewing { context, args, refresher: &refresher, profile: &profile, pool, signals: &signals };
    let results: Vec<Outcome> = chosen(pool, args, context.now)?
        .into_iter()
        .map(|login| renewal.renew(login))
        .collect::<Result<_, _>>()?;
    if context.json {
        let renewed = results.iter().map(in_json).collect();
        output::print_json(&Renewals::of(&args.provider, renewed))?;
    }
    say_failures(results)
}

/// The logins that are meant.
fn chosen(pool: &Pool, args: &RefreshArgs, now: DateTime<Utc>) -> Result<Vec<Arc<Credential>>, CommandError> {
    if let Some(name) = &args.name {
        return Ok(vec![Arc::new(pool.select(name)?.clone())]);
    }
    let was_removed = |login: &Credential| pool.standing(login, now) == Standing::Removed;
    let logins = pool.credentials().iter().filter(|login| login.can_be_renewed());
    let logins: Vec<Arc<Credential>> = logins.cloned().collect();
    match logins.iter().filter(|login| !was_removed(login)).count() {
        0 => Err(CommandError::NoLogin { provider: args.provider.clone() }),
        count if count > 1 && !args.all => {
            Err(CommandError::SeveralLogins { provider: args.provider.clone(), count })
        }
        _ if args.all => Ok(logins),
        _ => Ok(logins.into_iter().filter(|login| !was_removed(login)).collect()),
    }
}

/// Renewing one login after the other.
struct Renewing<'a> {
    context: &'a Context,
    args: &'a RefreshArgs,
    refresher: &'a Refresher,
    profile: &'a Profile,
    pool: &'a Pool,
    signals: &'a Signals,
}

impl Renewing<'_> {
    /// Renews one and says so; a signal that came meanwhile is obeyed then.
    fn renew(&self, login: Arc<Credential>) -> Result<Outcome, CommandError> {
        let outcome = self.outcome(login);
        if let Some(words) = in_words(self.context, &self.args.provider, &outcome)
            && !self.context.json
        {
            output::print(&words)?;
        }
        if let Outcome::Failed(_, error) = &outcome
            && self.signals.is_caught()
        {
            output::print_warning(&CommandError::from(error.clone()).lines().join(": "));
        }
        self.signals.obey();
        Ok(outcome)
    }

    fn outcome(&self, login: Arc<Credential>) -> Outcome {
        if self.args.all {
            match self.pool.standing(&login, self.context.now) {
                Standing::Removed => return Outcome::Removed(login),
                Standing::Dead { .. } if !self.args.force => return Outcome::Dead(login),
                _ if !self.args.force && !self.profile.is_due(&login, self.context.now) => {
                    return Outcome::NotDue(login);
                }
                _ => {}
            }
        }
        let ask = Ask {
            provider: self.args.provider.clone(),
            id: login.id.clone(),
            seen: login.subject(),
            force: self.args.force,
        };
        let longest = self.profile.timeout * 2 + BEFORE_AND_AFTER;
        let renewed =
            self.signals.during("a renewal", longest, || self.refresher.refresh(ask, self.profile.clone()));
        match renewed {
            Ok(refreshed) => Outcome::Usable(refreshed),
            Err(error) => Outcome::Failed(login, error),
        }
    }
}

fn in_json(outcome: &Outcome) -> Renewed {
    match outcome {
        Outcome::Usable(refreshed) => {
            let outcome = match refreshed {
                Refreshed::Renewed(_) => "renewed",
                Refreshed::Adopted(_) => "adopted",
                Refreshed::Fresh(_) => "fresh",
            };
            Renewed::of(refreshed.credential(), outcome, None)
        }
        Outcome::NotDue(login) => Renewed::of(login, "not_due", None),
        Outcome::Dead(login) => Renewed::of(login, "dead", None),
        Outcome::Removed(login) => Renewed::of(login, "removed", None),
        Outcome::Failed(login, error) => Renewed::of(login, "failed", Some(error.to_string())),
    }
}

/// What there is to say on standard output; failures go to standard error.
fn in_words(context: &Context, provider: &Provider, outcome: &Outcome) -> Option<String> {
    let name = |login: &Credential| format!("{} ({})", printable(login.id.as_str()), printable(&login.label));
    let (login, what) = match outcome {
        Outcome::Usable(refreshed) => {
            let what = match refreshed {
                Refreshed::Renewed(_) => "is renewed",
                Refreshed::Adopted(_) => "was renewed by another program meanwhile",
                Refreshed::Fresh(_) => "was renewed a moment ago",
            };
            (refreshed.credential(), what)
        }
        Outcome::NotDue(login) => (login, "is not due"),
        Outcome::Dead(login) => {
            let cure = printable(&revival(&context.shell(), provider, &login.id));
            return Some(format!("{} is dead, so it is left out; {cure}\n", name(login)));
        }
        Outcome::Removed(login) => {
            return Some(format!("{} was removed, so it is left out\n", name(login)));
        }
        Outcome::Failed(..) => return None,
    };
    let ends = login.token_ends_at();
    let ends = ends.map(|ends| format!("; its token ends {}", when(ends, context.moment())));
    Some(format!("{} {what}{}\n", name(login), ends.unwrap_or_default()))
}

/// Ends with the last failure, after all others were said.
fn say_failures(results: Vec<Outcome>) -> Result<ExitCode, CommandError> {
    let mut failures = results.into_iter().filter_map(|outcome| match outcome {
        Outcome::Failed(_, error) => Some(CommandError::from(error)),
        _ => None,
    });
    let Some(mut last) = failures.next() else { return Ok(ExitCode::SUCCESS) };
    for next in failures {
        let earlier = std::mem::replace(&mut last, next);
        output::print_warning(&earlier.lines().join(": "));
    }
    Err(last)
}
