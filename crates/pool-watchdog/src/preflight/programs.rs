//! The programs that a worker needs.

use std::path::Path;

use super::Examination;
use super::check::{Check, Checked};
use crate::programs::find;

/// Whether they are all on the path.
pub(super) fn check(of: &Examination<'_>) -> Check {
    let name = Checked::Programs;
    let is_here = |program: &&Path| find(program, of.around.path.as_deref()).is_some();
    let needed = [of.settings.hermes.as_path()].into_iter().chain(of.needs.binaries.iter().map(Path::new));
    let (here, missing): (Vec<&Path>, Vec<&Path>) = needed.partition(is_here);
    if let Some(first) = missing.first() {
        return Check::broken(name, format!("not on the PATH: {}", list(&missing)))
            .next(how_to_install(of, first));
    }
    let codex = of.settings.codex.as_path();
    if !of.needs_codex() || is_here(&codex) {
        let codex = of.needs_codex().then_some(codex);
        let here: Vec<&Path> = here.into_iter().chain(codex).collect();
        return Check::ok(name, format!("on the PATH: {}", list(&here)));
    }
    let found = format!("not on the PATH: {}", list(&[codex]));
    let check = if of.hermes_has_a_login() { Check::note(name, found) } else { Check::broken(name, found) };
    check.next(how_to_install(of, codex))
}

fn how_to_install(of: &Examination<'_>, program: &Path) -> String {
    match program {
        _ if program == of.settings.codex => "install it: `npm install --global @openai/codex`".to_owned(),
        _ if program == of.settings.hermes => "install it: `pip install hermes-agent`".to_owned(),
        _ => format!("install {}, or extend the PATH", program.display()),
    }
}

fn list(programs: &[&Path]) -> String {
    let names: Vec<String> = programs.iter().map(|program| program.display().to_string()).collect();
    names.join(", ")
}
