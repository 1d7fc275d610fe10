use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use pool_core::{ChangeError, Credential, CredentialId, Pool, Secret};
use pool_store::{PoolHandle, StoreError};
use zeroize::Zeroizing;

use crate::args::AddArgs;
use crate::context::Context;
use crate::env;
use crate::error::CommandError;
use crate::output;
use crate::render::json::Changed;
use crate::render::printable;

/// A secret longer than this is a mistake: the wrong file, or an endless pipe.
const LONGEST_SECRET: u64 = 1024 * 1024;

/// With six hex digits and a pool of thousands, a few tries find a free id.
const MOST_TRIES: u32 = 20;

/// Adds a credential.
pub(crate) fn run(context: &Context, args: &AddArgs) -> Result<ExitCode, CommandError> {
    let handle = context.handle();
    let pools = context.pools(&handle)?;
    let label = args.label.clone().unwrap_or_else(|| default_label(pools.get(&args.provider)));
    let secret = read_secret(args)?;
    let mut lent = context.lent()?;
    let id = add(&handle, args, &label, &secret)?;
    if context.json {
        output::print_json(&Changed::of(&args.provider, &id, &label))?;
    } else {
        output::print(&format!(
            "added {id} ({}) to {}\n",
            printable(&label),
            printable(args.provider.as_str())
        ))?;
    }
    lent.say_hidden(&args.provider);
    Ok(ExitCode::SUCCESS)
}

fn add(
    handle: &PoolHandle,
    args: &AddArgs,
    label: &str,
    secret: &Secret,
) -> Result<CredentialId, CommandError> {
    let mut tries = 0;
    loop {
        let id = CredentialId::from_seed(fastrand::u64(..));
        let credential = Credential {
            label: label.to_owned(),
            base_url: args.base_url.clone(),
            ..Credential::manual(id.clone(), secret.clone())
        };
        tries += 1;
        match handle.add(&args.provider, credential) {
            Ok(()) => return Ok(id),
            Err(StoreError::Change(ChangeError::IdTaken { .. })) if tries < MOST_TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A label that is not taken: by number in the list, or the next that is free.
fn default_label(pool: Option<&Pool>) -> String {
    let credentials = pool.map_or(&[][..], Pool::credentials);
    let mut number = credentials.len() + 1;
    loop {
        let label = format!("api-key-{number}");
        if credentials.iter().all(|credential| credential.label != label) {
            return label;
        }
        number += 1;
    }
}

fn read_secret(args: &AddArgs) -> Result<Secret, CommandError> {
    let (place, text) = if let Some(name) = &args.secret_env {
        // Not by its name: that may be the secret itself, by mistake.
        (
            "the variable that `--secret-env` names".to_owned(),
            Ok(Zeroizing::new(env::named(name).unwrap_or_default())),
        )
    } else if let Some(path) = &args.secret_file {
        (path.display().to_string(), std::fs::File::open(path).and_then(read_all))
    } else if io::stdin().is_terminal() {
        ("the prompt".to_owned(), rpassword::prompt_password("secret (not shown): ").map(Zeroizing::new))
    } else {
        ("standard input".to_owned(), read_all(io::stdin().lock()))
    };
    let text = text.map_err(|source| CommandError::Secret { place: place.clone(), source })?;
    let secret = Secret::new(text.trim().to_owned());
    if secret.is_blank() {
        return Err(CommandError::NoSecret { place });
    }
    match secret.oddity() {
        Some(what) => Err(CommandError::OddSecret { place, what }),
        None => Ok(secret),
    }
}

fn read_all(source: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = source.take(LONGEST_SECRET + 1).read_to_string(&mut text)?;
    let fits = u64::try_from(read).is_ok_and(|read| read <= LONGEST_SECRET);
    if fits { Ok(text) } else { Err(io::Error::other("it is longer than 1 MiB")) }
}
