//! The skills that a worker is started with: Hermes finds them by folder or by the name that they give themselves, at any depth, and
//! refuses one that it finds twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use pool_core::{quoted, quoted_path};
use pool_store::read_short;

use super::Examination;
use super::check::{Check, Checked};

/// What makes a folder a skill.
const SKILL: &str = "SKILL.md";

/// Folders in which no skill is looked for.
const NOT_SKILLS: [&str; 14] = [
    ".git",
    ".github",
    ".hub",
    ".archive",
    ".venv",
    "venv",
    "node_modules",
    "site-packages",
    "__pycache__",
    ".tox",
    ".nox",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
];

/// Folders of a skill that hold what belongs to it.
const PARTS_OF_A_SKILL: [&str; 4] = ["references", "templates", "assets", "scripts"];

/// A skill is text. Its name stands in the first lines.
const LONGEST_SKILL: u64 = 1024 * 1024;

/// Whether those that are asked for are installed.
pub(super) fn check(of: &Examination<'_>) -> Option<Check> {
    let asked = &of.needs.skills;
    if asked.is_empty() {
        return None;
    }
    let folder = of.home.folder.join("skills");
    let installed = Installed::under(&folder);
    let name = Checked::Skills;
    for skill in asked {
        match installed.found(skill).as_slice() {
            [_] => {}
            [] => return Some(missing(of, &folder, skill)),
            [one, other, ..] => {
                let found = format!("`{skill}` is there twice: {} and {}", one.display(), other.display());
                return Some(
                    Check::broken(name, found)
                        .next(format!("take one of them away: `rm -r {}`", quoted_path(other))),
                );
            }
        }
    }
    Some(Check::ok(name, format!("installed under {}: {}", folder.display(), asked.join(", "))))
}

/// What brings it back depends on where it went.
fn missing(of: &Examination<'_>, folder: &Path, skill: &str) -> Check {
    let name = Checked::Skills;
    let hermes = format!("hermes -p {} skills", quoted(&of.home.name));
    let shown = folder.display();
    if is_plugin_or_elsewhere(of, skill) {
        return Check::note(
            name,
            format!("`{skill}` is not under {shown}; a plugin or another folder may have it"),
        )
        .next(format!("see whether it is there: `{hermes} list`"));
    }
    let bundled = read(&folder.join(".bundled_manifest"));
    if bundled.lines().any(|line| line.split(':').next() == Some(skill)) {
        return Check::broken(name, format!("`{skill}` came with Hermes, and was removed from {shown}"))
            .next(format!("bring it back: `{hermes} reset {} --restore`", quoted(skill)));
    }
    if of.home.folder.join(".no-bundled-skills").exists() {
        return Check::broken(
            name,
            format!("`{skill}` is not under {shown}, and skills that come with Hermes are kept out"),
        )
        .next(format!("let them in if it is one: `{hermes} opt-in --sync`"));
    }
    Check::broken(name, format!("`{skill}` is not under {shown}"))
        .next(format!("install it: `{hermes} install {}`", quoted(skill)))
}

/// Whether Hermes may find it where nobody looked here.
fn is_plugin_or_elsewhere(of: &Examination<'_>, skill: &str) -> bool {
    skill.contains(':') || read(&of.home.folder.join("config.yaml")).contains("external_dirs:")
}

fn read(path: &Path) -> String {
    let bytes = read_short(path, LONGEST_SKILL).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The skills under a folder.
struct Installed {
    root: PathBuf,
    /// The folders that are skills, and the name that each gives itself.
    skills: Vec<(PathBuf, Option<String>)>,
    /// Older skills, each a file.
    pages: Vec<PathBuf>,
    /// The folders that were looked through: links may lead in circles.
    seen: BTreeSet<PathBuf>,
}

impl Installed {
    fn under(root: &Path) -> Self {
        let root = root.to_owned();
        let mut installed = Self { root, skills: Vec::new(), pages: Vec::new(), seen: BTreeSet::new() };
        installed.walk(&installed.root.clone());
        installed
    }

    fn walk(&mut self, folder: &Path) {
        let is_new = folder.canonicalize().is_ok_and(|real| self.seen.insert(real));
        if !is_new {
            return;
        }
        let is_skill = folder.join(SKILL).is_file();
        if is_skill {
            self.skills.push((folder.to_owned(), own_name(&read(&folder.join(SKILL)))));
        }
        let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let is_part = NOT_SKILLS.contains(&name) || (is_skill && PARTS_OF_A_SKILL.contains(&name));
            if path.is_dir() {
                if !is_part {
                    self.walk(&path);
                }
            } else if name != SKILL && path.extension().is_some_and(|kind| kind == "md") {
                self.pages.push(path);
            }
        }
    }

    /// Where a skill is, each place once.
    fn found(&self, asked: &str) -> Vec<PathBuf> {
        // Hermes follows no name out of its folder.
        let is_name = Path::new(asked).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_name {
            return Vec::new();
        }
        let direct = self.root.join(asked.replacen(':', "/", 1));
        let page = direct.with_added_extension("md");
        let by_path = [&direct].into_iter().filter(|folder| folder.join(SKILL).is_file());
        let is_meant = |(folder, own): &&(PathBuf, Option<String>)| {
            folder.file_name().is_some_and(|name| name == asked) || own.as_deref() == Some(asked)
        };
        let skills = self.skills.iter().filter(is_meant).map(|(folder, _)| folder);
        let is_page = |path: &&PathBuf| **path == page || path.file_stem().is_some_and(|name| name == asked);
        let pages = self.pages.iter().filter(is_page);
        let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        let places: BTreeSet<PathBuf> = by_path.chain(skills).chain(pages).map(real).collect();
        places.into_iter().collect()
    }
}

