use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::renewal::PATIENCE;
use crate::skipped::skipped;

const SCRIPT: &str = include_str!("../oidc/provider.mjs");

/// The real provider in a process of its own, which ends with the test, however it ends.
#[derive(Debug)]
pub(crate) struct OpenidProvider {
    process: Child,
    questions: RefCell<ChildStdin>,
    answers: Receiver<String>,
    url: String,
}

/// What it counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tally {
    /// Requests that arrived.
    pub(crate) posts: u64,
    /// Pairs that were given.
    pub(crate) minted: u64,
    /// Requests that were refused.
    pub(crate) refused: u64,
    /// Grants that were revoked, since a token of theirs came twice.
    pub(crate) revoked: u64,
}

impl OpenidProvider {
    /// Starts it. None where it is not installed; it is said then.
    pub(crate) fn start() -> Option<Self> {
        let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc-peer");
        if !packages.join("node_modules/oidc-provider").is_dir() {
            skipped("oidc-provider is not installed: `bash .ci/oidc-peer` does it");
            return None;
        }
        // A script that is no file finds the packages of the folder it runs in.
        let mut command = Command::new("node");
        command.args(["--input-type=module", "--eval", SCRIPT]).current_dir(packages);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut process) = command.spawn() else {
            skipped("node is missing");
            return None;
        };
        let questions = RefCell::new(process.stdin.take().unwrap());
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (give, answers) = mpsc::channel();
        // A read knows no deadline, and a channel does.
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| give.send(line)));
        let mut provider = Self { process, questions, answers, url: String::new() };
        provider.url = provider.read();
        Some(provider)
    }

    /// Its token endpoint.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The refresh token of a new grant.
    pub(crate) fn login(&self) -> String {
        self.ask("login")
    }

    /// Answers nobody until [`OpenidProvider::release`].
    pub(crate) fn hold(&self) {
        assert_eq!(self.ask("hold"), "held");
    }

    pub(crate) fn release(&self) {
        assert_eq!(self.ask("release"), "released");
    }

    pub(crate) fn tally(&self) -> Tally {
        let tally: Value = serde_json::from_str(&self.ask("tally")).unwrap();
        let count = |name: &str| tally[name].as_u64().unwrap();
        Tally {
            posts: count("posts"),
            minted: count("minted"),
            refused: count("refused"),
            revoked: count("revoked"),
        }
    }

    /// Waits until so many requests arrived.
    pub(crate) fn wait_for_posts(&self, posts: u64) {
        let begun = Instant::now();
        while self.tally().posts < posts {
            assert!(begun.elapsed() < PATIENCE, "{posts} requests did not arrive within {PATIENCE:?}");
            thread::yield_now();
        }
    }

    fn ask(&self, line: &str) -> String {
        // One that has ended takes no questions, and gives no answers.
        drop(writeln!(self.questions.borrow_mut(), "{line}"));
        self.read()
    }

    fn read(&self) -> String {
        self.answers.recv_timeout(PATIENCE).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => panic!("the provider said nothing for {PATIENCE:?}, and is killed"),
            RecvTimeoutError::Disconnected => panic!("the provider ended: it needs node 20 or later"),
        })
    }
}

impl Drop for OpenidProvider {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
