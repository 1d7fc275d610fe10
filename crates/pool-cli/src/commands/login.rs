use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use pool_core::CredentialId;
use pool_oauth::{DeviceCode, DeviceLogin, Http, Keep, Kept, Profile, Waiter, replaceable};

use crate::args::LoginArgs;
use crate::context::{self, Context};
use crate::error::CommandError;
use crate::output;
use crate::render::json::LoggedIn;
use crate::render::{needs_browser, printable, when};

/// Logs in by device code. Until the tokens are there nothing is stored, so that it can be broken off at any time.
pub(crate) fn run(context: &Context, args: &LoginArgs) -> Result<ExitCode, CommandError> {
    let keep = Keep { instead_of: instead_of(context, args)?, label: args.label.clone() };
    let profile = profile(context, args)?;
    let waiter = Patience { context, began: Instant::now() };
    let login = DeviceLogin { profile: &profile, transport: &Http, waiter: &waiter };
    let code = login.begin(context.moment())?;
    show(context, &code);
    let finished = login.finish(&code, || context.moment());
    output::print_progress("");
    let finished = finished?;
    let lent = context.lent();
    let kept = finished.keep(&context.store, &args.provider, &keep, context.moment())?;
    say(context, args, &kept)?;
    if let (Kept::Added(_), Ok(mut lent)) = (&kept, lent) {
        lent.say_hidden(&args.provider);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whose tokens are to be replaced: a mistake is said before somebody types a code.
fn instead_of(context: &Context, args: &LoginArgs) -> Result<Option<CredentialId>, CommandError> {
    let pools = context.pools(&context.handle())?;
    let Some(name) = &args.instead_of else { return Ok(None) };
    let credential = context::pool(&pools, &args.provider)?.select(name)?;
    replaceable(credential)?;
    Ok(Some(credential.id.clone()))
}

fn profile(context: &Context, args: &LoginArgs) -> Result<Profile, CommandError> {
    let settings = context.settings()?;
    let mut profile = settings.profile_at(&args.provider, args.token_url.as_ref())?;
    profile.device_url = args.device_url.clone().or(profile.device_url);
    if profile.device_url.is_none() && needs_browser(&args.provider) {
        return Err(CommandError::NeedsBrowser { provider: args.provider.clone() });
    }
    Ok(profile)
}

/// On standard error: standard output is for what came of it.
fn show(context: &Context, code: &DeviceCode) {
    let now = context.now;
    let what = if code.is_in_page { "confirm" } else { "type in" };
    output::print_note(&format!("open {} and {what} this code: {}", code.page, code.user_code));
    output::print_note(&format!(
        "waiting until that is done; the code ends {}",
        when(now + code.lifetime, now)
    ));
}

fn say(context: &Context, args: &LoginArgs, kept: &Kept) -> Result<(), CommandError> {
    let (outcome, what, to) = match kept {
        Kept::Added(_) => ("added", "added", "to"),
        Kept::Replaced(_) => ("replaced", "logged in again as", "of"),
    };
    let login = kept.credential();
    if context.json {
        return output::print_json(&LoggedIn::of(&args.provider, login, outcome));
    }
    let (id, label) = (printable(login.id.as_str()), printable(&login.label));
    let ends = login.token_ends_at().map(|ends| format!("; its token ends {}", when(ends, context.moment())));
    let provider = printable(args.provider.as_str());
    output::print(&format!("{what} {id} ({label}) {to} {provider}{}\n", ends.unwrap_or_default()))
}

/// Waits in real time, whatever clock was set.
struct Patience<'a> {
    context: &'a Context,
    began: Instant,
}

impl Waiter for Patience<'_> {
    fn passed(&self) -> Duration {
        self.began.elapsed()
    }

    fn wait(&self, pause: Duration, left: Option<Duration>) {
        let now = self.context.now;
        let ends = left.map(|left| format!("; the code ends {}", when(now + left, now)));
        output::print_progress(&format!("waiting{}", ends.unwrap_or_default()));
        thread::sleep(pause);
    }
}
