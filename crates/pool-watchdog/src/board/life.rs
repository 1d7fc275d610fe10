//! Whether the worker of a task lives.

use crate::task::Task;

/// What is known of the worker of a task.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Life {
    /// Nobody works on it, as far as the board knows.
    NoWorker,
    /// Its process is there.
    Alive {
        /// The process.
        pid: u32,
    },
    /// Its process has ended: nobody is at it, whatever the board says.
    Gone {
        /// What its process was.
        pid: u32,
    },
    /// It runs on another machine: its number says nothing here.
    Elsewhere {
        /// The machine.
        host: String,
    },
}

/// Looks for the process that the task's claim names.
pub(super) fn of(task: &Task) -> Life {
    let Some(claim) = &task.claim else { return Life::NoWorker };
    let Some(pid) = claim.worker else { return Life::NoWorker };
    match claim.lock.split_once(':') {
        Some((host, _)) if this_host().as_deref() != Some(host) => Life::Elsewhere { host: host.to_owned() },
        _ if exists(pid) && !is_another(task, pid) => Life::Alive { pid },
        _ => Life::Gone { pid },
    }
}

/// As Python's `socket.gethostname` says it, which names the machine in a claim.
#[cfg(unix)]
fn this_host() -> Option<String> {
    nix::unistd::gethostname().ok().map(|name| name.to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn this_host() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

/// Whether there is such a process, and it has not ended: one that nobody asked how it ended is no longer at work.
#[cfg(unix)]
pub(super) fn exists(pid: u32) -> bool {
    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    let Ok(id) = i32::try_from(pid) else { return false };
    // One of somebody else may not be signalled, and is there.
    let is_there = matches!(kill(Pid::from_raw(id), None), Ok(()) | Err(Errno::EPERM));
    is_there && !stat(pid).is_some_and(Stat::has_ended)
}

/// Without a way to ask, whoever is named is taken to live.
#[cfg(not(unix))]
pub(super) fn exists(_: u32) -> bool {
    true
}

/// Whether the number has gone on to another process: one that began long after the worker, and whose command does not name the
/// task. Both, since a clock may be set, and a worker may be called anything.
#[cfg(target_os = "linux")]
fn is_another(task: &Task, pid: u32) -> bool {
    const SLACK: chrono::TimeDelta = chrono::TimeDelta::minutes(1);
    let spawned = task.events.iter().rfind(|event| event.kind == "spawned" && event.payload["pid"] == pid);
    let began = stat(pid).and_then(Stat::began);
    let is_younger = spawned.zip(began).is_some_and(|(spawned, began)| began > spawned.at + SLACK);
    is_younger && !command_of(pid).is_some_and(|command| command.contains(task.id.as_str()))
}

#[cfg(not(target_os = "linux"))]
fn is_another(_: &Task, _: u32) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn command_of(pid: u32) -> Option<String> {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&command).into_owned())
}

/// What the system tells of a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg(unix)]
struct Stat {
    state: char,
    /// In ticks since the system was started.
    began: i64,
}

#[cfg(target_os = "linux")]
fn stat(pid: u32) -> Option<Stat> {
    Stat::read(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Nothing, where there is no `/proc`.
#[cfg(all(unix, not(target_os = "linux")))]
fn stat(_: u32) -> Option<Stat> {
    None
}

#[cfg(unix)]
impl Stat {
    fn has_ended(self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

#[cfg(target_os = "linux")]
impl Stat {
    /// Reads a line like that of `/proc/<pid>/stat`. The name of the program, in parentheses, may hold anything.
    fn read(line: &str) -> Option<Self> {
        let (_, after_name) = line.rsplit_once(')')?;
        let mut fields = after_name.split_whitespace();
        let state = fields.next()?.chars().next()?;
        // The state is the third field, and the beginning the twenty-second.
        Some(Self { state, began: fields.nth(18)?.parse().ok()? })
    }

    fn began(self) -> Option<chrono::DateTime<chrono::Utc>> {
        use nix::unistd::{SysconfVar, sysconf};

        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().filter(|ticks| *ticks > 0)?;
        let system = std::fs::read_to_string("/proc/stat").ok()?;
        let boot: i64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        chrono::DateTime::from_timestamp(boot.checked_add(self.began / ticks)?, 0)
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use serde_json::json;

    use super::*;
    use crate::task::{Claim, Status};

    fn running(lock: &str, worker: Option<u32>) -> Task {
        let claim = Some(Claim { run: Some(1), lock: lock.to_owned(), expires_at: None, worker });
        Task { claim, ..Task::sample("t_1", Status::Running) }
    }

    fn here() -> String {
        format!("{}:1", this_host().unwrap())
    }

    #[test]
    fn the_process_of_a_worker_is_looked_for() {
        let pid = std::process::id();
        assert_eq!(of(&Task::sample("t_1", Status::Ready)), Life::NoWorker);
        assert_eq!(of(&running(&here(), None)), Life::NoWorker);
        assert_eq!(of(&running(&here(), Some(pid))), Life::Alive { pid });
        for gone in [i32::MAX as u32, u32::MAX] {
            assert_eq!(of(&running(&here(), Some(gone))), Life::Gone { pid: gone });
        }
        let host = "another-machine".to_owned();
        assert_eq!(of(&running("another-machine:7", Some(pid))), Life::Elsewhere { host });
    }

    #[test]
    fn a_process_that_nobody_asked_how_it_ended_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        let ended = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") Z ");
        while !ended() {
            std::thread::yield_now();
        }
        assert_eq!(of(&running(&here(), Some(pid))), Life::Gone { pid });
        child.wait().unwrap();
        assert_eq!(of(&running(&here(), Some(pid))), Life::Gone { pid });
    }

    #[test]
    fn a_number_that_went_on_to_another_process_is_no_worker() {
        let pid = std::process::id();
        let spawned = |ago: TimeDelta, id: &str| {
            let mut task = Task { id: crate::TaskId::new(id).unwrap(), ..running(&here(), Some(pid)) };
            task = task.then("spawned", Some(1), json!({"pid": pid}));
            task.events[0].at = DateTime::<Utc>::from(std::time::SystemTime::now()) - ago;
            task
        };
        let (soon, long_ago) = (TimeDelta::seconds(5), TimeDelta::days(400));
        assert_eq!(of(&spawned(soon, "t_none")), Life::Alive { pid });
        assert_eq!(of(&spawned(long_ago, "t_none")), Life::Gone { pid });
        // The command of this process names it, as that of a worker names its task.
        let command = command_of(pid).unwrap();
        let own = command
            .split(|c: char| !c.is_ascii_alphanumeric())
            .find(|word| word.starts_with("pool"))
            .unwrap();
        assert_eq!(of(&spawned(long_ago, own)), Life::Alive { pid });
    }

    #[test]
    fn a_line_of_the_system_is_read_whatever_the_program_is_called() {
        let line = "42 (a ) R b) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 51234 2 3";
        assert_eq!(Stat::read(line), Some(Stat { state: 'S', began: 51234 }));
        for line in
            ["", "42 (sh", "42 (sh) S 1 2", "42 (sh) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 x"]
        {
            assert_eq!(Stat::read(line), None, "{line}");
        }
    }
}
