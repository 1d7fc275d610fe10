use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::skipped::skipped;

const SCRIPT: &str = include_str!("../oidc/provider.mjs");

/// The real provider in a process of its own, which ends with the test, however it ends.
#[derive(Debug)]
pub(crate) struct OpenidProvider {
    process: Child,
    wire: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
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
        let wire = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut provider = Self { process, wire: RefCell::new(wire), url: String::new() };
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
        while self.tally().posts < posts {
            std::thread::yield_now();
        }
    }

    fn ask(&self, line: &str) -> String {
        writeln!(self.wire.borrow_mut().0, "{line}").unwrap();
        self.read()
    }

    fn read(&self) -> String {
        let mut line = String::new();
        self.wire.borrow_mut().1.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the provider ended: it needs node 20 or later");
        line.trim_end().to_owned()
    }
}

impl Drop for OpenidProvider {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
