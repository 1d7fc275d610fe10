//! A finding in a sentence: where, what, and what to do.

use std::fmt;

use pool_core::quoted_command;

use super::{Cell, Fault, Finding, Part};

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.path)?;
        match &self.cell {
            Some(Cell { subject, dimension: Some(dimension) }) => {
                write!(formatter, "nothing on \"{dimension}\" of \"{subject}\"")?;
            }
            Some(Cell { subject, dimension: None }) => write!(formatter, "nothing on \"{subject}\"")?,
            None => formatter.write_str(self.says())?,
        }
        match &self.make {
            Some(make) => write!(formatter, "; `{}` makes it", quoted_command(make)),
            None => write!(formatter, "; {}", self.next()),
        }
    }
}

impl Finding {
    fn says(&self) -> &'static str {
        match self.fault {
            Fault::Missing => "no file",
            Fault::Empty => "nothing in it",
            Fault::OnlyHeadings => "nothing but headings and placeholders",
            Fault::Unreadable if self.part == Part::Evidence => "cannot be read",
            Fault::Unreadable => {
                "cannot be read: no file, no UTF-8 text, longer than 16 MiB, or nested too deep"
            }
            Fault::NotUpdated => "not updated since the task began",
            Fault::OnlyJournal => "nothing but the watchdog's own journal",
            Fault::NotCovered => "does not cover all that is asked for",
            Fault::Outside => "leads out of the workspace, or nowhere",
        }
    }

    fn next(&self) -> &'static str {
        match (self.part, self.fault) {
            (_, Fault::Outside) => "put the file itself into the workspace",
            (Part::Evidence, Fault::Unreadable) => "let the watchdog read it",
            (Part::Evidence, _) => "collect it",
            (Part::State, _) => "say in it how the project stands",
            (Part::Deliverable, Fault::Unreadable) => "write it again",
            (Part::Deliverable, Fault::OnlyHeadings) => "write what belongs there",
            (Part::Deliverable, _) => "write it",
        }
    }
}
