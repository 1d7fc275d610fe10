//! The programs that a worker needs.

use std::path::Path;

use super::Examination;
use super::check::{Check, Checked};
use crate::programs::find;

/// Whether they are all on the path.
pub(super) fn check(of: &Examination<'_>) -> Check {
    let (settings, name) = (of.settings, Checked::Programs);
    let codex = of.needs_codex().then_some(settings.codex.as_path());
    let named = of.needs.binaries.iter().map(Path::new);
    let needed = [settings.hermes.as_path()].into_iter().chain(named.clone()).chain(codex);
    let (here, missing): (Vec<&Path>, Vec<&Path>) =
        needed.partition(|program| find(program, of.around.path.as_deref()).is_some());
    let Some(first) = missing.first() else {
        return Check::ok(name, format!("on the PATH: {}", list(&here)));
    };
    let found = format!("not on the PATH: {}", list(&missing));
    // Where Hermes has a login of its own, and nobody named it, nothing hangs on the Codex CLI.
    let is_spare = |program: &Path| Some(program) == codex && !named.clone().any(|named| named == program);
    let could_start = of.hermes_has_a_login() && missing.iter().all(|program| is_spare(program));
    let check = if could_start { Check::note(name, found) } else { Check::broken(name, found) };
    check.next(how_to_install(of, first))
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
