use std::process::Command;

/// One ignored test of this binary, to be run in a process of its own: with its own variables, folder and umask.
pub(crate) fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", test]);
    command
}

/// Runs it, and sees that it was found and passed.
pub(crate) fn passes(mut child: Command) {
    let output = child.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}
