//! Commands under strace: to see their system calls, to kill them at one of these, or to let one fail.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::skipped::skipped;
use crate::support::Ran;

/// One system call of a command.
#[derive(Debug)]
pub(crate) struct Call {
    /// Such as `openat`.
    pub(crate) name: String,
    /// Which call of that name it is, from 1.
    nth: usize,
    /// As strace prints it.
    pub(crate) line: String,
}

impl Call {
    /// Whether it is the same one, in another run of the command.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        (&self.name, self.nth) == (&other.name, other.nth)
    }
}

/// What shall happen at a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// The process is killed before the call does anything.
    Killed,
    /// The process is stopped once the call is done.
    Stopped,
    /// The call does nothing and answers this error, such as `EIO`.
    Fails(&'static str),
}

/// Whether commands can be traced here. Says it where not.
pub(crate) fn is_here() -> bool {
    let tried = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    let is_here = tried.is_ok_and(|tried| tried.status.success());
    if !is_here {
        skipped("strace is missing, or nobody may trace here");
    }
    is_here
}

/// What comes in front of a command to meet its fates; the trace goes to a file.
fn wrapper<'a>(fates: impl IntoIterator<Item = (&'a Call, Fate)>, trace: &NamedTempFile) -> Vec<String> {
    let mut words = vec!["strace".to_owned(), "-o".to_owned(), trace.path().display().to_string()];
    for (Call { name, nth, .. }, fate) in fates {
        let fate = match fate {
            Fate::Killed => "signal=KILL".to_owned(),
            Fate::Stopped => "signal=STOP".to_owned(),
            Fate::Fails(error) => format!("error={error}"),
        };
        words.extend(["-e".to_owned(), format!("inject={name}:{fate}:when={nth}")]);
    }
    words
}

/// Runs a command to its end, and answers its calls.
pub(crate) fn trace(run: impl FnOnce(&[&str]) -> Ran) -> (Ran, Vec<Call>) {
    run_to_fates([], run)
}

/// Runs a command to its fates, and answers the calls that it came to.
pub(crate) fn run_to_fates<'a>(
    fates: impl IntoIterator<Item = (&'a Call, Fate)>,
    run: impl FnOnce(&[&str]) -> Ran,
) -> (Ran, Vec<Call>) {
    let trace = NamedTempFile::new().unwrap();
    let words = wrapper(fates, &trace);
    let ran = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    (ran, calls(&String::from_utf8_lossy(&fs::read(trace.path()).unwrap())))
}

/// Runs a command that stops behind a call while something else happens, and goes on to its end.
pub(crate) fn run_with_a_stop(
    call: &Call,
    command: impl FnOnce(&[&str]) -> Command,
    meanwhile: impl FnOnce(),
) -> Ran {
    let trace = NamedTempFile::new().unwrap();
    let mut words = wrapper([(call, Fate::Stopped)], &trace);
    // Which has the trace name the process.
    words.push("-f".to_owned());
    let command = command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    std::thread::scope(|threads| {
        let ran = threads.spawn(|| Ran::of(command));
        let pid = pid_of_who_stops(&trace);
        meanwhile();
        assert!(Command::new("kill").args(["-CONT", &pid]).status().unwrap().success());
        ran.join().unwrap()
    })
}

/// Waits until the trace says who was stopped.
fn pid_of_who_stops(trace: &NamedTempFile) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let text = fs::read_to_string(trace.path()).unwrap();
        if let Some(line) = text.lines().find(|line| line.ends_with("--- stopped by SIGSTOP ---")) {
            return line.split(' ').next().unwrap().to_owned();
        }
        std::thread::yield_now();
    }
    panic!("nobody stopped");
}

/// One thread of a process, watched from some moment on. A counter of strace counts the calls of one thread, and in another
/// one it may be there first.
#[derive(Debug)]
pub(crate) struct Attached {
    strace: Child,
    trace: NamedTempFile,
}

impl Attached {
    /// Watches the thread of this name, and kills its process at the nth call of a name from now on. None where nobody may
    /// watch a process that runs; it is said then.
    pub(crate) fn to_thread(pid: u32, name: &str, kill_at: Option<(&str, usize)>) -> Option<Self> {
        let trace = NamedTempFile::new().unwrap();
        let mut command = Command::new("strace");
        command.arg("-o").arg(trace.path()).args(["-p", &thread(pid, name)]).stderr(Stdio::piped());
        if let Some((name, nth)) = kill_at {
            command.args(["-e", &format!("inject={name}:signal=KILL:when={nth}")]);
        }
        let mut strace = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(strace.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
        let attached = Self { strace, trace };
        if said.ends_with("attached\n") {
            return Some(attached);
        }
        skipped("nobody may trace a process that runs");
        None
    }

    /// The calls of the thread, once its process has ended.
    pub(crate) fn calls(mut self) -> Vec<Call> {
        self.strace.wait().unwrap();
        calls(&fs::read_to_string(self.trace.path()).unwrap())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        drop(self.strace.kill());
        drop(self.strace.wait());
    }
}

fn thread(pid: u32, name: &str) -> String {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|thread| thread.unwrap().path());
    let is_it = |thread: &std::path::PathBuf| fs::read_to_string(thread.join("comm")).unwrap().trim() == name;
    let thread = threads.into_iter().find(is_it).unwrap();
    thread.file_name().unwrap().to_string_lossy().into_owned()
}

fn calls(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for line in trace.lines() {
        let Some((name, _)) = line.split_once('(') else { continue };
        if name.is_empty() || !name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') {
            continue;
        }
        let nth = 1 + calls.iter().filter(|call| call.name == name).count();
        calls.push(Call { name: name.to_owned(), nth, line: line.to_owned() });
    }
    calls
}
