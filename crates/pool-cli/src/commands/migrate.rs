use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, Utc};
use pool_format::raw::{Object, Raw};
use pool_migrate::{Report, Step};
use pool_store::{FileStore, Rewritten, StoreError};
use serde::Serialize;

use crate::args::MigrateArgs;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit;
use crate::output::{self, JSON_VERSION};
use crate::render::printable;

const TITLE: Style = Style::new().bold();
const GOES: Style = AnsiColor::Red.on_default();
const COMES: Style = AnsiColor::Green.on_default();

#[derive(Serialize)]
struct Answer {
    version: u32,
    store: String,
    needed: bool,
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<String>,
    moved: Vec<Moved>,
}

#[derive(Serialize)]
struct Moved {
    provider: String,
    credential: String,
    label: String,
}

/// Migrates, or says what a migration would do.
pub(crate) fn run(args: &MigrateArgs) -> Result<ExitCode, CommandError> {
    output::start_log();
    let context = Context::new(args.path(), args.json, args.now)?;
    let store = context.store.own();
    if args.check || args.dry_run {
        return plan(&context, store, args);
    }
    let mode = Mode::of(args);
    let rewritten = mode.run(store, context.now)?;
    if context.json {
        let backup = rewritten.backup.as_ref().map(|path| path.display().to_string());
        output::print_json(&answer(&context, &rewritten.report, backup.is_some(), backup))?;
        return Ok(ExitCode::SUCCESS);
    }
    let said = match &rewritten.backup {
        None => format!("nothing to move: the store {}\n", mode.done_before()),
        Some(backup) => format!(
            "{} {}\nbackup: {} (it holds secrets; remove it once all is well)\n",
            mode.done(),
            printable(&context.path().display().to_string()),
            printable(&backup.display().to_string())
        ),
    };
    output::print(&said)?;
    Ok(ExitCode::SUCCESS)
}

/// What becomes of the store.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Migrate,
    RollBack,
    StartProjecting,
    StopProjecting,
}

impl Mode {
    fn of(args: &MigrateArgs) -> Self {
        match args {
            MigrateArgs { rollback: true, .. } => Self::RollBack,
            MigrateArgs { beside_hermes: true, .. } => Self::StartProjecting,
            MigrateArgs { no_beside_hermes: true, .. } => Self::StopProjecting,
            _ => Self::Migrate,
        }
    }

    fn run(self, store: &FileStore, now: DateTime<Utc>) -> Result<Rewritten, StoreError> {
        match self {
            Self::Migrate => store.migrate(now),
            Self::RollBack => store.rollback(now),
            Self::StartProjecting => store.start_projecting(now),
            Self::StopProjecting => store.stop_projecting(now),
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Migrate => "migrated",
            Self::RollBack => "rolled back",
            Self::StartProjecting => "migrated, and from now on shown in the entries too:",
            Self::StopProjecting => "migrated, and no longer shown in the entries:",
        }
    }

    fn done_before(self) -> &'static str {
        match self {
            Self::Migrate => "is migrated",
            Self::RollBack => "is rolled back",
            Self::StartProjecting => "is migrated, and shown in the entries too",
            Self::StopProjecting => "is migrated, and not shown in the entries",
        }
    }
}

fn plan(context: &Context, store: &FileStore, args: &MigrateArgs) -> Result<ExitCode, CommandError> {
    let report = store.plan_migration(context.now)?;
    if context.json {
        output::print_json(&answer(context, &report, false, None))?;
    } else {
        output::print(&if args.check { verdict(&report) } else { diff(&report) })?;
    }
    let code = if args.check && report.is_needed() { exit::MIGRATION_NEEDED } else { exit::DONE };
    Ok(ExitCode::from(code))
}

fn answer(context: &Context, report: &Report, written: bool, backup: Option<String>) -> Answer {
    let moved = |step: &Step| Moved {
        provider: step.provider.to_string(),
        credential: step.id.to_string(),
        label: step.label.clone(),
    };
    Answer {
        version: JSON_VERSION,
        store: context.path().display().to_string(),
        needed: report.is_needed() && !written,
        written,
        backup,
        moved: report.steps().iter().map(moved).collect(),
    }
}

fn verdict(report: &Report) -> String {
    match (report.steps().len(), report.was_rolled_back()) {
        (_, true) => "migration needed: the store was rolled back\n".to_owned(),
        (0, false) => "nothing to move\n".to_owned(),
        (1, false) if report.is_projected() => {
            "migration needed: 1 entry says something else than its record\n".to_owned()
        }
        (count, false) if report.is_projected() => {
            format!("migration needed: {count} entries say something else than their records\n")
        }
        (1, false) => "migration needed: 1 entry has inline fields that say something\n".to_owned(),
        (count, false) => {
            format!("migration needed: {count} entries have inline fields that say something\n")
        }
    }
}

/// What leaves each entry, and what its record becomes.
fn diff(report: &Report) -> String {
    let mut text = String::new();
    for step in report.steps() {
        let (provider, id) = (printable(step.provider.as_str()), printable(step.id.as_str()));
        text += &format!("{TITLE}{provider} {id}{TITLE:#} ({})\n", printable(&step.label));
        text += &format!("  credential_pool.{provider}\n");
        for (name, raw) in step.removed.iter().filter(|field| !step.shown.contains(field)) {
            text += &format!("{GOES}    - {name}: {}{GOES:#}\n", shown(step, raw));
        }
        for (name, raw) in step.shown.iter().filter(|field| !step.removed.contains(field)) {
            text += &format!("{COMES}    + {name}: {}{COMES:#}\n", shown(step, raw));
        }
        let record = record_diff(step);
        if !record.is_empty() {
            text += &format!("  credential_pool_runtime.{provider}.{id}\n{record}");
        }
    }
    match (report.steps().len(), report.was_rolled_back()) {
        (0, false) => text += "nothing to move\n",
        (count, was_rolled_back) => {
            let hidden = if was_rolled_back { ", and the hidden records come back" } else { "" };
            let noun = if count == 1 { "entry" } else { "entries" };
            text += &format!("\n{count} {noun} would change{hidden}; nothing was written\n");
        }
    }
    text
}

fn record_diff(step: &Step) -> String {
    let (before, after) = (fields(step, step.before.as_ref()), fields(step, step.after.as_ref()));
    let mut text = String::new();
    for field in before.iter().filter(|field| !after.contains(field)) {
        text += &format!("{GOES}    - {field}{GOES:#}\n");
    }
    for field in after.iter().filter(|field| !before.contains(field)) {
        text += &format!("{COMES}    + {field}{COMES:#}\n");
    }
    text
}

fn fields(step: &Step, record: Option<&Raw>) -> Vec<String> {
    let object = record.and_then(Object::read);
    let members = object.iter().flat_map(Object::members);
    members
        .map(|(name, raw)| {
            format!("{}: {}", printable(&name.to_text().unwrap_or_default()), shown(step, raw))
        })
        .collect()
}

/// A value on one line, without secrets: upstream's words may echo one.
fn shown(step: &Step, raw: &Raw) -> String {
    let masked = step.show(raw);
    let one_line: Vec<&str> = masked.lines().map(str::trim).collect();
    printable(&one_line.join(" "))
}
