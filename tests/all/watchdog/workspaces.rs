//! A scratch workspace goes away when its task is completed: nothing in it may be lost.

use super::Watched;

const WRITES: &str = "mkdir -p \"$workspace/raw/deep\"; echo '{}' > \"$workspace/raw/deep/prices.json\"\n\
    printf '# Note\\n\\nFound.\\n' > \"$workspace/note.md\"; echo I think that is it.";

/// A task whose worker wrote all into a workspace that is deleted with it.
fn in_scratch(watched: &Watched) -> String {
    let task = watched.board.create("Note in scratch", &["--max-retries", "1"]);
    watched.board.workers_of(&task, WRITES);
    watched.until_given_up(&task);
    assert!(watched.path(&format!(".hermes/kanban/workspaces/{task}/note.md")).exists());
    task
}

#[test]
fn a_scratch_workspace_is_kept_before_it_goes() {
    let Some(watched) = Watched::start() else { return };
    let task = in_scratch(&watched);
    // A board that does not do it leaves the workspace where it is, and so no copy of it.
    watched.settle("hermes = \"true\"\n", "backoff = \"1s\"");
    watched.round();
    assert_eq!(watched.actions(&task), ["!complete"]);
    assert_eq!(std::fs::read_dir(watched.path("watch/state/saved")).unwrap().count(), 0);
    watched.settle("", "backoff = \"1s\"");
    watched.rounds_until(&task, "done");
    let said = watched.page("watchdog.jsonl");
    assert_eq!(watched.board.status(&task), "done", "{said}");
    assert!(!watched.path(&format!(".hermes/kanban/workspaces/{task}")).exists(), "the board deletes it");
    let saved: Vec<_> = std::fs::read_dir(watched.path("watch/state/saved")).unwrap().collect();
    assert_eq!(saved.len(), 1, "{saved:?}");
    let saved = saved.into_iter().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read_to_string(saved.join("note.md")).unwrap(), "# Note\n\nFound.\n");
    assert_eq!(std::fs::read_to_string(saved.join("raw/deep/prices.json")).unwrap(), "{}\n");
    assert!(said.contains(&saved.display().to_string()), "{said}");
}

#[test]
fn what_is_too_long_to_keep_is_not_completed() {
    let Some(watched) = Watched::start_with("", "backoff = \"1s\"\nlongest_copy = \"10 B\"") else { return };
    let task = in_scratch(&watched);
    let said = watched.round();
    assert_eq!(
        (watched.board.status(&task).as_str(), watched.actions(&task)),
        ("blocked", vec!["!complete".to_owned()])
    );
    assert!(said.contains("longest_copy"), "{said}");
    assert!(watched.path(&format!(".hermes/kanban/workspaces/{task}/note.md")).exists());
    assert!(watched.page("PROJECT_STATE.md").contains("longest_copy"));
    // What was in the way is taken out of it.
    watched.settle("", "backoff = \"1s\"");
    watched.rounds_until(&task, "done");
}
