use std::path::Path;

use anstyle::{AnsiColor, Style};
use pool_core::Provider;
use pool_store::{Finding, Severity};

use crate::render::{Shell, printable};

const TITLE: Style = Style::new().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default();

/// What was found, for people: of the store first, then a block for each provider, the worst first.
pub(crate) fn findings(findings: &[Finding], store: &Path, shell: &Shell) -> String {
    let store = printable(&store.display().to_string());
    let mut owners: Vec<Option<&Provider>> =
        findings.iter().map(|finding| finding.provider.as_ref()).collect();
    owners.sort();
    owners.dedup();
    let mut text = String::new();
    for owner in owners {
        let title = owner.map_or_else(|| store.clone(), |provider| printable(provider.as_str()));
        text += &format!("{TITLE}{title}{TITLE:#}\n");
        let mut of: Vec<&Finding> =
            findings.iter().filter(|finding| finding.provider.as_ref() == owner).collect();
        of.sort_by_key(|finding| finding.problem.severity());
        text.extend(of.into_iter().map(|finding| paragraph(finding, shell)));
        text += "\n";
    }
    text + &summary(findings, &store)
}

/// A finding, and what mends it beneath.
fn paragraph(finding: &Finding, shell: &Shell) -> String {
    let severity = finding.problem.severity();
    let style = match severity {
        Severity::Error => ERROR,
        Severity::Warning => WARNING,
        Severity::Note => NOTE,
    };
    let place = finding.position.map(|place| format!(" (line {}, column {})", place.line, place.column));
    // An error of the text says its place itself.
    let place = place.filter(|_| finding.problem != pool_store::Problem::Corrupt).unwrap_or_default();
    let mut text = format!("  {style}{}:{style:#} {}{place}\n", severity.as_str(), printable(&finding.what));
    for mend in &finding.mends {
        let command = mend.remedy.as_ref().map(|remedy| format!(": `{}`", shell.command(remedy)));
        text += &format!("    {}\n", printable(&(mend.advice.clone() + &command.unwrap_or_default())));
    }
    text
}

fn summary(findings: &[Finding], store: &str) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.problem.severity() == severity).count();
    let counted = |severity: Severity| match count(severity) {
        0 => None,
        1 => Some(format!("1 {}", severity.as_str())),
        several => Some(format!("{several} {}s", severity.as_str())),
    };
    if count(Severity::Error) + count(Severity::Warning) == 0 {
        return format!("nothing is wrong with {store}\n");
    }
    let counts = [Severity::Error, Severity::Warning, Severity::Note].into_iter().filter_map(counted);
    format!("{}\n", counts.collect::<Vec<_>>().join(", "))
}
