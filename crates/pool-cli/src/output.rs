use std::collections::HashSet;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use tracing::field::Field;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{self, FmtSpan, Writer};

use crate::env;
use crate::error::CommandError;
use crate::render::{Shell, printable, reasons};
use crate::typed::Typed;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// The shape of `--json` output; it grows by new fields, and this number only changes when an old one does.
pub(crate) const JSON_VERSION: u32 = 1;

/// Prints data for people; colour is taken out where nobody would see it.
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints one JSON value on a line of its own.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Says on standard error what a person should know, although the command goes on.
pub(crate) fn print_warning(text: &str) {
    to_stderr(&format!("{WARNING}warning:{WARNING:#} {}\n", printable(text)));
}

/// Tells a person something on standard error that is no data.
pub(crate) fn print_note(text: &str) {
    to_stderr(&format!("{}\n", printable(text)));
}

/// Shows on a terminal how far it is, in place of what was shown so before; an empty text ends it.
pub(crate) fn print_progress(text: &str) {
    if io::stderr().is_terminal() {
        to_stderr(&format!("\r\x1b[K{}", printable(text)));
    }
}

/// Says why a command failed, and what to do next.
pub(crate) fn print_error(error: &CommandError, typed: &Typed, shell: &Shell) {
    let mut text = String::new();
    for (index, line) in error.lines().iter().enumerate() {
        let line = typed.hide(line);
        text += &if index == 0 {
            format!("{ERROR}error:{ERROR:#} {line}\n")
        } else {
            format!("  caused by: {line}\n")
        };
    }
    if let CommandError::Unavailable(nothing) = error {
        text += &typed.hide(&reasons(nothing));
    }
    if let Some(hint) = error.hint(shell) {
        text += &format!("{HINT}hint:{HINT:#} {}\n", typed.hide(&printable(&hint)));
    }
    to_stderr(&text);
}

/// Says why something failed that the command goes on from.
pub(crate) fn print_failure(error: &CommandError) {
    print_warning(&error.lines().join(": "));
}

/// Says what is wrong with the arguments; without colour where something in it is hidden.
pub(crate) fn print_usage(error: &clap::Error, typed: &Typed) {
    let plain = error.render().to_string();
    let hidden = typed.hide(&plain);
    to_stderr(&if hidden == plain { error.render().ansi().to_string() } else { hidden });
}

fn to_stderr(text: &str) {
    // With standard error gone, there is nobody left to tell.
    drop(anstream::stderr().lock().write_all(text.as_bytes()));
}

/// Sends warnings of the libraries to standard error; `POOL_LOG` asks for more, such as how long each step took.
pub(crate) fn start_log() {
    let filter = EnvFilter::try_new(env::log_filter()).unwrap_or_else(|error| {
        print_warning(&format!("POOL_LOG cannot be read, so warnings only: {error}"));
        EnvFilter::new("warn")
    });
    // A second call in one process leaves the first log in place.
    drop(tracing::subscriber::set_global_default(log(filter, Log::default())));
}

/// A line for each event, and one for each step that ends, with the time that it took.
fn log(filter: EnvFilter, writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) -> impl Subscriber {
    tracing_subscriber::fmt()
        .event_format(format::format().without_time().with_target(false))
        .fmt_fields(format::debug_fn(write_field).delimited(" "))
        .with_span_events(FmtSpan::CLOSE)
        .with_env_filter(filter)
        .with_writer(writer)
        .finish()
}

/// Standard error, for log lines: a warning that a command comes across twice is said once.
#[derive(Default)]
struct Log {
    warnings: Mutex<HashSet<Vec<u8>>>,
}

struct Line<'a> {
    /// The warnings that were said, where this is one.
    warnings: Option<&'a Mutex<HashSet<Vec<u8>>>>,
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { warnings: None }
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Line<'a> {
        Line { warnings: (*line.level() <= Level::WARN).then_some(&self.warnings) }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let is_new = |warnings: &Mutex<HashSet<Vec<u8>>>| {
            warnings.lock().unwrap_or_else(PoisonError::into_inner).insert(line.to_vec())
        };
        if self.warnings.is_none_or(is_new) {
            anstream::stderr().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the libraries log may come from a file, so that it is escaped like all else.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let text = printable(&format!("{value:?}"));
    match field.name() {
        "message" => writer.write_str(&text),
        name => write!(writer, "{name}={text}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        tracing::subscriber::with_default(log(EnvFilter::new(filter), move || writer.clone()), || {
            tracing::debug_span!("load", path = "a\u{1b}b").in_scope(|| tracing::debug!("read"));
            tracing::warn!("odd");
        });
        String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn steps_show_with_their_time_where_they_are_asked_for() {
        assert_eq!(logged("warn"), " WARN odd\n");
        let text = logged("debug");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("DEBUG load{path=") && lines[0].ends_with(": read"), "{text}");
        assert!(lines[1].starts_with("DEBUG load{") && lines[1].contains("time.busy="), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
