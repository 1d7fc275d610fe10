use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use pool_core::{Provider, Secret, Source, Unresolved};
use pool_format::Lent;
use zeroize::Zeroizing;

use crate::login_file::{LoginFile, read_short};

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
    lent: Arc<OnceLock<Result<Lent, Unresolved>>>,
}

impl Lender {
    /// What one of several sources read in the same file, in the same way, the others need not read again.
    fn of(file: &LoginFile, others: &[Self]) -> Self {
        let is_same =
            |other: &&Self| other.file.path == file.path && Arc::ptr_eq(&other.file.format, &file.format);
        let known = others.iter().find(is_same).map(|other| Arc::clone(&other.lent));
        Self { file: file.clone(), lent: known.unwrap_or_default() }
    }

    fn login(&self) -> &Result<Lent, Unresolved> {
        self.lent.get_or_init(|| self.file.lend())
    }
}

impl Environment {
    /// Reads the `.env` of a folder, where there is one.
    pub(crate) fn of(folder: &Path, files: &[LoginFile]) -> Self {
        let lenders = files.iter().fold(Vec::new(), |mut lenders, file| {
            lenders.push(Lender::of(file, &lenders));
            lenders
        });
        Self { dotenv: variables(&folder.join(".env")), files: lenders }
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

/// Variables are some kilobytes: what is longer is another file.
const LONGEST: u64 = 1024 * 1024;

fn variables(path: &Path) -> HashMap<String, Secret> {
    let text = match read_short(path, LONGEST) {
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
    use std::sync::atomic::{AtomicUsize, Ordering};

    use chrono::{DateTime, Utc};
    use pool_format::Lender as _;

    use super::*;
    use crate::login_file::{Access, LoginFormat};

    /// Counts how often it is read.
    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl LoginFormat for Counted {
        fn read(&self, _: Vec<u8>) -> Option<Lent> {
            self.0.fetch_add(1, Ordering::Relaxed);
            None
        }

        fn renew(&self, _: Vec<u8>, _: &Lent, _: DateTime<Utc>) -> Option<Zeroizing<String>> {
            None
        }
    }

    #[test]
    fn a_file_is_read_once_for_all_sources_that_it_has_in_one_format() {
        let folder = tempfile::tempdir().unwrap();
        let path = tempfile::NamedTempFile::new_in(&folder).unwrap();
        let formats: [Arc<Counted>; 2] = Default::default();
        let [one, another] = &formats;
        let provider = Provider::new("xai-oauth").unwrap();
        let file = |source: &str, format: &Arc<Counted>| LoginFile {
            provider: provider.clone(),
            source: Source::new(source),
            path: path.path().to_owned(),
            access: Access::Unlocked,
            format: Arc::clone(format) as Arc<dyn LoginFormat>,
        };
        let environment =
            Environment::of(folder.path(), &[file("a", one), file("b", one), file("c", another)]);
        for source in ["a", "b", "c", "a"] {
            assert_eq!(environment.lend(&provider, &Source::new(source)), Err(Unresolved::NoLogin));
        }
        assert_eq!(formats.map(|format| format.0.load(Ordering::Relaxed)), [1, 1]);
    }

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
