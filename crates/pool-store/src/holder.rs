//! Who holds a lock, as far as the system tells: Linux lists the locks of all processes.

use std::fmt;
use std::path::Path;

/// The process that holds a lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// Its id. Of a lock that went on to its children, it is the one that took it, which may have ended.
    pub pid: u32,
    /// What it is called: its program, cut at 15 bytes. `None` where it has ended.
    pub name: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "{name} (pid {})", self.pid),
            None => write!(formatter, "pid {}", self.pid),
        }
    }
}

/// Who holds the flock on this file now; `None` where nobody does, or the system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn holder_of(lock: &Path) -> Option<Holder> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::metadata(lock).ok()?;
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let pid = pid_in(&locks, metadata.dev(), metadata.ino())?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok();
    Some(Holder { pid, name: name.and_then(|name| readable(&name)) })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn holder_of(_: &Path) -> Option<Holder> {
    None
}

/// Finds the flock of an inode in a text like that of `/proc/locks`:
///
/// ```text
/// 1: FLOCK  ADVISORY  WRITE 4242 fe:00:1310 0 EOF
/// 1: -> FLOCK  ADVISORY  WRITE 4243 fe:00:1310 0 EOF
/// ```
///
/// The second line is one who waits.
fn pid_in(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let place = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    locks.lines().find_map(|line| match *line.split_whitespace().collect::<Vec<_>>() {
        [_, "FLOCK", _, _, pid, at, ..] if at == place => pid.parse().ok(),
        _ => None,
    })
}

/// The halves of a device number, as Linux packs them.
fn major(device: u64) -> u64 {
    ((device >> 8) & 0xfff) | ((device >> 32) & !0xfff)
}

fn minor(device: u64) -> u64 {
    (device & 0xff) | ((device >> 12) & 0xffff_ff00)
}

/// A process may call itself anything; what controls a terminal is left out.
fn readable(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "\
1: FLOCK  ADVISORY  WRITE 30606 fe:00:10108961 0 EOF
1: -> FLOCK  ADVISORY  WRITE 30700 fe:00:10108961 0 EOF
2: POSIX  ADVISORY  WRITE 29620 fe:00:5308831 0 EOF
3: -> FLOCK  ADVISORY  WRITE 29621 fe:00:77 0 EOF
4: FLOCK  ADVISORY  READ 29622 08:12:5308831 0 EOF
5: LEASE  ACTIVE    READ 29623 fe:00:88 0 EOF
6: OFDLCK ADVISORY  WRITE -1 fe:00:99 0 EOF
half a line
";

    #[test]
    fn the_holder_of_an_inode_is_found() {
        let cases = [
            ("held, with one who waits", 0xfe00, 10_108_961, Some(30606)),
            ("another kind of lock", 0xfe00, 5_308_831, None),
            ("the same inode of another device", 0x0812, 5_308_831, Some(29622)),
            ("only waited for", 0xfe00, 77, None),
            ("not listed", 0xfe00, 1, None),
            ("of nobody that can be named", 0xfe00, 99, None),
        ];
        for (what, device, inode, pid) in cases {
            assert_eq!(pid_in(LOCKS, device, inode), pid, "{what}");
        }
        assert_eq!(pid_in("", 0, 0), None);
    }

    #[test]
    fn a_device_number_has_two_halves() {
        // As glibc's makedev packs them.
        for (device, halves) in [
            (0xfe00, (254, 0)),
            (0x0812, (8, 18)),
            (0x0010_0301, (3, 257)),
            (0x0001_0000_0000_0203, (0x1_0002, 3)),
        ] {
            assert_eq!((major(device), minor(device)), halves, "{device:x}");
        }
    }

    #[test]
    fn a_name_is_one_line_without_controls() {
        for (text, name) in [("hermes\n", Some("hermes")), ("a\u{1b}[31mb\n", Some("a[31mb")), ("\n", None)] {
            assert_eq!(readable(text).as_deref(), name);
        }
    }

    #[test]
    fn a_holder_whose_name_is_unknown_has_its_id() {
        assert_eq!(Holder { pid: 7, name: Some("hermes".to_owned()) }.to_string(), "hermes (pid 7)");
        assert_eq!(Holder { pid: 7, name: None }.to_string(), "pid 7");
    }
}
