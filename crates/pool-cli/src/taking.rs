//! Bringing offers into the store, and saying what became of each.

use chrono::{DateTime, Utc};
use pool_core::{CredentialId, Pool, Provider, Source, Unresolved};
use pool_sources::{Consent, Offer, Refused, SourceError, Taken, Tool, take_in};
use pool_store::{MemoryStore, PoolHandle};
use serde::Serialize;

use crate::args::ImportFrom;
use crate::context::{Context, Lent};
use crate::error::CommandError;
use crate::output::{self, JSON_VERSION};
use crate::render::{Shell, Word, printable};

/// What becomes of offers, one after the other.
#[derive(Debug)]
pub(crate) struct Taking {
    handle: PoolHandle,
    now: DateTime<Utc>,
    is_dry: bool,
    /// What the root lends, as long as nothing of its own hides it.
    lent: Lent,
    shell: Shell,
    fates: Vec<Fate>,
}

/// What became of one offer.
#[derive(Serialize, Debug)]
struct Fate {
    provider: String,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Clone, Copy, Serialize, Debug)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Added,
    Renewed,
    There,
    Suppressed,
    Refused,
}

#[derive(Serialize)]
struct Answer<'a> {
    version: u32,
    dry_run: bool,
    offers: &'a [Fate],
}

impl Taking {
    /// Into the store, or into a copy of it that nobody keeps.
    pub(crate) fn into(context: &Context, is_dry: bool) -> Result<Self, CommandError> {
        let handle = context.handle();
        let pools = context.pools(&handle)?;
        let now = context.now;
        let copy = || PoolHandle::builder().clock(move || now).build(MemoryStore::new(pools));
        let (lent, shell) = (context.lent()?, context.shell());
        let handle = if is_dry { copy() } else { handle };
        Ok(Self { handle, now, is_dry, lent, shell, fates: Vec::new() })
    }

    pub(crate) fn offer(&mut self, offer: &Offer, consent: Consent) -> Result<(), CommandError> {
        let taken = take_in(&self.handle, offer, consent, self.now)?;
        let (outcome, id) = match taken {
            Taken::Added(id) => {
                self.lent.say_hidden(&offer.provider);
                // In a copy its id is made up.
                (Outcome::Added, Some(id).filter(|_| !self.is_dry))
            }
            Taken::Renewed(id) => (Outcome::Renewed, Some(id)),
            Taken::There(id) => (Outcome::There, Some(id)),
            Taken::Suppressed => (Outcome::Suppressed, None),
            Taken::NotHere => return Ok(()),
        };
        let label = match &id {
            Some(id) => self.label(&offer.provider, id)?,
            None => Some(offer.label.clone()),
        };
        self.say(&offer.provider, &offer.source, id, label, outcome, None);
        Ok(())
    }

    /// A variable that is set, and offers nothing.
    pub(crate) fn refuse_variable(&mut self, refused: &Refused) {
        let why = match refused.why {
            Unresolved::Placeholder => "it holds a placeholder".to_owned(),
            Unresolved::Odd { what } => format!("it has {what} in it"),
            _ => "it cannot be read".to_owned(),
        };
        self.say(&refused.provider, &refused.source, None, None, Outcome::Refused, Some(why));
    }

    /// A file that is there, and offers nothing.
    pub(crate) fn refuse_file(&mut self, tool: Tool, error: SourceError) {
        let why = CommandError::from(error).lines().join(": ");
        self.say(&tool.provider(), &tool.source(), None, None, Outcome::Refused, Some(why));
    }

    /// Whether the login of a tool was taken in before.
    pub(crate) fn has(&self, tool: Tool) -> Result<bool, CommandError> {
        let pools = self.handle.pools()?;
        let mut credentials = pools.get(&tool.provider()).into_iter().flat_map(Pool::credentials);
        Ok(credentials.any(|credential| credential.source.is_same(&tool.source())))
    }

    fn label(&self, provider: &Provider, id: &CredentialId) -> Result<Option<String>, CommandError> {
        let pools = self.handle.pools()?;
        let credentials = pools.get(provider).into_iter().flat_map(Pool::credentials);
        Ok(credentials
            .into_iter()
            .find(|credential| credential.id == *id)
            .map(|credential| credential.label.clone()))
    }

    fn say(
        &mut self,
        provider: &Provider,
        source: &Source,
        id: Option<CredentialId>,
        label: Option<String>,
        outcome: Outcome,
        why: Option<String>,
    ) {
        let (provider, source) = (provider.to_string(), source.to_string());
        let credential = id.map(|id| id.to_string());
        self.fates.push(Fate { provider, source, credential, label, outcome, why });
    }

    /// Prints what became of them.
    pub(crate) fn print(&self, json: bool) -> Result<(), CommandError> {
        if json {
            let answer = Answer { version: JSON_VERSION, dry_run: self.is_dry, offers: &self.fates };
            return output::print_json(&answer);
        }
        let mut text: String = self.fates.iter().map(|fate| self.words(fate)).collect();
        if self.fates.is_empty() {
            text += "nothing is offered\n";
        }
        if self.is_dry {
            text += "nothing was written\n";
        }
        output::print(&text)
    }

    /// What takes it in although it was removed.
    fn again(&self, fate: &Fate) -> Option<String> {
        let provider = Provider::new(fate.provider.as_str()).ok()?;
        let from = ImportFrom::of(&provider, &Source::new(fate.source.as_str()))?;
        let word = from.word();
        let mut words = vec![Word::Name(&word)];
        // Of variables that may be several.
        words.extend(from.tool().is_none().then_some(Word::Set("--provider", provider.as_str())));
        words.push(Word::Flag("--again"));
        Some(format!("; `{}` takes it in", self.shell.pool("import", &words)))
    }

    fn words(&self, fate: &Fate) -> String {
        let (provider, source) = (printable(&fate.provider), printable(&fate.source));
        let name = [&fate.credential, &fate.label].into_iter().flatten();
        let who = match name.map(|name| printable(name)).collect::<Vec<_>>().as_slice() {
            [id, label] => format!("{id} ({label})"),
            [one] => one.clone(),
            _ => String::new(),
        };
        let would = |does: &'static str, did: &'static str| if self.is_dry { does } else { did };
        match fate.outcome {
            Outcome::Added => format!("{} {who} to {provider}, from {source}\n", would("would add", "added")),
            Outcome::Renewed => {
                format!("{} {who} of {provider}, from {source}\n", would("would renew", "renewed"))
            }
            Outcome::There => format!("nothing new for {who} of {provider} in {source}\n"),
            Outcome::Suppressed => {
                let again = printable(&self.again(fate).unwrap_or_default());
                format!("left out {source} of {provider}: somebody removed it{again}\n")
            }
            Outcome::Refused => {
                let why = printable(fate.why.as_deref().unwrap_or_default());
                format!("refused {source} of {provider}: {why}\n")
            }
        }
    }
}
