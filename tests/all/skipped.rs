use std::io::Write;

/// Says loudly, past the capture of a test that passes, why this machine cannot show something. `.ci/run` looks for it.
pub(crate) fn skipped(why: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    drop(writeln!(std::io::stderr(), "SKIPPED ({name}): {why}"));
}
