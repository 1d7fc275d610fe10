use std::fmt;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{self, Writer};

use crate::env;
use crate::error::CommandError;
use crate::render::{printable, reasons};
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

/// Says why a command failed, and what to do next.
pub(crate) fn print_error(error: &CommandError, typed: &Typed) {
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
    if let Some(hint) = error.hint() {
        text += &format!("{HINT}hint:{HINT:#} {}\n", typed.hide(&printable(&hint)));
    }
    to_stderr(&text);
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

/// Sends warnings of the libraries to standard error; `POOL_LOG` asks for more.
pub(crate) fn start_log() {
    let filter = EnvFilter::try_new(env::log_filter()).unwrap_or_else(|_| EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(anstream::stderr)
        .with_target(false)
        .fmt_fields(format::debug_fn(write_field).delimited(" "))
        .without_time();
    // A second call in one process leaves the first log in place.
    drop(log.try_init());
}

/// What the libraries log may come from a file, so that it is escaped like all else.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let text = printable(&format!("{value:?}"));
    match field.name() {
        "message" => writer.write_str(&text),
        name => write!(writer, "{name}={text}"),
    }
}
