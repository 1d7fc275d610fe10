//! Processes that are told what to do line by line, and answer each line: see `tests/bin`.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Read, Seek, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::support::Home;

/// A process that has looked at the store, and waits for orders. Dropping it lets it finish.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    orders: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    log: File,
}

impl Process {
    pub(crate) fn agent(home: &Home) -> Self {
        Self::start(home.command(&[], env!("CARGO_BIN_EXE_agent")).arg(home.store()))
    }

    pub(crate) fn stale_writer(home: &Home) -> Self {
        Self::start(home.command(&[], env!("CARGO_BIN_EXE_stale-writer")).arg(home.store()))
    }

    pub(crate) fn start(command: &mut Command) -> Self {
        let log = tempfile::tempfile().unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self { child, orders, answers, log };
        assert_eq!(process.answer().as_deref(), Some("ready"), "{}", process.read_log());
        process
    }

    /// Gives an order without waiting for the answer. A process that was killed takes none.
    pub(crate) fn order(&mut self, line: &str) {
        let orders = self.orders.as_mut().unwrap();
        // A process that was killed meanwhile does not read it.
        drop(writeln!(orders, "{line}"));
    }

    /// The next answer; none when the process has ended.
    pub(crate) fn answer(&mut self) -> Option<String> {
        self.answers.next().map(Result::unwrap)
    }

    /// Gives an order, and answers what is said to it.
    #[track_caller]
    pub(crate) fn tell(&mut self, line: &str) -> String {
        self.order(line);
        self.answer().unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Lets it finish, as an agent does that has nothing left to do; answers what it logged.
    pub(crate) fn finish(mut self) -> String {
        self.orders = None;
        assert!(self.child.wait().unwrap().success(), "{}", self.read_log());
        self.read_log()
    }

    fn read_log(&mut self) -> String {
        let mut log = String::new();
        self.log.rewind().unwrap();
        self.log.read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.orders = None;
        drop(self.child.wait());
    }
}
