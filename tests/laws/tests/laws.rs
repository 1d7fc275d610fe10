//! The laws on the seeds of the fuzz targets, and on inputs that are made of them by chance: the same ones each time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arbitrary::{Arbitrary, Unstructured};
use pool_laws::History;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{RngSeed, TestRunner};

/// Larger seeds are tried as they are: what is made of them takes long, and says little that is new.
const MOST_BYTES_CHANGED: usize = 2048;

#[test]
fn documents() {
    let folders = ["fuzz/corpus/document", "fuzz/corpus/migration", "tests/data", "tests/data/json-suite"];
    hold(pool_laws::document, &folders, &words_of("store"), 2000);
}

#[test]
fn migrations() {
    let folders = ["fuzz/corpus/document", "fuzz/corpus/migration", "tests/data"];
    hold(pool_laws::migration, &folders, &words_of("store"), 2000);
}

#[test]
fn times() {
    hold(pool_laws::time, &["fuzz/corpus/time"], &words_of("time"), 4000);
}

#[test]
fn words() {
    hold(pool_laws::words, &["fuzz/corpus/words"], &words_of("words"), 4000);
}

#[test]
fn failures() {
    hold(pool_laws::failure, &["fuzz/corpus/failure"], &words_of("failure"), 2000);
}

#[test]
fn homes() {
    hold(pool_laws::homes, &["fuzz/corpus/homes"], &words_of("homes"), 2000);
}

#[test]
fn worker_logs() {
    let folders = ["fuzz/corpus/worker_log", "crates/pool-watchdog/tests/logs"];
    hold(pool_laws::worker_log, &folders, &words_of("worker_log"), 2000);
}

#[test]
fn artifacts() {
    hold(pool_laws::artifact, &["fuzz/corpus/artifact"], &words_of("artifact"), 200);
}

#[test]
fn watchdog_settings() {
    let folders = ["fuzz/corpus/watchdog_settings"];
    hold(pool_laws::watchdog_settings, &folders, &words_of("watchdog_settings"), 2000);
}

#[test]
fn journals() {
    hold(pool_laws::journal, &["fuzz/corpus/journal"], &words_of("journal"), 200);
}

#[test]
fn operations() {
    hold(|bytes| pool_laws::operations(&history(bytes)), &["fuzz/corpus/operations"], &[], 2000);
}

#[test]
fn stores() {
    let folders = ["fuzz/corpus/operations", "fuzz/corpus/store"];
    hold(|bytes| pool_laws::store(&history(bytes)), &folders, &[], 300);
}

/// As the fuzz target reads it.
fn history(bytes: &[u8]) -> History {
    History::arbitrary(&mut Unstructured::new(bytes)).unwrap()
}

/// Tries a law on the seeds in these folders, and on so many inputs that are made of them and of these words.
fn hold(law: impl Fn(&[u8]), folders: &[&str], words: &[Vec<u8>], cases: u32) {
    let seeds: Vec<(PathBuf, Vec<u8>)> = folders.iter().flat_map(|folder| files(folder)).collect();
    assert!(!seeds.is_empty(), "no seeds in {folders:?}");
    let is_broken = |bytes: &[u8]| catch_unwind(AssertUnwindSafe(|| law(bytes))).is_err();
    let broken: Vec<_> = seeds.iter().filter(|(_, bytes)| is_broken(bytes)).map(|(path, _)| path).collect();
    assert!(broken.is_empty(), "these seeds break the law: {broken:?}");

    let small = seeds.into_iter().map(|(_, bytes)| bytes).filter(|bytes| bytes.len() <= MOST_BYTES_CHANGED);
    let inputs = inputs(small.collect(), words);
    let config = ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(26),
        failure_persistence: None,
        ..Default::default()
    };
    let tried = TestRunner::new(config).run(&inputs, |input| {
        law(&input.0);
        Ok(())
    });
    if let Err(error) = tried {
        panic!(
            "{error}\nOnce it is mended, put the input into {}, so that it is tried from then on.",
            folders[0]
        );
    }
}

/// Shown as what can be pasted into a test.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "b\"{}\"", self.0.escape_ascii())
    }
}

/// One change of a text; places in it are counted around.
#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index, usize),
    Repeat(Index, usize),
    /// From here on it is the end of another text.
    Splice(Index, Vec<u8>, Index),
}

fn inputs(seeds: Vec<Vec<u8>>, words: &[Vec<u8>]) -> impl Strategy<Value = Input> {
    let length = 1..64_usize;
    let words =
        if words.is_empty() { vec(any::<u8>(), 1..8).boxed() } else { select(words.to_vec()).boxed() };
    let edit = prop_oneof![
        2 => any::<(Index, u8)>().prop_map(|(place, byte)| Edit::Set(place, byte)),
        4 => (any::<Index>(), words).prop_map(|(place, word)| Edit::Insert(place, word)),
        2 => (any::<Index>(), length.clone()).prop_map(|(place, length)| Edit::Cut(place, length)),
        1 => (any::<Index>(), length).prop_map(|(place, length)| Edit::Repeat(place, length)),
        1 => (any::<Index>(), select(seeds.clone()), any::<Index>())
            .prop_map(|(place, other, from)| Edit::Splice(place, other, from)),
    ];
    let changed = (select(seeds), vec(edit, 1..6))
        .prop_map(|(seed, edits)| Input(edits.iter().fold(seed, |bytes, edit| edit.of(bytes))));
    prop_oneof![4 => changed, 1 => vec(any::<u8>(), 0..1024).prop_map(Input)]
}

impl Edit {
    fn of(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let place = |place: &Index, bytes: &[u8]| place.index(bytes.len() + 1);
        let range = |start: &Index, length: &usize, bytes: &[u8]| {
            let start = place(start, bytes);
            start..bytes.len().min(start + length)
        };
        match self {
            Self::Set(at, byte) => {
                let at = place(at, &bytes);
                bytes.splice(at..bytes.len().min(at + 1), [*byte]);
            }
            Self::Insert(at, word) => {
                let at = place(at, &bytes);
                bytes.splice(at..at, word.iter().copied());
            }
            Self::Cut(at, length) => drop(bytes.drain(range(at, length, &bytes))),
            Self::Repeat(at, length) => {
                let range = range(at, length, &bytes);
                let part = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, part);
            }
            Self::Splice(at, other, from) => {
                bytes.truncate(place(at, &bytes));
                bytes.extend_from_slice(&other[place(from, other)..]);
            }
        }
        bytes
    }
}

/// The words of a dictionary, as libFuzzer writes them.
fn words_of(name: &str) -> Vec<Vec<u8>> {
    let path = root().join("fuzz/dictionaries").join(name).with_extension("dict");
    let text = fs::read_to_string(path).unwrap();
    let words = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    words.map(unescaped).collect()
}

fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (byte, length) = match escaped.strip_prefix('x') {
            Some(digits) => (u8::from_str_radix(&digits[..2], 16).unwrap(), 3),
            None => (escaped.as_bytes()[0], 1),
        };
        bytes.push(byte);
        rest = &escaped[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The files of a folder in the order of their names, which is the same everywhere.
fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
