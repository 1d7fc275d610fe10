use std::process::ExitCode;
use std::sync::Arc;

use pool_core::{Credential, Pool};
use pool_oauth::{Ask, Profile, RefreshError, Refreshed, Refresher};

use crate::args::RefreshArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output;
use crate::render::json::{Renewals, Renewed};
use crate::render::{printable, when};

/// What became of one login.
enum Outcome {
    Usable(Refreshed),
    /// It is good for a while.
    NotDue(Arc<Credential>),
    Failed(Arc<Credential>, RefreshError),
}

/// Renews logins. One that cannot be renewed does not keep the others from it.
pub(crate) fn run(context: &Context, args: &RefreshArgs) -> Result<ExitCode, CommandError> {
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let pool = context::pool(&pools, &args.provider)?;
    let profile = context.stores().settings()?.profile_at(&args.provider, args.token_url.as_ref())?;
    let refresher = context.refresher();
    let results: Vec<Outcome> = chosen(pool, args)?
        .into_iter()
        .map(|login| renew(context, args, &refresher, &profile, login))
        .collect();
    if context.json {
        let renewed = results.iter().map(in_json).collect();
        output::print_json(&Renewals::of(&args.provider, renewed))?;
    } else {
        let lines: String = results.iter().filter_map(|outcome| in_words(context, outcome)).collect();
        output::print(&lines)?;
    }
    say_failures(results)
}

/// The logins that are meant.
fn chosen(pool: &Pool, args: &RefreshArgs) -> Result<Vec<Arc<Credential>>, CommandError> {
    if let Some(name) = &args.name {
        return Ok(vec![Arc::new(pool.select(name)?.clone())]);
    }
    let logins = pool.credentials().iter().filter(|credential| credential.can_be_renewed());
    let logins: Vec<Arc<Credential>> = logins.cloned().collect();
    match logins.len() {
        0 => Err(CommandError::NoLogin { provider: args.provider.clone() }),
        count if count > 1 && !args.all => {
            Err(CommandError::SeveralLogins { provider: args.provider.clone(), count })
        }
        _ => Ok(logins),
    }
}

fn renew(
    context: &Context,
    args: &RefreshArgs,
    refresher: &Refresher,
    profile: &Profile,
    login: Arc<Credential>,
) -> Outcome {
    if args.all && !args.force && !profile.is_due(&login, context.now) {
        return Outcome::NotDue(login);
    }
    let ask = Ask {
        provider: args.provider.clone(),
        id: login.id.clone(),
        seen: login.subject(),
        force: args.force,
    };
    match refresher.refresh(ask, profile.clone()) {
        Ok(refreshed) => Outcome::Usable(refreshed),
        Err(error) => Outcome::Failed(login, error),
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
        Outcome::Failed(login, error) => Renewed::of(login, "failed", Some(error.to_string())),
    }
}

/// What there is to say on standard output; failures go to standard error.
fn in_words(context: &Context, outcome: &Outcome) -> Option<String> {
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
        Outcome::Failed(..) => return None,
    };
    let ends = login.token_ends_at();
    let ends = ends.map(|ends| format!("; its token ends {}", when(ends, context.moment())));
    let id = printable(login.id.as_str());
    Some(format!("{id} ({}) {what}{}\n", printable(&login.label), ends.unwrap_or_default()))
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
