use std::path::{Path, PathBuf};

use pool_core::Provider;
use pool_store::Remedy;

use crate::env;

/// Writes commands that a person can run as they stand.
pub(crate) struct Shell {
    /// The store, where it must be named.
    store: Option<PathBuf>,
}

impl Shell {
    /// For commands on this store.
    pub(crate) fn of(store: &Path) -> Self {
        let is_default = env::default_store().is_some_and(|default| default == store);
        Self { store: (!is_default).then(|| store.to_owned()) }
    }

    /// The argument that names a store, with the space before it.
    pub(crate) fn named(store: &Path) -> String {
        format!(" --store {}", quoted_path(store))
    }

    /// What does this, on one line.
    pub(crate) fn command(&self, remedy: &Remedy) -> String {
        match remedy {
            Remedy::Migrate => self.ours("pool-migrate", &[], &[]),
            Remedy::Remove { provider, name } => self.of_credential("pool remove", &[], provider, name),
            Remedy::Revive { provider, name } => {
                self.of_credential("pool reset", &["--dead"], provider, name)
            }
            Remedy::Examine { path } => Self::of(path).ours("pool doctor", &[], &[]),
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

    fn of_credential(&self, command: &str, flags: &[&str], provider: &Provider, name: &str) -> String {
        self.ours(command, flags, &[provider.as_str(), name])
    }

    fn ours(&self, command: &str, flags: &[&str], names: &[&str]) -> String {
        let mut words = vec![command.to_owned()];
        words.extend(flags.iter().map(ToString::to_string));
        if let Some(store) = &self.store {
            words.extend(["--store".to_owned(), quoted_path(store)]);
        }
        // Behind it nothing is a flag, however it begins.
        words.extend(names.iter().any(|name| name.starts_with('-')).then(|| "--".to_owned()));
        words.extend(names.iter().map(|name| quoted(name)));
        words.join(" ")
    }
}

/// A path, which is no flag even if it begins like one.
fn quoted_path(path: &Path) -> String {
    let text = path.display().to_string();
    if text.starts_with('-') { quoted(&format!("./{text}")) } else { quoted(&text) }
}

/// A word for the shell, in quotes where it needs them.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_the_shell_would_read_more_into_them() {
        let cases = [
            ("a1", "a1"),
            ("custom:together.ai", "custom:together.ai"),
            ("", "''"),
            ("two words", "'two words'"),
            ("#2", "'#2'"),
            ("it's", "'it'\\''s'"),
            ("$(rm -r ~)", "'$(rm -r ~)'"),
            ("~/auth.json", "'~/auth.json'"),
            ("über", "über"),
        ];
        for (word, expected) in cases {
            assert_eq!(quoted(word), expected);
        }
    }

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
        assert_eq!(default.command(&Remedy::Delete { path: "-x".into() }), "rm ./-x");
    }
}
