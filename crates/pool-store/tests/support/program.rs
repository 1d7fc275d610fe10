use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

/// One ignored test of this binary, to be run in a process of its own: with its own variables, folder and limits.
pub(crate) fn child(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", test]).current_dir(folder);
    command
}

/// As [`child`], after a line of shell.
pub(crate) fn child_after(line: &str, test: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{line}; exec \"$0\" \"$@\"")]).arg(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", test]).current_dir(folder);
    command
}

/// As [`child`], by a root who knows no other user, as in a rootless container; none where that cannot be had.
pub(crate) fn child_of_lone_root(test: &str, folder: &Path) -> Option<Command> {
    let lone_root = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user"]);
        command
    };
    lone_root().arg("true").output().ok().filter(|output| output.status.success())?;
    let mut command = lone_root();
    command.arg(std::env::current_exe().unwrap()).args(["--ignored", "--exact", test]).current_dir(folder);
    Some(command)
}

/// Runs it, and sees that it was found and passed.
pub(crate) fn passes(mut child: Command) {
    let output = child.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

/// Runs it, and sees that it is killed where it first writes to a file: none may have a single byte.
pub(crate) fn is_killed_at_its_first_write(test: &str, folder: &Path) {
    let output = child_after("ulimit -c 0; ulimit -f 0", test, folder).output().unwrap();
    assert!(output.status.signal().is_some(), "{}", String::from_utf8_lossy(&output.stdout));
}
