use std::path::{Path, PathBuf};

use pool_core::Provider;
pub(crate) use pool_core::{quoted, quoted_path};
use pool_sources::Environment;
use pool_store::Remedy;

/// Writes commands that a person can run as they stand.
#[derive(Debug)]
pub(crate) struct Shell {
    /// The store, where it must be named.
    store: Option<PathBuf>,
}

/// A word behind the name of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Word<'a> {
    Flag(&'a str),
    /// A flag and its value.
    Set(&'a str, &'a str),
    Name(&'a str),
}

impl Shell {
    /// For commands on this store, else on the default.
    pub(crate) fn of(store: Option<&Path>) -> Self {
        let is_other =
            |store: &&Path| Environment::of_process().store().is_none_or(|default| default != *store);
        Self { store: store.filter(is_other).map(Path::to_owned) }
    }

    /// What does this, on one line.
    pub(crate) fn command(&self, remedy: &Remedy) -> String {
        match remedy {
            Remedy::Migrate => self.ours("pool-migrate", &[]),
            Remedy::Remove { provider, name } => self.remove(provider, name),
            Remedy::Revive { provider, name } => {
                self.pool("reset", &[Word::Flag("--dead"), Word::Name(provider.as_str()), Word::Name(name)])
            }
            Remedy::Examine { path } => Self::of(Some(path)).pool("doctor", &[]),
            Remedy::Permit { path, mode } => format!("chmod {mode} {}", quoted_path(path)),
            Remedy::Delete { path } => format!("rm {}", quoted_path(path)),
            Remedy::MakeFolder { path } => format!("mkdir -p {}", quoted_path(path)),
            Remedy::PutAside { path, aside } => format!("mv {} {}", quoted_path(path), quoted_path(aside)),
            Remedy::Restore { path, aside, backup } => format!(
                "mv {path} {} && cp -p {} {path}",
                quoted_path(aside),
                quoted_path(backup),
                path = quoted_path(path)
            ),
            Remedy::End { pid } => format!("kill {pid}"),
        }
    }

    /// `pool` with these words.
    pub(crate) fn pool(&self, subcommand: &str, words: &[Word]) -> String {
        self.ours(&format!("pool {subcommand}"), words)
    }

    /// What shows the credentials of a provider.
    pub(crate) fn list(&self, provider: &Provider) -> String {
        self.pool("list", &[Word::Name(provider.as_str())])
    }

    /// What takes a credential away.
    pub(crate) fn remove(&self, provider: &Provider, name: &str) -> String {
        self.pool("remove", &[Word::Name(provider.as_str()), Word::Name(name)])
    }

    fn ours(&self, command: &str, words: &[Word]) -> String {
        let mut words = words.to_vec();
        let is_name = |word: &Word| matches!(word, Word::Name(_));
        if words.iter().any(|word| matches!(word, Word::Name(name) if name.starts_with('-'))) {
            // Behind it nothing is a flag, however it begins.
            words.sort_by_key(is_name);
            words.insert(words.iter().position(is_name).unwrap_or(words.len()), Word::Flag("--"));
        }
        let mut line = command.to_owned();
        if let Some(store) = &self.store {
            line += &format!(" --store {}", quoted_path(store));
        }
        for word in words {
            line += &match word {
                Word::Flag(flag) => format!(" {flag}"),
                Word::Set(flag, value) if value.starts_with('-') => format!(" {flag}={}", quoted(value)),
                Word::Set(flag, value) => format!(" {flag} {}", quoted(value)),
                Word::Name(name) => format!(" {}", quoted(name)),
            };
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_where_it_is_not_the_default_and_no_name_is_a_flag() {
        let remove =
            |name: &str| Remedy::Remove { provider: Provider::new("acme").unwrap(), name: name.to_owned() };
        let named = Shell { store: Some("my store.json".into()) };
        assert_eq!(named.command(&Remedy::Migrate), "pool-migrate --store 'my store.json'");
        assert_eq!(named.command(&remove("a1")), "pool remove --store 'my store.json' acme a1");
        let default = Shell { store: None };
        assert_eq!(default.command(&remove("a1")), "pool remove acme a1");
        assert_eq!(default.command(&remove("-a1")), "pool remove -- acme -a1");
        let login = |id| default.pool("login", &[Word::Name("b'c d"), Word::Set("--for", id)]);
        assert_eq!(login("a 1"), "pool login 'b'\\''c d' --for 'a 1'");
        assert_eq!(login("-a1"), "pool login 'b'\\''c d' --for=-a1");
        let odd = named.pool("login", &[Word::Name("-p"), Word::Set("--for", "a1")]);
        assert_eq!(odd, "pool login --store 'my store.json' --for a1 -- -p");
        assert_eq!(default.command(&Remedy::Delete { path: "-x".into() }), "rm ./-x");
    }
}
