use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use pool_core::{Provider, Secret, Source, Unresolved};
use pool_format::Lent;
use zeroize::Zeroizing;

use crate::login_file::LoginFile;

/// Lends the secrets of `env:*` sources (the `.env` beside the store first, then the environment of this process), and
/// those in the files of other tools.
#[derive(Debug)]
pub(crate) struct Environment {
    dotenv: HashMap<String, Secret>,
    files: Vec<Lender>,
}

/// A file of another program, and the login in it once somebody asked: a store without such entries never reads it.
#[derive(Debug)]
struct Lender {
    file: LoginFile,
    lent: OnceLock<Result<Lent, Unresolved>>,
}

impl Lender {
    fn login(&self) -> &Result<Lent, Unresolved> {
        self.lent.get_or_init(|| self.file.lend())
    }
}

impl Environment {
    /// Reads the `.env` of a folder, where there is one.
    pub(crate) fn of(folder: &Path, files: &[LoginFile]) -> Self {
        let lender = |file: &LoginFile| Lender { file: file.clone(), lent: OnceLock::new() };
        Self { dotenv: variables(&folder.join(".env")), files: files.iter().map(lender).collect() }
    }

    /// Whether another program may have a login of a source in a file.
    pub(crate) fn has_file(&self, provider: &Provider, source: &Source) -> bool {
        self.homes(provider, source).next().is_some()
    }

    /// The logins that other programs have of a source, in files that are other homes of it.
    pub(crate) fn logins(&self, provider: &Provider, source: &Source) -> Vec<Lent> {
        self.homes(provider, source).filter_map(|home| home.login().as_ref().ok()).cloned().collect()
    }

    fn homes<'a>(&'a self, provider: &'a Provider, source: &'a Source) -> impl Iterator<Item = &'a Lender> {
        self.files.iter().filter(|lender| lender.file.is_home_of(provider, source))
    }

    fn variable(&self, name: &str) -> Option<Secret> {
        let beside = self.dotenv.get(name).filter(|secret| !secret.is_blank()).cloned();
        beside.or_else(|| std::env::var(name).ok().map(Secret::new).filter(|secret| !secret.is_blank()))
    }
}

fn variables(path: &Path) -> HashMap<String, Secret> {
    let text = match read(path) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "cannot read the variables beside the store");
            }
            return HashMap::new();
        }
    };
    let text = Zeroizing::new(String::from_utf8_lossy(&text).into_owned());
    text.lines().filter_map(assignment).collect()
}

/// Reads a file, and nothing else: a pipe would wait for its writer, and everyone for us.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.is_file() { fs::read(path) } else { Err(io::Error::other("it is not a file")) }
}

impl pool_format::Lender for Environment {
    fn lend(&self, provider: &Provider, source: &Source) -> Result<Lent, Unresolved> {
        if let Some(home) = self.homes(provider, source).next() {
            return home.login().clone();
        }
        let name = source.environment_variable().ok_or(Unresolved::SourceNotReadable)?;
        let secret = self.variable(name).ok_or(Unresolved::VariableNotSet)?;
        match secret.oddity() {
            Some(what) => Err(Unresolved::Odd { what }),
            None if secret.is_placeholder() => Err(Unresolved::Placeholder),
            None => Ok(secret.into()),
        }
    }
}

/// Reads `NAME=value`, with or without `export`, quotes and a comment behind.
fn assignment(line: &str) -> Option<(String, Secret)> {
    let line = line.trim_start_matches('\u{feff}').trim();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name.to_owned(), Secret::new(unquoted(value.trim()).to_owned())))
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some((inner, _)) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return inner;
        }
    }
    value.split(" #").next().unwrap_or(value).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_dotenv_are_read() {
        let cases = [
            ("KEY=sk-1", Some(("KEY", "sk-1"))),
            ("export KEY = sk-1 # mine", Some(("KEY", "sk-1"))),
            ("KEY=\"sk #1\" # mine", Some(("KEY", "sk #1"))),
            ("KEY='sk-1'", Some(("KEY", "sk-1"))),
            ("KEY=sk#1", Some(("KEY", "sk#1"))),
            ("KEY=", Some(("KEY", ""))),
            ("# KEY=sk-1", None),
            ("not a line", None),
            ("=x", None),
        ];
        for (line, expected) in cases {
            let read = assignment(line);
            let read = read.as_ref().map(|(name, secret)| (name.as_str(), secret.expose()));
            assert_eq!(read, expected, "{line}");
        }
    }
}
