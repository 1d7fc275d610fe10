//! The rules of acceptance: what a task has left, in and what is missing, out.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::artifacts::{Artifacts, Look, Search};
use super::document::{self, Block};
use super::{Acceptance, Cell, Fault, Finding, Format, Matrix, Part, coverage};
use crate::journal::PageKind;
use crate::settings::{Deliverable, Rule};

pub(super) fn accept(rule: &Rule, artifacts: &Artifacts, since: DateTime<Utc>) -> Acceptance {
    let mut acceptance = Acceptance {
        rule: rule.name.clone(),
        workspace: artifacts.workspace.clone(),
        findings: Vec::new(),
        matrices: Vec::new(),
        evidence: Vec::new(),
        delivered: Vec::new(),
    };
    for (pattern, search) in rule.evidence.iter().zip(&artifacts.evidence) {
        acceptance.take_evidence(pattern, search);
    }
    // Where no state tells that it is this task's work, the deliverables themselves must.
    let made_since = rule.state.is_empty().then_some(since);
    for (deliverable, look) in rule.deliverables.iter().zip(&artifacts.deliverables) {
        acceptance.take_file(Part::Deliverable, deliverable, look, made_since);
    }
    for (deliverable, look) in rule.state.iter().zip(&artifacts.state) {
        acceptance.take_file(Part::State, deliverable, look, Some(since));
    }
    acceptance
}

impl Acceptance {
    fn take_evidence(&mut self, pattern: &str, search: &Search) {
        let is_full = |head: &Option<Vec<u8>>| head.as_ref().is_some_and(|head| !is_blank(head));
        let full = search.files.iter().filter(|(_, head)| is_full(head)).map(|(path, _)| path);
        let full: Vec<PathBuf> = full.filter(|path| !self.evidence.contains(path)).cloned().collect();
        let has_some = search.files.iter().any(|(_, head)| is_full(head));
        self.evidence.extend(full);
        if has_some {
            return;
        }
        let fault = match search {
            Search { leads_out: true, .. } => Fault::Outside,
            Search { is_there: false, .. } => Fault::Missing,
            Search { files, .. } if files.iter().any(|(_, head)| head.is_none()) => Fault::Unreadable,
            Search { .. } => Fault::Empty,
        };
        self.findings.push(Finding {
            part: Part::Evidence,
            fault,
            path: pattern.to_owned(),
            cell: None,
            make: None,
        });
    }

    fn take_file(&mut self, part: Part, wanted: &Deliverable, look: &Look, since: Option<DateTime<Utc>>) {
        let document = document_of(&wanted.path, look);
        let matrix = coverage::matrix(wanted, document.as_deref().ok());
        let mut faults: Vec<(Fault, Option<Cell>)> = Vec::new();
        match &document {
            Err(fault) => faults.push((*fault, None)),
            Ok(_) => {
                let is_old = since.is_some_and(|since| modified(look) < Some(since.timestamp()));
                faults.extend(is_old.then_some((Fault::NotUpdated, None)));
                let cells = matrix.iter().flat_map(uncovered);
                faults.extend(cells.map(|cell| (Fault::NotCovered, Some(cell))));
            }
        }
        self.matrices.extend(matrix);
        if faults.is_empty() {
            self.delivered.push(PathBuf::from(&wanted.path));
        }
        let finding = |(fault, cell)| Finding {
            part,
            fault,
            path: wanted.path.clone(),
            cell,
            // It would be made out there.
            make: wanted.make.clone().filter(|_| fault != Fault::Outside),
        };
        self.findings.extend(faults.into_iter().map(finding));
    }
}

fn modified(look: &Look) -> Option<i64> {
    match look {
        Look::File { modified, .. } => Some(modified.timestamp()),
        Look::Missing | Look::Outside | Look::Unreadable => None,
    }
}

/// What a file says, or why it says nothing. A file that is not read for what it says has no blocks, and is as good.
fn document_of(path: &str, look: &Look) -> Result<Vec<Block>, Fault> {
    let (bytes, is_whole) = match look {
        Look::Missing => return Err(Fault::Missing),
        Look::Outside => return Err(Fault::Outside),
        Look::Unreadable => return Err(Fault::Unreadable),
        Look::File { bytes, is_whole, .. } => (bytes, *is_whole),
    };
    if is_whole && is_blank(bytes) {
        return Err(Fault::Empty);
    }
    let Some(format) = Format::of(path) else {
        return Ok(Vec::new());
    };
    let page = if format == Format::Html { PageKind::Html } else { PageKind::Markdown };
    let others = page.of_others(bytes);
    let text = std::str::from_utf8(&others).ok().filter(|_| is_whole).ok_or(Fault::Unreadable)?;
    let blocks = format.read(text).ok_or(Fault::Unreadable)?;
    match document::has_content(&blocks) {
        true => Ok(blocks),
        false if others.len() < bytes.len() => Err(Fault::OnlyJournal),
        false if blocks.is_empty() => Err(Fault::Empty),
        false => Err(Fault::OnlyHeadings),
    }
}

fn uncovered(matrix: &Matrix) -> impl Iterator<Item = Cell> {
    let row = |(subject, covered): (&String, &Vec<bool>)| {
        let cell = |column: usize| Cell {
            subject: subject.clone(),
            dimension: matrix.dimensions.get(column).cloned(),
        };
        covered
            .iter()
            .enumerate()
            .filter(|(_, covered)| !**covered)
            .map(|(column, _)| cell(column))
            .collect::<Vec<Cell>>()
    };
    matrix.subjects.iter().zip(&matrix.covered).flat_map(row)
}

/// Whether there is nothing in it: white space, or JSON that holds nothing.
fn is_blank(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let said: Vec<u8> = text.iter().filter(|byte| !is_space(byte)).take(5).copied().collect();
    matches!(said.as_slice(), b"" | b"{}" | b"[]" | b"null" | b"\"\"")
}