/// `name:` in the lines between the first two `---`.
fn own_name(text: &str) -> Option<String> {
    let mut lines = text.lines();
    if lines.next()?.trim() != "---" {
        return None;
    }
    let mut head = lines.take_while(|line| line.trim() != "---");
    let value = head.find_map(|line| line.strip_prefix("name:"))?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::preflight::CheckState;
    use crate::testing::World;

    fn skill(world: &World, path: &str, name: &str) {
        world.write(
            &format!("{path}/SKILL.md"),
            &format!("---\ndescription: x\nname: {name}\n---\nname: other\n"),
        );
    }

    /// As `skill_view` of Hermes 0.19 finds them.
    #[test]
    fn a_skill_is_found_as_hermes_finds_it() {
        let world = World::new();
        skill(&world, "s/research/web", "web-search");
        skill(&world, "s/top", "top");
        skill(&world, "s/a/dup", "dup");
        skill(&world, "s/b/dup", "dup2");
        skill(&world, "s/top/references/old", "old");
        skill(&world, "s/.archive/gone", "gone");
        skill(&world, "s/q", "\"in quotes\"");
        world.write("s/noname/SKILL.md", "no head");
        world.write("s/pages/flat.md", "# flat");
        world.write("s/top/notes.md", "# notes");
        world.link("s/linked", world.path("elsewhere"));
        skill(&world, "elsewhere/far", "far");
        world.link("s/circle", world.path("s"));
        let installed = Installed::under(&world.path("s"));
        let cases = [
            ("web", 1),
            ("web-search", 1),
            ("research/web", 1),
            ("research:web", 1),
            ("top", 1),
            ("dup", 2),
            ("dup2", 1),
            ("a/dup", 1),
            ("old", 0),
            ("gone", 0),
            ("flat", 1),
            ("pages/flat", 1),
            ("notes", 1),
            ("in quotes", 1),
            ("noname", 1),
            ("far", 1),
            ("other", 0),
            ("SKILL", 0),
            ("TOP", 0),
            ("../s/top", 0),
        ];
        for (asked, expected) in cases {
            assert_eq!(installed.found(asked).len(), expected, "{asked}");
        }
    }

    #[test]
    fn what_is_missing_comes_back_by_where_it_went() {
        let folder = ".hermes/profiles/writer";
        let cases = [
            ("nothing", "", CheckState::Broken, "hermes -p writer skills install web"),
            ("skills/.bundled_manifest", "web:0f\n", CheckState::Broken, "skills reset web --restore"),
            (".no-bundled-skills", "", CheckState::Broken, "skills opt-in --sync"),
            ("config.yaml", "skills:\n  external_dirs: [/srv]\n", CheckState::Note, "skills list"),
            ("skills/web/SKILL.md", "", CheckState::Ok, ""),
        ];
        for (name, text, state, next) in cases {
            let mut world = World::new();
            world.profile(|profile| profile.skills = vec!["web".to_owned()]);
            world.write(&format!("{folder}/{name}"), text);
            let check = world.check(Checked::Skills);
            assert_eq!(check.state, state, "{name}: {check:?}");
            assert!(check.instruction.unwrap_or_default().contains(next), "{name}");
        }
        let mut world = World::new();
        world.profile(|profile| profile.skills = vec!["plugin:web".to_owned()]);
        assert_eq!(world.check(Checked::Skills).state, CheckState::Note);
    }

    #[test]
    fn one_that_is_there_twice_is_refused() {
        let mut world = World::new();
        world.profile(|profile| profile.skills = vec!["web".to_owned()]);
        skill(&world, ".hermes/profiles/writer/skills/a/web", "web");
        skill(&world, ".hermes/profiles/writer/skills/b/other", "web");
        let check = world.check(Checked::Skills);
        assert_eq!(check.state, CheckState::Broken);
        assert!(check.found.contains("is there twice"), "{}", check.found);
    }
}
