use std::path::Path;

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, Utc};
use comfy_table::{CellAlignment, Table, presets};
use pool_core::{AuthType, Credential, CredentialId, Pool, Record, Standing};

use crate::render::{Shell, Word, counted, cut, left, printable, revival, standing, strikes};

const TITLE: Style = Style::new().bold();
const DEAD: Style = AnsiColor::Red.on_default().bold();
const RESTING: Style = AnsiColor::Yellow.on_default();
const UNUSABLE: Style = Style::new().dimmed();

/// A pool to look at.
pub(crate) struct Look<'a> {
    pub(crate) pool: &'a Pool,
    /// The one that would be picked.
    pub(crate) next: Option<CredentialId>,
    /// The root store, where it lends this pool.
    pub(crate) root: Option<&'a Path>,
}

/// The pools as people look at them: a table each, with the one that would be picked marked, and what to do about the dead.
pub(crate) fn list<'a>(looks: impl Iterator<Item = Look<'a>>, shell: &Shell, now: DateTime<Utc>) -> String {
    let blocks: Vec<String> = looks.map(|look| block(&look, shell, now)).collect();
    blocks.join("\n")
}

fn block(look: &Look<'_>, shell: &Shell, now: DateTime<Utc>) -> String {
    let (pool, next) = (look.pool, look.next.as_ref());
    let count = pool.credentials().len();
    let noun = if count == 1 { "credential" } else { "credentials" };
    let lent = look.root.map(|root| format!(", lent by {}", printable(&root.display().to_string())));
    let mut text = format!(
        "{TITLE}{}{TITLE:#} ({count} {noun}{})\n",
        printable(pool.provider().as_str()),
        lent.unwrap_or_default()
    );
    let rows: Vec<(&Credential, Standing)> = pool.standings(now).collect();
    for (line, (_, how)) in table(pool, &rows, next, now).lines().zip(header_and(&rows)) {
        let style = how.map_or(UNUSABLE, style);
        text += &format!("{style}{}{style:#}\n", line.trim_end());
    }
    for (credential, how) in &rows {
        for advice in advice(look, shell, credential, how, now) {
            text += &format!("  {advice}\n");
        }
        for (model, how) in pool.models_out(credential, now) {
            let (id, how) = (printable(credential.id.as_str()), standing(&how, &credential.source, now));
            text += &format!("  {id} for {}: {how}\n", cut(model));
        }
    }
    text
}

/// Each line of a table with what stands on it: first the header, which has no standing.
fn header_and<'a>(rows: &'a [(&Credential, Standing)]) -> impl Iterator<Item = ((), Option<&'a Standing>)> {
    std::iter::once(((), None)).chain(rows.iter().map(|(_, how)| ((), Some(how))))
}

fn table(
    pool: &Pool,
    rows: &[(&Credential, Standing)],
    next: Option<&CredentialId>,
    now: DateTime<Utc>,
) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["", "#", "id", "label", "type", "source", "status", "uses"]);
    for (number, (credential, how)) in (1..).zip(rows) {
        let is_next = next == Some(&credential.id) && *how == Standing::Ready;
        table.add_row([
            (if is_next { "→" } else { "" }).to_owned(),
            number.to_string(),
            cut(credential.id.as_str()),
            cut(&credential.label),
            cut(credential.auth_type.as_str()),
            cut(credential.source.as_str()),
            status(pool, credential, how, now),
            uses(pool.record(&credential.id)),
        ]);
    }
    for column in [1, 7] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn status(pool: &Pool, credential: &Credential, how: &Standing, now: DateTime<Utc>) -> String {
    let status = standing(how, &credential.source, now);
    match strikes(pool, credential) {
        Some(strikes) => format!("{status}, {}", counted(strikes)),
        None => status,
    }
}

fn uses(record: Option<&Record>) -> String {
    record.map_or(0, |record| record.usage.request_count).to_string()
}

fn style(how: &Standing) -> Style {
    match how {
        Standing::Ready => Style::new(),
        Standing::Resting { .. } => RESTING,
        Standing::Dead { .. } => DEAD,
        _ => UNUSABLE,
    }
}

/// What a person should know or do about one credential.
fn advice(
    look: &Look<'_>,
    shell: &Shell,
    credential: &Credential,
    how: &Standing,
    now: DateTime<Utc>,
) -> Vec<String> {
    let (provider, id) = (look.pool.provider(), printable(credential.id.as_str()));
    // What is lent is mended where it is.
    let there = look.root.map(|root| Shell::of(Some(root)));
    let shell = there.as_ref().unwrap_or(shell);
    let mut advice = Vec::new();
    if let Standing::Dead { since, .. } = how {
        let since = since.map(|since| format!(" for {}", left(now - since))).unwrap_or_default();
        let cure = match credential.auth_type {
            AuthType::OAuth if credential.owns_its_secret() => revival(shell, provider, &credential.id),
            AuthType::OAuth => {
                "log in again where it comes from, and its new token brings it back".to_owned()
            }
            _ => format!(
                "its key will not work again: `{}` takes the new one",
                shell.pool("add", &[Word::Name(provider.as_str())])
            ),
        };
        let (cure, remove) = (printable(&cure), printable(&shell.remove(provider, credential.id.as_str())));
        advice.push(format!("{id} is dead{since}: {cure}; or `{remove}`"));
    } else if let Some(ended_at) = credential.token_ends_at().filter(|ends_at| *ends_at <= now) {
        advice.push(format!(
            "{id}: its access token ended {} ago, so its next use needs a refresh",
            left(now - ended_at)
        ));
    }
    advice
}
